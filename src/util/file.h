/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_UTIL_FILE_H
#define WL_UTIL_FILE_H

#include <stddef.h>

/* The first line of a small file, without its newline. 0 or -errno. Thread safe. */
int wl_file_read_line(const char *path, char *line, size_t size);

#endif
