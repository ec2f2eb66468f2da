/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A trace on disk as a sequence of events: a capture or recording of our own (abi/ring.h,
 * abi/event.h), or any LTTng-modules kernel trace (CTF 1.8), through libbabeltrace2.
 *
 * Two levels: wl_trace_next() merges all streams by time; wl_trace_peek() and wl_trace_advance()
 * look at single streams, and may be mixed with it. Memory is constant: about 75 KiB a stream of
 * our own, whatever the length; libbabeltrace2 takes about 12 MiB.
 *
 * Damage is no error: what can be read is given, what can't is counted (struct wl_trace_stats) and
 * told (wl_trace_problem()). Files may grow or shrink meanwhile: they are copied before they are
 * looked at.
 *
 * Thread safety: a trace belongs to one thread at a time; different traces are independent.
 */
#ifndef WL_TRACE_TRACE_H
#define WL_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"

/*
 * Members of our own (wl_…) are 0, and so is what the trace has no field for. Kernel addresses are
 * not hashed, prev_state is the traced kernel's own (256: preempted, …).
 */
#define WL_EVENT_FOREIGN 0x1u
/* State at the start of the window (lttng_statedump_…), not an event that happened at ts. */
#define WL_EVENT_SYNTHETIC 0x2u
/*
 * Events of this stream between lost_since and ts may be missing. Tracers count losses per packet,
 * up to its end: where a packet's counter has grown all its events are marked, and the first one of
 * the next packet.
 */
#define WL_EVENT_AFTER_LOSS 0x4u

struct wl_event {
	uint64_t ts; /* CLOCK_MONOTONIC ns (the trace's own clock, if it has another one) */
	/*
	 * struct wl_ev_* of the id, 8-byte aligned: that many bytes can always be read; what the
	 * record is too short for is 0. System calls: abi/syscall_fields.h; each slot can be read
	 * whole, but only the width of its field counts.
	 */
	const void *payload;
	/* With WL_EVENT_AFTER_LOSS only, else 0: how many are known to be missing, and since when.
	 */
	uint64_t lost;
	uint64_t lost_since;
	uint32_t cpu;
	uint32_t flags; /* WL_EVENT_* */
	int32_t tid;    /* task on the CPU, as a context of the trace says; -1: it doesn't */
	int32_t pid;    /* its process, likewise */
	uint16_t id;    /* enum wl_event_id */
	uint16_t size;  /* of the payload as recorded, bytes */
};

enum wl_trace_kind {
	WL_TRACE_NATIVE = 0,  /* read by ourselves */
	WL_TRACE_THROUGH = 1, /* read through libbabeltrace2 */
};

/* Known once the trace is open. Texts are whatever the trace says: hostile, maybe empty. */
struct wl_trace_info {
	const char *dir; /* the directory with the streams */
	enum wl_trace_kind kind;
	bool foreign;    /* recorded by another tracer */
	bool rt;         /* of a foreign one: its kernel says that it is PREEMPT_RT */
	bool metadata;   /* false: it has none; names, clock and so on are unknown */
	char tracer[64]; /* "whylate 0.2.0", "lttng-modules 2.13.9" */
	char hostname[80];
	char kernel[80];      /* release */
	char clock_uuid[40];  /* boot id; equal ones: the same clock */
	uint8_t uuid[16];     /* of the trace */
	uint64_t first, last; /* window: time stamps, ns; both 0: unknown */
	int64_t clock_offset; /* ns to add to a time stamp for CLOCK_REALTIME; 0: unknown */
	uint64_t lost;        /* events that the tracer says it has lost, in all streams; of a trace
				 through libbabeltrace2: those that were passed so far */
	uint32_t ncpu;        /* different CPUs that have a stream */
};

/* What was seen so far. */
struct wl_trace_stats {
	uint64_t events;        /* given */
	uint64_t synthetic;     /* of these */
	uint64_t lost;          /* as the streams' counters say */
	uint64_t skipped;       /* whole records of an event that we have no number for */
	uint64_t fillers;       /* holes that the writer covered */
	uint64_t damaged;       /* places where something else than a record was found */
	uint64_t damaged_bytes; /* what was left out there */
	uint64_t disordered;    /* records left out because of their time stamps */
	uint64_t packets_missing;
};

/* Flags of wl_trace_open(). */
#define WL_TRACE_OPEN_THROUGH 0x1u /* through libbabeltrace2, even a trace of our own */

struct wl_trace;

/*
 * path: a capture, its kernel/ directory, or any directory that contains one trace somewhere below.
 * 0 or -errno, with a sentence in why (what was wrong, with the name, and what to do; names in it
 * are not escaped). -ENOENT: there is no trace there; -ENOTUNIQ: several; -EIO, -EINVAL: can't be
 * read; -EOPNOTSUPP: would need libbabeltrace2, and this program was built without it.
 */
int wl_trace_open(const char *path, unsigned flags, struct wl_trace **trace, char *why,
		  size_t size);
/* NULL is fine. */
void wl_trace_close(struct wl_trace *trace);

/*
 * The next event of all streams by time; of equal time stamps the lower CPU's first. 1, 0 at the
 * end, or -errno: the trace can't be read on, a problem tells why. The event and its payload are
 * valid until the next call of this, wl_trace_advance() or wl_trace_close().
 */
int wl_trace_next(struct wl_trace *trace, const struct wl_event **event);

/*
 * Single streams, 0 to wl_trace_nstreams() - 1. Ours have one per CPU; LTTng's one per CPU and
 * channel. Within a stream time stamps never go back.
 */
unsigned wl_trace_nstreams(const struct wl_trace *trace);
/* Of its next event, or of its last one at its end. */
uint32_t wl_trace_stream_cpu(const struct wl_trace *trace, unsigned stream);
/* The stream whose next event wl_trace_next() would give; -1 at the end. */
int wl_trace_first(struct wl_trace *trace);
/* Its next event, left where it is: 1, 0 at its end, -errno. Valid until that stream is advanced.
 */
int wl_trace_peek(struct wl_trace *trace, unsigned stream, const struct wl_event **event);
/* Goes one event on in that stream: 0 or -errno. At its end: nothing. */
int wl_trace_advance(struct wl_trace *trace, unsigned stream);

/* Valid as long as the trace is open. */
const struct wl_trace_info *wl_trace_info(const struct wl_trace *trace);
const struct wl_trace_stats *wl_trace_stats(const struct wl_trace *trace);
/* Does its metadata describe this event (enum wl_event_id)? It need not have happened. */
bool wl_trace_describes(const struct wl_trace *trace, unsigned id);
/*
 * What was wrong so far, where, and what was left out: sentences, from 0; NULL behind the last one.
 * Their number is bounded, the last one may be "… more". All are known when the end was reached.
 */
const char *wl_trace_problem(struct wl_trace *trace, size_t i);

#endif
