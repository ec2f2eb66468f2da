/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flight recorder: a ring per CPU, overwritten for ever, that any context may write to, NMIs
 * included, without a lock, an allocation or a wake-up.
 *
 *   reserve  one compare-and-swap moves the position and the number of records. It fails only if an
 *            interrupt of this CPU has recorded meanwhile; after a few tries the record is lost and
 *            counted. The time is read inside the loop, right before it: no record can come between
 *            the two, so that the order in the ring is the order in time.
 *   fill     the record is ours alone. It may still look like an older one: its check word does not
 *            fit until
 *   commit   its header word {id, size, check} is stored, in one piece and last.
 *
 * A record never crosses a packet. Who enters a packet writes the word that it has replaced into
 * it: the exact end of the packet before, and how many records there were.
 *
 * Why nobody scribbles over a newer record: programs run with preemption off, so that a reservation
 * can be delayed only by interrupts of its own CPU (or by the host), and these would have to write
 * a whole lap meanwhile. A reader that copies while we write finds out from the position.
 *
 * Who may run together: writers of one CPU nest; writers of different CPUs share only the pin; any
 * number of readers.
 */
#ifndef WL_BPF_RECORD_H
#define WL_BPF_RECORD_H

#include "bpf/maps.h"
#include "abi/event.h"
#include "abi/ring.h"

#define WL_RESERVE_TRIES 4

struct wl_pin wl_pin = {};
struct wl_slow wl_trigger = {}; /* of whoever has taken the pin last */

/* Memory of its CPU's node: live/rings.c makes the inner maps, all of one size. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} wl_ring_maps SEC(".maps");

/* An event on its way into the ring, or, when nothing is recorded, just its time. */
struct wl_rec {
	__u64 ts;
	__u64 word; /* what commits it */
	struct wl_record *record;
};

WL_INLINE int wl_recording(void)
{
	return wl_config()->record;
}

/* Is the state machine on? */
WL_INLINE int wl_following(void)
{
	return wl_config()->follow;
}

WL_INLINE struct wl_ring *wl_ring_of(__u32 cpu)
{
	void *map = bpf_map_lookup_elem(&wl_ring_maps, &cpu);
	__u32 zero = 0;

	return map ? bpf_map_lookup_elem(map, &zero) : 0;
}

WL_INLINE void *wl_ring_at(struct wl_ring *ring, __u32 unit)
{
	return &ring->data[((__u64)unit * 8) & (wl_config()->ring_size - 1)];
}

/*
 * May the packet that begins here (its first record at start) not be overwritten yet? Its end one
 * lap ago is about where the packet after it begins.
 */
WL_INLINE int wl_ring_pinned(__u32 start, __u64 now)
{
	__u64 until = wl_pin.until;
	const struct wl_record *after;
	struct wl_ring *ring;

	if (!until || now >= until)
		return 0;
	ring = wl_ring_of(bpf_get_smp_processor_id());
	if (!ring)
		return 0;
	after = wl_ring_at(ring, start + WL_PACKET_UNITS);
	return after->ts >= wl_pin.from;
}

WL_INLINE void wl_ring_enter(__u32 start, __u64 word)
{
	struct wl_ring *ring = wl_ring_of(bpf_get_smp_processor_id());
	struct wl_packet_mark *mark;

	if (!ring)
		return;
	mark = wl_ring_at(ring, start - WL_PACKET_HEADER_UNITS);
	mark->word = word;
	mark->lost = ring->head.lost;
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&mark->seal = ~word;
}

/* Where a record of this many units begins: in a new packet, if it does not fit into this one. */
WL_INLINE __u32 wl_ring_start(__u32 pos, __u32 units)
{
	__u32 in = pos & (WL_PACKET_UNITS - 1);

	if (in && in + units <= WL_PACKET_UNITS)
		return pos;
	return ((pos + WL_PACKET_UNITS - 1) & ~(WL_PACKET_UNITS - 1)) + WL_PACKET_HEADER_UNITS;
}

#define WL_SCRATCH 2048 /* in the ring's first page: what is lost is written there */
#define WL_LOST (1ull << 32)

/*
 * The position moves. A global function: to the verifier each program has one path through it, and
 * a number comes back; inlined it made five of each of sched_switch's paths. id_size: id and exact
 * size as in the header word. Returns where the record begins, in units, or WL_LOST; rec->ts and
 * rec->word are set in either case.
 */
__attribute__((noinline)) __u64 wl_reserve(struct wl_ring_head *head, struct wl_rec *rec,
					   __u32 id_size)
{
	__u32 units = ((id_size >> 16) + 7) >> 3;

	/* before 6.8 the verifier looks at it also where nothing is recorded, and there is no ring
	 */
	if (!head || !rec || !wl_recording())
		return WL_LOST;
	for (int i = 0; i < WL_RESERVE_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&head->word, new;
		__u32 pos = (__u32)old, start = wl_ring_start(pos, units);

		new = ((old >> 32) + 1) << 32 | (__u32)(start + units);
		rec->ts = bpf_ktime_get_ns();
		if (start != pos && wl_ring_pinned(start, rec->ts)) {
			__sync_fetch_and_add(&head->pinned, 1);
			break;
		}
		if (!wl_cas(&head->word, old, new)) {
			__sync_fetch_and_add(&head->retries, 1);
			continue;
		}
		if (start != pos)
			wl_ring_enter(start, old);
		rec->word = id_size | (__u64)start << 32;
		return start;
	}
	__sync_fetch_and_add(&head->lost, 1);
	rec->word = 0;
	return WL_LOST;
}

/* The record's memory; a lost one's is a place that nobody reads, so that there is one path on. */
WL_INLINE struct wl_record *wl_record_at(struct wl_ring *ring, __u64 reserved)
{
	__u64 lost = reserved >> 32, place = (reserved & 0xffffffff) * 8, kept;

	wl_opaque(lost);
	lost &= 1;
	kept = lost - 1; /* all ones, or 0 */
	wl_opaque(kept);
	place = place & kept & (wl_config()->ring_size - 1);
	place += WL_RING_PAGE - lost * WL_SCRATCH;
	wl_opaque(place); /* one addition to the pointer, of a number whose bounds are known */
	return (void *)ring + place;
}

/*
 * The payload to fill in, or 0: nothing is recorded (or, which can't be, this CPU has no ring). The
 * event's time is rec->ts in either case.
 */
WL_INLINE void *wl_record_begin(struct wl_rec *rec, __u32 id, __u32 size)
{
	struct wl_ring *ring = 0;

	rec->record = 0;
	if (wl_recording())
		ring = wl_ring_of(bpf_get_smp_processor_id());
	if (!ring) {
		rec->ts = bpf_ktime_get_ns();
		return 0;
	}
	rec->record = wl_record_at(ring, wl_reserve(&ring->head, rec, id | size << 16));
	rec->record->ts = rec->ts;
	return rec->record + 1;
}

#define WL_RECORD_BEGIN(rec, event, fields)                                                        \
	((struct wl_ev_##fields *)wl_record_begin(rec, WL_EVID_##event, WL_EVENT_SIZE(fields)))

WL_INLINE void wl_record_commit(struct wl_rec *rec)
{
	if (!rec->record)
		return;
#ifdef __TARGET_ARCH_x86
	asm volatile("" ::: "memory");
	*(volatile __u64 *)&rec->record->id = rec->word;
#else
	__sync_lock_test_and_set((__u64 *)&rec->record->id, rec->word);
#endif
}

#endif
