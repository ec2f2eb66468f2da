// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* A system call of the worker's computes. */
#include "scenario.h"

#include <sys/random.h>

#define ROOM (16 << 20)

static char *room;
static double bytes_per_ns;

static uint64_t fill(size_t size)
{
	uint64_t from = now_ns();

	if (getrandom(room, size, 0) != (ssize_t)size)
		die("getrandom: %s", strerror(errno));
	return now_ns() - from;
}

static void worker(void)
{
	room = malloc(ROOM);
	memset(room, 1, ROOM);
	bytes_per_ns = (double)(1 << 20) / (double)fill(1 << 20);
}

static void serve(void)
{
	size_t size = (size_t)((double)scn->ns * bytes_per_ns);
	uint64_t start = scn_run_time();

	fill(size < ROOM ? size : ROOM);
	scn_took(scn_run_time() - start);
}

static void expect(void)
{
	printf("none,%u", scn->worker);
}

static const struct scenario scenario = {
	.why = "own_kernel",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.worker = worker,
	.serve = serve,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
