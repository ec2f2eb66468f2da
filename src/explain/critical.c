/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Two sources, one path. What came before the response reached its task (interrupt, softirq, other
 * tasks and kernel threads) stands in the response's segments, which are exact; from there on the
 * timeline tells more: when and where each stretch was, and what everybody else did meanwhile.
 *
 * A wait is followed to whoever ended it, for the time of the wait only: what had that one been
 * doing since? Its own waits are followed likewise, each inside of the one that asks: times only
 * get shorter, so that it ends even where tasks wait for each other in turns.
 */
#include "explain/critical.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/grow.h"

#define DEPTH_MAX 24        /* of the tree: two levels per task that is waited for */
#define NODES_MAX 20000     /* in all */
#define HOLDERS_MAX 24      /* told one by one; more are folded, by task */
#define REQUEST_NS 10000000 /* a waker may be that much later than the disk */

struct walk {
	struct wl_explained *x;
	const struct wl_timeline *tl;
	const struct wl_samples *samples;
	int error;
};

void wl_explained_caveat(struct wl_explained *x, enum wl_confidence confidence, const char *format,
			 ...)
{
	va_list args;

	if (x->confidence < confidence)
		x->confidence = confidence;
	if (x->ncaveats == WL_CAVEATS)
		return;
	va_start(args, format);
	vsnprintf(x->caveats[x->ncaveats++], sizeof(x->caveats[0]), format, args);
	va_end(args);
}

/* --- nodes --- */

static struct wl_node *node_at(const struct walk *w, uint32_t i)
{
	return &w->x->nodes[i];
}

static void link_child(const struct walk *w, uint32_t parent, uint32_t child)
{
	uint32_t *at = &node_at(w, parent)->first;

	while (*at != WL_NODE_NONE)
		at = &node_at(w, *at)->next;
	*at = child;
}

/* Behind its siblings. WL_NODE_NONE: no memory (an error), or no room for more (said). */
static uint32_t add_node(struct walk *w, uint32_t parent, uint8_t role, uint64_t from, uint64_t to)
{
	struct wl_node *n;
	uint32_t i = (uint32_t)w->x->nnodes;

	if (w->error || w->x->nnodes >= NODES_MAX)
		return WL_NODE_NONE;
	w->error = wl_grow(&w->x->nodes, w->x->nnodes, &w->x->nodes_room, sizeof(*n));
	if (w->error)
		return WL_NODE_NONE;
	n = &w->x->nodes[w->x->nnodes++];
	memset(n, 0, sizeof(*n));
	n->from = from;
	n->to = to;
	n->ns = to - from;
	n->parent = parent;
	n->first = WL_NODE_NONE;
	n->next = WL_NODE_NONE;
	n->task = WL_NOBODY;
	n->role = role;
	n->call = -2;
	n->depth = parent == WL_NODE_NONE ? 0 : (uint8_t)(node_at(w, parent)->depth + 1);
	if (parent != WL_NODE_NONE)
		link_child(w, parent, i);
	return i;
}

static void who_of_task(const struct walk *w, uint32_t task, struct wl_who *who)
{
	const struct wl_tl_task *t;

	memset(who, 0, sizeof(*who));
	if (task == WL_NOBODY) {
		who->ctx = WL_WHO_IDLE;
		return;
	}
	t = &w->tl->tasks[task];
	who->ctx = WL_WHO_TASK;
	who->tid = t->tid;
	who->tgid = t->tgid;
	memcpy(who->comm, t->comm, sizeof(who->comm));
	who->policy = t->policy;
	who->prio = t->prio;
	who->flags = t->kthread ? WL_WHO_F_KTHREAD : 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- on top of what ran --- */

/* A sum per interrupt, softirq or timer. */
struct on_top {
	uint64_t ns, first, last;
	uint32_t count;
	uint16_t nr;
	uint8_t ctx;
};

#define ON_TOP_MAX 16

struct on_tops {
	struct on_top all[ON_TOP_MAX];
	unsigned n;
	uint64_t ns;
};

static void add_on_top(struct on_tops *tops, const struct wl_tl_frame *f, uint64_t from,
		       uint64_t to)
{
	struct on_top *t = tops->all;
	unsigned i = 0;

	while (i < tops->n && (t[i].ctx != f->ctx || t[i].nr != f->nr))
		i++;
	if (i == ON_TOP_MAX)
		i--; /* the last one stands for the rest */
	else if (i == tops->n)
		t[tops->n++] = (struct on_top){ .first = from, .nr = f->nr, .ctx = f->ctx };
	t[i].ns += to - from;
	t[i].last = to;
	t[i].count++;
	tops->ns += to - from;
}

/*
 * Frames on that CPU between from and to that are not inside of others. own: also softirqs that a
 * task had raised itself, which are its own running.
 */
static void find_on_top(const struct wl_tl_cpu *cpu, uint64_t from, uint64_t to, bool own,
			struct on_tops *tops)
{
	size_t i = wl_timeline_frame(cpu, from);

	memset(tops, 0, sizeof(*tops));
	while (i > 0 && cpu->frames[i - 1].depth)
		i--;
	for (i = i ? i - 1 : 0; i < cpu->nframes && cpu->frames[i].from < to; i++) {
		const struct wl_tl_frame *f = &cpu->frames[i];

		if (!f->depth && f->to > from && (own || !f->own))
			add_on_top(tops, f, later(f->from, from), sooner(f->to, to));
	}
}

static void add_on_tops(struct walk *w, uint32_t parent, uint8_t role, const struct on_tops *tops)
{
	for (unsigned i = 0; i < tops->n; i++) {
		const struct on_top *t = &tops->all[i];
		uint32_t n = add_node(w, parent, role, t->first, t->last);

		if (n == WL_NODE_NONE)
			return;
		node_at(w, n)->ns = t->ns;
		node_at(w, n)->count = t->count;
		node_at(w, n)->flags = t->count > 1 ? WL_NODE_F_FOLDED : 0;
		node_at(w, n)->kind = t->ctx == WL_WHO_SOFTIRQ ? WL_SEG_SOFTIRQ : WL_SEG_IRQ;
		node_at(w, n)->who.ctx = t->ctx;
		node_at(w, n)->who.nr = t->nr;
		node_at(w, n)->cpu = node_at(w, parent)->cpu;
	}
}

/* --- who held the CPU --- */

static void add_holder(struct walk *w, uint32_t parent, const struct wl_tl_cpu *cpu,
		       const struct wl_tl_run *run, uint64_t from, uint64_t to)
{
	struct on_tops tops;
	uint32_t n;

	find_on_top(cpu, from, to, run->task == WL_NOBODY, &tops);
	n = add_node(w, parent, WL_NODE_HELD, from, to);
	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->ns -= sooner(tops.ns, to - from);
	node_at(w, n)->kind = WL_SEG_RUNNING;
	node_at(w, n)->task = run->task;
	node_at(w, n)->cpu = (uint16_t)cpu->cpu;
	who_of_task(w, run->task, &node_at(w, n)->who);
	if (run->task == WL_NOBODY)
		return;
	node_at(w, n)->who.policy = run->policy;
	node_at(w, n)->who.prio = run->prio;
}

/* The holder's node below parent that the stretch can be added to. */
static uint32_t find_holder(const struct walk *w, uint32_t parent, uint32_t task)
{
	for (uint32_t i = node_at(w, parent)->first; i != WL_NODE_NONE; i = node_at(w, i)->next)
		if (node_at(w, i)->role == WL_NODE_HELD && node_at(w, i)->task == task)
			return i;
	return WL_NODE_NONE;
}

static bool fold_holder(struct walk *w, uint32_t parent, const struct wl_tl_cpu *cpu,
			const struct wl_tl_run *run, uint64_t from, uint64_t to)
{
	uint32_t i = find_holder(w, parent, run->task);
	struct on_tops tops;

	if (i == WL_NODE_NONE)
		return false;
	find_on_top(cpu, from, to, run->task == WL_NOBODY, &tops);
	node_at(w, i)->ns += to - from - sooner(tops.ns, to - from);
	node_at(w, i)->to = to;
	node_at(w, i)->count = later(node_at(w, i)->count, 1) + 1;
	node_at(w, i)->flags |= WL_NODE_F_FOLDED;
	return true;
}

/* From `from` to `to` somebody waited for that CPU. */
static void add_holders(struct walk *w, uint32_t parent, uint32_t waiter, uint64_t from,
			uint64_t to)
{
	const struct wl_tl_cpu *cpu = wl_timeline_cpu(w->tl, node_at(w, parent)->cpu);
	unsigned told = 0;
	struct on_tops tops;

	if (!cpu || from >= to)
		return;
	for (size_t i = wl_timeline_run(cpu, from); i < cpu->nruns && cpu->runs[i].from < to; i++) {
		const struct wl_tl_run *run = &cpu->runs[i];
		uint64_t a = later(run->from, from), b = sooner(run->to, to);

		if (a >= b || (run->task == waiter && run->task != WL_NOBODY))
			continue;
		if (told >= HOLDERS_MAX && fold_holder(w, parent, cpu, run, a, b))
			continue;
		add_holder(w, parent, cpu, run, a, b);
		told++;
	}
	find_on_top(cpu, from, to, false, &tops);
	add_on_tops(w, parent, WL_NODE_HELD, &tops);
}

/* --- disks --- */

/* The request whose end came last before `to`: the task's own, or, in its name, anybody's. */
static const struct wl_tl_request *find_request(const struct walk *w, uint32_t task, uint64_t from,
						uint64_t to)
{
	const struct wl_tl_request *best = NULL;

	for (size_t i = 0; i < w->tl->nrequests; i++) {
		const struct wl_tl_request *r = &w->tl->requests[i];
		bool mine = r->task == task, best_mine = best && best->task == task;

		if (r->done > to || r->done <= from || to - r->done > REQUEST_NS || r->queued > to)
			continue;
		if (!best || mine > best_mine || (mine == best_mine && r->done > best->done))
			best = r;
	}
	return best;
}

/* How many were on that device when it was queued, and still are. */
static uint32_t count_before(const struct walk *w, const struct wl_tl_request *r)
{
	uint32_t n = 0;

	for (size_t i = 0; i < w->tl->nrequests; i++) {
		const struct wl_tl_request *o = &w->tl->requests[i];

		n += o != r && o->dev == r->dev && o->queued <= r->queued && o->done > r->queued;
	}
	return n;
}

static void add_request(struct walk *w, uint32_t parent, uint32_t task, uint64_t from, uint64_t to)
{
	const struct wl_tl_request *r = find_request(w, task, from, to);
	uint32_t n;

	if (!r)
		return;
	n = add_node(w, parent, WL_NODE_REQUEST, later(r->queued, from), r->done);
	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->kind = WL_SEG_IO;
	node_at(w, n)->index = (uint32_t)(r - w->tl->requests);
	node_at(w, n)->task = r->task;
	node_at(w, n)->count = count_before(w, r);
	node_at(w, n)->flags = node_at(w, n)->count ? WL_NODE_F_OTHERS : 0;
	who_of_task(w, r->task, &node_at(w, n)->who);
}

/* --- tasks --- */

static void walk_task(struct walk *w, uint32_t parent, uint32_t task, uint64_t from, uint64_t to);

/* A wait's waker is a task if it did so itself, or its own softirq did (loopback). */
static uint32_t waking_task(const struct walk *w, const struct wl_who *by)
{
	bool own = by->ctx == WL_WHO_TASK || (by->ctx == WL_WHO_SOFTIRQ && by->tid);

	return own ? wl_timeline_task(w->tl, by->tid) : WL_NOBODY;
}

/* The item that a worker was at, or had just done, at that time. */
static const struct wl_tl_work *find_work(const struct walk *w, uint32_t worker, uint64_t from,
					  uint64_t at)
{
	for (size_t i = w->tl->nworks; i > 0; i--) {
		const struct wl_tl_work *work = &w->tl->works[i - 1];

		if (work->worker == worker && work->begun > from && work->begun <= at &&
		    work->done >= at)
			return work;
	}
	return NULL;
}

/* What a kernel worker did is its item's: who had queued it, and how long it lay there. */
static void walk_worker(struct walk *w, uint32_t parent, uint32_t task, uint64_t from, uint64_t to)
{
	const struct wl_tl_work *work = find_work(w, task, from, to);
	uint64_t queued = work ? later(work->queued, from) : from;
	uint32_t n;

	if (!work) {
		walk_task(w, parent, task, from, to);
		return;
	}
	if (queued > from && waking_task(w, &work->by) != WL_NOBODY)
		walk_task(w, parent, waking_task(w, &work->by), from, queued);
	n = add_node(w, parent, WL_NODE_PATH, queued, work->begun);
	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->kind = WL_SEG_WORK_DELAY;
	node_at(w, n)->cpu = work->queued_cpu;
	walk_task(w, parent, task, work->begun, to);
}

/* Whom it waited for, between from and to. */
static void add_waited(struct walk *w, uint32_t parent, const struct wl_who *by, uint64_t from,
		       uint64_t to)
{
	uint32_t task = waking_task(w, by), n;

	if (by->ctx == WL_WHO_NONE || by->ctx == WL_WHO_IDLE)
		return;
	n = add_node(w, parent, WL_NODE_WAITED, from, to);
	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->kind = WL_SEG_TASK;
	node_at(w, n)->task = task;
	node_at(w, n)->who = *by;
	if (task == WL_NOBODY || node_at(w, n)->depth >= DEPTH_MAX)
		return;
	who_of_task(w, task, &node_at(w, n)->who);
	if (w->tl->tasks[task].kthread)
		walk_worker(w, n, task, from, to);
	else
		walk_task(w, n, task, from, to);
}

static void add_wait(struct walk *w, uint32_t node, uint32_t task, const struct wl_tl_state *s,
		     uint64_t from, uint64_t to)
{
	bool disk = s->kind == WL_SEG_IO || s->kind == WL_SEG_FAULT || s->kind == WL_SEG_RECLAIM;
	size_t before = w->x->nnodes;

	node_at(w, node)->call = s->call;
	if (disk && s->by.ctx != WL_WHO_TASK)
		add_request(w, node, task, from, to);
	if (w->x->nnodes == before && s->kind != WL_SEG_TIMER && s->kind != WL_SEG_STOPPED)
		add_waited(w, node, &s->by, from, to);
}

static void add_running(struct walk *w, uint32_t node, uint64_t from, uint64_t to)
{
	const struct wl_tl_cpu *cpu = wl_timeline_cpu(w->tl, node_at(w, node)->cpu);
	struct on_tops tops;

	if (!cpu)
		return;
	find_on_top(cpu, from, to, false, &tops);
	node_at(w, node)->ns -= sooner(tops.ns, node_at(w, node)->ns);
	add_on_tops(w, node, WL_NODE_ON_TOP, &tops);
}

/* One state of a task, as far as it lies between from and to. */
static void add_state(struct walk *w, uint32_t parent, uint32_t task, const struct wl_tl_state *s,
		      uint64_t from, uint64_t to)
{
	uint32_t n = add_node(w, parent, WL_NODE_PATH, from, to);

	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->kind = s->kind;
	node_at(w, n)->cpu = s->cpu;
	node_at(w, n)->task = task;
	node_at(w, n)->flags = s->open && to == s->to ? WL_NODE_F_CUT : 0;
	who_of_task(w, task, &node_at(w, n)->who);
	if (s->blocked)
		add_wait(w, n, task, s, from, to);
	else if (s->kind == WL_SEG_RUNNING || s->kind == WL_SEG_RECLAIM)
		add_running(w, n, from, to);
	else if (s->kind != WL_SEG_THROTTLED) /* who runs meanwhile has nothing to do with it */
		add_holders(w, n, task, from, to);
}

/* A stretch that the timeline does not tell of. */
static void add_gap(struct walk *w, uint32_t parent, uint32_t task, uint64_t from, uint64_t to)
{
	uint32_t n = from < to ? add_node(w, parent, WL_NODE_PATH, from, to) : WL_NODE_NONE;

	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->kind = WL_SEG_UNKNOWN;
	node_at(w, n)->task = task;
	node_at(w, n)->flags = WL_NODE_F_CUT;
}

/* What the task did between from and to, without a gap. */
static void walk_task(struct walk *w, uint32_t parent, uint32_t task, uint64_t from, uint64_t to)
{
	const struct wl_tl_task *t = &w->tl->tasks[task];
	uint64_t at = from;

	for (size_t i = wl_timeline_next_state(t, from); i < t->n && !w->error; i++) {
		const struct wl_tl_state *s = &t->states[i];
		uint64_t a = later(s->from, from), b = sooner(s->to, to);

		if (s->from >= to)
			break;

		if (a >= b)
			continue;
		add_gap(w, parent, task, at, a);
		add_state(w, parent, task, s, a, b);
		at = b;
	}
	add_gap(w, parent, task, at, to);
}

/* --- the response --- */

static uint32_t nseg_of(const struct wl_path *p)
{
	return p->h.nseg < WL_PATH_SEGS ? p->h.nseg : WL_PATH_SEGS;
}

/* Does a state of the target begin there: a wait for its CPU? */
static bool begins_waiting(const struct wl_tl_task *t, uint64_t at)
{
	size_t i = wl_timeline_next_state(t, at);

	return i < t->n && t->states[i].from == at && !t->states[i].blocked &&
	       t->states[i].kind != WL_SEG_RUNNING;
}

/*
 * How many of the path's segments lie before the target's own part: up to where it was woken with
 * the response, or received its data. -1: can't be told.
 */
static int count_front(const struct walk *w, uint32_t target, uint64_t *begin)
{
	const struct wl_path *p = &w->x->report.slow.path;
	uint64_t at = p->h.start;

	for (uint32_t i = 0; i < nseg_of(p); i++) {
		const struct wl_seg *s = &p->seg[i];
		bool waits = s->kind == WL_SEG_WAKEUP || s->kind == WL_SEG_THROTTLED;

		*begin = at;
		if (s->pieces > 1 && !waits)
			return -1;
		if (waits && begins_waiting(&w->tl->tasks[target], at))
			return (int)i;
		at += s->ns;
		if (s->kind == WL_SEG_QUEUED) {
			*begin = at;
			return (int)i + 1;
		}
	}
	return -1;
}

/* Which interrupt or softirq it was that ran there: the last one that fits. */
static void name_frame(const struct walk *w, struct wl_node *n)
{
	const struct wl_tl_cpu *cpu = wl_timeline_cpu(w->tl, n->cpu);
	bool softirq = n->kind == WL_SEG_SOFTIRQ;

	for (size_t i = cpu ? wl_timeline_frame(cpu, n->to) : 0; i > 0; i--) {
		const struct wl_tl_frame *f = &cpu->frames[i - 1];

		if (f->to < n->from && !f->depth)
			return;
		if ((f->ctx == WL_WHO_SOFTIRQ) != softirq || f->to < n->to)
			continue;
		n->who.ctx = f->ctx;
		n->who.nr = f->nr;
		return;
	}
}

static void seg_details(struct walk *w, uint32_t n, const struct wl_seg *s)
{
	struct wl_node *node = node_at(w, n);

	switch (s->kind) {
	case WL_SEG_WAKEUP:
	case WL_SEG_PREEMPTED:
	case WL_SEG_SOFTIRQ_DELAY:
		add_holders(w, n, WL_NOBODY, node->from, node->to);
		return;
	case WL_SEG_IRQ:
	case WL_SEG_SOFTIRQ:
		name_frame(w, node);
		return;
	case WL_SEG_INTERRUPTED:
		node->who = s->who;
		return;
	default:
		if (s->who.ctx)
			add_waited(w, n, &s->who, node->from, node->to);
	}
}

/* Segments of the response as reported, from the first to before `n`. */
static void add_segments(struct walk *w, uint32_t first, uint32_t n, uint64_t at)
{
	const struct wl_path *p = &w->x->report.slow.path;

	for (uint32_t i = first; i < n; i++) {
		const struct wl_seg *s = &p->seg[i];
		uint32_t node = add_node(w, 0, WL_NODE_PATH, at, at + s->ns);

		if (node == WL_NODE_NONE)
			return;
		node_at(w, node)->kind = s->kind;
		node_at(w, node)->cpu = s->cpu;
		node_at(w, node)->count = s->pieces;
		node_at(w, node)->flags = s->pieces > 1 ? WL_NODE_F_FOLDED : 0;
		if (s->pieces < 2)
			seg_details(w, node, s);
		at += s->ns;
	}
}

/* Kinds that the state machine tells apart inside of a stretch on the CPU. */
static unsigned group_of(unsigned kind)
{
	switch (kind) {
	case WL_SEG_INTERRUPTED:
	case WL_SEG_STEAL:
	case WL_SEG_RECLAIM:
		return WL_SEG_RUNNING;
	default:
		return kind;
	}
}

/* The two sources must agree: the time of each kind. */
static void compare_sources(struct walk *w)
{
	int64_t diff[WL_SEG_MAX] = { 0 };
	uint64_t most = 0;

	for (uint32_t i = node_at(w, 0)->first; i != WL_NODE_NONE; i = node_at(w, i)->next) {
		const struct wl_node *n = node_at(w, i);

		diff[group_of(n->kind)] += (int64_t)(n->to - n->from);
	}
	for (unsigned k = 0; k < WL_SEG_MAX; k++)
		diff[group_of(k)] -= (int64_t)w->x->report.budget[k];
	for (unsigned k = 0; k < WL_SEG_MAX; k++)
		most = later(most, (uint64_t)(diff[k] < 0 ? -diff[k] : diff[k]));
	if (most > node_at(w, 0)->ns / 100 + 1000)
		wl_explained_caveat(w->x, WL_LIKELY,
				    "the trace and what was measured differ by %u us",
				    (unsigned)(most / 1000));
}

static void build_path(struct walk *w)
{
	const struct wl_slow *slow = &w->x->report.slow;
	uint32_t target = wl_timeline_task(w->tl, slow->tid);
	uint64_t begin = slow->path.h.start;
	int front = target == WL_NOBODY ? -1 : count_front(w, target, &begin);

	node_at(w, 0)->task = target;
	if (front < 0) {
		add_segments(w, 0, nseg_of(&slow->path), slow->path.h.start);
		wl_explained_caveat(w->x, WL_LIKELY,
				    "the trace does not show all of it: only what was measured "
				    "while it went on is told");
		return;
	}
	add_segments(w, 0, (uint32_t)front, slow->path.h.start);
	walk_task(w, 0, target, begin, slow->path.h.last);
	compare_sources(w);
}

static void say_losses(struct walk *w)
{
	struct wl_explained *x = w->x;

	if (x->timeline->lost)
		wl_explained_caveat(x, WL_LIKELY, "%llu events of the trace were lost",
				    (unsigned long long)x->timeline->lost);
	if (x->report.slow.path.h.start < w->tl->begin)
		wl_explained_caveat(x, WL_GUESS, "it began before the trace does");
	if (x->nnodes >= NODES_MAX)
		wl_explained_caveat(x, WL_LIKELY, "it is too complicated: not all is followed");
}

/* --- where it was seen running --- */

static uint32_t find_function(const struct walk *w, uint32_t parent, const char *name)
{
	for (uint32_t i = node_at(w, parent)->first; i != WL_NODE_NONE; i = node_at(w, i)->next)
		if (node_at(w, i)->role == WL_NODE_FUNCTION && !strcmp(node_at(w, i)->text, name))
			return i;
	return WL_NODE_NONE;
}

static const char *function_of(const struct wl_sample *s)
{
	const struct wl_sample_frame *f = s->in_user ? s->user : s->kernel;
	size_t n = s->in_user ? s->nuser : s->nkernel;

	for (size_t i = 0; i < n; i++)
		if (f[i].function)
			return f[i].function;
	return NULL;
}

static void add_sample(struct walk *w, uint32_t node, const struct wl_sample *s)
{
	const char *name = function_of(s);
	uint32_t n;

	if (!name)
		return;
	n = find_function(w, node, name);
	if (n == WL_NODE_NONE)
		n = add_node(w, node, WL_NODE_FUNCTION, s->ts, s->ts);
	if (n == WL_NODE_NONE)
		return;
	node_at(w, n)->text = name;
	node_at(w, n)->kind = node_at(w, node)->kind;
	node_at(w, n)->to = s->ts;
	node_at(w, n)->count++;
	if (s->in_user)
		node_at(w, n)->flags |= WL_NODE_F_USER;
}

static bool fits_sample(const struct wl_node *n, const struct wl_sample *s)
{
	bool running = n->kind == WL_SEG_RUNNING || n->kind == WL_SEG_RECLAIM;

	if (n->role != WL_NODE_PATH || n->parent)
		return false;
	/* a blocked one's stack is taken when it is back */
	return s->blocked ? !running && n->call != -2 && s->ts >= n->to && s->ts < n->to + 1000000
			  : running && s->ts >= n->from && s->ts <= n->to;
}

static void add_samples(struct walk *w)
{
	size_t n = w->x->nnodes;

	for (size_t i = 0; w->samples && i < w->samples->n; i++) {
		const struct wl_sample *s = &w->samples->all[i];

		if (s->tid != w->x->report.slow.tid)
			continue;
		for (uint32_t k = 1; k < n; k++)
			if (fits_sample(node_at(w, k), s))
				add_sample(w, k, s);
	}
}

int wl_critical_build(struct wl_explained *x, const struct wl_samples *samples)
{
	struct walk w = { .x = x, .tl = x->timeline, .samples = samples };
	const struct wl_path *p = &x->report.slow.path;

	if (add_node(&w, WL_NODE_NONE, WL_NODE_ROOT, p->h.start, p->h.last) == WL_NODE_NONE)
		return w.error;
	build_path(&w);
	add_samples(&w);
	say_losses(&w);
	return w.error;
}
