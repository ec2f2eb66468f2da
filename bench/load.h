/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Loads that make events of a known kind as fast as the machine can: processes named LOAD_NAME. */
#ifndef WL_BENCH_LOAD_H
#define WL_BENCH_LOAD_H

#include <sys/types.h>

#define LOAD_NAME "wl-bench-load"
#define LOAD_MAX 512 /* processes */

enum load_kind {
	LOAD_PIPE,  /* a ring of tasks with one token: each waits for it and hands it on */
	LOAD_UDP,   /* the same over loopback datagrams */
	LOAD_TCP,   /* the same over loopback connections */
	LOAD_TIMER, /* tasks that sleep for a few us */
	LOAD_CALL,  /* calls to the other CPU (membarrier) */
	LOAD_WORK,  /* work items (a terminal's input) */
	LOAD_DISK,  /* reads past the page cache */
	LOAD_FORK,  /* processes that are born and die */
};

struct load_spec {
	enum load_kind kind;
	int tasks;        /* of the ring; processes for the others */
	int per_process;  /* tasks of the ring in one process: chains go on from one to the next */
	int cpu, other;   /* other: where the second task of a ring across CPUs runs; -1: on cpu too
			   */
	const char *file; /* LOAD_DISK: at least 16 MiB */
};

struct load {
	pid_t pids[LOAD_MAX];
	int n;
};

void load_start(struct load *load, const struct load_spec *spec);
void load_stop(struct load *load);

#endif
