/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Recordings that are not in the repository: WL_TEST_TRACES says where they are. */
#ifndef WL_TEST_ARCHIVE_H
#define WL_TEST_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* NAME.SUFFIX there; false, and a message that the test is skipped: it does not exist. */
bool archive_path(char *path, size_t size, const char *name, const char *suffix);
/* Unpacks NAME.tar.xz into a new directory, for maker_remove(); NULL: it is not there, or can't be
 * unpacked. */
char *archive_unpack(const char *name);

/* Its standard output to read, or NULL if there is no such program. */
FILE *program_start(const char *const argv[], pid_t *pid);
/* Its exit status, -1 if it was killed. */
int program_wait(pid_t pid);

#endif
