/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reading a ring while it is written. A packet is copied first and believed afterwards: its copy is
 * good if, once it was made, the writers had not entered the packet one lap later. (They move the
 * position word before they touch a packet, with a full barrier.) Positions are in units of 8
 * bytes, modulo 2^32. Any number of readers.
 */
#ifndef WL_CAPTURE_RING_H
#define WL_CAPTURE_RING_H

#include <stdbool.h>
#include <string.h>

#include "capture/packet.h"
#include "live/rings.h"

static inline uint64_t wl_ring_word(const struct wl_rings *rings, uint32_t cpu)
{
	return __atomic_load_n(&rings->ring[cpu]->head.word, __ATOMIC_ACQUIRE);
}

/* Records that found no room so far. */
static inline uint64_t wl_ring_refused(const struct wl_rings *rings, uint32_t cpu)
{
	return __atomic_load_n(&rings->ring[cpu]->head.lost, __ATOMIC_RELAXED);
}

/* The packet that the writers entered last; none yet if the word is 0. */
static inline uint32_t wl_ring_current(uint64_t word)
{
	return (wl_word_position(word) - 1) & ~(uint32_t)(WL_PACKET_UNITS - 1);
}

static inline const void *wl_ring_packet(const struct wl_rings *rings, uint32_t cpu, uint32_t base)
{
	return rings->ring[cpu]->data + ((uint64_t)base * 8 & (rings->size - 1));
}

/* What has been read of the packet by now is its own, not a later lap's. */
static inline bool wl_ring_intact(const struct wl_rings *rings, uint32_t cpu, uint32_t base)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return wl_word_position(wl_ring_word(rings, cpu)) - base <= rings->size / 8;
}

/* Copies the beginning of a packet. False: it has been overwritten meanwhile. */
static inline bool wl_ring_copy(const struct wl_rings *rings, uint32_t cpu, uint32_t base,
				void *copy, size_t size)
{
	memcpy(copy, wl_ring_packet(rings, cpu, base), size);
	return wl_ring_intact(rings, cpu, base);
}

#endif
