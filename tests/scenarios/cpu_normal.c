// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Three normal tasks share the worker's CPU, which has the least right to it. */
#include "scenario.h"

#include <sys/resource.h>

#define HOGS 3

static struct scn_helper *hogs[HOGS];

/* All until the same moment: the last one alone would have used up its right to the CPU. */
static void share(struct scn_helper *helper)
{
	scn_begin(helper);
	busy_until(scn->span.to);
	scn_end(helper);
}

static void prepare(void)
{
	for (int i = 0; i < HOGS; i++)
		hogs[i] = scn_helper(share, scn->cpu, 0, 0);
}

static void worker(void)
{
	setpriority(PRIO_PROCESS, 0, 19);
}

/* The last end is what counts. */
static void make_late(void)
{
	scn->span.from = now_ns();
	scn->span.to = scn->span.from + scn->ns;
	for (int i = 0; i < HOGS; i++)
		scn_order(hogs[i]);
	scn_wait_begun(hogs[0]);
	scn_ask();
	for (int i = 0; i < HOGS; i++) {
		scn_wait_done(hogs[i]);
		if (hogs[i]->to > scn->span.to)
			scn->span.to = hogs[i]->to;
	}
}

static void expect(void)
{
	printf("%u,%u,%u", hogs[0]->tid, hogs[1]->tid, hogs[2]->tid);
}

static const struct scenario scenario = {
	.why = "cpu_normal",
	.min_ns = 12 * MSEC,
	.max_ns = 20 * MSEC,
	.prepare = prepare,
	.worker = worker,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
