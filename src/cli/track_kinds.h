/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The ready trackers, as objects inside of the program. */
#ifndef WL_CLI_TRACK_KINDS_H
#define WL_CLI_TRACK_KINDS_H

#include <stdbool.h>
#include <stddef.h>

struct wl_track_kind {
	const char *name, *help;
	const void *(*object)(size_t *size);
	bool no_timeout; /* what has begun may be gone without a trace */
};

/* NULL: there is none of that name. */
const struct wl_track_kind *wl_track_kind(const char *name);

/* The ready tracker that name might have meant, or NULL. */
const char *wl_track_kind_nearest(const char *name);

/* The object of user-defined trackers. */
const void *wl_track_user_object(size_t *size);

/* The beginning of --help: usage and kinds. */
void wl_track_print_intro(void);

#endif
