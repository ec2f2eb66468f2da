/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * latency_tracker: how long things take between a begin and an end that share a key.
 *
 * event_in() notes a begin under a key, event_out() ends what was begun under that key. The
 * callback runs when the delay was over the threshold, when an out doesn't come within the timeout
 * (flag TIMEOUT), and once more when it comes after all. Every delay is counted in a histogram.
 * Names and meaning follow EfficiOS's kernel module of the same name (2014).
 *
 * Link with `pkg-config --libs liblatency_tracker` (static: add --static).
 *
 * Units. Times and durations are nanoseconds. Time stamps are of CLOCK_MONOTONIC; whoever passes
 * their own uses that clock, or timeouts mean nothing. Sizes are bytes.
 *
 * The fast path. event_in(), event_in_get(), event_out() without a callback, ref, unref and
 * get_event_by_key() take no lock, allocate nothing and make no system call: the clock and the CPU
 * number are read through the vDSO and restartable sequences. (A clock source without vDSO makes
 * the kernel's clock_gettime() a system call; give your own time stamps there.) Threads need no
 * registration, and may end at any time.
 *
 * What may run together, on one tracker:
 *
 *                              any      signal    in a       during    in a child
 *                              thread   handler   callback   destroy   of fork()
 *   event_in, event_in_get     yes      yes       yes        no        DISABLED
 *   event_out                  yes      yes (1)   yes        no        DISABLED
 *   get_event_by_key           yes      yes       yes        no        NULL
 *   ref_event, unref_event     yes      yes       yes        no        yes
 *   event_get_*, ctx_get_*     yes      yes       yes        no        yes
 *   get_stats, get_histogram,
 *     tracked_, skipped_count  yes      yes       yes        no        yes
 *   set_threshold, _callback   yes      yes       yes        no        no effect
 *   set_timeout, set_gc        yes      no        yes        no        no effect
 *   clear                      yes      yes       yes        no        0
 *   set_tracking_on            yes      no        yes        no        -ECHILD
 *   create                     yes      no        yes        -         yes
 *   destroy                    once     no        no         -         yes (2)
 *
 *   (1) The callback then runs in the handler and must be fit for it.
 *   (2) Frees the child's copy. The tracker's thread does not exist in a child.
 *   "During destroy: no" means: make sure that no call is running or begins once destroy() is
 *   called, as with free(): join the threads before. Switching off is not enough: who has not
 *   looked at the switch yet is going to. Events in flight (in without out) are no obstacle, they
 *   are dropped.
 *
 * Callbacks run without any lock. That of an out runs in the thread that called event_out(), that
 * of a timeout or of gc in the tracker's own thread, where it delays those of other events: be
 * quick. Several may run at once. They may use everything that the table allows.
 *
 * Order. Each event_in() that has returned OK is seen by every event_out() that begins later,
 * whoever calls it. A timeout that is due just when the out comes may be told although the delay
 * turns out as less: each looked at its own moment; the out is then told too.
 *
 * Memory. Events come from pools, one per CPU, in memory of that CPU's NUMA node; an event costs
 * 56 bytes + key_size rounded up to 8 + priv_data_size rounded up to 8, and at most 16 for the
 * hash table; get_stats() tells what is in use (memory) and the most it can be (memory_max). The
 * pools begin with startup_events, mapped and touched; a thread of the tracker doubles them, when
 * half of one is used, up to max_events. When all are used, event_in() returns FULL and counts.
 * An ended event can be used again when no thread is left inside a call that began before its
 * end; a thread that is preempted inside a call delays that: startup_events should have room for
 * what is in flight plus what ends in a scheduling delay.
 *
 * Stability: structs are only extended at their end (they carry their size), numbers never change.
 */
#ifndef LATENCY_TRACKER_H
#define LATENCY_TRACKER_H

#include <stddef.h>
#include <stdint.h>

#include "latency_tracker_ret.h"

#ifdef __cplusplus
extern "C" {
#endif

struct latency_tracker;
struct latency_tracker_event;
struct latency_tracker_event_ctx;

/* Why the callback runs. 2 was reserved in the kernel module and never used. */
enum latency_tracker_cb_flag {
	LATENCY_TRACKER_CB_NORMAL = 0,  /* out: over the threshold, or after a timeout */
	LATENCY_TRACKER_CB_TIMEOUT = 1, /* no out yet: the event stays, its out is told too */
	LATENCY_TRACKER_CB_GC = 3,      /* older than gc: the event is removed */
};

/* No threshold: outs never run the callback, but after a timeout. */
#define LATENCY_TRACKER_NEVER UINT64_MAX

/* Flags of the options. */
#define LATENCY_TRACKER_WORST 1u     /* the threshold rises to each new worst delay */
#define LATENCY_TRACKER_START_OFF 2u /* event_in() returns DISABLED until set_tracking_on() */

typedef void (*latency_tracker_callback)(struct latency_tracker_event_ctx *ctx);

/* Zero means the default, in each field; start with `= { .size = sizeof(options) }`. */
struct latency_tracker_options {
	size_t size;             /* sizeof(struct latency_tracker_options) */
	size_t key_size;         /* longest key: 1 to 4096; default 8 */
	size_t priv_data_size;   /* bytes that each event carries: 0 to 65536; default 0 */
	uint64_t startup_events; /* 1 to 2^31; default 16384, or max_events if that is less */
	uint64_t max_events;     /* startup_events to 2^31; default 16 * startup_events */
	uint64_t gc;             /* remove events that are older, with flag GC; default 0: never */
	uint64_t period;         /* how often the thread looks after the pools: 1 ms to 1 s;
				    default 10 ms. It sleeps longer while nothing happens */
	unsigned int flags;      /* LATENCY_TRACKER_WORST, _START_OFF */
	void *priv;              /* latency_tracker_get_priv() */
	/* Both or none; like the defaults they must be pure, and quick. */
	unsigned long (*hash)(const void *key, size_t key_len, unsigned long seed);
	int (*match)(const void *key1, const void *key2, size_t key_len); /* 0: the same */
};

/* Sums over all CPUs, each read by itself: while events go on, not all of one moment. */
struct latency_tracker_stats {
	uint64_t count;     /* delays measured (outs) */
	uint64_t min, max;  /* of these; min is 0 when count is 0 */
	uint64_t mean, sum; /* of these */
	uint64_t tracked;   /* event_in() that returned OK */
	uint64_t skipped;   /* event_in() that returned FULL */
	uint64_t held;      /* in flight: tracked - count - replaced - cleared - collected */
	uint64_t replaced;  /* ended by event_in() of the same key with unique */
	uint64_t cleared;   /* dropped by clear() and set_tracking_on() */
	uint64_t collected; /* removed by gc */
	uint64_t slow;      /* delays over the threshold */
	uint64_t timeouts;  /* told with flag TIMEOUT */
	uint64_t backwards; /* outs with a time stamp before their in: measured as 0 */
	uint64_t events;    /* that the pools have now, used or not */
	uint64_t memory, memory_max;
};

/* Bucket i counts delays from latency_tracker_bucket_lower(i) to that of i + 1, exclusive. */
#define LATENCY_TRACKER_BUCKETS 296

/*
 * A tracker that is ready for events (unless START_OFF). Delays over `threshold` run the callback
 * (0: all longer than 0; LATENCY_TRACKER_NEVER: none). timeout 0: none; otherwise it is told
 * between 0 and 20 ms, or timeout / 64, after it is due on an idle machine. (An event whose own
 * time stamp lies in the past is looked at when the thread next looks at all of them: that may be
 * up to 2 s later, or the timeout if that is less.) callback and options may be NULL. Starts one
 * thread with all signals blocked.
 *
 * NULL and errno: EINVAL (an option is out of its range), ENOMEM, EAGAIN (no thread).
 */
struct latency_tracker *latency_tracker_create(uint64_t threshold, uint64_t timeout,
					       latency_tracker_callback callback,
					       const struct latency_tracker_options *options);

/*
 * Drops all events, without callbacks; waits for a callback that is running in the tracker's
 * thread; frees everything. Give back all references before. NULL is allowed.
 * 0, or -EDEADLK from a callback in the tracker's thread: nothing was done.
 */
int latency_tracker_destroy(struct latency_tracker *tracker);

/*
 * Begins an event. unique: events of this key that are there are dropped, without a callback and
 * without being measured; otherwise they are duplicates. Each in and out of a key passes by all its
 * duplicates that are in flight: n of them cost n * n steps, so have tens of one key, not
 * thousands. priv is for the callback, the tracker does not look at it. The time stamp is taken
 * last.
 */
enum latency_tracker_ret latency_tracker_event_in(struct latency_tracker *tracker, const void *key,
						  size_t key_len, int unique, void *priv);

/*
 * The same with a time stamp (0: now), and with a reference to the event, which can be ended by
 * itself: unref it in any case. event may be NULL. *event is set to NULL unless OK is returned.
 */
enum latency_tracker_ret latency_tracker_event_in_get(struct latency_tracker *tracker,
						      const void *key, size_t key_len, int unique,
						      uint64_t ts, void *priv,
						      struct latency_tracker_event **event);

/*
 * Ends this event, or (event NULL) all of this key: each is measured, and has its callback if it
 * was slow. id is for the callback: who ended it, and how. ts 0: now, taken first. With an event
 * the key is not looked at. The caller's reference to the event stays.
 */
enum latency_tracker_ret latency_tracker_event_out(struct latency_tracker *tracker,
						   struct latency_tracker_event *event,
						   const void *key, size_t key_len, unsigned int id,
						   uint64_t ts);

/* An event of this key with a reference (unref it), or NULL. */
struct latency_tracker_event *latency_tracker_get_event_by_key(struct latency_tracker *tracker,
							       const void *key, size_t key_len);

/* One more reference, for somebody who has one. 1, or 0 if the limit of 2^16 is reached. */
int latency_tracker_ref_event(struct latency_tracker_event *event);
/* Gives one back; the event must not be used after it. NULL is allowed. */
void latency_tracker_unref_event(struct latency_tracker_event *event);

/*
 * Of an event with a reference. priv_data is priv_data_size bytes, zero at the in, aligned to 8;
 * the tracker does not look at it, and who shares it between threads takes care of that.
 */
uint64_t latency_tracker_event_get_start_ts(const struct latency_tracker_event *event);
void *latency_tracker_event_get_priv(const struct latency_tracker_event *event);
void *latency_tracker_event_get_priv_data(struct latency_tracker_event *event);

/*
 * Drops all events that are there when it begins, without callbacks and unmeasured. How many it
 * dropped. Those that come in or go out meanwhile may or may not be among them.
 */
uint64_t latency_tracker_clear(struct latency_tracker *tracker);

/*
 * On (1) or off (0). Off with cleanup: waits until calls that still found it on are through (a
 * callback is not waited for), then clear(): no event is left when it returns, and none comes until
 * the next on. Off without it: events stay, their timeouts too, and an out that comes after the
 * next on ends them. 0 or -ECHILD.
 */
int latency_tracker_set_tracking_on(struct latency_tracker *tracker, int on, int cleanup);
int latency_tracker_get_tracking_on(const struct latency_tracker *tracker);

/* At any time; what is running may use the old value. A timeout applies to events in flight too. */
void latency_tracker_set_threshold(struct latency_tracker *tracker, uint64_t threshold);
uint64_t latency_tracker_get_threshold(const struct latency_tracker *tracker);
void latency_tracker_set_timeout(struct latency_tracker *tracker, uint64_t timeout);
uint64_t latency_tracker_get_timeout(const struct latency_tracker *tracker);
void latency_tracker_set_gc(struct latency_tracker *tracker, uint64_t gc);
void latency_tracker_set_callback(struct latency_tracker *tracker,
				  latency_tracker_callback callback);
void *latency_tracker_get_priv(const struct latency_tracker *tracker);

/* size: sizeof(struct latency_tracker_stats); no more than that is written. */
void latency_tracker_get_stats(const struct latency_tracker *tracker,
			       struct latency_tracker_stats *stats, size_t size);
uint64_t latency_tracker_tracked_count(const struct latency_tracker *tracker);
uint64_t latency_tracker_skipped_count(const struct latency_tracker *tracker);

/* The first n counts of LATENCY_TRACKER_BUCKETS. */
void latency_tracker_get_histogram(const struct latency_tracker *tracker, uint64_t *counts,
				   size_t n);
/*
 * Smallest delay of bucket i, ns; UINT64_MAX from i = LATENCY_TRACKER_BUCKETS on. Buckets are at
 * most 12.5 % wide; the last one has all delays from 515 s on.
 */
uint64_t latency_tracker_bucket_lower(size_t i);

/* What a callback can ask for; the ctx and its key are valid until the callback returns. */
struct latency_tracker *
latency_tracker_event_ctx_get_tracker(const struct latency_tracker_event_ctx *ctx);
uint64_t latency_tracker_event_ctx_get_start_ts(const struct latency_tracker_event_ctx *ctx);
/* Time of the out; with flags TIMEOUT and GC, the time when it was noticed. */
uint64_t latency_tracker_event_ctx_get_end_ts(const struct latency_tracker_event_ctx *ctx);
/* end - start, 0 if that is negative. */
uint64_t latency_tracker_event_ctx_get_delay(const struct latency_tracker_event_ctx *ctx);
enum latency_tracker_cb_flag
latency_tracker_event_ctx_get_cb_flag(const struct latency_tracker_event_ctx *ctx);
/* 1 if the callback has run, or is running, for this event's timeout before. */
int latency_tracker_event_ctx_get_timed_out(const struct latency_tracker_event_ctx *ctx);
/* The id of event_out(); 0 with flags TIMEOUT and GC. */
unsigned int latency_tracker_event_ctx_get_cb_out_id(const struct latency_tracker_event_ctx *ctx);
const void *latency_tracker_event_ctx_get_key(const struct latency_tracker_event_ctx *ctx,
					      size_t *key_len);
void *latency_tracker_event_ctx_get_priv(const struct latency_tracker_event_ctx *ctx);
void *latency_tracker_event_ctx_get_priv_data(const struct latency_tracker_event_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
