// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * The worker makes its control group smaller and has to free what is too much. (Pages that it
 * allocated itself would cost as much as their reclaim: new memory is slow in a virtual machine.)
 */
#include "device.h"
#include "group.h"

#define LARGE (96 << 20)
#define SMALL (8 << 20)
#define STEP (1 << 20)

static struct scn_helper *filler;

/* The group's pages become dirty ones of the file: to take them back, they have to be written. */
static void fill_cache(struct scn_helper *helper)
{
	static char chunk[STEP];
	static bool joined;

	if (!joined)
		scn_group_join();
	joined = true;
	chunk[0]++;
	for (off_t at = 0; scn->ns && at < SCN_FILE_SIZE; at += STEP)
		if (pwrite(scn_file_fd(), chunk, STEP, at) != STEP)
			die("pwrite: %s", strerror(errno));
	scn_begin(helper);
}

static void prepare(void)
{
	scn_group_make("memory");
	scn_group_set("memory.limit_in_bytes", "%d", LARGE);
	scn_file_make();
	filler = scn_helper(fill_cache, scn->other, 0, 0);
}

static void serve(void)
{
	uint64_t from = now_ns(), delay = scn_run_delay();

	if (!scn->ns)
		return;
	scn_group_set("memory.limit_in_bytes", "%d", SMALL);
	scn_took(now_ns() - from - (scn_run_delay() - delay));
	scn_group_set("memory.limit_in_bytes", "%d", LARGE);
}

static void make_late(void)
{
	scn_order(filler);
	scn_wait_begun(filler);
	scn_ask();
}

static void expect(void)
{
	printf("none,%u", scn->worker);
}

static const struct scenario scenario = {
	.why = "reclaim",
	.min_ns = 10 * MSEC,
	.max_ns = 20 * MSEC,
	.prepare = prepare,
	.worker = scn_group_join,
	.serve = serve,
	.make_late = make_late,
	.end = scn_group_remove,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
