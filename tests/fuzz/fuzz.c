/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRS_MAX 4

/* A fuzzer has one thread, and libFuzzer keeps no state for it. */
static char root[64];
static struct {
	char name[16];
	int fd;
} dirs[DIRS_MAX];

uint64_t fuzz_number(struct fuzz_input *input, unsigned bytes)
{
	uint8_t raw[8] = { 0 };
	uint64_t value = 0;

	fuzz_take(input, raw, bytes);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)raw[i] << 8 * i;
	return value;
}

size_t fuzz_take(struct fuzz_input *input, void *out, size_t size)
{
	if (size > input->left)
		size = input->left;
	memcpy(out, input->at, size);
	input->at += size;
	input->left -= size;
	return size;
}

void fuzz_set(uint8_t *bytes, size_t offset, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_root(void)
{
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *fuzz_path(void)
{
	if (root[0])
		return root;
	snprintf(root, sizeof(root), "%s/whylate-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	fuzz_check(mkdtemp(root));
	atexit(remove_root);
	return root;
}

int fuzz_dir(const char *name)
{
	char path[128];
	unsigned i = 0;

	for (; i < DIRS_MAX && dirs[i].name[0]; i++)
		if (!strcmp(dirs[i].name, name))
			return dirs[i].fd;
	fuzz_check(i < DIRS_MAX);
	snprintf(dirs[i].name, sizeof(dirs[i].name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s", fuzz_path(), name);
	fuzz_check(!mkdir(path, 0700));
	dirs[i].fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fuzz_check(dirs[i].fd >= 0);
	return dirs[i].fd;
}

void fuzz_append(int dir, const char *name, const void *bytes, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	fuzz_check(fd >= 0);
	fuzz_check(write(fd, bytes, size) == (ssize_t)size);
	close(fd);
}
