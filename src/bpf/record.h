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
WL_INLINE int wl_ring_pinned(struct wl_ring *ring, __u32 start, __u64 now)
{
	__u64 until = wl_pin.until;
	const struct wl_record *after;

	if (!until || now >= until)
		return 0;
	after = wl_ring_at(ring, start + WL_PACKET_UNITS);
	return after->ts >= wl_pin.from;
}

WL_INLINE void wl_ring_enter(struct wl_ring *ring, __u32 start, __u64 word)
{
	struct wl_packet_mark *mark = wl_ring_at(ring, start - WL_PACKET_HEADER_UNITS);

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

/* id_size: id and exact size as in the header word. 0: lost. rec->ts is set in either case. */
static __noinline struct wl_record *wl_reserve(struct wl_rec *rec, __u32 id_size)
{
	struct wl_ring *ring = wl_ring_of(bpf_get_smp_processor_id());
	__u32 units = ((id_size >> 16) + 7) >> 3;

	if (!ring) {
		rec->ts = bpf_ktime_get_ns();
		return 0;
	}
	for (int i = 0; i < WL_RESERVE_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&ring->head.word, new;
		__u32 pos = (__u32)old, start = wl_ring_start(pos, units);
		struct wl_record *record;

		new = ((old >> 32) + 1) << 32 | (__u32)(start + units);
		rec->ts = bpf_ktime_get_ns();
		if (start != pos && wl_ring_pinned(ring, start, rec->ts)) {
			__sync_fetch_and_add(&ring->head.pinned, 1);
			break;
		}
		if (!wl_cas(&ring->head.word, old, new)) {
			__sync_fetch_and_add(&ring->head.retries, 1);
			continue;
		}
		if (start != pos)
			wl_ring_enter(ring, start, old);
		record = wl_ring_at(ring, start);
		record->ts = rec->ts;
		rec->word = id_size | (__u64)start << 32;
		return record;
	}
	__sync_fetch_and_add(&ring->head.lost, 1);
	return 0;
}

/* The payload to fill in, or 0: nothing is recorded. The event's time is rec->ts in either case. */
WL_INLINE void *wl_record_begin(struct wl_rec *rec, __u32 id, __u32 size)
{
	rec->record = 0;
	if (!wl_recording()) {
		rec->ts = bpf_ktime_get_ns();
		return 0;
	}
	rec->record = wl_reserve(rec, id | size << 16);
	return rec->record ? rec->record + 1 : 0;
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
