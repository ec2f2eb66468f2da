/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a tracker does by itself: pools and table grow before they are full, timeouts are told, old
 * events are removed, and the epoch goes on while nobody calls. It looks, nobody tells it anything.
 */
#include "tracker/tracker.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#define MS 1000000ull
#define SECOND 1000000000ull
#define MIN_INTERVAL MS
#define MAX_INTERVAL SECOND
#define WALKS 4          /* per timeout */
#define COST 20          /* times what a walk takes is the time between two, if timeouts allow */
#define IDLE_PERIODS 10  /* sleeps grow to this many while nothing happens */
#define BATCH 256        /* events looked at between two looks whether to stop */
#define STEP (16u << 20) /* bytes that a pool grows by at most: then timeouts get their turn */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t after(uint64_t time, uint64_t delay)
{
	return delay > UINT64_MAX - time ? UINT64_MAX : time + delay;
}

static bool is_stopped(struct wl_thread *thread)
{
	bool stop;

	pthread_mutex_lock(&thread->lock);
	stop = thread->stop;
	pthread_mutex_unlock(&thread->lock);
	return stop;
}

/* --- growth --- */

static uint64_t wanted(const struct wl_pool *pool)
{
	uint64_t limit = atomic_load_explicit(&pool->limit, memory_order_relaxed);
	uint64_t fresh = atomic_load_explicit(&pool->fresh, memory_order_relaxed);
	uint64_t step = STEP / pool->stride + 1;

	if (fresh * 2 < limit || limit >= pool->max)
		return limit;
	return limit + (limit < step ? limit + 1 : step);
}

/*
 * For the events in flight, a bucket or two for each, not for all that the pools have: these also
 * grow when somebody is preempted while pinned and nothing can be used again, and a table that is
 * larger than the cache makes each in and out slower.
 */
static uint64_t buckets_wanted(const struct latency_tracker *tracker, uint64_t events)
{
	struct latency_tracker_stats stats;

	if (wl_table_buckets(events) <= atomic_load(&tracker->buckets))
		return 0;
	latency_tracker_get_stats(tracker, &stats, sizeof(stats));
	return wl_table_buckets(least(events, 2 * stats.held));
}

/* events: that the pools have. */
static int grow_table(struct latency_tracker *tracker, uint64_t events)
{
	uint64_t from = atomic_load(&tracker->buckets), to = buckets_wanted(tracker, events);
	struct wl_pin pin;
	int err;

	if (to <= from)
		return 0;
	pin = wl_tracker_pin(tracker);
	atomic_store(&tracker->growing, true);
	err = wl_table_grow(tracker->table, from, to);
	atomic_store(&tracker->growing, false);
	wl_unpin(pin);
	if (!err)
		atomic_store(&tracker->buckets, to);
	return err;
}

/* One step for each pool that is half used; true if there is more to do at once. */
static bool grow(struct latency_tracker *tracker, uint64_t now)
{
	uint64_t events = 0;
	bool grown = false;
	int err = 0;

	if (now < tracker->thread.retry)
		return false;
	for (unsigned i = 0; i < tracker->pool_count; i++) {
		struct wl_pool *pool = tracker->pools[i];
		uint64_t limit = atomic_load(&pool->limit), to = wanted(pool);

		if (to > limit && !err)
			err = wl_pool_extend(pool, to);
		grown |= atomic_load(&pool->limit) > limit;
		events += atomic_load(&pool->limit);
	}
	if (!err)
		err = grow_table(tracker, events);
	/* No memory: what there is goes on working. */
	if (err)
		tracker->thread.retry = after(now, IDLE_PERIODS * tracker->period);
	return grown && !err;
}

/* --- timeouts and gc --- */

/* The callback, for an event that we have a reference to, or have ended. Pinned before and after,
 * not within. */
static void tell(struct latency_tracker *tracker, struct latency_tracker_event *event,
		 enum latency_tracker_cb_flag flag, bool timed_out, struct wl_pin *pin)
{
	latency_tracker_callback callback = atomic_load(&tracker->callback);
	struct latency_tracker_event_ctx ctx = {
		.tracker = tracker,
		.event = event,
		.end = wl_clock(),
		.flag = flag,
		.timed_out = timed_out,
	};

	wl_unpin(*pin);
	if (callback)
		callback(&ctx);
	wl_tracker_release(tracker, event);
	*pin = wl_tracker_pin(tracker);
}

static void time_out(struct latency_tracker *tracker, struct latency_tracker_event *event,
		     struct wl_pin *pin)
{
	if (!wl_tracker_get(tracker, event))
		return;
	if (wl_event_time_out(event)) {
		wl_counter_add(&wl_tracker_pool(tracker)->stats.timeouts, 1);
		tell(tracker, event, LATENCY_TRACKER_CB_TIMEOUT, true, pin);
	} else if (wl_event_drop(event)) {
		wl_pool_retire(event, &tracker->epoch);
	}
}

static void collect(struct latency_tracker *tracker, struct latency_tracker_event *event,
		    struct wl_pin *pin)
{
	unsigned state;

	if (!wl_tracker_take_out(tracker, event))
		return;
	wl_event_end(event, &state);
	wl_counter_add(&wl_tracker_pool(tracker)->stats.collected, 1);
	tell(tracker, event, LATENCY_TRACKER_CB_GC, state & WL_EVENT_TIMED_OUT, pin);
}

/* Looks at one event, pinned: is it in flight? */
static bool visit(struct latency_tracker *tracker, struct latency_tracker_event *event,
		  uint64_t now, struct wl_pin *pin)
{
	struct wl_thread *thread = &tracker->thread;
	unsigned state = atomic_load_explicit(&event->state, memory_order_acquire);
	uint64_t deadline;

	if (!(state & WL_EVENT_LIVE))
		return false;
	if (thread->gc && after(event->start, thread->gc) < now) {
		collect(tracker, event, pin);
		return true;
	}
	deadline = after(event->start, thread->timeout);
	if (!thread->timeout || state & WL_EVENT_TIMED_OUT || wl_wheel_has(event))
		return true;
	if (deadline <= now)
		time_out(tracker, event, pin);
	else if (deadline <= now + 2 * thread->interval)
		wl_wheel_add(&thread->wheel, event, deadline);
	return true;
}

/* Between two walks. Two of these are never more than a timeout, or than the wheel can hold. */
static uint64_t interval_for(const struct wl_thread *thread)
{
	uint64_t most = MAX_INTERVAL, interval = MAX_INTERVAL;

	if (thread->timeout) {
		most = least(most, thread->timeout / 2);
		interval = least(interval, thread->timeout / WALKS);
	}
	if (thread->gc)
		interval = least(interval, thread->gc / WALKS);
	if (interval < COST * thread->walk_cost)
		interval = least(most, COST * thread->walk_cost);
	return interval > MIN_INTERVAL ? interval : MIN_INTERVAL;
}

/* Over all events that were ever used. */
struct walk {
	uint64_t now;
	unsigned looked;
	bool empty;
};

static bool meet(struct latency_tracker *tracker, struct latency_tracker_event *event,
		 struct wl_pin *pin, void *arg)
{
	struct walk *walk = arg;

	if (visit(tracker, event, walk->now, pin))
		walk->empty = false;
	return ++walk->looked % BATCH || !is_stopped(&tracker->thread);
}

/*
 * Can a walk from now on meet all that has begun? Somebody whom we have counted may not have come
 * to the event yet. Two epochs after we first saw the number everybody in it has left.
 */
static bool has_settled(struct latency_tracker *tracker)
{
	struct wl_thread *thread = &tracker->thread;
	uint64_t entered = wl_tracker_entered(tracker), epoch = atomic_load(&tracker->epoch);

	if (entered != thread->walked) {
		thread->walked = entered;
		thread->walked_since = epoch;
	}
	return epoch >= thread->walked_since + 2;
}

static void walk(struct latency_tracker *tracker, uint64_t now)
{
	struct wl_thread *thread = &tracker->thread;
	struct walk walk = { .now = now, .empty = has_settled(tracker) };

	wl_tracker_walk(tracker, meet, &walk);
	thread->empty = walk.empty;
	thread->walk_cost = wl_clock() - now;
}

static void fire(struct latency_tracker *tracker, uint64_t now)
{
	struct latency_tracker_event *event;

	while (wl_wheel_take(&tracker->thread.wheel, tracker->pools, now, &event)) {
		struct wl_pin pin = wl_tracker_pin(tracker);

		visit(tracker, event, now, &pin);
		wl_unpin(pin);
		if (is_stopped(&tracker->thread))
			return;
	}
}

/* Takes over new settings. */
static void settle(struct latency_tracker *tracker, uint64_t now)
{
	struct wl_thread *thread = &tracker->thread;
	uint64_t timeout = atomic_load(&tracker->timeout), gc = atomic_load(&tracker->gc);

	if (thread->interval && timeout == thread->timeout && gc == thread->gc)
		return;
	thread->timeout = timeout;
	thread->gc = gc;
	thread->interval = interval_for(thread);
	thread->next_walk = now;
	wl_wheel_clear(&thread->wheel, tracker->pools);
	wl_wheel_start(&thread->wheel, now, least(timeout, 2 * MAX_INTERVAL));
}

/* Nothing was in flight at the last walk, and nothing has begun since. */
static bool is_quiet(const struct latency_tracker *tracker)
{
	return tracker->thread.empty && tracker->thread.walked == wl_tracker_entered(tracker);
}

static void watch(struct latency_tracker *tracker, uint64_t now)
{
	struct wl_thread *thread = &tracker->thread;

	settle(tracker, now);
	if (!thread->timeout && !thread->gc) {
		thread->next_walk = UINT64_MAX;
		return;
	}
	fire(tracker, now);
	if (now < thread->next_walk)
		return;
	if (is_quiet(tracker)) {
		thread->next_walk = now + 2 * thread->interval;
		return;
	}
	walk(tracker, now);
	thread->interval = interval_for(thread);
	thread->next_walk = now + thread->interval;
}

/* --- the thread --- */

/* Until when there is nothing to do. */
static uint64_t next_round(struct latency_tracker *tracker, uint64_t now)
{
	struct wl_thread *thread = &tracker->thread;
	uint64_t entered = wl_tracker_entered(tracker);

	if (entered == thread->seen)
		thread->sleep = least(thread->sleep * 2, IDLE_PERIODS * tracker->period);
	else
		thread->sleep = tracker->period;
	thread->seen = entered;
	return least(now + thread->sleep, least(thread->next_walk, wl_wheel_next(&thread->wheel)));
}

/* False when the thread is to end. */
static bool wait_until(struct wl_thread *thread, uint64_t time)
{
	struct timespec ts = { .tv_sec = (time_t)(time / SECOND),
			       .tv_nsec = (long)(time % SECOND) };
	int err = 0;
	bool stop;

	pthread_mutex_lock(&thread->lock);
	while (!thread->stop && !thread->poked && err != ETIMEDOUT)
		err = pthread_cond_timedwait(&thread->wake, &thread->lock, &ts);
	thread->poked = false;
	stop = thread->stop;
	pthread_mutex_unlock(&thread->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct latency_tracker *tracker = arg;
	uint64_t time;

	pthread_setname_np(pthread_self(), "latency_tracker");
	do {
		uint64_t now = wl_clock();
		bool more = grow(tracker, now);

		wl_tracker_advance(tracker);
		watch(tracker, now);
		time = more ? now : next_round(tracker, now);
	} while (wait_until(&tracker->thread, time));
	return NULL;
}

/* Signals are for the program's threads; helpers of the table inherit that. */
static int start_blocked(struct latency_tracker *tracker)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&tracker->thread.id, NULL, run, tracker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void forget(struct wl_thread *thread)
{
	pthread_cond_destroy(&thread->wake);
	pthread_mutex_destroy(&thread->lock);
}

int wl_thread_start(struct latency_tracker *tracker)
{
	struct wl_thread *thread = &tracker->thread;
	pthread_condattr_t attr;
	int err = wl_wheel_init(&thread->wheel, tracker->pool_count);

	if (err)
		return err;
	thread->sleep = tracker->period;
	pthread_mutex_init(&thread->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&thread->wake, &attr);
	pthread_condattr_destroy(&attr);
	err = start_blocked(tracker);
	if (err)
		forget(thread);
	return err;
}

static void signal_thread(struct wl_thread *thread, bool *flag)
{
	pthread_mutex_lock(&thread->lock);
	*flag = true;
	pthread_cond_signal(&thread->wake);
	pthread_mutex_unlock(&thread->lock);
}

void wl_thread_poke(struct latency_tracker *tracker)
{
	signal_thread(&tracker->thread, &tracker->thread.poked);
}

void wl_thread_stop(struct latency_tracker *tracker)
{
	struct wl_thread *thread = &tracker->thread;

	signal_thread(thread, &thread->stop);
	pthread_join(thread->id, NULL);
	forget(thread);
}
