/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A slow response, explained, as one line of JSON. */
#ifndef WL_OUTPUT_EXPLAIN_JSON_H
#define WL_OUTPUT_EXPLAIN_JSON_H

#include <stdio.h>

#include "explain/explained.h"

struct wl_json;

/*
 * What explaining has added, but the path: "why", "via", "root", "confidence", "caveats", "advice",
 * "window".
 */
void wl_json_explained(struct wl_json *json, const struct wl_explained *x);

/*
 * The object that `watch --json` prints for it, with what explaining has added: "why", "via",
 * "root", "confidence", "caveats", "advice", "window", "path". 0 or -errno: -EPIPE if the reader
 * has gone. Not thread safe per stream.
 */
int wl_explain_json(FILE *out, const struct wl_explained *x);

#endif
