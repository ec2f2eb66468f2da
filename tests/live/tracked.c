// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * What trackers are compared with: does known things, and measures them with its own clock.
 *
 *   tracked calls N     N getppid, N/2 pwrite64 to /dev/null, and N calls of tracked_work()
 *   tracked locks N MS  a thread holds a mutex for MS, N times, while another one waits for it
 *   tracked sleeps N US sleeps, one thread
 *
 * Says "ready ..." and begins when it reads a line; then says what it has measured.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "usdt.h"

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			perror(#x);                                                                \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void ready(const char *text)
{
	char line[64];

	printf("ready %s\n", text);
	fflush(stdout);
	CHECK(fgets(line, sizeof(line), stdin));
}

__attribute__((noinline)) int tracked_work(int us)
{
	uint64_t end = now() + (uint64_t)us * 1000;

	while (now() < end)
		;
	__asm__ volatile("" ::: "memory");
	return us;
}

static void calls(int n)
{
	int fd = open("/dev/null", O_WRONLY);
	uint64_t sum = 0;

	ready("");
	for (int i = 0; i < n; i++) {
		uint64_t begin;

		syscall(SYS_getppid);
		if (i % 2)
			CHECK(pwrite(fd, "x", 1, 0) == 1);
		begin = now();
		PROBE("tracked", "begin", "-8@%%rdi", i, 0);
		tracked_work(100 + i % 100);
		PROBE("tracked", "end", "-8@%%rdi", i, 0);
		sum += now() - begin;
	}
	printf("work_ns %llu\n", (unsigned long long)sum);
}

static void sleeps(int n, long us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
	uint64_t sum = 0;

	ready("");
	for (int i = 0; i < n; i++) {
		uint64_t begin = now();

		nanosleep(&t, NULL);
		sum += now() - begin;
	}
	printf("slept_ns %llu\n", (unsigned long long)sum);
}

struct lock {
	pthread_mutex_t mutex;
	pthread_barrier_t both;
	int rounds, us, tid;
	uint64_t waited;
};

static void *hold(void *arg)
{
	struct lock *l = arg;

	l->tid = (int)syscall(SYS_gettid);
	pthread_barrier_wait(&l->both);
	pthread_barrier_wait(&l->both);
	for (int i = 0; i < l->rounds; i++) {
		pthread_mutex_lock(&l->mutex);
		pthread_barrier_wait(&l->both);
		usleep((useconds_t)l->us);
		pthread_mutex_unlock(&l->mutex);
		pthread_barrier_wait(&l->both);
	}
	return NULL;
}

static void locks(int n, int ms)
{
	struct lock l = { .rounds = n, .us = ms * 1000 };
	pthread_t holder;
	char text[128];

	pthread_mutex_init(&l.mutex, NULL);
	pthread_barrier_init(&l.both, NULL, 2);
	CHECK(!pthread_create(&holder, NULL, hold, &l));
	pthread_barrier_wait(&l.both);
	snprintf(text, sizeof(text), "%ld %d 0x%lx", syscall(SYS_gettid), l.tid,
		 (unsigned long)&l.mutex);
	ready(text);
	pthread_barrier_wait(&l.both);
	for (int i = 0; i < n; i++) {
		uint64_t begin;

		pthread_barrier_wait(&l.both);
		begin = now();
		pthread_mutex_lock(&l.mutex);
		l.waited += now() - begin;
		pthread_mutex_unlock(&l.mutex);
		pthread_barrier_wait(&l.both);
	}
	pthread_join(holder, NULL);
	printf("waited_ns %llu\n", (unsigned long long)l.waited);
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 0, more = argc > 3 ? atoi(argv[3]) : 0;

	if (argc > 2 && !strcmp(argv[1], "calls"))
		calls(n);
	else if (argc > 3 && !strcmp(argv[1], "locks"))
		locks(n, more);
	else if (argc > 3 && !strcmp(argv[1], "sleeps"))
		sleeps(n, more);
	else
		return 2;
	return 0;
}
