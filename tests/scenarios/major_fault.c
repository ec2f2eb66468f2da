// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker touches a mapped page that is not in memory; others have filled the disk's queue. */
#include "device.h"

#include <sys/mman.h>

static struct scn_helper *queuer;

static void prepare(void)
{
	scn_file_make();
	queuer = scn_helper(scn_work_disk, scn->other, 0, 0);
}

static void serve(void)
{
	size_t page = rng_next(&scn->rng) % (SCN_FILE_SIZE / 4096);
	volatile char *map = mmap(NULL, SCN_FILE_SIZE, PROT_READ, MAP_SHARED, scn_file_fd(), 0);

	if (map == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	madvise((void *)map, SCN_FILE_SIZE, MADV_RANDOM);
	scn->span.from = now_ns();
	(void)map[page * 4096];
	scn->span.to = now_ns();
	munmap((void *)map, SCN_FILE_SIZE);
}

static void make_late(void)
{
	scn_file_forget();
	scn_order(queuer);
	scn_wait_begun(queuer);
	scn_ask();
}

static void expect(void)
{
	printf("dev,none,%u,%u", queuer->tid, scn->worker);
}

static const struct scenario scenario = {
	.why = "major_fault",
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
