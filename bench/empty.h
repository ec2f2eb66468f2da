/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The yardstick: programs of two instructions (return 0) on the tracepoints that a session uses.
 * Made from wl_probes[], so that they are always the same tracepoints.
 */
#ifndef WL_BENCH_EMPTY_H
#define WL_BENCH_EMPTY_H

#include "live/probes.h"

#define EMPTY_MAX 96

/* One program, as in wl_probes[]; fds are -1 where there is none. */
struct empty {
	int program, link;
};

/* Returns how many were attached. */
int empty_attach(struct empty empties[EMPTY_MAX], const struct wl_kernel *kernel,
		 const struct wl_config *config);
void empty_detach(struct empty empties[EMPTY_MAX]);

#endif
