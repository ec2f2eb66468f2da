/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Keys of one size, each kept once and known by its number. Not thread safe per table. */
#ifndef WL_OUTPUT_HTML_TABLE_H
#define WL_OUTPUT_HTML_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct wl_html_table {
	size_t size; /* of a key */
	unsigned char *keys;
	uint32_t *slots; /* number + 1; 0: free */
	size_t n, room;  /* room: of slots, a power of two; keys has half as many */
	int error;       /* 0 or -ENOMEM */
};

/* The key's number; 0 if there is no memory (error says so). Padding of keys must be zero. */
uint32_t wl_html_table_add(struct wl_html_table *table, const void *key);
const void *wl_html_table_key(const struct wl_html_table *table, size_t number);
void wl_html_table_free(struct wl_html_table *table);

#endif
