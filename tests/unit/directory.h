/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A scratch directory and files in it, for tests. Everything asserts. */
#ifndef WL_TEST_DIRECTORY_H
#define WL_TEST_DIRECTORY_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct directory {
	char path[PATH_MAX / 2];
	int fd;
};

static inline void directory_make(struct directory *d)
{
	const char *base = getenv("TMPDIR");

	snprintf(d->path, sizeof(d->path), "%s/wl-test-XXXXXX", base ? base : "/tmp");
	assert_non_null(mkdtemp(d->path));
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(d->fd >= 0);
}

static inline void directory_remove(struct directory *d)
{
	char command[PATH_MAX];

	close(d->fd);
	snprintf(command, sizeof(command), "rm -rf '%s'", d->path);
	assert_int_equal(system(command), 0);
}

/* For tests whose state is a directory and nothing else. */
static inline int directory_setup(void **state)
{
	struct directory *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	directory_make(d);
	*state = d;
	return 0;
}

static inline int directory_teardown(void **state)
{
	directory_remove(*state);
	free(*state);
	return 0;
}

#define TEST_IN_DIRECTORY(function)                                                                \
	cmocka_unit_test_setup_teardown(function, directory_setup, directory_teardown)

/* path of something in it */
static inline const char *directory_path(const struct directory *d, const char *name,
					 char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", d->path, name);
	return path;
}

static inline void file_write(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline int is_there(int dirfd, const char *name)
{
	struct stat st;

	return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
}

#endif
