/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/shot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "capture/fds.h"
#include "capture/snapshot.h"
#include "capture/state.h"
#include "capture/task_list.h"
#include "capture/tasks_file.h"
#include "live/machine.h"

struct wl_shot {
	struct wl_shot_options options;
	const struct wl_config *config;
	struct wl_snapshot *snapshot;
	struct wl_state *state;
	const struct wl_cpu_counts **counts; /* by CPU */
	struct wl_task_list tasks;
	uint64_t from;
	int error; /* of the tasks */
};

/* Twice as many as there are now; more are possible, for they are added after the copy. */
static size_t task_room(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? 1024 : 2 * (size_t)info.procs + 256;
}

static int open_all(struct wl_shot *s, const struct wl_rings *rings)
{
	int ret = wl_snapshot_open(&s->snapshot, rings);

	if (!ret)
		ret = wl_state_new(&s->state);
	if (!ret)
		ret = wl_task_list_reserve(&s->tasks, task_room());
	s->counts = calloc(rings->ncpu, sizeof(void *));
	return !ret && !s->counts ? -ENOMEM : ret;
}

int wl_shot_open(struct wl_shot **shot, const struct wl_shot_options *options)
{
	const struct wl_rings *rings = wl_session_rings(options->session);
	struct wl_shot *s;
	int ret;

	if (!rings)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->config = wl_session_config(options->session);
	ret = open_all(s, rings);
	if (ret)
		wl_shot_close(s);
	else
		*shot = s;
	return ret;
}

void wl_shot_close(struct wl_shot *s)
{
	if (!s)
		return;
	wl_snapshot_close(s->snapshot);
	wl_state_free(s->state);
	wl_task_list_free(&s->tasks);
	free(s->counts);
	free(s);
}

uint64_t wl_shot_memory(const struct wl_shot *s)
{
	return wl_snapshot_memory(s->snapshot) + s->tasks.room * sizeof(*s->tasks.all);
}

void wl_shot_take(struct wl_shot *s, uint64_t from)
{
	s->from = from;
	wl_snapshot_take(s->snapshot, from);
	s->tasks.n = 0;
	s->error = wl_session_dump_tasks(s->options.session, wl_task_list_add, &s->tasks);
	wl_snapshot_finish(s->snapshot);
}

static int write_kernel(struct wl_shot *s, int dirfd, const struct wl_fds *fds, int64_t real_offset)
{
	struct wl_statedump dump;
	struct wl_metadata metadata;
	int ret = wl_metadata_init(&metadata, "capture", real_offset, s->config->syscalls);

	if (!ret)
		ret = wl_task_list_statedump(&s->tasks, fds, &dump);
	if (ret)
		return ret;
	ret = wl_snapshot_write(s->snapshot, dirfd, &metadata, &dump);
	wl_task_list_statedump_free(&dump);
	return ret;
}

static int write_machine(struct wl_shot *s, int dirfd, uint32_t pid, int64_t real_offset)
{
	struct wl_state_info info = {
		.kind = "capture",
		.command_line = s->options.command_line,
		.target = s->options.target,
		.config = s->config,
		.post_ns = s->options.post_ns,
		.real_offset = real_offset,
		.from = s->from,
		.begin = wl_snapshot_begin(s->snapshot),
		.end = wl_snapshot_end(s->snapshot),
		.pids = &pid,
		.npids = pid ? 1 : 0,
		.counts = s->counts,
		.ncpu = s->config->ncpu,
	};

	for (uint32_t cpu = 0; cpu < info.ncpu; cpu++)
		s->counts[cpu] = wl_snapshot_counts(s->snapshot, cpu);
	return wl_state_save(s->state, dirfd, &info);
}

int wl_shot_write(struct wl_shot *s, int dirfd, uint32_t pid)
{
	int64_t real_offset = wl_machine_real_offset();
	struct wl_fds fds = { 0 };
	/* a process that has gone has no files open: that is no reason to lose the capture */
	bool open = pid && s->config->syscalls && !wl_fds_read(&fds, pid);
	int ret = s->error;

	if (!ret)
		ret = write_kernel(s, dirfd, open ? &fds : NULL, real_offset);
	if (!ret)
		ret = wl_tasks_save(dirfd, s->tasks.all, s->tasks.n);
	if (!ret && open)
		ret = wl_fds_save(&fds, dirfd);
	if (!ret)
		ret = write_machine(s, dirfd, pid, real_offset);
	wl_fds_free(&fds);
	return ret;
}
