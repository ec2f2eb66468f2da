/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Whose work is being done: interrupts, softirqs, timers, calls. */
#include "cases.h"

static void test_irq_wakes(void **state)
{
	struct machine_task *a = user(1000);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_pass(&m, 100);
	machine_waking(&m, 0, a);
	machine_pass(&m, 50);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 50);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_IRQ), 100);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_WAKEUP), 100);
}

/* Hazard 2: the kernel wakes the line's thread after irq_handler_exit. */
static void test_threaded_handler(void **state)
{
	struct machine_task *handler = thread_of_kernel(0), *b = bystander(0);
	uint64_t start = m.now;

	assert_non_null(b);
	machine_irq_enter(&m, 0, 36, handler);
	machine_pass(&m, 100);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 10);
	machine_waking(&m, 0, handler);
	machine_switch(&m, 0, true, handler);
	assert_stimulus(handler, WL_STIM_IRQ, 36, start);
}

/* Its own thread and nothing else. */
static void test_threaded_handler_other(void **state)
{
	struct machine_task *handler = thread_of_kernel(0), *other = thread_of_kernel(0);

	machine_irq_enter(&m, 0, 36, handler);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 10);
	machine_waking(&m, 0, other);
	machine_pass(&m, 10);
	machine_waking(&m, 0, handler); /* discarded by the wake-up before */
	machine_switch(&m, 0, false, other);
	assert_stimulus(other, WL_STIM_WAKEUP, 0, m.now - 10);
	machine_switch(&m, 1, false, handler);
	assert_stimulus(handler, WL_STIM_WAKEUP, 0, m.now);
}

/* Any other event on that CPU discards a returned frame. */
static void returned_is_discarded(void (*event)(struct machine_task *task))
{
	struct machine_task *handler = thread_of_kernel(0), *b = bystander(0);

	machine_irq_enter(&m, 0, 36, handler);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 10);
	event(b);
	machine_pass(&m, 10);
	machine_waking(&m, 0, handler);
	machine_switch(&m, 1, false, handler);
	assert_stimulus(handler, WL_STIM_WAKEUP, 0, m.now);
}

static void event_raise(struct machine_task *task)
{
	machine_raise(&m, 0, WL_SOFTIRQ_RCU);
}

static void event_switch(struct machine_task *task)
{
	machine_switch(&m, 0, true, NULL);
}

static void event_work(struct machine_task *task)
{
	machine_queue_work(&m, 0, 1);
}

static void event_send(struct machine_task *task)
{
	machine_send(&m, 0);
}

static void event_receive(struct machine_task *task)
{
	machine_receive(&m, 0, 1);
}

static void event_fork(struct machine_task *task)
{
	machine_fork(&m, 0, true);
}

static void test_returned_raise(void **state)
{
	returned_is_discarded(event_raise);
}

static void test_returned_switch(void **state)
{
	returned_is_discarded(event_switch);
}

static void test_returned_work(void **state)
{
	returned_is_discarded(event_work);
}

static void test_returned_send(void **state)
{
	returned_is_discarded(event_send);
}

static void test_returned_receive(void **state)
{
	returned_is_discarded(event_receive);
}

static void test_returned_fork(void **state)
{
	returned_is_discarded(event_fork);
}

/* An interrupt on another CPU changes nothing here. */
static void test_threaded_handler_other_cpu(void **state)
{
	struct machine_task *handler = thread_of_kernel(0);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, handler);
	machine_irq_exit(&m, 0);
	machine_irq_enter(&m, 1, 37, NULL);
	machine_pass(&m, 10);
	machine_waking(&m, 0, handler);
	machine_switch(&m, 0, false, handler);
	assert_stimulus(handler, WL_STIM_IRQ, 36, start);
}

static void test_nested_irq(void **state)
{
	struct machine_task *a = user(1000), *b = user(2000);
	uint64_t inner;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_pass(&m, 10);
	inner = m.now;
	machine_irq_enter(&m, 0, 37, NULL);
	machine_waking(&m, 0, a);
	machine_irq_exit(&m, 0);
	machine_waking(&m, 0, b);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	machine_switch(&m, 1, false, b);
	assert_stimulus(a, WL_STIM_IRQ, 37, inner);
	assert_stimulus(b, WL_STIM_IRQ, 36, inner - 10);
}

/* Beyond the frames that have data contexts are still counted, and found again. */
static void test_too_deep(void **state)
{
	struct machine_task *a = user(1000), *b = user(2000);
	struct wl_cpu *c = &m.cpu[0].c;

	for (uint16_t i = 0; i < WL_FRAMES + 3; i++)
		wl_irq_enter(c, (uint16_t)(30 + i), 0, m.now + i);
	machine_pass(&m, 100);
	machine_waking(&m, 0, a);
	assert_int_equal(machine_counter(&m, WL_CNT_FRAMES), 3);
	for (int i = 0; i < WL_FRAMES + 2; i++)
		wl_irq_exit(c, m.now);
	machine_waking(&m, 0, b);
	wl_irq_exit(c, m.now);
	assert_int_equal(c->depth, 0);
	assert_int_equal(c->counting, 0);
	assert_int_equal(c->irq_ns, 100);
	machine_switch(&m, 0, false, a);
	machine_switch(&m, 1, false, b);
	assert_stimulus(a, WL_STIM_WAKEUP, 0, m.now);
	assert_stimulus(b, WL_STIM_IRQ, 30, m.now - 100);
}

/* Too deep for a frame: the pending chain is used up all the same. */
static void test_too_deep_softirq(void **state)
{
	struct wl_cpu *c = &m.cpu[0].c;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	for (uint16_t i = 0; i < WL_FRAMES; i++)
		wl_irq_enter(c, 30, 0, m.now);
	wl_softirq_enter(&m.cfg, c, NULL, WL_SOFTIRQ_NET_RX, wl_softirq_claim(c, WL_SOFTIRQ_NET_RX),
			 m.now);
	assert_int_equal(c->pending[WL_SOFTIRQ_NET_RX].state, WL_SLOT_EMPTY);
}

/*
 * An interrupt between a program's clock reading and what it does: the same account as if it had
 * come after. late 0: that order, the reference.
 */
static uint64_t late_send(bool late)
{
	struct wl_cpu *c = &m.cpu[0].c;
	struct machine_task *a = worker(0, 1000);
	uint64_t now = m.now + 100;

	if (!late)
		wl_turn_send(c, &a->t, now);
	wl_irq_enter(c, 30, 0, now + 5);
	wl_irq_exit(c, now + 12);
	wl_irq_enter(c, 31, 0, now + 20);
	wl_timer_enter(&m.cfg, c, NULL, &(struct wl_expiry){ now + 20, now + 20, 1 }, now + 21);
	wl_timer_exit(&m.cfg, c, NULL, now + 22);
	wl_irq_exit(c, now + 23);
	if (late)
		wl_turn_send(c, &a->t, now);
	wl_turn_send(c, &a->t, now + 50);
	assert_int_equal(machine_sum(wl_task_cur(&a->t), WL_SEG_NONE), 150);
	return machine_sum(wl_task_cur(&a->t), WL_SEG_INTERRUPTED);
}

static void test_late_in_send(void **state)
{
	assert_int_equal(late_send(false), 10);
	machine_free(&m);
	setup(state);
	assert_int_equal(late_send(true), 10);
}

/* The host has stopped us between the two: all that had become due meanwhile comes there. */
static void test_late_are_many(void **state)
{
	struct wl_cpu *c = &m.cpu[0].c;
	struct machine_task *a = worker(0, 1000);
	uint64_t now = m.now + 100, at = now;

	for (unsigned i = 0; i < 12; i++) {
		wl_irq_enter(c, 30, 0, at += 5);
		wl_irq_exit(c, at += 3);
	}
	wl_turn_send(c, &a->t, now);
	assert_int_equal(machine_sum(wl_task_cur(&a->t), WL_SEG_INTERRUPTED), 0);
	wl_turn_send(c, &a->t, now + 100);
	assert_int_equal(machine_sum(wl_task_cur(&a->t), WL_SEG_INTERRUPTED), 36);
}

/* At a softirq's entry the interrupt is part of it, after its exit it is not. */
static void test_late_in_softirq(void **state)
{
	struct wl_cpu *c = &m.cpu[0].c;
	uint64_t now = m.now;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	wl_irq_enter(c, 30, 0, now + 5);
	wl_irq_exit(c, now + 10);
	wl_softirq_enter(&m.cfg, c, NULL, WL_SOFTIRQ_NET_RX, wl_softirq_claim(c, WL_SOFTIRQ_NET_RX),
			 now);
	assert_int_equal(c->irq_ns, 0);
	wl_irq_enter(c, 30, 0, now + 105);
	wl_irq_exit(c, now + 110);
	wl_irq_enter(c, 30, 0, now + 120);
	wl_irq_exit(c, now + 121);
	wl_softirq_exit(&m.cfg, c, NULL, now + 100);
	assert_int_equal(c->irq_ns, 106);
	assert_int_equal(wl_cpu_irq_ns(c, now + 200), 106);
}

/* Hazard 6: we attached inside of a context; a switch puts everything right. */
static void test_exit_without_entry(void **state)
{
	struct wl_cpu *c = &m.cpu[0].c;

	wl_irq_exit(c, m.now);
	wl_softirq_exit(&m.cfg, c, NULL, m.now);
	assert_int_equal(c->depth, 0);
	wl_irq_enter(c, 36, 0, m.now);
	wl_softirq_exit(&m.cfg, c, NULL, m.now);
	assert_int_equal(c->depth, 1);
	assert_int_equal(machine_counter(&m, WL_CNT_RESYNC), 1);
	wl_cpu_switch(&m.cfg, c, 0);
	assert_int_equal(c->depth, 0);
	assert_int_equal(machine_counter(&m, WL_CNT_RESYNC), 2);
}

static void assert_timer(uint64_t soft, uint64_t hard, uint64_t late, uint64_t slack,
			 uint64_t delay)
{
	struct machine_task *a = user(1000);
	uint64_t base = m.now;

	machine_pass(&m, late);
	machine_irq_enter(&m, 0, VEC_TIMER, NULL);
	machine_timer_enter(&m, 0, 1, base + soft, base + hard);
	machine_pass(&m, 500);
	machine_waking(&m, 0, a);
	machine_timer_exit(&m, 0);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_TIMER, 1, base + soft);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_TIMER_SLACK), slack);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_TIMER_DELAY), delay);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_IRQ), 500);
	machine_exit(&m, 0, NULL);
}

/* No program runs inside of itself: the ends of two timers are missed. */
static void test_timer_exit_missed(void **state)
{
	struct wl_expiry first = { m.now - 200, m.now - 200, 1 },
			 last = { m.now - 100, m.now - 100, 1 };
	struct wl_cpu *c = &m.cpu[0].c;

	wl_irq_enter(c, VEC_TIMER, 0, m.now);
	wl_timer_enter(&m.cfg, c, NULL, &first, m.now);
	wl_timer_enter(&m.cfg, c, NULL, &last, m.now + 10);
	assert_int_equal(c->depth, 2);
	assert_int_equal(wl_frame_path(c)->h.start, last.soft);
	wl_irq_exit(c, m.now + 20);
	assert_int_equal(c->depth, 0);
	assert_int_equal(machine_counter(&m, WL_CNT_RESYNC), 2);
}

/* Hazard 11: 38.8 % of ordinary timers expire before the latest allowed time. */
static void test_timers(void **state)
{
	assert_timer(1000, 51000, 61000, 50000, 10000);
	assert_timer(1000, 51000, 31000, 30000, 0);
	assert_timer(1000, 1000, 4000, 0, 3000);
	assert_timer(1000, 51000, 1000, 0, 0);
}

/* Never before it was programmed, whatever its clock says. */
static void test_timer_odd(void **state)
{
	struct wl_cpu *c = &m.cpu[0].c;

	wl_timer_enter(&m.cfg, c, NULL, &(struct wl_expiry){ m.now + 100, m.now + 200, 0 }, m.now);
	assert_int_equal(c->frames[0].p.h.start, m.now);
	assert_int_equal(c->frames[0].p.h.nseg, 0);
	wl_timer_exit(&m.cfg, c, NULL, m.now);
	wl_timer_enter(&m.cfg, c, NULL, &(struct wl_expiry){ 0, 0, 0 }, m.now);
	assert_int_equal(c->frames[0].p.h.start, m.now);
}

static void test_timers_of_one_interrupt(void **state)
{
	struct machine_task *a = user(1000), *b = user(2000);
	uint64_t base = m.now;

	machine_pass(&m, 1000);
	machine_irq_enter(&m, 0, VEC_TIMER, NULL);
	machine_timer_enter(&m, 0, 1, base, base);
	machine_waking(&m, 0, a);
	machine_timer_exit(&m, 0);
	machine_timer_enter(&m, 0, 0, base + 300, base + 300);
	machine_waking(&m, 0, b);
	machine_timer_exit(&m, 0);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	machine_switch(&m, 1, false, b);
	assert_stimulus(a, WL_STIM_TIMER, 1, base);
	assert_stimulus(b, WL_STIM_TIMER, 0, base + 300);
}

/* Hazard 15: a timer interrupt that happens to hit somebody is not that somebody's doing. */
static void test_timer_hits_bystander(void **state)
{
	struct machine_task *a = user(1000), *b = bystander(0);

	machine_irq_enter(&m, 0, VEC_TIMER, NULL);
	machine_timer_enter(&m, 0, 1, m.now, m.now);
	machine_waking(&m, 0, a);
	assert_int_equal(a->t.waker.ctx, WL_WHO_TIMER);
	assert_int_equal(a->t.waker.tid, 0);
	machine_timer_exit(&m, 0);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, true, a);
	assert_int_equal(machine_chain(a)->h.stim_tid, 0);
	assert_int_equal(b->run, RUN_READY);
}

/* Hazard 3: an IPI has the chain of its call, else a new one; never the last interrupt's. */
static void test_ipi(void **state)
{
	struct machine_task *a = user(1000), *b = user(2000);
	uint64_t ipi;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 22600000);
	ipi = m.now;
	machine_irq_enter(&m, 0, VEC_CALL, NULL);
	machine_waking(&m, 0, a);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, VEC_CALL, ipi);

	machine_irq_enter(&m, 1, 40, NULL);
	machine_call_queue(&m, 1, 5);
	machine_irq_exit(&m, 1);
	machine_pass(&m, 3000);
	machine_irq_enter(&m, 2, VEC_CALL, NULL);
	machine_pass(&m, 10);
	machine_call_enter(&m, 2, 5);
	machine_pass(&m, 10);
	machine_waking(&m, 2, b);
	machine_call_exit(&m, 2);
	machine_irq_exit(&m, 2);
	machine_switch(&m, 2, false, b);
	assert_stimulus(b, WL_STIM_IRQ, 40, ipi);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_IRQ), 3020);
}

/* A call that nobody kept begins where it runs. */
static void test_call_unknown(void **state)
{
	struct machine_task *a = user(1000);

	machine_irq_enter(&m, 0, VEC_CALL, NULL);
	machine_pass(&m, 10);
	machine_call_enter(&m, 0, 5);
	machine_waking(&m, 0, a);
	machine_call_exit(&m, 0);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, VEC_CALL, m.now);
}

static void test_softirq(void **state)
{
	struct machine_task *a = user(1000);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_pass(&m, 10);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 10);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX); /* pending already: the first one counts */
	machine_irq_exit(&m, 0);
	machine_pass(&m, 10);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 30);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_SOFTIRQ_DELAY), 20);
	assert_int_equal(machine_sum(machine_chain(a), WL_SEG_SOFTIRQ), 30);
}

/* Hazard 4: raised from inside itself, 28 generations long. */
static void reraised(struct machine_task *a)
{
	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 1000);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 1000);
	machine_softirq_exit(&m, 0);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, m.now - 1000);
}

static void test_reraised(void **state)
{
	reraised(user(1000));
}

/* Another vector continues the work. */
static void test_raised_by_softirq(void **state)
{
	struct machine_task *a = user(1000);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_TASKLET);
	machine_irq_exit(&m, 0);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_TASKLET);
	machine_pass(&m, 10);
	machine_raise(&m, 0, WL_SOFTIRQ_BLOCK);
	machine_softirq_exit(&m, 0);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_BLOCK);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
}

static void test_softirq_without_raise(void **state)
{
	struct machine_task *a = user(1000);

	machine_softirq_enter(&m, 0, WL_SOFTIRQ_RCU);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_SOFTIRQ, WL_SOFTIRQ_RCU, m.now);
}

static void test_pending_dropped_at_idle(void **state)
{
	struct machine_task *a = user(1000);

	bystander(0);
	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, true, NULL);
	assert_int_equal(machine_counter(&m, WL_CNT_PENDING_DROPPED), 1);
	machine_pass(&m, 1000);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	assert_stimulus(a, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, m.now);
}

/* ksoftirqd is woken by a bystander; the softirqs that it runs bring their own chains. */
static void test_ksoftirqd(void **state)
{
	struct machine_task *k = thread_of_kernel(WL_TASK_SOFTIRQD), *a = user(1000);
	uint64_t start = m.now;

	bystander(0);
	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	machine_waking(&m, 0, k);
	machine_switch(&m, 0, true, k);
	assert_null(machine_chain(k));
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
}

/* What counts as the task's own running time. */
static void test_interrupted_and_own(void **state)
{
	struct machine_task *a = user(1000);
	struct wl_path *p;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_waking(&m, 0, a);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	/* its own softirq is its own work, an interrupt on top of that is not */
	machine_pass(&m, 100);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 10);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 20);
	machine_irq_enter(&m, 0, 37, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_BLOCK);
	machine_pass(&m, 7);
	machine_irq_exit(&m, 0);
	machine_pass(&m, 20);
	machine_softirq_exit(&m, 0);
	/* a softirq of that interrupt is not its own work either */
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_BLOCK);
	machine_pass(&m, 11);
	machine_softirq_exit(&m, 0);
	machine_pass(&m, 50);
	machine_sleep(&m, 0, CALL_EPOLL, 4, NULL);
	p = &a->report;
	assert_int_equal(a->reports, 1);
	assert_int_equal(machine_sum(p, WL_SEG_RUNNING), 200);
	assert_int_equal(machine_sum(p, WL_SEG_INTERRUPTED), 18);
	assert_int_equal(machine_sum(p, WL_SEG_NONE), p->h.last - p->h.start);
}

static void test_nmi(void **state)
{
	struct machine_task *a = user(1000);

	machine_irq_enter(&m, 0, 36, NULL);
	machine_waking(&m, 0, a);
	machine_irq_exit(&m, 0);
	machine_switch(&m, 0, false, a);
	machine_pass(&m, 100);
	wl_event_nmi(&m.cpu[0].c, 40);
	machine_irq_enter(&m, 0, 36, NULL);
	machine_pass(&m, 30);
	wl_event_nmi(&m.cpu[0].c, 20); /* inside an interrupt, whose time has it already */
	machine_irq_exit(&m, 0);
	machine_sleep(&m, 0, CALL_EPOLL, 4, NULL);
	assert_int_equal(machine_sum(&a->report, WL_SEG_INTERRUPTED), 70);
	assert_int_equal(machine_sum(&a->report, WL_SEG_RUNNING), 60);
}

/* Hazard 5: on PREEMPT_RT the softirq is the task's, and travels with it when it is preempted. */
static void test_rt_softirq_is_preempted(void **state)
{
	struct machine_task *a = user(1000), *b = bystander(0), *c = user(3000);
	uint64_t start = m.now;

	machine_irq_enter(&m, 0, 36, NULL);
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, 0);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_waking(&m, 1, c);
	machine_switch(&m, 0, true, c);
	machine_pass(&m, 1000);
	machine_switch(&m, 0, true, b);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_IRQ, 36, start);
}

static void test_rt_reraised(void **state)
{
	bystander(0);
	reraised(user(1000));
}

/* Loopback: the softirq runs in the client, which is no target. */
static void test_rt_softirq_in_other_task(void **state)
{
	struct machine_task *a = user(1000), *b = bystander(0);
	uint64_t start = m.now;

	b->reaches = false;
	machine_raise(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 100);
	machine_softirq_enter(&m, 0, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 100);
	machine_waking(&m, 0, a);
	machine_softirq_exit(&m, 0);
	machine_switch(&m, 1, false, a);
	assert_stimulus(a, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, start);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_irq_wakes),
		TEST(test_threaded_handler),
		TEST(test_threaded_handler_other),
		TEST(test_threaded_handler_other_cpu),
		TEST(test_returned_raise),
		TEST(test_returned_switch),
		TEST(test_returned_work),
		TEST(test_returned_send),
		TEST(test_returned_receive),
		TEST(test_returned_fork),
		TEST(test_nested_irq),
		TEST(test_too_deep),
		TEST(test_too_deep_softirq),
		TEST(test_late_in_send),
		TEST(test_late_are_many),
		TEST(test_late_in_softirq),
		TEST(test_exit_without_entry),
		TEST(test_timer_exit_missed),
		TEST(test_timers),
		TEST(test_timer_odd),
		TEST(test_timers_of_one_interrupt),
		TEST(test_timer_hits_bystander),
		TEST(test_ipi),
		TEST(test_call_unknown),
		TEST(test_softirq),
		TEST(test_reraised),
		TEST(test_raised_by_softirq),
		TEST(test_softirq_without_raise),
		TEST(test_pending_dropped_at_idle),
		TEST(test_ksoftirqd),
		TEST(test_interrupted_and_own),
		TEST(test_nmi),
		TEST_UNTIL(test_rt_softirq_is_preempted, rt),
		TEST_UNTIL(test_rt_reraised, rt),
		TEST_UNTIL(test_rt_softirq_in_other_task, rt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
