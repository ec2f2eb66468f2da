/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is done with each entry, and with a directory once its entries are done. */
struct walk {
	int (*file)(struct walk *walk, int dirfd, const char *name);
	int (*directory)(struct walk *walk, int dirfd, const char *name, int fd);
	dev_t device;
	uint64_t bytes;
};

static bool is_component(const char *name)
{
	return *name && strcmp(name, ".") && strcmp(name, "..") && !strchr(name, '/');
}

static int walk_directory(struct walk *walk, int dirfd, const char *name, int depth);

static int walk_entry(struct walk *walk, int dirfd, const char *name, int depth)
{
	struct stat st;

	if (!is_component(name))
		return 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return walk->file(walk, dirfd, name);
	if (depth == WL_TREE_DEPTH)
		return -ELOOP;
	return walk_directory(walk, dirfd, name, depth + 1);
}

static int walk_entries(struct walk *walk, int fd, int depth)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), ret = 0;
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!dir) {
		ret = -errno;
		if (copy >= 0)
			close(copy);
		return ret;
	}
	while (!ret && (e = readdir(dir)))
		ret = walk_entry(walk, fd, e->d_name, depth);
	closedir(dir);
	return ret;
}

static int walk_directory(struct walk *walk, int dirfd, const char *name, int depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret;

	if (fd < 0)
		return errno == ENOENT && depth ? 0 : -errno;
	ret = fstat(fd, &st) ? -errno : 0;
	if (!ret && st.st_dev != walk->device)
		ret = -EXDEV;
	if (!ret)
		ret = walk_entries(walk, fd, depth);
	if (!ret)
		ret = walk->directory(walk, dirfd, name, fd);
	close(fd);
	return ret;
}

static int walk_tree(struct walk *walk, int dirfd, const char *name)
{
	struct stat st;

	if (!is_component(name))
		return -EINVAL;
	if (fstat(dirfd, &st))
		return -errno;
	walk->device = st.st_dev;
	return walk_directory(walk, dirfd, name, 0);
}

static int remove_at(int dirfd, const char *name, int flags)
{
	return unlinkat(dirfd, name, flags) && errno != ENOENT ? -errno : 0;
}

static int remove_file(struct walk *walk, int dirfd, const char *name)
{
	return remove_at(dirfd, name, 0);
}

static int remove_directory(struct walk *walk, int dirfd, const char *name, int fd)
{
	return remove_at(dirfd, name, AT_REMOVEDIR);
}

int wl_tree_remove(int dirfd, const char *name)
{
	struct walk walk = { .file = remove_file, .directory = remove_directory };

	return walk_tree(&walk, dirfd, name);
}

static int add_file(struct walk *walk, int dirfd, const char *name)
{
	struct stat st;

	if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		walk->bytes += (uint64_t)st.st_size;
	return 0;
}

static int add_nothing(struct walk *walk, int dirfd, const char *name, int fd)
{
	return 0;
}

int wl_tree_size(int dirfd, const char *name, uint64_t *bytes)
{
	struct walk walk = { .file = add_file, .directory = add_nothing };
	int ret = walk_tree(&walk, dirfd, name);

	*bytes = walk.bytes;
	return ret;
}

static int sync_file(struct walk *walk, int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = fsync(fd) ? -errno : 0;
	close(fd);
	return ret;
}

static int sync_directory(struct walk *walk, int dirfd, const char *name, int fd)
{
	return fsync(fd) ? -errno : 0;
}

int wl_tree_sync(int dirfd, const char *name)
{
	struct walk walk = { .file = sync_file, .directory = sync_directory };

	return walk_tree(&walk, dirfd, name);
}
