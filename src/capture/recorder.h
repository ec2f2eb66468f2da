/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A recording: everything that a session records, streamed to a directory by a thread of its own
 * (SCHED_FIFO, else nice -20). What a killed process leaves can be read up to its last whole
 * packet:
 *
 *   kernel/       the trace
 *   tasks.json    the tasks at the recording's begin
 *   fds.json      open files of the target, if it is one process and system calls are recorded
 *   machine.json  written at the begin, and again at the end, with the end and the counts
 *
 * Functions return 0 or -errno. All but the thread's work happens in one thread.
 */
#ifndef WL_CAPTURE_RECORDER_H
#define WL_CAPTURE_RECORDER_H

#include "capture/stream.h"
#include "live/session.h"

struct wl_recorder;

struct wl_recorder_options {
	const struct wl_session *session;  /* open, not yet started; it records */
	int dirfd;                         /* an empty directory */
	const char *command_line, *target; /* for people; hostile */
	uint32_t pid;                      /* whose open files are told; 0: none */
};

/* Writes what is known at the begin. What options point to must stay. */
int wl_recorder_open(struct wl_recorder **recorder, const struct wl_recorder_options *options);
/* Without wl_recorder_stop(), as if the process had been killed. */
void wl_recorder_close(struct wl_recorder *recorder);

/* Starts the thread: before the session. */
int wl_recorder_start(struct wl_recorder *recorder);

/* How far it is. -errno: it could not write, and has stopped. */
int wl_recorder_progress(struct wl_recorder *recorder, struct wl_stream_progress *progress);

/*
 * Saves the rest and the counts; the session should have been stopped. The first error since the
 * begin.
 */
int wl_recorder_stop(struct wl_recorder *recorder);

/* Takes back what a recorder has made in a directory; it must have been closed. */
void wl_recorder_remove(int dirfd);

/* Once it was stopped. */
const struct wl_stream *wl_recorder_stream(const struct wl_recorder *recorder);

#endif
