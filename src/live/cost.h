/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What an event costs on this machine: the kernel's own run statistics under a small load of ours.
 */
#ifndef WL_LIVE_COST_H
#define WL_LIVE_COST_H

#include "live/kernel.h"
#include "live/session.h"

#define WL_COSTS_MAX 64

struct wl_costs {
	struct wl_program_cost programs[WL_COSTS_MAX]; /* only those that ran */
	size_t n;
	double empty_ns; /* of a program that does nothing, per run; 0: not measured */
};

/*
 * Loads everything, watching a task that does not exist, and lets two processes wake each other for
 * about a second. Errors are said on stderr. 0 or -errno as wl_session_open().
 */
int wl_costs_measure(const struct wl_kernel *kernel, struct wl_costs *costs);

#endif
