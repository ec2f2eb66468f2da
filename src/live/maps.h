/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The shared memory of a session: the kernel side writes, we read without system calls. */
#ifndef WL_LIVE_MAPS_H
#define WL_LIVE_MAPS_H

#include <stddef.h>

#include "abi/config.h"
#include "abi/hist.h"
#include "chain/state.h"
#include "explain/report.h"

struct wl_maps {
	const struct wl_cpu *cpus;    /* one per CPU */
	const struct wl_agg *aggs;    /* row aggregate * ncpu + cpu */
	struct wl_agg_limits *limits; /* one per aggregate; we write */
	size_t cpus_size, aggs_size, limits_size;
	int index_fd; /* struct wl_agg_key -> aggregate */
	uint32_t ncpu;
};

/* Sum of an aggregate's rows. */
void wl_maps_total(const struct wl_maps *maps, uint32_t agg, struct wl_agg *total);

/* A counter summed over the CPUs. */
uint64_t wl_maps_counter(const struct wl_maps *maps, enum wl_counter counter);

/*
 * Writes quartiles and, for a quantile threshold, the threshold of the first n aggregates.
 * quantile: 0 if the threshold is not one.
 */
void wl_maps_update_limits(const struct wl_maps *maps, uint32_t n, double quantile,
			   uint64_t least_ns);

/* Rows of the table, most responses first; counters. 0 or -ENOMEM. */
int wl_maps_stats(const struct wl_maps *maps, struct wl_stats *stats);

#endif
