/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the outputs for people share. */
#ifndef WL_OUTPUT_TEXT_PARTS_H
#define WL_OUTPUT_TEXT_PARTS_H

#include "explain/phrase.h"
#include "output/text.h"

/* Stands between words that stay on one line. Names are escaped, so no other control byte is in a
 * text. */
#define WL_TEXT_GLUE "\x01"

enum wl_paint { WL_PAINT_OFF, WL_PAINT_HEAD, WL_PAINT_SLOW, WL_PAINT_STUCK, WL_PAINT_LABEL };

void wl_text_paint(FILE *out, const struct wl_style *style, enum wl_paint paint);

/*
 * Goes on at column `at`; lines after the first begin with the margin, which is as wide (NULL:
 * spaces). Always ends the line.
 */
void wl_text_wrap(FILE *out, const struct wl_style *style, unsigned int at, const char *margin,
		  const char *text);

/* Indented label and text, wrapped to the style's width. */
void wl_text_field(FILE *out, const struct wl_style *style, const char *label, const char *text);

/* "memcached/mc-worker", or the name alone where both are the same. */
void wl_text_add_target(struct wl_phrase *p, const char process[WL_COMM_LEN],
			const char comm[WL_COMM_LEN]);

/* "irq 36 virtio1-req.0", "softirq NET_RX", "wakeup". */
void wl_text_add_stimulus(struct wl_phrase *p, unsigned int kind, unsigned int nr,
			  const char *name);

#endif
