/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Takes captures while a session measures, in a thread of its own (SCHED_FIFO, else nice -20): of
 * slow responses that the kernel side has pinned, of unfinished ones that the measuring thread
 * finds, and on demand (the control socket).
 *
 *   kernel side           capturer's thread                          measuring thread
 *   slow: takes the pin
 *   sends the response    sees the pin, judges, waits for `post`
 *                         copies the rings (nothing is pinned)       is handed the response
 *                         writes, syncs, renames                     wl_capturer_attach(): waits
 *                         arms the pin again, a second later         prints it, with its capture
 *
 * Open, start, attach, stop, close are called by the measuring thread only. That thread never waits
 * for more than WL_CAPTURER_WAIT_NS.
 */
#ifndef WL_CAPTURE_CAPTURER_H
#define WL_CAPTURE_CAPTURER_H

#include "capture/retention.h"
#include "explain/report.h"
#include "live/session.h"

#define WL_CAPTURER_WAIT_NS 2000000000ull /* for one response's capture to be on the disk */

struct wl_capturer;

struct wl_capturer_options {
	const struct wl_session *session;  /* that records; open, not started; stays */
	const char *path;                  /* of the directory */
	const char *command_line, *target; /* for people; hostile; stay */
	const char *control;               /* directory of the socket */
	struct wl_retention retention;
	uint64_t post_ns; /* recorded after the end of a response; at most 1 s */
};

/* While there is one thread. 0 or -errno; what goes wrong is said. */
int wl_capturer_open(struct wl_capturer **capturer, const struct wl_capturer_options *options);
/* Once the session has started. 0 or -errno, said. */
int wl_capturer_start(struct wl_capturer *capturer);
/* Finishes the capture in hand, and ends the thread. Before the session is closed. */
void wl_capturer_stop(struct wl_capturer *capturer);
void wl_capturer_close(struct wl_capturer *capturer);

/* Where captures go, and what memory they are copied to. */
const char *wl_capturer_path(const struct wl_capturer *capturer);
uint64_t wl_capturer_memory(const struct wl_capturer *capturer);

/*
 * To be called for each report before it is shown. If it is captured: waits until the capture is on
 * the disk, sets report->capture (valid until the next call), and makes the report the same as that
 * in the capture's response.json. An unfinished response is captured now, if the rules allow it.
 */
void wl_capturer_attach(struct wl_capturer *capturer, struct wl_report *report);

/* What there is to be said since the last call, a line. false: nothing. */
bool wl_capturer_message(struct wl_capturer *capturer, char *text, size_t size);

struct wl_capturer_counts {
	uint64_t taken; /* of slow and unfinished responses */
	uint64_t on_demand;
	uint64_t late; /* reports that did not wait until their capture was done */
	uint64_t suppressed[WL_RULING_MAX]; /* reports without one, by reason */
};

void wl_capturer_count(struct wl_capturer *capturer, struct wl_capturer_counts *counts);

#endif
