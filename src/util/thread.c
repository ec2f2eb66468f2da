/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/thread.h"

#include <sys/resource.h>

#define NICE (-20)

static int start_fifo(pthread_t *thread, int priority, void *(*run)(void *), void *ctx)
{
	const struct sched_param param = { .sched_priority = priority };
	pthread_attr_t attr;
	int ret = pthread_attr_init(&attr);

	if (ret)
		return ret;
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	ret = pthread_create(thread, &attr, run, ctx);
	pthread_attr_destroy(&attr);
	return ret;
}

/* A nice value is a thread's; a new thread has its creator's. */
static int start_nice(pthread_t *thread, void *(*run)(void *), void *ctx)
{
	int before = getpriority(PRIO_PROCESS, 0), ret;
	int changed = !setpriority(PRIO_PROCESS, 0, NICE);

	ret = pthread_create(thread, NULL, run, ctx);
	if (changed)
		setpriority(PRIO_PROCESS, 0, before);
	return ret;
}

int wl_thread_start_urgent(pthread_t *thread, int priority, void *(*run)(void *), void *ctx)
{
	int ret = start_fifo(thread, priority, run, ctx);

	return ret ? -start_nice(thread, run, ctx) : 0;
}
