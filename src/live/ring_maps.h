/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The flight recorder's maps: one per CPU, in the memory of its node, mapped. One thread. */
#ifndef WL_LIVE_RING_MAPS_H
#define WL_LIVE_RING_MAPS_H

#include "live/rings.h"

struct bpf_map;
struct wl_ring_maps;

/*
 * Makes and maps the rings of ncpu CPUs, size bytes each (a power of two, at least WL_RING_MIN).
 * Errors are said on stderr; -errno.
 */
int wl_ring_maps_new(struct wl_ring_maps **maps, uint32_t ncpu, size_t size);
void wl_ring_maps_free(struct wl_ring_maps *maps);

/*
 * Before loading: tells the outer map what its inner maps look like. maps NULL: nothing is
 * recorded, no map is made.
 */
int wl_ring_maps_prepare(struct wl_ring_maps *maps, struct bpf_map *outer);

/* After loading: puts the rings into the outer map. */
int wl_ring_maps_fill(struct wl_ring_maps *maps, struct bpf_map *outer, struct wl_pin *pin);

/* What is mapped; NULL of NULL. */
const struct wl_rings *wl_ring_maps_rings(const struct wl_ring_maps *maps);

/* Bytes. */
uint64_t wl_ring_maps_memory(const struct wl_ring_maps *maps);

#endif
