/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A directory in a directory, with all that is in it. Never leaves it: symbolic links are not
 * followed, other file systems are not entered, what lies deeper than WL_TREE_DEPTH is -ELOOP. name
 * is one component: -EINVAL if it isn't. Functions return 0 or -errno. Thread safe.
 */
#ifndef WL_CAPTURE_TREE_H
#define WL_CAPTURE_TREE_H

#include <stdint.h>

#define WL_TREE_DEPTH 4

/* Removes it. What vanishes meanwhile is no error, but -ENOENT if it was not there at all. */
int wl_tree_remove(int dirfd, const char *name);

/* Sum of the sizes of its files, in bytes. */
int wl_tree_size(int dirfd, const char *name, uint64_t *bytes);

/* Waits until its files and directories are on the disk. */
int wl_tree_sync(int dirfd, const char *name);

#endif
