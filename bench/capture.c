/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the time from a slow response to its capture is measured with.
 *
 *   bench-capture victim BUSY_MS PERIOD_MS
 *       sleeps for a period and works for BUSY_MS, in turns, until it is killed
 *   bench-capture seen DIR
 *       "ready"; then, until it is killed, "NS NAME" for each directory that gets its name in DIR.
 *       Of real-time priority, so that it is told as soon as it has happened
 */
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "bench.h"

#define NAME "wl-bench-victim"
#define PRIORITY 90

static void work_for(uint64_t ms)
{
	uint64_t end = now_ns() + ms * 1000000;

	while (now_ns() < end)
		;
}

static int victim_main(uint64_t busy_ms, long period_ms)
{
	prctl(PR_SET_NAME, NAME);
	puts("ready");
	fflush(stdout);
	for (;;) {
		sleep_ms(period_ms);
		work_for(busy_ms);
	}
	return 0;
}

static void print_names(const char *events, ssize_t size, uint64_t now)
{
	const struct inotify_event *e;

	for (const char *at = events; at < events + size; at += sizeof(*e) + e->len) {
		e = (const void *)at;
		if (e->len && e->mask & IN_ISDIR && e->name[0] != '.')
			printf("%lu %s\n", now, e->name);
	}
	fflush(stdout);
}

static int seen_main(const char *dir)
{
	char events[4096] __attribute__((aligned(8)));
	struct sched_param param = { .sched_priority = PRIORITY };
	int fd = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	if (fd < 0 || inotify_add_watch(fd, dir, IN_MOVED_TO) < 0)
		die("%s: %s", dir, strerror(errno));
	if (sched_setscheduler(0, SCHED_FIFO, &param) || mlockall(MCL_CURRENT | MCL_FUTURE))
		die("no real-time priority: %s", strerror(errno));
	puts("ready");
	fflush(stdout);
	while ((n = read(fd, events, sizeof(events))) > 0)
		print_names(events, n, now_ns());
	die("%s: %s", dir, strerror(errno));
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "victim"))
		return victim_main(strtoull(argv[2], NULL, 10), atol(argv[3]));
	if (argc == 3 && !strcmp(argv[1], "seen"))
		return seen_main(argv[2]);
	die("usage: bench-capture victim BUSY_MS PERIOD_MS | seen DIR");
}
