/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * tasks.json: every task at the moment of a snapshot, both directions of the format.
 *
 *   {"type":"tasks","v":1,"tasks":[{"tid":1240,"pid":1234,…,"since":"81106437283881",…,
 *    "homes":[{"call":232,"arg":"4"}],"cur_chain":{…},"next_chain":{…}},…]}
 *
 * Members have the names of struct wl_task_dump (tgid is "pid") and struct wl_chain; 64-bit ones
 * are decimal strings. A chain whose id is 0 is left out. A name that isn't UTF-8 has its bytes in
 * "comm_hex" too.
 */
#ifndef WL_CAPTURE_TASKS_FILE_H
#define WL_CAPTURE_TASKS_FILE_H

#include <stddef.h>

#include "abi/tasks.h"

#define WL_TASKS_FILE "tasks.json"

/* Writes it into a directory where it is not yet. 0 or -errno. Thread safe. */
int wl_tasks_save(int dirfd, const struct wl_task_dump *tasks, size_t n);

/*
 * Reads it; free(*tasks). Members that are missing are 0, unknown ones are ignored. On an error,
 * why says which file and member, and what was wrong with it: -ENOENT: there is no such file;
 * -EINVAL: damaged; -EFBIG: absurdly large; -ENOMEM; else -errno of reading. Thread safe.
 */
int wl_tasks_load(int dirfd, struct wl_task_dump **tasks, size_t *n, char *why, size_t size);

#endif
