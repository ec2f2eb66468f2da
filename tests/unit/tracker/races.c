/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What happens between two steps of one call. The linker leads some calls of the library to us, so
 * that a test can act exactly there, where a thread that loses its CPU would be.
 */
#include <pthread.h>
#include <sched.h>

#include "common.h"

/* Calls between two steps of event_in(), event_out() and get_event_by_key(). */
enum step {
	BEFORE_PIN,  /* sched_getcpu(): has looked whether the tracker is on */
	BEFORE_LIVE, /* clock_gettime() of event_in(): is pinned, and counted */
	WHEN_FULL,   /* wl_tracker_advance() of event_in(): has left its first pin */
	STEPS,
};

/* What this thread does there, once. */
static _Thread_local void (*action[STEPS])(void);

static struct latency_tracker *tracker;

/* The tracker's thread. */
static struct {
	pthread_t main;                 /* is not it */
	atomic_uint rounds, clocks;     /* it reads the clock once a round, and once a walk */
	atomic_bool hold, held;         /* before its next round */
	atomic_bool hold_got, held_got; /* when it has the reference for a timeout */
	atomic_uint timeouts;
} thread;

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

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	reach(BEFORE_LIVE);
	thread.clocks += !pthread_equal(pthread_self(), thread.main);
	return __real_clock_gettime(clock, ts);
}

static void stay(const atomic_bool *hold, atomic_bool *held)
{
	for (; *hold; sleep_ns(MS))
		*held = true;
	*held = false;
}

bool __real_wl_tracker_advance(struct latency_tracker *t);
bool __wrap_wl_tracker_advance(struct latency_tracker *t);
bool __wrap_wl_tracker_advance(struct latency_tracker *t)
{
	reach(WHEN_FULL);
	if (!pthread_equal(pthread_self(), thread.main)) {
		stay(&thread.hold, &thread.held);
		thread.rounds++;
	}
	return __real_wl_tracker_advance(t);
}

bool __real_wl_tracker_get(struct latency_tracker *t, struct latency_tracker_event *event);
bool __wrap_wl_tracker_get(struct latency_tracker *t, struct latency_tracker_event *event);
bool __wrap_wl_tracker_get(struct latency_tracker *t, struct latency_tracker_event *event)
{
	bool got = __real_wl_tracker_get(t, event);

	stay(&thread.hold_got, &thread.held_got);
	return got;
}

static void note(struct latency_tracker_event_ctx *ctx)
{
	thread.timeouts += latency_tracker_event_ctx_get_cb_flag(ctx) == LATENCY_TRACKER_CB_TIMEOUT;
}

static void begin(uint64_t timeout, uint64_t events)
{
	memset(action, 0, sizeof(action));
	memset(&thread, 0, sizeof(thread));
	thread.main = pthread_self();
	tracker = create(0, timeout, note,
			 OPTIONS(.startup_events = events, .max_events = events, .period = MS));
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
	begin(0, 1);
	action[BEFORE_PIN] = clean_up;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_DISABLED);
	check_off(0);
	end();
}

/* As above, while it looks for memory: it is not pinned then either. */
static void test_full_while_cleaned_up(void **state)
{
	begin(0, 1);
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	action[WHEN_FULL] = end_and_clean_up;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_DISABLED);
	check_off(1);
	end();
}

static void test_out_while_switched_off(void **state)
{
	begin(0, 1);
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	action[BEFORE_PIN] = switch_off;
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_DISABLED);
	assert_int_equal(stats_of(tracker).held, 1);
	end();
}

static void test_get_while_switched_off(void **state)
{
	uint64_t key = 1;

	begin(0, 1);
	assert_int_equal(in(tracker, key), LATENCY_TRACKER_OK);
	action[BEFORE_PIN] = switch_off;
	assert_null(latency_tracker_get_event_by_key(tracker, &key, sizeof(key)));
	end();
}

/* --- walks for timeouts in the middle of event_in() --- */

#define TIMEOUT (20 * MS)

/* The tracker's thread has looked at everything more than once. */
static void wait_rounds(void)
{
	unsigned from = thread.rounds;

	wait_for(thread.rounds >= from + 20, 20);
}

/* The event that is counted but not there yet is not missed for good. */
static void test_walk_before_live(void **state)
{
	begin(TIMEOUT, 1);
	action[BEFORE_LIVE] = wait_rounds;
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	wait_for(thread.timeouts == 1, 20);
	end();
}

/* An event of key 1 that is never due. */
static struct latency_tracker_event *in_for_ever(void)
{
	struct latency_tracker_event *event;
	uint64_t key = 1, ts = clock_ns() + 3600 * SECOND;

	assert_int_equal(
		latency_tracker_event_in_get(tracker, &key, sizeof(key), 0, ts, NULL, &event), 0);
	return event;
}

static void end_and_wait_rounds(void)
{
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_OK);
	wait_rounds();
}

/* Not pinned: the epoch goes on, as often as it likes. */
static void test_walk_while_full(void **state)
{
	begin(TIMEOUT, 1);
	latency_tracker_unref_event(in_for_ever());
	action[WHEN_FULL] = end_and_wait_rounds;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_OK);
	wait_for(thread.timeouts == 1, 20);
	end();
}

static void wait_rounds_and_hold(void)
{
	wait_rounds();
	thread.hold = true;
	wait_for(thread.held, 20);
}

/* One event_in() was full after it was counted, another has begun: that is not the same number. */
static void test_walk_before_full(void **state)
{
	struct latency_tracker_event *event;

	begin(TIMEOUT, 1);
	event = in_for_ever();
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_OK);
	action[WHEN_FULL] = wait_rounds_and_hold;
	assert_int_equal(in(tracker, 2), LATENCY_TRACKER_FULL);
	latency_tracker_unref_event(event);
	assert_int_equal(in(tracker, 3), LATENCY_TRACKER_OK);
	thread.hold = false;
	wait_for(thread.timeouts == 1, 20);
	end();
}

/* With nothing in flight and nothing begun walks come to an end. */
static void test_walks_end(void **state)
{
	unsigned rounds, clocks;

	begin(TIMEOUT, 1);
	assert_int_equal(in(tracker, 1), LATENCY_TRACKER_OK);
	assert_int_equal(out(tracker, 1), LATENCY_TRACKER_OK);
	wait_rounds();
	rounds = thread.rounds;
	clocks = thread.clocks;
	wait_rounds();
	clocks = thread.clocks - clocks;
	/* One may be between its clock and its round. */
	assert_true(clocks <= thread.rounds - rounds + 1);
	end();
}

/* --- an out in the middle of a timeout --- */

struct order {
	unsigned told;
	bool due_first, timed_out;
};

/* The other event's callback lets the thread go on, as far as its next round. */
static void tell_in_order(struct latency_tracker_event_ctx *ctx)
{
	struct order *order = latency_tracker_event_ctx_get_priv(ctx);
	unsigned from = thread.rounds;

	thread.timeouts += latency_tracker_event_ctx_get_cb_flag(ctx) == LATENCY_TRACKER_CB_TIMEOUT;
	order->timed_out |= latency_tracker_event_ctx_get_timed_out(ctx);
	if (order->told++)
		return;
	order->due_first = latency_tracker_event_ctx_get_start_ts(ctx) == 1;
	thread.hold_got = false;
	wait_for(thread.rounds > from, 20);
}

/*
 * The thread has the event that is due, an out ends it and another one of the same key, and tells
 * that one first: when the thread finds that it is late, the other has not been told yet.
 */
static void test_out_before_timeout(void **state)
{
	struct order order = { .told = 0 };
	uint64_t key = 1, later = clock_ns() + 3600 * SECOND;

	begin(0, 2);
	thread.hold_got = true;
	latency_tracker_set_callback(tracker, tell_in_order);
	latency_tracker_event_in_get(tracker, &key, sizeof(key), 0, 1, &order, NULL);
	latency_tracker_event_in_get(tracker, &key, sizeof(key), 0, later, &order, NULL);
	latency_tracker_set_timeout(tracker, MS);
	wait_for(thread.held_got, 20);
	assert_int_equal(out_at(tracker, key, later + 1), LATENCY_TRACKER_OK);
	assert_int_equal(order.told, 2);
	assert_false(order.due_first);
	assert_false(order.timed_out);
	assert_int_equal(thread.timeouts, 0);
	assert_int_equal(stats_of(tracker).timeouts, 0);
	end();
}

/* glibc tells the CPU's number without a call, where it may: but not here. */
static void refuse_rseq(char **argv)
{
	static const char tunable[] = "glibc.pthread.rseq=0";
	const char *set = getenv("GLIBC_TUNABLES");

	if (set && !strcmp(set, tunable))
		return;
	setenv("GLIBC_TUNABLES", tunable, 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_while_cleaned_up),
		cmocka_unit_test(test_full_while_cleaned_up),
		cmocka_unit_test(test_out_while_switched_off),
		cmocka_unit_test(test_get_while_switched_off),
		cmocka_unit_test(test_walk_before_live),
		cmocka_unit_test(test_walk_while_full),
		cmocka_unit_test(test_walk_before_full),
		cmocka_unit_test(test_walks_end),
		cmocka_unit_test(test_out_before_timeout),
	};

	refuse_rseq(argv);
	return cmocka_run_group_tests_name("tracker/races", tests, NULL, NULL);
}
