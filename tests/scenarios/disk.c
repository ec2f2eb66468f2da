// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker reads from a disk whose queue another process has filled. */
#include "device.h"

static struct scn_helper *queuer;

static void prepare(void)
{
	scn_file_make();
	queuer = scn_helper(scn_work_disk, scn->other, 0, 0);
}

static void serve(void)
{
	scn->span.from = now_ns();
	scn_file_read_block();
	scn->span.to = now_ns();
}

static void make_late(void)
{
	scn_order(queuer);
	scn_wait_begun(queuer);
	scn_ask();
}

static void expect(void)
{
	printf("dev,none,%u,%u", queuer->tid, scn->worker);
}

static const struct scenario scenario = {
	.why = "disk",
	.min_ns = 20 * MSEC,
	.max_ns = 40 * MSEC,
	.prepare = prepare,
	.serve = serve,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
