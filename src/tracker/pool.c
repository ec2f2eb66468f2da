/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/pool.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numa.h>
#include <numaif.h>

static size_t round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t wl_event_stride(size_t key_size, size_t priv_data_size)
{
	return sizeof(struct latency_tracker_event) + round_up(key_size, 8) +
	       round_up(priv_data_size, 8);
}

size_t wl_pool_bytes(size_t stride, uint64_t events)
{
	return round_up(sizeof(struct wl_pool) + events * stride, page_size());
}

/*
 * Usable from `from` to `to` (bytes, whole pages), and there: no page fault in event_in(). Before
 * Linux 5.14 there is no MADV_POPULATE_WRITE: we touch each page then.
 */
static int populate(struct wl_pool *pool, size_t from, size_t to)
{
	char *begin = (char *)pool + from;

	if (mprotect(begin, to - from, PROT_READ | PROT_WRITE))
		return -ENOMEM;
#ifdef MADV_POPULATE_WRITE
	if (!madvise(begin, to - from, MADV_POPULATE_WRITE))
		return 0;
	if (errno != EINVAL)
		return -ENOMEM;
#endif
	for (size_t at = 0; at < to - from; at += page_size())
		((volatile char *)begin)[at] = 0;
	return 0;
}

#define MAX_NODES 1024
#define WORD_BITS (8 * sizeof(unsigned long))

/* A preference: memory of another node is better than none. Where it is refused, so be it. */
static void prefer_node_of(unsigned cpu, void *begin, size_t bytes)
{
	unsigned long nodes[MAX_NODES / WORD_BITS] = { 0 };
	int node;

	if (numa_available() < 0 || numa_max_node() < 1)
		return;
	node = numa_node_of_cpu((int)cpu);
	if (node < 0 || node >= MAX_NODES)
		return;
	nodes[(unsigned)node / WORD_BITS] = 1ul << (unsigned)node % WORD_BITS;
	mbind(begin, bytes, MPOL_PREFERRED, nodes, MAX_NODES + 1, 0);
}

int wl_pool_create(struct latency_tracker *tracker, unsigned cpu, size_t stride, uint64_t max,
		   struct wl_pool **pool)
{
	size_t mapped = wl_pool_bytes(stride, max);
	struct wl_pool *new;
	int err;

	new = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (new == MAP_FAILED)
		return -ENOMEM;
	prefer_node_of(cpu, new, mapped);
	err = populate(new, 0, wl_pool_bytes(stride, 0));
	if (err) {
		munmap(new, mapped);
		return err;
	}
	new->stride = stride;
	new->mapped = mapped;
	new->max = max;
	new->tracker = tracker;
	new->cpu = cpu;
	*pool = new;
	return 0;
}

void wl_pool_destroy(struct wl_pool *pool)
{
	if (pool)
		munmap(pool, pool->mapped);
}

int wl_pool_extend(struct wl_pool *pool, uint64_t limit)
{
	uint64_t old = atomic_load_explicit(&pool->limit, memory_order_relaxed);
	size_t from = wl_pool_bytes(pool->stride, old), to;
	int err;

	limit = limit < pool->max ? limit : pool->max;
	if (limit <= old)
		return 0;
	to = wl_pool_bytes(pool->stride, limit);
	err = to > from ? populate(pool, from, to) : 0;
	if (err)
		return err;
	for (uint64_t i = old; i < limit; i++)
		wl_pool_at(pool, i)->offset = (uint32_t)(i * (pool->stride / 8));
	atomic_store_explicit(&pool->limit, limit, memory_order_release);
	return 0;
}
