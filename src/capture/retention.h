/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which captures are kept: at most one a second, the worst few of each cause, and all of them
 * within a size. Captures taken on demand have a cause of their own, "now": of these the newest are
 * kept, and the size drives them out last. Pure functions, thread safe.
 */
#ifndef WL_CAPTURE_RETENTION_H
#define WL_CAPTURE_RETENTION_H

#include "capture/entry.h"

#define WL_RETENTION_PERIOD_NS 1000000000ull /* from the start of a capture to the next */

struct wl_retention {
	uint32_t keep;      /* captures per cause, at least 1 */
	uint64_t keep_size; /* bytes */
};

/* Why a slow response has no capture, or that it may have one. */
enum wl_ruling {
	WL_RULING_KEEP = 0,
	WL_RULING_SOON, /* less than a second after another, or while one was being written */
	WL_RULING_MILD, /* the ones kept of its cause are all worse, or as bad */
	WL_RULING_ROOM, /* it would take more room than there is without worse ones */
	WL_RULING_DISK, /* the disk is full, or the directory can't be written */
	WL_RULING_MAX
};

/* "not worse than those kept of their cause": after a number of slow responses. */
const char *wl_ruling_text(enum wl_ruling ruling);

/*
 * May a new capture be kept beside those there are? remove has one element for each of them, set
 * for those that must go then (all false if the answer isn't WL_RULING_KEEP). Of new, cause,
 * response_ns, size (0: not known yet) and now matter. since_ns: time since the last capture began.
 */
enum wl_ruling wl_retention_decide(const struct wl_retention *retention,
				   const struct wl_entries *kept, const struct wl_entry *new,
				   uint64_t since_ns, bool *remove);

#endif
