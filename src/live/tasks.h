/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tasks as /proc shows them: does anything match, and if nothing is measured, why? */
#ifndef WL_LIVE_TASKS_H
#define WL_LIVE_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/config.h"

struct wl_tasks {
	uint32_t matching;         /* threads that match names, process and thread ids */
	uint32_t running;          /* of these, on a CPU or waiting for one */
	uint32_t example;          /* a matching thread's id */
	char nearest[WL_COMM_LEN]; /* if none matches: the name that is most like the one asked for
				    */
};

/* Looks at every thread once. Users, cgroups and --rt are left to the kernel side. 0 or -errno. */
int wl_tasks_scan(const struct wl_target_config *target, struct wl_tasks *tasks);

/* Is one of the processes and threads that were named by number still there? True if none was
 * named. */
bool wl_tasks_alive(const struct wl_target_config *target);

#endif
