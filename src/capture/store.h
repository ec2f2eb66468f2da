/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The directory of captures. It belongs to the effective user and nobody else can write to it, so
 * that nothing in it can be swapped under us; symbolic links in it are never followed.
 *
 * A capture is written in a directory WL_STORE_PARTIAL name, whose descriptor is flock()ed for as
 * long, and is then synced and renamed: what has a capture's name is whole and on the disk. One
 * that is removed takes the other way. What a killed process left has a free lock, and is removed
 * by wl_store_clean().
 *
 * Several processes may use one directory. Functions return 0 or -errno; one thread per store.
 */
#ifndef WL_CAPTURE_STORE_H
#define WL_CAPTURE_STORE_H

#include <limits.h>

#include "capture/entry.h"

#define WL_STORE_PARTIAL ".partial-"
#define WL_STORE_MAX 4096 /* captures that are looked at; more are not seen */

struct wl_store {
	int fd;              /* -1: not open */
	char path[PATH_MAX]; /* absolute */
};

/*
 * Opens the directory; create: makes it if there is none (0700), not what lies above it. On an
 * error, *why says for people what was wrong and what to do. -EPERM: it can't be trusted.
 */
int wl_store_open(struct wl_store *store, const char *path, bool create, const char **why);
void wl_store_close(struct wl_store *store);

/* Removes what processes left that were killed. How many, or -errno. */
int wl_store_clean(const struct wl_store *store);

/* All captures there are; wl_entries_free() it. */
int wl_store_list(const struct wl_store *store, struct wl_entries *entries);
/* Only a capture: -EINVAL if it isn't one. */
int wl_store_remove(const struct wl_store *store, const char *name);

/* A capture that is being written. */
struct wl_draft {
	int fd;                   /* its directory, locked; -1: none */
	char name[WL_ENTRY_NAME]; /* that it will have */
	char partial[WL_ENTRY_NAME + sizeof(WL_STORE_PARTIAL)];
};

/*
 * "2026-11-21T194107.123-memcached-wakeup" (UTC). process may be any bytes, not always terminated;
 * "": left out.
 */
void wl_store_name(char name[WL_ENTRY_NAME], int64_t real_ns, const char *process,
		   const char *cause);

/* Begins a capture of that name; a number is added if there is one. */
int wl_store_begin(const struct wl_store *store, const char *name, struct wl_draft *draft);
/* Syncs it and gives it its name. If that fails, nothing is left of it. */
int wl_store_commit(const struct wl_store *store, struct wl_draft *draft);
/*
 * Moves a file of the draft into a capture that is there, whole or not at all; the draft is gone
 * then in any case.
 */
int wl_store_add(const struct wl_store *store, struct wl_draft *draft, const char *name,
		 const char *file);
/* Removes it. */
void wl_store_abort(const struct wl_store *store, struct wl_draft *draft);

#endif
