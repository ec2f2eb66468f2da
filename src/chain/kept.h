/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Chains that wait in a socket, a work item or a call to another CPU: a table of fixed size, two
 * ways to a set, each set locked by compare-and-swap. Who finds both ways held by others displaces
 * the older one. Who finds the set locked behaves as if the event had not been.
 */
#ifndef WL_CHAIN_KEPT_H
#define WL_CHAIN_KEPT_H

#include "branch.h"

#define WL_KEPT_FRESH_NS 1000000000ull /* displacing a younger, unused entry is a loss */

WL_INLINE __u32 wl_kept_index(__u64 key)
{
	return (__u32)((key * 0x9e3779b97f4a7c15ull) >> 40) & (WL_KEPT_SETS - 1);
}

WL_INLINE struct wl_kept *wl_kept_find(struct wl_kept_set *set, __u64 key)
{
	if (set->way[0].key == key)
		return &set->way[0];
	if (set->way[1].key == key)
		return &set->way[1];
	return 0;
}

WL_INLINE struct wl_kept *wl_kept_victim(struct wl_kept_set *set, struct wl_cpu *c, __u64 now)
{
	struct wl_kept *a = &set->way[0], *b = &set->way[1], *v;

	if (a->consumed != b->consumed)
		v = a->consumed ? a : b;
	else
		v = a->since <= b->since ? a : b;
	if (v->key && !v->consumed && wl_sat(now, v->since) < WL_KEPT_FRESH_NS)
		wl_count_any(c, WL_CNT_KEPT_EVICTED);
	return v;
}

/* Is there an arrival for key that nobody has taken? A later one changes nothing then. */
WL_INLINE int wl_kept_waits(struct wl_kept_set *set, __u64 key)
{
	struct wl_kept *k = wl_kept_find(set, key);

	return k && !k->consumed;
}

/*
 * Taken before an event's time is read: what happens in one set happens in the order of the time
 * stamps. 0: another CPU has it, or the context that we interrupt; the event changes nothing.
 */
WL_INLINE int wl_kept_lock(struct wl_kept_set *set, struct wl_cpu *c)
{
	if (wl_cas(&set->lock, 0, 1))
		return 1;
	wl_count_any(c, WL_CNT_KEPT_EVICTED);
	return 0;
}

WL_INLINE void wl_kept_unlock(struct wl_kept_set *set)
{
	wl_publish(&set->lock, 0);
}

/*
 * The entry to fill for key in a locked set, or 0: the first arrival that nobody has taken yet
 * wins. fresh: replace what is there.
 */
WL_INLINE struct wl_kept *wl_kept_open(struct wl_kept_set *set, struct wl_cpu *c, __u64 key,
				       int fresh, __u64 now)
{
	struct wl_kept *k = wl_kept_find(set, key);

	if (k && !k->consumed && !fresh)
		return 0;
	if (!k)
		k = wl_kept_victim(set, c, now);
	k->key = key;
	k->since = now;
	k->consumed = 0;
	return k;
}

/*
 * Copies key's chain out of a locked set and marks it as consumed; it stays readable until the next
 * one comes, because one arrival may bring several requests. 0: there is none.
 */
WL_INLINE int wl_kept_take(struct wl_kept_set *set, __u64 key, struct wl_path *dst)
{
	struct wl_kept *k = wl_kept_find(set, key);

	if (!k)
		return 0;
	wl_path_copy(dst, &k->p);
	k->consumed = 1;
	return 1;
}

/* The place is gone, or was emptied without work coming of it: a socket's end. Locked. */
WL_INLINE void wl_kept_drop(struct wl_kept_set *set, __u64 key)
{
	struct wl_kept *k = wl_kept_find(set, key);

	if (k)
		k->consumed = 1;
}

#endif
