/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/track_kinds.h"

#include <stdio.h>
#include <string.h>

#include "util/distance.h"

#include "track_objects.inc"

static const struct wl_track_kind kinds[] = {
	{ "wakeup", "tasks: woken until they run", wl_object_wakeup },
	{ "offcpu", "tasks: off the CPU, blocked and preempted apart, with stacks",
	  wl_object_offcpu },
	{ "runq", "tasks: on a run queue until they run, by its length", wl_object_runq },
	{ "syscall", "system calls, and where the slow ones waited", wl_object_syscall },
	{ "lock", "waits for futexes, by address, with holder and waker", wl_object_lock },
	{ "irq", "how long interrupts are handled", wl_object_irq },
	{ "softirq", "softirqs: raised until they run, and how long they run", wl_object_softirq },
	{ "timer", "high-resolution timers: programmed until the handler runs", wl_object_timer },
	{ "workqueue", "work items: queued until they run, and how long they run",
	  wl_object_workqueue, .no_timeout = true },
	{ "block", "requests to block devices: in the queue, and in the device", wl_object_block },
	{ "io", "files: system call, file system, queue and device in one table", wl_object_io },
	{ "net", "packets: received until a process takes them", wl_object_net,
	  .no_timeout = true },
	{ "ttfb", "connections: accepted until the first write", wl_object_ttfb },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct wl_track_kind *wl_track_kind(const char *name)
{
	for (size_t i = 0; i < NKINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const char *wl_track_kind_nearest(const char *name)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (size_t i = 0; i < NKINDS; i++)
		wl_nearest_offer(&nearest, kinds[i].name);
	return nearest.best;
}

const void *wl_track_user_object(size_t *size)
{
	return wl_object_user(size);
}

void wl_track_print_intro(void)
{
	printf("usage: whylate track KIND [OPTIONS] [-- COMMAND...]\n"
	       "       whylate track FILE.bpf.o [OPTIONS]\n"
	       "       whylate track --in EVENT --out EVENT --key EXPR [OPTIONS]\n"
	       "\n"
	       "How long something takes, from an event to the one that ends it: a table, a\n"
	       "histogram, a line for each one that was slow. FILE.bpf.o: see\n"
	       "latency_tracker.bpf(7).\n"
	       "\n"
	       "KIND:\n");
	for (size_t i = 0; i < NKINDS; i++)
		printf("  %-10s %s\n", kinds[i].name, kinds[i].help);
}
