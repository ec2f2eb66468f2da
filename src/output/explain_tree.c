/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/explain_tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain/cause.h"
#include "explain/names.h"
#include "output/text_parts.h"
#include "util/format.h"
#include "util/syscalls.h"

#define TREE_AT 21       /* column where it begins, behind two of numbers */
#define LEVELS_MAX 32    /* of nodes; what lies deeper is not drawn */
#define SHOWN 8          /* of the response's stretches and on the way to the cause; */
#define SHOWN_ASIDE 3    /* of other lists: the longest ones, the rest is told in sum, */
#define NOTHING_PART 100 /* and so is what is less of its parent */
#define SHALLOW 8        /* levels that are always drawn */
#define SMALL_PART 50    /* of the response: what is shorter has its children left out */

struct tree {
	FILE *out;
	const struct wl_style *style;
	const struct wl_explained *x;
	bool unicode;
	bool ended[LEVELS_MAX]; /* the level's list is at its end */
};

/* --- words --- */

static void add_call(struct wl_phrase *p, const struct wl_node *n)
{
	const char *name = n->call >= 0 ? wl_syscall_name(n->call, false) : NULL;

	if (n->call == -1)
		wl_phrase_add(p, ", in a page fault");
	else if (name)
		wl_phrase_add(p, ", in %s", name);
}

static void add_cpu(struct wl_phrase *p, const struct wl_node *n)
{
	wl_phrase_add(p, " cpu%u", n->cpu);
}

static void add_who(struct wl_phrase *p, const struct wl_explained *x, const struct wl_who *who)
{
	bool named = who->ctx == WL_WHO_IRQ && x->names.irq;

	wl_phrase_add_who(p, who, named ? x->names.irq(x->names.ctx, who->nr) : NULL);
}

/* "in 12 stretches" */
static void add_count(struct wl_phrase *p, const struct wl_node *n, const char *what)
{
	if (n->flags & WL_NODE_F_FOLDED)
		wl_phrase_add(p, ", %u %s", n->count, what);
}

/* What the kinds mean that have no words of their own below. */
static const char *kind_words(unsigned kind)
{
	static const char *const words[WL_SEG_MAX] = {
		[WL_SEG_TIMER_SLACK] = "timer slack: it may be that late",
		[WL_SEG_TIMER_DELAY] = "the timer's interrupt came late",
		[WL_SEG_SOFTIRQ_DELAY] = "softirq raised, did not run yet",
		[WL_SEG_WORK_DELAY] = "work queued, no kernel worker took it yet",
		[WL_SEG_INTERRUPTED] = "interrupts and softirqs on top of it",
		[WL_SEG_THROTTLED] = "runnable, but out of CPU quota",
		[WL_SEG_STEAL] = "the hypervisor ran somebody else",
		[WL_SEG_IO] = "blocked: block I/O",
		[WL_SEG_LOCK] = "blocked: lock",
		[WL_SEG_TASK] = "blocked: waited for another task",
		[WL_SEG_TIMER] = "slept",
		[WL_SEG_FAULT] = "blocked: page fault",
		[WL_SEG_RECLAIM] = "freed memory first (direct reclaim)",
		[WL_SEG_STOPPED] = "stopped by a signal or a debugger",
		[WL_SEG_UNKNOWN] = "not known what",
	};

	return kind < WL_SEG_MAX && words[kind] ? words[kind] : wl_seg_name(kind);
}

/* Whose stretch, where it is not the one that the tree is at: another task, a kernel worker. */
static void add_owner(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	const struct wl_node *parent = &x->nodes[n->parent];
	uint32_t expected = n->parent ? parent->who.tid : x->report.slow.tid;

	if (n->who.ctx != WL_WHO_TASK || n->who.tid == expected)
		return;
	wl_phrase_add_task(p, &n->who);
	wl_phrase_add(p, ": ");
}

static void add_path(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	add_owner(p, x, n);
	switch (n->kind) {
	case WL_SEG_IRQ:
	case WL_SEG_SOFTIRQ:
		if (n->who.ctx == WL_WHO_IRQ || n->who.ctx == WL_WHO_SOFTIRQ)
			add_who(p, x, &n->who);
		else
			wl_phrase_add(p, n->kind == WL_SEG_IRQ ? "interrupt" : "softirq");
		wl_phrase_add(p, " on");
		add_cpu(p, n);
		break;
	case WL_SEG_WAKEUP:
		wl_phrase_add(p, "woken, waited for");
		add_cpu(p, n);
		break;
	case WL_SEG_PREEMPTED:
		wl_phrase_add(p, "preempted, waited for");
		add_cpu(p, n);
		break;
	case WL_SEG_RUNNING:
		wl_phrase_add(p, "ran on");
		add_cpu(p, n);
		add_call(p, n);
		break;
	case WL_SEG_QUEUED:
		wl_phrase_add(p, "%s",
			      wl_cause_item_begun(&x->report.slow, n->from)
				      ? "put down; no thread went on with it"
				      : "data had arrived; busy with earlier requests");
		break;
	default:
		wl_phrase_add(p, "%s", kind_words(n->kind));
		add_call(p, n);
	}
	add_count(p, n, "pieces");
}

static void add_held(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	if (n->who.ctx == WL_WHO_IDLE) {
		wl_phrase_add(p, "the CPU was idle");
	} else {
		wl_phrase_add(p, "held by ");
		add_who(p, x, &n->who);
	}
	add_count(p, n, "times");
}

static void add_request(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	const struct wl_tl_request *r = &x->timeline->requests[n->index];
	const char *name = x->names.device ? x->names.device(x->names.ctx, r->dev) : NULL;

	wl_phrase_add(p, "block request ");
	if (name)
		wl_phrase_add_name(p, name, 64);
	else
		wl_phrase_add(p, "%u:%u", r->dev >> 20, r->dev & 0xfffff);
	wl_phrase_add(p, " sector %" PRIu64 ", %u KiB %s", r->sector, r->nsectors / 2,
		      r->write ? "written" : "read");
	if (n->who.ctx == WL_WHO_TASK && n->who.tid != x->nodes[n->parent].who.tid) {
		wl_phrase_add(p, " by ");
		wl_phrase_add_task(p, &n->who);
	}
	if (r->issued > r->queued && r->done != UINT64_MAX) {
		wl_phrase_add(p, ", ");
		wl_phrase_add_duration(p, r->issued - r->queued);
		wl_phrase_add(p, " of it before the disk had it");
	}
	if (n->flags & WL_NODE_F_OTHERS)
		wl_phrase_add(p, "; %u other%s in the queue before it", n->count,
			      n->count > 1 ? "s" : "");
}

static void add_waited(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	bool lock = x->nodes[n->parent].kind == WL_SEG_LOCK;

	if (n->who.ctx != WL_WHO_TASK)
		wl_phrase_add(p, "until ");
	else
		wl_phrase_add(p, lock ? "released by " : "for ");
	add_who(p, x, &n->who);
	if (n->first != WL_NODE_NONE)
		wl_phrase_add(p, ", which meanwhile");
}

static void add_function(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	unsigned kind = x->nodes[n->parent].kind;

	if (kind == WL_SEG_RUNNING || kind == WL_SEG_RECLAIM)
		wl_phrase_add(p, "seen %u time%s in ", n->count, n->count == 1 ? "" : "s");
	else
		wl_phrase_add(p, "asleep in ");
	wl_phrase_add_name(p, n->text ? n->text : "?", 256);
	wl_phrase_add(p, n->flags & WL_NODE_F_USER ? "" : " (kernel)");
}

static void add_words(struct wl_phrase *p, const struct wl_explained *x, const struct wl_node *n)
{
	switch (n->role) {
	case WL_NODE_HELD:
		add_held(p, x, n);
		break;
	case WL_NODE_ON_TOP:
		wl_phrase_add(p, "interrupted by ");
		add_who(p, x, &n->who);
		add_count(p, n, "times");
		break;
	case WL_NODE_WAITED:
		add_waited(p, x, n);
		break;
	case WL_NODE_REQUEST:
		add_request(p, x, n);
		break;
	case WL_NODE_FUNCTION:
		add_function(p, x, n);
		break;
	default:
		add_path(p, x, n);
	}
	if (n->flags & WL_NODE_F_CUT)
		wl_phrase_add(p, " (not all of it was recorded)");
}

/* --- lines --- */

/* "-0.120ms": to a microsecond, for stretches are compared. */
static void format_offset(int64_t ns, char *text, size_t size)
{
	uint64_t us = ((uint64_t)(ns < 0 ? -ns : ns) + 500) / 1000;

	snprintf(text, size, "%s%" PRIu64 ".%03" PRIu64 "ms", ns < 0 && us ? "-" : "", us / 1000,
		 us % 1000);
}

static void put_numbers(const struct tree *t, const struct wl_node *n)
{
	char at[32], took[WL_FORMAT_SIZE];

	if (n->role == WL_NODE_FUNCTION) {
		fprintf(t->out, "%*s", TREE_AT, "");
		return;
	}
	format_offset((int64_t)(n->from - t->x->report.slow.path.h.start), at, sizeof(at));
	wl_format_duration(n->ns, took, sizeof(took));
	fprintf(t->out, "%10s %8s  ", at, took);
}

/* Bars of the levels above this one, and how its own line begins. */
static void add_branches(const struct tree *t, struct wl_phrase *p, unsigned level)
{
	for (unsigned i = 1; i < level; i++)
		wl_phrase_add(p, t->ended[i] ? "  " : t->unicode ? "│ " : "| ");
	if (t->ended[level])
		wl_phrase_add(p, t->unicode ? "└─ " : "`- ");
	else
		wl_phrase_add(p, t->unicode ? "├─ " : "|- ");
}

/* The same for the lines after its first one. open: its children follow. */
static void add_margin(const struct tree *t, struct wl_phrase *p, unsigned level, bool open)
{
	const char *bar = t->unicode ? "│ " : "| ";

	wl_phrase_add(p, "%*s", TREE_AT, "");
	for (unsigned i = 1; i <= level; i++)
		wl_phrase_add(p, "%s", t->ended[i] ? "  " : bar);
	wl_phrase_add(p, "%s", open ? bar : "  ");
}

static enum wl_paint paint_of(const struct wl_node *n)
{
	if (n->flags & WL_NODE_F_ROOT)
		return WL_PAINT_SLOW;
	return n->flags & WL_NODE_F_CAUSE ? WL_PAINT_HEAD : WL_PAINT_OFF;
}

static void put_line(const struct tree *t, const struct wl_node *n, unsigned level, bool open)
{
	char text[1024], branches[4 * LEVELS_MAX], margin[TREE_AT + 4 * LEVELS_MAX + 8];
	enum wl_paint paint = paint_of(n);
	struct wl_phrase p;

	wl_phrase_init(&p, branches, sizeof(branches));
	add_branches(t, &p, level);
	wl_phrase_init(&p, margin, sizeof(margin));
	add_margin(t, &p, level, open);
	wl_phrase_init(&p, text, sizeof(text));
	add_words(&p, t->x, n);
	if (n->flags & WL_NODE_F_ROOT)
		wl_phrase_add(&p, " %s" WL_TEXT_GLUE "root" WL_TEXT_GLUE "cause",
			      t->unicode ? "◀" : "<--");
	put_numbers(t, n);
	fputs(branches, t->out);
	if (paint != WL_PAINT_OFF)
		wl_text_paint(t->out, t->style, paint);
	/* the margin is wider than the branches, by a space behind its last bar */
	wl_text_wrap(t->out, t->style, TREE_AT + wl_text_columns(branches) + 1, margin, text);
	if (paint != WL_PAINT_OFF)
		wl_text_paint(t->out, t->style, WL_PAINT_OFF);
}

/* For siblings that are left out. */
static void put_more(const struct tree *t, unsigned level, uint32_t count, uint64_t ns)
{
	char duration[WL_FORMAT_SIZE], text[4 * LEVELS_MAX + 64];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	add_branches(t, &p, level);
	wl_phrase_add(&p, "%s %u more", t->unicode ? "…" : "...", count);
	wl_format_duration(ns, duration, sizeof(duration));
	wl_text_paint(t->out, t->style, WL_PAINT_LABEL);
	fprintf(t->out, "%10s %8s  %s\n", "", ns ? duration : "", text);
	wl_text_paint(t->out, t->style, WL_PAINT_OFF);
}

/* --- what is shown --- */

/* By which siblings are compared. */
static uint64_t weight(const struct wl_node *n)
{
	return n->role == WL_NODE_FUNCTION ? (uint64_t)n->count << 20 : n->ns;
}

/* Puts it among the n largest so far, which are sorted. */
static void keep_largest(uint64_t *largest, unsigned n, uint64_t value)
{
	for (unsigned k = 0; k < n; k++) {
		uint64_t old = largest[k];

		if (value <= old)
			continue;
		largest[k] = value;
		value = old;
	}
}

/* Weight of the lightest children that are shown. */
static uint64_t least_shown(const struct tree *t, uint32_t first, unsigned level)
{
	const struct wl_node *parent = &t->x->nodes[t->x->nodes[first].parent];
	bool aside = level > 1 && !(parent->flags & (WL_NODE_F_ROOT | WL_NODE_F_CAUSE));
	uint64_t largest[SHOWN] = { 0 }, least = level > 1 ? parent->ns / NOTHING_PART : 0;
	unsigned n = aside ? SHOWN_ASIDE : SHOWN;

	if (t->style->verbose)
		return 0;
	for (uint32_t i = first; i != WL_NODE_NONE; i = t->x->nodes[i].next)
		keep_largest(largest, n, weight(&t->x->nodes[i]));
	return largest[n - 1] > least ? largest[n - 1] : least;
}

static bool is_shown(const struct wl_node *n, uint64_t least)
{
	return n->flags & (WL_NODE_F_ROOT | WL_NODE_F_CAUSE) || weight(n) >= least;
}

static bool is_open(const struct tree *t, const struct wl_node *n, unsigned level)
{
	const struct wl_node *all = &t->x->nodes[0];
	bool small = n->ns < (all->to - all->from) / SMALL_PART;

	if (n->first == WL_NODE_NONE || level + 1 >= LEVELS_MAX)
		return false;
	return t->style->verbose || n->flags & (WL_NODE_F_ROOT | WL_NODE_F_CAUSE) ||
	       (!small && level < SHALLOW);
}

static void put_children(struct tree *t, uint32_t first, unsigned level);

static void put_node(struct tree *t, uint32_t i, unsigned level)
{
	const struct wl_node *n = &t->x->nodes[i];
	bool open = is_open(t, n, level);

	put_line(t, n, level, open);
	if (open)
		put_children(t, n->first, level + 1);
}

static void put_children(struct tree *t, uint32_t first, unsigned level)
{
	const struct wl_node *nodes = t->x->nodes;
	uint64_t least = least_shown(t, first, level);
	uint32_t i = first;

	while (i != WL_NODE_NONE) {
		uint32_t next = i, count = 0;
		uint64_t ns = 0;

		for (; next != WL_NODE_NONE && !is_shown(&nodes[next], least);
		     next = nodes[next].next) {
			ns += nodes[next].ns;
			count++;
		}
		if (count < 2)
			next = nodes[i].next;
		t->ended[level] = next == WL_NODE_NONE;
		if (count < 2)
			put_node(t, i, level);
		else
			put_more(t, level, count, ns);
		i = next;
	}
}

void wl_explain_tree(FILE *out, const struct wl_style *style, bool unicode,
		     const struct wl_explained *x)
{
	struct tree t = { .out = out, .style = style, .x = x, .unicode = unicode };

	if (x->nnodes)
		put_children(&t, x->nodes[0].first, 1);
}
