/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_EXPLAIN_CAUSE_H
#define WL_EXPLAIN_CAUSE_H

#include "report.h"

/* Time of the path's segments per kind. Thread safe. */
void wl_path_budget(const struct wl_path *path, uint64_t budget[WL_SEG_MAX]);

/* Had the response's item (see --until mark) begun at that time? Then the program knows of it. */
bool wl_cause_item_begun(const struct wl_slow *slow, uint64_t at);

/*
 * Fills report->budget and report->cause from report->slow, ->names and ->typical: the kind with
 * the largest excess over the typical budget, its largest segment's culprit, and one sentence that
 * a system administrator understands. Names no culprit where the path has none. Thread safe.
 */
void wl_cause_find(struct wl_report *report);

#endif
