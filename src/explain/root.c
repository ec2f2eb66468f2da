/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The kind of time that was in excess is followed down the tree to where nobody waits for anybody:
 * its leaves. Leaves of one culprit are added up; the one with the most time is the root cause. A
 * wrong verdict is worse than none: who only held a part is told with its part.
 */
#include "explain/root.h"

#include <string.h>

#include "explain/names.h"
#include "explain/phrase.h"

#define LEAVES 64        /* culprits remembered */
#define HOLDERS_TOLD 3   /* by name */
#define SHARE_PERCENT 10 /* of the wait: below, a holder is one of the others */
#define AWAKE_NS 200000  /* within this time of its end, an interrupt may end the wait */
#define SAMPLES_MOST 60  /* percent of the samples in one place that decide user or kernel */

struct leaf {
	struct wl_who who;
	uint64_t ns;
	uint32_t node; /* the longest one */
	uint8_t role, kind;
};

struct leaves {
	struct leaf all[LEAVES];
	unsigned n;
	uint64_t ns; /* of all, forgotten ones too */
};

static const struct wl_node *node_at(const struct wl_explained *x, uint32_t i)
{
	return &x->nodes[i];
}

/* --- leaves --- */

static bool same_leaf(const struct leaf *l, const struct wl_node *n)
{
	return l->role == n->role && l->kind == n->kind && l->who.ctx == n->who.ctx &&
	       l->who.tid == n->who.tid && l->who.nr == n->who.nr;
}

static void add_leaf(const struct wl_explained *x, struct leaves *leaves, uint32_t i, uint64_t ns)
{
	const struct wl_node *n = node_at(x, i);
	unsigned k = 0;

	leaves->ns += ns;
	while (k < leaves->n && !same_leaf(&leaves->all[k], n))
		k++;
	if (k == LEAVES)
		return;
	if (k == leaves->n)
		leaves->all[leaves->n++] =
			(struct leaf){ .who = n->who, .node = i, .role = n->role, .kind = n->kind };
	leaves->all[k].ns += ns;
	if (ns > node_at(x, leaves->all[k].node)->ns)
		leaves->all[k].node = i;
}

static uint32_t first_of(const struct wl_explained *x, uint32_t parent, uint8_t role)
{
	uint32_t i = node_at(x, parent)->first;

	while (i != WL_NODE_NONE && node_at(x, i)->role != role)
		i = node_at(x, i)->next;
	return i;
}

static uint64_t add_children(const struct wl_explained *x, struct leaves *leaves, uint32_t parent,
			     uint8_t role)
{
	uint64_t ns = 0;

	for (uint32_t i = node_at(x, parent)->first; i != WL_NODE_NONE; i = node_at(x, i)->next) {
		if (node_at(x, i)->role != role)
			continue;
		add_leaf(x, leaves, i, node_at(x, i)->ns);
		ns += node_at(x, i)->ns;
	}
	return ns;
}

/* The leaves below a stretch of somebody's path. The recursion is as deep as the tree. */
static void find_leaves(const struct wl_explained *x, struct leaves *leaves, uint32_t i)
{
	const struct wl_node *n = node_at(x, i);
	uint32_t waited = first_of(x, i, WL_NODE_WAITED);
	uint64_t held;

	if (first_of(x, i, WL_NODE_REQUEST) != WL_NODE_NONE) {
		add_leaf(x, leaves, i, n->ns);
		return;
	}
	if (waited != WL_NODE_NONE && node_at(x, waited)->first == WL_NODE_NONE) {
		add_leaf(x, leaves, waited, node_at(x, waited)->ns);
		return;
	}
	if (waited != WL_NODE_NONE) {
		for (uint32_t k = node_at(x, waited)->first; k != WL_NODE_NONE;
		     k = node_at(x, k)->next)
			find_leaves(x, leaves, k);
		return;
	}
	held = add_children(x, leaves, i, WL_NODE_HELD);
	if (n->ns > held)
		add_leaf(x, leaves, i, n->ns - held);
}

/* Of all stretches of the response of that kind. */
static void find_all(const struct wl_explained *x, struct leaves *leaves, unsigned kind)
{
	memset(leaves, 0, sizeof(*leaves));
	for (uint32_t i = node_at(x, 0)->first; i != WL_NODE_NONE; i = node_at(x, i)->next) {
		unsigned k = node_at(x, i)->kind;

		if (kind == WL_SEG_INTERRUPTED && k == WL_SEG_RUNNING)
			add_children(x, leaves, i, WL_NODE_ON_TOP);
		else if (k == kind)
			find_leaves(x, leaves, i);
	}
}

static const struct leaf *largest(const struct leaves *leaves)
{
	const struct leaf *best = NULL;

	for (unsigned i = 0; i < leaves->n; i++)
		if (!best || leaves->all[i].ns > best->ns)
			best = &leaves->all[i];
	return best;
}

/* Whom the response itself waited for, on the way to that node; NONE: for nobody. */
static uint32_t via_of(const struct wl_explained *x, uint32_t node)
{
	uint32_t via = WL_NODE_NONE;

	for (uint32_t i = node; i != WL_NODE_NONE; i = node_at(x, i)->parent)
		if (node_at(x, i)->role == WL_NODE_WAITED)
			via = i;
	return via;
}

static void mark(struct wl_explained *x, uint32_t node)
{
	x->nodes[node].flags |= WL_NODE_F_ROOT;
	for (uint32_t i = node; i != WL_NODE_NONE; i = x->nodes[i].parent)
		x->nodes[i].flags |= WL_NODE_F_CAUSE;
}

/* --- why --- */

static bool is_rt(unsigned policy)
{
	return policy == 1 || policy == 2 || policy == 6;
}

static bool target_is_rt(const struct wl_explained *x)
{
	uint32_t task = node_at(x, 0)->task;

	return task != WL_NOBODY && is_rt(x->timeline->tasks[task].policy);
}

/*
 * Did that CPU do something else, and then go idle, while a real-time task waited for it? Then it
 * was awake, and was not allowed to run that task: its share of the CPU was used up.
 */
static bool was_awake(const struct wl_explained *x, const struct leaf *l)
{
	const struct wl_node *wait = node_at(x, node_at(x, l->node)->parent);

	for (uint32_t i = wait->first; i != WL_NODE_NONE; i = node_at(x, i)->next) {
		const struct wl_node *n = node_at(x, i);

		if (n->who.ctx != WL_WHO_IDLE && n->from > wait->from + AWAKE_NS &&
		    n->from + AWAKE_NS < wait->to)
			return true;
	}
	return false;
}

static enum wl_why why_held(const struct wl_explained *x, const struct leaf *l, unsigned kind)
{
	bool preempted = kind == WL_SEG_PREEMPTED;

	if (l->role != WL_NODE_HELD)
		return WL_WHY_UNKNOWN;
	switch (l->who.ctx) {
	case WL_WHO_TASK:
		if (target_is_rt(x) && !is_rt(l->who.policy))
			return WL_WHY_RT_THROTTLED;
		if (preempted)
			return WL_WHY_PREEMPTED;
		return is_rt(l->who.policy) ? WL_WHY_CPU_RT : WL_WHY_CPU_NORMAL;
	case WL_WHO_SOFTIRQ:
		return WL_WHY_SOFTIRQ;
	case WL_WHO_IRQ:
	case WL_WHO_TIMER:
		return WL_WHY_IRQ;
	case WL_WHO_IDLE:
		return target_is_rt(x) && (preempted || was_awake(x, l)) ? WL_WHY_RT_THROTTLED
									 : WL_WHY_SLOW_WAKE;
	default:
		return WL_WHY_UNKNOWN;
	}
}

static enum wl_why why_waited(const struct wl_explained *x, const struct leaf *l, unsigned kind)
{
	uint32_t via = via_of(x, l->node);
	bool ran = l->role == WL_NODE_PATH && l->kind == WL_SEG_RUNNING;

	if (via == WL_NODE_NONE)
		return kind == WL_SEG_LOCK ? WL_WHY_LOCK_BUSY : WL_WHY_UNKNOWN;
	if (kind == WL_SEG_LOCK)
		return ran && l->who.tid == node_at(x, via)->who.tid ? WL_WHY_LOCK_BUSY
								     : WL_WHY_LOCK_WAITING;
	return node_at(x, via)->who.ctx == WL_WHO_TASK ? WL_WHY_ANSWER : WL_WHY_EVENT;
}

/* Were most of the samples in user space? Of those of the response's running. */
static enum wl_why why_own(const struct wl_explained *x)
{
	uint32_t user = 0, kernel = 0;

	for (size_t i = 0; i < x->nnodes; i++) {
		const struct wl_node *n = &x->nodes[i];

		if (n->role != WL_NODE_FUNCTION || n->kind != WL_SEG_RUNNING)
			continue;
		if (n->flags & WL_NODE_F_USER)
			user += n->count;
		else
			kernel += n->count;
	}
	if (user + kernel && 100 * user >= SAMPLES_MOST * (user + kernel))
		return WL_WHY_OWN_USER;
	if (user + kernel && 100 * kernel >= SAMPLES_MOST * (user + kernel))
		return WL_WHY_OWN_KERNEL;
	return WL_WHY_OWN;
}

static enum wl_why why_of(const struct wl_explained *x, const struct leaf *l, unsigned kind)
{
	static const uint8_t simple[WL_SEG_MAX] = {
		[WL_SEG_TIMER_SLACK] = WL_WHY_OTHER, [WL_SEG_TIMER_DELAY] = WL_WHY_TIMER_LATE,
		[WL_SEG_IRQ] = WL_WHY_IRQ,           [WL_SEG_SOFTIRQ_DELAY] = WL_WHY_SOFTIRQ,
		[WL_SEG_SOFTIRQ] = WL_WHY_SOFTIRQ,   [WL_SEG_QUEUED] = WL_WHY_QUEUED,
		[WL_SEG_WORK_DELAY] = WL_WHY_OTHER,  [WL_SEG_STEAL] = WL_WHY_STEAL,
		[WL_SEG_IO] = WL_WHY_DISK,           [WL_SEG_TIMER] = WL_WHY_SLEPT,
		[WL_SEG_FAULT] = WL_WHY_FAULT,       [WL_SEG_RECLAIM] = WL_WHY_RECLAIM,
		[WL_SEG_STOPPED] = WL_WHY_STOPPED,   [WL_SEG_UNKNOWN] = WL_WHY_UNKNOWN,
	};

	switch (kind) {
	case WL_SEG_WAKEUP:
	case WL_SEG_PREEMPTED:
		return why_held(x, l, kind);
	case WL_SEG_THROTTLED:
		return target_is_rt(x) ? WL_WHY_RT_THROTTLED : WL_WHY_CPU_QUOTA;
	case WL_SEG_LOCK:
	case WL_SEG_TASK:
		return why_waited(x, l, kind);
	case WL_SEG_INTERRUPTED:
		if (l->who.ctx == WL_WHO_NONE)
			return WL_WHY_UNKNOWN;
		return l->who.ctx == WL_WHO_SOFTIRQ ? WL_WHY_SOFTIRQ : WL_WHY_IRQ;
	case WL_SEG_RUNNING:
		return why_own(x);
	default:
		return kind < WL_SEG_MAX ? simple[kind] : WL_WHY_UNKNOWN;
	}
}

/* --- words --- */

static const char *irq_name(const struct wl_explained *x, const struct wl_who *who)
{
	if (who->ctx != WL_WHO_IRQ || !x->names.irq)
		return NULL;
	return x->names.irq(x->names.ctx, who->nr);
}

static void add_who(struct wl_phrase *p, const struct wl_explained *x, const struct wl_who *who)
{
	wl_phrase_add_who(p, who, irq_name(x, who));
}

static void add_device(struct wl_phrase *p, const struct wl_explained *x, uint32_t dev)
{
	const char *name = x->names.device ? x->names.device(x->names.ctx, dev) : NULL;

	if (name)
		wl_phrase_add_name(p, name, strlen(name));
	else
		wl_phrase_add(p, "device %u:%u", dev >> 20, dev & 0xfffff);
}

static void add_request(struct wl_phrase *p, const struct wl_explained *x, uint32_t node)
{
	uint32_t i = first_of(x, node, WL_NODE_REQUEST);
	const struct wl_tl_request *r;

	if (i == WL_NODE_NONE)
		return;
	r = &x->timeline->requests[node_at(x, i)->index];
	wl_phrase_add(p, ": a %s of %u KiB on ", r->write ? "write" : "read", r->nsectors / 2);
	add_device(p, x, r->dev);
	wl_phrase_add(p, " took ");
	wl_phrase_add_duration(p, r->done - r->queued);
	if (node_at(x, i)->count)
		wl_phrase_add(p, ", %u before it in the queue", node_at(x, i)->count);
}

/* The n-th most of those who held a CPU. */
static const struct leaf *nth_holder(const struct leaves *leaves, unsigned n)
{
	const struct leaf *last = NULL, *best;

	do {
		best = NULL;
		for (unsigned i = 0; i < leaves->n; i++) {
			const struct leaf *l = &leaves->all[i];
			bool after = !last || l->ns < last->ns || (l->ns == last->ns && l > last);

			if (l->role == WL_NODE_HELD && after && (!best || l->ns > best->ns))
				best = l;
		}
		last = best;
	} while (best && n--);
	return best;
}

/* "held by hog/7 (SCHED_FIFO 50) for 10ms, then …" */
static void add_holders(struct wl_phrase *p, const struct wl_explained *x,
			const struct leaves *leaves)
{
	const struct leaf *l;
	uint64_t told = 0;
	unsigned n = 0;

	for (; n < HOLDERS_TOLD && (l = nth_holder(leaves, n)); n++) {
		if (n && l->ns < leaves->ns / SHARE_PERCENT)
			break;
		wl_phrase_add(p, "%s", n ? ", " : "");
		add_who(p, x, &l->who);
		told += l->ns;
		if (l->ns >= leaves->ns - leaves->ns / 20)
			continue;
		wl_phrase_add(p, " for ");
		wl_phrase_add_duration(p, l->ns);
	}
	if (n && leaves->ns - told > leaves->ns / SHARE_PERCENT) {
		wl_phrase_add(p, ", and others for ");
		wl_phrase_add_duration(p, leaves->ns - told);
	}
}

/* What a task did that others waited for: "ran 10ms itself", "waited 10ms for cpu1, held by …". */
static void add_doing(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l)
{
	const struct wl_node *n = node_at(x, l->node);

	if (l->role == WL_NODE_HELD) {
		wl_phrase_add(p, "waited for cpu%u, held for ", n->cpu);
		wl_phrase_add_duration(p, l->ns);
		wl_phrase_add(p, " by ");
		add_who(p, x, &l->who);
		return;
	}
	switch (l->kind) {
	case WL_SEG_RUNNING:
		wl_phrase_add(p, "ran ");
		break;
	case WL_SEG_IO:
		wl_phrase_add(p, "waited for block I/O ");
		break;
	case WL_SEG_LOCK:
		wl_phrase_add(p, "waited for a lock ");
		break;
	case WL_SEG_TIMER:
		wl_phrase_add(p, "slept ");
		break;
	case WL_SEG_STOPPED:
		wl_phrase_add(p, "was stopped ");
		break;
	case WL_SEG_THROTTLED:
		wl_phrase_add(p, "was out of CPU quota ");
		break;
	default:
		wl_phrase_add(p, "was in state %s ", wl_seg_name(l->kind));
	}
	wl_phrase_add_duration(p, l->ns);
	add_request(p, x, l->node);
}

/* "…, which ran 10ms", "…, which waited for other/8, which …" */
static void add_which(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l,
		      uint32_t via)
{
	const struct wl_node *leaf = node_at(x, l->node);
	uint32_t last = via;

	for (uint32_t i = l->node; i != via && i != WL_NODE_NONE; i = node_at(x, i)->parent)
		if (node_at(x, i)->role == WL_NODE_WAITED && i != l->node) {
			last = i;
			break;
		}
	if (last != via) {
		wl_phrase_add(p, ", which waited for ");
		wl_phrase_add_task(p, &node_at(x, last)->who);
	}
	if (leaf->role == WL_NODE_WAITED) {
		wl_phrase_add(p, ", which waited for ");
		add_who(p, x, &leaf->who);
		return;
	}
	wl_phrase_add(p, ", which ");
	add_doing(p, x, l);
}

static void add_functions(struct wl_phrase *p, const struct wl_explained *x)
{
	const struct wl_node *best = NULL;
	uint32_t all = 0;

	for (size_t i = 0; i < x->nnodes; i++) {
		const struct wl_node *n = &x->nodes[i];

		if (n->role != WL_NODE_FUNCTION || n->kind != WL_SEG_RUNNING)
			continue;
		all += n->count;
		if (!best || n->count > best->count)
			best = n;
	}
	if (!best)
		return;
	wl_phrase_add(p, ", in %s", best->flags & WL_NODE_F_USER ? "" : "the kernel's ");
	wl_phrase_add_name(p, best->text, strlen(best->text));
	wl_phrase_add(p, "() in %u of %u samples", best->count, all);
}

static void tell_held(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l,
		      const struct leaves *leaves)
{
	const struct wl_cause *c = &x->report.cause;
	bool preempted = c->kind == WL_SEG_PREEMPTED;

	wl_phrase_add(p, preempted ? "was preempted for " : "waited ");
	wl_phrase_add_duration(p, leaves->ns);
	wl_phrase_add(p, preempted ? " on cpu%u by " : " for cpu%u, held by ",
		      node_at(x, l->node)->cpu);
	add_holders(p, x, leaves);
}

/* Who ran meanwhile is not to blame. */
static void tell_throttled(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l,
			   const struct leaves *leaves)
{
	wl_phrase_add(p,
		      x->report.cause.kind == WL_SEG_PREEMPTED ? "was kept off cpu%u for "
							       : "waited for cpu%u for ",
		      node_at(x, l->node)->cpu);
	wl_phrase_add_duration(p, leaves->ns);
	wl_phrase_add(p, ": real-time tasks had used up their share of the CPU");
}

static void tell_waited(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l,
			const struct leaves *leaves)
{
	uint32_t via = via_of(x, l->node);

	wl_phrase_add(p, "waited ");
	wl_phrase_add_duration(p, leaves->ns);
	wl_phrase_add(p, x->report.cause.kind == WL_SEG_LOCK ? " for a lock held by "
							     : " for the answer of ");
	wl_phrase_add_task(p, &node_at(x, via)->who);
	add_which(p, x, l, via);
}

static void tell_interrupted(struct wl_phrase *p, const struct wl_explained *x,
			     const struct leaf *l, const struct leaves *leaves)
{
	wl_phrase_add(p, "was interrupted for ");
	wl_phrase_add_duration(p, leaves->ns);
	wl_phrase_add(p, ", for ");
	wl_phrase_add_duration(p, l->ns);
	wl_phrase_add(p, " of it by ");
	add_who(p, x, &l->who);
	if (node_at(x, l->node)->count > 1)
		wl_phrase_add(p, " (%u times)", node_at(x, l->node)->count);
}

static void add_held_by(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l)
{
	if (l->who.ctx == WL_WHO_IDLE)
		return;
	wl_phrase_add(p, "; meanwhile cpu%u was held for ", node_at(x, l->node)->cpu);
	wl_phrase_add_duration(p, l->ns);
	wl_phrase_add(p, " by ");
	add_who(p, x, &l->who);
}

/* The cause's text as it is, with more behind it. */
static void tell_more(struct wl_phrase *p, const struct wl_explained *x, const struct leaf *l)
{
	wl_phrase_add(p, "%s", x->report.cause.text);
	if (x->report.cause.kind == WL_SEG_RUNNING)
		add_functions(p, x);
	else if (l && l->role == WL_NODE_HELD)
		add_held_by(p, x, l);
	else if (l)
		add_request(p, x, l->node);
}

static void tell(struct wl_explained *x, const struct leaf *l, const struct leaves *leaves)
{
	char text[WL_CAUSE_TEXT];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	if (l && x->why == WL_WHY_RT_THROTTLED)
		tell_throttled(&p, x, l, leaves);
	else if (l && l->role == WL_NODE_HELD && l->who.ctx != WL_WHO_IDLE &&
		 via_of(x, l->node) == WL_NODE_NONE && x->report.cause.kind != WL_SEG_SOFTIRQ_DELAY)
		tell_held(&p, x, l, leaves);
	else if (l && (x->report.cause.kind == WL_SEG_LOCK || x->why == WL_WHY_ANSWER) &&
		 via_of(x, l->node) != WL_NODE_NONE)
		tell_waited(&p, x, l, leaves);
	else if (l && x->report.cause.kind == WL_SEG_INTERRUPTED)
		tell_interrupted(&p, x, l, leaves);
	else
		tell_more(&p, x, l);
	memcpy(x->report.cause.text, text, sizeof(text));
}

static const char *const advices[WL_WHYS_MAX] = {
	[WL_WHY_CPU_RT] = "give the task a higher real-time priority, or another CPU than that one",
	[WL_WHY_CPU_NORMAL] = "use cpu.weight, nice, a real-time priority, or a CPU of its own",
	[WL_WHY_PREEMPTED] = "raise its priority above the other's, or give it a CPU of its own",
	[WL_WHY_IRQ] =
		"look at that device's driver; move its interrupt (/proc/irq/N/smp_affinity)",
	[WL_WHY_SOFTIRQ] = "look at /proc/softirqs and ksoftirqd; spread the load (RPS, affinity)",
	[WL_WHY_TIMER_LATE] = "look for code that keeps interrupts off, and at power saving states",
	[WL_WHY_STEAL] = "the host is overcommitted: look at steal in vmstat, ask its owner",
	[WL_WHY_CPU_QUOTA] = "look at cpu.max and cpu.stat (nr_throttled) of its cgroup",
	[WL_WHY_RT_THROTTLED] = "look at cpu.rt_runtime_us and kernel.sched_rt_runtime_us",
	[WL_WHY_DISK] = "look at iostat -x for that device, and at who else uses it",
	[WL_WHY_LOCK_BUSY] = "hold the lock for a shorter time, or split it",
	[WL_WHY_LOCK_WAITING] = "use priority inheritance, or don't wait while holding the lock",
	[WL_WHY_ANSWER] = "look at that process: watch it with whylate as well",
	[WL_WHY_FAULT] = "lock or touch the memory beforehand (mlock, MAP_POPULATE)",
	[WL_WHY_RECLAIM] = "look at memory.max and memory.pressure of its cgroup, and at free",
	[WL_WHY_OWN_USER] = "profile it: perf record -g -t TID",
	[WL_WHY_OWN_KERNEL] = "look at what it asks of that system call",
	[WL_WHY_OWN] = "profile it: perf record -g -t TID",
	[WL_WHY_STOPPED] = "find out who sends SIGSTOP, or who traces it",
	[WL_WHY_SLOW_WAKE] = "look at cpuidle states (cpupower idle-info), or at the hypervisor",
	[WL_WHY_QUEUED] = "it needs more threads, or shorter requests",
};

static void set_root(struct wl_explained *x, const struct leaf *l, const struct leaves *leaves)
{
	uint32_t via = via_of(x, l->node);

	x->root_cause = l->node;
	x->root_ns = l->ns;
	if (x->why == WL_WHY_RT_THROTTLED) {
		x->root_cause = node_at(x, l->node)->parent;
		x->root_ns = leaves->ns;
	} else if (l->who.ctx != WL_WHO_IDLE) {
		x->root = l->who;
	}
	mark(x, x->root_cause);
	if (via != WL_NODE_NONE && via != l->node)
		x->via = node_at(x, via)->who;
	if (x->via.ctx == x->root.ctx && x->via.tid == x->root.tid)
		memset(&x->via, 0, sizeof(x->via));
}

void wl_root_find(struct wl_explained *x)
{
	const struct wl_cause *cause = &x->report.cause;
	const struct leaf *l;
	struct leaves leaves;

	x->root_cause = WL_NODE_NONE;
	if (!cause->kind)
		return;
	find_all(x, &leaves, cause->kind);
	l = largest(&leaves);
	if (cause->share < WL_CAUSE_DOMINATES) {
		x->why = WL_WHY_MANY;
		return;
	}
	x->why = l || cause->kind == WL_SEG_STEAL ? why_of(x, l, cause->kind) : WL_WHY_UNKNOWN;
	if (l)
		set_root(x, l, &leaves);
	/* in the trace, what the host took is part of a stretch on a CPU */
	if (cause->kind == WL_SEG_RUNNING && x->root_ns > x->report.budget[WL_SEG_RUNNING])
		x->root_ns = x->report.budget[WL_SEG_RUNNING];
	tell(x, l, &leaves);
	if (advices[x->why])
		memcpy(x->advice, advices[x->why], strlen(advices[x->why]) + 1);
}
