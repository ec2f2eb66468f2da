/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/locate.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/parse.h"

#define DEPTH_MAX 8        /* LTTng: session/snapshot-…/kernel, archives/…/kernel */
#define ENTRIES_MAX 100000 /* somebody named / */
#define CPU_MAX 65536

int wl_stream_name_cpu(const char *name)
{
	uint32_t cpu;

	if (strncmp(name, "cpu_", 4) || wl_parse_uint32(name + 4, &cpu) || cpu >= CPU_MAX)
		return -1;
	/* The one way to write the number. */
	return name[4] == '0' && name[5] ? -1 : (int)cpu;
}

static bool is_file(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return false;
	return !stat(path, &st) && S_ISREG(st.st_mode);
}

static bool has_streams(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	if (!dir)
		return false;
	while (!found && (entry = readdir(dir)))
		found = wl_stream_name_cpu(entry->d_name) >= 0;
	closedir(dir);
	return found;
}

static bool is_trace(const char *path)
{
	return is_file(path, "metadata") || has_streams(path);
}

struct search {
	char *found; /* the first one */
	unsigned n;
	char names[256]; /* of all, as far as they fit */
};

static int search_add(struct search *search, const char *path)
{
	size_t len = strlen(search->names);

	snprintf(search->names + len, sizeof(search->names) - len, "%s'%s'", len ? ", " : "", path);
	if (search->n++)
		return 0;
	search->found = strdup(path);
	return search->found ? 0 : -ENOMEM;
}

/* Two searches at once: directories called kernel, and others. */
static int search_visit(struct search kinds[2], FTS *fts, FTSENT *entry)
{
	if (entry->fts_info != FTS_D)
		return 0;
	if (entry->fts_level > DEPTH_MAX || (entry->fts_level > 0 && entry->fts_name[0] == '.')) {
		fts_set(fts, entry, FTS_SKIP);
		return 0;
	}
	if (!is_trace(entry->fts_path))
		return 0;
	fts_set(fts, entry, FTS_SKIP);
	return search_add(&kinds[strcmp(entry->fts_name, "kernel") != 0], entry->fts_path);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int search_below(const char *path, struct search kinds[2])
{
	char *const roots[] = { (char *)path, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int ret = 0;

	if (!fts)
		return -errno;
	for (unsigned n = 0; !ret && n < ENTRIES_MAX && (entry = fts_read(fts)); n++)
		ret = search_visit(kinds, fts, entry);
	fts_close(fts);
	return ret;
}

static int search_result(const char *path, struct search *search, char **dir, char *why,
			 size_t size)
{
	if (!search->n) {
		snprintf(why, size,
			 "no trace in '%s': neither 'metadata' nor streams 'cpu_N', nor in "
			 "directories below it",
			 path);
		return -ENOENT;
	}
	if (search->n > 1) {
		snprintf(why, size, "%u traces below '%s': name one of %s", search->n, path,
			 search->names);
		return -ENOTUNIQ;
	}
	*dir = search->found;
	search->found = NULL;
	return 0;
}

static int search_tree(const char *path, char **dir, char *why, size_t size)
{
	struct search kinds[2] = { 0 };
	int ret = search_below(path, kinds);

	if (ret)
		snprintf(why, size, "'%s': %s", path, strerror(-ret));
	else
		ret = search_result(path, kinds[0].n ? &kinds[0] : &kinds[1], dir, why, size);
	free(kinds[0].found);
	free(kinds[1].found);
	return ret;
}

static int take(char *path, char **dir)
{
	*dir = path;
	return path ? 0 : -ENOMEM;
}

int wl_trace_locate(const char *path, char **dir, char *why, size_t size)
{
	char below[PATH_MAX];
	struct stat st;
	int ret = stat(path, &st) ? -errno : 0;

	if (!ret && !S_ISDIR(st.st_mode))
		ret = -ENOTDIR;
	if (!ret && access(path, R_OK | X_OK))
		ret = -errno;
	if (ret) {
		snprintf(why, size, "'%s': %s (a trace is a directory)", path, strerror(-ret));
		return ret;
	}
	if (is_trace(path))
		return take(strdup(path), dir);
	if ((size_t)snprintf(below, sizeof(below), "%s/kernel", path) < sizeof(below) &&
	    is_trace(below))
		return take(strdup(below), dir);
	return search_tree(path, dir, why, size);
}
