/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reads a histogram. Rows are written by their CPUs while we read: count, max and the buckets may
 * disagree by a few responses, so ranks are taken from the buckets alone, and max only limits.
 */
#include "explain/quantile.h"

#define WL_TYPICAL_LEAST 100 /* below, the quartiles say little */

void wl_agg_add(struct wl_agg *total, const struct wl_agg *row)
{
	total->count += row->count;
	total->sum += row->sum;
	total->merged += row->merged;
	total->typical_count += row->typical_count;
	total->typical_sum += row->typical_sum;
	if (row->max > total->max)
		total->max = row->max;
	for (unsigned int i = 0; i < WL_SEG_MAX; i++)
		total->typical[i] += row->typical[i];
	for (unsigned int i = 0; i < WL_HIST_BUCKETS; i++)
		total->bucket[i] += row->bucket[i];
}

static uint64_t agg_bucket_total(const struct wl_agg *agg)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < WL_HIST_BUCKETS; i++)
		total += agg->bucket[i];
	return total;
}

/* Rank (1..total) of quantile q: as many values as this are not above it. */
static uint64_t rank_of(double q, uint64_t total)
{
	double exact = q * (double)total;
	uint64_t rank;

	if (!(exact > 1))
		return 1;
	if (exact >= (double)total)
		return total;
	rank = (uint64_t)exact;
	return rank + ((double)rank < exact);
}

/* Value of the nth (1..count) of the values in bucket i, as if they were spread evenly in it. */
static uint64_t bucket_value(const struct wl_agg *agg, unsigned int i, uint64_t nth)
{
	uint64_t lower = wl_hist_lower(i), upper = wl_hist_lower(i + 1);

	/* The last bucket has no end of its own; the bucket that holds max has nothing above it. */
	if (i == WL_HIST_BUCKETS - 1 || (agg->max >= lower && agg->max < upper))
		upper = agg->max > lower ? agg->max : lower;
	return lower +
	       (uint64_t)((double)(upper - lower) * ((double)nth - 0.5) / (double)agg->bucket[i]);
}

uint64_t wl_agg_quantile(const struct wl_agg *agg, double q)
{
	uint64_t total = agg_bucket_total(agg), before = 0, rank, value;

	if (!total)
		return 0;
	rank = rank_of(q, total);
	if (rank == total)
		return agg->max;
	for (unsigned int i = 0; i < WL_HIST_BUCKETS; i++) {
		if (before + agg->bucket[i] >= rank) {
			value = bucket_value(agg, i, rank - before);
			return value < agg->max ? value : agg->max;
		}
		before += agg->bucket[i];
	}
	return agg->max;
}

void wl_agg_typical(const struct wl_agg *agg, struct wl_typical *typical)
{
	uint64_t n = agg->typical_count;

	*typical = (struct wl_typical){ .count = agg->count };
	if (agg->count < WL_TYPICAL_LEAST || !n)
		return;
	typical->known = true;
	typical->ns = agg->typical_sum / n;
	for (unsigned int i = 0; i < WL_SEG_MAX; i++)
		typical->budget[i] = agg->typical[i] / n;
}

void wl_agg_row(const struct wl_agg *agg, struct wl_row *row)
{
	row->count = agg->count;
	row->merged = agg->merged;
	row->sum = agg->sum;
	row->max = agg->max;
	row->mean = agg->count ? agg->sum / agg->count : 0;
	row->p50 = wl_agg_quantile(agg, 0.5);
	row->p90 = wl_agg_quantile(agg, 0.9);
	row->p99 = wl_agg_quantile(agg, 0.99);
	row->p999 = wl_agg_quantile(agg, 0.999);
	wl_agg_typical(agg, &row->typical);
}
