/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tasks as the kernel side dumps them, collected; and as LTTng's synthetic records. */
#ifndef WL_CAPTURE_TASK_LIST_H
#define WL_CAPTURE_TASK_LIST_H

#include <stddef.h>

#include "abi/tasks.h"
#include "capture/fds.h"
#include "capture/statedump.h"

struct wl_task_list {
	struct wl_task_dump *all;
	size_t n, room;
};

/* Makes room for so many beforehand. 0 or -ENOMEM. */
int wl_task_list_reserve(struct wl_task_list *list, size_t room);
void wl_task_list_free(struct wl_task_list *list);

/* For wl_session_dump_tasks(): list is a struct wl_task_list. 0 or -ENOMEM. */
int wl_task_list_add(void *list, const struct wl_task_dump *task);

/*
 * The tasks and open files (fds may be NULL) as records; wl_task_list_statedump_free() them. 0 or
 * -ENOMEM.
 */
int wl_task_list_statedump(const struct wl_task_list *list, const struct wl_fds *fds,
			   struct wl_statedump *dump);
void wl_task_list_statedump_free(struct wl_statedump *dump);

#endif
