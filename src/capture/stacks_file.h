/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * stacks.json: where the target of a slow response was seen, both directions of the format.
 *
 *   {"type":"stacks","v":1,"stacks":[{"ts":"81106437283881","tid":1240,"cpu":1,"blocked":false,
 *    "in_user":true,"kernel":[],"user":[{"address":"94210","function":"spin","file":"a.c",
 *    "line":12,"module":"a"},…]},…]}
 *
 * What is not known of a frame is left out. Addresses are decimal strings; the kernel's are never
 * written.
 */
#ifndef WL_CAPTURE_STACKS_FILE_H
#define WL_CAPTURE_STACKS_FILE_H

#include "explain/samples.h"

#define WL_STACKS_FILE "stacks.json"

/* Writes it into a directory where it is not yet. 0 or -errno. Thread safe. */
int wl_samples_save(int dirfd, const struct wl_samples *samples);

/*
 * Reads it; wl_samples_free() them. Members that are missing are 0, unknown ones are ignored. On an
 * error, why says which file and member, and what was wrong with it: -ENOENT: there is no such
 * file; -EINVAL: damaged; -EFBIG: absurdly large; -ENOMEM; else -errno of reading. Thread safe.
 */
int wl_samples_load(int dirfd, struct wl_samples *samples, char *why, size_t size);

#endif
