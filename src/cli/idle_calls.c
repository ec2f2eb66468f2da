/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Which system calls wait, and for what. A machine has the ones of its table: names that it does
 * not know (the 64-bit one has no recv or socketcall, older ones no futex_wait) are skipped.
 */
#include "cli/idle_calls.h"

#include <stdbool.h>
#include <stddef.h>

#include "util/syscalls.h"

/* A thread may wait for its next work in these: a first wait in one is a home. */
static const char *const idle_names[] = {
	/* readiness */
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"pselect6_time64",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	/* sockets; 32-bit programs also reach them through socketcall */
	"accept",
	"accept4",
	"recv",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"socketcall",
	/* files: pipes, terminals, eventfd, timerfd, inotify, … */
	"read",
	"readv",
	/* time */
	"nanosleep",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	/* signals */
	"pause",
	"sigsuspend",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	/* other threads */
	"futex",
	"futex_time64",
	"futex_wait",
	"futex_waitv",
	/* queues and semaphores; 32-bit programs also reach System V's through ipc */
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"msgrcv",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"ipc",
	/* asynchronous I/O */
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"io_uring_enter",
	/* children */
	"wait4",
	"waitid",
	"waitpid",
	/* goes on with the call that a signal interrupted */
	"restart_syscall",
	NULL,
};

/* The first argument is the address of a futex. */
static const char *const futex_names[] = { "futex", "futex_wait", "futex_waitv", NULL };

/* Wait for a disk. */
static const char *const sync_names[] = {
	"fsync", "fdatasync", "sync_file_range", "msync", "sync", "syncfs", NULL,
};

static void fill(__u64 words[WL_SYSCALL_WORDS], const char *const *names, bool compat)
{
	for (; *names; names++) {
		int nr = wl_syscall_number(*names, compat);

		if (nr >= 0 && nr < WL_SYSCALL_WORDS * 64)
			words[nr / 64] |= 1ull << (nr % 64);
	}
}

static __s32 restart_call(bool compat)
{
	int nr = wl_syscall_number("restart_syscall", compat);

	return nr >= 0 ? nr : WL_CALL_NO_RESTART;
}

void wl_idle_calls_fill(struct wl_chain_config *chain)
{
	fill(chain->idle_calls, idle_names, false);
	fill(chain->idle_calls32, idle_names, true);
	fill(chain->futex_calls, futex_names, false);
	fill(chain->sync_calls, sync_names, false);
	chain->restart_call = restart_call(false);
	chain->restart_call32 = restart_call(true);
}
