/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Random sequences of events that a Linux kernel could produce, checked event by event against the
 * oracle. WL_TEST_EVENTS sets their number, WL_TEST_SEED repeats the random one.
 */
#include "../test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "oracle.h"

#ifdef __SANITIZE_ADDRESS__
#define EVENTS 2000000ull
#else
#define EVENTS 12000000ull
#endif
#define SOCKETS 24 /* keys 0.. */
#define WORKS 12   /* keys from SOCKETS */
#define CALLS 8    /* keys from SOCKETS + WORKS */
#define PROCESSES 5
#define VEC_TIMER (WL_VEC_BASE + WL_VEC_LOCAL_TIMER)
#define VEC_CALL (WL_VEC_BASE + WL_VEC_CALL_FUNCTION_SINGLE)

struct world {
	struct machine m;
	struct oracle o;
	uint64_t random, seed;
	bool steals;
	bool queued[WORKS];            /* work items */
	int8_t called[CALLS];          /* the CPU it was sent to, -1: not sent */
	int8_t item[MACHINE_TASKS];    /* work item that a kernel thread executes, -1: none */
	struct machine_task *lines[3]; /* handler threads of lines 40.. */
};

static uint32_t below(struct world *w, uint32_t n)
{
	return (uint32_t)((test_random(&w->random) >> 33) % n);
}

static bool chance(struct world *w, uint32_t percent)
{
	return below(w, 100) < percent;
}

static bool can_wake(const struct machine_task *task)
{
	return task->run == RUN_ASLEEP || (task->run != RUN_FREE && task->armed && !task->woken);
}

static struct machine_task *wakeable(struct world *w)
{
	uint32_t at = below(w, MACHINE_TASKS);

	for (uint32_t i = 0; i < MACHINE_TASKS; i++)
		if (can_wake(&w->m.task[(at + i) % MACHINE_TASKS]))
			return &w->m.task[(at + i) % MACHINE_TASKS];
	return NULL;
}

static struct machine_task *ready(struct world *w)
{
	uint32_t at = below(w, MACHINE_TASKS);

	for (uint32_t i = 0; i < MACHINE_TASKS; i++)
		if (w->m.task[(at + i) % MACHINE_TASKS].run == RUN_READY)
			return &w->m.task[(at + i) % MACHINE_TASKS];
	return NULL;
}

static bool is_link(const struct machine_task *task)
{
	return task->t.flags & WL_TASK_LINK;
}

static int index_of(const struct world *w, const struct machine_task *task)
{
	return (int)(task - w->m.task);
}

/* --- what any context can do --- */

static void wake(struct world *w, uint32_t cpu)
{
	struct machine_task *task = wakeable(w), *cur = w->m.cpu[cpu].cur;
	struct machine_task *partner = cur ? &w->m.task[index_of(w, cur) ^ 1] : NULL;

	/* ping-pong: half of all wake-ups go to the same neighbour */
	if (partner && can_wake(partner) && chance(w, 50))
		task = partner;
	if (task)
		machine_waking(&w->m, cpu, task);
}

static void raise_one(struct world *w, uint32_t cpu)
{
	machine_raise(&w->m, cpu, (uint16_t)below(w, WL_NR_SOFTIRQS));
}

static void queue_work(struct world *w, uint32_t cpu)
{
	uint32_t i = below(w, WORKS);

	if (w->queued[i])
		return;
	w->queued[i] = true;
	machine_queue_work(&w->m, cpu, SOCKETS + i);
}

static void queue_call(struct world *w, uint32_t cpu)
{
	uint32_t i = below(w, CALLS);

	if (w->called[i] >= 0)
		return;
	w->called[i] = (int8_t)below(w, MACHINE_CPUS);
	machine_call_queue(&w->m, cpu, SOCKETS + WORKS + i);
}

static bool enter_call(struct world *w, uint32_t cpu)
{
	for (uint32_t i = 0; i < CALLS; i++) {
		if (w->called[i] != (int8_t)cpu)
			continue;
		w->called[i] = -1;
		machine_call_enter(&w->m, cpu, SOCKETS + WORKS + i);
		return true;
	}
	return false;
}

static void enter_timer(struct world *w, uint32_t cpu)
{
	uint64_t soft = w->m.now - 1 - below(w, 100000);

	machine_timer_enter(&w->m, cpu, 1, soft, soft + (chance(w, 50) ? 50000 : 0));
}

static void enter_irq(struct world *w, uint32_t cpu)
{
	uint32_t line = below(w, 8);

	if (w->m.cpu[cpu].depth + 2 > MACHINE_DEPTH)
		return;
	if (line < 3)
		machine_irq_enter(&w->m, cpu, (uint16_t)(40 + line), w->lines[line]);
	else
		machine_irq_enter(&w->m, cpu,
				  line < 5   ? VEC_TIMER
				  : line < 7 ? VEC_CALL
					     : 24,
				  NULL);
}

static void leave_irq(struct world *w, uint32_t cpu)
{
	const struct machine_cpu *at = &w->m.cpu[cpu];
	uint32_t line = at->nr[at->depth - 1] - 40u;
	struct machine_task *thread = line < 3 ? w->lines[line] : NULL;

	machine_irq_exit(&w->m, cpu);
	if (!thread || chance(w, 20))
		return;
	machine_pass(&w->m, 1 + below(w, 100));
	if (can_wake(thread))
		machine_waking(&w->m, cpu, thread);
}

/* --- steps, by the innermost context --- */

static void step_irq(struct world *w, uint32_t cpu, uint16_t nr)
{
	uint32_t what = below(w, 100);

	if (what < 12)
		raise_one(w, cpu);
	else if (what < 30)
		wake(w, cpu);
	else if (what < 55 && nr == VEC_TIMER && w->m.cpu[cpu].depth < MACHINE_DEPTH)
		enter_timer(w, cpu);
	else if (what < 60 && nr == VEC_CALL && w->m.cpu[cpu].depth < MACHINE_DEPTH)
		enter_call(w, cpu);
	else if (what < 61)
		enter_irq(w, cpu);
	else if (what < 63)
		queue_work(w, cpu);
	else
		leave_irq(w, cpu);
}

static void step_softirq(struct world *w, uint32_t cpu, uint16_t nr)
{
	uint32_t what = below(w, 100);

	if (what < 10)
		raise_one(w, cpu);
	else if (what < 15)
		machine_raise(&w->m, cpu, nr);
	else if (what < 40)
		wake(w, cpu);
	else if (what < 55 && nr == WL_SOFTIRQ_NET_RX)
		machine_data_ready(&w->m, cpu, below(w, SOCKETS));
	else if (what < 55 && nr == WL_SOFTIRQ_HRTIMER)
		enter_timer(w, cpu);
	else if (what < 60)
		queue_work(w, cpu);
	else if (what < 63)
		queue_call(w, cpu);
	else if (what < 70)
		enter_irq(w, cpu);
	else
		machine_softirq_exit(&w->m, cpu);
}

static void step_inner(struct world *w, uint32_t cpu, uint8_t kind)
{
	uint32_t what = below(w, 100);

	if (what < 45)
		wake(w, cpu);
	else if (what < 55)
		raise_one(w, cpu);
	else if (what < 58)
		queue_work(w, cpu);
	else if (kind == WL_FRAME_TIMER)
		machine_timer_exit(&w->m, cpu);
	else
		machine_call_exit(&w->m, cpu);
}

static void switch_to(struct world *w, uint32_t cpu, bool preempt, bool may_idle)
{
	struct machine_task *next = ready(w);

	if (!next && !may_idle)
		return;
	if (w->steals)
		w->m.cpu[cpu].steal += below(w, 300);
	/* the machine forgets softirqs that were raised and never run */
	if (!next)
		w->m.cpu[cpu].pending = 0;
	machine_switch(&w->m, cpu, preempt, next);
}

/* Where a user task sleeps: at home more often than not. */
static void arm_user(struct world *w, uint32_t cpu)
{
	struct machine_task *task = w->m.cpu[cpu].cur;
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = 4 };
	uint32_t what = below(w, 100);

	if (what < 10)
		s = (struct wl_sleep){ .call = CALL_FUTEX, .arg = 0x7000 + below(w, 16) * 4 };
	else if (what < 20)
		s = (struct wl_sleep){
			.call = CALL_WRITE, .arg = 1, .hard = 1, .io = chance(w, 50)
		};
	else if (what < 25)
		s = (struct wl_sleep){ .call = CALL_FSYNC, .arg = 3, .hard = 1 };
	else if (what < 30)
		s = (struct wl_sleep){ .call = -1, .arg = 3, .hard = 1, .io = chance(w, 50) };
	else if (what < 40)
		s = (struct wl_sleep){ .call = CALL_EPOLL, .arg = 9 };
	else if (what < 45)
		s = (struct wl_sleep){ .call = CALL_SLEEP, .arg = 1 };
	else if (what < 47)
		s = (struct wl_sleep){ .call = CALL_EPOLL, .arg = 4, .stopped = 1 };
	else if (task->tid % 3 == 0)
		s = (struct wl_sleep){ .call = CALL_FUTEX, .arg = 0x9000 + task->tid % 2 * 4 };
	machine_arm(&w->m, cpu, &s);
}

static void arm_link(struct world *w, uint32_t cpu)
{
	struct wl_sleep s = { .call = -2 };

	s.hard = chance(w, 50);
	s.noload = s.hard && chance(w, 60);
	machine_arm(&w->m, cpu, &s);
}

static void step_armed(struct world *w, uint32_t cpu)
{
	uint32_t what = below(w, 100);

	if (what < 60)
		switch_to(w, cpu, false, true);
	else if (what < 70)
		machine_disarm(&w->m, cpu);
	else if (what < 76)
		switch_to(w, cpu, true, false);
	else if (what < 82)
		wake(w, cpu);
	else
		enter_irq(w, cpu);
}

static void step_work(struct world *w, uint32_t cpu)
{
	int i = index_of(w, w->m.cpu[cpu].cur);
	uint32_t item = below(w, WORKS);

	if (w->item[i] >= 0) {
		w->item[i] = -1;
		machine_work_end(&w->m, cpu);
	} else if (w->queued[item]) {
		w->queued[item] = false;
		w->item[i] = (int8_t)item;
		machine_work_start(&w->m, cpu, SOCKETS + item);
	}
}

static void step_network(struct world *w, uint32_t cpu)
{
	const struct machine_task *task = w->m.cpu[cpu].cur;
	uint32_t socket = below(w, SOCKETS / PROCESSES) * PROCESSES + task->tgid % PROCESSES;
	uint32_t what = below(w, 10);

	if (what < 4)
		machine_send(&w->m, cpu);
	else if (what < 8 && task->reaches)
		machine_receive(&w->m, cpu, socket);
	else if (what < 9)
		machine_data_ready(&w->m, cpu, below(w, SOCKETS));
	else
		machine_backlog(&w->m, cpu, socket);
}

static void step_birth(struct world *w, uint32_t cpu)
{
	struct machine_task *task = w->m.cpu[cpu].cur;
	struct machine_task *child;
	bool handler = task == w->lines[0] || task == w->lines[1] || task == w->lines[2];

	if (chance(w, 40)) {
		child = machine_fork(&w->m, cpu, chance(w, 60));
		if (child)
			w->item[index_of(w, child)] = -1;
	} else if (is_link(task) || handler || task->tid < 110) {
		return; /* the population lives on */
	} else if (chance(w, 90)) {
		machine_exit(&w->m, cpu, ready(w));
	} else {
		machine_exec(&w->m, cpu);
	}
}

static void step_user(struct world *w, uint32_t cpu)
{
	struct machine_task *task = w->m.cpu[cpu].cur;
	uint32_t what = below(w, 100);

	if (what < 6)
		enter_irq(w, cpu);
	else if (what < 40)
		is_link(task) ? arm_link(w, cpu) : arm_user(w, cpu);
	else if (what < 54)
		wake(w, cpu);
	else if (what < 58)
		raise_one(w, cpu);
	else if (what < 70)
		is_link(task) ? step_work(w, cpu) : step_network(w, cpu);
	else if (what < 73)
		queue_work(w, cpu);
	else if (what < 75)
		queue_call(w, cpu);
	else if (what < 77)
		step_birth(w, cpu);
	else if (what < 78)
		machine_reclaim(&w->m, cpu, !task->t.reclaim);
	else if (what < 79)
		task->throttled = !task->throttled;
	else if (what < 88)
		switch_to(w, cpu, chance(w, 80), false);
}

static void step_idle(struct world *w, uint32_t cpu)
{
	if (chance(w, 10) && enter_call(w, cpu))
		return;
	if (chance(w, 60))
		switch_to(w, cpu, false, false);
	else
		enter_irq(w, cpu);
}

static void step(struct world *w)
{
	uint32_t cpu = below(w, MACHINE_CPUS);
	struct machine_cpu *at = &w->m.cpu[cpu];

	machine_pass(&w->m, 1 + below(w, chance(w, 2) ? 200000 : 2000));
	if (at->depth && at->kind[at->depth - 1] == WL_FRAME_IRQ)
		step_irq(w, cpu, at->nr[at->depth - 1]);
	else if (at->depth && at->kind[at->depth - 1] == WL_FRAME_SOFTIRQ)
		step_softirq(w, cpu, at->nr[at->depth - 1]);
	else if (at->depth)
		step_inner(w, cpu, at->kind[at->depth - 1]);
	else if (at->pending && chance(w, 70))
		machine_softirq_enter(&w->m, cpu, (uint16_t)__builtin_ctz(at->pending));
	else if (!at->cur)
		step_idle(w, cpu);
	else if (at->cur->armed)
		step_armed(w, cpu);
	else
		step_user(w, cpu);
}

/* --- worlds --- */

static void populate(struct world *w)
{
	struct machine *m = &w->m;

	for (uint32_t p = 0; p < PROCESSES; p++)
		for (uint32_t i = 0; i <= p % 3; i++)
			machine_task_add(m, 1000 + p, 0, i % 2 ? CALL_FUTEX : CALL_EPOLL,
					 i % 2 ? 0x9000 : 4);
	machine_task_add(m, 2000, 0, CALL_WRITE, 1);
	machine_task_add(m, 2001, 0, CALL_EPOLL, 4)->reaches = false;
	for (uint32_t i = 0; i < 5; i++)
		machine_task_add(m, 0, WL_TASK_LINK, -2, 0);
	for (uint32_t i = 0; i < 3; i++)
		w->lines[i] = machine_task_add(m, 0, WL_TASK_LINK, -2, 0);
	for (uint32_t i = 0; i < 2; i++)
		machine_task_add(m, 0, WL_TASK_LINK | WL_TASK_SOFTIRQD, -2, 0);
	memset(w->item, -1, sizeof(w->item));
	memset(w->called, -1, sizeof(w->called));
}

static void check_accounts(struct world *w)
{
	struct machine *m = &w->m;

	assert_int_equal(machine_counter(m, WL_CNT_STARTED), m->ran);
	assert_int_equal(machine_counter(m, WL_CNT_RAN), m->ran);
	assert_int_equal(machine_counter(m, WL_CNT_NO_WAKEUP), 0);
	assert_int_equal(machine_counter(m, WL_CNT_NEXT_BUSY), 0);
	assert_int_equal(machine_counter(m, WL_CNT_NEXT_DROPPED), m->dropped);
	assert_int_equal(machine_counter(m, WL_CNT_RESYNC), 0);
	assert_int_equal(machine_counter(m, WL_CNT_FRAMES), 0);
	assert_int_equal(machine_counter(m, WL_CNT_KEPT_EVICTED), 0);
	assert_int_equal(machine_counter(m, WL_CNT_ENDED), w->o.responses);
}

static void run(const struct wl_chain_config *cfg, uint64_t seed, uint64_t events)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t compare = 0;

	assert_non_null(w);
	w->seed = seed;
	w->random = seed * 2 + 1;
	w->steals = seed % 4 == 3;
	machine_init(&w->m, cfg);
	populate(w);
	oracle_init(&w->o, &w->m);
	while (w->m.events < events && !w->o.failure[0]) {
		step(w);
		if (w->m.events < compare)
			continue;
		oracle_compare(&w->o, &w->m);
		compare = w->m.events + 16;
	}
	if (w->o.failure[0])
		fail_msg("seed %" PRIu64 ", until %u, follow %u: %s", seed, cfg->until,
			 cfg->follow_all, w->o.failure);
	check_accounts(w);
	assert_true(w->o.responses > events / 1000);
	if (getenv("WL_TEST_VERBOSE"))
		printf("# seed %" PRIu64 " until %u: %" PRIu64 " responses, %" PRIu64
		       " vague, mean %" PRIu64 " ns, ends %" PRIu64 " idle %" PRIu64
		       " turn %" PRIu64 " exit; stimuli irq %" PRIu64 " timer %" PRIu64
		       " softirq %" PRIu64 " wakeup %" PRIu64 "; hops %" PRIu64 " folded %" PRIu64
		       "\n",
		       seed, cfg->until, w->o.responses, w->o.vague, w->o.ns / w->o.responses,
		       w->o.kinds[WL_END_IDLE], w->o.kinds[WL_END_TURN], w->o.kinds[WL_END_EXIT],
		       w->o.stimuli[WL_STIM_IRQ], w->o.stimuli[WL_STIM_TIMER],
		       w->o.stimuli[WL_STIM_SOFTIRQ], w->o.stimuli[WL_STIM_WAKEUP],
		       machine_counter(&w->m, WL_CNT_HOPS), machine_counter(&w->m, WL_CNT_FOLDED));
	machine_free(&w->m);
	free(w);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* Two thirds of all events are of the default, turn. */
static void run_seed(uint64_t seed, uint64_t events)
{
	struct wl_chain_config cfg;

	machine_config(&cfg, WL_UNTIL_TURN);
	run(&cfg, seed, events / 2);
	cfg.max_hops = 4;
	run(&cfg, seed + 1, events / 8);
	cfg.follow_all = 1;
	run(&cfg, seed + 2, events / 8);
	machine_config(&cfg, WL_UNTIL_IDLE);
	run(&cfg, seed + 3, events / 12);
	machine_config(&cfg, WL_UNTIL_BLOCK);
	run(&cfg, seed + 4, events / 12);
	machine_config(&cfg, WL_UNTIL_RUN);
	run(&cfg, seed + 5, events / 12);
}

static void test_fixed_seeds(void **state)
{
	uint64_t events = number("WL_TEST_EVENTS", EVENTS);

	for (uint64_t seed = 1; seed <= 40; seed += 10)
		run_seed(seed, events / 5);
}

static void test_random_seed(void **state)
{
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = number("WL_TEST_SEED", (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20);
	printf("# WL_TEST_SEED=%" PRIu64 "\n", seed);
	run_seed(seed, number("WL_TEST_EVENTS", EVENTS) / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed_seeds),
		cmocka_unit_test(test_random_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
