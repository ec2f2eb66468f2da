/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The critical path of a response, from its own segments and the timeline of its window. Inside
 * explain/ only.
 */
#ifndef WL_EXPLAIN_CRITICAL_H
#define WL_EXPLAIN_CRITICAL_H

#include "explain/explained.h"
#include "explain/samples.h"

/*
 * Fills x->nodes from x->report.slow and x->timeline, and adds caveats. samples may be NULL. 0 or
 * -ENOMEM.
 */
int wl_critical_build(struct wl_explained *x, const struct wl_samples *samples);

/* A sentence about what makes it less sure. Cut if it is too long; too many are left out. */
void wl_explained_caveat(struct wl_explained *x, enum wl_confidence confidence, const char *format,
			 ...) __attribute__((format(printf, 3, 4)));

#endif
