/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/modules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of /proc/PID/maps. */
struct mapping {
	uint64_t start, end;
	uint64_t file; /* device and inode, mixed; 0: none */
	const char *path;
};

static int parse_mapping(char *line, struct mapping *m)
{
	unsigned int major, minor;
	uint64_t inode;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*x %x:%x %" SCNu64 " %n", &m->start, &m->end,
		   &major, &minor, &inode, &at) != 5 ||
	    !at)
		return -EINVAL;
	m->file = inode ? inode ^ (uint64_t)major << 52 ^ (uint64_t)minor << 32 : 0;
	m->path = line + at;
	return 0;
}

static void set_name(struct wl_module *module, const char *path)
{
	static const char deleted[] = " (deleted)";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name), cut = sizeof(deleted) - 1;

	if (len > cut && !strcmp(name + len - cut, deleted))
		len -= cut;
	snprintf(module->name, sizeof(module->name), "%.*s", (int)len, name);
}

/* Files, and the kernel's own code that is mapped everywhere. */
static int add_module(struct wl_modules *modules, const struct mapping *m)
{
	struct wl_module *bigger, *new;

	if (!m->file && strcmp(m->path, "[vdso]"))
		return 0;
	bigger = realloc(modules->all, (modules->n + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	modules->all = bigger;
	new = &bigger[modules->n++];
	new->start = m->start;
	new->end = new->first_end = m->end;
	set_name(new, m->path);
	return 0;
}

static int read_all(struct wl_modules *modules, FILE *f)
{
	struct mapping m;
	uint64_t last = 0; /* file of the line before */
	char line[4400];
	int ret = 0;

	while (!ret && modules->n < WL_MODULES_MAX && fgets(line, sizeof(line), f)) {
		if (parse_mapping(line, &m))
			continue;
		if (m.file && m.file == last)
			modules->all[modules->n - 1].end = m.end;
		else
			ret = add_module(modules, &m);
		last = m.file;
	}
	return ret;
}

int wl_modules_read(struct wl_modules *modules, uint32_t pid)
{
	char path[64];
	FILE *f;
	int ret;

	memset(modules, 0, sizeof(*modules));
	modules->pid = pid;
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	ret = read_all(modules, f);
	fclose(f);
	if (ret)
		wl_modules_free(modules);
	return ret;
}

void wl_modules_free(struct wl_modules *modules)
{
	free(modules->all);
	modules->all = NULL;
	modules->n = 0;
}

const struct wl_module *wl_modules_find(const struct wl_modules *modules, uint64_t address)
{
	for (size_t i = 0; i < modules->n; i++)
		if (address >= modules->all[i].start && address < modules->all[i].end)
			return &modules->all[i];
	return NULL;
}
