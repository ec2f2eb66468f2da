/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One explained response as a page for a browser: one file that needs nothing else and loads
 * nothing. The page is constant (src/output/html/), all that was recorded is JSON in a data block
 * that no byte of a name can end. Thread safe.
 */
#ifndef WL_OUTPUT_HTML_H
#define WL_OUTPUT_HTML_H

#include <stdio.h>

#include "explain/explained.h"

/* The page is made coarser until it is no larger than this. */
#define WL_HTML_MAX 1000000

/* 0 or -errno: of the write, or -ENOMEM. */
int wl_html_write(FILE *out, const struct wl_explained *x);

#endif
