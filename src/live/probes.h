/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The programs: which tracepoint each needs, when it is worth its cost, what is lost without it. */
#ifndef WL_LIVE_PROBES_H
#define WL_LIVE_PROBES_H

#include "live/kernel.h"

enum wl_probe_need {
	WL_PROBE_CORE,    /* nothing works without it */
	WL_PROBE_QUALITY, /* answers get coarser without it */
};

struct wl_probe {
	const char *program;    /* in the BPF object */
	const char *tracepoint; /* NULL: an iterator */
	enum wl_probe_need need;
	bool (*wanted)(const struct wl_config *config); /* NULL: always */
	const char *without;                            /* what its absence costs, for people */
};

extern const struct wl_probe wl_probes[];
extern const size_t wl_nprobes;

/* Should this program be loaded here, for this config? */
bool wl_probe_wanted(const struct wl_probe *probe, const struct wl_kernel *kernel,
		     const struct wl_config *config);

/* NULL, or the first tracepoint that nothing works without. */
const char *wl_probes_missing(const struct wl_kernel *kernel);

/* Does it matter what is received and sent? */
bool wl_probes_follow_sockets(const struct wl_config *config);

/* Can requests of busy threads be told apart (--until turn)? */
bool wl_probes_can_turn(const struct wl_kernel *kernel);
/* The same with what kernels before 6.3 have, for TCP only. */
bool wl_probes_can_turn_tcp(const struct wl_kernel *kernel);

#endif
