/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/task_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* LTTng-modules' numbers in lttng_statedump_process_state. */
enum { LTTNG_USER_THREAD = 0, LTTNG_KERNEL_THREAD = 1 };
enum { LTTNG_MODE_UNKNOWN = 5 };
enum { LTTNG_SUBMODE_UNKNOWN = 1 };
enum { LTTNG_WAIT_CPU = 2, LTTNG_WAIT = 5 };

int wl_task_list_reserve(struct wl_task_list *list, size_t room)
{
	struct wl_task_dump *all;

	if (room <= list->room)
		return 0;
	all = realloc(list->all, room * sizeof(*all));
	if (!all)
		return -ENOMEM;
	list->all = all;
	list->room = room;
	return 0;
}

void wl_task_list_free(struct wl_task_list *list)
{
	free(list->all);
	memset(list, 0, sizeof(*list));
}

int wl_task_list_add(void *ctx, const struct wl_task_dump *task)
{
	struct wl_task_list *list = ctx;

	if (list->n == list->room && wl_task_list_reserve(list, 2 * list->room + 64))
		return -ENOMEM;
	list->all[list->n++] = *task;
	return 0;
}

static void fill_process(struct wl_ev_statedump_process *p, const struct wl_task_dump *task)
{
	p->tid = (__s32)task->tid;
	p->pid = (__s32)task->tgid;
	p->ppid = (__s32)task->ppid;
	memcpy(p->name, task->comm, sizeof(p->name));
	p->type = task->kthread ? LTTNG_KERNEL_THREAD : LTTNG_USER_THREAD;
	p->mode = LTTNG_MODE_UNKNOWN;
	p->submode = LTTNG_SUBMODE_UNKNOWN;
	p->status = task->state ? LTTNG_WAIT : LTTNG_WAIT_CPU;
	p->cpu = task->cpu;
}

static void fill_fd(struct wl_ev_statedump_fd *f, const struct wl_fd *fd, uint32_t pid)
{
	f->pid = (__s32)pid;
	f->fd = fd->fd;
	memcpy(f->filename, fd->path, strnlen(fd->path, sizeof(f->filename)));
}

int wl_task_list_statedump(const struct wl_task_list *list, const struct wl_fds *fds,
			   struct wl_statedump *dump)
{
	size_t nfds = fds ? fds->n : 0;
	struct wl_ev_statedump_process *processes = calloc(list->n + 1, sizeof(*processes));
	struct wl_ev_statedump_fd *files = calloc(nfds + 1, sizeof(*files));

	if (!processes || !files) {
		free(processes);
		free(files);
		return -ENOMEM;
	}
	for (size_t i = 0; i < list->n; i++)
		fill_process(&processes[i], &list->all[i]);
	for (size_t i = 0; i < nfds; i++)
		fill_fd(&files[i], &fds->all[i], fds->pid);
	*dump = (struct wl_statedump){ processes, list->n, files, nfds };
	return 0;
}

void wl_task_list_statedump_free(struct wl_statedump *dump)
{
	free((void *)dump->processes);
	free((void *)dump->fds);
	memset(dump, 0, sizeof(*dump));
}
