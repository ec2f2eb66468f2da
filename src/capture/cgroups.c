/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/cgroups.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define MOUNTS_MAX 32
#define LINES_MAX 64 /* hierarchies of a process */

/* A mounted hierarchy. */
struct mount {
	char root[256];
	char controllers[128]; /* mount options of v1, which name them; v2: "" */
};

struct wl_cgroups {
	size_t n;
	struct mount mounts[MOUNTS_MAX];
};

static bool parse_mount(const char *line, struct mount *m)
{
	char type[32];

	if (sscanf(line, "%*s %255s %31s %127s", m->root, type, m->controllers) != 3)
		return false;
	if (!strcmp(type, "cgroup2"))
		m->controllers[0] = '\0';
	return !strncmp(type, "cgroup", 6);
}

int wl_cgroups_new(struct wl_cgroups **cgroups)
{
	struct wl_cgroups *c = calloc(1, sizeof(*c));
	char line[PATH_MAX + 512];
	FILE *f;

	if (!c)
		return -ENOMEM;
	*cgroups = c;
	f = fopen("/proc/self/mounts", "re");
	while (f && c->n < MOUNTS_MAX && fgets(line, sizeof(line), f))
		c->n += parse_mount(line, &c->mounts[c->n]);
	if (f)
		fclose(f);
	return 0;
}

void wl_cgroups_free(struct wl_cgroups *cgroups)
{
	free(cgroups);
}

/* Is name one of a list with commas? */
static bool list_has(const char *list, const char *name, size_t len)
{
	for (;; list++) {
		size_t part = strcspn(list, ",");

		if (part == len && !strncmp(list, name, len))
			return true;
		list += part;
		if (!*list)
			return false;
	}
}

/* The mount of a hierarchy as /proc/PID/cgroup names it: "cpu,cpuacct", "" for v2. */
static const struct mount *find_mount(const struct wl_cgroups *c, const char *hierarchy)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct mount *m = &c->mounts[i];

		if (!*hierarchy && !*m->controllers)
			return m;
		if (*hierarchy && list_has(m->controllers, hierarchy, strcspn(hierarchy, ",")))
			return m;
	}
	return NULL;
}

static int read_file(const struct mount *m, const char *path, const char *name, char *line,
		     size_t size)
{
	char file[PATH_MAX + 512];

	snprintf(file, sizeof(file), "%s%s/%s", m->root, path, name);
	return wl_file_read_line(file, line, size);
}

static void put_number(struct wl_json *j, const char *key, const char *text)
{
	int64_t value = strtoll(text, NULL, 10);

	if (value > 0)
		wl_json_i64(j, key, value);
	else
		wl_json_null(j, key); /* -1, "max" */
}

static void put_quota(struct wl_json *j, const struct mount *m, const char *path)
{
	char quota[64], period[64];

	if (!*m->controllers) {
		if (read_file(m, path, "cpu.max", quota, sizeof(quota)))
			return;
		snprintf(period, sizeof(period), "%s", quota + strcspn(quota, " "));
	} else if (read_file(m, path, "cpu.cfs_quota_us", quota, sizeof(quota)) ||
		   read_file(m, path, "cpu.cfs_period_us", period, sizeof(period))) {
		return;
	}
	put_number(j, "quota_us", quota);
	put_number(j, "period_us", period);
}

static void put_line(const struct wl_cgroups *c, struct wl_json *j, uint32_t pid, char *line)
{
	char *hierarchy = strchr(line, ':'), *path;
	const struct mount *m;

	path = hierarchy ? strchr(hierarchy + 1, ':') : NULL;
	if (!path)
		return;
	hierarchy++;
	*path++ = '\0';
	path[strcspn(path, "\n")] = '\0';
	wl_json_object(j, NULL);
	wl_json_u64(j, "pid", pid);
	wl_json_string(j, "hierarchy", *hierarchy ? hierarchy : "v2");
	wl_json_string(j, "path", path);
	m = find_mount(c, hierarchy);
	if (m)
		put_quota(j, m, path);
	wl_json_object_end(j);
}

void wl_cgroups_put(const struct wl_cgroups *c, struct wl_json *j, uint32_t pid)
{
	char path[64], line[PATH_MAX + 256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	for (int i = 0; i < LINES_MAX && fgets(line, sizeof(line), f); i++)
		put_line(c, j, pid, line);
	fclose(f);
}
