/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/machine.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "explain/names.h"
#include "live/kernel.h"
#include "util/file.h"
#include "util/kallsyms.h"
#include "util/parse.h"

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t wl_machine_now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t wl_machine_real_offset(void)
{
	return (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
}

/* The handlers' names of a line, as /proc/interrupts shows them. */
static void irq_name(uint32_t nr, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/kernel/irq/%u/actions", nr);
	if (wl_file_read_line(path, text, size))
		text[0] = '\0';
}

static const char *clock_name(uint32_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
		return "CLOCK_REALTIME";
	case CLOCK_MONOTONIC:
		return "CLOCK_MONOTONIC";
	case CLOCK_BOOTTIME:
		return "CLOCK_BOOTTIME";
	case CLOCK_TAI:
		return "CLOCK_TAI";
	default:
		return "";
	}
}

static void task_name(uint32_t tid, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/comm", tid);
	if (!tid || wl_file_read_line(path, text, size))
		text[0] = '\0';
}

void wl_machine_stimulus(uint32_t kind, uint32_t nr, uint32_t tid, char *text, size_t size)
{
	const char *name = NULL;

	text[0] = '\0';
	if (kind == WL_STIM_IRQ)
		name = wl_vector_name(nr);
	else if (kind == WL_STIM_SOFTIRQ)
		name = wl_softirq_name(nr);
	else if (kind == WL_STIM_TIMER)
		name = clock_name(nr);
	if (name)
		snprintf(text, size, "%s", name);
	else if (kind == WL_STIM_IRQ)
		irq_name(nr, text, size);
	else if (kind == WL_STIM_WAKEUP)
		task_name(tid, text, size);
}

/* Fields 18 (priority), 40 (rt_priority) and 41 (policy) of proc(5)'s stat, counted after the name.
 */
static void stat_who(char *fields, struct wl_who *who)
{
	char *save = NULL, *f = strtok_r(fields, " ", &save);

	for (int i = 3; f; i++, f = strtok_r(NULL, " ", &save)) {
		if (i == 18)
			who->prio = (__s8)atoi(f); /* as the kernel's prio - 100 */
		if (i == 41)
			who->policy = (__u8)atoi(f);
	}
}

void wl_machine_who(struct wl_who *who)
{
	char path[64], line[1024];
	char *name, *end;

	if (who->ctx != WL_WHO_TASK || who->comm[0] || !who->tid)
		return;
	snprintf(path, sizeof(path), "/proc/%u/stat", who->tid);
	if (wl_file_read_line(path, line, sizeof(line)))
		return;
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end || end < name)
		return;
	*end = '\0';
	snprintf(who->comm, sizeof(who->comm), "%.15s", name + 1);
	stat_who(end + 2, who);
}

/* Is name one of the comma-separated actions of a line? */
static bool irq_has_action(const char *actions, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = actions; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && !strncmp(p, name, len))
			return true;
	return false;
}

static bool irq_matches(const char *entry, const char *text, uint16_t *nr)
{
	char actions[256];
	uint32_t n;

	if (wl_parse_uint32(entry, &n) || n >= WL_VEC_BASE)
		return false;
	*nr = (uint16_t)n;
	if (!strcmp(entry, text))
		return true;
	irq_name(n, actions, sizeof(actions));
	return irq_has_action(actions, text);
}

int wl_machine_irqs(const char *text, uint16_t *nrs, size_t n)
{
	DIR *dir = opendir("/sys/kernel/irq");
	struct dirent *e;
	size_t found = 0;

	if (!dir)
		return -errno;
	while (found < n && (e = readdir(dir)))
		found += irq_matches(e->d_name, text, &nrs[found]);
	closedir(dir);
	return found ? (int)found : -ENOENT;
}

char *wl_machine_cgroup(uint32_t pid)
{
	char path[64], line[PATH_MAX + 64];
	char *best = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	while (fgets(line, sizeof(line), f)) {
		char *group = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		/* the v2 line comes last; a v1 group says more than the v2 root */
		if (group && (!best || !strcmp(best, "/"))) {
			free(best);
			best = strdup(group);
		}
	}
	fclose(f);
	return best;
}

/* A mounted cgroup hierarchy. */
struct hierarchy {
	char root[PATH_MAX];
	char options[256]; /* v1: names the controllers; v2: "" */
	bool v2;
};

static bool parse_mount(const char *line, struct hierarchy *h)
{
	char type[32], options[256];

	if (sscanf(line, "%*s %4095s %31s %255s", h->root, type, options) != 3)
		return false;
	h->v2 = !strcmp(type, "cgroup2");
	snprintf(h->options, sizeof(h->options), "%s", h->v2 ? "" : options);
	return h->v2 || !strcmp(type, "cgroup");
}

static bool below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return !strncmp(path, root, len) && (path[len] == '/' || !path[len]);
}

/* The hierarchy that path lies in; a relative path is looked for below each. */
static int find_hierarchy(const char *path, char *real, struct hierarchy *found)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[PATH_MAX + 512], try[2 * PATH_MAX];
	int ret = -ENOENT;

	if (!f)
		return -errno;
	while (ret && fgets(line, sizeof(line), f)) {
		struct hierarchy h;

		if (!parse_mount(line, &h))
			continue;
		snprintf(try, sizeof(try), "%s/%s", h.root, path);
		if ((path[0] == '/' && realpath(path, real) && below(real, h.root)) ||
		    (realpath(try, real) && below(real, h.root))) {
			*found = h;
			ret = 0;
		}
	}
	fclose(f);
	return ret;
}

/* Index of the first controller in a v1 mount's options that the kernel has. */
static int subsystem_index(const struct wl_kernel *kernel, char *options)
{
	char *save = NULL, name[64];

	for (char *o = strtok_r(options, ",", &save); o; o = strtok_r(NULL, ",", &save)) {
		int index;

		snprintf(name, sizeof(name), "%.40s_cgrp_id", o);
		index = wl_kernel_enumerator(kernel, "cgroup_subsys_id", name);
		if (index >= 0 && index < 16)
			return index;
	}
	return -EOPNOTSUPP;
}

static uint32_t path_depth(const char *path)
{
	uint32_t depth = 0;

	for (; *path; path++)
		depth += path[0] == '/' && path[1] && path[1] != '/';
	return depth;
}

int wl_machine_cgroup_target(const struct wl_kernel *kernel, const char *path,
			     struct wl_target_config *target)
{
	struct hierarchy h = { .v2 = false };
	char real[PATH_MAX];
	struct stat st;
	int subsys = -1, ret = find_hierarchy(path, real, &h);

	if (ret)
		return ret;
	if (target->ngroups >= WL_MAX_GROUPS)
		return -E2BIG;
	if (stat(real, &st))
		return -errno;
	if (!h.v2)
		subsys = subsystem_index(kernel, h.options);
	if (!h.v2 && subsys < 0)
		return subsys;
	target->groups[target->ngroups].id = st.st_ino;
	target->groups[target->ngroups].subsys = subsys;
	target->groups[target->ngroups].level = path_depth(real + strlen(h.root));
	target->ngroups++;
	return 0;
}

char (*wl_machine_symbols(const __u64 *addresses, size_t n))[64]
{
	char(*names)[64] = calloc(n ? n : 1, sizeof(*names));
	struct wl_kallsyms *symbols = NULL;
	const char *name, *module;

	if (names && wl_kallsyms_open(&symbols, NULL))
		symbols = NULL;
	for (size_t i = 0; names && i < n; i++) {
		name = symbols ? wl_kallsyms_find(symbols, addresses[i], &module) : NULL;
		if (name)
			snprintf(names[i], sizeof(names[i]), "%.63s", name);
		else
			snprintf(names[i], sizeof(names[i]), "0x%llx",
				 (unsigned long long)addresses[i]);
	}
	wl_kallsyms_close(symbols);
	return names;
}
