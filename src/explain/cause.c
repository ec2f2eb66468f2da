/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Why was it late? The kind of segment with the largest excess over the typical response, and who
 * is behind it. A wrong verdict is worse than none: nobody is named whom the path doesn't name,
 * nobody who merely finished a wait (the interrupt of a disk), and no cause where none dominates.
 */
#include "explain/cause.h"

#include <string.h>

#include "explain/names.h"
#include "explain/phrase.h"

#define USUAL_PART 20    /* less than this part of it more than usual: as usual */
#define WHOLE_PERCENT 95 /* a part this large is as good as the whole */

#define SOFTIRQ_NET_TX 2
#define SOFTIRQ_NET_RX 3

/* A kind's time that one context is behind, and how it stands in the response. */
struct part {
	const struct wl_report *report;
	enum wl_seg_kind kind;
	const struct wl_seg *largest; /* NULL: the path has no segment of that kind */
	uint64_t ns;                  /* time of that context */
	uint64_t total;               /* time of the kind */
	bool one_cpu;                 /* all of it is known to be of largest->cpu */
	bool shared;                  /* several contexts took turns, largest->who the longest */
	bool open;                    /* it goes on: the response is not finished */
	bool initial;                 /* largest is where the chain began */
};

static uint64_t saturating_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static bool is_whole(uint64_t ns, uint64_t total)
{
	return ns / WHOLE_PERCENT >= total / 100;
}

static unsigned int path_segments(const struct wl_path *path)
{
	return path->h.nseg < WL_PATH_SEGS ? path->h.nseg : WL_PATH_SEGS;
}

static unsigned int seg_kind(const struct wl_seg *seg)
{
	return seg->kind > WL_SEG_NONE && seg->kind < WL_SEG_MAX ? seg->kind : WL_SEG_UNKNOWN;
}

void wl_path_budget(const struct wl_path *path, uint64_t budget[WL_SEG_MAX])
{
	memset(budget, 0, WL_SEG_MAX * sizeof(*budget));
	for (unsigned int i = 0; i < path_segments(path); i++)
		budget[seg_kind(&path->seg[i])] += path->seg[i].ns;
}

/* Kinds whose `who` is to blame, or to be asked. Elsewhere it only says who ended the wait. */
static bool kind_has_culprit(enum wl_seg_kind kind)
{
	switch (kind) {
	case WL_SEG_IRQ:
	case WL_SEG_SOFTIRQ:
	case WL_SEG_SOFTIRQ_DELAY:
	case WL_SEG_WAKEUP:
	case WL_SEG_RUNNING:
	case WL_SEG_PREEMPTED:
	case WL_SEG_INTERRUPTED:
	case WL_SEG_LOCK:
	case WL_SEG_TASK:
		return true;
	default:
		return false;
	}
}

static bool same_culprit(const struct wl_who *a, const struct wl_who *b)
{
	if (a->ctx != b->ctx)
		return false;
	switch (a->ctx) {
	case WL_WHO_TASK:
		return a->tid == b->tid;
	case WL_WHO_IRQ:
		return a->nr == b->nr;
	case WL_WHO_SOFTIRQ:
		return a->nr == b->nr && a->tid == b->tid;
	default:
		return true;
	}
}

/* Adds the segments of the same kind and culprit as segment first. */
static void part_sum(struct part *part, const struct wl_path *path, unsigned int first)
{
	const struct wl_seg *head = &path->seg[first];
	bool all = !kind_has_culprit(part->kind);

	part->largest = head;
	part->ns = 0;
	part->shared = false;
	part->one_cpu = true;
	for (unsigned int i = first; i < path_segments(path); i++) {
		const struct wl_seg *seg = &path->seg[i];

		if (seg_kind(seg) != part->kind || !(all || same_culprit(&seg->who, &head->who)))
			continue;
		part->ns += seg->ns;
		part->one_cpu = part->one_cpu && seg->cpu == head->cpu && seg->pieces < 2;
		part->shared = part->shared || seg->who.flags & WL_WHO_F_SHARED;
		if (seg->ns > part->largest->ns)
			part->largest = seg;
	}
	part->initial = part->largest == &path->seg[0];
}

/* Does it still go on, and is the present stretch as good as all of it? */
static bool part_is_open(const struct part *part, const struct wl_path *path)
{
	const struct wl_seg *last = &path->seg[path_segments(path) - 1];

	return part->largest == last && part->report->slow.reason == WL_REASON_TIMEOUT &&
	       is_whole(last->ns, part->ns);
}

/* The culprit with the most time in segments of this kind. */
static struct part part_find(const struct wl_report *report, enum wl_seg_kind kind)
{
	const struct wl_path *path = &report->slow.path;
	struct part best = { .report = report, .kind = kind, .total = report->budget[kind] };
	struct part part = best;
	unsigned int n = path_segments(path);

	for (unsigned int i = 0; i < n; i++) {
		if (seg_kind(&path->seg[i]) != kind)
			continue;
		part_sum(&part, path, i);
		if (!best.largest || part.ns > best.ns)
			best = part;
	}
	best.open = part_is_open(&best, path);
	return best;
}

/* ---- words ---- */

static const struct wl_who *part_who(const struct part *part)
{
	static const struct wl_who nobody = { 0 };

	return part->largest ? &part->largest->who : &nobody;
}

static bool is_folded(const struct part *part)
{
	return part->largest && part->largest->pieces > 1;
}

/* The name of an interrupt is known if it is the one that started it all. */
static const char *irq_name(const struct part *part, const struct wl_who *who)
{
	const struct wl_chain *h = &part->report->slow.path.h;

	if (h->stim_kind == WL_STIM_IRQ && h->stim_nr == who->nr)
		return part->report->names.stimulus;
	return NULL;
}

static void add_who(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add_who(p, part_who(part), irq_name(part, part_who(part)));
}

static void add_cpu(struct wl_phrase *p, const struct part *part, const char *otherwise)
{
	if (part->one_cpu && part->largest)
		wl_phrase_add(p, "cpu%u", part->largest->cpu);
	else
		wl_phrase_add(p, "%s", otherwise);
}

/* "waited 11.9ms", "has been waiting 1.02s" */
static void add_verb(struct wl_phrase *p, const struct part *part, const char *past,
		     const char *present)
{
	wl_phrase_add(p, "%s ", part->open ? present : past);
	wl_phrase_add_duration(p, part->ns);
}

static void add_waited(struct wl_phrase *p, const struct part *part, const char *what)
{
	add_verb(p, part, "waited", "has been waiting");
	wl_phrase_add(p, " %s", what);
}

static void add_typical(struct wl_phrase *p, const struct part *part)
{
	if (!part->report->typical.known)
		return;
	wl_phrase_add(p, " (typical ");
	wl_phrase_add_duration(p, part->report->typical.budget[part->kind]);
	wl_phrase_add(p, ")");
}

/* " in 5 stretches, the longest": folded, so that only the longest one's culprit is known. */
static bool add_stretches(struct wl_phrase *p, const struct part *part)
{
	if (!is_folded(part))
		return false;
	wl_phrase_add(p, " in %u stretches, the longest", part->largest->pieces);
	return true;
}

static void describe_timer_slack(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add(p, "the timer was allowed to be late (timer slack ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, "); use SCHED_FIFO or prctl(PR_SET_TIMERSLACK)");
}

static void describe_timer_delay(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add(p, "the timer interrupt came ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, " after its time (interrupts off, a deep sleep state, or the hypervisor)");
}

static void describe_irq(struct wl_phrase *p, const struct part *part)
{
	const struct wl_chain *h = &part->report->slow.path.h;

	if (part_who(part)->ctx == WL_WHO_IRQ)
		add_who(p, part);
	else if (part->initial && h->stim_kind == WL_STIM_IRQ)
		wl_phrase_add_irq(p, h->stim_nr, part->report->names.stimulus);
	else
		wl_phrase_add(p, "an interrupt");
	wl_phrase_add(p, " ran ");
	wl_phrase_add_duration(p, part->ns);
	add_typical(p, part);
}

/* "the softirq NET_RX" where the number is known. */
static void add_softirq(struct wl_phrase *p, const struct part *part)
{
	const struct wl_chain *h = &part->report->slow.path.h;
	bool stimulus = part->initial && h->stim_kind == WL_STIM_SOFTIRQ;

	if (part_who(part)->ctx != WL_WHO_SOFTIRQ && !stimulus) {
		wl_phrase_add(p, "a softirq");
		return;
	}
	wl_phrase_add(p, "the ");
	wl_phrase_add_softirq(p, stimulus ? h->stim_nr : part_who(part)->nr);
}

static void describe_softirq_delay(struct wl_phrase *p, const struct part *part)
{
	add_softirq(p, part);
	wl_phrase_add(p, " ran ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, " after it was raised");
	if (part_who(part)->ctx == WL_WHO_TASK || part_who(part)->ctx == WL_WHO_IRQ) {
		wl_phrase_add(p, ", its CPU held by ");
		add_who(p, part);
	}
}

static void describe_softirq(struct wl_phrase *p, const struct part *part)
{
	add_softirq(p, part);
	wl_phrase_add(p, " ran ");
	wl_phrase_add_duration(p, part->ns);
	if (part_who(part)->ctx == WL_WHO_TASK) {
		wl_phrase_add(p, " in ");
		add_who(p, part);
	}
	add_typical(p, part);
}

bool wl_cause_item_begun(const struct wl_slow *slow, uint64_t at)
{
	return slow->work.begun && at >= slow->work.begun;
}

static uint64_t largest_begins(const struct part *part)
{
	const struct wl_path *path = &part->report->slow.path;
	uint64_t at = path->h.start;

	for (const struct wl_seg *s = path->seg; s < part->largest; s++)
		at += s->ns;
	return at;
}

static void describe_queued(struct wl_phrase *p, const struct part *part)
{
	bool item = part->largest && wl_cause_item_begun(&part->report->slow, largest_begins(part));

	wl_phrase_add(p, item ? "the item waited " : "the request waited ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, item ? " in the program: no thread went on with it"
			      : " in the socket: the thread was busy with earlier ones");
}

static void describe_work_delay(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add(p, "the kernel work item waited ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, " in its queue for a kworker");
}

/* Who had the CPU, after the words that the kind begins with. */
static void add_holder(struct wl_phrase *p, const struct part *part, const char *held,
		       const char *busy)
{
	bool task = part_who(part)->ctx == WL_WHO_TASK;
	bool stretches = add_stretches(p, part);

	wl_phrase_add(p, "%s%s ", stretches ? " " : ", ", task ? held : busy);
	if (part->shared)
		wl_phrase_add(p, "%s", task ? "several tasks, longest by " : "several, longest ");
	add_who(p, part);
}

/* The CPU was idle for more than half of the wait; more is not known. */
static void describe_slow_idle(struct wl_phrase *p, const struct part *part)
{
	add_waited(p, part, "for ");
	add_cpu(p, part, "a CPU");
	wl_phrase_add(p, ", mostly idle: slow to wake (power saving state or hypervisor)");
}

static void describe_wakeup(struct wl_phrase *p, const struct part *part)
{
	const struct wl_who *who = part_who(part);
	bool idle = who->ctx == WL_WHO_IDLE;

	if (idle && !part->shared && !is_folded(part)) {
		describe_slow_idle(p, part);
		return;
	}
	add_waited(p, part, "for ");
	add_cpu(p, part, "a CPU");
	if (who->ctx != WL_WHO_NONE && !idle)
		add_holder(p, part, "held by", "busy with");
	else
		wl_phrase_add(p, " (%s)",
			      idle ? "it was idle for the longest part"
				   : "who held it is not known");
}

static void describe_preempted(struct wl_phrase *p, const struct part *part)
{
	const struct wl_who *who = part_who(part);

	add_verb(p, part, "was preempted for", "has been preempted for");
	wl_phrase_add(p, " on ");
	add_cpu(p, part, "several CPUs");
	if (who->ctx == WL_WHO_NONE) {
		wl_phrase_add(p, " (by whom is not known)");
		return;
	}
	if (who->ctx == WL_WHO_IDLE) {
		wl_phrase_add(p, ", which was idle meanwhile");
		return;
	}
	if (!add_stretches(p, part) && part->shared)
		wl_phrase_add(p, " by several, longest");
	wl_phrase_add(p, " by ");
	add_who(p, part);
}

static void describe_interrupted(struct wl_phrase *p, const struct part *part)
{
	const struct wl_who *who = part_who(part);

	add_verb(p, part, "was interrupted for", "has been interrupted for");
	if (who->ctx != WL_WHO_IRQ && who->ctx != WL_WHO_SOFTIRQ) {
		wl_phrase_add(p, " by interrupts or softirqs");
		return;
	}
	/* One sum for all interrupts of a stretch; only the longest one is known. */
	wl_phrase_add(p, ", longest by ");
	add_who(p, part);
}

/* Whoever is named is a kernel thread on the way: the target's own running names nobody. */
static void describe_running(struct wl_phrase *p, const struct part *part)
{
	if (part_who(part)->ctx == WL_WHO_TASK) {
		add_who(p, part);
		wl_phrase_add(p, " ran ");
		wl_phrase_add_duration(p, part->ns);
		wl_phrase_add(p, " on the way");
		add_typical(p, part);
		return;
	}
	add_verb(p, part, "ran", "has been running");
	wl_phrase_add(p, " itself");
	add_typical(p, part);
}

static void describe_throttled(struct wl_phrase *p, const struct part *part)
{
	add_verb(p, part, "was out of CPU quota (cgroup CPU limit) for",
		 "has been out of CPU quota (cgroup CPU limit) for");
}

static void describe_steal(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add(p, "the hypervisor did not run ");
	add_cpu(p, part, "its CPUs");
	wl_phrase_add(p, " for ");
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, " (steal)");
}

static void describe_io(struct wl_phrase *p, const struct part *part)
{
	add_waited(p, part, "for block I/O");
}

static void describe_lock(struct wl_phrase *p, const struct part *part)
{
	add_waited(p, part, "for a lock");
	if (part->open || part_who(part)->ctx != WL_WHO_TASK) {
		wl_phrase_add(p, " (who %s it is not known)", part->open ? "holds" : "held");
		return;
	}
	if (add_stretches(p, part))
		wl_phrase_add(p, " for one");
	wl_phrase_add(p, " that ");
	wl_phrase_add_task(p, part_who(part));
	wl_phrase_add(p, " released");
}

static void describe_task_softirq(struct wl_phrase *p, const struct part *part)
{
	const struct wl_who *who = part_who(part);
	bool net = who->nr == SOFTIRQ_NET_RX || who->nr == SOFTIRQ_NET_TX;

	add_waited(p, part, net ? "for data from the network or another process" : "for an event");
	wl_phrase_add(p, ", delivered by ");
	add_who(p, part);
}

static void describe_task(struct wl_phrase *p, const struct part *part)
{
	const struct wl_who *who = part_who(part);

	if (part->open || who->ctx == WL_WHO_NONE || who->ctx == WL_WHO_IDLE) {
		add_waited(p, part, "for another task or an event");
	} else if (who->ctx == WL_WHO_TASK) {
		add_waited(p, part, "for");
		wl_phrase_add(p, "%s", is_folded(part) ? " answers" : "");
		if (add_stretches(p, part))
			wl_phrase_add(p, " for");
		wl_phrase_add(p, " ");
		wl_phrase_add_task(p, who);
		wl_phrase_add(p, " (another task's answer)");
	} else if (who->ctx == WL_WHO_SOFTIRQ) {
		describe_task_softirq(p, part);
	} else {
		add_waited(p, part, "for an event, delivered by ");
		add_who(p, part);
	}
}

static void describe_timer(struct wl_phrase *p, const struct part *part)
{
	add_verb(p, part, "slept", "has been sleeping");
	wl_phrase_add(p, " until a timer (its own sleep or a timeout)");
}

static void describe_fault(struct wl_phrase *p, const struct part *part)
{
	add_waited(p, part, "in a page fault (memory that was not there yet)");
}

static void describe_reclaim(struct wl_phrase *p, const struct part *part)
{
	add_verb(p, part, "freed memory for", "has been freeing memory for");
	wl_phrase_add(p, " (direct reclaim: the machine or its cgroup is short of memory)");
}

static void describe_stopped(struct wl_phrase *p, const struct part *part)
{
	add_verb(p, part, "was stopped (by a signal or a debugger) for",
		 "has been stopped (by a signal or a debugger) for");
}

static void describe_unknown(struct wl_phrase *p, const struct part *part)
{
	wl_phrase_add_duration(p, part->ns);
	wl_phrase_add(p, " could not be attributed");
}

typedef void (*describe_fn)(struct wl_phrase *p, const struct part *part);

static const describe_fn describers[WL_SEG_MAX] = {
	[WL_SEG_TIMER_SLACK] = describe_timer_slack,
	[WL_SEG_TIMER_DELAY] = describe_timer_delay,
	[WL_SEG_IRQ] = describe_irq,
	[WL_SEG_SOFTIRQ_DELAY] = describe_softirq_delay,
	[WL_SEG_SOFTIRQ] = describe_softirq,
	[WL_SEG_QUEUED] = describe_queued,
	[WL_SEG_WORK_DELAY] = describe_work_delay,
	[WL_SEG_WAKEUP] = describe_wakeup,
	[WL_SEG_RUNNING] = describe_running,
	[WL_SEG_PREEMPTED] = describe_preempted,
	[WL_SEG_INTERRUPTED] = describe_interrupted,
	[WL_SEG_THROTTLED] = describe_throttled,
	[WL_SEG_STEAL] = describe_steal,
	[WL_SEG_IO] = describe_io,
	[WL_SEG_LOCK] = describe_lock,
	[WL_SEG_TASK] = describe_task,
	[WL_SEG_TIMER] = describe_timer,
	[WL_SEG_FAULT] = describe_fault,
	[WL_SEG_RECLAIM] = describe_reclaim,
	[WL_SEG_STOPPED] = describe_stopped,
	[WL_SEG_UNKNOWN] = describe_unknown,
};

/*
 * Who waited, if it was not the target but a kernel thread on the way: whoever runs next. NULL: the
 * target.
 */
static const struct wl_who *part_waiter(const struct part *part)
{
	const struct wl_path *path = &part->report->slow.path;

	if (!part->largest || is_folded(part))
		return NULL;
	for (const struct wl_seg *s = part->largest + 1; s < path->seg + path_segments(path); s++)
		if (s->kind == WL_SEG_RUNNING || s->kind == WL_SEG_SOFTIRQ)
			return s->who.ctx == WL_WHO_TASK ? &s->who : NULL;
	return NULL;
}

static void add_waiter(struct wl_phrase *p, const struct part *part)
{
	static const bool waits[WL_SEG_MAX] = {
		[WL_SEG_WAKEUP] = true, [WL_SEG_PREEMPTED] = true, [WL_SEG_IO] = true,
		[WL_SEG_LOCK] = true,   [WL_SEG_TASK] = true,      [WL_SEG_THROTTLED] = true,
	};
	const struct wl_who *who = waits[part->kind] ? part_waiter(part) : NULL;

	if (!who)
		return;
	wl_phrase_add(p, "on the way ");
	wl_phrase_add_task(p, who);
	wl_phrase_add(p, " ");
}

static void describe_part(struct wl_phrase *p, const struct part *part)
{
	add_waiter(p, part);
	describers[part->kind](p, part);
	if (is_whole(part->ns, part->total))
		return;
	wl_phrase_add(p, "; ");
	wl_phrase_add_duration(p, part->total);
	wl_phrase_add(p, " in all");
}

/* ---- verdict ---- */

struct excess {
	uint64_t ns[WL_SEG_MAX];
	uint64_t whole;
	enum wl_seg_kind first, second; /* the two largest; NONE: no such */
};

static uint64_t typical_ns(const struct wl_report *report, unsigned int kind)
{
	return report->typical.known ? report->typical.budget[kind] : 0;
}

static void excess_find(struct excess *x, const struct wl_report *report)
{
	uint64_t response = wl_slow_response_ns(&report->slow);

	*x = (struct excess){ .first = WL_SEG_NONE };
	x->whole = saturating_sub(response, report->typical.known ? report->typical.ns : 0);
	if (report->typical.known && x->whole < report->typical.ns / USUAL_PART)
		x->whole = 0;
	for (unsigned int i = 1; i < WL_SEG_MAX; i++) {
		x->ns[i] = saturating_sub(report->budget[i], typical_ns(report, i));
		if (x->ns[i] > x->ns[x->first]) {
			x->second = x->first;
			x->first = i;
		} else if (x->ns[i] > x->ns[x->second]) {
			x->second = i;
		}
	}
}

static double excess_share(const struct excess *x, enum wl_seg_kind kind)
{
	if (!x->whole || x->ns[kind] >= x->whole)
		return x->whole ? 1 : 0;
	return (double)x->ns[kind] / (double)x->whole;
}

static void add_share(struct wl_phrase *p, const struct wl_report *report, const struct excess *x,
		      enum wl_seg_kind kind)
{
	struct part part = part_find(report, kind);

	wl_phrase_add(p, "%.0f%% ", 100 * excess_share(x, kind));
	describe_part(p, &part);
}

static void describe_nothing_dominates(struct wl_phrase *p, const struct wl_report *report,
				       const struct excess *x)
{
	wl_phrase_add(p, "no single cause dominates: ");
	add_share(p, report, x, x->first);
	if (!x->second)
		return;
	wl_phrase_add(p, ", ");
	add_share(p, report, x, x->second);
}

static const char *doing(unsigned int kind)
{
	static const char *const words[WL_SEG_MAX] = {
		[WL_SEG_WAKEUP] = "waiting for a CPU",
		[WL_SEG_RUNNING] = "running",
		[WL_SEG_PREEMPTED] = "preempted",
		[WL_SEG_INTERRUPTED] = "interrupted",
		[WL_SEG_THROTTLED] = "out of CPU quota",
		[WL_SEG_STEAL] = "not run by the hypervisor",
		[WL_SEG_IO] = "waiting for block I/O",
		[WL_SEG_LOCK] = "waiting for a lock",
		[WL_SEG_TASK] = "waiting for another task or an event",
		[WL_SEG_TIMER] = "sleeping",
		[WL_SEG_FAULT] = "in a page fault",
		[WL_SEG_RECLAIM] = "freeing memory",
		[WL_SEG_STOPPED] = "stopped",
	};

	return words[kind];
}

/* Says what an unfinished response does now, unless the cause has just said it. */
static void add_not_finished(struct wl_phrase *p, const struct wl_report *report, bool told)
{
	const struct wl_path *path = &report->slow.path;
	unsigned int n = path_segments(path), kind;

	if (report->slow.reason != WL_REASON_TIMEOUT)
		return;
	wl_phrase_add(p, "; not finished");
	if (!n || told)
		return;
	kind = seg_kind(&path->seg[n - 1]);
	if (!doing(kind))
		return;
	wl_phrase_add(p, ", %s for ", doing(kind));
	wl_phrase_add_duration(p, path->seg[n - 1].ns);
}

static bool part_names_culprit(const struct part *part)
{
	bool blocked = part->kind == WL_SEG_LOCK || part->kind == WL_SEG_TASK;
	enum wl_who_ctx ctx = part_who(part)->ctx;

	if (!kind_has_culprit(part->kind) || ctx == WL_WHO_NONE || ctx >= WL_WHO_MAX)
		return false;
	if (part->kind == WL_SEG_LOCK && ctx != WL_WHO_TASK)
		return false;
	/* An open wait has no waker yet, whatever the segment says. */
	return !blocked || !(part->open || ctx == WL_WHO_IDLE);
}

/* One kind explains it. Returns whether the text says that it still goes on. */
static bool cause_dominating(struct wl_cause *cause, struct wl_phrase *p,
			     const struct wl_report *report)
{
	struct part part = part_find(report, cause->kind);

	if (part.largest) {
		cause->cpu = part.largest->cpu;
		if (part_names_culprit(&part))
			cause->who = part.largest->who;
	}
	describe_part(p, &part);
	return part.open;
}

static void cause_none(struct wl_phrase *p, const struct wl_report *report, const struct excess *x)
{
	if (x->whole) {
		wl_phrase_add(p, "the time could not be attributed");
		return;
	}
	wl_phrase_add(p, "took no longer than usual");
	if (report->typical.known) {
		wl_phrase_add(p, " (typical ");
		wl_phrase_add_duration(p, report->typical.ns);
		wl_phrase_add(p, ")");
	}
}

void wl_cause_find(struct wl_report *report)
{
	struct wl_cause cause = { 0 };
	struct wl_phrase text;
	struct excess x;
	bool told = false;

	wl_path_budget(&report->slow.path, report->budget);
	excess_find(&x, report);
	wl_phrase_init(&text, cause.text, sizeof(cause.text));
	cause.kind = x.whole ? x.first : WL_SEG_NONE;
	cause.ns = x.ns[cause.kind];
	cause.share = excess_share(&x, cause.kind);
	if (!cause.kind)
		cause_none(&text, report, &x);
	else if (cause.share < WL_CAUSE_DOMINATES)
		describe_nothing_dominates(&text, report, &x);
	else
		told = cause_dominating(&cause, &text, report);
	add_not_finished(&text, report, told);
	report->cause = cause;
}
