/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* "did you mean …?" Thread safe. */
#ifndef WL_UTIL_DISTANCE_H
#define WL_UTIL_DISTANCE_H

#include <stdbool.h>

/* How many letters to insert, remove, change or swap with their neighbour to make b of a. */
unsigned wl_edit_distance(const char *a, const char *b);

/* The best of the candidates offered so far, if any is near enough to be meant. */
struct wl_nearest {
	const char *word;
	const char *best; /* NULL: none is near */
	unsigned distance;
};

void wl_nearest_init(struct wl_nearest *nearest, const char *word);
/* candidate must outlive nearest. */
void wl_nearest_offer(struct wl_nearest *nearest, const char *candidate);

#endif
