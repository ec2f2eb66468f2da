/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The control groups of a process and their CPU quotas, as JSON. Thread safe. */
#ifndef WL_CAPTURE_CGROUPS_H
#define WL_CAPTURE_CGROUPS_H

#include <stdint.h>

#include "output/json.h"

struct wl_cgroups;

/* Reads which hierarchies are mounted. 0 or -ENOMEM; a machine without cgroups is no error. */
int wl_cgroups_new(struct wl_cgroups **cgroups);
void wl_cgroups_free(struct wl_cgroups *cgroups);

/*
 * Adds an object {"pid":…,"hierarchy":"cpu,cpuacct","path":"/…","quota_us":…,"period_us":…} for
 * each hierarchy that the process is in to the array that is open; quota_us null: none. Nothing if
 * the process has gone. A few small files are read.
 */
void wl_cgroups_put(const struct wl_cgroups *cgroups, struct wl_json *json, uint32_t pid);

#endif
