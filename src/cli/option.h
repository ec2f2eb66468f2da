/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The options one by one: a table that the parser and the help both read (options.c). */
#ifndef WL_CLI_OPTION_H
#define WL_CLI_OPTION_H

#include "cli/options.h"

#define WL_OPTION_WATCH_ONLY 1u
#define WL_OPTION_RECORD_ONLY 2u
#define WL_OPTION_RECORDER 4u /* means nothing without the flight recorder; none of track's */
#define WL_OPTION_OPTIONAL 8u /* its value may be left out; given only as --name=VALUE */

#define WL_OPTION_TRACK 16u /* of watch only, and of track */
#define WL_OPTION_TRACK_ONLY 32u

#define WL_OPTION_HELP 1 /* result of --help's apply() */

struct wl_option {
	const char *group; /* not NULL: the heading of a group; only flags are set beside it */
	char letter;       /* 0: none */
	const char *name;
	const char *value; /* NULL: takes none */
	/* label is how it was written. 0, WL_OPTION_HELP, or -EINVAL, said. */
	int (*apply)(struct wl_options *options, const char *label, const char *value);
	const char *help; /* a \n begins a new line in the same column */
	unsigned int flags;
};

extern const struct wl_option wl_options_table[];
extern const size_t wl_noptions;

/* Says what was wrong with an option; label is how it was written. Always -EINVAL. */
int wl_option_refuse(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What holds where nothing was given. */
void wl_option_defaults(struct wl_options *options, const char *verb);

#endif
