// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A flood of packets for somebody else arrives on the worker's CPU: many short softirqs, none of
 * them late by itself, keep it from its work.
 */
#include "scenario.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define NET_RX 3
#define SHORTEST 100000
#define LONGEST 250000
#define WORK (2 * MSEC) /* of its own; longer than all gaps between the softirqs together */
#define TRIES 5

static int flood[2];
static uint64_t steps;

static void count_to(uint64_t n)
{
	for (volatile uint64_t i = 0; i < n; i++)
		;
}

/*
 * A fixed amount of work, not a time: interrupted, it takes longer. Real-time: for a normal task
 * the interruptions would count as its own use of the CPU, and other tasks would have their turn.
 */
static void worker(void)
{
	struct sched_param param = { .sched_priority = (int)scn_random(10, 80) };
	uint64_t n = 100000, best = 0, from, ns;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("SCHED_FIFO: %s", strerror(errno));
	for (int i = 0; i < TRIES; i++) {
		from = now_ns();
		count_to(n);
		ns = now_ns() - from;
		if (!best || ns < best)
			best = ns;
	}
	steps = n * WORK / best;
}

static void serve(void)
{
	count_to(steps);
}

static void prepare(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 2; i++)
		flood[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(flood[0], (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(flood[0], (struct sockaddr *)&addr, &len) ||
	    connect(flood[1], (struct sockaddr *)&addr, sizeof(addr)))
		die("socket: %s", strerror(errno));
}

/* One packet, when the last one's softirq is over: it is not left for ksoftirqd. */
static void send_one(void)
{
	unsigned runs = scn_spin_softirq_runs();
	uint64_t end = now_ns() + MSEC;
	char byte;

	if (send(flood[1], "", 1, 0) != 1)
		die("send: %s", strerror(errno));
	while (scn_spin_softirq_runs() == runs && now_ns() < end)
		;
	recv(flood[0], &byte, 1, MSG_DONTWAIT);
}

static void make_storm(void)
{
	struct scn_softirqs storm = { .cpu = scn->cpu, .nr = NET_RX, .tid = scn->worker };
	uint64_t end = now_ns() + 3 * scn->ns;

	storm.ns = scn_random(SHORTEST, LONGEST);
	storm.times = (unsigned)(2 * scn->ns / storm.ns);
	scn_spin_arm_softirqs(&storm);
	while (scn_spin_softirq_sum() < scn->ns && scn->answered < scn->asked && now_ns() < end)
		send_one();
	scn_spin_disarm_softirqs();
	scn_took(scn_spin_softirq_sum());
}

static void make_late(void)
{
	scn_ask();
	scn_wait_request();
	if (scn->ns)
		make_storm();
}

static void expect(void)
{
	printf("softirq");
}

static const struct scenario scenario = {
	.why = "softirq",
	.home = SCN_UDP_THERE,
	.min_ns = 10 * MSEC,
	.max_ns = 15 * MSEC,
	.prepare = prepare,
	.worker = worker,
	.serve = serve,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
