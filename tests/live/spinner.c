/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Late in a known place, after each wake-up by a timer.
 *
 *   spinner WHAT COUNT WORK_US SLEEP_US FIRST_US
 *
 * WHAT: user (burns in spin_here), kernel (burns in the kernel: random numbers), pipe, futex (waits
 * for another thread). The first sleep is of FIRST_US, so that who watches sees it asleep. Compiled
 * with frame pointers and debug info.
 */
#include "common.h"

#include <linux/futex.h>
#include <sys/random.h>

static volatile uint64_t sink;
static uint64_t work_ns;
static int pipes[2];
static uint32_t word;

#define KEEP __attribute__((noinline))

KEEP static void spin_here(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	do {
		for (int i = 0; i < 200000; i++)
			sink += (uint64_t)i * sink + 1; /* spinning */
	} while (now_ns() < end);
}

KEEP static void ask_kernel(uint64_t ns)
{
	static char buffer[1 << 20];
	uint64_t end = now_ns() + ns;

	do {
		if (getrandom(buffer, sizeof(buffer), 0) < 0)
			die("getrandom: %s", strerror(errno));
	} while (now_ns() < end);
}

static void ask_for_waker(void)
{
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
}

KEEP static void wait_pipe(void)
{
	char c;

	ask_for_waker();
	if (read(pipes[0], &c, 1) != 1)
		die("read: %s", strerror(errno));
}

KEEP static void wait_futex(void)
{
	ask_for_waker();
	while (__atomic_load_n(&word, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
}

static void *wake(void *in_pipe)
{
	for (;;) {
		while (!__atomic_load_n(&word, __ATOMIC_SEQ_CST))
			sleep_ns(200000);
		sleep_ns(work_ns);
		__atomic_store_n(&word, 0, __ATOMIC_SEQ_CST);
		if (in_pipe && write(pipes[1], "x", 1) != 1)
			die("write: %s", strerror(errno));
		syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
	return NULL;
}

KEEP static void do_work(const char *what)
{
	if (!strcmp(what, "user")) {
		spin_here(work_ns);
	} else if (!strcmp(what, "kernel")) {
		ask_kernel(work_ns);
	} else if (!strcmp(what, "pipe")) {
		wait_pipe();
	} else {
		wait_futex();
	}
	__asm__ volatile(""); /* no tail calls: their callers would be missing */
}

int main(int argc, char **argv)
{
	const char *what = argc == 6 ? argv[1] : "";
	uint64_t sleep = argc == 6 ? strtoull(argv[4], NULL, 10) * 1000 : 0;
	uint64_t first = argc == 6 ? strtoull(argv[5], NULL, 10) * 1000 : 0;
	int count = argc == 6 ? atoi(argv[2]) : 0;
	pthread_t other;

	if (!count)
		die("usage: spinner user|kernel|pipe|futex COUNT WORK_US SLEEP_US FIRST_US");
	work_ns = strtoull(argv[3], NULL, 10) * 1000;
	if (pipe(pipes))
		die("pipe: %s", strerror(errno));
	if (!strcmp(what, "pipe") || !strcmp(what, "futex"))
		pthread_create(&other, NULL, wake, strcmp(what, "pipe") ? NULL : pipes);
	printf("ready %d\n", my_tid());
	gate();
	for (int i = 0; i < count; i++) {
		sleep_ns(i ? sleep : first);
		do_work(what);
	}
	return 0;
}
