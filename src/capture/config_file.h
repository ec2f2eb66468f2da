/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The part of struct wl_config that a replay needs, as the member "config" of machine.json: all of
 * the state machine's, which stimuli count, thresholds; not which tasks are targets, for the events
 * say that. Thread safe.
 */
#ifndef WL_CAPTURE_CONFIG_FILE_H
#define WL_CAPTURE_CONFIG_FILE_H

#include "abi/config.h"
#include "capture/fields.h"

#define WL_MACHINE_FILE "machine.json"

/* Inside an object that is open. */
void wl_config_put(struct wl_json *json, const struct wl_config *config);

/*
 * Reads it from a directory's machine.json. What is missing there is 0. On an error, why says which
 * file and member, and what was wrong with it: -ENOENT: there is no such file; -EINVAL: damaged;
 * else -errno of reading.
 */
int wl_config_load(int dirfd, struct wl_config *config, char *why, size_t size);

/* An array of homes; get: at most max of them, *n is set. 0 or -EINVAL, said. */
void wl_homes_put(struct wl_json *json, const char *key, const struct wl_home *homes, size_t n);
int wl_homes_get(const struct wl_place *place, const char *key, const json_t *object,
		 struct wl_home *homes, size_t max, __u32 *n);

#endif
