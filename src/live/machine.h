/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Names that only this machine knows: lines of interrupts, cgroups, kernel functions. */
#ifndef WL_LIVE_MACHINE_H
#define WL_LIVE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/config.h"
#include "explain/report.h"

struct wl_kernel;

/* Name of a stimulus into text, "" if there is none. */
void wl_machine_stimulus(uint32_t kind, uint32_t nr, uint32_t tid, char *text, size_t size);

/* Fills in a task of which only the ids are known, if it is still there. */
void wl_machine_who(struct wl_who *who);

/* Numbers of the interrupt lines with this number or name: how many, at most n; -ENOENT: none. */
int wl_machine_irqs(const char *text, uint16_t *nrs, size_t n);

/* The cgroup of a process below the v2 root, or of the first v1 hierarchy that says one; NULL:
 * unknown. Free it. */
char *wl_machine_cgroup(uint32_t pid);

/* Fills a --cgroup target from a path, absolute or below a cgroup root. 0 or -errno. */
int wl_machine_cgroup_target(const struct wl_kernel *kernel, const char *path,
			     struct wl_target_config *target);

/* CLOCK_REALTIME - CLOCK_MONOTONIC, ns. */
int64_t wl_machine_real_offset(void);
uint64_t wl_machine_now(void); /* CLOCK_MONOTONIC, ns */

/* Names of kernel addresses, "0x…" where unknown (no kallsyms). Free it; NULL: no memory. */
char (*wl_machine_symbols(const __u64 *addresses, size_t n))[64];

#endif
