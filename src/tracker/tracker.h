/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A tracker inside. Public functions lie in tracker.c (life, settings), in.c, out.c, handle.c
 * (references and what can be asked of an event), report.c (statistics).
 */
#ifndef WL_TRACKER_TRACKER_H
#define WL_TRACKER_TRACKER_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define WL_HAS_RSEQ 1
#else
#define WL_HAS_RSEQ 0
#endif

#include "latency_tracker.h"
#include "pool.h"
#include "table.h"
#include "wheel.h"

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Its pages are zero in a child of fork(): there is no thread there, and pins never end. */
struct wl_shared {
	atomic_int on;
	atomic_int alive;
};

/* The tracker's own thread: thread.c. Its fields but stop and poked are the thread's alone. */
struct wl_thread {
	pthread_t id;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop, poked;
	struct wl_wheel wheel;
	uint64_t timeout, gc; /* as of the last walk */
	uint64_t interval, next_walk, walk_cost;
	uint64_t sleep, retry; /* no memory: not before */
	/* Entries into event_in() at the last round and walk, and the epoch since when so many. */
	uint64_t seen, walked, walked_since;
	bool empty; /* the last walk met nothing in flight, and nothing could still have begun */
};

struct latency_tracker {
	/* Read by everybody, hardly ever written. */
	struct wl_shared *shared;
	struct cds_lfht *table;
	struct wl_pool **pools;
	unsigned pool_count;
	unsigned advance_mask; /* events in per CPU between two attempts to advance, - 1 */
	size_t key_size, stride;
	size_t priv_offset, priv_size; /* of the private data, from the key on; 0: none */
	unsigned long seed;
	unsigned long (*hash)(const void *key, size_t len, unsigned long seed);
	int (*match)(const void *key1, const void *key2, size_t len);
	atomic_uint_least64_t threshold;
	_Atomic(latency_tracker_callback) callback;
	bool worst;
	void *priv;
	uint64_t period;
	size_t shared_bytes, memory_max;
	atomic_uint_least64_t timeout, gc;
	atomic_uint_least64_t buckets; /* of the table */
	atomic_bool growing;           /* the table: a fork() now leaves it locked in the child */

	_Alignas(128) atomic_uint_least64_t epoch;

	_Alignas(128) struct wl_thread thread;
};

struct latency_tracker_event_ctx {
	struct latency_tracker *tracker;
	struct latency_tracker_event *event;
	uint64_t end;
	enum latency_tracker_cb_flag flag;
	unsigned id;
	bool timed_out;
};

static inline uint64_t wl_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* The number may be stale at once: it only says which memory is probably near. */
static inline unsigned wl_cpu(void)
{
	int cpu = -1;

#if WL_HAS_RSEQ
	/* What glibc registered; one load, where sched_getcpu() is a call. */
	if (__rseq_size) {
		struct rseq *rseq = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);

		cpu = (int)*(volatile uint32_t *)&rseq->cpu_id;
	}
#endif
	if (cpu < 0)
		cpu = sched_getcpu();
	return cpu < 0 ? 0 : (unsigned)cpu;
}

static inline struct wl_pool *wl_tracker_pool(const struct latency_tracker *tracker)
{
	unsigned cpu = wl_cpu();

	/* More than there were when the tracker was made: hotplug. */
	return tracker->pools[cpu < tracker->pool_count ? cpu : 0];
}

static inline struct wl_pin wl_tracker_pin(const struct latency_tracker *tracker)
{
	return wl_pin(&wl_tracker_pool(tracker)->pins, &tracker->epoch, WL_PIN_OTHER);
}

/*
 * Calls look twice: before they do anything, and when they are pinned. set_tracking_on() waits for
 * whoever is pinned and has seen it on; who was not pinned yet sees it off.
 */
static inline bool wl_tracker_on(const struct latency_tracker *tracker)
{
	return atomic_load(&tracker->shared->on);
}

static inline unsigned long wl_tracker_hash(const struct latency_tracker *tracker, const void *key,
					    size_t len)
{
	return tracker->hash ? tracker->hash(key, len, tracker->seed)
			     : wl_hash(key, len, tracker->seed);
}

static inline bool wl_tracker_key_ok(const struct latency_tracker *tracker, const void *key,
				     size_t len)
{
	return key && len && len <= tracker->key_size;
}

/* Starts the search for events of a key. Pinned. */
static inline void wl_tracker_lookup(const struct latency_tracker *tracker,
				     const struct wl_key *key, struct cds_lfht_iter *iter)
{
	cds_lfht_lookup(tracker->table, wl_tracker_hash(tracker, key->data, key->len),
			wl_table_match, key, iter);
}

/* The next epoch, if nobody is pinned at the one before. */
bool wl_tracker_advance(struct latency_tracker *tracker);

/* Waits until whoever is pinned now is not any more. Not while pinned. */
void wl_tracker_synchronize(struct latency_tracker *tracker);

/* Ends an event that was taken out of the table, unmeasured. Pinned. */
void wl_tracker_discard(struct latency_tracker *tracker, struct latency_tracker_event *event);

/*
 * Takes an event that may have ended out of the table: true for one caller only. Pinned. Looks
 * whether it is there: an event_in() may not have come that far.
 */
bool wl_tracker_take_out(struct latency_tracker *tracker, struct latency_tracker_event *event);

/*
 * Looks at each event that was ever used, whatever became of it. Pinned, some at a time: nobody has
 * to wait long for memory. visit() may leave the pin meanwhile, and says whether to go on.
 */
typedef bool (*wl_visit)(struct latency_tracker *tracker, struct latency_tracker_event *event,
			 struct wl_pin *pin, void *arg);
void wl_tracker_walk(struct latency_tracker *tracker, wl_visit visit, void *arg);

/* A reference to an event that may have ended. Pinned. */
bool wl_tracker_get(struct latency_tracker *tracker, struct latency_tracker_event *event);

/* Drops a reference, or gives back what wl_event_end() left to us alone. Not pinned. */
void wl_tracker_release(struct latency_tracker *tracker, struct latency_tracker_event *event);

/* Entries into event_in() so far: no event begins without one, and the number never falls. */
uint64_t wl_tracker_entered(const struct latency_tracker *tracker);

/* Sum over all CPUs of the counter at this offset in struct wl_stats. */
uint64_t wl_tracker_sum(const struct latency_tracker *tracker, size_t offset);

/* The tracker's thread. 0 or -errno. */
int wl_thread_start(struct latency_tracker *tracker);
void wl_thread_stop(struct latency_tracker *tracker);
/* Settings have changed. */
void wl_thread_poke(struct latency_tracker *tracker);

#endif
