// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A careful logger: what it reads from stdin goes to a file, and now and then it waits until the
 * disk really has a part of the file, past the page cache. While it waits it reads nothing, and who
 * logs to it waits, too, once the pipe is full.
 *
 *   demo-logger FILE CPU MIN_MIB MAX_MIB SEED
 *
 * Prints "ready", then "sync FROM TO MIB" (CLOCK_MONOTONIC ns) for each time. FILE is removed at
 * once. Ends at the end of stdin.
 */
#include "../../tests/live/common.h"

#include <fcntl.h>

#define ALIGN 4096
#define MIB (1 << 20)
#define MSEC 1000000ull
#define REST_MIN (200 * MSEC)
#define REST_MAX (400 * MSEC)

struct log {
	int cached, direct;
	off_t end;   /* of what was written */
	void *block; /* what a sync writes */
};

static void open_log(struct log *log, const char *path, uint64_t mib)
{
	log->cached = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	log->direct = open(path, O_WRONLY | O_DIRECT | O_DSYNC | O_CLOEXEC);
	if (log->cached < 0 || log->direct < 0)
		die("%s: %s", path, strerror(errno));
	unlink(path);
	if (posix_memalign(&log->block, ALIGN, mib * MIB))
		die("no memory");
	memset(log->block, '\n', mib * MIB);
}

/* The lines that have come, behind the part that is synced. */
static void take(struct log *log)
{
	char lines[4096];
	ssize_t n = read(0, lines, sizeof(lines));

	if (n <= 0)
		exit(0);
	if (pwrite(log->cached, lines, (size_t)n, log->end) != n)
		die("write: %s", strerror(errno));
	log->end += n;
}

static void sync_log(struct log *log, uint64_t mib)
{
	uint64_t from = now_ns();

	if (pwrite(log->direct, log->block, mib * MIB, 0) != (ssize_t)(mib * MIB))
		die("write: %s", strerror(errno));
	printf("sync %llu %llu %llu\n", (unsigned long long)from, (unsigned long long)now_ns(),
	       (unsigned long long)mib);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint64_t min, max, seed, next;
	struct log log = { 0 };

	if (argc != 6)
		die("usage: demo-logger FILE CPU MIN_MIB MAX_MIB SEED");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(atoi(argv[2]));
	min = strtoull(argv[3], NULL, 10);
	max = strtoull(argv[4], NULL, 10);
	seed = strtoull(argv[5], NULL, 10) | 1;
	open_log(&log, argv[1], max);
	log.end = (off_t)(max * MIB);
	puts("ready");
	fflush(stdout);
	next = now_ns() + REST_MAX;
	for (;;) {
		take(&log);
		if (now_ns() < next)
			continue;
		sync_log(&log, rng_between(&seed, min, max));
		next = now_ns() + rng_between(&seed, REST_MIN, REST_MAX);
	}
}
