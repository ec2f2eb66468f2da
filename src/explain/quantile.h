/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_EXPLAIN_QUANTILE_H
#define WL_EXPLAIN_QUANTILE_H

#include "report.h"

/* Adds one CPU's row to a total. */
void wl_agg_add(struct wl_agg *total, const struct wl_agg *row);

/*
 * The value below which the fraction q (0..1) of the counted values lies, ns, interpolated inside
 * its bucket and never above max. The error is at most the bucket's width, 12.5 % of the value. 0
 * if empty.
 */
uint64_t wl_agg_quantile(const struct wl_agg *agg, double q);

/* Mean of the middle half; known is false below 100 responses, or before any fell into it. */
void wl_agg_typical(const struct wl_agg *agg, struct wl_typical *typical);

/* Fills a row's numbers from a total (not key and stim_name). */
void wl_agg_row(const struct wl_agg *agg, struct wl_row *row);

#endif
