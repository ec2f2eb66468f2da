/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One event. Its memory is an event's for as long as the tracker lives, so the tracker's thread
 * can look at all of them without asking who uses them: `state` says whether there is one.
 */
#ifndef WL_TRACKER_EVENT_H
#define WL_TRACKER_EVENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <urcu/arch.h>
#include <urcu/rculfhash.h>

/*
 * state: references (one is the table's) and two flags. It is stored with release order when all
 * else is in place, and read with acquire order before anything else is read.
 */
#define WL_EVENT_LIVE (1u << 31)      /* not ended */
#define WL_EVENT_TIMED_OUT (1u << 30) /* its timeout has been told */
#define WL_EVENT_REFS 0x1ffffu
#define WL_EVENT_REFS_MAX 0x10000u

struct latency_tracker_event {
	struct cds_lfht_node link;
	_Atomic(struct latency_tracker_event *) next; /* on a stack, or on the list of its out */
	atomic_uint state;
	uint32_t key_len;
	uint64_t start;
	void *priv;
	uint32_t offset;     /* from its pool's first event, in units of 8 bytes */
	uint32_t wheel_next; /* wheel.c, the tracker's thread only */
	unsigned char key[]; /* then, aligned to 8, the private data */
};

_Static_assert(offsetof(struct latency_tracker_event, link) == 0, "wl_event_of()");
_Static_assert(sizeof(struct latency_tracker_event) == 56, "an 8-byte key fills a cache line");

/* NULL: no event. */
static inline struct latency_tracker_event *wl_event_of(struct cds_lfht_node *node)
{
	return (struct latency_tracker_event *)node;
}

static inline bool wl_event_is_live(const struct latency_tracker_event *event)
{
	return atomic_load_explicit(&event->state, memory_order_acquire) & WL_EVENT_LIVE;
}

/* Drops a reference: is the event the caller's alone now? */
static inline bool wl_event_drop(struct latency_tracker_event *event)
{
	unsigned state = atomic_load_explicit(&event->state, memory_order_relaxed);

	/* None left: who ended it saw only one, owns it, and has taken ours away. */
	do {
		if (!(state & WL_EVENT_REFS))
			return false;
	} while (!atomic_compare_exchange_weak(&event->state, &state, state - 1));
	return (state & WL_EVENT_REFS) == 1;
}

/* One more reference, for somebody who has one. */
static inline bool wl_event_ref(struct latency_tracker_event *event)
{
	unsigned state = atomic_load_explicit(&event->state, memory_order_relaxed);

	do {
		if ((state & WL_EVENT_REFS) >= WL_EVENT_REFS_MAX)
			return false;
	} while (!atomic_compare_exchange_weak(&event->state, &state, state + 1));
	return true;
}

enum wl_got {
	WL_GOT,      /* a reference */
	WL_GOT_NONE, /* it has ended */
	WL_GOT_LAST, /* it has ended meanwhile, and is the caller's alone to give back */
};

/*
 * A reference, for somebody who has none but is pinned. The other side is wl_event_end(): here the
 * count goes up before we look whether the event is out of the table, there it is taken out before
 * they look at the count. One of both sees the other. So ending costs no atomic operation.
 */
static inline enum wl_got wl_event_get(struct latency_tracker_event *event)
{
	unsigned state = atomic_load_explicit(&event->state, memory_order_acquire);

	do {
		if (!(state & WL_EVENT_LIVE) || (state & WL_EVENT_REFS) >= WL_EVENT_REFS_MAX)
			return WL_GOT_NONE;
	} while (!atomic_compare_exchange_weak(&event->state, &state, state + 1));
	cmm_smp_mb(); /* as liburcu's own are */
	if (!cds_lfht_is_node_deleted(&event->link))
		return WL_GOT;
	return wl_event_drop(event) ? WL_GOT_LAST : WL_GOT_NONE;
}

/*
 * From now on its timeout counts as told. By somebody who has a reference; false: it has ended, and
 * whoever ended it has seen it without.
 */
static inline bool wl_event_time_out(struct latency_tracker_event *event)
{
	unsigned state = atomic_load_explicit(&event->state, memory_order_relaxed);

	do {
		if (!(state & WL_EVENT_LIVE))
			return false;
	} while (!atomic_compare_exchange_weak(&event->state, &state, state | WL_EVENT_TIMED_OUT));
	return true;
}

/*
 * Ends an event that the caller took out of the table. Is it the caller's alone? Then it has no
 * references any more; otherwise the caller has one.
 */
static inline bool wl_event_end(struct latency_tracker_event *event, unsigned *state)
{
	/* cds_lfht_del() and _replace() end with a full barrier. */
	*state = atomic_load_explicit(&event->state, memory_order_acquire);
	if (__builtin_expect((*state & WL_EVENT_REFS) == 1, 1)) {
		atomic_store_explicit(&event->state, *state & WL_EVENT_TIMED_OUT,
				      memory_order_relaxed);
		return true;
	}
	*state = atomic_fetch_and(&event->state, ~WL_EVENT_LIVE);
	return false;
}

#endif
