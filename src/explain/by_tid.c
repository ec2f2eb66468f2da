/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/by_tid.h"

#include <search.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void *wl_by_tid_find(void *const *tree, uint32_t tid)
{
	void *const *found = tfind(&tid, tree, compare);

	return found ? *found : NULL;
}

void *wl_by_tid_add(void **tree, uint32_t tid, size_t size)
{
	uint32_t *element = calloc(1, size);

	if (!element)
		return NULL;
	*element = tid;
	if (!tsearch(element, tree, compare)) {
		free(element);
		return NULL;
	}
	return element;
}
