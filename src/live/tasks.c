/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "util/distance.h"
#include "util/file.h"
#include "util/parse.h"

/* The best name so far; distances are to the first name asked for, without its stars. */
struct scan {
	const struct wl_target_config *target;
	struct wl_tasks *tasks;
	unsigned best;
};

static bool id_matches(const __u32 *ids, uint32_t n, uint32_t id)
{
	for (uint32_t i = 0; i < n; i++)
		if (ids[i] == id)
			return true;
	return !n;
}

static bool name_matches(const struct wl_target_config *target, const char *thread,
			 const char *process)
{
	for (uint32_t i = 0; i < target->nnames; i++)
		if (!fnmatch(target->names[i], thread, FNM_NOESCAPE) ||
		    !fnmatch(target->names[i], process, FNM_NOESCAPE))
			return true;
	return !target->nnames;
}

static void offer_name(struct scan *s, const char *name)
{
	unsigned d = wl_edit_distance(s->target->names[0], name);

	if (d >= s->best || d > strlen(name) / 2 + 1)
		return;
	s->best = d;
	snprintf(s->tasks->nearest, sizeof(s->tasks->nearest), "%.15s", name);
}

/* The state letter in /proc/PID/task/TID/stat follows the last ')'. */
static char task_state(uint32_t pid, uint32_t tid)
{
	char path[64], line[512];
	char *p;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/stat", pid, tid);
	if (wl_file_read_line(path, line, sizeof(line)))
		return '?';
	p = strrchr(line, ')');
	return p && p[1] ? p[2] : '?';
}

static void scan_thread(struct scan *s, uint32_t pid, uint32_t tid, const char *process)
{
	char path[64], name[64];

	snprintf(path, sizeof(path), "/proc/%u/task/%u/comm", pid, tid);
	if (wl_file_read_line(path, name, sizeof(name)))
		return;
	if (s->target->nnames)
		offer_name(s, name);
	if (!id_matches(s->target->tids, s->target->ntids, tid) ||
	    !name_matches(s->target, name, process))
		return;
	s->tasks->matching++;
	s->tasks->example = tid;
	s->tasks->running += task_state(pid, tid) == 'R';
}

static void scan_process(struct scan *s, uint32_t pid)
{
	char path[64], process[64];
	struct dirent *e;
	uint32_t tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	if (wl_file_read_line(path, process, sizeof(process)))
		return;
	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (!wl_parse_uint32(e->d_name, &tid))
			scan_thread(s, pid, tid, process);
	if (dir)
		closedir(dir);
}

int wl_tasks_scan(const struct wl_target_config *target, struct wl_tasks *tasks)
{
	struct scan s = { .target = target, .tasks = tasks, .best = ~0u };
	struct dirent *e;
	uint32_t pid;
	DIR *dir = opendir("/proc");

	memset(tasks, 0, sizeof(*tasks));
	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (!wl_parse_uint32(e->d_name, &pid) && pid != target->self &&
		    id_matches(target->pids, target->npids, pid))
			scan_process(&s, pid);
	closedir(dir);
	return 0;
}

static bool any_alive(const __u32 *ids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		char path[32];
		char line[64];

		snprintf(path, sizeof(path), "/proc/%u/comm", ids[i]);
		if (!wl_file_read_line(path, line, sizeof(line)))
			return true;
	}
	return !n;
}

bool wl_tasks_alive(const struct wl_target_config *target)
{
	return any_alive(target->pids, target->npids) && any_alive(target->tids, target->ntids);
}
