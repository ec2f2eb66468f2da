// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A real-time task takes the CPU while the worker is at work. */
#include "scenario.h"

static struct scn_helper *hog;

static void prepare(void)
{
	hog = scn_helper(scn_work_busy, scn->cpu, SCHED_FIFO, (int)scn_random(10, 80));
}

static void make_late(void)
{
	scn_ask();
	scn_wait_request();
	scn_order(hog);
	scn_wait_done(hog);
	scn->span = (struct scn_span){ hog->from, hog->to };
}

static void expect(void)
{
	printf("%u", hog->tid);
}

static const struct scenario scenario = {
	.why = "preempted",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.prepare = prepare,
	.serve = scn_serve_work,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
