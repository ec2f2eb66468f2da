/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Small things that the helpers of the live tests share. Times are CLOCK_MONOTONIC ns. */
#ifndef WL_TEST_COMMON_H
#define WL_TEST_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC 1000000000ull
#define die(...)                                                                                   \
	do {                                                                                       \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fputc('\n', stderr);                                                               \
		exit(1);                                                                           \
	} while (0)

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

static inline struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NSEC), .tv_nsec = (long)(ns % NSEC) };
}

static inline void sleep_until(uint64_t ns)
{
	struct timespec ts = to_timespec(ns);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static inline void sleep_ns(uint64_t ns)
{
	struct timespec ts = to_timespec(ns);

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static inline void busy_until(uint64_t ns)
{
	while (now_ns() < ns)
		;
}

static inline pid_t my_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* Nobody outlives the test: die with the parent. */
static inline void die_with_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static inline void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity cpu %d: %s", cpu, strerror(errno));
}

/* Every CPU that we may use but one; all of them if there is only that one. */
static inline void pin_away_from(int cpu)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	CPU_CLR(cpu, &set);
	if (CPU_COUNT(&set))
		sched_setaffinity(0, sizeof(set), &set);
}

/* Tells the test that we are ready and waits for its word. */
static inline void gate(void)
{
	char line[64];

	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

/* xorshift: the same seed gives the same run. */
static inline uint64_t rng_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static inline uint64_t rng_between(uint64_t *s, uint64_t lo, uint64_t hi)
{
	return lo + rng_next(s) % (hi - lo + 1);
}

static inline void rng_name(uint64_t *s, char name[16])
{
	int n = (int)rng_between(s, 5, 14);

	for (int i = 0; i < n; i++)
		name[i] = (char)('a' + rng_next(s) % 26);
	name[n] = 0;
}

/* CPU time of the calling thread: without what the hypervisor took, where the kernel knows that. */
static inline uint64_t my_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* Run time and run delay of the calling thread, as the kernel accounts them. */
static inline void my_schedstat(uint64_t *run, uint64_t *delay)
{
	unsigned long long r = 0, d = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	if (f) {
		if (fscanf(f, "%llu %llu", &r, &d) != 2)
			r = d = 0;
		fclose(f);
	}
	*run = r;
	*delay = d;
}

#endif
