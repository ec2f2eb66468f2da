/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What happens between two steps of one call. The linker leads some calls of the library to us, so
 * that a test can act exactly there, where a thread that loses its CPU would be.
 */
#include <sched.h>

#include "common.h"

/* Calls between two steps of event_in(), event_out() and get_event_by_key(). */
enum step {
	BEFORE_PIN, /* sched_getcpu(): has looked whether the tracker is on */
	WHEN_FULL,  /* wl_tracker_advance() of event_in(): has left its first pin */
	STEPS,
};

/* What this thread does there, once. */
static _Thread_local void (*action[STEPS])(void);

static struct latency_tracker *tracker;

static void reach(enum step step)
{
	void (*act)(void) = action[step];

	action[step] = NULL;
	if (act)
		act();
}

int __real_sched_getcpu(void);
int __wrap_sched_getcpu(void);
int __wrap_sched_getcpu(void)
{
	reach(BEFORE_PIN);
	return __real_sched_getcpu();
}

bool __real_wl_tracker_advance(struct latency_tracker *t);
bool __wrap_wl_tracker_advance(struct latency_tracker *t);
bool __wrap_wl_tracker_advance(struct latency_tracker *t)
{
	reach(WHEN_FULL);
	return __real_wl_tracker_advance(t);
}

/* Room for one event. */
static void begin(void)
{
	memset(action, 0, sizeof(action));
	tracker = create(0, 0, NULL, OPTIONS(.startup_events = 1, .max_events = 1));
}

static void end(void)
{
	assert_int_equal(latency_tracker_destroy(tracker), 0);
}

static void switch_off(void)
{
	assert_int_equal(latency_tracker_set_tracking_on(tracker, 0, 0), 0);
}

static void clean_up(void)
{
	assert_int_equal(latency_tracker_set_tracking_on(tracker, 0, 1), 0);
}

static void end_and_clean_up(void)
{
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_OK);
	clean_up();
}

/* The tracker is off, empty, and has counted this many; the one event's memory was not lost. */
static void check_off(uint64_t tracked)
{
	struct latency_tracker_stats stats = stats_of(tracker);

	assert_int_equal(stats.held, 0);
	assert_int_equal(stats.tracked, tracked);
	assert_int_equal(stats.skipped, 0);
	assert_int_equal(latency_tracker_set_tracking_on(tracker, 1, 0), 0);
	assert_int_equal(out(tracker, 2), LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(in(tracker, 3), LATENCY_TRACKER_OK);
}

static void test_in_while_cleaned_up(void **state)
{
	begin();
	action[BEFORE_PIN] = clean_up;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_DISABLED);
	check_off(0);
	end();
}

/* As above, while it looks for memory: it is not pinned then either. */
static void test_full_while_cleaned_up(void **state)
{
	begin();
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	action[WHEN_FULL] = end_and_clean_up;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_DISABLED);
	check_off(1);
	end();
}

static void test_out_while_switched_off(void **state)
{
	begin();
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	action[BEFORE_PIN] = switch_off;
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_DISABLED);
	assert_int_equal(stats_of(tracker).held, 1);
	end();
}

static void test_get_while_switched_off(void **state)
{
	uint64_t key = 1;

	begin();
	assert_int_equal(in(tracker, key), LATENCY_TRACKER_OK);
	action[BEFORE_PIN] = switch_off;
	assert_null(latency_tracker_get_event_by_key(tracker, &key, sizeof(key)));
	end();
}

/* glibc tells the CPU's number without a call, where it may: but not here. */
static void refuse_rseq(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_while_cleaned_up),
		cmocka_unit_test(test_full_while_cleaned_up),
		cmocka_unit_test(test_out_while_switched_off),
		cmocka_unit_test(test_get_while_switched_off),
	};

	refuse_rseq(argv);
	return cmocka_run_group_tests_name("tracker/races", tests, NULL, NULL);
}
