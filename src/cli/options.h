/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The command line of `watch`, `record`, `track` and `demo`, as data. Parsing only prints errors
 * and help. */
#ifndef WL_CLI_OPTIONS_H
#define WL_CLI_OPTIONS_H

#include "abi/config.h"
#include "live/marks.h"
#include "output/sink.h"

#define WL_EXIT_OK 0
#define WL_EXIT_FAILED 1
#define WL_EXIT_USAGE 2
#define WL_EXIT_UNSUPPORTED 3
#define WL_EXIT_SLOW 4

struct wl_options {
	struct wl_config config; /* what parsing alone can fill in; live/ adds the machine's part */
	const char *cgroups[WL_MAX_GROUPS]; /* --cgroup as given */
	const char *irqs[WL_MAX_IRQS];      /* --irq N|NAME as given */
	const char *users[WL_MAX_USERS];    /* -u as given */
	uint32_t ncgroups, nirqs, nusers;
	struct wl_mark_probe marks[WL_MARK_PROBES]; /* --begin, --end */
	uint32_t nmarks;
	bool until_given;
	double quantile;      /* --over p99.9: 0.999 */
	uint64_t duration_ns; /* 0: until Ctrl-C */
	bool json, quiet, fail_on_slow, lttng;
	unsigned verbose;
	enum wl_color color;
	char **command; /* after --, NULL terminated, or NULL */
	/* the flight recorder; config.ring_size 0: wl_options_default_ring() */
	const char *captures; /* directory; NULL: none are taken */
	const char *output;   /* record: directory to write */
	uint64_t post_ns;     /* recorded after a slow response's end */
	uint32_t keep;        /* captures per cause */
	uint64_t keep_size;   /* bytes of all captures */
	/* track; NULL: not given */
	const char *kind; /* or a file */
	const char *begin, *end, *key, *where, *by;
	uint32_t worst;     /* lines of the table of the worst */
	bool capture;       /* a slow one asks a running watch for a capture */
	char over_text[64]; /* how the threshold reads for people */
};

/*
 * Parses argv of a verb: argv[0] is "watch", "record", "track", or "demo", which is a watch without
 * captures. 0: go on; 1: help was printed, exit 0; -EINVAL: wrong usage, said on stderr.
 */
int wl_options_parse(struct wl_options *options, int argc, char **argv);

/* Bytes of each CPU's ring where none was asked for: 4 MiB, and less of it on many CPUs. */
uint64_t wl_options_default_ring(uint32_t ncpu);

/* Did anybody ask for some tasks only? */
bool wl_options_have_target(const struct wl_options *options);

/* "process or thread named 'memcached'", "every task": for people. */
void wl_options_describe_target(const struct wl_options *options, char *text, size_t size);

#endif
