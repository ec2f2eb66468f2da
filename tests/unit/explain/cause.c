/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The cause: which kind, which culprit, which words, and when nobody is to be named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "explain/cause.h"

#define MS 1000000ull
#define US 1000ull

static const struct wl_who nobody = { 0 };
static const struct wl_who idle = { .ctx = WL_WHO_IDLE };
static const struct wl_who logger = {
	.ctx = WL_WHO_TASK,
	.tid = 812,
	.tgid = 812,
	.comm = "logger",
	.policy = 1,
	.prio = -51,
};
static const struct wl_who worker = {
	.ctx = WL_WHO_TASK,
	.tid = 1234,
	.tgid = 1200,
	.comm = "worker2",
	.prio = 20,
};
static const struct wl_who irq36 = { .ctx = WL_WHO_IRQ, .nr = 36 };
static const struct wl_who resched = { .ctx = WL_WHO_IRQ, .nr = WL_VEC_BASE + 1 };
static const struct wl_who net_rx = { .ctx = WL_WHO_SOFTIRQ, .nr = 3 };

static struct wl_report empty_report(void)
{
	struct wl_report report = { .slow.path.h = { .id = 1, .start = 1000, .last = 1000 } };

	return report;
}

static void add(struct wl_report *report, unsigned int kind, uint64_t ns, unsigned int cpu,
		const struct wl_who *who)
{
	struct wl_path *path = &report->slow.path;

	path->seg[path->h.nseg++] = (struct wl_seg){
		.ns = ns,
		.cpu = cpu,
		.kind = kind,
		.pieces = 1,
		.who = *who,
	};
	path->h.last += ns;
}

static struct wl_report one_segment(unsigned int kind, uint64_t ns, const struct wl_who *who)
{
	struct wl_report report = empty_report();

	add(&report, kind, ns, 1, who);
	return report;
}

static void check_text(struct wl_report *report, const char *text)
{
	wl_cause_find(report);
	assert_string_equal(report->cause.text, text);
}

static void check(unsigned int kind, const struct wl_who *who, const char *text)
{
	struct wl_report report = one_segment(kind, 3 * MS, who);

	check_text(&report, text);
	assert_int_equal(report.cause.kind, kind);
	assert_int_equal(report.cause.ns, 3 * MS);
	assert_true(report.cause.share == 1);
}

static void test_wakeup(void **state)
{
	struct wl_who shared = worker, boosted = worker, kthread = worker;

	check(WL_SEG_WAKEUP, &logger, "waited 3.00ms for cpu1, held by logger/812 (SCHED_FIFO 50)");
	check(WL_SEG_WAKEUP, &irq36, "waited 3.00ms for cpu1, busy with interrupt 36");
	check(WL_SEG_WAKEUP, &resched,
	      "waited 3.00ms for cpu1, busy with the reschedule interrupt");
	check(WL_SEG_WAKEUP, &net_rx, "waited 3.00ms for cpu1, busy with softirq NET_RX");
	check(WL_SEG_WAKEUP, &idle,
	      "waited 3.00ms for cpu1, mostly idle: slow to wake (power saving state or "
	      "hypervisor)");
	check(WL_SEG_WAKEUP, &nobody, "waited 3.00ms for cpu1 (who held it is not known)");
	shared.flags = WL_WHO_F_SHARED;
	check(WL_SEG_WAKEUP, &shared,
	      "waited 3.00ms for cpu1, held by several tasks, longest by worker2/1234 (nice 0)");
	boosted.prio = -1 - 90;
	check(WL_SEG_WAKEUP, &boosted,
	      "waited 3.00ms for cpu1, held by worker2/1234 (boosted to "
	      "real-time priority 90)");
	kthread.flags = WL_WHO_F_KTHREAD;
	check(WL_SEG_WAKEUP, &kthread,
	      "waited 3.00ms for cpu1, held by worker2/1234 (kernel thread, nice 0)");
}

/* A kernel thread on the way is not the target. */
static void test_links(void **state)
{
	static const struct wl_who irq_thread = {
		.ctx = WL_WHO_TASK,
		.tid = 115,
		.comm = "irq/25-virtio3",
		.policy = 1,
		.prio = -1 - 50,
		.flags = WL_WHO_F_KTHREAD,
	};
	struct wl_report report = empty_report();

	check(WL_SEG_RUNNING, &irq_thread,
	      "irq/25-virtio3/115 (kernel thread, SCHED_FIFO 50) ran 3.00ms on the way");
	check(WL_SEG_SOFTIRQ, &irq_thread,
	      "a softirq ran 3.00ms in irq/25-virtio3/115 (kernel thread, SCHED_FIFO 50)");
	add(&report, WL_SEG_WAKEUP, 8 * MS, 1, &logger);
	add(&report, WL_SEG_RUNNING, MS / 10, 1, &irq_thread);
	add(&report, WL_SEG_WAKEUP, MS / 10, 1, &idle);
	add(&report, WL_SEG_RUNNING, MS / 10, 1, &nobody);
	check_text(&report, "on the way irq/25-virtio3/115 waited 8.00ms for cpu1, held by "
			    "logger/812 (SCHED_FIFO 50)");
	assert_int_equal(report.cause.who.tid, logger.tid);
}

static void test_policies(void **state)
{
	static const struct {
		unsigned char policy;
		signed char prio;
		const char *text;
	} cases[] = {
		{ 0, 39, "nice 19" },
		{ 0, 0, "nice -20" },
		{ 1, -2, "SCHED_FIFO 1" },
		{ 2, -100, "SCHED_RR 99" },
		{ 3, 25, "SCHED_BATCH, nice 5" },
		{ 5, 20, "SCHED_IDLE" },
		{ 6, -101, "SCHED_DEADLINE" },
		{ 7, 20, "SCHED_EXT, nice 0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wl_who who = worker;
		char text[200];

		who.policy = cases[i].policy;
		who.prio = cases[i].prio;
		snprintf(text, sizeof(text), "waited 3.00ms for cpu1, held by worker2/1234 (%s)",
			 cases[i].text);
		check(WL_SEG_WAKEUP, &who, text);
	}
}

static void test_on_the_cpu(void **state)
{
	struct wl_who shared = logger;

	check(WL_SEG_PREEMPTED, &logger,
	      "was preempted for 3.00ms on cpu1 by logger/812 (SCHED_FIFO 50)");
	check(WL_SEG_PREEMPTED, &nobody, "was preempted for 3.00ms on cpu1 (by whom is not known)");
	check(WL_SEG_PREEMPTED, &idle,
	      "was preempted for 3.00ms on cpu1, which was idle meanwhile");
	shared.flags = WL_WHO_F_SHARED;
	check(WL_SEG_PREEMPTED, &shared,
	      "was preempted for 3.00ms on cpu1 by several, longest by "
	      "logger/812 (SCHED_FIFO 50)");
	check(WL_SEG_INTERRUPTED, &irq36, "was interrupted for 3.00ms, longest by interrupt 36");
	check(WL_SEG_INTERRUPTED, &net_rx, "was interrupted for 3.00ms, longest by softirq NET_RX");
	check(WL_SEG_INTERRUPTED, &nobody, "was interrupted for 3.00ms by interrupts or softirqs");
	check(WL_SEG_RUNNING, &nobody, "ran 3.00ms itself");
	check(WL_SEG_THROTTLED, &nobody, "was out of CPU quota (cgroup CPU limit) for 3.00ms");
	check(WL_SEG_STEAL, &nobody, "the hypervisor did not run cpu1 for 3.00ms (steal)");
	check(WL_SEG_RECLAIM, &nobody,
	      "freed memory for 3.00ms (direct reclaim: the machine or its "
	      "cgroup is short of memory)");
	check(WL_SEG_STOPPED, &nobody, "was stopped (by a signal or a debugger) for 3.00ms");
	check(WL_SEG_UNKNOWN, &nobody, "3.00ms could not be attributed");
}

static void test_blocked(void **state)
{
	struct wl_who rx_by = net_rx, timer_softirq = net_rx;

	check(WL_SEG_IO, &irq36, "waited 3.00ms for block I/O");
	check(WL_SEG_LOCK, &worker, "waited 3.00ms for a lock that worker2/1234 released");
	check(WL_SEG_LOCK, &nobody, "waited 3.00ms for a lock (who held it is not known)");
	check(WL_SEG_TASK, &worker, "waited 3.00ms for worker2/1234 (another task's answer)");
	check(WL_SEG_TASK, &nobody, "waited 3.00ms for another task or an event");
	check(WL_SEG_TASK, &net_rx,
	      "waited 3.00ms for data from the network or another process, "
	      "delivered by softirq NET_RX");
	rx_by.tid = 88;
	memcpy(rx_by.comm, "client", 7);
	rx_by.prio = 20;
	check(WL_SEG_TASK, &rx_by,
	      "waited 3.00ms for data from the network or another process, "
	      "delivered by softirq NET_RX run by client/88 (nice 0)");
	timer_softirq.nr = 1;
	check(WL_SEG_TASK, &timer_softirq,
	      "waited 3.00ms for an event, delivered by softirq TIMER");
	check(WL_SEG_TASK, &irq36, "waited 3.00ms for an event, delivered by interrupt 36");
	check(WL_SEG_TIMER, &nobody, "slept 3.00ms until a timer (its own sleep or a timeout)");
	check(WL_SEG_FAULT, &nobody,
	      "waited 3.00ms in a page fault (memory that was not there yet)");
}

/* Before its begin mark an item is data in a socket, after it the program has it. */
static void test_queued_item(void **state)
{
	struct wl_report report = empty_report();

	add(&report, WL_SEG_QUEUED, 1 * MS, 0, &nobody);
	add(&report, WL_SEG_RUNNING, 1 * MS, 0, &nobody);
	add(&report, WL_SEG_QUEUED, 3 * MS, 0, &nobody);
	report.slow.work.kind = WL_COOKIE_NUMBER;
	report.slow.work.begun = report.slow.path.h.start + 1 * MS;
	wl_cause_find(&report);
	assert_string_equal(report.cause.text,
			    "the item waited 4.00ms in the program: no thread went on with it");
	report.slow.work.begun = report.slow.path.h.last;
	wl_cause_find(&report);
	assert_string_equal(report.cause.text, "the request waited 4.00ms in the socket: "
					       "the thread was busy with earlier ones");
}

static void test_before_the_task(void **state)
{
	struct wl_report report;

	check(WL_SEG_TIMER_DELAY, &nobody,
	      "the timer interrupt came 3.00ms after its time "
	      "(interrupts off, a deep sleep state, or the hypervisor)");
	check(WL_SEG_TIMER_SLACK, &nobody,
	      "the timer was allowed to be late (timer slack 3.00ms); "
	      "use SCHED_FIFO or prctl(PR_SET_TIMERSLACK)");
	check(WL_SEG_SOFTIRQ_DELAY, &net_rx, "the softirq NET_RX ran 3.00ms after it was raised");
	check(WL_SEG_SOFTIRQ_DELAY, &logger,
	      "a softirq ran 3.00ms after it was raised, its CPU "
	      "held by logger/812 (SCHED_FIFO 50)");
	check(WL_SEG_SOFTIRQ_DELAY, &nobody, "a softirq ran 3.00ms after it was raised");
	check(WL_SEG_SOFTIRQ, &net_rx, "the softirq NET_RX ran 3.00ms");
	check(WL_SEG_QUEUED, &nobody,
	      "the request waited 3.00ms in the socket: the thread was busy with earlier ones");
	check(WL_SEG_WORK_DELAY, &nobody,
	      "the kernel work item waited 3.00ms in its queue for a kworker");
	check(WL_SEG_IRQ, &nobody, "an interrupt ran 3.00ms");

	report = one_segment(WL_SEG_IRQ, 3 * MS, &nobody);
	report.slow.path.h.stim_kind = WL_STIM_IRQ;
	report.slow.path.h.stim_nr = 36;
	strcpy(report.names.stimulus, "virtio1-\x1b[2J");
	check_text(&report, "interrupt 36 virtio1-\\x1b[2J ran 3.00ms");

	report = one_segment(WL_SEG_SOFTIRQ_DELAY, 3 * MS, &nobody);
	report.slow.path.h.stim_kind = WL_STIM_SOFTIRQ;
	report.slow.path.h.stim_nr = 3;
	check_text(&report, "the softirq NET_RX ran 3.00ms after it was raised");
}

/* Every kind has a sentence, finished or not, with any `who` at all. */
static void test_every_kind(void **state)
{
	for (unsigned int kind = 0; kind < 40; kind++) {
		for (unsigned int ctx = 0; ctx < 9; ctx++) {
			struct wl_who who = { .ctx = ctx, .nr = 500, .policy = 200, .tid = ctx };
			struct wl_report report = one_segment(kind, 3 * MS, &who);

			report.slow.reason = ctx & 1 ? WL_REASON_TIMEOUT : WL_REASON_WORST;
			wl_cause_find(&report);
			assert_true(strlen(report.cause.text) > 10);
			assert_true(report.cause.kind > 0 && report.cause.kind < WL_SEG_MAX);
			if (ctx == WL_WHO_NONE || ctx >= WL_WHO_MAX)
				assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);
		}
	}
}

static void test_excess_over_typical(void **state)
{
	struct wl_report report = empty_report();

	add(&report, WL_SEG_RUNNING, 12 * MS, 0, &nobody);
	add(&report, WL_SEG_WAKEUP, 4 * MS, 1, &logger);
	report.typical = (struct wl_typical){ .known = true, .count = 500, .ns = 12 * MS };
	report.typical.budget[WL_SEG_RUNNING] = 11900 * US;
	report.typical.budget[WL_SEG_WAKEUP] = 100 * US;
	/* Running is longer, but it always is. */
	wl_cause_find(&report);
	assert_int_equal(report.cause.kind, WL_SEG_WAKEUP);
	assert_int_equal(report.cause.ns, 3900 * US);
	assert_true(report.cause.share > 0.97 && report.cause.share < 0.98);
	assert_int_equal(report.cause.who.tid, 812);
	assert_int_equal(report.cause.cpu, 1);
	assert_int_equal(report.budget[WL_SEG_RUNNING], 12 * MS);

	report = one_segment(WL_SEG_RUNNING, 12 * MS, &nobody);
	report.typical = (struct wl_typical){ .known = true, .ns = 60 * US };
	report.typical.budget[WL_SEG_RUNNING] = 40 * US;
	check_text(&report, "ran 12.0ms itself (typical 40.0us)");
}

/* Less than typical in some kinds: nothing wraps, and the share stays within 1. */
static void test_saturation(void **state)
{
	struct wl_report report = empty_report();

	add(&report, WL_SEG_WAKEUP, 5 * MS, 1, &logger);
	add(&report, WL_SEG_RUNNING, 1 * MS, 1, &nobody);
	report.typical = (struct wl_typical){ .known = true, .ns = 4 * MS };
	report.typical.budget[WL_SEG_RUNNING] = 4 * MS;
	wl_cause_find(&report);
	assert_int_equal(report.cause.kind, WL_SEG_WAKEUP);
	assert_int_equal(report.cause.ns, 5 * MS);
	assert_true(report.cause.share == 1);

	/* Not late at all. */
	report.typical.ns = 9 * MS;
	check_text(&report, "took no longer than usual (typical 9.00ms)");
	assert_int_equal(report.cause.kind, WL_SEG_NONE);
	assert_int_equal(report.cause.ns, 0);
	assert_true(report.cause.share == 0);
	assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);

	report = empty_report();
	check_text(&report, "took no longer than usual");
	report.slow.path.h.last += 5;
	check_text(&report, "the time could not be attributed");
	report.slow.reason = WL_REASON_TIMEOUT;
	check_text(&report, "the time could not be attributed; not finished");
}

static void test_nothing_dominates(void **state)
{
	struct wl_report report = empty_report();

	add(&report, WL_SEG_WAKEUP, 35 * MS, 1, &logger);
	add(&report, WL_SEG_LOCK, 33 * MS, 1, &worker);
	add(&report, WL_SEG_RUNNING, 32 * MS, 1, &nobody);
	check_text(&report, "no single cause dominates: 35% waited 35.0ms for cpu1, held by "
			    "logger/812 (SCHED_FIFO 50), 33% waited 33.0ms for a lock that "
			    "worker2/1234 released");
	assert_int_equal(report.cause.kind, WL_SEG_WAKEUP);
	assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);
	assert_true(report.cause.share > 0.34 && report.cause.share < 0.36);
}

/* The culprit is who had the most time in sum, and the sentence says what was that one's. */
static void test_several_culprits(void **state)
{
	struct wl_report report = empty_report();

	add(&report, WL_SEG_WAKEUP, 4 * MS, 1, &worker);
	add(&report, WL_SEG_WAKEUP, 3 * MS, 1, &logger);
	add(&report, WL_SEG_WAKEUP, 3 * MS, 1, &logger);
	check_text(&report, "waited 6.00ms for cpu1, held by logger/812 (SCHED_FIFO 50); "
			    "10.0ms in all");
	assert_int_equal(report.cause.who.tid, 812);

	report.slow.path.seg[2].cpu = 3;
	check_text(&report, "waited 6.00ms for a CPU, held by logger/812 (SCHED_FIFO 50); "
			    "10.0ms in all");

	/* Most of the time nobody is known: the one who is known is not to blame. */
	report = empty_report();
	add(&report, WL_SEG_WAKEUP, 9 * MS, 1, &nobody);
	add(&report, WL_SEG_WAKEUP, 1 * MS, 1, &logger);
	check_text(&report, "waited 9.00ms for cpu1 (who held it is not known); 10.0ms in all");
	assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);
}

static void test_folded(void **state)
{
	struct wl_report report = one_segment(WL_SEG_WAKEUP, 9 * MS, &logger);

	report.slow.path.seg[0].pieces = 5;
	check_text(&report, "waited 9.00ms for a CPU in 5 stretches, the longest held by "
			    "logger/812 (SCHED_FIFO 50)");
	report.slow.path.seg[0].kind = WL_SEG_LOCK;
	report.slow.path.seg[0].who = worker;
	check_text(&report, "waited 9.00ms for a lock in 5 stretches, the longest for one that "
			    "worker2/1234 released");
	report.slow.path.seg[0].kind = WL_SEG_PREEMPTED;
	check_text(&report, "was preempted for 9.00ms on several CPUs in 5 stretches, the longest "
			    "by worker2/1234 (nice 0)");
}

/* Who ended a wait is not its cause. */
static void test_no_culprit_invented(void **state)
{
	static const unsigned int kinds[] = {
		WL_SEG_IO,      WL_SEG_FAULT,   WL_SEG_TIMER,   WL_SEG_THROTTLED, WL_SEG_STEAL,
		WL_SEG_RECLAIM, WL_SEG_STOPPED, WL_SEG_UNKNOWN, WL_SEG_QUEUED,
	};
	struct wl_report report;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		report = one_segment(kinds[i], 3 * MS, &logger);
		wl_cause_find(&report);
		assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);
		assert_null(strstr(report.cause.text, "logger"));
	}
	report = one_segment(WL_SEG_LOCK, 3 * MS, &irq36);
	wl_cause_find(&report);
	assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);
}

static void test_unfinished(void **state)
{
	struct wl_report report = one_segment(WL_SEG_LOCK, 1020 * MS, &worker);

	report.slow.reason = WL_REASON_TIMEOUT;
	check_text(&report, "has been waiting 1.02s for a lock (who holds it is not known); "
			    "not finished");
	assert_int_equal(report.cause.who.ctx, WL_WHO_NONE);

	/* The cause is over, something else goes on. */
	report = empty_report();
	report.slow.reason = WL_REASON_TIMEOUT;
	add(&report, WL_SEG_LOCK, 800 * MS, 1, &worker);
	add(&report, WL_SEG_IO, 200 * MS, 1, &nobody);
	check_text(&report, "waited 800ms for a lock that worker2/1234 released; not finished, "
			    "waiting for block I/O for 200ms");
	assert_int_equal(report.cause.who.tid, 1234);

	/* The same kind goes on, but not that wait. */
	report.slow.path.seg[1].kind = WL_SEG_LOCK;
	check_text(&report, "waited 800ms for a lock that worker2/1234 released; 1.00s in all; "
			    "not finished, waiting for a lock for 200ms");
}

static void test_hostile_names(void **state)
{
	struct wl_who hostile = worker;
	struct wl_report report;

	memcpy(hostile.comm, "\x1b[2J\xff\n\r\t\x07\x7f\xc2\x9b\\\xe2\x80", sizeof(hostile.comm));
	report = empty_report();
	add(&report, WL_SEG_WAKEUP, 35 * MS, 1, &hostile);
	add(&report, WL_SEG_LOCK, 34 * MS, 1, &hostile);
	add(&report, WL_SEG_RUNNING, 31 * MS, 1, &nobody);
	wl_cause_find(&report);
	for (const char *c = report.cause.text; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f);
	assert_non_null(strstr(report.cause.text, "\\x1b[2J\\xff\\x0a"));
	/* Not terminated: nothing beyond its 16 bytes. */
	memset(hostile.comm, 'A', sizeof(hostile.comm));
	report = one_segment(WL_SEG_WAKEUP, 3 * MS, &hostile);
	check_text(&report, "waited 3.00ms for cpu1, held by AAAAAAAAAAAAAAAA/1234 (nice 0)");
}

/* A damaged path is not read beyond its end. */
static void test_damaged_path(void **state)
{
	struct wl_report report = one_segment(WL_SEG_WAKEUP, 3 * MS, &logger);

	report.slow.path.h.nseg = 255;
	report.slow.path.seg[7].kind = 99;
	report.slow.path.seg[7].ns = 1;
	wl_cause_find(&report);
	assert_int_equal(report.cause.kind, WL_SEG_WAKEUP);
	assert_int_equal(report.budget[WL_SEG_UNKNOWN], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wakeup),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_on_the_cpu),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_queued_item),
		cmocka_unit_test(test_before_the_task),
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_excess_over_typical),
		cmocka_unit_test(test_saturation),
		cmocka_unit_test(test_nothing_dominates),
		cmocka_unit_test(test_several_culprits),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_no_culprit_invented),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_damaged_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
