/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The directory kernel/ of a capture or recording: metadata and one file per CPU. Nothing that is
 * there already is opened or overwritten. Functions return 0 or -errno; what was made before an
 * error stays. Thread safe.
 */
#ifndef WL_CAPTURE_KERNEL_DIR_H
#define WL_CAPTURE_KERNEL_DIR_H

#include <stddef.h>
#include <stdint.h>

struct wl_metadata;

/* Makes kernel/ in dirfd, with its metadata on the disk; *fd is its descriptor. */
int wl_kernel_dir_create(int dirfd, const struct wl_metadata *metadata, int *fd);

/* Makes the stream file of a CPU in kernel/; *fd is open for writing. */
int wl_kernel_dir_stream(int kernel, uint32_t cpu, int *fd);

/* Writes all of it at the file's position. */
int wl_kernel_dir_append(int fd, const void *data, size_t size);

struct wl_packet_header;

/* Appends a packet without records: a hole in the file, but for the header. */
int wl_kernel_dir_append_empty(int fd, const struct wl_packet_header *header);

/* Writes all of it somewhere else; the position stays. */
int wl_kernel_dir_patch(int fd, const void *data, size_t size, uint64_t offset);

#endif
