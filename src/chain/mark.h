/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Work marks (--until mark): the program says where an item begins and ends, and the chain follows
 * the item's cookie instead of the thread.
 *
 * An item has a place in a table, and may have a carrier: the thread that marked it last. The
 * carrier's slot[cur] is the item's chain and goes on as any chain does (running, preempted, waits
 * in mid-work). What the carrier did is put down in the item's place at each of its marks, and
 * whenever it leaves its CPU or turns to another item: from there another thread's mark goes on.
 *
 *   begin   the thread's own chain becomes the item's; a thread without one starts it here
 *   step    the item goes on in this thread
 *   end     the same, and the response ends
 *
 * How an item goes on in a thread that does not carry it (wl_mark_resume()):
 *
 *   the thread was woken with a branch of the item's own chain, after its last mark: that branch is
 *           the item's chain, with the wake-up in it
 *   the thread was woken by something else since: what it has of that (wakeup, running, ...) is the
 *           item's; what lies before it, since the item was put down, was waiting
 *   else    the thread was busy: the item was queued up to here
 *
 * A carrier whose item goes on elsewhere finds out when it puts it down the next time; it has no
 * chain then. A carrier that goes home leaves its item behind: what wakes it starts a chain of its
 * own, and comes to the item with the next mark.
 */
#ifndef WL_CHAIN_MARK_H
#define WL_CHAIN_MARK_H

#include "abi/mark.h"
#include "turn.h"

/* A mark, as the program made it. */
struct wl_mark_in {
	__u64 key;    /* wl_mark_key() */
	__u64 cookie; /* WL_COOKIE_NUMBER */
	__u32 tid, tgid;
	__u8 op;   /* enum wl_mark_op */
	__u8 kind; /* enum wl_cookie_kind */
	__u8 pad[6];
	char text[WL_COOKIE_LEN]; /* WL_COOKIE_TEXT: zero-padded */
	char name[WL_STEP_LEN];   /* of a step, zero-padded */
};

/* A work item. */
struct wl_mark {
	__u64 key;    /* 0: free */
	__u64 marked; /* its last mark */
	__u32 tid;    /* its carrier, or who was it last */
	__u32 tgid;
	__u64 told;   /* when the item began that was reported as unfinished; 0: none was */
	__u32 target; /* its carrier is one */
	__u32 pad;
	struct wl_work work;
	struct wl_path p; /* as it was put down last; h.id 0: not known (replay) */
};

#define WL_MARK_WAYS 4
#define WL_MARK_TRIES 512               /* of a lock: whoever has it keeps it for about 1 us */
#define WL_MARK_SWITCH_TRIES 16         /* at a switch: the next mark will do what is missed */
#define WL_MARK_FRESH_NS 60000000000ull /* displacing one that is younger is a loss */

struct wl_mark_set {
	__u32 lock;
	__u32 pad;
	struct wl_mark way[WL_MARK_WAYS];
};

/* wl_task.received: data that another item may begin with waits in spare; cut at sent. */
#define WL_RECEIVED_APART 2

/* --- places --- */

/*
 * Items of different processes are different ones, unless chains cross processes. A cookie may have
 * its process in it, anywhere: it is hashed before ours is added. Never 0.
 */
WL_INLINE __u64 wl_mark_key(const struct wl_chain_config *cfg, const struct wl_mark_in *in)
{
	__u64 key = in->cookie, word;

	for (__u32 i = 0; i < WL_COOKIE_LEN && in->kind == WL_COOKIE_TEXT; i += sizeof(word)) {
		__builtin_memcpy(&word, in->text + i, sizeof(word));
		key = (key ^ word) * 0x9e3779b97f4a7c15ull;
		key ^= key >> 29;
	}
	key *= 0x9e3779b97f4a7c15ull;
	key ^= key >> 29;
	key = (key ^ (cfg->follow_all ? 0 : in->tgid)) * 0xd6e8feb86659fd93ull;
	key ^= key >> 32;
	return (key ^ in->kind) | 1ull << 63;
}

WL_INLINE __u32 wl_mark_index(__u64 key)
{
	return (__u32)key & (WL_MARK_SETS - 1);
}

/* Taken before the event's time is read, as in kept.h; but a mark must not be lost. */
WL_INLINE int wl_mark_lock(struct wl_mark_set *set, struct wl_cpu *c, __u32 tries)
{
	for (__u32 i = 0; i < tries; i++)
		if (wl_cas(&set->lock, 0, 1))
			return 1;
	wl_count_any(c, WL_CNT_MARK_LOST);
	return 0;
}

WL_INLINE void wl_mark_unlock(struct wl_mark_set *set)
{
	wl_publish(&set->lock, 0);
}

WL_INLINE struct wl_mark *wl_mark_find(struct wl_mark_set *set, __u64 key)
{
	for (__u32 i = 0; i < WL_MARK_WAYS; i++)
		if (set->way[i].key == key)
			return &set->way[i];
	return 0;
}

/* A free place, or that of the item that was marked the longest ago. */
WL_INLINE struct wl_mark *wl_mark_room(struct wl_mark_set *set, struct wl_cpu *c, __u64 now)
{
	struct wl_mark *m = &set->way[0];

	for (__u32 i = 0; i < WL_MARK_WAYS; i++) {
		if (!set->way[i].key)
			return &set->way[i];
		if (set->way[i].marked < m->marked)
			m = &set->way[i];
	}
	if (wl_sat(now, m->marked) < WL_MARK_FRESH_NS)
		wl_count_any(c, WL_CNT_MARK_EVICTED);
	return m;
}

/* --- paths --- */

/*
 * Where and when the thread of this path was woken last; 0: not in this path. Out of CPU quota its
 * wait for a CPU has another kind, and so has one that is no wake-up's: wake_ts tells them apart.
 */
WL_INLINE __u64 wl_mark_woken(const struct wl_path *p, __u64 wake_ts, __u32 *index)
{
	__u64 at = p->h.start, found = 0, wide = p->seg[0].pad * 0x0101010101010101ull;
	__u32 n = p->h.nseg, where = 0;

	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		if (i >= n)
			break;
		if (p->seg[i].kind == WL_SEG_WAKEUP ||
		    (p->seg[i].kind == WL_SEG_THROTTLED && at == wake_ts)) {
			found = at ^ wide; /* see wl_path_side() */
			where = (i + p->seg[0].pad) & WL_SEG_MASK;
		}
		at += p->seg[i].ns;
	}
	*index = where;
	return found;
}

/* Appends src's segments from that index on. */
WL_GLOBAL int wl_path_extend(struct wl_path *dst, const struct wl_path *src, __u32 from)
{
	if (!dst || !src)
		return 0;
	for (__u32 i = 0; i < WL_PATH_SEGS; i++) {
		const struct wl_seg *s = &src->seg[i];

		if (i < from || i >= src->h.nseg)
			continue;
		dst->h.last += s->ns;
		wl_path_append(dst, s->kind, s->ns, s->cpu, &s->who);
	}
	return 0;
}

/* The slot's path is what the task is at from here on. */
WL_INLINE void wl_mark_run(struct wl_cpu *c, struct wl_task *t, __u64 now)
{
	struct wl_path *p = wl_task_cur(t);

	p->h.state = WL_SEG_RUNNING;
	p->h.period_seg = p->h.nseg;
	p->h.sent = 0;
	p->h.sent_seg = 0;
	t->received = 0;
	t->irq_base = wl_cpu_irq_ns(c, now);
}

/* What an item waited for until its own thread was woken again. */
WL_INLINE __u8 wl_mark_wait_kind(const struct wl_path *by)
{
	return by->h.stim_kind == WL_STIM_TIMER ? WL_SEG_TIMER : WL_SEG_TASK;
}

/*
 * The item's path up to now, in t->spare; the task's own chain, if it is nobody's, is charged up to
 * now and used up. The head of this file says how.
 */
WL_GLOBAL int wl_mark_resume(struct wl_mark *m, struct wl_task *t, __u32 tid, __u32 cpu, __u64 now)
{
	struct wl_path *own, *n;
	__u64 since, woken;
	__u32 index = 0;

	if (!m || !t)
		return 0;
	n = &t->spare;
	own = &t->slot[t->cur & 1];
	if (t->mark || !own->h.id) {
		wl_path_copy(n, &m->p);
		wl_path_close(n, now, cpu, 0);
		return 0;
	}
	woken = wl_mark_woken(own, t->wake_ts, &index);
	if (own->h.id == m->p.h.id && woken >= m->marked) {
		wl_path_copy(n, own);
		own->h.id = 0;
		return 0;
	}
	wl_path_copy(n, &m->p);
	if (own->h.start >= n->h.last)
		index = 0;
	since = own->h.start >= n->h.last ? own->h.start : woken;
	if (since >= n->h.last) {
		if (m->tid == tid)
			n->h.state = wl_mark_wait_kind(own);
		wl_path_close(n, since, cpu, 0);
		wl_path_extend(n, own, index);
	} else {
		wl_path_close(n, now, cpu, 0);
	}
	own->h.id = 0;
	return 0;
}

/* --- the carrier --- */

WL_INLINE int wl_mark_carries(const struct wl_mark *m, const struct wl_task *t, __u32 tid)
{
	return t->mark == m->key && m->tid == tid;
}

/* The carrier has received data that may be another item's: what it did since then is that one's.
 */
WL_INLINE void wl_mark_part(struct wl_task *t)
{
	struct wl_path *p = wl_task_cur(t);

	wl_path_extend(&t->spare, p, p->h.sent_seg);
	p->h.nseg = p->h.sent_seg;
	p->h.last = p->h.sent;
}

/*
 * The carrier leaves its CPU, or (release) turns to another item; set: its item's, locked, or 0.
 * The item is put down, unless it has gone on elsewhere, or is over. Then, or if it is released,
 * the task has what it has received apart, or nothing.
 */
WL_INLINE void wl_mark_leave(struct wl_cpu *c, struct wl_mark_set *set, struct wl_task *t,
			     __u32 tid, int release, __u64 now)
{
	int mine, over, apart;
	struct wl_mark *m;

	/* first: across the call everything that is known lies on the stack */
	c->returned = 0;
	wl_task_charge(c, t, 0, now);
	m = set ? wl_mark_find(set, t->mark) : 0;
	mine = m && m->tid == tid;
	over = release || (set && !mine);
	apart = over && t->received == WL_RECEIVED_APART;
	if (apart)
		wl_mark_part(t);
	if (mine) {
		wl_path_copy(&m->p, wl_task_cur(t));
		m->p.h.state = WL_SEG_QUEUED;
	}
	if (!over)
		return;
	t->mark = 0;
	t->received = 0;
	wl_task_finish(t);
	if (!apart)
		return;
	wl_path_copy(wl_task_cur(t), &t->spare);
	wl_mark_run(c, t, now);
	t->received = 1;
}

/* --- marks --- */

WL_INLINE void wl_mark_name(struct wl_work *w, const struct wl_mark_in *in)
{
	w->cookie = in->cookie;
	w->kind = in->kind;
	__builtin_memcpy(w->text, in->text, sizeof(w->text));
	w->begun = 0;
	w->begun_tid = 0;
	w->steps = 0;
}

/* The task carries the item from here on. */
WL_INLINE void wl_mark_take(struct wl_mark *m, struct wl_task *t, const struct wl_mark_in *in,
			    __u64 now)
{
	m->marked = now;
	m->tid = in->tid;
	m->tgid = in->tgid;
	m->target = (t->flags & WL_TASK_TARGET) != 0;
	t->mark = m->key;
	wl_path_copy(&m->p, wl_task_cur(t));
	m->p.h.state = WL_SEG_RUNNING;
}

/* set: locked. The task carries nothing. Returns 1 if an item of that name was there already. */
WL_INLINE int wl_mark_begin(struct wl_cpu *c, struct wl_mark_set *set, struct wl_task *t,
			    const struct wl_mark_in *in, __u64 now)
{
	struct wl_mark *m = wl_mark_find(set, in->key);
	struct wl_path *p = wl_task_cur(t);
	int twice = m != 0;

	if (twice)
		wl_count_any(c, WL_CNT_MARK_TWICE);
	else
		m = wl_mark_room(set, c, now);
	if (p->h.id) {
		wl_task_charge(c, t, 0, now);
	} else {
		wl_path_begin(p, now, c->cpu, WL_STIM_MARK, 0, WL_SEG_RUNNING);
		p->h.owner = in->tgid;
		wl_mark_run(c, t, now);
	}
	t->received = 0;
	m->key = in->key;
	wl_mark_name(&m->work, in);
	m->work.begun = now;
	m->work.begun_tid = in->tid;
	wl_mark_take(m, t, in, now);
	return twice;
}

WL_INLINE void wl_mark_add_step(struct wl_work *w, const struct wl_mark_in *in, __u64 now)
{
	struct wl_work_step *s = &w->step[w->steps & (WL_WORK_STEPS - 1)];

	if (w->steps < WL_WORK_STEPS) {
		s->at = now;
		s->tid = in->tid;
		s->pad = 0;
		__builtin_memcpy(s->name, in->name, sizeof(s->name));
	}
	w->steps++;
}

/* m: the item, its set is locked. A task that carries another item has been released from it. */
WL_INLINE void wl_mark_step(struct wl_cpu *c, struct wl_mark *m, struct wl_task *t,
			    const struct wl_mark_in *in, __u64 now)
{
	wl_task_charge(c, t, 0, now);
	if (!wl_mark_carries(m, t, in->tid)) {
		wl_mark_resume(m, t, in->tid, c->cpu, now);
		wl_path_copy(wl_task_cur(t), &t->spare);
		wl_mark_run(c, t, now);
	}
	t->received = 0;
	wl_mark_add_step(&m->work, in, now);
	wl_mark_take(m, t, in, now);
}

/*
 * The end mark of m, whose set is locked, or of no item (0). Returns the path that has ended, for
 * the host to report before it calls wl_mark_ended(); 0: none.
 */
WL_INLINE struct wl_path *wl_mark_end(struct wl_cpu *c, struct wl_mark *m, struct wl_task *t,
				      const struct wl_mark_in *in, __u64 now)
{
	struct wl_path *p = wl_task_cur(t);

	wl_task_charge(c, t, 0, now);
	if (m && !wl_mark_carries(m, t, in->tid)) {
		wl_mark_resume(m, t, in->tid, c->cpu, now);
		t->received = 0;
		return t->spare.h.id ? &t->spare : 0;
	}
	if (p->h.id && (m || !t->mark))
		return p;
	wl_count_any(c, WL_CNT_MARK_UNBEGUN);
	return 0;
}

/* key: of the item that has ended. */
WL_INLINE void wl_mark_ended(struct wl_mark *m, struct wl_task *t, struct wl_path *p)
{
	if (p && p != &t->spare) {
		wl_task_finish(t);
		t->mark = 0;
		t->received = 0;
	}
	if (m)
		m->key = 0;
}

/* --- data --- */

/*
 * Takes a socket's arrival to t->spare: 1. One that was taken before counts as long as the thread
 * has not been home since. set: locked.
 */
WL_INLINE int wl_mark_arrival(struct wl_kept_set *set, struct wl_task *t, __u64 socket)
{
	int fresh = wl_kept_waits(set, socket);

	return wl_kept_take(set, socket, &t->spare) && (fresh || t->spare.h.last >= t->home_at);
}

/*
 * The current task has received data from a socket. kept: the host has taken its arrival
 * (wl_mark_arrival()). An arrival that was not kept begins at the receive. It is what the task
 * works on from here on; a carrier may have received it for its item, or for another that begins
 * with it.
 */
WL_INLINE void wl_mark_receive(const struct wl_chain_config *cfg, struct wl_cpu *c,
			       struct wl_task *t, int kept, __u64 socket, __u32 tgid, __u64 now)
{
	struct wl_path *p = wl_task_cur(t), *n = &t->spare;

	c->returned = 0;
	t->from = socket;
	if (!kept) {
		wl_count_any(c, WL_CNT_KEPT_MISSING);
		wl_path_begin(n, now, c->cpu, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_QUEUED);
	}
	wl_turn_arrival(cfg, n, tgid);
	wl_task_charge(c, t, 0, now);
	/* woken by this very data: that chain says more */
	if (!t->mark && p->h.id == n->h.id) {
		t->received = 1;
		return;
	}
	n->h.state = WL_SEG_QUEUED;
	wl_path_close(n, now, c->cpu, 0);
	if (t->mark) {
		p->h.sent = now;
		p->h.sent_seg = p->h.nseg;
		t->received = WL_RECEIVED_APART;
		return;
	}
	wl_path_copy(p, n);
	wl_mark_run(c, t, now);
	t->received = 1;
}

/* More of what the task has received already; the first of it is what asked. */
WL_INLINE int wl_mark_receives_more(const struct wl_chain_config *cfg, const struct wl_task *t,
				    __u64 socket)
{
	return (cfg->rt && t->mark) || (t->received && t->from == socket);
}

#endif
