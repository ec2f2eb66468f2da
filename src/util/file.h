/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Small files. Functions return 0 or -errno. Thread safe. */
#ifndef WL_UTIL_FILE_H
#define WL_UTIL_FILE_H

#include <stddef.h>
#include <stdio.h>

/* The first line of a small file, without its newline. */
int wl_file_read_line(const char *path, char *line, size_t size);

/*
 * A whole regular file in a directory, with a NUL behind it; free() it. Symbolic links are not
 * followed. -EFBIG: more than max bytes; -EINVAL: not a regular file.
 */
int wl_file_read_at(int dirfd, const char *name, size_t max, char **text, size_t *len);

/*
 * A new file in a directory, 0600, for writing: -EEXIST if there is one. fclose() it and look at
 * its result.
 */
int wl_file_create_at(int dirfd, const char *name, FILE **file);

#endif
