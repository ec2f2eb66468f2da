/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An event ends while somebody gets a reference to it: every order of their steps. Exactly one of
 * the two gives its memory back, whatever the order.
 */
#include "common.h"
#include "tracker/tracker.h"

static struct latency_tracker_event *begin(struct latency_tracker *t, uint64_t key)
{
	struct latency_tracker_event *event;

	assert_int_equal(in(t, key), LATENCY_TRACKER_OK);
	event = latency_tracker_get_event_by_key(t, &key, sizeof(key));
	assert_non_null(event);
	latency_tracker_unref_event(event);
	assert_int_equal(atomic_load(&event->state), WL_EVENT_LIVE | 1);
	return event;
}

/* What a getter does before it looks whether the event has been taken out. */
static void raise_count(struct latency_tracker_event *event)
{
	atomic_fetch_add(&event->state, 1);
}

static void test_got_before(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_int_equal(wl_event_get(event), WL_GOT);
	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	assert_false(wl_event_end(event, &seen));
	assert_int_equal(seen, WL_EVENT_LIVE | 2);
	assert_false(wl_event_drop(event));
	assert_true(wl_event_drop(event));
	latency_tracker_destroy(t);
}

static void test_taken_out_before(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	assert_int_equal(wl_event_get(event), WL_GOT_NONE);
	assert_true(wl_event_end(event, &seen));
	assert_int_equal(wl_event_get(event), WL_GOT_NONE);
	latency_tracker_destroy(t);
}

/* The ender saw the count of a getter that then finds the event taken out: the getter is last. */
static void test_seen_in_between(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	raise_count(event);
	assert_false(wl_event_end(event, &seen));
	assert_false(wl_event_drop(event));
	assert_true(cds_lfht_is_node_deleted(&event->link));
	assert_true(wl_event_drop(event));
	latency_tracker_destroy(t);
}

/* The ender did not see it: the event is the ender's, and the getter's count is void. */
static void test_not_seen(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	assert_true(wl_event_end(event, &seen));
	assert_false(wl_event_drop(event));
	assert_int_equal(atomic_load(&event->state), 0);
	latency_tracker_destroy(t);
}

/* That it has timed out is still known when nobody else has it. */
static void test_timed_out(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_true(wl_event_time_out(event));
	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	assert_true(wl_event_end(event, &seen));
	assert_true(seen & WL_EVENT_TIMED_OUT);
	assert_int_equal(atomic_load(&event->state), WL_EVENT_TIMED_OUT);
	latency_tracker_destroy(t);
}

/* A timeout that comes too late leaves no trace: the out is going to tell what it saw. */
static void test_timed_out_after(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event = begin(t, 1);
	unsigned seen;

	assert_int_equal(wl_event_get(event), WL_GOT);
	assert_int_equal(cds_lfht_del(t->table, &event->link), 0);
	assert_false(wl_event_end(event, &seen));
	assert_false(wl_event_time_out(event));
	assert_int_equal(atomic_load(&event->state), 2);
	latency_tracker_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_got_before),      cmocka_unit_test(test_taken_out_before),
		cmocka_unit_test(test_seen_in_between), cmocka_unit_test(test_not_seen),
		cmocka_unit_test(test_timed_out),       cmocka_unit_test(test_timed_out_after),
	};

	return cmocka_run_group_tests_name("tracker/ending", tests, NULL, NULL);
}
