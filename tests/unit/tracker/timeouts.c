/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Timeouts and gc, in real time. Never early, each once, and once more for a late out. How late
 * they come is the machine's matter: only order and counts are asserted.
 */
#include "common.h"

#define EVENTS 20000

struct seen {
	atomic_uint timeouts, normal, late, gc, early, wrong_thread, bad;
	atomic_uint by_key[EVENTS];
	uint64_t timeout;
	pthread_t main;
	struct latency_tracker *tracker;
};

static struct seen *seen_of(struct latency_tracker_event_ctx *ctx)
{
	return latency_tracker_get_priv(latency_tracker_event_ctx_get_tracker(ctx));
}

static void note(struct latency_tracker_event_ctx *ctx)
{
	struct seen *seen = seen_of(ctx);
	uint64_t key, delay = latency_tracker_event_ctx_get_delay(ctx);
	bool main = pthread_equal(pthread_self(), seen->main);

	memcpy(&key, latency_tracker_event_ctx_get_key(ctx, NULL), sizeof(key));
	switch (latency_tracker_event_ctx_get_cb_flag(ctx)) {
	case LATENCY_TRACKER_CB_TIMEOUT:
		seen->timeouts++;
		seen->early += delay < seen->timeout;
		seen->wrong_thread += main;
		seen->bad += key >= EVENTS || seen->by_key[key]++ ||
			     !latency_tracker_event_ctx_get_timed_out(ctx);
		break;
	case LATENCY_TRACKER_CB_NORMAL:
		seen->normal++;
		seen->late += latency_tracker_event_ctx_get_timed_out(ctx);
		seen->wrong_thread += !main;
		break;
	case LATENCY_TRACKER_CB_GC:
		seen->gc++;
		seen->wrong_thread += main;
		break;
	}
}

static struct seen *make(uint64_t timeout, struct latency_tracker_options *options)
{
	struct seen *seen = calloc(1, sizeof(*seen));

	assert_non_null(seen);
	seen->timeout = timeout;
	seen->main = pthread_self();
	options->size = sizeof(*options);
	options->priv = seen;
	seen->tracker = create(LATENCY_TRACKER_NEVER, timeout, note, options);
	return seen;
}

static void drop(struct seen *seen)
{
	assert_int_equal(seen->early, 0);
	assert_int_equal(seen->wrong_thread, 0);
	assert_int_equal(seen->bad, 0);
	assert_int_equal(latency_tracker_destroy(seen->tracker), 0);
	free(seen);
}

/* Every third one gets no out; of these every other one comes late. */
static void test_each_once(void **state)
{
	struct seen *seen =
		make(300 * MS, &(struct latency_tracker_options){ .max_events = EVENTS });
	unsigned lost = 0;

	for (unsigned i = 0; i < EVENTS; i++) {
		assert_int_equal(in(seen->tracker, i), 0);
		if (i % 3)
			assert_int_equal(out(seen->tracker, i), 0);
		else
			lost++;
	}
	wait_for(seen->timeouts >= lost, 20);
	sleep_ns(700 * MS);
	assert_int_equal(seen->timeouts, lost);
	assert_int_equal(seen->normal, 0);
	for (unsigned i = 0; i < EVENTS; i++)
		assert_int_equal(seen->by_key[i], i % 3 == 0);
	for (unsigned i = 0; i < EVENTS; i += 6)
		assert_int_equal(out(seen->tracker, i), 0);
	assert_int_equal(seen->normal, (EVENTS + 5) / 6);
	assert_int_equal(seen->late, seen->normal);
	assert_int_equal(stats_of(seen->tracker).timeouts, lost);
	drop(seen);
}

/* With our own time stamps: due in the past, just now, far away. */
static void test_own_times(void **state)
{
	struct seen *seen = make(SECOND, &(struct latency_tracker_options){ .key_size = 8 });
	uint64_t now = clock_ns();

	assert_int_equal(in_at(seen->tracker, 1, 0, 1), 0);
	assert_int_equal(in_at(seen->tracker, 2, 0, now - SECOND + 100 * MS), 0);
	assert_int_equal(in_at(seen->tracker, 3, 0, now + 3600 * SECOND), 0);
	assert_int_equal(in_at(seen->tracker, 4, 0, UINT64_MAX), 0);
	wait_for(seen->timeouts == 2, 20);
	sleep_ns(100 * MS);
	assert_int_equal(seen->timeouts, 2);
	assert_int_equal(seen->by_key[1], 1);
	assert_int_equal(seen->by_key[2], 1);
	drop(seen);
}

/* Events that are in flight when the timeout changes follow the new one. */
static void test_change(void **state)
{
	struct seen *seen = make(0, &(struct latency_tracker_options){ .key_size = 8 });

	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(in(seen->tracker, i), 0);
	sleep_ns(50 * MS);
	latency_tracker_set_timeout(seen->tracker, 3600 * SECOND);
	sleep_ns(50 * MS);
	assert_int_equal(seen->timeouts, 0);
	seen->timeout = 60 * MS;
	latency_tracker_set_timeout(seen->tracker, 60 * MS);
	assert_int_equal(latency_tracker_get_timeout(seen->tracker), 60 * MS);
	wait_for(seen->timeouts == 100, 20);
	latency_tracker_set_timeout(seen->tracker, 0);
	for (unsigned i = 100; i < 200; i++)
		assert_int_equal(in(seen->tracker, i), 0);
	sleep_ns(200 * MS);
	assert_int_equal(seen->timeouts, 100);
	drop(seen);
}

/* gc takes what is old, also what has timed out, and nothing else. */
static void test_gc(void **state)
{
	struct seen *seen = make(0, &(struct latency_tracker_options){ .gc = 150 * MS });
	uint64_t now = clock_ns();

	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(in_at(seen->tracker, i % 10, 0, now), 0);
	assert_int_equal(in_at(seen->tracker, 5000, 0, now + 3600 * SECOND), 0);
	wait_for(seen->gc == 1000, 20);
	assert_true(clock_ns() > now + 150 * MS);
	assert_int_equal(stats_of(seen->tracker).collected, 1000);
	assert_int_equal(stats_of(seen->tracker).held, 1);
	assert_int_equal(out(seen->tracker, 3), LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(out(seen->tracker, 5000), LATENCY_TRACKER_OK);
	drop(seen);
}

static void begin_again(struct latency_tracker_event_ctx *ctx)
{
	struct seen *seen = seen_of(ctx);
	uint64_t key;

	memcpy(&key, latency_tracker_event_ctx_get_key(ctx, NULL), sizeof(key));
	seen->bad += latency_tracker_destroy(seen->tracker) != -EDEADLK;
	/* Ends the event that is being told, whose normal callback runs within this one. */
	if (latency_tracker_event_ctx_get_cb_flag(ctx) == LATENCY_TRACKER_CB_NORMAL) {
		seen->normal++;
		return;
	}
	seen->timeouts++;
	seen->bad += out(seen->tracker, key) != LATENCY_TRACKER_OK;
	if (key < 20)
		seen->bad += in(seen->tracker, key + 1) != LATENCY_TRACKER_OK;
}

static void test_from_callback(void **state)
{
	struct seen *seen = make(10 * MS, &(struct latency_tracker_options){ .max_events = 2 });

	latency_tracker_set_callback(seen->tracker, begin_again);
	assert_int_equal(in(seen->tracker, 0), 0);
	wait_for(seen->timeouts == 21, 20);
	wait_for(seen->normal == 21, 1);
	assert_int_equal(stats_of(seen->tracker).held, 0);
	drop(seen);
}

/* References keep an event that ends while its timeout is told. */
static void slow_callback(struct latency_tracker_event_ctx *ctx)
{
	struct seen *seen = seen_of(ctx);
	const uint64_t *key = latency_tracker_event_ctx_get_key(ctx, NULL);

	if (latency_tracker_event_ctx_get_cb_flag(ctx) == LATENCY_TRACKER_CB_NORMAL)
		return;
	seen->timeouts++;
	sleep_ns(100 * MS);
	seen->bad += *key != 7;
	seen->normal++;
}

static void test_out_while_told(void **state)
{
	struct seen *seen = make(10 * MS, &(struct latency_tracker_options){ .max_events = 4 });

	latency_tracker_set_callback(seen->tracker, slow_callback);
	assert_int_equal(in(seen->tracker, 7), 0);
	wait_for(seen->timeouts == 1, 20);
	latency_tracker_set_timeout(seen->tracker, 0);
	assert_int_equal(out(seen->tracker, 7), 0);
	/* Its memory is not used again, however often the others go round. */
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(in(seen->tracker, 8), 0);
		assert_int_equal(out(seen->tracker, 8), 0);
	}
	wait_for(seen->normal == 1, 20);
	drop(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),     cmocka_unit_test(test_own_times),
		cmocka_unit_test(test_change),        cmocka_unit_test(test_gc),
		cmocka_unit_test(test_from_callback), cmocka_unit_test(test_out_while_told),
	};

	return cmocka_run_group_tests_name("tracker/timeouts", tests, NULL, NULL);
}
