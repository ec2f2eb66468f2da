/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What was wrong with a stream of our own, as sentences: of the first packets each, then in all. */
#ifndef WL_TRACE_NATIVE_SAY_H
#define WL_TRACE_NATIVE_SAY_H

#include <stdint.h>

#include "trace/packet_view.h"
#include "trace/problems.h"
#include "trace/trace.h"

struct wl_native_told {
	uint32_t cpu;
	unsigned packets; /* with something to tell */
	uint64_t damaged_bytes, disordered, unknown, missing;
	uint16_t first_unknown;
};

/* Packet number `number` of the stream was read: problems are told, stats counted. */
void wl_native_tell_packet(struct wl_native_told *told, const struct wl_packet_view *packet,
			   uint64_t number, struct wl_trace_stats *stats,
			   struct wl_problems *problems);

/* Packets that should be between the ones before `number` and this one. */
void wl_native_tell_missing(struct wl_native_told *told, uint64_t number, uint64_t missing,
			    struct wl_trace_stats *stats, struct wl_problems *problems);

/* The stream ends after `number` whole packets and `rest` bytes of one more. */
void wl_native_tell_end(struct wl_native_told *told, uint64_t number, size_t rest,
			struct wl_problems *problems);

#endif
