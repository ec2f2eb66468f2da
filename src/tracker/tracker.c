/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Life and settings of a tracker. How it works, in one place: an event lives in memory of a CPU's
 * pool (pool.h) and, from its in to its out, in a hash table (table.h). Whoever takes it out of the
 * table owns it, measures it, and gives it back; it is used again when nobody can still be looking
 * at it (epoch.h). Timeouts, growth and gc are the tracker's thread's (thread.c); nobody
 * ever waits for it, and it is never woken by an event.
 */
#include "tracker/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define DEFAULT_KEY_SIZE 8u
#define DEFAULT_STARTUP 16384u
#define DEFAULT_GROWTH 16u
#define DEFAULT_PERIOD 10000000ull
#define MAX_KEY_SIZE 4096u
#define MAX_PRIV_SIZE 65536u
#define MAX_EVENTS (1ull << 31)
#define MAX_CPUS 65536
#define MIN_PERIOD 1000000ull
#define MAX_PERIOD 1000000000ull
#define WALK_BATCH 256 /* events looked at in one pin */
#define ALL_FLAGS (LATENCY_TRACKER_WORST | LATENCY_TRACKER_START_OFF)

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool wl_tracker_advance(struct latency_tracker *tracker)
{
	uint64_t epoch = atomic_load(&tracker->epoch);

	for (unsigned i = 0; i < tracker->pool_count; i++)
		if (!wl_pins_free(&tracker->pools[i]->pins, (epoch - 1) & 1))
			return false;
	return atomic_compare_exchange_strong(&tracker->epoch, &epoch, epoch + 1);
}

void wl_tracker_synchronize(struct latency_tracker *tracker)
{
	uint64_t epoch = atomic_load(&tracker->epoch);

	while (atomic_load(&tracker->epoch) < epoch + 2)
		if (!wl_tracker_advance(tracker))
			usleep(50);
}

static int is_node(struct cds_lfht_node *node, const void *wanted)
{
	return node == wanted;
}

bool wl_tracker_take_out(struct latency_tracker *tracker, struct latency_tracker_event *event)
{
	unsigned long hash = wl_tracker_hash(tracker, event->key, event->key_len);
	struct cds_lfht_iter iter;

	cds_lfht_lookup(tracker->table, hash, is_node, &event->link, &iter);
	return cds_lfht_iter_get_node(&iter) && !cds_lfht_del(tracker->table, &event->link);
}

/* Those of one pool; false: not further. */
static bool walk_pool(struct latency_tracker *tracker, const struct wl_pool *pool, wl_visit visit,
		      void *arg)
{
	uint64_t used = atomic_load(&pool->fresh), i = 0;
	bool more = true;

	while (more && i < used) {
		struct wl_pin pin = wl_tracker_pin(tracker);

		for (uint64_t end = smaller(used, i + WALK_BATCH); more && i < end; i++)
			more = visit(tracker, wl_pool_at(pool, i), &pin, arg);
		wl_unpin(pin);
	}
	return more;
}

void wl_tracker_walk(struct latency_tracker *tracker, wl_visit visit, void *arg)
{
	bool more = true;

	for (unsigned i = 0; i < tracker->pool_count && more; i++)
		more = walk_pool(tracker, tracker->pools[i], visit, arg);
}

void wl_tracker_discard(struct latency_tracker *tracker, struct latency_tracker_event *event)
{
	unsigned state;

	if (wl_event_end(event, &state) || wl_event_drop(event))
		wl_pool_retire(event, &tracker->epoch);
}

bool wl_tracker_get(struct latency_tracker *tracker, struct latency_tracker_event *event)
{
	enum wl_got got = wl_event_get(event);

	if (got == WL_GOT_LAST)
		wl_pool_retire(event, &tracker->epoch);
	return got == WL_GOT;
}

void wl_tracker_release(struct latency_tracker *tracker, struct latency_tracker_event *event)
{
	bool alone = !(atomic_load(&event->state) & WL_EVENT_REFS);
	struct wl_pin pin;

	if (!alone && !wl_event_drop(event))
		return;
	pin = wl_tracker_pin(tracker);
	wl_pool_retire(event, &tracker->epoch);
	wl_unpin(pin);
}

/* Fields that a caller of an older or newer header gives: unknown ones have to be zero. */
static int read_options(const struct latency_tracker_options *given,
			struct latency_tracker_options *options)
{
	memset(options, 0, sizeof(*options));
	if (!given)
		return 0;
	if (given->size < sizeof(given->size))
		return -EINVAL;
	memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
	for (size_t i = sizeof(*options); i < given->size; i++)
		if (((const unsigned char *)given)[i])
			return -EINVAL;
	return 0;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
	return value ? value : otherwise;
}

static void fill_options(struct latency_tracker_options *o)
{
	o->key_size = or_default(o->key_size, DEFAULT_KEY_SIZE);
	o->startup_events =
		or_default(o->startup_events,
			   smaller(DEFAULT_STARTUP, or_default(o->max_events, DEFAULT_STARTUP)));
	o->max_events =
		or_default(o->max_events, smaller(o->startup_events * DEFAULT_GROWTH, MAX_EVENTS));
	o->period = or_default(o->period, DEFAULT_PERIOD);
}

/* Of pool i of n, so that all shares make up the whole. */
static uint64_t share(uint64_t events, unsigned i, unsigned n)
{
	return events / n + (i < events % n);
}

static int check_options(const struct latency_tracker_options *o, unsigned cpus)
{
	size_t stride;

	if (o->key_size > MAX_KEY_SIZE || o->priv_data_size > MAX_PRIV_SIZE ||
	    o->max_events > MAX_EVENTS || o->startup_events > o->max_events ||
	    o->period < MIN_PERIOD || o->period > MAX_PERIOD || o->flags & ~ALL_FLAGS ||
	    !o->hash != !o->match)
		return -EINVAL;
	stride = wl_event_stride(o->key_size, o->priv_data_size);
	return share(o->max_events, 0, cpus) * stride > WL_POOL_BYTES_MAX ? -EINVAL : 0;
}

static unsigned count_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	return n < 1 ? 1 : n > MAX_CPUS ? MAX_CPUS : (unsigned)n;
}

static unsigned long random_seed(const void *address)
{
	unsigned long seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != sizeof(seed))
		seed = (unsigned long)wl_clock() * 0x9e3779b97f4a7c15ul ^ (unsigned long)address;
	return seed;
}

/* An attempt looks at each CPU: with many of them, seldom enough to be no matter. */
static unsigned advance_mask(unsigned cpus)
{
	unsigned every = 64;

	while (every < 4 * cpus)
		every *= 2;
	return every - 1;
}

static int map_shared(struct latency_tracker *tracker)
{
	tracker->shared_bytes = (size_t)sysconf(_SC_PAGESIZE);
	tracker->shared = mmap(NULL, tracker->shared_bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tracker->shared == MAP_FAILED) {
		tracker->shared = NULL;
		return -ENOMEM;
	}
	/* Before Linux 4.14 a child doesn't notice that it is one. */
	madvise(tracker->shared, tracker->shared_bytes, MADV_WIPEONFORK);
	return 0;
}

static int create_pools(struct latency_tracker *tracker, const struct latency_tracker_options *o,
			unsigned cpus)
{
	tracker->pools = calloc(cpus, sizeof(struct wl_pool *));
	if (!tracker->pools)
		return -ENOMEM;
	while (tracker->pool_count < cpus) {
		unsigned i = tracker->pool_count;
		int err = wl_pool_create(tracker, i, tracker->stride, share(o->max_events, i, cpus),
					 &tracker->pools[i]);

		if (err)
			return err;
		tracker->pool_count++;
		err = wl_pool_extend(tracker->pools[i], share(o->startup_events, i, cpus));
		if (err)
			return err;
		tracker->memory_max += wl_pool_bytes(tracker->stride, tracker->pools[i]->max);
	}
	return 0;
}

static void configure(struct latency_tracker *tracker, const struct latency_tracker_options *o,
		      unsigned cpus)
{
	tracker->key_size = o->key_size;
	tracker->stride = wl_event_stride(o->key_size, o->priv_data_size);
	tracker->priv_offset = (o->key_size + 7) / 8 * 8;
	tracker->priv_size = o->priv_data_size;
	tracker->advance_mask = advance_mask(cpus);
	tracker->seed = random_seed(tracker);
	tracker->hash = o->hash;
	tracker->match = o->match;
	tracker->worst = o->flags & LATENCY_TRACKER_WORST;
	tracker->priv = o->priv;
	tracker->period = o->period;
	atomic_init(&tracker->gc, o->gc);
	/* No stack of before the first epoch: two less than the first is still a number. */
	atomic_init(&tracker->epoch, WL_EPOCHS);
}

static int build(struct latency_tracker *tracker, const struct latency_tracker_options *o,
		 unsigned cpus)
{
	int err = map_shared(tracker);

	if (!err)
		err = create_pools(tracker, o, cpus);
	if (!err)
		err = wl_table_create(o->startup_events, o->max_events, &tracker->table);
	if (err)
		return err;
	atomic_init(&tracker->buckets, wl_table_buckets(o->startup_events));
	tracker->memory_max +=
		sizeof(*tracker) + wl_table_buckets(o->max_events) * sizeof(struct cds_lfht_node);
	atomic_init(&tracker->shared->on, !(o->flags & LATENCY_TRACKER_START_OFF));
	atomic_init(&tracker->shared->alive, 1);
	return wl_thread_start(tracker);
}

/* Also of one that was not built to its end; its table is empty. */
static void dismantle(struct latency_tracker *tracker)
{
	if (tracker->table && !atomic_load(&tracker->growing))
		cds_lfht_destroy(tracker->table, NULL);
	for (unsigned i = 0; i < tracker->pool_count; i++)
		wl_pool_destroy(tracker->pools[i]);
	free(tracker->pools);
	wl_wheel_fini(&tracker->thread.wheel);
	if (tracker->shared)
		munmap(tracker->shared, tracker->shared_bytes);
	free(tracker);
}

static struct latency_tracker *allocate(void)
{
	struct latency_tracker *tracker =
		aligned_alloc(_Alignof(struct latency_tracker), sizeof(*tracker));

	if (tracker)
		memset(tracker, 0, sizeof(*tracker));
	return tracker;
}

struct latency_tracker *latency_tracker_create(uint64_t threshold, uint64_t timeout,
					       latency_tracker_callback callback,
					       const struct latency_tracker_options *options)
{
	struct latency_tracker *tracker = NULL;
	struct latency_tracker_options o;
	unsigned cpus = count_cpus();
	int err = read_options(options, &o);

	if (!err) {
		fill_options(&o);
		err = check_options(&o, cpus);
	}
	if (!err) {
		tracker = allocate();
		err = tracker ? 0 : -ENOMEM;
	}
	if (!err) {
		configure(tracker, &o, cpus);
		atomic_init(&tracker->threshold, threshold);
		atomic_init(&tracker->timeout, timeout);
		atomic_init(&tracker->callback, callback);
		err = build(tracker, &o, cpus);
	}
	if (!err)
		return tracker;
	if (tracker)
		dismantle(tracker);
	errno = -err;
	return NULL;
}

static bool drop(struct latency_tracker *tracker, struct latency_tracker_event *event,
		 struct wl_pin *pin, void *arg)
{
	uint64_t *dropped = arg;

	if (wl_event_is_live(event) && wl_tracker_take_out(tracker, event)) {
		wl_tracker_discard(tracker, event);
		++*dropped;
	}
	return true;
}

/*
 * Each place in the pools once: an end that others can't put off by beginning more. (From the
 * table's first event again and again it would take the longer the more have gone: empty buckets
 * stay.)
 */
static uint64_t drop_events(struct latency_tracker *tracker)
{
	uint64_t dropped = 0;

	wl_tracker_walk(tracker, drop, &dropped);
	wl_counter_add(&wl_tracker_pool(tracker)->stats.cleared, dropped);
	return dropped;
}

static bool is_alive(const struct latency_tracker *tracker)
{
	return atomic_load(&tracker->shared->alive);
}

int latency_tracker_destroy(struct latency_tracker *tracker)
{
	if (!tracker)
		return 0;
	if (is_alive(tracker)) {
		if (pthread_equal(pthread_self(), tracker->thread.id))
			return -EDEADLK;
		wl_thread_stop(tracker);
	}
	drop_events(tracker);
	dismantle(tracker);
	return 0;
}

uint64_t latency_tracker_clear(struct latency_tracker *tracker)
{
	return is_alive(tracker) ? drop_events(tracker) : 0;
}

int latency_tracker_set_tracking_on(struct latency_tracker *tracker, int on, int cleanup)
{
	if (!is_alive(tracker))
		return -ECHILD;
	atomic_store(&tracker->shared->on, on != 0);
	if (!on && cleanup) {
		wl_tracker_synchronize(tracker);
		latency_tracker_clear(tracker);
	}
	return 0;
}

int latency_tracker_get_tracking_on(const struct latency_tracker *tracker)
{
	return wl_tracker_on(tracker);
}

void latency_tracker_set_threshold(struct latency_tracker *tracker, uint64_t threshold)
{
	atomic_store(&tracker->threshold, threshold);
}

uint64_t latency_tracker_get_threshold(const struct latency_tracker *tracker)
{
	return atomic_load(&tracker->threshold);
}

void latency_tracker_set_timeout(struct latency_tracker *tracker, uint64_t timeout)
{
	atomic_store(&tracker->timeout, timeout);
	if (is_alive(tracker))
		wl_thread_poke(tracker);
}

uint64_t latency_tracker_get_timeout(const struct latency_tracker *tracker)
{
	return atomic_load(&tracker->timeout);
}

void latency_tracker_set_gc(struct latency_tracker *tracker, uint64_t gc)
{
	atomic_store(&tracker->gc, gc);
	if (is_alive(tracker))
		wl_thread_poke(tracker);
}

void latency_tracker_set_callback(struct latency_tracker *tracker,
				  latency_tracker_callback callback)
{
	atomic_store_explicit(&tracker->callback, callback, memory_order_release);
}

void *latency_tracker_get_priv(const struct latency_tracker *tracker)
{
	return tracker->priv;
}
