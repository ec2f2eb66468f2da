/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where a thread waits for work, and what any other wait was. */
#include "cases.h"

static struct wl_sleep in_call(int call, uint64_t arg)
{
	return (struct wl_sleep){ .call = call, .arg = arg };
}

static bool at_home(struct wl_task *t, int call, uint64_t arg)
{
	struct wl_sleep s = in_call(call, arg);

	return wl_sleep_at_home(&m.cfg, t, &s);
}

static void test_first_wait(void **state)
{
	struct wl_task t = { 0 };

	assert_false(at_home(&t, CALL_WRITE, 1)); /* not an idle call */
	assert_false(at_home(&t, -1, 1));         /* a fault */
	assert_int_equal(t.nhomes, 0);
	assert_true(at_home(&t, CALL_EPOLL, 4));
	assert_int_equal(t.nhomes, 1);
	/* the same call on something else: a row lock */
	assert_false(at_home(&t, CALL_EPOLL, 9));
	assert_false(at_home(&t, CALL_READ, 4));
	assert_true(at_home(&t, CALL_EPOLL, 4));
	assert_int_equal(t.nhomes, 1);
}

static void test_not_interruptible(void **state)
{
	struct wl_sleep hard = { .call = CALL_EPOLL, .arg = 4, .hard = 1 };
	struct wl_sleep stopped = { .call = CALL_EPOLL, .arg = 4, .stopped = 1 };
	struct wl_task t = { 0 };

	assert_false(wl_sleep_at_home(&m.cfg, &t, &hard));
	assert_false(wl_sleep_at_home(&m.cfg, &t, &stopped));
	assert_int_equal(t.nhomes, 0);
	assert_true(at_home(&t, CALL_EPOLL, 4));
	assert_false(wl_sleep_at_home(&m.cfg, &t, &hard));
}

/* A condition variable of glibc alternates between two adjacent words. */
static void test_futex_low_bits(void **state)
{
	struct wl_task t = { 0 };

	assert_true(at_home(&t, CALL_FUTEX, 0x7f0000001000));
	assert_true(at_home(&t, CALL_FUTEX, 0x7f0000001004));
	assert_false(at_home(&t, CALL_FUTEX, 0x7f0000001008));
	/* file descriptors are not addresses */
	memset(&t, 0, sizeof(t));
	assert_true(at_home(&t, CALL_READ, 8));
	assert_false(at_home(&t, CALL_READ, 9));
}

static void test_user_homes(void **state)
{
	struct wl_task t = { 0 };

	m.cfg.nidle = 2;
	m.cfg.idle[0] = (struct wl_home){ .syscall = CALL_FSYNC, .arg = 7 };
	m.cfg.idle[1] = (struct wl_home){ .syscall = CALL_WRITE, .any_arg = 1 };
	assert_true(at_home(&t, CALL_FSYNC, 7));
	assert_false(at_home(&t, CALL_FSYNC, 8));
	assert_true(at_home(&t, CALL_WRITE, 12345));
	assert_int_equal(t.nhomes, 0);
}

/* Numbers mean other calls in the 32-bit table. */
static void test_compat(void **state)
{
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = 4, .compat = 1 };
	struct wl_task t = { 0 };

	assert_false(wl_sleep_at_home(&m.cfg, &t, &s));
	m.cfg.idle_calls32[256 / 64] |= 1ull << (256 % 64); /* epoll_wait */
	s.call = 256;
	assert_true(wl_sleep_at_home(&m.cfg, &t, &s));
	assert_true(wl_sleep_at_home(&m.cfg, &t, &s));
}

static void test_out_of_table(void **state)
{
	struct wl_task t = { 0 };

	assert_false(at_home(&t, WL_SYSCALL_WORDS * 64, 0));
	assert_false(at_home(&t, 0x7fffffff, 0));
	assert_false(at_home(&t, -2, 0));
}

static void test_four_homes(void **state)
{
	struct wl_task t = { 0 };

	for (uint64_t i = 0; i < 6; i++)
		wl_home_learn(&t, CALL_EPOLL, i);
	assert_int_equal(t.nhomes, WL_HOMES);
	assert_true(at_home(&t, CALL_EPOLL, 3));
	assert_false(at_home(&t, CALL_EPOLL, 4));
}

/* A new thread's first wait is learned, the second is mid-work; exec forgets. */
static void test_learning(void **state)
{
	struct machine_task *a = worker(0, 1000), *child;

	child = machine_fork(&m, 0, true);
	machine_switch(&m, 1, false, child);
	machine_sleep(&m, 1, CALL_FUTEX, 0x1000, NULL);
	assert_int_equal(child->reports, 1);
	irq_wakes(1, 40, child);
	machine_switch(&m, 1, false, child);
	machine_sleep(&m, 1, CALL_POLL, 0x1000, NULL);
	assert_int_equal(child->reports, 1);
	assert_non_null(machine_chain(child));
	irq_wakes(1, 40, child);
	machine_switch(&m, 1, false, child);
	machine_exec(&m, 1);
	machine_sleep(&m, 1, CALL_POLL, 0x1000, NULL);
	assert_int_equal(child->reports, 2);
	assert_non_null(machine_chain(a));
}

/*
 * Hazard 10: stopped and continued at home, a thread goes on with its call under the name of
 * restart_syscall, its argument kept. That is home.
 */
static void test_restart_syscall(void **state)
{
	struct machine_task *a = machine_task_add(&m, 1000, 0, CALL_SLEEP, 1);
	struct wl_sleep s = { .call = CALL_SLEEP, .arg = 1, .stopped = 1 };

	irq_wakes(0, 36, a); /* SIGSTOP */
	machine_switch(&m, 0, false, a);
	machine_arm(&m, 0, &s);
	machine_switch(&m, 0, false, NULL);
	machine_pass(&m, 1000);
	irq_wakes(0, 36, a); /* SIGCONT */
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 10);
	machine_sleep(&m, 0, CALL_RESTART, 1, NULL);
	assert_report(a, 1, WL_END_IDLE, 1010);
	assert_int_equal(machine_sum(&a->report, WL_SEG_STOPPED), 1000);
	/* and again */
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 20);
	machine_sleep(&m, 0, CALL_RESTART, 1, NULL);
	assert_report(a, 2, WL_END_IDLE, 20);
}

/* A lock that is waited for with a timeout, in mid-work, does not become home by being restarted.
 */
static void test_restart_of_midwork(void **state)
{
	struct machine_task *a = worker(0, 1000);
	struct wl_sleep s = { .call = CALL_FUTEX, .arg = 0x1000, .stopped = 1 };

	machine_sleep(&m, 0, CALL_FUTEX, 0x1000, NULL);
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_arm(&m, 0, &s);
	machine_switch(&m, 0, false, NULL);
	irq_wakes(0, 36, a);
	machine_switch(&m, 0, false, a);
	machine_sleep(&m, 0, CALL_RESTART, 0x1000, NULL);
	assert_int_equal(a->reports, 0);
	assert_non_null(machine_chain(a));
}

/* --- what a wait in mid-work was --- */

static struct wl_who by(uint8_t ctx, uint16_t nr, uint8_t flags)
{
	return (struct wl_who){ .ctx = ctx, .nr = nr, .flags = flags };
}

static void test_kinds(void **state)
{
	const struct wl_who task = by(WL_WHO_TASK, 0, 0);
	const struct wl_who kthread = by(WL_WHO_TASK, 0, WL_WHO_F_KTHREAD);
	const struct wl_who block = by(WL_WHO_SOFTIRQ, WL_SOFTIRQ_BLOCK, 0);
	const struct wl_who net = by(WL_WHO_SOFTIRQ, WL_SOFTIRQ_NET_RX, 0);
	const struct wl_who disk = by(WL_WHO_IRQ, 36, 0);
	const struct wl_who ipi = by(WL_WHO_IRQ, VEC_CALL, 0);
	const struct wl_who timer = by(WL_WHO_TIMER, 1, 0);
	const struct wl_who timers = by(WL_WHO_SOFTIRQ, WL_SOFTIRQ_TIMER, 0);
	const struct wl_who nobody = by(WL_WHO_NONE, 0, 0);
	const struct {
		int call;
		bool hard, io, stopped, reclaim;
		struct wl_who waker;
		uint8_t kind;
	} rows[] = {
		/* precedence: stopped, reclaim, fault, io, lock, timer, task, unknown */
		{ -1, 1, 1, 1, 1, disk, WL_SEG_STOPPED },
		{ -1, 1, 1, 0, 1, disk, WL_SEG_RECLAIM },
		{ -1, 1, 1, 0, 0, disk, WL_SEG_FAULT },
		{ CALL_READ, 1, 1, 0, 0, task, WL_SEG_IO },
		{ CALL_FUTEX, 0, 1, 0, 0, task, WL_SEG_IO },
		{ CALL_READ, 1, 0, 0, 0, block, WL_SEG_IO },
		{ CALL_READ, 1, 0, 0, 0, disk, WL_SEG_IO },
		{ CALL_READ, 1, 0, 0, 0, ipi, WL_SEG_TASK },
		{ CALL_FSYNC, 1, 0, 0, 0, kthread, WL_SEG_IO },
		{ CALL_WRITE, 1, 0, 0, 0, kthread, WL_SEG_TASK },
		{ CALL_FUTEX, 0, 0, 0, 0, task, WL_SEG_LOCK },
		{ CALL_WRITE, 1, 0, 0, 0, task, WL_SEG_LOCK },
		{ CALL_READ, 0, 0, 0, 0, task, WL_SEG_TASK },
		{ CALL_READ, 0, 0, 0, 0, net, WL_SEG_TASK },
		{ CALL_SLEEP, 0, 0, 0, 0, timer, WL_SEG_TIMER },
		{ CALL_POLL, 0, 0, 0, 0, timers, WL_SEG_TIMER },
		{ CALL_READ, 0, 0, 0, 0, nobody, WL_SEG_UNKNOWN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_task t = { .call = rows[i].call,
				     .sleep_hard = rows[i].hard,
				     .sleep_io = rows[i].io,
				     .sleep_stopped = rows[i].stopped,
				     .reclaim = rows[i].reclaim,
				     .waker = rows[i].waker };

		if (wl_sleep_kind(&m.cfg, &t) != rows[i].kind)
			fail_msg("row %zu: %d instead of %d", i, wl_sleep_kind(&m.cfg, &t),
				 rows[i].kind);
	}
}

/* i386's number 202 is not futex. */
static void test_kinds_compat(void **state)
{
	struct wl_task t = { .call = CALL_FUTEX,
			     .flags = WL_TASK_COMPAT,
			     .waker = by(WL_WHO_TASK, 0, 0) };

	assert_int_equal(wl_sleep_kind(&m.cfg, &t), WL_SEG_TASK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_first_wait),      TEST(test_not_interruptible),
		TEST(test_futex_low_bits),  TEST(test_user_homes),
		TEST(test_compat),          TEST(test_out_of_table),
		TEST(test_four_homes),      TEST(test_learning),
		TEST(test_restart_syscall), TEST(test_restart_of_midwork),
		TEST(test_kinds),           TEST(test_kinds_compat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
