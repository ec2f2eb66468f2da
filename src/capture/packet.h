/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A packet of the trace, and how the bytes of a ring become one.
 *
 * In memory a packet begins with struct wl_packet_mark, in a file with struct wl_packet_header; the
 * records behind it are the same bytes (abi/ring.h). In a file
 *
 * - a packet has WL_PACKET bytes; what lies behind its content is zero;
 * - records lie one behind the other, each at the next multiple of 8: no holes;
 * - a record's check is the packet's base + its offset in the packet / 8, low 32 bits. The base is
 *   the packet's position in the ring, a multiple of WL_PACKET_UNITS: a reader learns it from the
 *   first record, and may ask that it grows from packet to packet (modulo 2^32). Only the first
 *   packet of a stream has been cut in front: there the records were moved, and their checks were
 *   made anew;
 * - where a record is missing (its writer did not finish in time) stand fillers, whose time is that
 *   of the record before: WL_EVID_GAP, 16 bytes without a payload, or WL_EVID_FILLER, 24 to
 *   WL_RECORD_MAX bytes: u32 wl_length, then so many bytes. They are nobody's events.
 *
 * Everything here works on private copies of packets. Thread safe.
 */
#ifndef WL_CAPTURE_PACKET_H
#define WL_CAPTURE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"
#include "abi/ring.h"

#define WL_PACKET_MAGIC 0xC1FC1FC1u

/* CTF's packet header and packet context. Times are CLOCK_MONOTONIC ns, sizes are bits. */
struct wl_packet_header {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t stream_id;          /* 0 */
	uint64_t stream_instance_id; /* CPU */
	uint64_t timestamp_begin;
	uint64_t timestamp_end;
	uint64_t content_size; /* to the exact end of the last record, or of cpu_id */
	uint64_t packet_size;
	uint64_t packet_seq_num; /* from 0, without gaps */
	/* since the stream's begin, up to this packet's end; 0 in the first one, which has no
	   records if something was lost already */
	uint64_t events_discarded;
	uint32_t cpu_id;
	uint32_t pad;
};
_Static_assert(sizeof(struct wl_packet_header) == WL_PACKET_HEADER,
	       "struct wl_packet_header is a file format");
_Static_assert(offsetof(struct wl_packet_header, timestamp_begin) == 32 &&
		       offsetof(struct wl_packet_header, cpu_id) == 80,
	       "struct wl_packet_header is a file format");

/* What became of the records of one CPU, from the start of its first saved packet to the end. */
struct wl_cpu_counts {
	/* ns: between them, everything but `lost` and `refused` is in the stream */
	uint64_t begin, end;
	uint64_t written;  /* by the writers' own count; == read + lost + left_out */
	uint64_t read;     /* in the file; fillers don't count */
	uint64_t lost;     /* overwritten before they were saved, or not finished in time */
	uint64_t left_out; /* before the stream's first switch, or after the end */
	uint64_t refused;  /* found no room in the ring; not in `written` */
	uint64_t packets;  /* in the file, that have records */
	uint64_t holes;    /* places where a record had not been finished */
	uint64_t excess;   /* records beyond the writers' count: a fault if not 0 */
};

/* Position (in units) that a position word says; how many records had been written. */
static inline uint32_t wl_word_position(uint64_t word)
{
	return (uint32_t)word;
}

static inline uint32_t wl_word_count(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

static inline uint32_t wl_record_room(uint32_t size)
{
	return (size + 7) & ~7u;
}

/* An event that is neither of ours nor counted. */
static inline bool wl_event_is_filler(uint32_t id)
{
	return id == WL_EVID_FILLER || id == WL_EVID_GAP;
}

/* An event that a writer may have written: not a filler, not a synthetic one. */
bool wl_event_is_written(uint32_t id);

/*
 * True if the mark is whole and is that of the packet at base: the word in it tells how the packet
 * before ended.
 */
bool wl_packet_mark_valid(const struct wl_packet_mark *mark, uint32_t base);

/* --- walking --- */

struct wl_packet_walk {
	const uint8_t *data; /* the packet's first byte, aligned to 8 */
	uint32_t base;       /* its position in units of 8 bytes, low 32 bits */
	uint32_t limit;      /* no record at or behind this offset; at most WL_PACKET */
	uint32_t at;         /* offset where to go on; first WL_PACKET_HEADER */
	uint64_t last;       /* time of the last record; first 0, or that of the packet before */
	/* bytes in front of the record just returned (or of limit) that hold no record */
	uint32_t hole, hole_size;
};

/*
 * The next record, or NULL at the end. A record counts if its check is its position, its size fits,
 * its id is known and its time does not go back; what does not is skipped, 8 bytes at a time. Holes
 * are multiples of 8, at least 16 bytes long.
 */
const struct wl_record *wl_packet_walk_next(struct wl_packet_walk *walk);

/* --- repairing --- */

struct wl_packet_repair {
	uint32_t base, limit; /* as in struct wl_packet_walk */
	uint64_t from, until; /* the window; records after until are cut off */
	uint64_t last;        /* in: time of the record before; out: of the last one */
	uint64_t first;       /* time of the first one, valid if there is one */
	uint32_t records;     /* in the window or before it; fillers don't count */
	uint32_t late;        /* cut off at the end */
	uint32_t holes;       /* covered, or cut off at the end */
	uint32_t content;     /* offset of the exact end of the last record */
	uint32_t window;      /* offset of the first record in the window, 0: none */
	/* offsets of switches, 0: none, and how many records lie in front of them */
	uint32_t before, before_records; /* the last one before the window */
	uint32_t after, after_records;   /* the first one in it */
};

/*
 * Makes a packet's records whole: covers holes, drops what is after the window, clears the rest.
 * The first bytes (mark or header) stay.
 */
void wl_packet_repair(uint8_t *data, struct wl_packet_repair *repair);

/*
 * Cuts what lies before the record at offset start off from a repaired packet. Returns the new end
 * of the content.
 */
uint32_t wl_packet_cut(uint8_t *data, uint32_t base, uint32_t start, uint32_t content);

/* Time of a repaired packet's first record. */
uint64_t wl_packet_first_time(const uint8_t *data);

/*
 * Fills in what is the same in every packet of a stream; the rest is the caller's: times and
 * events_discarded. content: offset of the end of the last record, WL_PACKET_HEADER if there is
 * none.
 */
void wl_packet_header_init(struct wl_packet_header *header, const uint8_t uuid[16], uint32_t cpu,
			   uint64_t seq, uint32_t content);

#endif
