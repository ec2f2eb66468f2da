/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The store and its rules: which captures are taken, written and kept. What goes wrong on the disk
 * is said once, and tried again after a while. Times are CLOCK_MONOTONIC ns. One thread per keeper.
 */
#ifndef WL_CAPTURE_KEEPER_H
#define WL_CAPTURE_KEEPER_H

#include <time.h>

#include "capture/retention.h"
#include "capture/store.h"

#define WL_KEEPER_RETRY_NS 10000000000ull

struct wl_keeper {
	struct wl_store store;
	struct wl_retention retention;
	struct wl_entries kept; /* as of `changed` */
	struct timespec changed;
	bool remove[WL_STORE_MAX]; /* by entry of kept */
	uint64_t last;             /* begin of the last capture of a slow response; 0: none */
	uint64_t retry;            /* not before; 0: the disk is all right */
	int error;                 /* to be said; 0: none */
	bool recovered;            /* to be said */
};

/* Opens the directory, removes leftovers, reads what there is. 0, or -errno, and *why tells. */
int wl_keeper_open(struct wl_keeper *keeper, const char *path, const struct wl_retention *retention,
		   const char **why);
void wl_keeper_close(struct wl_keeper *keeper);

/* May the capture of a slow response begin now? Takes notice of what others did meanwhile. */
bool wl_keeper_ready(struct wl_keeper *keeper, uint64_t now);

/* May this response, which ends now, have a capture? Reads and allocates nothing. */
enum wl_ruling wl_keeper_judge(struct wl_keeper *keeper, const struct wl_entry *new, uint64_t now);

/* Begins to write one. 0 or -errno, which will be said. */
int wl_keeper_begin(struct wl_keeper *keeper, const struct wl_entry *new, uint64_t now,
		    struct wl_draft *draft);

/*
 * Ends it: removes it again if error is not 0 (which will be said) or if there is no room for it,
 * else gives it its name, and removes what it replaces.
 */
enum wl_ruling wl_keeper_end(struct wl_keeper *keeper, struct wl_draft *draft, struct wl_entry *new,
			     int error, uint64_t now);

/* What there is to be said since the last call: a line. false: nothing. */
bool wl_keeper_message(struct wl_keeper *keeper, char *text, size_t size);

#endif
