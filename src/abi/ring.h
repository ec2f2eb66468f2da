/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flight recorder's memory: one ring per CPU, written by BPF programs (bpf/record.h), mapped by
 * user space. Its packets are those of the CTF trace that a snapshot becomes: only their first
 * WL_PACKET_HEADER bytes are rewritten. All numbers are in native byte order; the trace says which.
 *
 * Position word: low 32 bits the position in units of 8 bytes since the start (wraps at 32 GiB:
 * readers extend it), high 32 bits the number of records written before it. One compare-and-swap
 * moves both. A position's place in data[] is position * 8 modulo the ring's size.
 */
#ifndef WL_ABI_RING_H
#define WL_ABI_RING_H

#include <linux/types.h>

#define WL_PACKET_BITS 16
#define WL_PACKET (1u << WL_PACKET_BITS) /* bytes; a record never crosses one */
#define WL_PACKET_UNITS (WL_PACKET / 8)
#define WL_PACKET_HEADER 88 /* bytes before the first record: see capture/packet.h */
#define WL_PACKET_HEADER_UNITS (WL_PACKET_HEADER / 8)
#define WL_RECORD_MAX 512 /* bytes of the largest record, header included */
#define WL_RING_PAGE 4096
#define WL_RING_SLACK WL_RING_PAGE /* behind the data: the verifier knows no packets */
#define WL_RING_MIN (512u << 10)
#define WL_RING_MAX (1u << 30)

/*
 * A record: header, then the payload (abi/event.h) at +16. id, size and check are one aligned word,
 * stored once and last: a record whose check is not its own position has not been written (yet).
 */
struct wl_record {
	__u64 ts;    /* CLOCK_MONOTONIC ns */
	__u16 id;    /* enum wl_event_id */
	__u16 size;  /* bytes with this header, exact; the next record starts at the next multiple
			of 8 */
	__u32 check; /* low 32 bits of its position in units of 8 bytes */
};
_Static_assert(sizeof(struct wl_record) == 16, "struct wl_record is a file format");

/* First bytes of a packet in memory, stored by the writer that entered it. */
struct wl_packet_mark {
	__u64 word; /* position word that it replaced: exact end and count of the packet before */
	__u64 lost; /* wl_ring_head.lost at that moment */
	__u64 seal; /* ~word, stored last: the mark is whole */
};

/* First page of a ring's memory. Counters only grow; the rest of the page is the kernel side's. */
struct wl_ring_head {
	__u64 word;    /* position word */
	__u64 lost;    /* records that found no room: too many retries, or pinned */
	__u64 pinned;  /* of these: because the packet that they would enter was pinned */
	__u64 retries; /* compare-and-swaps that an interrupt's record had overtaken */
	__u64 pad[4];
};

/* A CPU's ring as a map value; data is WL_RING_SLACK bytes longer than the ring. */
struct wl_ring {
	union {
		struct wl_ring_head head;
		__u8 page[WL_RING_PAGE];
	};
	__u8 data[];
};

/*
 * Shared control, written by user space; the kernel side takes a pin when a slow response ends.
 * A packet with records at or after `from` is not overwritten before `until`.
 */
struct wl_pin {
	__u64 armed; /* 1: the kernel side may take it; it moves it to 0 */
	__u64 from;  /* CLOCK_MONOTONIC ns; the stimulus of the response */
	__u64 until; /* CLOCK_MONOTONIC ns; 0: nothing is pinned. Stored last */
	__u64 id;    /* chain of the response; 0: pinned by user space */
};

#define WL_PIN_NS 100000000ull /* no pin lasts longer */

#endif
