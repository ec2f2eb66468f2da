/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Busy servers: one response ends at its last send, the next begins at its arrival. */
#include "cases.h"

#define A 1 /* sockets */
#define B 2

static uint64_t zero; /* when the test began */

/* Data for a socket, brought by line nr on this CPU; wakes the task if there is one. */
static void arrives(uint32_t cpu, uint16_t nr, uint32_t socket, struct machine_task *task)
{
	machine_irq_enter(&m, cpu, nr, NULL);
	machine_raise(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_irq_exit(&m, cpu);
	machine_softirq_enter(&m, cpu, WL_SOFTIRQ_NET_RX);
	machine_data_ready(&m, cpu, socket);
	if (task)
		machine_waking(&m, cpu, task);
	machine_softirq_exit(&m, cpu);
}

/* A server on CPU 0 that has been woken by A. */
static struct machine_task *server(void)
{
	struct machine_task *task = user(2000);

	zero = m.now;
	arrives(0, 36, A, task);
	machine_switch(&m, 0, false, task);
	return task;
}

static void at(uint64_t ns)
{
	assert_true(zero + ns >= m.now);
	m.now = zero + ns;
}

/* The picture at the top of src/chain/turn.h, with B before the send. */
static void test_queued(void **state)
{
	struct machine_task *s = server();

	at(100);
	machine_receive(&m, 0, A);
	at(200);
	arrives(1, 40, B, NULL);
	at(300);
	machine_send(&m, 0);
	at(350);
	machine_receive(&m, 0, B);
	assert_report(s, 1, WL_END_TURN, 300);
	assert_path(&s->report, WL_STIM_IRQ, 36, zero);
	assert_stimulus(s, WL_STIM_IRQ, 40, zero + 200);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 150);
	at(450);
	machine_send(&m, 0);
	at(460);
	go_home(0, NULL);
	assert_report(s, 2, WL_END_IDLE, 260);
	assert_int_equal(machine_sum(&s->report, WL_SEG_RUNNING), 110);
	assert_int_equal(s->report.h.merged, 0);
}

/* B comes after the send: only the rest of the tail delays it. */
static void test_queued_after_send(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(300);
	machine_send(&m, 0);
	at(320);
	arrives(1, 40, B, NULL);
	at(350);
	machine_receive(&m, 0, B);
	assert_report(s, 1, WL_END_TURN, 300);
	assert_stimulus(s, WL_STIM_IRQ, 40, zero + 320);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 30);
}

/* The last send counts, not the first. */
static void test_two_sends(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	machine_send(&m, 0);
	at(200);
	machine_send(&m, 0);
	at(250);
	arrives(1, 40, B, NULL);
	machine_receive(&m, 0, B);
	assert_report(s, 1, WL_END_TURN, 200);
	assert_int_equal(s->report.h.nseg, 1);
}

/* A tail in which the thread was put aside delays the next one: that is where its time went. */
static void test_tail_preempted(void **state)
{
	struct machine_task *s = server(), *other = user(3000);

	machine_receive(&m, 0, A);
	at(100);
	arrives(1, 40, B, NULL);
	at(300);
	machine_send(&m, 0);
	irq_wakes(0, 37, other);
	at(310);
	machine_switch(&m, 0, true, other);
	at(1310);
	go_home(0, s);
	at(1330);
	machine_receive(&m, 0, B);
	assert_report(s, 1, WL_END_TURN, 300);
	assert_int_equal(machine_sum(&s->report, WL_SEG_PREEMPTED), 0);
	assert_stimulus(s, WL_STIM_IRQ, 40, zero + 100);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_PREEMPTED), 1000);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 230);
	at(1400);
	go_home(0, NULL);
	assert_report(s, 2, WL_END_IDLE, 1300);
}

/* It arrived while the thread was put aside: only what was left of that. */
static void test_arrival_while_preempted(void **state)
{
	struct machine_task *s = server(), *other = user(3000);

	machine_receive(&m, 0, A);
	at(300);
	machine_send(&m, 0);
	irq_wakes(0, 37, other);
	at(310);
	machine_switch(&m, 0, true, other);
	at(1010);
	arrives(1, 40, B, NULL);
	at(1310);
	go_home(0, s);
	at(1330);
	machine_receive(&m, 0, B);
	assert_stimulus(s, WL_STIM_IRQ, 40, zero + 1010);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_PREEMPTED), 300);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 20);
}

/* A second request without an answer in between is merged, and counted. */
static void test_merged(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	arrives(1, 40, B, NULL);
	at(200);
	machine_receive(&m, 0, B);
	at(300);
	machine_send(&m, 0);
	at(400);
	go_home(0, NULL);
	assert_report(s, 1, WL_END_IDLE, 400);
	assert_int_equal(s->report.h.merged, 1);
	assert_int_equal(machine_counter(&m, WL_CNT_MERGED), 1);
}

/* The same from another process: what counts is when it began for the server. */
static void test_merged_loopback(void **state)
{
	struct machine_task *client = user(1000), *s;

	irq_wakes(1, 50, client);
	machine_switch(&m, 1, false, client);
	machine_pass(&m, 1000); /* the client's own chain is older than the server's */
	s = server();
	machine_receive(&m, 0, A);
	at(100);
	machine_raise(&m, 1, WL_SOFTIRQ_NET_RX);
	machine_softirq_enter(&m, 1, WL_SOFTIRQ_NET_RX);
	machine_data_ready(&m, 1, B);
	machine_softirq_exit(&m, 1);
	at(200);
	machine_receive(&m, 0, B);
	go_home(0, NULL);
	assert_int_equal(s->report.h.merged, 1);
}

/* Its arrival was not kept: it begins at the receive, and that is counted. */
static void test_not_kept(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	machine_send(&m, 0);
	at(150);
	machine_receive(&m, 0, B);
	assert_report(s, 1, WL_END_TURN, 100);
	assert_stimulus(s, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, zero + 150);
	assert_int_equal(machine_counter(&m, WL_CNT_KEPT_MISSING), 1);
}

/* One arrival brought two requests: both begin there. */
static void test_pipelined(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	machine_send(&m, 0);
	at(150);
	machine_receive(&m, 0, A);
	assert_report(s, 1, WL_END_TURN, 100);
	assert_stimulus(s, WL_STIM_IRQ, 36, zero);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 150);
}

/* The protocol handled it in the thread's own system call: it did not come from the thread. */
static void test_backlog(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	machine_backlog(&m, 0, B);
	at(150);
	machine_send(&m, 0);
	at(160);
	machine_receive(&m, 0, B);
	assert_stimulus(s, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, zero + 100);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 60);
}

/* Loopback: a client's request, seen from the server, begins at the softirq that brought it. */
static void test_other_process(void **state)
{
	struct machine_task *client = worker(1, 1000), *s;

	machine_pass(&m, 5000);
	s = server();
	machine_receive(&m, 0, A);
	at(100);
	machine_raise(&m, 1, WL_SOFTIRQ_NET_RX);
	at(110);
	machine_softirq_enter(&m, 1, WL_SOFTIRQ_NET_RX);
	at(130);
	machine_data_ready(&m, 1, B);
	machine_softirq_exit(&m, 1);
	at(200);
	machine_send(&m, 0);
	machine_receive(&m, 0, B);
	assert_stimulus(s, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, zero + 100);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_SOFTIRQ_DELAY), 10);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_SOFTIRQ), 20);
	assert_int_equal(machine_sum(machine_chain(s), WL_SEG_QUEUED), 70);
	assert_non_null(machine_chain(client));
}

/* A thread without a chain receives too: what it has received is not the next one's arrival. */
static void test_receive_without_chain(void **state)
{
	struct machine_task *s = bystander(0);

	zero = m.now;
	arrives(1, 40, A, NULL);
	machine_receive(&m, 0, A);
	machine_sleep(&m, 0, CALL_EPOLL, HOME, NULL);
	at(1000000);
	arrives(0, 36, B, s);
	machine_switch(&m, 0, false, s);
	machine_receive(&m, 0, B);
	machine_send(&m, 0);
	at(1000100);
	arrives(1, 41, A, NULL);
	at(1000200);
	machine_receive(&m, 0, A);
	assert_stimulus(s, WL_STIM_IRQ, 41, zero + 1000100);
}

/* What had arrived before it slept at home was not there to be received. */
static void test_stale_arrival(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	arrives(1, 40, B, NULL); /* read in a way that we don't see */
	at(100);
	go_home(0, NULL);
	at(870000000);
	arrives(0, 36, A, s);
	machine_switch(&m, 0, false, s);
	machine_receive(&m, 0, A);
	machine_send(&m, 0);
	at(870000100);
	machine_receive(&m, 0, B);
	assert_stimulus(s, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, zero + 870000100);
}

/* But what arrives on the way to sleep is: sched_waking races the switch-out. */
static void test_arrival_on_the_way_home(void **state)
{
	struct machine_task *s = server();
	struct wl_sleep home = { .call = CALL_EPOLL, .arg = HOME };

	machine_receive(&m, 0, A);
	at(100);
	machine_arm(&m, 0, &home);
	at(110);
	arrives(1, 40, A, s);
	at(120);
	arrives(1, 41, B, NULL);
	at(130);
	machine_switch(&m, 0, false, NULL);
	at(140);
	machine_switch(&m, 0, false, s);
	machine_receive(&m, 0, A);
	at(200);
	machine_send(&m, 0);
	machine_receive(&m, 0, B);
	assert_report(s, 2, WL_END_TURN, 90);
	assert_stimulus(s, WL_STIM_IRQ, 41, zero + 120);
}

static void test_idle_has_no_turns(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	at(100);
	machine_send(&m, 0);
	arrives(1, 40, B, NULL);
	at(150);
	machine_receive(&m, 0, B);
	assert_int_equal(s->reports, 0);
	at(200);
	go_home(0, NULL);
	assert_report(s, 1, WL_END_IDLE, 200);
	assert_int_equal(s->report.h.merged, 1);
}

/* A thread that sends and never receives has no turns. */
static void test_client(void **state)
{
	struct machine_task *s = server();

	at(100);
	machine_send(&m, 0);
	at(200);
	machine_sleep_hard(&m, 0, CALL_WRITE, false, NULL);
	at(300);
	irq_wakes(0, 40, s);
	machine_switch(&m, 0, false, s);
	at(400);
	go_home(0, NULL);
	assert_report(s, 1, WL_END_IDLE, 400);
}

/* A busy server for ever: responses stay short, sums exact, no loss. */
static void test_busy(void **state)
{
	struct machine_task *s = server();

	machine_receive(&m, 0, A);
	for (uint32_t i = 0; i < 2000; i++) {
		machine_pass(&m, 50);
		arrives(1, 40, i % 2 ? A : B, NULL);
		machine_pass(&m, 50);
		machine_send(&m, 0);
		machine_pass(&m, 10);
		machine_receive(&m, 0, i % 2 ? A : B);
		assert_report(s, i + 1, WL_END_TURN, i ? 160 : 100);
		assert_int_equal(machine_sum(&s->report, WL_SEG_QUEUED), i ? 60 : 0);
	}
	assert_true(s->report.h.nseg <= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_UNTIL(test_queued, turn),
		TEST_UNTIL(test_queued_after_send, turn),
		TEST_UNTIL(test_two_sends, turn),
		TEST_UNTIL(test_tail_preempted, turn),
		TEST_UNTIL(test_arrival_while_preempted, turn),
		TEST_UNTIL(test_merged, turn),
		TEST_UNTIL(test_merged_loopback, turn),
		TEST_UNTIL(test_not_kept, turn),
		TEST_UNTIL(test_pipelined, turn),
		TEST_UNTIL(test_backlog, turn),
		TEST_UNTIL(test_other_process, turn),
		TEST_UNTIL(test_receive_without_chain, turn),
		TEST_UNTIL(test_stale_arrival, turn),
		TEST_UNTIL(test_arrival_on_the_way_home, turn),
		TEST(test_idle_has_no_turns),
		TEST_UNTIL(test_client, turn),
		TEST_UNTIL(test_busy, turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
