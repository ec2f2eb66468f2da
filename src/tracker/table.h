/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The hash table of the events in flight: liburcu's, protected by our own epochs. It only ever
 * grows, by the tracker's thread.
 */
#ifndef WL_TRACKER_TABLE_H
#define WL_TRACKER_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <urcu/rculfhash.h>

#include "latency_tracker.h"

/* Buckets for that many events: a power of two, between half as many and as many. */
uint64_t wl_table_buckets(uint64_t events);

/* 0 or -ENOMEM. */
int wl_table_create(uint64_t events, uint64_t max_events, struct cds_lfht **table);

/* To so many buckets. Pinned, by one thread. 0 or -ENOMEM: then it stays as it is. */
int wl_table_grow(struct cds_lfht *table, uint64_t from, uint64_t to);

/* A key and how it is compared. */
struct wl_key {
	const void *data;
	size_t len;
	int (*match)(const void *key1, const void *key2, size_t len); /* NULL: memcmp() */
};

/* Most keys are a number or a pointer: no call for these. */
static inline void wl_key_copy(void *to, const void *from, size_t len)
{
	if (len == sizeof(uint64_t))
		memcpy(to, from, sizeof(uint64_t));
	else
		memcpy(to, from, len);
}

static inline bool wl_key_equal(const void *a, const void *b, size_t len)
{
	uint64_t x, y;

	if (len != sizeof(x))
		return !memcmp(a, b, len);
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x == y;
}

/* For cds_lfht_lookup(): is this node's key the one? */
int wl_table_match(struct cds_lfht_node *node, const void *key);

/* Mixes every byte with the seed: a stranger who chooses keys can't choose collisions. */
unsigned long wl_hash(const void *key, size_t len, unsigned long seed);

#endif
