/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_UTIL_GROW_H
#define WL_UTIL_GROW_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * Room for one more element behind the n of an array; twice as much if there is none. list: where
 * the pointer to the array is. 0 or -ENOMEM.
 */
static inline int wl_grow(void *list, size_t n, size_t *room, size_t size)
{
	void **all = (void **)list, *more;

	if (n < *room)
		return 0;
	more = reallocarray(*all, *room ? 2 * *room : 16, size);
	if (!more)
		return -ENOMEM;
	*all = more;
	*room = *room ? 2 * *room : 16;
	return 0;
}

#endif
