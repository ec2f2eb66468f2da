// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A task that has nothing to do with anybody's sound, and takes the CPU now and then.
 *
 *   demo-hog NAME CPU PRIO NICE MIN_MS MAX_MS SEED
 *
 * PRIO: of SCHED_FIFO; 0: normal policy, at NICE. Prints "ready", begins at the first line on
 * stdin, prints "burst FROM TO" (CLOCK_MONOTONIC ns) for each time that it had the CPU, ends at the
 * end of stdin.
 */
#include "../../tests/live/common.h"

#include <poll.h>
#include <sys/resource.h>

#define MSEC 1000000ull
#define REST_MIN (150 * MSEC)
#define REST_MAX (350 * MSEC)

static void be(int prio, int nice)
{
	struct sched_param param = { .sched_priority = prio };

	if (prio && sched_setscheduler(0, SCHED_FIFO, &param))
		die("SCHED_FIFO %d: %s", prio, strerror(errno));
	if (!prio && setpriority(PRIO_PROCESS, 0, nice))
		die("nice %d: %s", nice, strerror(errno));
}

/* Has stdin ended, after so long? */
static int is_over(uint64_t ns)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	return poll(&in, 1, (int)(ns / MSEC)) > 0;
}

int main(int argc, char **argv)
{
	uint64_t min, max, seed, from;

	if (argc != 8)
		die("usage: demo-hog NAME CPU PRIO NICE MIN_MS MAX_MS SEED");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, argv[1]);
	pin_to(atoi(argv[2]));
	be(atoi(argv[3]), atoi(argv[4]));
	min = strtoull(argv[5], NULL, 10) * MSEC;
	max = strtoull(argv[6], NULL, 10) * MSEC;
	seed = strtoull(argv[7], NULL, 10) | 1;
	puts("ready");
	gate();
	while (!is_over(rng_between(&seed, REST_MIN, REST_MAX))) {
		from = now_ns();
		busy_until(from + rng_between(&seed, min, max));
		printf("burst %llu %llu\n", (unsigned long long)from, (unsigned long long)now_ns());
		fflush(stdout);
	}
	return 0;
}
