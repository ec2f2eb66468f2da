/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where below a directory the trace is. Thread safe. */
#ifndef WL_TRACE_LOCATE_H
#define WL_TRACE_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds the directory with `metadata`, or with streams of our own (`cpu_N`) whose metadata is
 * missing: path itself, path/kernel, or the only one somewhere below (those called `kernel` first).
 * Hidden directories are left out: captures being written are.
 *
 * 0: *dir is the caller's to free. -errno with a sentence in why: -ENOENT, -ENOTUNIQ, -ENOTDIR, ….
 */
int wl_trace_locate(const char *path, char **dir, char *why, size_t size);

/* "cpu_12" -> 12; -1: not such a name. */
int wl_stream_name_cpu(const char *name);

#endif
