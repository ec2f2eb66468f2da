/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Who gets whose chain: owners, process boundaries, cycles, hops. */
#include "cases.h"

static void test_same_process(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(1000);
	uint64_t start = m.now;

	machine_pass(&m, 100);
	machine_waking(&m, 0, b);
	machine_pass(&m, 10);
	machine_switch(&m, 1, false, b);
	assert_stimulus(b, WL_STIM_IRQ, 36, start);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_RUNNING), 100);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_WAKEUP), 10);
	assert_non_null(machine_chain(a));
}

/* A pipe: the wake-up is the stimulus, and says who woke. */
static void test_other_process(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(2000);

	machine_pass(&m, 100);
	machine_waking(&m, 0, b);
	machine_switch(&m, 1, false, b);
	assert_stimulus(b, WL_STIM_WAKEUP, 0, m.now);
	assert_int_equal(machine_chain(b)->h.stim_tid, a->tid);
	assert_int_equal(machine_chain(b)->h.owner, 2000);
}

static void test_waker_without_chain(void **state)
{
	struct machine_task *a = bystander(0), *b = user(2000);

	machine_waking(&m, 0, b);
	machine_switch(&m, 1, false, b);
	assert_stimulus(b, WL_STIM_WAKEUP, 0, m.now);
	assert_int_equal(machine_chain(b)->h.stim_tid, a->tid);
}

/* What a client does on loopback: its softirq runs in its own system call. */
static void loopback(uint32_t cpu, struct machine_task *server, uint32_t socket)
{
	machine_raise(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 10);
	machine_softirq_enter(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_pass(&m, 20);
	machine_data_ready(&m, cpu, socket);
	if (server)
		machine_waking(&m, cpu, server);
	machine_softirq_exit(&m, cpu);
	machine_send(&m, cpu);
}

static void test_loopback(void **state)
{
	struct machine_task *client = worker(0, 1000), *server = user(2000);
	uint64_t sent;

	machine_pass(&m, 100000);
	sent = m.now;
	loopback(0, server, 1);
	machine_pass(&m, 30);
	machine_switch(&m, 1, false, server);
	assert_stimulus(server, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, sent);
	assert_int_equal(machine_sum(machine_chain(server), WL_SEG_SOFTIRQ_DELAY), 10);
	assert_int_equal(machine_sum(machine_chain(server), WL_SEG_SOFTIRQ), 20);
	assert_int_equal(machine_sum(machine_chain(server), WL_SEG_WAKEUP), 30);
	assert_non_null(machine_chain(client));
}

/* Also when kernel threads stood between. */
static void test_through_link(void **state)
{
	struct machine_task *a = worker(0, 1000), *k = thread_of_kernel(0), *b = user(2000);
	uint64_t left;

	machine_pass(&m, 100000);
	left = m.now;
	machine_waking(&m, 0, k);
	machine_pass(&m, 5);
	machine_switch(&m, 1, false, k);
	machine_pass(&m, 7);
	machine_waking(&m, 1, b);
	machine_switch(&m, 2, false, b);
	assert_stimulus(b, WL_STIM_WAKEUP, 0, left);
	assert_int_equal(machine_sum(machine_chain(b), WL_SEG_RUNNING), 7);
	assert_non_null(machine_chain(a));
}

/* And back to its own process the chain goes on. */
static void test_through_link_home(void **state)
{
	struct machine_task *k = thread_of_kernel(0), *b = user(1000);
	uint64_t start = m.now;

	worker(0, 1000);
	machine_pass(&m, 100);
	machine_waking(&m, 0, k);
	machine_switch(&m, 1, false, k);
	machine_pass(&m, 7);
	machine_waking(&m, 1, b);
	machine_switch(&m, 2, false, b);
	assert_stimulus(b, WL_STIM_IRQ, 36, start);
}

static void test_follow_all(void **state)
{
	struct machine_task *server = user(2000);
	uint64_t start = m.now;

	m.cfg.follow_all = 1;
	worker(0, 1000);
	machine_pass(&m, 100);
	loopback(0, server, 1);
	machine_switch(&m, 1, false, server);
	assert_stimulus(server, WL_STIM_IRQ, 36, start);
}

/* Closed loop: client and server, each on its CPU, for ever. No response grows, no hop is lost. */
static void test_ping_pong_processes(void **state)
{
	struct machine_task *client = worker(0, 1000), *server = user(2000);

	for (int i = 0; i < 1000; i++) {
		uint64_t sent;

		machine_pass(&m, 1000);
		sent = m.now;
		loopback(0, server, 1);
		machine_pass(&m, 5);
		go_home(0, NULL);
		machine_pass(&m, 5);
		machine_switch(&m, 1, false, server);
		assert_stimulus(server, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, sent);
		machine_receive(&m, 1, 1);
		machine_pass(&m, 1000);
		sent = m.now;
		loopback(1, client, 2);
		machine_pass(&m, 5);
		go_home(1, NULL);
		assert_report(server, (uint32_t)i + 1, WL_END_IDLE, 1075);
		machine_pass(&m, 5);
		machine_switch(&m, 0, false, client);
		assert_stimulus(client, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, sent);
		machine_receive(&m, 0, 2);
	}
	assert_int_equal(machine_counter(&m, WL_CNT_HOPS), 0);
}

/* A chain that comes back to a thread which has finished its part in it starts a new one. */
static void test_ping_pong_threads(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(1000);

	for (int i = 0; i < 200; i++) {
		machine_pass(&m, 100);
		machine_waking(&m, 0, b);
		go_home(0, NULL);
		machine_switch(&m, 1, false, b);
		machine_pass(&m, 100);
		machine_waking(&m, 1, a);
		go_home(1, NULL);
		machine_switch(&m, 0, false, a);
	}
	assert_true(a->report.h.last - a->report.h.start <= 400);
	assert_true(b->report.h.last - b->report.h.start <= 400);
	assert_true(a->report.h.hops < 8);
}

/* The same with each wake-up just before the switch-out: it is about to finish its part. */
static void test_ping_pong_early(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(1000);
	struct wl_sleep s = { .call = CALL_EPOLL, .arg = HOME };
	uint64_t last = 0;

	for (int i = 0; i < 200; i++) {
		machine_pass(&m, 100);
		machine_waking(&m, 0, b);
		machine_arm(&m, 0, &s);
		machine_switch(&m, 1, false, b);
		machine_pass(&m, 100);
		machine_waking(&m, 1, a);
		machine_switch(&m, 0, false, NULL); /* a, woken already */
		assert_true(a->report.h.id != last);
		last = a->report.h.id;
		go_home(1, NULL);
		machine_switch(&m, 0, false, a);
	}
	assert_true(a->report.h.last - a->report.h.start <= 400);
	assert_true(b->report.h.last - b->report.h.start <= 400);
	assert_int_equal(machine_counter(&m, WL_CNT_HOPS), 0);
}

/* Kernel threads that wake each other for ever: the bound holds. */
static void test_hop_bound(void **state)
{
	struct machine_task *k[2] = { thread_of_kernel(0), thread_of_kernel(0) };

	irq_wakes(0, 36, k[0]);
	for (int i = 0; i < 100; i++) {
		machine_pass(&m, 10);
		machine_switch(&m, 0, false, k[i % 2]);
		assert_true(machine_chain(k[i % 2])->h.hops <= m.cfg.max_hops);
		assert_true(m.now - machine_chain(k[i % 2])->h.start <= 400);
		machine_waking(&m, 0, k[(i + 1) % 2]);
		machine_sleep(&m, 0, -2, 0, NULL);
	}
	assert_int_equal(machine_counter(&m, WL_CNT_HOPS), 3);
}

/* The bound is for what is handed on; a response that begins behind a boundary is exact. */
static void test_hop_bound_at_boundary(void **state)
{
	struct machine_task *client = worker(0, 1000), *server = user(2000);
	uint64_t sent;

	machine_chain(client)->h.hops = m.cfg.max_hops - 2;
	machine_pass(&m, 1000);
	sent = m.now;
	loopback(0, server, 1);
	machine_switch(&m, 1, false, server);
	assert_stimulus(server, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, sent);
	assert_int_equal(machine_counter(&m, WL_CNT_HOPS), 0);
	assert_true(machine_chain(server)->h.hops < 8);
}

/* Where a chain left its owner is exact even if a clock was read a little early. */
static void test_left_of_older_time(void **state)
{
	struct machine_task *a = worker(0, 1000), *b = user(2000);
	struct wl_giver g;
	struct wl_path p, q;

	machine_pass(&m, 100);
	wl_giver_now(&m.cfg, &m.cpu[0].c, &a->t, &g, m.now);
	wl_branch_pass(&m.cfg, &p, &g, WL_SEG_SOFTIRQ_DELAY, m.now - 3, &m.cpu[0].c);
	p.h.state = WL_SEG_SOFTIRQ;
	wl_path_close(&p, m.now + 50, 0, NULL);
	wl_path_copy_left(&q, &p);
	assert_int_equal(machine_sum(&q, WL_SEG_NONE), q.h.last - q.h.start);
	assert_int_equal(b->reports, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_same_process),        TEST(test_other_process),
		TEST(test_waker_without_chain), TEST(test_loopback),
		TEST(test_through_link),        TEST(test_through_link_home),
		TEST(test_follow_all),          TEST(test_ping_pong_processes),
		TEST(test_ping_pong_threads),   TEST(test_ping_pong_early),
		TEST(test_hop_bound),           TEST(test_hop_bound_at_boundary),
		TEST(test_left_of_older_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
