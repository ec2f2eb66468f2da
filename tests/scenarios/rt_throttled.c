// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The real-time tasks of the worker's control group have used up their share of the CPU. */
#include "group.h"

static struct scn_helper *user;

static void become_fifo(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	scn_group_join();
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("SCHED_FIFO: %s", strerror(errno));
}

static void use_up(struct scn_helper *helper)
{
	static bool joined;

	if (!joined)
		become_fifo(10);
	joined = true;
	scn_work_use_up(helper);
}

static void prepare(void)
{
	unsigned period_us = (unsigned)scn_random(60000, 80000);

	scn_group_make("cpu");
	scn_group_set("cpu.rt_period_us", "%u", period_us);
	scn_group_set("cpu.rt_runtime_us", "%u", period_us / 2);
	user = scn_helper(use_up, scn->cpu, 0, 0);
}

static void worker(void)
{
	become_fifo(20);
}

static void make_late(void)
{
	scn_ask_used_up(user);
}

static void expect(void)
{
	printf("none,%u,%u", user->tid, scn->worker);
}

static const struct scenario scenario = {
	.why = "rt_throttled",
	.min_ns = 1,
	.max_ns = 1,
	.prepare = prepare,
	.worker = worker,
	.make_late = make_late,
	.end = scn_group_remove,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
