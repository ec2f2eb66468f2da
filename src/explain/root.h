/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The root cause in a critical path, and the sentence that tells it. Inside explain/ only. */
#ifndef WL_EXPLAIN_ROOT_H
#define WL_EXPLAIN_ROOT_H

#include "explain/explained.h"

/*
 * From x->nodes and x->report.cause, as wl_cause_find() has filled it: why, via, root, root_cause,
 * root_ns, advice; replaces the cause's text by one that goes to the root.
 */
void wl_root_find(struct wl_explained *x);

#endif
