/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From what the kernel side sends to a report that explains itself. One thread each. */
#ifndef WL_LIVE_REPORTS_H
#define WL_LIVE_REPORTS_H

#include "live/maps.h"

struct wl_reports;

int wl_reports_new(struct wl_reports **reports, const struct wl_maps *maps);
/*
 * For another thread, that looks at a few responses that have ended: a report has the same number
 * as first's. To be freed before first.
 */
int wl_reports_new_beside(struct wl_reports **reports, const struct wl_reports *first);
void wl_reports_free(struct wl_reports *reports);

/*
 * Fills report; wl_report_release() it. false: this unfinished chain has been reported before, or
 * is one that has ended meanwhile.
 */
bool wl_reports_make(struct wl_reports *reports, const struct wl_slow *slow,
		     struct wl_report *report);
void wl_report_release(struct wl_report *report);

uint64_t wl_reports_slow(const struct wl_reports *reports);
uint64_t wl_reports_timeouts(const struct wl_reports *reports);

#endif
