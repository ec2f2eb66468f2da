/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_UTIL_THREAD_H
#define WL_UTIL_THREAD_H

#include <pthread.h>

/*
 * Starts a thread that should not have to wait for a CPU: SCHED_FIFO of that priority (1 to 99); if
 * that is refused, nice -20; if that is refused too, as its creator. 0 or -errno. Only one thread
 * of a process at a time: for a moment the creator's own nice value is changed.
 */
int wl_thread_start_urgent(pthread_t *thread, int priority, void *(*run)(void *), void *ctx);

#endif
