/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What whylate calls in libwhylate-ust, once it has loaded it. */
#ifndef WL_UST_UST_H
#define WL_UST_UST_H

#include <stdint.h>

#define WL_UST_EXPORT __attribute__((visibility("default")))

/* Times are CLOCK_MONOTONIC ns; texts are never NULL. */
typedef void (*wl_ust_emit_slow_fn)(uint64_t id, int32_t tid, uint64_t start, uint64_t end,
				    const char *cookie, const char *cause);

void wl_ust_emit_slow(uint64_t id, int32_t tid, uint64_t start, uint64_t end, const char *cookie,
		      const char *cause);

#endif
