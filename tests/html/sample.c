/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../html/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/phrase.h"

#define START 81106437283881ull
#define US 1000ull
#define MS 1000000ull

enum task {
	TARGET = 0,  /* runs on cpu0, as all even ones */
	HOLDER = 1,  /* of the lock, on cpu1, as all odd ones */
	CULPRIT = 3, /* a real-time task there */
	OTHER = 2,
	FIRST_BYSTANDER = 4,
	TASKS = 16,
};

struct sample {
	struct wl_explained x;
	struct wl_timeline tl;
	const struct sample_options *options;
	uint64_t at[TASKS]; /* where the states of a task end so far */
	uint64_t random;
	bool failed;
};

/* ---- lists ---- */

static void *push(struct sample *s, void **list, size_t *n, size_t *room, size_t size)
{
	if (*n == *room) {
		size_t more = *room ? 2 * *room : 16;
		void *grown = realloc(*list, more * size);

		if (!grown)
			abort();
		*list = grown;
		*room = more;
	}
	memset((char *)*list + *n * size, 0, size);
	return (char *)*list + (*n)++ * size;
}

#define PUSH(s, owner, list, n, room)                                                              \
	push((s), (void **)&(owner)->list, &(owner)->n, &(owner)->room, sizeof(*(owner)->list))

static uint64_t times(const struct sample *s, uint64_t ns)
{
	return START + ns * (s->options->stretch ? s->options->stretch : 1);
}

static uint64_t random_below(struct sample *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % below;
}

/* ---- timeline ---- */

static struct wl_tl_state *add_state(struct sample *s, unsigned int task, uint8_t kind, uint64_t to)
{
	struct wl_tl_task *t = &s->tl.tasks[task];
	struct wl_tl_state *state;

	if (to <= s->at[task])
		return NULL;
	state = PUSH(s, t, states, n, room);
	*state = (struct wl_tl_state){
		.from = s->at[task],
		.to = to,
		.kind = kind,
		.cpu = task % 2,
		.call = -2,
	};
	s->at[task] = to;
	return state;
}

static struct wl_who who_of(const struct sample *s, unsigned int task)
{
	const struct wl_tl_task *t = &s->tl.tasks[task];
	struct wl_who who = {
		.ctx = WL_WHO_TASK,
		.tid = t->tid,
		.tgid = t->tgid,
		.policy = t->policy,
		.prio = t->prio,
	};

	memcpy(who.comm, t->comm, sizeof(who.comm));
	return who;
}

/* It slept, was woken, waited for its CPU and ran. */
static void add_run(struct sample *s, unsigned int task, uint8_t slept, uint64_t woken,
		    uint64_t from, uint64_t to)
{
	struct wl_tl_cpu *cpu = &s->tl.cpus[task % 2];
	struct wl_tl_run *run = PUSH(s, cpu, runs, nruns, runs_room);
	struct wl_tl_state *state = add_state(s, task, slept, woken);

	*run = (struct wl_tl_run){ .from = from, .to = to, .task = task };
	if (state) {
		state->blocked = slept != WL_SEG_PREEMPTED;
		state->call = state->blocked ? (slept == WL_SEG_LOCK ? 202 : 232) : -2;
		if (state->blocked)
			state->by = slept == WL_SEG_LOCK
					    ? who_of(s, HOLDER)
					    : (struct wl_who){ .ctx = WL_WHO_SOFTIRQ,
							       .nr = WL_SOFTIRQ_NET_RX };
	}
	add_state(s, task, WL_SEG_WAKEUP, from);
	add_state(s, task, WL_SEG_RUNNING, to);
}

static void add_frame(struct sample *s, unsigned int cpu, uint8_t ctx, uint16_t nr, uint64_t from,
		      uint64_t to)
{
	struct wl_tl_cpu *c = &s->tl.cpus[cpu];
	struct wl_tl_frame *frame = PUSH(s, c, frames, nframes, frames_room);

	*frame = (struct wl_tl_frame){
		.from = from, .to = to, .ctx = ctx, .nr = nr, .task = WL_NOBODY
	};
}

/* Short runs of bystanders and their interrupts, with pauses. */
static void add_bystanders(struct sample *s, unsigned int cpu, uint64_t from, uint64_t to)
{
	unsigned int period = s->options->period ? s->options->period : 180000;
	uint64_t at = from + random_below(s, period) / 2;

	while (at < to) {
		unsigned int task = FIRST_BYSTANDER + 2 * (unsigned int)random_below(s, 6) + cpu;
		uint64_t end = at + period / 4 + random_below(s, period);
		uint64_t woken = at - random_below(s, period / 4);

		if (end > to)
			return;
		add_frame(s, cpu, WL_WHO_IRQ, random_below(s, 3) ? 36 : WL_VEC_BASE, at,
			  at + period / 50 + 700);
		add_run(s, task, random_below(s, 5) ? WL_SEG_TASK : WL_SEG_TIMER,
			woken > s->at[task] ? woken : s->at[task], at, end);
		at = end + (random_below(s, 3) ? 0 : random_below(s, 2 * period));
	}
}

static void add_cpu0(struct sample *s)
{
	add_bystanders(s, 0, s->tl.begin, times(s, 0) - 300 * US);
	add_frame(s, 0, WL_WHO_IRQ, 36, times(s, 0), times(s, 1800));
	add_frame(s, 0, WL_WHO_SOFTIRQ, WL_SOFTIRQ_NET_RX, times(s, 13800), times(s, 34 * US));
	add_run(s, OTHER, WL_SEG_TASK, times(s, 0) - 310 * US, times(s, 0) - 300 * US,
		times(s, 1950 * US));
	add_run(s, TARGET, WL_SEG_TASK, times(s, 34 * US), times(s, 1950 * US),
		times(s, 2190 * US));
	add_bystanders(s, 0, times(s, 2190 * US), times(s, 26320 * US));
	add_run(s, OTHER, WL_SEG_TASK, times(s, 26330 * US), times(s, 26330 * US),
		times(s, 26450 * US));
	add_run(s, TARGET, WL_SEG_LOCK, times(s, 26390 * US), times(s, 26450 * US),
		times(s, 26488 * US));
	add_bystanders(s, 0, times(s, 26488 * US), s->tl.end);
}

static void add_cpu1(struct sample *s)
{
	add_bystanders(s, 1, s->tl.begin, times(s, 1150 * US));
	add_run(s, HOLDER, WL_SEG_TIMER, times(s, 1190 * US), times(s, 1200 * US),
		times(s, 2600 * US));
	add_run(s, CULPRIT, WL_SEG_TIMER, times(s, 2596 * US), times(s, 2600 * US),
		times(s, 25700 * US));
	for (unsigned int i = 0; i < 5; i++)
		add_frame(s, 1, WL_WHO_IRQ, WL_VEC_BASE, times(s, (4 + 4 * i) * MS),
			  times(s, (4 + 4 * i) * MS + 60 * US));
	add_run(s, HOLDER, WL_SEG_PREEMPTED, times(s, 25700 * US), times(s, 25700 * US),
		times(s, 26420 * US));
	add_bystanders(s, 1, times(s, 26430 * US), s->tl.end);
}

static void name_task(struct sample *s, unsigned int task, const char *comm)
{
	static const char *const comms[TASKS] = {
		"mc-worker", "mc-lru",    "nginx", "backup",      "kworker/0:1", "sshd",
		"postgres",  "rcu_sched", "node",  "journald",    "php-fpm",     "containerd",
		"java",      "chronyd",   "redis", "ksoftirqd/1",
	};
	struct wl_tl_task *t = &s->tl.tasks[task];

	t->tid = task < 2 ? 1240 + task : 800 + 4 * task;
	t->tgid = task < 2 ? 1234 : t->tid;
	t->policy = task == CULPRIT ? 1 : 0;
	t->prio = task == CULPRIT ? -51 : 20;
	t->ran = true;
	memcpy(t->comm, comm ? comm : comms[task],
	       strnlen(comm ? comm : comms[task], sizeof(t->comm)));
	s->at[task] = s->tl.begin;
}

static void make_timeline(struct sample *s)
{
	const struct sample_options *o = s->options;

	s->tl.begin = START - (o->before ? o->before : 40 * MS);
	s->tl.end = times(s, 26488 * US) + (o->after ? o->after : 35 * MS);
	for (unsigned int i = 0; i < 2; i++)
		*(struct wl_tl_cpu *)PUSH(s, &s->tl, cpus, ncpus, cpus_room) =
			(struct wl_tl_cpu){ .cpu = i, .begin = s->tl.begin };
	for (unsigned int i = 0; i < TASKS; i++) {
		PUSH(s, &s->tl, tasks, ntasks, tasks_room);
		name_task(s, i,
			  i == CULPRIT  ? o->culprit
			  : i == OTHER  ? o->other
			  : i == TARGET ? o->target
					: NULL);
	}
	add_cpu0(s);
	add_cpu1(s);
	for (unsigned int i = 0; i < TASKS; i++) {
		struct wl_tl_state *last = add_state(s, i, WL_SEG_TASK, s->tl.end);

		if (last)
			last->blocked = last->open = true;
	}
}

/* ---- nodes ---- */

static uint32_t add_node(struct sample *s, uint32_t parent, uint8_t role, uint8_t kind,
			 uint64_t from, uint64_t to, unsigned int cpu)
{
	struct wl_explained *x = &s->x;
	struct wl_node *n = PUSH(s, x, nodes, nnodes, nodes_room);
	uint32_t index = (uint32_t)x->nnodes - 1, *link;

	*n = (struct wl_node){
		.from = times(s, from),
		.to = times(s, to),
		.ns = times(s, to) - times(s, from),
		.parent = parent,
		.first = WL_NODE_NONE,
		.next = WL_NODE_NONE,
		.task = WL_NOBODY,
		.role = role,
		.kind = kind,
		.cpu = (uint16_t)cpu,
		.call = -2,
	};
	if (parent == WL_NODE_NONE)
		return index;
	n->depth = x->nodes[parent].depth + 1;
	for (link = &x->nodes[parent].first; *link != WL_NODE_NONE; link = &x->nodes[*link].next)
		;
	*link = index;
	return index;
}

static uint32_t add_task_node(struct sample *s, uint32_t parent, uint8_t role, uint8_t kind,
			      uint64_t from, uint64_t to, unsigned int task)
{
	uint32_t n = add_node(s, parent, role, kind, from, to, task % 2);

	s->x.nodes[n].task = task;
	s->x.nodes[n].who = who_of(s, task);
	return n;
}

static void add_context(struct sample *s, uint8_t kind, uint64_t from, uint64_t to, uint8_t ctx,
			uint16_t nr)
{
	uint32_t n = add_node(s, 0, WL_NODE_PATH, kind, from, to, 0);

	s->x.nodes[n].who = (struct wl_who){ .ctx = ctx, .nr = nr };
}

static void add_function(struct sample *s, uint32_t parent, const char *text, uint32_t samples)
{
	uint32_t n =
		add_node(s, parent, WL_NODE_FUNCTION, WL_SEG_RUNNING, 2600 * US, 25700 * US, 1);

	s->x.nodes[n].text = text;
	s->x.nodes[n].count = samples;
}

static uint32_t add_lock(struct sample *s)
{
	uint32_t lock, waited, preempted, held, top;

	lock = add_task_node(s, 0, WL_NODE_PATH, WL_SEG_LOCK, 2190 * US, 26390 * US, TARGET);
	s->x.nodes[lock].call = 202;
	waited = add_task_node(s, lock, WL_NODE_WAITED, WL_SEG_LOCK, 2190 * US, 26390 * US, HOLDER);
	add_task_node(s, waited, WL_NODE_PATH, WL_SEG_RUNNING, 2190 * US, 2600 * US, HOLDER);
	preempted = add_task_node(s, waited, WL_NODE_PATH, WL_SEG_PREEMPTED, 2600 * US, 25700 * US,
				  HOLDER);
	held = add_task_node(s, preempted, WL_NODE_HELD, WL_SEG_RUNNING, 2600 * US, 25700 * US,
			     CULPRIT);
	add_task_node(s, waited, WL_NODE_PATH, WL_SEG_RUNNING, 25700 * US, 26390 * US, HOLDER);
	add_function(s, held, "deflate_slow", 19);
	add_function(s, held, "copy_user_enhanced_fast_string", 4);
	top = add_node(s, held, WL_NODE_ON_TOP, WL_SEG_IRQ, 4 * MS, 20060 * US, 1);
	s->x.nodes[top].who = (struct wl_who){ .ctx = WL_WHO_IRQ, .nr = WL_VEC_BASE };
	s->x.nodes[top].count = 5;
	s->x.nodes[top].ns = 300 * US;
	s->x.nodes[top].flags = WL_NODE_F_FOLDED;
	s->x.nodes[lock].flags = s->x.nodes[waited].flags = s->x.nodes[preempted].flags =
		WL_NODE_F_CAUSE;
	s->x.nodes[held].flags = WL_NODE_F_CAUSE | WL_NODE_F_ROOT;
	return held;
}

static void make_nodes(struct sample *s)
{
	uint32_t wakeup;

	add_task_node(s, WL_NODE_NONE, WL_NODE_ROOT, WL_SEG_NONE, 0, 26488 * US, TARGET);
	add_context(s, WL_SEG_IRQ, 0, 1800, WL_WHO_IRQ, 36);
	add_context(s, WL_SEG_SOFTIRQ_DELAY, 1800, 13800, WL_WHO_SOFTIRQ, WL_SOFTIRQ_NET_RX);
	add_context(s, WL_SEG_SOFTIRQ, 13800, 34 * US, WL_WHO_SOFTIRQ, WL_SOFTIRQ_NET_RX);
	wakeup = add_task_node(s, 0, WL_NODE_PATH, WL_SEG_WAKEUP, 34 * US, 1950 * US, TARGET);
	add_task_node(s, wakeup, WL_NODE_HELD, WL_SEG_RUNNING, 34 * US, 1950 * US, OTHER);
	add_task_node(s, 0, WL_NODE_PATH, WL_SEG_RUNNING, 1950 * US, 2190 * US, TARGET);
	s->x.root_cause = add_lock(s);
	wakeup = add_task_node(s, 0, WL_NODE_PATH, WL_SEG_WAKEUP, 26390 * US, 26450 * US, TARGET);
	add_task_node(s, wakeup, WL_NODE_HELD, WL_SEG_RUNNING, 26390 * US, 26450 * US, OTHER);
	add_task_node(s, 0, WL_NODE_PATH, WL_SEG_RUNNING, 26450 * US, 26488 * US, TARGET);
}

/* ---- report ---- */

static void make_typical(struct wl_typical *typical)
{
	*typical = (struct wl_typical){ .count = 51234, .ns = 68000, .known = true };
	typical->budget[WL_SEG_IRQ] = 1700;
	typical->budget[WL_SEG_SOFTIRQ_DELAY] = 400;
	typical->budget[WL_SEG_SOFTIRQ] = 18900;
	typical->budget[WL_SEG_WAKEUP] = 9000;
	typical->budget[WL_SEG_RUNNING] = 38000;
}

static void make_cause(struct wl_explained *x)
{
	struct wl_cause *cause = &x->report.cause;
	struct wl_phrase p;

	cause->kind = WL_SEG_LOCK;
	cause->ns = x->nodes[x->root_cause].ns;
	cause->share = 0.92;
	cause->who = x->root;
	cause->cpu = 1;
	x->root_ns = cause->ns;
	wl_phrase_init(&p, cause->text, sizeof(cause->text));
	wl_phrase_add(&p, "waited 24.2ms for a lock held by ");
	wl_phrase_add_task(&p, &x->via);
	wl_phrase_add(&p, ", which was preempted for 23.1ms on cpu1 by ");
	wl_phrase_add_who(&p, &x->root, NULL);
	snprintf(x->advice, sizeof(x->advice),
		 "Lower its real-time priority, or keep it off cpu1: nothing else runs there while "
		 "it does.");
	snprintf(x->caveats[0], sizeof(x->caveats[0]),
		 "The lock's holder is who woke the target; that it held the lock was not seen.");
	x->ncaveats = 1;
	x->confidence = WL_LIKELY;
}

static void make_report(struct sample *s)
{
	struct wl_explained *x = &s->x;
	struct wl_report *r = &x->report;

	r->id = 17;
	r->time.sec = 1795290067;
	r->time.nsec = 123456789;
	r->slow.threshold_ns = 5 * MS;
	r->slow.tid = s->tl.tasks[TARGET].tid;
	r->slow.tgid = s->tl.tasks[TARGET].tgid;
	memcpy(r->slow.comm, s->tl.tasks[TARGET].comm, sizeof(r->slow.comm));
	memcpy(r->slow.process, "memcached", 10);
	r->slow.end_kind = WL_END_IDLE;
	r->slow.path.h.start = START;
	r->slow.path.h.last = r->slow.end = times(s, 26488 * US);
	r->slow.path.h.stim_kind = WL_STIM_IRQ;
	r->slow.path.h.stim_nr = 36;
	snprintf(r->names.stimulus, sizeof(r->names.stimulus), "virtio0-input.0");
	snprintf(r->names.syscall, sizeof(r->names.syscall), "epoll_wait");
	for (size_t i = 0; i < x->nnodes; i++)
		if (x->nodes[i].parent == 0)
			r->budget[x->nodes[i].kind] += x->nodes[i].ns;
	if (!s->options->unknown)
		make_typical(&r->typical);
	x->why = WL_WHY_LOCK_WAITING;
	x->root = who_of(s, CULPRIT);
	x->via = who_of(s, HOLDER);
	make_cause(x);
}

static const char *irq_name(const void *ctx, unsigned int nr)
{
	return nr == 36 ? "virtio0-input.0" : NULL;
}

struct wl_explained *sample_new(const struct sample_options *options)
{
	struct sample *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->options = options;
	s->random = 88172645463325252ull;
	s->x.timeline = &s->tl;
	s->x.names.irq = irq_name;
	make_timeline(s);
	make_nodes(s);
	make_report(s);
	return &s->x;
}

void sample_free(struct wl_explained *x)
{
	struct wl_timeline *tl;

	if (!x)
		return;
	tl = x->timeline;
	for (size_t i = 0; i < tl->ncpus; i++) {
		free(tl->cpus[i].runs);
		free(tl->cpus[i].frames);
	}
	for (size_t i = 0; i < tl->ntasks; i++)
		free(tl->tasks[i].states);
	free(tl->cpus);
	free(tl->tasks);
	free(x->nodes);
	free(x); /* first member of struct sample */
}
