/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/history.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "explain/by_tid.h"
#include "explain/replay_state.h"
#include "util/grow.h"

#define FRAMES 16           /* nested ones remembered per CPU */
#define WAKE_MOVE_NS 100000 /* a waker chooses the wakee's CPU within this time */

/* How a task sleeps, and what it has been woken with ahead of that. */
/* A task of the builder's: what it does from `since` on. */
struct doing {
	uint32_t tid, index; /* in the timeline */
	uint64_t since;
	uint8_t kind; /* enum wl_seg_kind; NONE: not known, UNKNOWN: blocked */
	bool reclaim;
	bool early; /* woken while it was on its CPU */
	bool moved; /* its CPU was chosen since it was woken */
	uint16_t cpu, early_cpu;
	struct wl_sleep sleep;
	struct wl_who early_by;
};

struct here {
	struct wl_tl_cpu *cpu;
	uint32_t task; /* index of who is on it, or WL_NOBODY */
	bool known;    /* who is on it */
	uint64_t since;
	unsigned depth;
	uint64_t raised[16];
	bool raised_own[16];  /* by the task there */
	size_t frame[FRAMES]; /* indexes of the open ones */
};

struct history {
	struct wl_timeline *tl;
	const struct wl_history_options *options;
	struct wl_replay *replay;
	struct here *here; /* per CPU number */
	void *tasks;       /* tree of struct doing by tid */
	uint64_t now;
	int error;
};

/* --- lists --- */

/* Room for one more element at the end of a list; NULL: no memory, the error is remembered. */
static void *push(struct history *h, void *list, size_t *n, size_t *room, size_t size)
{
	void **all = list;

	if (wl_grow(list, *n, room, size)) {
		h->error = -ENOMEM;
		return NULL;
	}
	memset((char *)*all + *n * size, 0, size);
	return (char *)*all + (*n)++ * size;
}

#define PUSH(h, owner, list, count)                                                                \
	push(h, (void *)&(owner)->list, &(owner)->count, &(owner)->list##_room,                    \
	     sizeof(*(owner)->list))

/* --- tasks --- */

static struct doing *find_doing(struct history *h, uint32_t tid)
{
	return wl_by_tid_find(&h->tasks, tid);
}

/* A task of that id that is new. */
static void add_task(struct history *h, struct doing *d)
{
	struct wl_tl_task *task = PUSH(h, h->tl, tasks, ntasks);

	if (!task)
		return;
	task->tid = d->tid;
	d->index = (uint32_t)(h->tl->ntasks - 1);
}

static struct doing *task_of(struct history *h, uint32_t tid)
{
	struct doing *d = tid ? find_doing(h, tid) : NULL;

	if (d || !tid)
		return d;
	d = wl_by_tid_add(&h->tasks, tid, sizeof(*d));
	if (!d) {
		h->error = -ENOMEM;
		return NULL;
	}
	add_task(h, d);
	return d;
}

static struct wl_tl_task *entry(const struct history *h, const struct doing *d)
{
	return &h->tl->tasks[d->index];
}

static void name_task(const struct history *h, const struct doing *d, uint32_t tgid,
		      const char comm[WL_COMM_LEN], int prio, bool kthread)
{
	struct wl_tl_task *task = entry(h, d);

	task->tgid = tgid;
	memcpy(task->comm, comm, sizeof(task->comm));
	task->prio = (int8_t)prio;
	task->kthread = kthread;
}

static bool is_blocked(const struct doing *d)
{
	return d->kind == WL_SEG_UNKNOWN;
}

static bool is_on_cpu(const struct doing *d)
{
	return d->kind == WL_SEG_RUNNING || d->kind == WL_SEG_RECLAIM;
}

static bool is_waiting(const struct doing *d)
{
	return d->kind == WL_SEG_WAKEUP || d->kind == WL_SEG_PREEMPTED ||
	       d->kind == WL_SEG_THROTTLED;
}

/* Its present state ends now. */
static struct wl_tl_state *close_state(struct history *h, struct doing *d, uint8_t kind)
{
	struct wl_tl_task *task = entry(h, d);
	struct wl_tl_state *state;

	if (h->now <= h->options->from || d->since > h->tl->end)
		return NULL;
	if (h->now == d->since && !is_blocked(d)) /* a sleep of no length has somebody who ended it
						   */
		return NULL;
	state = push(h, (void *)&task->states, &task->n, &task->room, sizeof(*state));
	if (!state)
		return NULL;
	state->from = d->since;
	state->to = h->now;
	state->kind = kind;
	state->cpu = d->cpu;
	state->call = -2;
	return state;
}

static void begin_state(const struct history *h, struct doing *d, uint8_t kind, uint32_t cpu)
{
	d->since = h->now;
	d->kind = kind;
	d->cpu = (uint16_t)cpu;
}

/* What the wait was: by the same rule as the chain's. */
static uint8_t sleep_kind(const struct history *h, const struct doing *d, const struct wl_who *by)
{
	struct wl_task t;

	memset(&t, 0, sizeof(t));
	t.call = d->sleep.call;
	t.arg = d->sleep.arg;
	t.sleep_lock = d->sleep.lock;
	t.sleep_io = d->sleep.io;
	t.sleep_hard = d->sleep.hard;
	t.sleep_stopped = d->sleep.stopped;
	t.reclaim = d->reclaim;
	t.flags = d->sleep.compat ? WL_TASK_COMPAT : 0;
	t.waker = *by;
	return wl_sleep_kind(h->options->config, &t);
}

static void close_sleep(struct history *h, struct doing *d, const struct wl_who *by, uint32_t cpu)
{
	struct wl_tl_state *state = close_state(h, d, sleep_kind(h, d, by));

	if (!state)
		return;
	state->by = *by;
	state->blocked = true;
	state->cpu = (uint16_t)cpu;
	state->call = d->sleep.call;
	state->arg = d->sleep.arg;
}

/* --- switches --- */

#define STATE_UNINTERRUPTIBLE 2 /* prev_state, as trace events have it */

/* Of a task that can reach no target, the kernel side looks at nothing but prev_state. */
static void take_sleep(struct doing *d, const struct wl_ev_sched_switch *e)
{
	wl_replay_sleep(e, &d->sleep);
	if (!(e->wl_flags & WL_SW_PREV) && e->prev_state == STATE_UNINTERRUPTIBLE)
		d->sleep.hard = 1;
}

/* It had been woken on its way to sleep: the sleep has no length, but somebody ended it. */
static void fall_asleep(struct history *h, struct doing *d, uint32_t cpu)
{
	begin_state(h, d, WL_SEG_UNKNOWN, cpu);
	if (!d->early)
		return;
	close_sleep(h, d, &d->early_by, d->early_cpu);
	begin_state(h, d, WL_SEG_WAKEUP, d->early_cpu);
	d->early = false;
}

static void leave(struct history *h, const struct wl_ev_sched_switch *e, struct here *here,
		  uint32_t cpu)
{
	struct doing *d = task_of(h, (uint32_t)e->prev_tid);

	if (!d)
		return;
	name_task(h, d, (uint32_t)e->wl_prev_pid, e->prev_comm, e->prev_prio,
		  e->wl_flags & WL_SW_PREV_KTHREAD);
	entry(h, d)->policy = e->wl_prev_policy;
	if (!is_on_cpu(d)) { /* it came before the window, or unseen */
		begin_state(h, d, WL_SEG_RUNNING, cpu);
		d->since = here->known ? h->now : here->cpu->begin;
	}
	entry(h, d)->ran = true;
	close_state(h, d, d->kind);
	take_sleep(d, e);
	if (!(e->wl_flags & WL_SW_RUNNABLE)) {
		fall_asleep(h, d, cpu);
		return;
	}
	begin_state(h, d, e->wl_flags & WL_SW_THROTTLED ? WL_SEG_THROTTLED : WL_SEG_PREEMPTED, cpu);
	d->early = false;
}

static void arrive(struct history *h, const struct wl_ev_sched_switch *e, uint32_t cpu)
{
	static const struct wl_who nobody = { 0 };
	struct doing *d = task_of(h, (uint32_t)e->next_tid);

	if (!d)
		return;
	name_task(h, d, (uint32_t)e->wl_next_pid, e->next_comm, e->next_prio,
		  e->wl_flags & WL_SW_NEXT_KTHREAD);
	entry(h, d)->policy = e->wl_next_policy;
	entry(h, d)->ran = true;
	if (is_blocked(d))
		close_sleep(h, d, &nobody, cpu);
	else if (is_waiting(d))
		close_state(h, d, d->kind);
	else if (is_on_cpu(d))
		close_state(h, d, WL_SEG_UNKNOWN);
	begin_state(h, d, d->reclaim ? WL_SEG_RECLAIM : WL_SEG_RUNNING, cpu);
	d->early = false;
}

static void close_run(struct history *h, struct here *here)
{
	struct wl_tl_run *run;

	if (h->now <= h->options->from || here->since > h->tl->end || h->now == here->since)
		return;
	run = PUSH(h, here->cpu, runs, nruns);
	if (!run)
		return;
	run->from = here->since;
	run->to = h->now;
	run->task = here->task;
	if (here->task == WL_NOBODY)
		return;
	run->policy = h->tl->tasks[here->task].policy;
	run->prio = h->tl->tasks[here->task].prio;
}

static uint32_t index_of(struct history *h, uint32_t tid)
{
	const struct doing *d = tid ? find_doing(h, tid) : NULL;

	return d ? d->index : WL_NOBODY;
}

static void pop_frame(struct history *h, struct here *here)
{
	if (!here->depth)
		return;
	here->depth--;
	if (here->depth < FRAMES)
		here->cpu->frames[here->frame[here->depth]].to = h->now;
}

static void on_switch(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_sched_switch *e = event->payload;

	while (here->depth) /* no frame survives a switch */
		pop_frame(h, here);
	leave(h, e, here, event->cpu);
	here->task = index_of(h, (uint32_t)e->prev_tid);
	close_run(h, here);
	arrive(h, e, event->cpu);
	here->task = index_of(h, (uint32_t)e->next_tid);
	here->since = h->now;
	here->known = true;
}

/* --- wake-ups and births --- */

static void wake(struct history *h, struct doing *d, const struct wl_who *by, uint32_t cpu,
		 bool throttled)
{
	uint8_t kind = throttled ? WL_SEG_THROTTLED : WL_SEG_WAKEUP;

	if (is_on_cpu(d)) {
		d->early = true;
		d->early_by = *by;
		d->early_cpu = (uint16_t)cpu;
		return;
	}
	if (is_waiting(d))
		return;
	if (!d->kind) { /* asleep since before the window, we suppose */
		d->since = h->tl->begin;
		d->sleep.call = -2;
	}
	close_sleep(h, d, by, cpu);
	begin_state(h, d, kind, cpu);
	d->moved = false;
}

/* Who wakes: the context, as the chain's state machine has it. */
static void waker_of(const struct history *h, const struct wl_event *event, uint32_t tid,
		     uint32_t flags, struct wl_who *by)
{
	const struct wl_replay_task *task = wl_replay_task_find(h->replay, tid);

	if (flags & WL_EV_F_DONE && task && task->t.wake_ts == h->now)
		*by = task->t.waker;
	else
		wl_replay_who_now(h->replay, event->cpu, by);
}

static void on_waking(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_sched_waking *e = event->payload;
	struct doing *d = task_of(h, (uint32_t)e->tid);
	struct wl_who by;

	(void)here;
	if (!d)
		return;
	name_task(h, d, (uint32_t)e->wl_pid, e->comm, e->prio, e->wl_flags & WL_EV_F_KTHREAD);
	waker_of(h, event, (uint32_t)e->tid, e->wl_flags, &by);
	wake(h, d, &by, (uint32_t)e->target_cpu, e->wl_flags & WL_EV_F_THROTTLED);
}

static void on_fork(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_sched_process_fork *e = event->payload;
	struct doing *d = find_doing(h, (uint32_t)e->child_tid);
	struct wl_who by;

	(void)here;
	if (d) { /* the id is used again */
		memset(&d->since, 0, sizeof(*d) - offsetof(struct doing, since));
		add_task(h, d);
	} else {
		d = task_of(h, (uint32_t)e->child_tid);
	}
	if (!d || h->error)
		return;
	name_task(h, d, (uint32_t)e->child_pid, e->child_comm, 0, e->wl_flags & WL_EV_F_KTHREAD);
	wl_replay_who_now(h->replay, event->cpu, &by);
	d->sleep.call = -2;
	begin_state(h, d, WL_SEG_UNKNOWN, event->cpu);
	wake(h, d, &by, event->cpu, false);
}

static void on_migrate(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_sched_migrate_task *e = event->payload;
	struct doing *d = find_doing(h, (uint32_t)e->tid);
	uint16_t cpu = (uint16_t)e->dest_cpu;

	(void)here;
	if (!d || !is_waiting(d) || d->cpu == cpu)
		return;
	if (d->kind == WL_SEG_WAKEUP && !d->moved && h->now - d->since < WAKE_MOVE_NS) {
		d->cpu = cpu;
		d->moved = true;
		return;
	}
	close_state(h, d, d->kind);
	begin_state(h, d, d->kind, cpu);
}

/* --- contexts on top --- */

static void push_frame(struct history *h, struct here *here, uint8_t ctx, uint16_t nr,
		       uint64_t raised)
{
	struct wl_tl_frame *frame;

	if (here->depth < FRAMES) {
		frame = PUSH(h, here->cpu, frames, nframes);
		if (!frame)
			return;
		frame->from = h->now;
		frame->to = h->now;
		frame->raised = raised;
		frame->ctx = ctx;
		frame->depth = (uint8_t)here->depth;
		frame->nr = nr;
		frame->task = here->task;
		here->frame[here->depth] = here->cpu->nframes - 1;
	}
	here->depth++;
}

static void on_irq_entry(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_irq_handler_entry *e = event->payload;

	push_frame(h, here, WL_WHO_IRQ, (uint16_t)e->irq, 0);
}

static void on_exit_of_frame(struct history *h, const struct wl_event *event, struct here *here)
{
	(void)event;
	pop_frame(h, here);
}

static void on_vector(struct history *h, const struct wl_event *event, struct here *here)
{
	if (event->id & 1)
		pop_frame(h, here);
	else
		push_frame(h, here, WL_WHO_IRQ,
			   (uint16_t)(WL_VEC_BASE + wl_replay_vector_of(event->id)), 0);
}

static void on_raise(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_irq_softirq_raise *e = event->payload;

	if (here->raised[e->vec & 15])
		return;
	here->raised[e->vec & 15] = h->now;
	here->raised_own[e->vec & 15] = !here->depth;
}

static void on_softirq_entry(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_irq_softirq_entry *e = event->payload;

	push_frame(h, here, WL_WHO_SOFTIRQ, (uint16_t)e->vec, here->raised[e->vec & 15]);
	if (here->depth == 1 && here->raised_own[e->vec & 15] && !h->error)
		here->cpu->frames[here->frame[0]].own = true;
	here->raised[e->vec & 15] = 0;
}

static void on_timer_entry(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_timer_hrtimer_expire_entry *e = event->payload;

	push_frame(h, here, WL_WHO_TIMER, (uint16_t)e->wl_clock, e->wl_softexpires);
}

static void on_call_entry(struct history *h, const struct wl_event *event, struct here *here)
{
	(void)event;
	push_frame(h, here, WL_WHO_IRQ, WL_VEC_BASE + WL_VEC_CALL_FUNCTION_SINGLE, 0);
}

/* --- memory --- */

static void reclaim(struct history *h, struct here *here, uint32_t cpu, bool begin)
{
	struct doing *d = here->task != WL_NOBODY ? find_doing(h, h->tl->tasks[here->task].tid)
						  : NULL;

	if (!d || !is_on_cpu(d) || here->depth)
		return;
	d->reclaim = begin;
	close_state(h, d, d->kind);
	begin_state(h, d, begin ? WL_SEG_RECLAIM : WL_SEG_RUNNING, cpu);
}

static void on_reclaim_begin(struct history *h, const struct wl_event *event, struct here *here)
{
	reclaim(h, here, event->cpu, true);
}

static void on_reclaim_end(struct history *h, const struct wl_event *event, struct here *here)
{
	reclaim(h, here, event->cpu, false);
}

/* --- work queues --- */

/* The last item of that key that is in one of its first two states. */
static struct wl_tl_work *find_work(const struct history *h, uint64_t key, bool begun)
{
	for (size_t i = h->tl->nworks; i > 0; i--) {
		struct wl_tl_work *w = &h->tl->works[i - 1];

		if (w->key == key && w->done == UINT64_MAX && (w->begun != UINT64_MAX) == begun)
			return w;
	}
	return NULL;
}

static struct wl_tl_work *add_work(struct history *h, uint64_t key)
{
	struct wl_tl_work *w = PUSH(h, h->tl, works, nworks);

	if (!w)
		return NULL;
	w->key = key;
	w->begun = UINT64_MAX;
	w->done = UINT64_MAX;
	w->worker = WL_NOBODY;
	return w;
}

static void on_queue_work(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_workqueue_queue_work *e = event->payload;
	struct wl_tl_work *w = find_work(h, e->work, false);

	(void)here;
	w = w ? w : add_work(h, e->work);
	if (!w || w->queued)
		return;
	w->queued = h->now;
	w->queued_cpu = (uint16_t)event->cpu;
	wl_replay_who_now(h->replay, event->cpu, &w->by);
}

static void on_work_start(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_workqueue_execute_start *e = event->payload;
	struct wl_tl_work *w = find_work(h, e->work, false);

	w = w ? w : add_work(h, e->work);
	if (!w)
		return;
	w->begun = h->now;
	w->worker = here->task;
}

static void on_work_end(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_workqueue_execute_end *e = event->payload;
	struct wl_tl_work *w = find_work(h, e->work, true);

	(void)here;
	if (w)
		w->done = h->now;
}

/* --- disks --- */

static struct wl_tl_request *find_request(const struct history *h, uint32_t dev, uint64_t sector)
{
	for (size_t i = h->tl->nrequests; i > 0; i--) {
		struct wl_tl_request *r = &h->tl->requests[i - 1];

		if (r->dev == dev && r->sector == sector && r->done == UINT64_MAX)
			return r;
	}
	return NULL;
}

static void on_request(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_block_rq *e = event->payload;
	struct wl_tl_request *r = find_request(h, e->dev, e->sector);

	if (!r) {
		r = PUSH(h, h->tl, requests, nrequests);
		if (!r)
			return;
		r->dev = e->dev;
		r->sector = e->sector;
		r->nsectors = e->nr_sector;
		r->queued = h->now;
		r->done = UINT64_MAX;
		r->task = here->depth ? WL_NOBODY : here->task;
		r->write = e->rwbs & 1;
	}
	if (event->id == WL_EVID_BLOCK_ISSUE)
		r->issued = h->now;
}

static void on_request_done(struct history *h, const struct wl_event *event, struct here *here)
{
	const struct wl_ev_block_rq_complete *e = event->payload;
	struct wl_tl_request *r = find_request(h, e->dev, e->sector);

	(void)here;
	if (!r)
		return;
	r->done = h->now;
	r->done_cpu = event->cpu;
}

/* --- all of them --- */

typedef void (*history_fn)(struct history *, const struct wl_event *, struct here *);

static const history_fn handlers[WL_EV_FIXED_MAX] = {
	[WL_EVID_SCHED_SWITCH] = on_switch,
	[WL_EVID_SCHED_WAKING] = on_waking,
	[WL_EVID_SCHED_FORK] = on_fork,
	[WL_EVID_SCHED_MIGRATE] = on_migrate,
	[WL_EVID_IRQ_ENTRY] = on_irq_entry,
	[WL_EVID_IRQ_EXIT] = on_exit_of_frame,
	[WL_EVID_SOFTIRQ_RAISE] = on_raise,
	[WL_EVID_SOFTIRQ_ENTRY] = on_softirq_entry,
	[WL_EVID_SOFTIRQ_EXIT] = on_exit_of_frame,
	[WL_EVID_TIMER_ENTRY] = on_timer_entry,
	[WL_EVID_TIMER_EXIT] = on_exit_of_frame,
	[WL_EVID_CALL_ENTRY] = on_call_entry,
	[WL_EVID_CALL_EXIT] = on_exit_of_frame,
	[WL_EVID_QUEUE_WORK] = on_queue_work,
	[WL_EVID_WORK_START] = on_work_start,
	[WL_EVID_WORK_END] = on_work_end,
	[WL_EVID_BLOCK_INSERT] = on_request,
	[WL_EVID_BLOCK_ISSUE] = on_request,
	[WL_EVID_BLOCK_COMPLETE] = on_request_done,
	[WL_EVID_RECLAIM_BEGIN] = on_reclaim_begin,
	[WL_EVID_RECLAIM_END] = on_reclaim_end,
	[WL_EVID_MEMCG_RECLAIM_BEGIN] = on_reclaim_begin,
	[WL_EVID_MEMCG_RECLAIM_END] = on_reclaim_end,
	[WL_EVID_VEC_LOCAL_TIMER_ENTRY... WL_EVID_VEC_SPURIOUS_APIC_EXIT] = on_vector,
};

static struct here *here_of(struct history *h, const struct wl_event *event)
{
	struct here *here = &h->here[event->cpu];

	if (here->cpu)
		return here;
	for (size_t i = 0; i < h->tl->ncpus; i++)
		if (h->tl->cpus[i].cpu == event->cpu)
			here->cpu = &h->tl->cpus[i];
	if (!here->cpu)
		return NULL;
	here->cpu->begin = event->ts;
	here->since = event->ts;
	return here;
}

/* What a wake-up shows of a task was so from here on, as far as we know. */
static void set_begin(struct history *h)
{
	uint64_t first = wl_replay_stats(h->replay)->first;

	h->tl->begin = first > h->options->from ? first : h->options->from;
}

static int on_event(void *ctx, const struct wl_event *event)
{
	struct history *h = ctx;
	struct here *here = here_of(h, event);

	if (!h->tl->begin)
		set_begin(h);
	h->now = event->ts;
	h->tl->lost += event->lost;
	if (here && event->id < WL_EV_FIXED_MAX && handlers[event->id])
		handlers[event->id](h, event, here);
	return h->error;
}

/* --- beginning and end --- */

/* All CPUs, before there are pointers to them. */
static int add_cpus(struct history *h, struct wl_trace *trace)
{
	for (unsigned i = 0; i < wl_trace_nstreams(trace); i++) {
		uint32_t cpu = wl_trace_stream_cpu(trace, i);
		struct wl_tl_cpu *c;

		if (wl_timeline_cpu(h->tl, cpu) || cpu >= h->options->ncpu)
			continue;
		c = PUSH(h, h->tl, cpus, ncpus);
		if (!c)
			return h->error;
		c->cpu = cpu;
	}
	return 0;
}

static void add_dump(struct history *h, const struct wl_task_dump *dump)
{
	struct doing *d = task_of(h, dump->tid);

	if (!d)
		return;
	name_task(h, d, dump->tgid, dump->comm, dump->prio, dump->kthread);
	entry(h, d)->policy = dump->policy;
}

/* A wait that goes on has no waker yet. */
static void end_task(const void *node, VISIT visit, void *closure)
{
	struct doing *d = *(struct doing *const *)node;
	struct history *h = closure;
	struct wl_tl_state *state;
	const struct wl_who nobody = { 0 };
	size_t before;

	if ((visit != postorder && visit != leaf) || !d->kind)
		return;
	before = entry(h, d)->n;
	if (is_blocked(d))
		close_sleep(h, d, &nobody, d->cpu);
	else
		close_state(h, d, d->kind);
	if (entry(h, d)->n == before)
		return;
	state = &entry(h, d)->states[before];
	state->open = true;
}

static void end_cpus(struct history *h)
{
	for (uint32_t i = 0; i < h->options->ncpu; i++) {
		struct here *here = &h->here[i];

		if (!here->cpu)
			continue;
		while (here->depth)
			pop_frame(h, here);
		if (here->known)
			close_run(h, here);
	}
}

static int read_all(struct history *h, struct wl_trace *trace)
{
	const struct wl_replay_stats *stats;
	int ret;

	h->tl->end = h->options->to ? h->options->to : UINT64_MAX;
	wl_replay_listen(h->replay, on_event, h);
	ret = wl_replay_run(h->replay, trace, NULL, NULL);
	if (ret || h->error)
		return ret ? ret : h->error;
	stats = wl_replay_stats(h->replay);
	if (stats->last < h->tl->end)
		h->tl->end = stats->last;
	h->now = stats->last;
	twalk_r(h->tasks, end_task, h);
	end_cpus(h);
	return h->error;
}

static int history_init(struct history *h, const struct wl_history_options *o)
{
	int ret = wl_replay_new(&h->replay, o->config, o->ncpu);

	h->options = o;
	h->tl = calloc(1, sizeof(*h->tl));
	h->here = calloc(o->ncpu, sizeof(*h->here));
	if (ret || !h->tl || !h->here)
		return ret ? ret : -ENOMEM;
	for (uint32_t i = 0; i < o->ncpu; i++)
		h->here[i].task = WL_NOBODY;
	for (size_t i = 0; i < o->ntasks && !h->error; i++)
		add_dump(h, &o->tasks[i]);
	for (size_t i = 0; i < o->ntasks && !ret; i++)
		ret = wl_replay_add_task(h->replay, &o->tasks[i]);
	if (!ret && o->unfollowed)
		wl_replay_unfollowed(h->replay);
	return ret ? ret : h->error;
}

int wl_history_build(struct wl_timeline **tl, struct wl_trace *trace,
		     const struct wl_history_options *options)
{
	struct history h = { 0 };
	int ret = history_init(&h, options);

	if (!ret)
		ret = add_cpus(&h, trace);
	if (!ret)
		ret = read_all(&h, trace);
	wl_replay_free(h.replay);
	tdestroy(h.tasks, free);
	free(h.here);
	if (ret)
		wl_history_free(h.tl);
	else
		*tl = h.tl;
	return ret;
}

void wl_history_free(struct wl_timeline *tl)
{
	if (!tl)
		return;
	for (size_t i = 0; i < tl->ncpus; i++) {
		free(tl->cpus[i].runs);
		free(tl->cpus[i].frames);
	}
	for (size_t i = 0; i < tl->ntasks; i++)
		free(tl->tasks[i].states);
	free(tl->cpus);
	free(tl->tasks);
	free(tl->requests);
	free(tl->works);
	free(tl);
}
