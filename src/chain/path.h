/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Operations on a path: charge time to segments, copy, cut. The invariant of every function here:
 * the closed segments sum to last - start. Charges saturate: a time stamp of another CPU may be a
 * little older than ours, and then the charge is 0 and last stays.
 */
#ifndef WL_CHAIN_PATH_H
#define WL_CHAIN_PATH_H

#include "state.h"

#define WL_SEG_MASK (WL_PATH_SEGS - 1)
_Static_assert((WL_PATH_SEGS & WL_SEG_MASK) == 0, "indexes are masked");

WL_INLINE __u64 wl_chain_id(__u64 ts, __u32 cpu)
{
	return ts << 10 | (cpu & 1023);
}

WL_INLINE void wl_path_begin(struct wl_path *p, __u64 ts, __u32 cpu, __u8 kind, __u16 nr,
			     __u8 state)
{
	struct wl_chain *h = &p->h;

	__builtin_memset(h, 0, sizeof(*h));
	h->id = wl_chain_id(ts, cpu);
	h->start = ts;
	h->last = ts;
	h->stim_kind = kind;
	h->stim_nr = nr;
	h->stim_cpu = (__u16)cpu;
	h->state = state;
}

/*
 * Folding. Cuts at left and at sent must stay exact, so a segment is folded only into one on the
 * same side of both: 0, 1 or 2. Written without branches on what is compared, and with indexes that
 * the BPF verifier can't know (spread is 0 at run time): else it follows every order of segments
 * that there could be.
 */
WL_INLINE __u32 wl_path_side(const struct wl_path *p, __u32 i)
{
	__u32 after_left = i - p->h.left_seg, after_sent = i - p->h.sent_seg;

	wl_opaque(after_left);
	wl_opaque(after_sent);
	return 2 - (after_left >> 31) - (after_sent >> 31);
}

/* One number for kind and side, 0..62: 21 kinds, 3 sides. */
WL_INLINE __u32 wl_path_class(const struct wl_path *p, __u32 i)
{
	return (wl_path_side(p, i) * 21 + p->seg[i & WL_SEG_MASK].kind - 1) & 63;
}
_Static_assert(WL_SEG_MAX == 22, "a class is 6 bits");

/* The smallest segment that has one of its class before it: only small detail is lost. 0: none. */
WL_INLINE __u32 wl_path_smallest_twin(const struct wl_path *p)
{
	__u32 best = 0, spread = p->seg[0].pad;
	__u64 seen = 0, least = ~0ull, wide = spread * 0x0101010101010101ull;

	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		__u32 class = wl_path_class(p, i);

		if ((seen >> class & 1) && p->seg[i].ns < least) {
			least = p->seg[i].ns ^ wide;
			best = (i + spread) & WL_SEG_MASK;
		}
		seen |= 1ull << class;
	}
	return best;
}

/* The last segment with a neighbour on its side before it; there is one among 16 segments on 3
 * sides. */
WL_INLINE __u32 wl_path_neighbour(const struct wl_path *p)
{
	__u32 best = 1, spread = p->seg[0].pad;

	for (__u32 i = 1; i < WL_PATH_SEGS; i++)
		if (wl_path_side(p, i) == wl_path_side(p, i - 1))
			best = (i + spread) & WL_SEG_MASK;
	return best;
}

/* Adds segment i to the nearest one of its class before it. */
WL_INLINE void wl_path_fold_twin(struct wl_path *p, __u32 i)
{
	__u32 best = 0, spread = p->seg[0].pad, class = wl_path_class(p, i);
	struct wl_seg *from = &p->seg[i & WL_SEG_MASK], *to;

	for (__u32 j = 0; j < WL_PATH_SEGS; j++)
		if (j < i && wl_path_class(p, j) == class)
			best = (j + spread) & WL_SEG_MASK;
	to = &p->seg[best];
	if (from->ns > to->ns) {
		to->who = from->who;
		to->cpu = from->cpu;
	}
	to->ns += from->ns;
	to->pieces += from->pieces;
}

/* All classes differ: two neighbours become one of unknown kind, which is honest and hardly
 * happens. */
WL_INLINE void wl_path_fold_neighbour(struct wl_path *p, __u32 i)
{
	struct wl_seg *from = &p->seg[i & WL_SEG_MASK], *to = &p->seg[(i - 1) & WL_SEG_MASK];

	to->kind = WL_SEG_UNKNOWN;
	to->ns += from->ns;
	to->pieces += from->pieces;
	to->who.ctx = WL_WHO_NONE;
}

/* Makes room in a full path. */
WL_GLOBAL int wl_path_fold(struct wl_path *p)
{
	__u32 i;

	if (!p)
		return 0;
	i = wl_path_smallest_twin(p);
	if (i) {
		wl_path_fold_twin(p, i);
	} else {
		i = wl_path_neighbour(p);
		wl_path_fold_neighbour(p, i);
	}
	for (__u32 j = 1; j < WL_PATH_SEGS; j++)
		if (j > i)
			p->seg[j - 1] = p->seg[j];
	p->h.nseg = WL_PATH_SEGS - 1;
	p->h.left_seg -= p->h.left_seg > i;
	p->h.period_seg -= p->h.period_seg > i;
	p->h.sent_seg -= p->h.sent_seg > i;
	p->h.folded += p->h.folded < 255;
	return 0;
}

/* Appends a segment of its own. */
WL_INLINE void wl_path_append(struct wl_path *p, __u8 kind, __u64 ns, __u32 cpu,
			      const struct wl_who *who)
{
	struct wl_seg *s;

	if (!ns)
		return;
	if (p->h.nseg >= WL_PATH_SEGS)
		wl_path_fold(p);
	s = &p->seg[p->h.nseg & WL_SEG_MASK];
	s->ns = ns;
	s->cpu = (__u16)cpu;
	s->kind = kind;
	s->pad = 0;
	s->pieces = 1;
	if (who)
		s->who = *who;
	else
		__builtin_memset(&s->who, 0, sizeof(s->who));
	p->h.nseg++;
}

/* Where segments of the present stretch on a CPU begin: what lies before is not to be changed. */
WL_INLINE __u32 wl_path_period(const struct wl_path *p)
{
	return p->h.sent_seg > p->h.period_seg ? p->h.sent_seg : p->h.period_seg;
}

/*
 * Adds to the segment of this kind in the present stretch on a CPU: a task that is interrupted 50
 * times in one stretch has one running and one interrupted segment. There are at most four kinds
 * in a stretch, so only the last four segments are looked at.
 */
WL_INLINE void wl_path_merge(struct wl_path *p, __u8 kind, __u64 ns, __u32 cpu,
			     const struct wl_who *who)
{
	__u32 n = p->h.nseg, from = wl_path_period(p);

	if (!ns)
		return;
	for (__u32 i = 1; i <= 4; i++) {
		struct wl_seg *s;

		if (n < i || n - i < from)
			break;
		s = &p->seg[(n - i) & WL_SEG_MASK];
		if (s->kind != kind)
			continue;
		/* the culprit shown is that of the longest piece we know */
		if (who && ns > s->ns)
			s->who = *who;
		s->ns += ns;
		return;
	}
	wl_path_append(p, kind, ns, cpu, who);
}

/* Closes the open segment at ts. */
WL_INLINE void wl_path_close(struct wl_path *p, __u64 ts, __u32 cpu, const struct wl_who *who)
{
	__u64 ns = wl_sat(ts, p->h.last);

	p->h.last += ns;
	wl_path_append(p, p->h.state, ns, cpu, who);
}

/* Copies what is in use. */
WL_GLOBAL int wl_path_copy(struct wl_path *dst, const struct wl_path *src)
{
	if (!dst || !src)
		return 0;
	dst->h = src->h;
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		if (i >= src->h.nseg)
			break;
		dst->seg[i] = src->seg[i];
	}
	return 0;
}

/* Adds what src did after `from`. Times before it are skipped. */
WL_GLOBAL int wl_path_add_since(struct wl_path *dst, const struct wl_path *src, __u64 from)
{
	__u64 skip, wide;

	if (!dst || !src)
		return 0;
	wide = src->seg[0].pad * 0x0101010101010101ull; /* 0, see wl_path_side() */
	skip = wl_sat(from, src->h.start);
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		const struct wl_seg *s = &src->seg[i];
		__u64 ns = wl_sat(s->ns, skip);

		if (i >= src->h.nseg)
			break;
		skip = wl_sat(skip, s->ns) ^ wide;
		dst->h.last += ns;
		wl_path_append(dst, s->kind, ns, s->cpu, &s->who);
	}
	return 0;
}

/* Copies the part since the chain left its owner: another process's response. dst may be src. */
WL_GLOBAL int wl_path_copy_left(struct wl_path *dst, const struct wl_path *src)
{
	__u32 from, n;
	__u64 last;
	__u16 cpu;

	if (!dst || !src)
		return 0;
	from = src->h.left_seg;
	n = src->h.nseg;
	cpu = from < n ? src->seg[from & WL_SEG_MASK].cpu : src->h.stim_cpu; /* where it left */
	last = src->h.last;
	wl_path_begin(dst, src->h.left, src->h.stim_cpu, src->h.left_kind, src->h.left_nr,
		      src->h.state);
	dst->h.last = last;
	dst->h.stim_cpu = cpu;
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		if (from + i >= n)
			break;
		dst->seg[i] = src->seg[(from + i) & WL_SEG_MASK];
		dst->h.nseg = (__u8)(i + 1);
	}
	return 0;
}

#endif
