/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/kernel_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/metadata.h"
#include "capture/packet.h"
#include "util/file.h"

#define DIR_NAME "kernel" /* what lttng-analyses looks for */

static int write_metadata(int kernel, const struct wl_metadata *metadata)
{
	FILE *out;
	int ret = wl_file_create_at(kernel, "metadata", &out);

	if (ret)
		return ret;
	wl_metadata_write(metadata, out);
	if (fflush(out) || ferror(out) || fdatasync(fileno(out)))
		ret = errno ? -errno : -EIO;
	if (fclose(out) && !ret)
		ret = -errno;
	return ret;
}

int wl_kernel_dir_create(int dirfd, const struct wl_metadata *metadata, int *fd)
{
	int kernel, ret;

	if (mkdirat(dirfd, DIR_NAME, 0700))
		return -errno;
	kernel = openat(dirfd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (kernel < 0)
		return -errno;
	ret = write_metadata(kernel, metadata);
	if (ret)
		close(kernel);
	else
		*fd = kernel;
	return ret;
}

int wl_kernel_dir_stream(int kernel, uint32_t cpu, int *fd)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu_%u", cpu);
	*fd = openat(kernel, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *fd < 0 ? -errno : 0;
}

int wl_kernel_dir_append(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int wl_kernel_dir_append_empty(int fd, const struct wl_packet_header *header)
{
	int ret = wl_kernel_dir_append(fd, header, sizeof(*header));
	off_t end;

	if (ret)
		return ret;
	end = lseek(fd, WL_PACKET - (off_t)sizeof(*header), SEEK_CUR);
	return end < 0 || ftruncate(fd, end) ? -errno : 0;
}

int wl_kernel_dir_patch(int fd, const void *data, size_t size, uint64_t offset)
{
	ssize_t n;

	do {
		n = pwrite(fd, data, size, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}
