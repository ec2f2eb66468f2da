/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A table that redraws itself at the end of what a terminal shows. Everything else is printed where
 * the table was, and the table again below it: so verdicts stay in the scrollback, and no alternate
 * screen has to be left when we are killed. Each change is one write: the cursor is hidden only
 * inside of it. Functions return 0 or -errno.
 */
#ifndef WL_OUTPUT_SCREEN_H
#define WL_OUTPUT_SCREEN_H

#include "output/text.h"

struct wl_screen {
	struct wl_text_options options; /* set these two, then measure */
	FILE *out;
	struct wl_style style;
	char *table;        /* what is drawn now, or NULL */
	unsigned int lines; /* of the terminal */
};

/* A change of the screen: text that will be written at once. */
struct wl_frame {
	FILE *out;
	char *text;
	size_t size;
};

int wl_frame_open(struct wl_frame *f);
/* Ends the text; the caller frees it. */
int wl_frame_finish(struct wl_frame *f);

/* The window may have another size each time. */
void wl_screen_measure(struct wl_screen *s);

/* A change begins where the table began, and ends with the table, if there is one. */
int wl_screen_begin(struct wl_screen *s, struct wl_frame *f);
int wl_screen_end(struct wl_screen *s, struct wl_frame *f);

/* What is drawn from the next change on; takes it over. NULL: nothing. */
void wl_screen_set_table(struct wl_screen *s, char *table);

void wl_screen_close(struct wl_screen *s);

#endif
