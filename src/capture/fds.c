/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/fds.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/json_file.h"
#include "util/parse.h"

static void add_fd(struct wl_fds *fds, int dirfd, const char *name)
{
	struct wl_fd *f = &fds->all[fds->n];
	uint32_t number;
	ssize_t len;

	if (wl_parse_uint32(name, &number) || number > INT_MAX)
		return;
	if (fds->n == WL_FDS_MAX) {
		fds->truncated = true;
		return;
	}
	len = readlinkat(dirfd, name, f->path, sizeof(f->path) - 1);
	if (len < 0)
		return; /* closed meanwhile */
	f->path[len] = '\0';
	f->fd = (int32_t)number;
	fds->n++;
}

static int compare_fds(const void *a, const void *b)
{
	const struct wl_fd *x = a, *y = b;

	return (x->fd > y->fd) - (x->fd < y->fd);
}

int wl_fds_read(struct wl_fds *fds, uint32_t pid)
{
	char path[64];
	struct dirent *e;
	DIR *dir;

	memset(fds, 0, sizeof(*fds));
	fds->pid = pid;
	snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	/* one more, so that add_fd() may look at it */
	fds->all = calloc(WL_FDS_MAX + 1, sizeof(*fds->all));
	while (fds->all && !fds->truncated && (e = readdir(dir)))
		add_fd(fds, dirfd(dir), e->d_name);
	closedir(dir);
	if (!fds->all)
		return -ENOMEM;
	qsort(fds->all, fds->n, sizeof(*fds->all), compare_fds);
	return 0;
}

void wl_fds_free(struct wl_fds *fds)
{
	free(fds->all);
	memset(fds, 0, sizeof(*fds));
}

int wl_fds_save(const struct wl_fds *fds, int dirfd)
{
	struct wl_json j;
	int ret = wl_json_file_begin(&j, dirfd, WL_FDS_FILE, "fds");

	if (ret)
		return ret;
	wl_json_u64(&j, "pid", fds->pid);
	wl_json_bool(&j, "truncated", fds->truncated);
	wl_json_array(&j, "fds");
	for (size_t i = 0; i < fds->n; i++) {
		wl_json_object(&j, NULL);
		wl_json_i64(&j, "fd", fds->all[i].fd);
		wl_json_string(&j, "path", fds->all[i].path);
		wl_json_object_end(&j);
	}
	wl_json_array_end(&j);
	return wl_json_file_end(&j);
}
