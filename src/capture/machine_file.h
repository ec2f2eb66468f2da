/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names of a capture's machine, read back from machine.json (state.h writes it; its config is
 * config_file.h's). All of them are hostile. Thread safe once it is loaded.
 */
#ifndef WL_CAPTURE_MACHINE_FILE_H
#define WL_CAPTURE_MACHINE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "explain/explained.h"

struct wl_machine_file;

/*
 * wl_machine_file_free() it; NULL is fine. On an error, why says which file and member, and what
 * was wrong with it: -ENOENT: there is no such file; -EINVAL: damaged; -ENOMEM; else -errno of
 * reading.
 */
int wl_machine_file_load(int dirfd, struct wl_machine_file **file, char *why, size_t size);
void wl_machine_file_free(struct wl_machine_file *file);

/*
 * Names of interrupts, block devices and control groups. Valid as long as the file.
 */
void wl_machine_file_names(const struct wl_machine_file *file, struct wl_machine_names *names);

/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns; 0: not known. */
int64_t wl_machine_file_real_offset(const struct wl_machine_file *file);

#endif
