/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the rings hold, as a trace: take it, finish it, write it; then it can be taken again.
 * Writers are never stopped. All memory is allocated, touched and locked when it is opened.
 *
 * A snapshot holds, of every CPU, the records of the window [from, the moment it was taken]. A
 * stream begins with a sched_switch, so that no interrupt is half in: with its first record in the
 * window, if that is one; else with the last switch before the window, if the ring still has it
 * near (then it begins a little earlier); else with the first one in the window, and what lies
 * before it is left out. wl_snapshot_counts() says from when on each stream is complete.
 *
 * One thread per snapshot.
 */
#ifndef WL_CAPTURE_SNAPSHOT_H
#define WL_CAPTURE_SNAPSHOT_H

#include <stdint.h>

#include "capture/metadata.h"
#include "capture/packet.h"
#include "capture/statedump.h"
#include "live/rings.h"

struct wl_snapshot;

/* rings must stay. Locking the memory may fail: that is no error. 0 or -ENOMEM. */
int wl_snapshot_open(struct wl_snapshot **snapshot, const struct wl_rings *rings);
void wl_snapshot_close(struct wl_snapshot *snapshot);

/* Bytes of its memory. */
uint64_t wl_snapshot_memory(const struct wl_snapshot *snapshot);

/*
 * Lets the kernel side pin packets for the next slow response; nothing is pinned. Only
 * wl_snapshot_take() and this write to the pin, never at the same time.
 */
void wl_pin_arm(const struct wl_rings *rings);

/*
 * Copies what the rings hold of the window from `from` on (CLOCK_MONOTONIC ns), at least a switch
 * before it; 0: everything. The packets are pinned meanwhile, whether the kernel side had pinned
 * them or not; afterwards nothing is pinned and the pin is not armed. Then waits up to about 1 ms
 * for records that were being written. Every CPU is read up to the same moment. While the packets
 * are pinned they are only copied, about 0.2 ms a MiB.
 */
void wl_snapshot_take(struct wl_snapshot *snapshot, uint64_t from);

/* Makes streams of what was taken, in memory. */
void wl_snapshot_finish(struct wl_snapshot *snapshot);

/* The trace's begin (the first stream's, or `from`) and end, CLOCK_MONOTONIC ns. */
uint64_t wl_snapshot_begin(const struct wl_snapshot *snapshot);
uint64_t wl_snapshot_end(const struct wl_snapshot *snapshot);

/* Of a finished snapshot. */
const struct wl_cpu_counts *wl_snapshot_counts(const struct wl_snapshot *snapshot, uint32_t cpu);

/*
 * Makes kernel/ in the directory, with the metadata and every CPU's stream, on the disk. dump (may
 * be NULL) goes in front. Every snapshot is written once. 0 or -errno; then the caller removes what
 * there is.
 */
int wl_snapshot_write(struct wl_snapshot *snapshot, int dirfd, const struct wl_metadata *metadata,
		      const struct wl_statedump *dump);

#endif
