/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain/quantile.h"
#include "live/machine.h"

#define TYPICAL_COUNT 100   /* responses before quartiles mean something */
#define QUANTILE_COUNT 1000 /* responses before a p99.9 does */

void wl_maps_total(const struct wl_maps *maps, uint32_t agg, struct wl_agg *total)
{
	memset(total, 0, sizeof(*total));
	for (uint32_t cpu = 0; cpu < maps->ncpu; cpu++)
		wl_agg_add(total, &maps->aggs[(size_t)agg * maps->ncpu + cpu]);
}

uint64_t wl_maps_counter(const struct wl_maps *maps, enum wl_counter counter)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; cpu < maps->ncpu; cpu++)
		sum += maps->cpus[cpu].counters[counter];
	return sum;
}

static void update_limit(struct wl_agg_limits *limits, const struct wl_agg *total, double quantile,
			 uint64_t least_ns)
{
	uint64_t threshold;

	if (total->count >= TYPICAL_COUNT) {
		limits->lo = wl_agg_quantile(total, 0.25);
		limits->hi = wl_agg_quantile(total, 0.75);
	}
	if (quantile == 0 || total->count < QUANTILE_COUNT)
		return;
	threshold = wl_agg_quantile(total, quantile);
	limits->threshold = threshold > least_ns ? threshold : least_ns;
}

void wl_maps_update_limits(const struct wl_maps *maps, uint32_t n, double quantile,
			   uint64_t least_ns)
{
	struct wl_agg total;

	for (uint32_t agg = 0; agg < n && agg < WL_AGGS; agg++) {
		wl_maps_total(maps, agg, &total);
		if (total.count)
			update_limit(&maps->limits[agg], &total, quantile, least_ns);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct wl_row *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static void fill_row(const struct wl_maps *maps, const struct wl_agg_key *key, uint32_t agg,
		     struct wl_row *row)
{
	struct wl_agg total;

	wl_maps_total(maps, agg, &total);
	wl_agg_row(&total, row);
	row->key = *key;
	wl_machine_stimulus(key->stim_kind, key->stim_nr, 0, row->stim_name,
			    sizeof(row->stim_name));
}

/* What did not fit into the table, as one row. */
static void fill_others(const struct wl_maps *maps, struct wl_stats *stats)
{
	struct wl_agg_key key = { .process = "(others)", .comm = "(others)" };

	fill_row(maps, &key, 0, &stats->rows[stats->nrows]);
	if (stats->rows[stats->nrows].count)
		stats->nrows++;
}

int wl_maps_stats(const struct wl_maps *maps, struct wl_stats *stats)
{
	struct wl_agg_key key, *prev = NULL;
	uint32_t agg;

	stats->rows = calloc(WL_AGGS + 1, sizeof(*stats->rows));
	if (!stats->rows)
		return -ENOMEM;
	while (stats->nrows < WL_AGGS && !bpf_map_get_next_key(maps->index_fd, prev, &key)) {
		if (!bpf_map_lookup_elem(maps->index_fd, &key, &agg) && agg < WL_AGGS) {
			fill_row(maps, &key, agg, &stats->rows[stats->nrows]);
			stats->nrows += stats->rows[stats->nrows].count > 0;
		}
		prev = &key;
	}
	fill_others(maps, stats);
	qsort(stats->rows, stats->nrows, sizeof(*stats->rows), compare_rows);
	for (int i = 0; i < WL_CNT_MAX; i++)
		stats->counters[i] = wl_maps_counter(maps, (enum wl_counter)i);
	return 0;
}
