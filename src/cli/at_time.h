/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A moment of a trace, as people write it: --at. Thread safe. */
#ifndef WL_CLI_AT_TIME_H
#define WL_CLI_AT_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct wl_at_time {
	bool given;
	bool wall;   /* local wall clock: ns since midnight; else the trace's own clock */
	uint64_t ns; /* whole day: 86,400 s; a leap second is the next one */
};

/* "81106449693881" (ns), "81106.449693881" (s), "19:41:07.123" (local). 0 or -EINVAL. */
int wl_at_time_parse(const char *text, struct wl_at_time *at);

/*
 * Onto the trace's clock, of which the window first to last is known; offset: to the wall clock.
 * The first day in the window on which it was that time. 0; -ERANGE: not in the window; -ENODATA:
 * the trace does not know the wall clock.
 */
int wl_at_time_resolve(const struct wl_at_time *at, uint64_t first, uint64_t last, int64_t offset,
		       uint64_t *ns);

#endif
