/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libwhylate-ust: the tracepoints of whylate/mark-lttng.h. Programs with -DWHYLATE_LTTNG link it;
 * whylate itself loads it where --lttng was asked for, because liblttng-ust starts threads.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include <whylate/mark-lttng.h>

#include "ust/ust.h"

WL_UST_EXPORT void wl_ust_emit_slow(uint64_t id, int32_t tid, uint64_t start, uint64_t end,
				    const char *cookie, const char *cause)
{
	lttng_ust_tracepoint(whylate, slow, id, tid, start, end, cookie, cause);
}
