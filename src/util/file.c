/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int wl_file_read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	int ret = 0;

	if (!f)
		return -errno;
	if (!fgets(line, (int)size, f))
		ret = ferror(f) ? -EIO : -ENODATA;
	else
		line[strcspn(line, "\n")] = '\0';
	fclose(f);
	return ret;
}

static int check_regular(int fd, size_t max, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*size = (size_t)st.st_size;
	return (uintmax_t)st.st_size > max ? -EFBIG : 0;
}

static int read_all(int fd, char *text, size_t size, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len < size; *len += (size_t)n) {
		n = read(fd, text + *len, size - *len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return -errno;
		else if (!n)
			break;
	}
	text[*len] = '\0';
	return 0;
}

int wl_file_read_at(int dirfd, const char *name, size_t max, char **text, size_t *len)
{
	/* a FIFO must not keep us */
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	size_t size = 0;
	int ret;

	if (fd < 0)
		return -errno;
	ret = check_regular(fd, max, &size);
	*text = ret ? NULL : malloc(size + 1);
	if (!ret)
		ret = *text ? read_all(fd, *text, size, len) : -ENOMEM;
	close(fd);
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

int wl_file_create_at(int dirfd, const char *name, FILE **file)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int ret;

	if (fd < 0)
		return -errno;
	*file = fdopen(fd, "w");
	if (*file)
		return 0;
	ret = -errno;
	close(fd);
	return ret;
}
