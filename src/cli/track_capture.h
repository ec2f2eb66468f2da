/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Asks a running `whylate watch` for a capture, in a thread: the answer takes a while. One request
 * at a time, at most one a second.
 */
#ifndef WL_CLI_TRACK_CAPTURE_H
#define WL_CLI_TRACK_CAPTURE_H

#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct wl_track_capture {
	pthread_t thread;
	bool busy; /* there is a thread to be joined */
	bool done; /* atomic: it has ended */
	int ret;
	uint64_t id;   /* of the event that asked */
	uint64_t next; /* not before this time, CLOCK_MONOTONIC ns */
	uint64_t skipped;
	char text[PATH_MAX + 64]; /* path of the capture, or what was wrong */
};

/* False: nobody who could take one is there. */
bool wl_track_capture_possible(void);
/* Asks, unless that is too soon: then it is counted. */
void wl_track_capture_ask(struct wl_track_capture *c, uint64_t id, uint64_t now);
/* Has an answer come? Then c->ret, c->id and c->text are set. Waits for it if wait is true. */
bool wl_track_capture_answer(struct wl_track_capture *c, bool wait);

#endif
