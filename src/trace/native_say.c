/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/native_say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PACKETS_TOLD 3 /* of a stream; the rest is summed up */

static const char *const header_parts[] = { "magic",       "uuid",         "stream or CPU",
					    "packet size", "content size", "times" };

static void name_parts(unsigned bad, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (unsigned i = 0; i < sizeof(header_parts) / sizeof(header_parts[0]); i++) {
		if (!(bad & 1u << i) || len >= size)
			continue;
		snprintf(text + len, size - len, "%s%s", len ? ", " : "", header_parts[i]);
		len = strlen(text);
	}
}

static void tell(const struct wl_native_told *told, struct wl_problems *problems, uint64_t number,
		 const char *what)
{
	wl_problem_add(problems, "'cpu_%" PRIu32 "', packet %" PRIu64 " (at byte %" PRIu64 "): %s",
		       told->cpu, number, number * WL_PACKET, what);
}

static void tell_header(struct wl_native_told *told, const struct wl_packet_view *packet,
			uint64_t number, struct wl_problems *problems)
{
	char parts[96], text[160];

	name_parts(packet->header.bad, parts, sizeof(parts));
	snprintf(text, sizeof(text), "its header is damaged (%s)%s", parts,
		 packet->n ? "; its records were read" : "; no records found");
	tell(told, problems, number, text);
}

static void tell_damage(struct wl_native_told *told, const struct wl_packet_view *packet,
			uint64_t number, struct wl_problems *problems)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "damaged in %u place%s, the first at byte %u of it: %u bytes left out",
		 packet->damaged, packet->damaged == 1 ? "" : "s", packet->damaged_at,
		 packet->damaged_bytes);
	tell(told, problems, number, text);
}

static void tell_disorder(struct wl_native_told *told, const struct wl_packet_view *packet,
			  uint64_t number, struct wl_problems *problems)
{
	char text[120];

	snprintf(text, sizeof(text), "%u record%s left out: wrong time stamps", packet->disordered,
		 packet->disordered == 1 ? "" : "s");
	tell(told, problems, number, text);
}

static bool has_faults(const struct wl_packet_view *packet)
{
	return packet->header.bad || packet->damaged || packet->disordered;
}

static void count(struct wl_native_told *told, const struct wl_packet_view *packet,
		  struct wl_trace_stats *stats)
{
	stats->fillers += packet->fillers;
	stats->skipped += packet->unknown;
	stats->damaged += packet->damaged;
	stats->damaged_bytes += packet->damaged_bytes;
	stats->disordered += packet->disordered;
	told->damaged_bytes += packet->damaged_bytes;
	told->disordered += packet->disordered;
	if (packet->unknown && !told->unknown)
		told->first_unknown = packet->first_unknown;
	told->unknown += packet->unknown;
}

void wl_native_tell_packet(struct wl_native_told *told, const struct wl_packet_view *packet,
			   uint64_t number, struct wl_trace_stats *stats,
			   struct wl_problems *problems)
{
	count(told, packet, stats);
	if (!has_faults(packet) || told->packets++ >= PACKETS_TOLD)
		return;
	if (packet->header.bad)
		tell_header(told, packet, number, problems);
	if (packet->damaged)
		tell_damage(told, packet, number, problems);
	if (packet->disordered)
		tell_disorder(told, packet, number, problems);
}

void wl_native_tell_missing(struct wl_native_told *told, uint64_t number, uint64_t missing,
			    struct wl_trace_stats *stats, struct wl_problems *problems)
{
	char text[80];

	stats->packets_missing += missing;
	if (told->missing++ >= PACKETS_TOLD)
		return;
	snprintf(text, sizeof(text), "%" PRIu64 " packet%s missing before it", missing,
		 missing == 1 ? " is" : "s are");
	tell(told, problems, number, text);
}

void wl_native_tell_end(struct wl_native_told *told, uint64_t number, size_t rest,
			struct wl_problems *problems)
{
	if (!number && !rest)
		wl_problem_add(problems, "'cpu_%" PRIu32 "' is empty", told->cpu);
	if (rest)
		wl_problem_add(problems,
			       "'cpu_%" PRIu32 "' is truncated: its last packet (at byte %" PRIu64
			       ") has %zu of %u bytes",
			       told->cpu, number * WL_PACKET, rest, WL_PACKET);
	if (told->packets > PACKETS_TOLD)
		wl_problem_add(problems,
			       "'cpu_%" PRIu32 "': in all %u packets with faults, %" PRIu64
			       " damaged bytes and %" PRIu64 " records with wrong time stamps left "
			       "out",
			       told->cpu, told->packets, told->damaged_bytes, told->disordered);
	if (told->unknown)
		wl_problem_add(problems,
			       "'cpu_%" PRIu32 "': %" PRIu64 " records of events that this version "
			       "doesn't know, the first has number %u: left out",
			       told->cpu, told->unknown, told->first_unknown);
}
