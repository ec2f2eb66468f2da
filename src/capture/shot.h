/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One capture's contents: the rings, copied; the tasks there are at that moment; the machine. Take,
 * then write. What taking needs is allocated at the start. One thread per shot.
 */
#ifndef WL_CAPTURE_SHOT_H
#define WL_CAPTURE_SHOT_H

#include "live/session.h"

struct wl_shot;

struct wl_shot_options {
	const struct wl_session *session;  /* one that records; stays */
	const char *command_line, *target; /* for people; hostile; stay */
	uint64_t post_ns;
};

/* 0 or -errno. */
int wl_shot_open(struct wl_shot **shot, const struct wl_shot_options *options);
void wl_shot_close(struct wl_shot *shot);

/* Bytes of the copy's memory. */
uint64_t wl_shot_memory(const struct wl_shot *shot);

/*
 * Copies what the rings have from `from` on (CLOCK_MONOTONIC ns, 0: everything), and who is there.
 * Nothing is read from /proc before the copy.
 */
void wl_shot_take(struct wl_shot *shot, uint64_t from);

/*
 * Writes kernel/, tasks.json, machine.json and, if system calls are recorded, fds.json of process
 * pid (0: of none) into a directory; once for each shot taken. 0 or -errno, also of the taking.
 */
int wl_shot_write(struct wl_shot *shot, int dirfd, uint32_t pid);

#endif
