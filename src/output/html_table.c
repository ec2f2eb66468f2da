/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/html_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 64

/* FNV-1a */
static uint64_t hash(const unsigned char *bytes, size_t size)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < size; i++)
		h = (h ^ bytes[i]) * 0x100000001b3ull;
	return h ^ h >> 32;
}

const void *wl_html_table_key(const struct wl_html_table *table, size_t number)
{
	return table->keys + number * table->size;
}

/* The slot that has the key, or the free one where it belongs. */
static uint32_t *find(const struct wl_html_table *table, const void *key)
{
	size_t mask = table->room - 1, i = (size_t)hash(key, table->size) & mask;

	while (table->slots[i] &&
	       memcmp(wl_html_table_key(table, table->slots[i] - 1), key, table->size) != 0)
		i = (i + 1) & mask;
	return &table->slots[i];
}

static int grow(struct wl_html_table *table)
{
	size_t room = table->room ? 2 * table->room : FIRST_ROOM;
	unsigned char *keys = realloc(table->keys, room / 2 * table->size);
	uint32_t *slots;

	if (!keys)
		return -ENOMEM;
	table->keys = keys;
	slots = calloc(room, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(table->slots);
	table->slots = slots;
	table->room = room;
	for (size_t i = 0; i < table->n; i++)
		*find(table, wl_html_table_key(table, i)) = (uint32_t)i + 1;
	return 0;
}

uint32_t wl_html_table_add(struct wl_html_table *table, const void *key)
{
	uint32_t *slot;

	if (2 * table->n >= table->room && grow(table)) {
		table->error = -ENOMEM;
		return 0;
	}
	slot = find(table, key);
	if (!*slot) {
		memcpy(table->keys + table->n * table->size, key, table->size);
		*slot = (uint32_t)++table->n;
	}
	return *slot - 1;
}

void wl_html_table_free(struct wl_html_table *table)
{
	free(table->keys);
	free(table->slots);
	table->keys = NULL;
	table->slots = NULL;
	table->n = table->room = 0;
}
