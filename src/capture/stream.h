/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Everything that passes through the rings, saved: a trace that grows packet by packet. Poll it
 * more often than a ring is filled; what the writers overwrote before it was saved is counted,
 * exactly, in the events_discarded of the next packet. The files can be read at any time, up to
 * the last packet in them, also if the program is killed.
 *
 * Streams begin with their first sched_switch after the stream was opened, so that no interrupt is
 * half in. One thread per stream.
 */
#ifndef WL_CAPTURE_STREAM_H
#define WL_CAPTURE_STREAM_H

#include <stdint.h>

#include "capture/metadata.h"
#include "capture/packet.h"
#include "capture/statedump.h"
#include "live/rings.h"

struct wl_stream;

struct wl_stream_progress {
	uint64_t events; /* saved */
	uint64_t bytes;  /* of the files */
	uint64_t lost;   /* overwritten, not finished, or found no room */
};

/*
 * Makes kernel/ in the directory, with the metadata and a file per CPU. dump may be NULL. rings
 * must stay. 0 or -errno; what was made before an error stays.
 */
int wl_stream_open(struct wl_stream **stream, const struct wl_rings *rings, int dirfd,
		   const struct wl_metadata *metadata, const struct wl_statedump *dump);

/*
 * Saves the packets that are full. A record in them that is not finished is waited for: for a few
 * polls, if there is room. 0 or -errno: the disk is full, for example. After an error nothing more
 * is saved, and it is returned again.
 */
int wl_stream_poll(struct wl_stream *stream);

/*
 * Saves the rest, and ends every CPU's stream at the same moment, on the disk; up to about 1 ms a
 * CPU more for records that are being written. To be called once, also after an error: then with
 * what was saved. 0 or the first error.
 */
int wl_stream_finish(struct wl_stream *stream);

/* Frees it; without wl_stream_finish() the files stay as they are. */
void wl_stream_close(struct wl_stream *stream);

/* Right at any time. */
void wl_stream_progress(const struct wl_stream *stream, struct wl_stream_progress *progress);

/* Of a finished stream. CLOCK_MONOTONIC ns. */
const struct wl_cpu_counts *wl_stream_counts(const struct wl_stream *stream, uint32_t cpu);
uint64_t wl_stream_begin(const struct wl_stream *stream);
uint64_t wl_stream_end(const struct wl_stream *stream);

#endif
