/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Work marks: an item's chain goes with its cookie, through threads, queues and sleeps. */
#include <stdlib.h>

#include "chain/mark.h"

#include "cases.h"

#define QUEUE 0x40 /* the futex that workers wait on */

static struct wl_mark_set *sets;
static struct wl_path ended; /* last response, id 0: none yet */
static struct wl_work about;
static unsigned responses;

static int setup_mark(void **state)
{
	sets = calloc(WL_MARK_SETS, sizeof(*sets));
	assert_non_null(sets);
	memset(&ended, 0, sizeof(ended));
	responses = 0;
	return setup_until(WL_UNTIL_MARK, 0);
}

static int teardown_mark(void **state)
{
	free(sets);
	return teardown(state);
}

#define MARK(name) cmocka_unit_test_setup_teardown(name, setup_mark, teardown_mark)

/* --- the host's part, as in bpf/probe_mark.h --- */

static struct wl_mark_set *set_of(uint64_t key)
{
	return &sets[wl_mark_index(key)];
}

static void leave(uint32_t cpu, int release)
{
	struct machine_task *cur = m.cpu[cpu].cur;

	if (cur && cur->t.mark)
		wl_mark_leave(&m.cpu[cpu].c, set_of(cur->t.mark), &cur->t, cur->tid, release,
			      m.now);
}

static struct wl_mark_in input(uint32_t cpu, uint8_t op, uint64_t cookie)
{
	const struct machine_task *cur = m.cpu[cpu].cur;
	struct wl_mark_in in = { .cookie = cookie,
				 .op = op,
				 .kind = WL_COOKIE_NUMBER,
				 .tid = cur->tid,
				 .tgid = cur->tgid };

	in.key = wl_mark_key(&m.cfg, &in);
	return in;
}

static void begin(uint32_t cpu, uint64_t cookie)
{
	const struct wl_mark_in in = input(cpu, WL_MARK_BEGIN, cookie);

	leave(cpu, 1);
	wl_mark_begin(&m.cpu[cpu].c, set_of(in.key), &m.cpu[cpu].cur->t, &in, m.now);
}

static struct wl_mark *item(uint32_t cpu, uint64_t cookie)
{
	uint64_t key = input(cpu, WL_MARK_END, cookie).key;

	return wl_mark_find(set_of(key), key);
}

static void step(uint32_t cpu, uint64_t cookie)
{
	const struct wl_mark_in in = input(cpu, WL_MARK_STEP, cookie);
	struct wl_task *t = &m.cpu[cpu].cur->t;

	if (t->mark != in.key)
		leave(cpu, 1);
	if (item(cpu, cookie))
		wl_mark_step(&m.cpu[cpu].c, item(cpu, cookie), t, &in, m.now);
}

static void end(uint32_t cpu, uint64_t cookie)
{
	const struct wl_mark_in in = input(cpu, WL_MARK_END, cookie);
	struct wl_task *t = &m.cpu[cpu].cur->t;
	struct wl_mark *it = item(cpu, cookie);
	struct wl_path *p = wl_mark_end(&m.cpu[cpu].c, it, t, &in, m.now);
	uint64_t sum = 0;

	if (p) {
		ended = *p;
		wl_mark_name(&about, &in);
		about = it ? it->work : about;
		responses++;
		for (unsigned i = 0; i < p->h.nseg; i++)
			sum += p->seg[i].ns;
		assert_int_equal(sum, p->h.last - p->h.start);
		assert_int_equal(p->h.last, m.now);
	}
	wl_mark_ended(it, t, p);
}

static void receive(uint32_t cpu, uint32_t key)
{
	struct machine_task *cur = m.cpu[cpu].cur;
	struct wl_kept_set *set = &m.sets[wl_kept_index(m.address[key])];

	if (wl_mark_receives_more(&m.cfg, &cur->t, m.address[key])) {
		wl_kept_drop(set, m.address[key]);
		return;
	}
	wl_mark_receive(&m.cfg, &m.cpu[cpu].c, &cur->t,
			wl_mark_arrival(set, &cur->t, m.address[key]), m.address[key], cur->tgid,
			m.now);
}

static void switch_to(uint32_t cpu, struct machine_task *next)
{
	leave(cpu, 0);
	machine_switch(&m, cpu, true, next);
}

static void sleep_in(uint32_t cpu, int call, uint64_t arg, struct machine_task *next)
{
	leave(cpu, 0);
	machine_sleep(&m, cpu, call, arg, next);
}

/* Data for a socket, in the softirq of an interrupt; wakes somebody or nobody. */
static void packet(uint32_t cpu, uint32_t key, struct machine_task *wakee)
{
	machine_irq_enter(&m, cpu, 5, NULL);
	machine_raise(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, cpu);
	machine_softirq_enter(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_data_ready(&m, cpu, key);
	if (wakee)
		machine_waking(&m, cpu, wakee);
	machine_softirq_exit(&m, cpu);
}

static void pass(uint64_t ns)
{
	machine_pass(&m, ns);
}

static void assert_ended(unsigned n, uint64_t ns, uint8_t stim)
{
	assert_int_equal(responses, n);
	assert_int_equal(ended.h.last - ended.h.start, ns);
	assert_int_equal(ended.h.stim_kind, stim);
}

static struct machine_task *pool_thread(void)
{
	return machine_task_add(&m, 100, 0, CALL_FUTEX, QUEUE);
}

/* --- cases --- */

/* The thread's own chain is the item's: from the interrupt on. */
static void test_begin_takes_the_chain(void **state)
{
	struct machine_task *s = user(100);

	packet(0, 1, s);
	pass(10);
	switch_to(0, s);
	pass(20);
	receive(0, 1);
	begin(0, 7);
	pass(30);
	end(0, 7);
	assert_ended(1, 60, WL_STIM_IRQ);
	assert_int_equal(about.cookie, 7);
	assert_int_equal(about.begun - ended.h.start, 30);
	assert_int_equal(machine_sum(&ended, WL_SEG_WAKEUP), 10);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 50);
	assert_null(machine_chain(s));
}

static void test_begin_without_a_chain(void **state)
{
	bystander(0);
	begin(0, 7);
	pass(30);
	end(0, 7);
	assert_ended(1, 30, WL_STIM_MARK);
}

/* A busy server: each request is its own socket's arrival, though the thread never sleeps. */
static void test_busy_loop(void **state)
{
	struct machine_task *s = user(100);

	packet(0, 1, s);
	pass(10);
	switch_to(0, s);
	receive(0, 1);
	for (unsigned i = 1; i < 20; i++) {
		begin(0, i);
		packet(1, i + 1, NULL);
		pass(50);
		end(0, i);
		pass(5);
		receive(0, i + 1);
		assert_ended(i, i == 1 ? 60 : 105 - 50 + 50, WL_STIM_IRQ);
	}
	assert_int_equal(machine_sum(&ended, WL_SEG_QUEUED), 55);
}

/* Whatever it sleeps in between the marks is inside. */
static void test_sleep_at_home_inside(void **state)
{
	struct machine_task *s = user(100);

	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	pass(10);
	sleep_in(0, CALL_EPOLL, HOME, NULL);
	pass(100);
	packet(0, 2, s);
	pass(3);
	switch_to(0, s);
	pass(20);
	end(0, 7);
	assert_ended(1, 133, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_TASK), 100);
	assert_int_equal(machine_sum(&ended, WL_SEG_WAKEUP), 3);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 30);
}

/* Handed over by a wake-up: the branch that the worker got is the item's chain. */
static void test_hand_over(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	pass(10);
	machine_waking(&m, 0, w);
	pass(4);
	switch_to(1, w);
	sleep_in(0, CALL_EPOLL, HOME, NULL);
	pass(30);
	step(1, 7);
	pass(20);
	end(1, 7);
	assert_ended(1, 64, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_WAKEUP), 4);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 60);
	assert_int_equal(about.steps, 1);
	assert_int_equal(about.step[0].tid, w->tid);
	assert_null(machine_chain(w));
}

/* The same, while the worker's group is out of CPU quota: it is what the item waited for. */
static void test_hand_over_throttled(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	pass(10);
	w->throttled = true;
	machine_waking(&m, 0, w);
	sleep_in(0, CALL_EPOLL, HOME, NULL);
	pass(40);
	w->throttled = false;
	switch_to(1, w);
	step(1, 7);
	pass(20);
	end(1, 7);
	assert_ended(1, 70, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_THROTTLED), 40);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 30);
}

/* The first thread went home, and is woken by the item: for its end, or to begin the next one. */
static void handed_back(int back)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	pass(10);
	machine_waking(&m, 0, w);
	switch_to(1, w);
	sleep_in(0, CALL_EPOLL, HOME, NULL);
	step(1, 7);
	pass(30);
	machine_waking(&m, 1, s);
	pass(4);
	switch_to(0, s);
	pass(5);
	if (!back) {
		begin(0, 8);
		pass(6);
		end(0, 8);
		assert_ended(1, 15, WL_STIM_WAKEUP);
		return;
	}
	end(0, 7);
	assert_ended(1, 49, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_WAKEUP), 4);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 45);
}

static void test_handed_back(void **state)
{
	handed_back(1);
}

static void test_woken_by_what_it_had(void **state)
{
	handed_back(0);
}

/* Handed over in a queue, to a worker that is busy: queued since the first thread left it. */
static void test_queue(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	machine_waking(&m, 1, w);
	switch_to(1, w);
	begin(1, 6);
	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	pass(10);
	begin(0, 8);
	pass(40);
	end(1, 6);
	end(1, 7);
	assert_ended(2, 50, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_QUEUED), 40);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 10);
	pass(5);
	end(0, 8);
	assert_ended(3, 45, WL_STIM_MARK);
}

/* What the first thread receives after it has handed on is the next item's, not this one's. */
static void test_received_apart(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	machine_waking(&m, 1, w);
	switch_to(1, w);
	begin(1, 6);
	packet(0, 1, s);
	switch_to(0, s);
	receive(0, 1);
	begin(0, 7);
	pass(10);
	packet(0, 2, NULL);
	pass(5);
	receive(0, 2);
	pass(3);
	begin(0, 8);
	pass(2);
	end(1, 6);
	end(1, 7);
	assert_ended(2, 20, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 15);
	assert_int_equal(machine_sum(&ended, WL_SEG_QUEUED), 5);
	end(0, 8);
	assert_ended(3, 10, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_QUEUED), 5);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 5);
}

/* The same, where it finds out that the first item goes on elsewhere as it loses its CPU. */
static void test_received_apart_and_switched(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	receive(0, 1);
	begin(0, 7);
	pass(10);
	machine_waking(&m, 0, w);
	switch_to(1, w);
	step(1, 7);
	packet(0, 2, NULL);
	pass(5);
	receive(0, 2);
	pass(3);
	switch_to(0, NULL);
	pass(4);
	switch_to(0, s);
	pass(1);
	receive(0, 2); /* more of the same */
	begin(0, 8);
	pass(2);
	end(0, 8);
	assert_ended(1, 15, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_QUEUED), 5);
	assert_int_equal(machine_sum(&ended, WL_SEG_PREEMPTED), 4);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 6);
	end(1, 7);
	assert_ended(2, 25, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 25);
}

/* A thread reads one connection for others, and is never idle: each request has its arrival. */
static void test_received_for_others(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	for (unsigned i = 1; i < 5; i++) {
		receive(0, 1);
		receive(0, 1); /* more of it */
		pass(10);
		machine_waking(&m, 0, w);
		switch_to(1, w);
		begin(1, i);
		packet(0, 1, NULL);
		pass(20);
		end(1, i);
		assert_ended(i, i == 1 ? 30 : 50, WL_STIM_IRQ);
		sleep_in(1, CALL_FUTEX, QUEUE, NULL);
	}
}

/* The end of another's item takes the thread's own chain: the next arrival is its first again. */
static void test_received_before_end(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	machine_waking(&m, 1, w);
	switch_to(1, w);
	begin(1, 7);
	pass(5);
	packet(0, 1, s);
	switch_to(0, s);
	receive(0, 1);
	pass(1);
	end(0, 7);
	assert_int_equal(responses, 1);
	packet(0, 1, NULL);
	pass(2);
	receive(0, 1);
	begin(0, 8);
	end(0, 8);
	assert_ended(2, 2, WL_STIM_IRQ);
}

/* What it has received is over when it goes home, though no mark was made. */
static void test_received_and_home(void **state)
{
	struct machine_task *s = user(100);

	packet(0, 1, s);
	switch_to(0, s);
	receive(0, 1);
	sleep_in(0, CALL_EPOLL, HOME, NULL);
	assert_int_equal(s->t.received, 0);
}

/* Three threads, and a disk in the middle of the second. */
static void test_three_threads(void **state)
{
	struct machine_task *a = user(100), *b = pool_thread(), *c = pool_thread();

	packet(0, 1, a);
	switch_to(0, a);
	begin(0, 7);
	pass(1);
	machine_waking(&m, 0, b);
	switch_to(1, b);
	step(1, 7);
	pass(2);
	leave(1, 0);
	machine_sleep_hard(&m, 1, CALL_FSYNC, true, NULL);
	pass(400);
	machine_irq_enter(&m, 1, 6, NULL);
	machine_waking(&m, 1, b);
	machine_irq_exit(&m, 1);
	switch_to(1, b);
	pass(8);
	machine_waking(&m, 1, c);
	pass(16);
	switch_to(2, c);
	pass(32);
	end(2, 7);
	assert_ended(1, 459, WL_STIM_IRQ);
	assert_int_equal(machine_sum(&ended, WL_SEG_IO), 400);
	assert_int_equal(machine_sum(&ended, WL_SEG_WAKEUP), 16);
	assert_int_equal(machine_sum(&ended, WL_SEG_RUNNING), 43);
	/* the two others still think that it is theirs: they find out */
	switch_to(0, NULL);
	switch_to(1, NULL);
	assert_null(machine_chain(a));
	assert_null(machine_chain(b));
}

/* Only marks end responses: an exit or a sleep of the carrier does not. */
static void test_carrier_dies(void **state)
{
	struct machine_task *a = user(100), *b = pool_thread();

	packet(0, 1, a);
	switch_to(0, a);
	begin(0, 7);
	pass(10);
	leave(0, 0);
	machine_exit(&m, 0, NULL);
	assert_int_equal(a->reports, 0);
	pass(20);
	packet(1, 2, b);
	switch_to(1, b);
	end(1, 7);
	assert_ended(1, 30, WL_STIM_IRQ);
	assert_int_equal(b->reports, 0);
}

static void test_end_without_begin(void **state)
{
	struct machine_task *s = user(100);

	packet(0, 1, s);
	switch_to(0, s);
	pass(10);
	end(0, 7);
	assert_ended(1, 10, WL_STIM_IRQ);
	assert_int_equal(about.begun, 0);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_UNBEGUN), 0);
	end(0, 7);
	assert_int_equal(responses, 1);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_UNBEGUN), 1);
	begin(0, 8);
	pass(5);
	end(0, 9); /* of another item than it carries: that one goes on */
	assert_int_equal(responses, 1);
	end(0, 8);
	assert_ended(2, 5, WL_STIM_MARK);
}

/* Whether an unfinished item is told: its last carrier says. */
static void test_target(void **state)
{
	struct machine_task *s = user(100), *w = pool_thread();

	packet(0, 1, s);
	switch_to(0, s);
	begin(0, 7);
	assert_int_equal(item(0, 7)->target, 0);
	machine_waking(&m, 0, w);
	w->t.flags |= WL_TASK_TARGET;
	switch_to(1, w);
	step(1, 7);
	assert_int_equal(item(0, 7)->target, 1);
}

static void test_twice(void **state)
{
	bystander(0);
	begin(0, 7);
	pass(10);
	begin(0, 7);
	pass(5);
	end(0, 7);
	assert_ended(1, 5, WL_STIM_MARK);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_TWICE), 1);
	assert_null(item(0, 7));
}

/* Too many in one set: the oldest goes, counted. */
static void test_evicted(void **state)
{
	uint64_t cookies[WL_MARK_WAYS + 1];
	unsigned n = 0;

	bystander(0);
	for (uint64_t c = 1; n <= WL_MARK_WAYS; c++)
		if (wl_mark_index(input(0, WL_MARK_BEGIN, c).key) == 5)
			cookies[n++] = c;
	for (unsigned i = 0; i < n; i++) {
		begin(0, cookies[i]);
		pass(1);
	}
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_EVICTED), 1);
	assert_null(item(0, cookies[0]));
	for (unsigned i = 1; i < n; i++) {
		end(0, cookies[i]);
		assert_ended(i, n - i, WL_STIM_MARK);
	}
}

static void test_keys(void **state)
{
	struct wl_mark_in a = { .kind = WL_COOKIE_NUMBER, .tgid = 1 }, b = a;
	struct wl_chain_config all = m.cfg;

	assert_int_not_equal(wl_mark_key(&m.cfg, &a), 0);
	b.tgid = 2;
	assert_int_not_equal(wl_mark_key(&m.cfg, &a), wl_mark_key(&m.cfg, &b));
	all.follow_all = 1;
	assert_int_equal(wl_mark_key(&all, &a), wl_mark_key(&all, &b));
	/* a usual cookie: the process and a number */
	for (uint64_t i = 0; i < 1000; i++) {
		a.cookie = (uint64_t)a.tgid << 32 | i;
		b.cookie = (uint64_t)b.tgid << 32 | i;
		assert_int_not_equal(wl_mark_key(&m.cfg, &a), wl_mark_key(&m.cfg, &b));
	}
	a = (struct wl_mark_in){ .kind = WL_COOKIE_TEXT, .text = "abc" };
	b = (struct wl_mark_in){ .kind = WL_COOKIE_TEXT, .text = "abd" };
	assert_int_not_equal(wl_mark_key(&m.cfg, &a), wl_mark_key(&m.cfg, &b));
	b.text[2] = 'c';
	assert_int_equal(wl_mark_key(&m.cfg, &a), wl_mark_key(&m.cfg, &b));
	b.text[62] = 'x';
	assert_int_not_equal(wl_mark_key(&m.cfg, &a), wl_mark_key(&m.cfg, &b));
}

/* --- any order --- */

#define THREADS 6
#define COOKIES 12

struct any {
	struct machine_task *thread[THREADS];
	uint64_t seed, begun[COOKIES]; /* 0: not begun */
	uint64_t first;                /* when the oldest chain that there may be began */
	unsigned ends;
};

static uint32_t any(struct any *a, uint32_t n)
{
	a->seed ^= a->seed << 13;
	a->seed ^= a->seed >> 7;
	a->seed ^= a->seed << 17;
	return (uint32_t)(a->seed >> 11) % n;
}

/* A response lasts at least from its begin mark, and every item has one. */
static void any_mark(struct any *a, uint32_t cpu)
{
	uint32_t c = any(a, COOKIES);
	unsigned before = responses;

	if (!a->begun[c]) {
		begin(cpu, c);
		a->begun[c] = m.now;
	} else if (any(a, 2)) {
		step(cpu, c);
	} else {
		end(cpu, c);
		assert_int_equal(responses, before + 1);
		assert_true(ended.h.start <= a->begun[c]);
		assert_int_equal(about.begun, a->begun[c]);
		a->begun[c] = 0;
		a->ends++;
	}
}

static struct machine_task *any_ready(struct any *a)
{
	for (unsigned i = 0; i < 8; i++) {
		struct machine_task *t = a->thread[any(a, THREADS)];

		if (t->run == RUN_READY)
			return t;
	}
	return NULL;
}

static struct machine_task *any_asleep(struct any *a)
{
	struct machine_task *t = a->thread[any(a, THREADS)];

	return t->run == RUN_ASLEEP ? t : NULL;
}

static void any_event(struct any *a)
{
	uint32_t cpu = any(a, 2), key = 1 + any(a, 8);
	struct machine_task *cur = m.cpu[cpu].cur, *next = any_ready(a);

	pass(1 + any(a, 1000));
	switch (any(a, 8)) {
	case 0:
		packet(cpu, key, any_asleep(a));
		break;
	case 1:
		if (cur != next)
			switch_to(cpu, next);
		break;
	case 2:
		if (cur)
			sleep_in(cpu, any(a, 2) ? CALL_FUTEX : CALL_READ, any(a, 2) ? QUEUE : 0x80,
				 next);
		break;
	case 3:
		if (cur)
			receive(cpu, key);
		break;
	case 4: {
		struct machine_task *wakee = any_asleep(a);

		if (cur && wakee)
			machine_waking(&m, cpu, wakee);
		break;
	}
	default:
		if (cur)
			any_mark(a, cpu);
	}
}

static void test_any_order(void **state)
{
	struct any a = { .seed = 0x9e3779b97f4a7c15 };

	for (unsigned i = 0; i < THREADS; i++)
		a.thread[i] = pool_thread();
	for (unsigned i = 0; i < 400000; i++)
		any_event(&a);
	assert_int_equal(responses, a.ends);
	assert_true(a.ends > 10000);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(a.thread[i]->reports, 0);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_TWICE), 0);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_UNBEGUN), 0);
	assert_int_equal(machine_counter(&m, WL_CNT_MARK_EVICTED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MARK(test_begin_takes_the_chain),
		MARK(test_begin_without_a_chain),
		MARK(test_busy_loop),
		MARK(test_sleep_at_home_inside),
		MARK(test_hand_over),
		MARK(test_hand_over_throttled),
		MARK(test_handed_back),
		MARK(test_woken_by_what_it_had),
		MARK(test_queue),
		MARK(test_received_apart),
		MARK(test_received_apart_and_switched),
		MARK(test_received_for_others),
		MARK(test_received_before_end),
		MARK(test_received_and_home),
		MARK(test_three_threads),
		MARK(test_carrier_dies),
		MARK(test_end_without_begin),
		MARK(test_target),
		MARK(test_twice),
		MARK(test_evicted),
		MARK(test_keys),
		MARK(test_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
