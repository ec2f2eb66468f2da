// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * manythreads THREADS AWAKE WAKEUPS: THREADS threads with 16 KiB stacks wait for ever in read() on
 * an event counter; a child process wakes the first AWAKE of them WAKEUPS times each, 1 ms apart.
 * Prints "ready PID", waits for a line on stdin, prints "done READS" (counted by the threads).
 */
#include "common.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int *fds, idle_fd, awake;
static _Atomic uint64_t *reads;

static void *wait_here(void *arg)
{
	long nr = (long)arg;
	int fd = nr < awake ? fds[nr] : idle_fd;
	uint64_t v;

	if (nr < awake)
		prctl(PR_SET_NAME, "many-awake");
	while (read(fd, &v, sizeof(v)) == sizeof(v))
		(*reads)++;
	return NULL;
}

static void start_threads(long n)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (long i = 0; i < n; i++) {
		int err = pthread_create(&t, &attr, wait_here, (void *)i);

		if (err)
			die("thread %ld: %s", i, strerror(err));
	}
}

int main(int argc, char **argv)
{
	pid_t self = getpid(), child;
	int wakeups, go[2];
	char c = 0;

	if (argc < 4 || pipe(go))
		die("usage: manythreads THREADS AWAKE WAKEUPS");
	awake = atoi(argv[2]);
	wakeups = atoi(argv[3]);
	fds = calloc((size_t)awake, sizeof(*fds));
	reads = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < awake; i++)
		fds[i] = eventfd(0, 0);
	idle_fd = eventfd(0, 0);
	child = fork();
	if (!child) {
		uint64_t one = 1;

		die_with_parent(self);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		for (int i = 0; i < wakeups * awake; i++) {
			sleep_ns(1000000);
			if (write(fds[i % awake], &one, sizeof(one)) < 0)
				_exit(1);
		}
		_exit(0);
	}
	start_threads(atol(argv[1]));
	sleep_ns(200000000); /* everybody is asleep */
	printf("ready %d\n", self);
	gate();
	if (write(go[1], &c, 1) != 1)
		die("pipe");
	waitpid(child, NULL, 0);
	sleep_ns(100000000);
	printf("done %llu\n", (unsigned long long)*reads);
	fflush(stdout);
	_exit(0);
}
