/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/tree.h"

#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define TRIES 100 /* captures of one name */
#define OTHERS_WRITE 022

/* --- the directory --- */

/* `link/` would be followed. */
static int copy_path(char path[PATH_MAX], const char *from)
{
	size_t len = strlen(from);

	while (len > 1 && from[len - 1] == '/')
		len--;
	if (!len)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, from, len);
	path[len] = '\0';
	return 0;
}

static int check_owner(int fd, const char **why)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid())
		*why = "it belongs to another user (choose a directory of your own)";
	else if (st.st_mode & OTHERS_WRITE)
		*why = "others may write to it (chmod go-w it, or choose another)";
	else
		return 0;
	return -EPERM;
}

static void make_absolute(struct wl_store *store)
{
	char real[PATH_MAX];

	if (realpath(store->path, real))
		snprintf(store->path, sizeof(store->path), "%s", real);
}

static int open_directory(struct wl_store *store, bool create, const char **why)
{
	if (create && mkdir(store->path, 0700) && errno != EEXIST)
		return -errno;
	store->fd = open(store->path, DIRECTORY);
	return store->fd < 0 ? -errno : check_owner(store->fd, why);
}

static const char *explain(int error, bool create)
{
	switch (-error) {
	case ENOTDIR:
	case ELOOP:
		return "it is not a directory, or is a symbolic link (choose a directory)";
	case ENOENT:
		return create ? "the directory above it does not exist (mkdir -p it)"
			      : "there is no such directory";
	default:
		return strerror(-error);
	}
}

int wl_store_open(struct wl_store *store, const char *path, bool create, const char **why)
{
	int ret = copy_path(store->path, path);

	store->fd = -1;
	*why = NULL;
	if (!ret)
		ret = open_directory(store, create, why);
	if (!ret) {
		make_absolute(store);
		return 0;
	}
	if (!*why)
		*why = explain(ret, create);
	wl_store_close(store);
	return ret;
}

void wl_store_close(struct wl_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
}

/* --- entries --- */

static bool is_partial(const char *name)
{
	return !strncmp(name, WL_STORE_PARTIAL, sizeof(WL_STORE_PARTIAL) - 1);
}

/* May a capture have this name? Hidden ones are not captures. */
static bool is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) < WL_ENTRY_NAME;
}

static DIR *open_entries(const struct wl_store *store)
{
	int fd = openat(store->fd, ".", DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

/* Opens it and takes its lock. -EWOULDBLOCK: it is being written, or removed. */
static int lock_directory(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, DIRECTORY), ret;

	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static int clean_one(const struct wl_store *store, const char *name)
{
	int fd = lock_directory(store->fd, name), ret;

	if (fd < 0)
		return fd;
	ret = wl_tree_remove(store->fd, name);
	close(fd);
	return ret;
}

int wl_store_clean(const struct wl_store *store)
{
	DIR *dir = open_entries(store);
	struct dirent *e;
	int count = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (is_partial(e->d_name) && !clean_one(store, e->d_name))
			count++;
	closedir(dir);
	return count;
}

static int read_entry(const struct wl_store *store, const char *name, struct wl_entry *entry)
{
	int fd = openat(store->fd, name, DIRECTORY), ret;

	if (fd < 0)
		return -errno;
	ret = wl_entry_read(fd, name, entry);
	close(fd);
	if (!ret)
		ret = wl_tree_size(store->fd, name, &entry->size);
	return ret;
}

static int add_entry(struct wl_entries *entries, const struct wl_entry *entry)
{
	struct wl_entry *all = entries->all;

	if (!(entries->n & (entries->n - 1))) {
		all = realloc(all, (entries->n ? 2 * entries->n : 1) * sizeof(*all));
		if (!all)
			return -ENOMEM;
	}
	entries->all = all;
	entries->all[entries->n++] = *entry;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct wl_entry *x = a, *y = b;
	int order = strcmp(x->time, y->time);

	return order ? order : strcmp(x->name, y->name);
}

int wl_store_list(const struct wl_store *store, struct wl_entries *entries)
{
	DIR *dir = open_entries(store);
	struct wl_entry entry;
	struct dirent *e;
	int ret = 0;

	memset(entries, 0, sizeof(*entries));
	if (!dir)
		return -errno;
	while (!ret && entries->n < WL_STORE_MAX && (e = readdir(dir)))
		if (is_name(e->d_name) && !read_entry(store, e->d_name, &entry))
			ret = add_entry(entries, &entry);
	closedir(dir);
	if (ret)
		wl_entries_free(entries);
	else if (entries->n)
		qsort(entries->all, entries->n, sizeof(*entries->all), compare_entries);
	return ret;
}

/* renameat2() without replacing, where the file system can. */
static int rename_new(const struct wl_store *store, const char *from, const char *to)
{
	if (!renameat2(store->fd, from, store->fd, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!faccessat(store->fd, to, F_OK, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	return renameat(store->fd, from, store->fd, to) ? -errno : 0;
}

/* From its name to one that is no capture's, in one step. */
static int hide(const struct wl_store *store, const char *name, char *hidden, size_t size)
{
	int ret = -EEXIST;

	for (int i = 0; i < TRIES; i++) {
		snprintf(hidden, size, WL_STORE_PARTIAL "removed-%d-%s", i, name);
		ret = rename_new(store, name, hidden);
		if (ret != -EEXIST)
			return ret;
	}
	return ret;
}

int wl_store_remove(const struct wl_store *store, const char *name)
{
	char hidden[WL_ENTRY_NAME + sizeof(WL_STORE_PARTIAL) + 24];
	struct wl_entry entry;
	int ret;

	if (!is_name(name))
		return -EINVAL;
	ret = read_entry(store, name, &entry);
	if (!ret)
		ret = hide(store, name, hidden, sizeof(hidden));
	if (ret)
		return ret == -ENOTDIR || ret == -ELOOP ? -EINVAL : ret;
	ret = wl_tree_remove(store->fd, hidden);
	return ret == -ENOENT ? 0 : ret; /* somebody's clean was faster */
}

/* --- drafts --- */

static bool is_safe(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '-';
}

void wl_store_name(char name[WL_ENTRY_NAME], int64_t real_ns, const char *process,
		   const char *cause)
{
	time_t seconds = (time_t)(real_ns / 1000000000);
	char time[40] = "";
	struct tm tm;
	int len;

	if (gmtime_r(&seconds, &tm))
		strftime(time, sizeof(time), "%Y-%m-%dT%H%M%S", &tm);
	len = snprintf(name, WL_ENTRY_NAME, "%s.%03d-%.15s%s%.24s", time,
		       (int)(real_ns / 1000000 % 1000), process, *process ? "-" : "", cause);
	for (int i = 0; i < len && name[i]; i++)
		if (!is_safe(name[i]))
			name[i] = '_';
}

/* Is fd still what dirfd has under that name? Else somebody's clean has removed it. */
static bool is_there(int dirfd, const char *name, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !fstatat(dirfd, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int begin_partial(const struct wl_store *store, struct wl_draft *d)
{
	int fd;

	if (mkdirat(store->fd, d->partial, 0700))
		return -errno;
	fd = lock_directory(store->fd, d->partial);
	if (fd == -EWOULDBLOCK || fd == -ENOENT)
		return -EEXIST; /* somebody took it for a leftover */
	if (fd < 0)
		return fd;
	if (!is_there(store->fd, d->partial, fd)) {
		close(fd);
		return -EEXIST;
	}
	d->fd = fd;
	if (faccessat(store->fd, d->name, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	wl_store_abort(store, d);
	return -EEXIST;
}

/*
 * Whoever has made the partial directory owns the final name too: both are looked at once it is
 * made.
 */
int wl_store_begin(const struct wl_store *store, const char *name, struct wl_draft *draft)
{
	int ret = -EEXIST;

	draft->fd = -1;
	for (int i = 1; i <= TRIES && ret == -EEXIST; i++) {
		int len = snprintf(draft->name, sizeof(draft->name), "%.112s", name);

		if (i > 1)
			snprintf(draft->name + len, sizeof(draft->name) - (size_t)len, "-%d", i);
		snprintf(draft->partial, sizeof(draft->partial), WL_STORE_PARTIAL "%s",
			 draft->name);
		ret = begin_partial(store, draft);
	}
	return ret;
}

int wl_store_commit(const struct wl_store *store, struct wl_draft *draft)
{
	int ret = wl_tree_sync(store->fd, draft->partial);

	if (!ret)
		ret = rename_new(store, draft->partial, draft->name);
	if (ret) {
		wl_store_abort(store, draft);
		return ret;
	}
	close(draft->fd);
	draft->fd = -1;
	ret = fsync(store->fd) ? -errno : 0;
	if (ret)
		wl_store_remove(store, draft->name);
	return ret;
}

static int move_file(const struct wl_store *store, const struct wl_draft *draft, const char *name,
		     const char *file)
{
	int fd = openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = renameat(draft->fd, file, fd, file) ? -errno : 0;
	close(fd);
	return ret;
}

int wl_store_add(const struct wl_store *store, struct wl_draft *draft, const char *name,
		 const char *file)
{
	int ret = wl_tree_sync(store->fd, draft->partial);

	if (!ret)
		ret = move_file(store, draft, name, file);
	wl_store_abort(store, draft);
	return ret;
}

void wl_store_abort(const struct wl_store *store, struct wl_draft *draft)
{
	if (draft->fd < 0)
		return;
	wl_tree_remove(store->fd, draft->partial);
	close(draft->fd);
	draft->fd = -1;
}
