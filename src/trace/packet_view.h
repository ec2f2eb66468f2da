/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One packet of our own layout in memory: which bytes of it are records. Written from the layout's
 * description (abi/ring.h) alone, so that it also checks the writer. The bytes may be anything.
 *
 * A record is one if its check is its own position; all positions of a packet share a base, the
 * packet's place in the ring, that is a multiple of WL_PACKET_UNITS. Where that fails, the next
 * 8-byte position at which it fits is looked for. Thread safe.
 */
#ifndef WL_TRACE_PACKET_VIEW_H
#define WL_TRACE_PACKET_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/ring.h"

#define WL_CTF_MAGIC 0xc1fc1fc1u
/* Bytes of a packet's header that carry something; alignment up to WL_PACKET_HEADER follows. */
#define WL_PACKET_HEADER_USED 84

/* Parts of the header that can't be right. */
#define WL_PACKET_BAD_MAGIC 0x01u
#define WL_PACKET_BAD_UUID 0x02u
#define WL_PACKET_BAD_STREAM 0x04u  /* id other than 0, or instance and cpu_id differ */
#define WL_PACKET_BAD_SIZE 0x08u    /* packet_size */
#define WL_PACKET_BAD_CONTENT 0x10u /* content_size */
#define WL_PACKET_BAD_TIMES 0x20u   /* they are not those of the records */

struct wl_packet_head {
	uint64_t begin, end; /* time stamps, ns */
	uint64_t content;    /* bytes: exact end of the last record */
	uint64_t discarded;  /* events lost so far */
	uint64_t seq;
	uint32_t cpu;
	unsigned bad; /* WL_PACKET_BAD_* */
};

/* Most records of a packet. */
#define WL_PACKET_RECORDS (WL_PACKET / sizeof(struct wl_record))

/* In an entry of the index: records between the one before and this one are missing. */
#define WL_PACKET_GAP 1u

struct wl_packet_view {
	struct wl_packet_head header;
	unsigned n;             /* records in index */
	unsigned fillers;       /* holes that the writer covered */
	unsigned unknown;       /* records with an id that we have no event for */
	uint16_t first_unknown; /* the first such id */
	unsigned disordered;    /* records left out: their time stamps don't fit */
	unsigned damaged;       /* places with something else than a record */
	unsigned damaged_bytes; /* in all */
	unsigned damaged_at;    /* the first of them: offset in the packet */
	bool short_read;        /* content goes on behind the bytes that there are */
	bool gap_behind;        /* records behind the last one of the index are missing */
	uint64_t last;          /* time stamp of the last record, or what it was before */
	uint16_t index[WL_PACKET_RECORDS]; /* offset | WL_PACKET_GAP */
};

/*
 * The header of a packet that begins with these bytes, at least WL_PACKET_HEADER_USED. uuid NULL:
 * any.
 */
void wl_packet_head_read(const void *bytes, const uint8_t *uuid, struct wl_packet_head *header);

/* What a packet's trace says of it. */
struct wl_packet_rules {
	const uint8_t *uuid; /* NULL: any */
	/* Bit per id below WL_EV_MAX. An id that neither we nor the trace knows is damage; NULL:
	 * the trace doesn't say. */
	const uint64_t *described;
	/* Bytes of payload that our version writes, by id below WL_EV_MAX; 0xffff: not looked up
	 * yet. A cache that is filled as needed. */
	uint16_t *sizes;
};

/* wl_event_size() through the cache. */
unsigned wl_packet_rules_size(const struct wl_packet_rules *rules, unsigned id);

/*
 * Finds the records of a packet. data is 8-byte aligned and has room for WL_PACKET bytes, len of
 * them were read and the rest is 0. last: time stamp of the stream's last record before, 0: none.
 */
void wl_packet_view_read(const void *data, size_t len, const struct wl_packet_rules *rules,
			 uint64_t last, struct wl_packet_view *packet);

#endif
