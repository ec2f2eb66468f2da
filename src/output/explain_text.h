/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A slow response, explained, for people. Nothing printed here can move a terminal's cursor,
 * whatever names are. Not thread safe per stream.
 */
#ifndef WL_OUTPUT_EXPLAIN_TEXT_H
#define WL_OUTPUT_EXPLAIN_TEXT_H

#include "explain/explained.h"
#include "output/text.h"

/*
 * Verdict, facts, budget, path, doubts and advice. unicode: bars and trees are drawn with more than
 * ASCII. Lists are shortened unless style->verbose. 0 or -errno: -EPIPE if the reader has gone.
 */
int wl_explain_text(FILE *out, const struct wl_style *style, bool unicode,
		    const struct wl_explained *x);

#endif
