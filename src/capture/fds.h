/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Open files of a process, and how they are saved: what system calls mean by a number. */
#ifndef WL_CAPTURE_FDS_H
#define WL_CAPTURE_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WL_FDS_FILE "fds.json"
#define WL_FDS_MAX 1024

struct wl_fd {
	int32_t fd;
	char path[256]; /* as /proc shows it, cut; hostile */
};

struct wl_fds {
	uint32_t pid;
	bool truncated; /* there are more */
	size_t n;
	struct wl_fd *all; /* by number */
};

/* Reads /proc/PID/fd; wl_fds_free() it. 0 or -errno: -ENOENT: it has gone. Thread safe. */
int wl_fds_read(struct wl_fds *fds, uint32_t pid);
void wl_fds_free(struct wl_fds *fds);

/*
 * Writes fds.json into a directory where it is not yet. 0 or -errno.
 * {"type":"fds","v":1,"pid":1234,"truncated":false,"fds":[{"fd":3,"path":"socket:[1]"},…]}
 */
int wl_fds_save(const struct wl_fds *fds, int dirfd);

#endif
