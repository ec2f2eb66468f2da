/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the hand-written cases share: one machine per test. */
#ifndef WL_TEST_CHAIN_CASES_H
#define WL_TEST_CHAIN_CASES_H

#include "../test.h"

#include "machine.h"

#define VEC_TIMER (WL_VEC_BASE + WL_VEC_LOCAL_TIMER)
#define VEC_CALL (WL_VEC_BASE + WL_VEC_CALL_FUNCTION_SINGLE)
#define HOME 4 /* the epoll descriptor that user() waits on */

#define MAYBE __attribute__((unused))

static struct machine m;

MAYBE static int setup_until(uint8_t until, uint8_t rt)
{
	struct wl_chain_config cfg;

	machine_config(&cfg, until);
	cfg.rt = rt;
	machine_init(&m, &cfg);
	return 0;
}

MAYBE static int setup(void **state)
{
	return setup_until(WL_UNTIL_IDLE, 0);
}

MAYBE static int setup_rt(void **state)
{
	return setup_until(WL_UNTIL_IDLE, 1);
}

MAYBE static int setup_rt_run(void **state)
{
	return setup_until(WL_UNTIL_RUN, 1);
}

MAYBE static int setup_rt_block(void **state)
{
	return setup_until(WL_UNTIL_BLOCK, 1);
}

MAYBE static int setup_turn(void **state)
{
	return setup_until(WL_UNTIL_TURN, 0);
}

MAYBE static int setup_block(void **state)
{
	return setup_until(WL_UNTIL_BLOCK, 0);
}

MAYBE static int setup_run(void **state)
{
	return setup_until(WL_UNTIL_RUN, 0);
}

MAYBE static int teardown(void **state)
{
	machine_free(&m);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_UNTIL(name, which) cmocka_unit_test_setup_teardown(name, setup_##which, teardown)

/* A thread that is asleep at home. */
MAYBE static struct machine_task *user(uint32_t tgid)
{
	return machine_task_add(&m, tgid, 0, CALL_EPOLL, HOME);
}

MAYBE static struct machine_task *thread_of_kernel(uint8_t flags)
{
	return machine_task_add(&m, 0, WL_TASK_LINK | flags, -2, 0);
}

/* A task on an idle CPU, without a chain: it comes from a wait that is not its home. */
MAYBE static struct machine_task *bystander(uint32_t cpu)
{
	struct machine_task *task = machine_task_add(&m, 900 + cpu, 0, CALL_WRITE, 1);

	machine_waking(&m, cpu, task);
	machine_switch(&m, cpu, false, task);
	assert_null(machine_chain(task));
	return task;
}

/* An interrupt of this line wakes the task. */
MAYBE static void irq_wakes(uint32_t cpu, uint16_t nr, struct machine_task *task)
{
	machine_irq_enter(&m, cpu, nr, NULL);
	machine_waking(&m, cpu, task);
	machine_irq_exit(&m, cpu);
}

/* A thread on an idle CPU, with the chain of line 36 that begins now. */
MAYBE static struct machine_task *worker(uint32_t cpu, uint32_t tgid)
{
	struct machine_task *task = user(tgid);

	irq_wakes(cpu, 36, task);
	machine_switch(&m, cpu, false, task);
	assert_non_null(machine_chain(task));
	return task;
}

MAYBE static void go_home(uint32_t cpu, struct machine_task *next)
{
	machine_sleep(&m, cpu, CALL_EPOLL, HOME, next);
}

MAYBE static void assert_path(const struct wl_path *p, uint8_t kind, uint16_t nr, uint64_t start)
{
	assert_non_null(p);
	assert_int_equal(p->h.stim_kind, kind);
	assert_int_equal(p->h.stim_nr, nr);
	assert_int_equal(p->h.start, start);
	assert_int_equal(machine_sum(p, WL_SEG_NONE), p->h.last - p->h.start);
}

/* The open chain of a task. */
MAYBE static void assert_stimulus(struct machine_task *task, uint8_t kind, uint16_t nr,
				  uint64_t start)
{
	assert_path(machine_chain(task), kind, nr, start);
}

/* Its last response. */
MAYBE static void assert_report(const struct machine_task *task, uint32_t reports, uint8_t kind,
				uint64_t ns)
{
	assert_int_equal(task->reports, reports);
	assert_int_equal(task->report_kind, kind);
	assert_int_equal(task->report.h.last - task->report.h.start, ns);
	assert_int_equal(machine_sum(&task->report, WL_SEG_NONE), ns);
}

#endif
