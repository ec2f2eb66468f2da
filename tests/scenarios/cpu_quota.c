// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker's control group has used up its CPU quota. */
#include "group.h"

static struct scn_helper *user;

static void use_up(struct scn_helper *helper)
{
	static bool joined;

	if (!joined)
		scn_group_join();
	joined = true;
	scn_work_use_up(helper);
}

static void prepare(void)
{
	unsigned period_us = (unsigned)scn_random(60000, 80000);

	scn_group_make("cpu");
	scn_group_set("cpu.shares", "262144");
	scn_group_set("cpu.cfs_period_us", "%u", period_us);
	scn_group_set("cpu.cfs_quota_us", "%u", period_us / 2);
	user = scn_helper(use_up, scn->cpu, 0, 0);
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
	.why = "cpu_quota",
	.min_ns = 1,
	.max_ns = 1,
	.prepare = prepare,
	.worker = scn_group_join,
	.make_late = make_late,
	.end = scn_group_remove,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
