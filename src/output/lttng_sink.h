/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Slow responses as LTTng-UST events, beside the other output (--lttng). */
#ifndef WL_OUTPUT_LTTNG_SINK_H
#define WL_OUTPUT_LTTNG_SINK_H

#include <stddef.h>

#include "explain/report.h"

struct wl_lttng;

/* Loads libwhylate-ust. 0 or -errno, said in why: it is not there, or does not fit. */
int wl_lttng_open(struct wl_lttng **lttng, char *why, size_t size);
void wl_lttng_close(struct wl_lttng *lttng);

/* lttng may be NULL. */
void wl_lttng_slow(const struct wl_lttng *lttng, const struct wl_report *report);

#endif
