/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The critical path as a tree of lines; for explain_text.c only. */
#ifndef WL_OUTPUT_EXPLAIN_TREE_H
#define WL_OUTPUT_EXPLAIN_TREE_H

#include "explain/explained.h"
#include "output/text.h"

void wl_explain_tree(FILE *out, const struct wl_style *style, bool unicode,
		     const struct wl_explained *x);

#endif
