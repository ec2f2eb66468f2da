/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <urcu/flavor.h>

#include "tracker/event.h"

#define MIN_BUCKETS 64u

static void none(void)
{
}

static int pinned(void)
{
	return 1;
}

/*
 * liburcu asks for a read section around the filling of new buckets: whoever grows the table is
 * pinned all along, and so are the helpers it waits for. A grace period is only wanted when a table
 * shrinks, call_rcu only for automatic sizes: neither happens here.
 */
static const struct rcu_flavor_struct flavor = {
	.read_lock = none,
	.read_unlock = none,
	.read_ongoing = pinned,
	.read_quiescent_state = none,
	.update_synchronize_rcu = none,
	.thread_offline = none,
	.thread_online = none,
	.register_thread = none,
	.unregister_thread = none,
	.barrier = none,
};

uint64_t wl_table_buckets(uint64_t events)
{
	uint64_t buckets = MIN_BUCKETS;

	while (buckets * 2 <= events)
		buckets *= 2;
	return buckets;
}

/*
 * liburcu aborts the program when it gets no memory for a table. So it is asked only when the
 * same amount could be had a moment before: what remains is another thread that takes the last
 * memory in between.
 */
static int try_memory(uint64_t buckets, int protection)
{
	size_t bytes = buckets * sizeof(struct cds_lfht_node);
	void *small = malloc(4096);
	void *large = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = small && large != MAP_FAILED ? 0 : -ENOMEM;

	free(small);
	if (large != MAP_FAILED)
		munmap(large, bytes);
	return err;
}

int wl_table_create(uint64_t events, uint64_t max_events, struct cds_lfht **table)
{
	uint64_t buckets = wl_table_buckets(events), max = wl_table_buckets(max_events);
	int err = try_memory(max, PROT_NONE);

	if (!err)
		err = try_memory(buckets, PROT_READ | PROT_WRITE);
	if (err)
		return err;
	*table = cds_lfht_new_flavor(buckets, MIN_BUCKETS, max, 0, &flavor, NULL);
	return *table ? 0 : -ENOMEM;
}

int wl_table_grow(struct cds_lfht *table, uint64_t from, uint64_t to)
{
	int err = try_memory(to - from, PROT_READ | PROT_WRITE);

	if (!err)
		cds_lfht_resize(table, to);
	return err;
}

int wl_table_match(struct cds_lfht_node *node, const void *key)
{
	const struct wl_key *k = key;
	struct latency_tracker_event *event = wl_event_of(node);

	/* What was written before the state was. */
	atomic_load_explicit(&event->state, memory_order_acquire);
	if (event->key_len != k->len)
		return 0;
	return k->match ? !k->match(event->key, k->data, k->len)
			: !memcmp(event->key, k->data, k->len);
}

/* Odd numbers with no pattern: the fractions of the golden ratio and of the roots of 3 and 5. */
#define GOLDEN 0x9e3779b97f4a7c15ull
#define ROOT_3 0xbb67ae8584caa73bull
#define ROOT_5 0x3c6ef372fe94f82bull

/* Both halves of a product: each bit of either factor has its say in it. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

unsigned long wl_hash(const void *key, size_t len, unsigned long seed)
{
	const unsigned char *p = key;
	uint64_t h = seed ^ (len * GOLDEN), word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = fold(h ^ word, ROOT_3 ^ seed);
	}
	if (len) {
		word = 0;
		memcpy(&word, p, len);
		h = fold(h ^ word, ROOT_5 ^ seed);
	}
	return (unsigned long)fold(h, GOLDEN);
}
