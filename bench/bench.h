/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Small things that the bench programs share. Times are CLOCK_MONOTONIC ns. */
#ifndef WL_BENCH_H
#define WL_BENCH_H

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ull
#define die(...)                                                                                   \
	do {                                                                                       \
		fprintf(stderr, "bench: " __VA_ARGS__);                                            \
		fputc('\n', stderr);                                                               \
		exit(1);                                                                           \
	} while (0)

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

static inline void sleep_ms(long ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static inline void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("cannot run on cpu %d: %s", cpu, strerror(errno));
}

#endif
