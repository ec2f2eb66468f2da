/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/distance.h"

#include <string.h>

#define MAX_WORD 48 /* letters that are looked at: no name of ours is longer */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static bool is_swap(const char *a, const char *b, size_t i, size_t j)
{
	return i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
}

/* Optimal string alignment: three rows of the usual table are enough. */
unsigned wl_edit_distance(const char *a, const char *b)
{
	unsigned rows[3][MAX_WORD + 1];
	size_t la = strnlen(a, MAX_WORD), lb = strnlen(b, MAX_WORD);

	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *twice = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(row[j - 1] + 1, above[j] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (is_swap(a, b, i, j) && twice[j - 2] + 1 < row[j])
				row[j] = twice[j - 2] + 1;
		}
	}
	return rows[la % 3][lb];
}

void wl_nearest_init(struct wl_nearest *nearest, const char *word)
{
	*nearest = (struct wl_nearest){ .word = word, .distance = ~0u };
}

/* Near: at most a third of the word is wrong, so that short words don't match everything. */
void wl_nearest_offer(struct wl_nearest *nearest, const char *candidate)
{
	unsigned distance = wl_edit_distance(nearest->word, candidate);

	if (distance * 3 > strlen(nearest->word) || distance >= nearest->distance)
		return;
	nearest->best = candidate;
	nearest->distance = distance;
}
