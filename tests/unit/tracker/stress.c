/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Threads, shared keys, timeouts, gc, clear, switching, growth and destruction all at once. Each
 * event has a number of its own: nothing may be told twice, what the threads were told must be what
 * is counted, and at the end every event's memory must be free again. Also under the sanitizers.
 */
#include <sched.h>

#include "common.h"

#define THREADS 4
#define KEYS 50
#define IDS (1u << 22)

struct stress;

struct worker {
	pthread_t thread;
	struct stress *stress;
	uint64_t random, ok, full, found;
};

struct stress {
	struct latency_tracker *tracker;
	struct worker workers[THREADS];
	atomic_uint next_id;
	atomic_uchar *told; /* by id: 1 timeout, 16 end */
	atomic_uint_least64_t slow, timeouts, late, collected, twice, wrong;
	atomic_bool stop;
	unsigned most;
};

static void note(struct latency_tracker_event_ctx *ctx)
{
	struct stress *s = latency_tracker_get_priv(latency_tracker_event_ctx_get_tracker(ctx));
	uint64_t id = (uintptr_t)latency_tracker_event_ctx_get_priv(ctx), key;
	bool timed_out = latency_tracker_event_ctx_get_timed_out(ctx);

	memcpy(&key, latency_tracker_event_ctx_get_key(ctx, NULL), sizeof(key));
	s->wrong += key >= KEYS || id >= IDS;
	switch (latency_tracker_event_ctx_get_cb_flag(ctx)) {
	case LATENCY_TRACKER_CB_TIMEOUT:
		s->timeouts++;
		s->twice += atomic_fetch_add(&s->told[id], 1) & 15;
		break;
	case LATENCY_TRACKER_CB_NORMAL:
		s->slow++;
		s->late += timed_out;
		s->twice += atomic_fetch_add(&s->told[id], 16) >> 4;
		break;
	case LATENCY_TRACKER_CB_GC:
		s->collected++;
		s->twice += atomic_fetch_add(&s->told[id], 16) >> 4;
		break;
	}
	/* Every now and then a callback does what callbacks may. */
	if (id % 64 == 0)
		latency_tracker_event_out(latency_tracker_event_ctx_get_tracker(ctx), NULL, &key,
					  sizeof(key), 1, 0);
}

static void *next_id(struct stress *s)
{
	return (void *)(uintptr_t)(atomic_fetch_add(&s->next_id, 1) % IDS);
}

static void count(struct worker *w, enum latency_tracker_ret ret)
{
	w->ok += ret == LATENCY_TRACKER_OK;
	w->full += ret == LATENCY_TRACKER_FULL;
	w->stress->wrong += ret == LATENCY_TRACKER_ERR || ret == LATENCY_TRACKER_NOT_FOUND;
}

/* With a handle: its fields are right until it is given back, ended or not. */
static void hold(struct worker *w, uint64_t key)
{
	struct stress *s = w->stress;
	void *id = next_id(s);
	struct latency_tracker_event *event;
	uint64_t ts = clock_ns();
	enum latency_tracker_ret ret =
		latency_tracker_event_in_get(s->tracker, &key, sizeof(key), 0, ts, id, &event);

	count(w, ret);
	if (ret)
		return;
	if (w->random % 3 == 0)
		sched_yield();
	s->wrong += latency_tracker_event_get_priv(event) != id ||
		    latency_tracker_event_get_start_ts(event) != ts;
	if (w->random % 2)
		latency_tracker_event_out(s->tracker, event, NULL, 0, 2, 0);
	s->wrong += latency_tracker_event_get_priv(event) != id;
	latency_tracker_unref_event(event);
}

static void look(struct worker *w, uint64_t key)
{
	struct latency_tracker *t = w->stress->tracker;
	struct latency_tracker_event *event =
		latency_tracker_get_event_by_key(t, &key, sizeof(key));
	uint64_t start;

	if (!event)
		return;
	w->found++;
	start = latency_tracker_event_get_start_ts(event);
	w->stress->wrong += !latency_tracker_ref_event(event);
	if (w->random % 4 == 0)
		latency_tracker_event_out(t, event, NULL, 0, 3, 0);
	latency_tracker_unref_event(event);
	w->stress->wrong += latency_tracker_event_get_start_ts(event) != start;
	latency_tracker_unref_event(event);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct stress *s = w->stress;

	while (!s->stop) {
		uint64_t r = test_random(&w->random), key = r % KEYS;

		switch (r >> 32 & 15) {
		case 0:
			hold(w, key);
			break;
		case 1:
			look(w, key);
			break;
		case 2:
			count(w, latency_tracker_event_in(s->tracker, &key, sizeof(key), 1,
							  next_id(s)));
			break;
		case 3:
			stats_of(s->tracker);
			break;
		case 4 ... 9:
			count(w, latency_tracker_event_in(s->tracker, &key, sizeof(key), 0,
							  next_id(s)));
			break;
		default:
			latency_tracker_event_out(s->tracker, NULL, &key, sizeof(key), 0, 0);
		}
	}
	return NULL;
}

/* What is rarer: settings, clearing, switching. */
static void control(struct stress *s, uint64_t until)
{
	uint64_t random = until | 1;

	while (clock_ns() < until) {
		uint64_t r = test_random(&random);

		switch (r % 8) {
		case 0:
			latency_tracker_clear(s->tracker);
			break;
		case 1:
			latency_tracker_set_tracking_on(s->tracker, 0, r >> 8 & 1);
			latency_tracker_set_tracking_on(s->tracker, 1, 0);
			break;
		case 2:
			latency_tracker_set_timeout(s->tracker, (r >> 8) % (20 * MS));
			break;
		case 3:
			latency_tracker_set_threshold(s->tracker, (r >> 8) % MS);
			break;
		case 4:
			latency_tracker_set_gc(s->tracker, r >> 8 & 1 ? 30 * MS : 0);
			break;
		default:
			sleep_ns(MS);
		}
	}
}

static void check_counts(struct stress *s)
{
	struct latency_tracker_stats stats = stats_of(s->tracker);
	uint64_t ok = 0, full = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		ok += s->workers[i].ok;
		full += s->workers[i].full;
	}
	assert_int_equal(s->wrong, 0);
	assert_int_equal(s->twice, 0);
	assert_int_equal(stats.tracked, ok);
	assert_int_equal(stats.skipped, full);
	assert_int_equal(stats.held, 0);
	assert_int_equal(stats.tracked,
			 stats.count + stats.replaced + stats.cleared + stats.collected);
	assert_int_equal(stats.timeouts, s->timeouts);
	assert_int_equal(stats.collected, s->collected);
	/* A late out is told although it may not be over the threshold. */
	assert_in_range(s->slow, stats.slow, stats.slow + s->late);
	print_message("# %llu events, %llu skipped, %llu told, %llu timeouts, %llu late, %llu gc\n",
		      (unsigned long long)ok, (unsigned long long)full, (unsigned long long)s->slow,
		      (unsigned long long)s->timeouts, (unsigned long long)s->late,
		      (unsigned long long)s->collected);
}

/* Every event's memory can be used: none was lost, none is in two places. */
static void check_memory(struct stress *s)
{
	struct latency_tracker *t = s->tracker;
	unsigned full = 0;

	latency_tracker_set_tracking_on(t, 1, 0);
	for (uint64_t i = 0; i < s->most; i++) {
		/* The pools may not have grown to the end yet. */
		while (in(t, 1000 + i) == LATENCY_TRACKER_FULL) {
			sleep_ns(MS);
			assert_true(++full < 5000);
		}
	}
	assert_int_equal(in(t, 999), LATENCY_TRACKER_FULL);
	assert_int_equal(stats_of(t).held, s->most);
}

static void run(unsigned most, uint64_t seed)
{
	struct stress *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->told = calloc(IDS, 1);
	assert_non_null(s->told);
	s->most = most;
	s->tracker = create(1000, 5 * MS, note,
			    OPTIONS(.startup_events = most / 5, .max_events = most, .period = MS,
				    .priv = s));
	for (unsigned i = 0; i < THREADS; i++) {
		s->workers[i] = (struct worker){ .stress = s, .random = test_random(&seed) | 1 };
		assert_int_equal(pthread_create(&s->workers[i].thread, NULL, work, &s->workers[i]),
				 0);
	}
	control(s, clock_ns() + SECOND);
	s->stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(s->workers[i].thread, NULL);
	latency_tracker_set_gc(s->tracker, 0);
	latency_tracker_set_timeout(s->tracker, 0);
	/* A callback of the tracker's thread may still be running. */
	sleep_ns(50 * MS);
	latency_tracker_set_tracking_on(s->tracker, 0, 1);
	/* So that no number is used a second time. */
	assert_true(s->next_id <= IDS);
	check_counts(s);
	check_memory(s);
	latency_tracker_destroy(s->tracker);
	free(s->told);
	free(s);
}

static void test_all_at_once(void **state)
{
	/* Enough, and so few that they are always being used again. */
	static const unsigned most[] = { 4000, 20, 100 };
	const char *given = getenv("WL_TEST_SEED");
	uint64_t seed = (given ? strtoull(given, NULL, 0) : clock_ns()) | 1;

	print_message("# WL_TEST_SEED=%llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < ARRAY_SIZE(most); i++)
		run(most[i], test_random(&seed));
}

struct lives {
	struct latency_tracker *tracker;
	atomic_uint_least64_t told;
	atomic_bool stop;
};

static void tell(struct latency_tracker_event_ctx *ctx)
{
	struct lives *l = latency_tracker_get_priv(latency_tracker_event_ctx_get_tracker(ctx));

	l->told++;
}

static void *begin_and_end(void *arg)
{
	struct lives *l = arg;
	uint64_t key = (uintptr_t)&key;

	for (unsigned i = 0; !l->stop; i++, key++) {
		in(l->tracker, key % 1000);
		if (i % 3)
			out(l->tracker, key % 1000);
	}
	return NULL;
}

/* Short lives: created, used by threads that end first, destroyed in the middle of timeouts. */
static void test_destroy(void **state)
{
	uint64_t told = 0;

	for (unsigned i = 0; i < 60; i++) {
		struct lives l = { .tracker = NULL };
		pthread_t threads[2];

		l.tracker = create(0, 2 * MS, tell,
				   OPTIONS(.startup_events = 500, .max_events = 3000, .period = MS,
					   .priv = &l));
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(pthread_create(&threads[k], NULL, begin_and_end, &l), 0);
		sleep_ns(i % 20 * MS);
		l.stop = true;
		for (unsigned k = 0; k < 2; k++)
			pthread_join(threads[k], NULL);
		assert_int_equal(latency_tracker_destroy(l.tracker), 0);
		/* After destroy() nothing runs any more: l is gone with this turn. */
		told += l.told;
	}
	assert_true(told > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_destroy),
	};

	return cmocka_run_group_tests_name("tracker/stress", tests, NULL, NULL);
}
