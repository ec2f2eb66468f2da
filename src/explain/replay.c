/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain/foreign.h"
#include "explain/replay_order.h"
#include "explain/replay_state.h"

/* One event on its way through the state machine: a third host beside BPF and the unit tests'. */
struct step {
	struct wl_replay *r;
	const struct wl_event *e;
	struct wl_replay_cpu *cpu;
	struct wl_cpu *c;
	uint64_t now;
};

/* --- tasks and contexts --- */

static struct wl_replay_task *current_task(const struct step *s)
{
	return s->cpu->cur.tid ? wl_replay_task(s->r, s->cpu->cur.tid) : NULL;
}

static void name_run(const struct step *s, const struct wl_replay_who *who)
{
	if (!wl_run_is_named(&s->c->run))
		wl_replay_name(who, &s->c->run.who);
}

/* Do only marks end responses? */
static bool marking(const struct step *s)
{
	return s->r->marks != NULL;
}

/*
 * The giver, as the kernel side has looked it up. A hand-off by a task whose chain is not known, or
 * by nobody knows whom, begins a chain that is in doubt.
 */
static struct wl_task *giver(const struct step *s, uint32_t flags)
{
	struct wl_replay_task *task = flags & WL_EV_F_CUR ? current_task(s) : NULL;
	bool known = s->cpu->switched && (!task || task->known);

	if (!known && !wl_cpu_in_frame(s->c))
		wl_replay_doubt(s->r, s->now, s->e->cpu);
	/* what it receives is its own, not what it was before; an item that began there is in doubt
	 */
	if (marking(s) && !known && task && !task->t.mark)
		wl_task_cur(&task->t)->h.id = 0;
	if (task && (task->t.soft_on || task->t.flags & WL_TASK_LINK))
		name_run(s, &s->cpu->cur);
	return task ? &task->t : NULL;
}

static struct wl_kept_set *set_of(const struct step *s, uint64_t key)
{
	return &s->r->sets[wl_kept_index(key)];
}

/* --- responses --- */

static uint8_t doubt_of(const struct step *s, const struct wl_replay_task *task,
			const struct wl_path *p, uint8_t recorded, uint8_t kind)
{
	if (!p || !task->known)
		return task->known ? WL_REPLAY_DIFFERS : WL_REPLAY_UNKNOWN;
	if (p->h.start < s->r->lost_at)
		return WL_REPLAY_LOST;
	if (p->h.start < s->r->stats.first || wl_replay_in_doubt(s->r, p->h.id))
		return WL_REPLAY_BEFORE;
	return recorded == kind ? WL_REPLAY_SURE : WL_REPLAY_DIFFERS;
}

/* p, work: what ended, and what it was about; either may be NULL. */
static int report_path(const struct step *s, struct wl_replay_task *task,
		       const struct wl_replay_who *who, const struct wl_path *p,
		       const struct wl_work *work, uint8_t recorded, uint8_t kind, uint8_t flags)
{
	bool told = !s->r->foreign; /* else nobody has followed chains */
	struct wl_replay_response response = {
		.tid = who->tid,
		.tgid = who->tgid,
		.path = p,
		.work = work,
		.end = s->now,
		.cpu = s->e->cpu,
		.kind = kind ? kind : recorded,
		.doubt = doubt_of(s, task, p, told ? recorded : kind, kind),
		.target = flags & WL_TASK_TARGET,
	};

	if (!s->r->fn || (!recorded && !kind))
		return 0;
	memcpy(response.comm, who->comm, sizeof(response.comm));
	return s->r->fn(s->r->ctx, &response);
}

/* recorded, kind: what ended according to the kernel, and to us. */
static int report(const struct step *s, struct wl_replay_task *task,
		  const struct wl_replay_who *who, uint8_t recorded, uint8_t kind, uint8_t flags)
{
	const struct wl_path *p = kind ? wl_task_cur(&task->t) : NULL;

	return report_path(s, task, who, p, NULL, recorded, kind, flags);
}

/* --- switches --- */

/* What the task has now is what the kernel side says: nothing. */
static void become_known(struct wl_replay_task *task, uint8_t flags)
{
	wl_task_cur(&task->t)->h.id = 0;
	task->t.mark = 0;
	task->t.received = 0;
	task->t.flags = flags;
	task->known = true;
}

#define KEPT_FLAGS (WL_TASK_LINK | WL_TASK_SOFTIRQD)

static void keep_flags(struct wl_task *t, uint8_t flags)
{
	t->flags = (t->flags & ~KEPT_FLAGS) | (flags & KEPT_FLAGS);
}

/* Left without a chain: the kernel side says so, or the state machine, of one that went home. */
static bool is_free(const struct step *s, struct wl_task *t, const struct wl_sleep *sleep)
{
	const struct wl_ev_sched_switch *e = s->e->payload;

	if (!s->r->foreign)
		return e->wl_flags & WL_SW_PREV_FREE;
	return !sleep->runnable && !wl_task_cur(t)->h.id && !(t->flags & WL_TASK_AWAY);
}

static int switch_out(struct step *s, const struct wl_replay_who *who)
{
	const struct wl_ev_sched_switch *e = s->e->payload;
	struct wl_replay_task *task;
	struct wl_sleep sleep;
	uint8_t kind;
	int ret;

	if (!(e->wl_flags & WL_SW_PREV))
		return 0;
	task = wl_replay_task(s->r, who->tid);
	if (!task)
		return -ENOMEM;
	task->who = *who;
	keep_flags(&task->t, e->wl_prev_task);
	if (task->t.flags & WL_TASK_LINK)
		name_run(s, who);
	wl_replay_sleep(e, &sleep);
	kind = wl_task_out(&s->r->cfg, s->c, &task->t, &sleep, e->wl_steal, s->now);
	ret = report(s, task, who, e->wl_prev_end, kind, e->wl_prev_task);
	if (kind)
		wl_task_finish(&task->t);
	if (!task->known && is_free(s, &task->t, &sleep))
		become_known(task, e->wl_prev_task);
	return ret;
}

static int switch_in(struct step *s, const struct wl_replay_who *who)
{
	const struct wl_ev_sched_switch *e = s->e->payload;
	struct wl_replay_task *task;
	struct wl_cpu *from;
	uint8_t kind;
	int ret;

	if (!(e->wl_flags & WL_SW_NEXT))
		return 0;
	task = wl_replay_task(s->r, who->tid);
	if (!task)
		return -ENOMEM;
	task->who = *who;
	keep_flags(&task->t, e->wl_next_task);
	task->seen_in = true;
	from = task->t.wake_cpu < s->r->ncpu ? &s->r->cpu[task->t.wake_cpu].c : NULL;
	kind = wl_task_in(&s->r->cfg, s->c, from, &task->t, e->wl_steal, s->now);
	if (!task->known) /* a wake-up that it had been given is over now */
		task->t.next &= ~WL_SLOT_MASK;
	ret = report(s, task, who, e->wl_next_end, kind, e->wl_next_task);
	if (kind)
		wl_task_finish(&task->t);
	return ret;
}

static void switched_tasks(const struct wl_ev_sched_switch *e, struct wl_replay_who *prev,
			   struct wl_replay_who *next)
{
	*prev = (struct wl_replay_who){
		.tid = (uint32_t)e->prev_tid,
		.tgid = (uint32_t)e->wl_prev_pid,
		.prio = (int8_t)e->prev_prio,
		.policy = e->wl_prev_policy,
		.kthread = e->wl_flags & WL_SW_PREV_KTHREAD,
	};
	*next = (struct wl_replay_who){
		.tid = (uint32_t)e->next_tid,
		.tgid = (uint32_t)e->wl_next_pid,
		.prio = (int8_t)e->next_prio,
		.policy = e->wl_next_policy,
		.kthread = e->wl_flags & WL_SW_NEXT_KTHREAD,
	};
	memcpy(prev->comm, e->prev_comm, sizeof(prev->comm));
	memcpy(next->comm, e->next_comm, sizeof(next->comm));
}

/*
 * Who is on the CPU is not the one that came last: a switch was not seen (some sandboxes run no BPF
 * program while a task of theirs is the current one). What it did since then was taken for
 * another's.
 */
static int check_current(struct step *s, uint32_t tid)
{
	struct wl_replay_task *task;

	if (s->cpu->switched && s->cpu->cur.tid == tid)
		return 0;
	task = tid ? wl_replay_task(s->r, tid) : NULL;
	if (tid && !task)
		return -ENOMEM;
	if (task && s->cpu->switched) {
		task->known = false;
		task->seen_in = false;
	}
	s->cpu->cur = task ? task->who : (struct wl_replay_who){ 0 };
	s->cpu->switched = true;
	return 0;
}

static int on_switch(struct step *s)
{
	const struct wl_ev_sched_switch *e = s->e->payload;
	struct wl_replay_who prev, next;
	int ret;

	switched_tasks(e, &prev, &next);
	ret = check_current(s, prev.tid);
	if (ret)
		return ret;
	if (e->wl_flags & WL_SW_NEXT || wl_run_is_long(&s->c->run, s->now))
		name_run(s, &prev);
	wl_cpu_switch(&s->r->cfg, s->c, !next.tid);
	ret = switch_out(s, &prev);
	if (!ret)
		ret = switch_in(s, &next);
	wl_cpu_switched(s->c, next.tid, next.tgid, s->now);
	s->cpu->cur = next;
	s->cpu->switched = true;
	return ret;
}

/* --- wake-ups and births --- */

static int on_waking(struct step *s)
{
	const struct wl_ev_sched_waking *e = s->e->payload;
	struct wl_replay_task *task;

	if (check_current(s, (uint32_t)e->wl_cur_tid))
		return -ENOMEM;
	if (!(e->wl_flags & WL_EV_F_DONE)) {
		s->c->returned = 0;
		return 0;
	}
	task = wl_replay_task(s->r, (uint32_t)e->tid);
	if (!task)
		return -ENOMEM;
	keep_flags(&task->t, e->wl_task);
	if (e->wl_flags & WL_EV_F_NEW) {
		task->t.status = WL_TASK_BLOCKED;
		become_known(task, e->wl_task);
	}
	name_run(s, &s->cpu->cur);
	wl_event_waking(&s->r->cfg, s->c, &task->t, giver(s, e->wl_flags), (uint32_t)e->tid,
			(uint32_t)e->wl_pid, (uint16_t)e->target_cpu,
			e->wl_flags & WL_EV_F_THROTTLED, s->now);
	return 0;
}

static int on_fork(struct step *s)
{
	const struct wl_ev_sched_process_fork *e = s->e->payload;
	struct wl_replay_task *task = wl_replay_task(s->r, (uint32_t)e->child_tid);

	if (!task || check_current(s, (uint32_t)e->parent_tid))
		return -ENOMEM;
	memset(&task->t, 0, sizeof(task->t));
	task->t.call = -2;
	task->t.since = s->now;
	task->step = e->wl_flags & WL_EV_F_DONE ? 1 : 0;
	task->step_known = true;
	become_known(task, e->wl_child_task);
	if (e->wl_flags & WL_EV_F_DONE)
		wl_event_fork(&s->r->cfg, s->c, &task->t, giver(s, e->wl_flags),
			      (uint32_t)e->child_pid, s->now);
	return 0;
}

static int on_exec(struct step *s)
{
	const struct wl_ev_sched_process_exec *e = s->e->payload;
	struct wl_replay_task *task = wl_replay_task(s->r, (uint32_t)e->tid);

	if (!task)
		return -ENOMEM;
	if (e->wl_flags & WL_EV_F_DONE)
		wl_event_exec(&task->t);
	return 0;
}

/* --- interrupts --- */

static int on_irq_entry(struct step *s)
{
	const struct wl_ev_irq_handler_entry *e = s->e->payload;

	wl_irq_enter(s->c, (uint16_t)e->irq, (uint32_t)e->wl_thread, s->now);
	return 0;
}

static int on_irq_exit(struct step *s)
{
	wl_irq_exit(s->c, s->now);
	return 0;
}

uint16_t wl_replay_vector_of(unsigned id)
{
	switch (id & ~1u) {
	case WL_EVID_VEC_LOCAL_TIMER_ENTRY:
		return WL_VEC_LOCAL_TIMER;
	case WL_EVID_VEC_RESCHEDULE_ENTRY:
		return WL_VEC_RESCHEDULE;
	case WL_EVID_VEC_CALL_FUNCTION_ENTRY:
		return WL_VEC_CALL_FUNCTION;
	case WL_EVID_VEC_CALL_FUNCTION_SINGLE_ENTRY:
		return WL_VEC_CALL_FUNCTION_SINGLE;
	case WL_EVID_VEC_IRQ_WORK_ENTRY:
		return WL_VEC_IRQ_WORK;
	default:
		return WL_VEC_OTHER;
	}
}

/* Entries have even numbers, exits the odd ones after them. */
static int on_vector(struct step *s)
{
	if (s->e->id & 1)
		wl_irq_exit(s->c, s->now);
	else
		wl_irq_enter(s->c, WL_VEC_BASE + wl_replay_vector_of(s->e->id), 0, s->now);
	return 0;
}

static int on_nmi(struct step *s)
{
	const struct wl_ev_nmi *e = s->e->payload;

	wl_event_nmi(s->c, e->wl_delta > 0 ? (uint64_t)e->wl_delta : 0);
	return 0;
}

/* As the kernel side looks it up: on PREEMPT_RT the task that runs a softirq. */
static struct wl_task *softirq_task(const struct step *s)
{
	struct wl_replay_task *task = s->r->cfg.rt ? current_task(s) : NULL;

	return task ? &task->t : NULL;
}

static int on_timer_entry(struct step *s)
{
	const struct wl_ev_timer_hrtimer_expire_entry *e = s->e->payload;

	const struct wl_expiry x = {
		.soft = e->wl_softexpires,
		.hard = e->wl_expires,
		.clock = (uint16_t)e->wl_clock,
	};

	wl_timer_enter(&s->r->cfg, s->c, softirq_task(s), &x, s->now);
	return 0;
}

static int on_timer_exit(struct step *s)
{
	wl_timer_exit(&s->r->cfg, s->c, softirq_task(s), s->now);
	return 0;
}

static int on_raise(struct step *s)
{
	const struct wl_ev_irq_softirq_raise *e = s->e->payload;
	struct wl_task *t;
	struct wl_giver g;

	s->c->returned = 0;
	if (!(e->wl_flags & WL_EV_F_DONE))
		return 0;
	s->c->pending[e->vec & 15].state = WL_SLOT_EMPTY; /* as it was there */
	t = giver(s, e->wl_flags);
	wl_giver_now(&s->r->cfg, s->c, t, &g, s->now);
	wl_softirq_raise(&s->r->cfg, s->c, t, e->vec, &g, s->now);
	return 0;
}

/* Whether the kernel side found it pending, the record says: it may have been raised before. */
static int on_softirq_entry(struct step *s)
{
	const struct wl_ev_irq_softirq_entry *e = s->e->payload;
	int claimed = e->wl_flags & WL_EV_F_DONE && wl_softirq_claim(s->c, e->vec);

	if (e->wl_flags & WL_EV_F_DONE && !claimed)
		wl_replay_doubt(s->r, s->now, s->e->cpu);
	wl_softirq_enter(&s->r->cfg, s->c, giver(s, e->wl_flags), e->vec, claimed, s->now);
	return 0;
}

static int on_softirq_exit(struct step *s)
{
	const struct wl_ev_irq_softirq_exit *e = s->e->payload;

	wl_softirq_exit(&s->r->cfg, s->c, giver(s, e->wl_flags), s->now);
	return 0;
}

/* --- places where chains wait --- */

static void keep(struct step *s, uint64_t key, uint32_t flags, uint8_t state, int fresh)
{
	struct wl_kept_set *set = set_of(s, key);

	if (!(flags & WL_EV_F_DONE))
		return;
	if (!fresh)
		wl_kept_drop(set, key); /* it was not waited for there */
	wl_event_keep(&s->r->cfg, s->c, giver(s, flags), set, key, state, fresh, s->now);
}

static int on_call_queue(struct step *s)
{
	const struct wl_ev_call_queue *e = s->e->payload;

	keep(s, e->wl_csd, e->wl_flags, WL_SEG_IRQ, 1);
	return 0;
}

static int on_call_entry(struct step *s)
{
	const struct wl_ev_call_entry *e = s->e->payload;
	struct wl_kept_set *set = set_of(s, e->wl_csd);

	if (!wl_kept_find(set, e->wl_csd))
		wl_replay_doubt(s->r, s->now, s->e->cpu);
	wl_event_call_enter(s->c, e->wl_flags & WL_EV_F_DONE ? set : NULL, e->wl_csd, s->now);
	return 0;
}

static int on_call_exit(struct step *s)
{
	wl_event_call_exit(s->c, s->now);
	return 0;
}

static int on_queue_work(struct step *s)
{
	const struct wl_ev_workqueue_queue_work *e = s->e->payload;

	keep(s, e->work, e->wl_flags, WL_SEG_WORK_DELAY, 1);
	return 0;
}

/* A worker's chain is its item's: known if the item's is. */
static int on_work_start(struct step *s)
{
	const struct wl_ev_workqueue_execute_start *e = s->e->payload;
	struct wl_kept_set *set = e->wl_flags & WL_EV_F_DONE ? set_of(s, e->work) : NULL;
	struct wl_replay_task *task = e->wl_flags & WL_EV_F_CUR ? current_task(s) : NULL;

	if (!task)
		return 0;
	wl_event_work_start(s->c, &task->t, set, e->work, s->now);
	task->known = task->seen_in && (wl_task_cur(&task->t)->h.id || !set);
	return 0;
}

static int on_work_end(struct step *s)
{
	const struct wl_ev_workqueue_execute_end *e = s->e->payload;
	struct wl_replay_task *task = e->wl_flags & WL_EV_F_CUR ? current_task(s) : NULL;

	if (!task)
		return 0;
	wl_event_work_end(s->c, &task->t);
	task->known = task->seen_in;
	return 0;
}

static int on_reclaim(struct step *s, int begin, uint32_t flags)
{
	struct wl_task *t = giver(s, flags);

	if (t)
		wl_event_reclaim(s->c, t, begin, s->now);
	return 0;
}

static int on_reclaim_begin(struct step *s)
{
	return on_reclaim(s, 1, ((const struct wl_ev_reclaim_begin *)s->e->payload)->wl_flags);
}

static int on_reclaim_end(struct step *s)
{
	return on_reclaim(s, 0, ((const struct wl_ev_reclaim_end *)s->e->payload)->wl_flags);
}

/* --- sockets --- */

static int on_data_ready(struct step *s)
{
	const struct wl_ev_data_ready *e = s->e->payload;

	s->c->returned = 0;
	if (!(e->wl_flags & WL_EV_F_BACKLOG)) {
		keep(s, e->wl_sock, e->wl_flags, WL_SEG_QUEUED, 0);
		return 0;
	}
	wl_kept_drop(set_of(s, e->wl_sock), e->wl_sock);
	wl_event_backlog(&s->r->cfg, s->c, set_of(s, e->wl_sock), e->wl_sock, s->now);
	return 0;
}

static int on_sock_send(struct step *s)
{
	struct wl_task *t = giver(s, WL_EV_F_CUR);

	if (t)
		wl_turn_send(s->c, t, s->now);
	return 0;
}

/*
 * A response of a task that is not known ends here. The next one begins with an arrival that we may
 * not know either; the one after that is known, if the stretch on the CPU is.
 */
static int turn_unknown(struct step *s, struct wl_replay_task *task)
{
	struct wl_path *p = wl_task_cur(&task->t);
	int ret = report(s, task, &s->cpu->cur, WL_END_TURN, WL_END_NONE, WL_TASK_TARGET);

	if (!task->seen_in)
		return ret;
	wl_path_begin(p, s->now, s->e->cpu, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_RUNNING);
	wl_replay_doubt(s->r, s->now, s->e->cpu);
	task->t.irq_base = wl_cpu_irq_ns(s->c, s->now);
	task->t.received = 1;
	task->known = true;
	return ret;
}

/* An arrival from before the window is not the one that the kernel side had. */
static int take_arrival(struct step *s, struct wl_task *t, uint64_t key)
{
	int kept = wl_kept_take(set_of(s, key), key, &t->spare);

	if (!kept)
		wl_replay_doubt(s->r, s->now, s->e->cpu);
	return kept;
}

/* --- marks --- */

static struct wl_mark_set *mark_set(const struct step *s, uint64_t key)
{
	return &s->r->marks[wl_mark_index(key)];
}

static int on_mark_leave(struct step *s)
{
	const struct wl_ev_mark_leave *e = s->e->payload;
	bool done = e->wl_flags & WL_EV_F_DONE;
	struct wl_replay_task *task;

	if (check_current(s, e->wl_tid))
		return -ENOMEM;
	task = current_task(s);
	if (!marking(s) || !task || task->t.mark != e->wl_key)
		return 0;
	wl_mark_leave(s->c, done ? mark_set(s, e->wl_key) : NULL, &task->t, s->cpu->cur.tid,
		      e->wl_flags & WL_EV_F_RELEASE, s->now);
	return 0;
}

/*
 * A mark of an item that began before the window, or in a task whose chain is not known: an item
 * that begins here, in doubt.
 */
static struct wl_mark *mark_unknown(struct step *s, struct wl_replay_task *task,
				    const struct wl_mark_in *in)
{
	struct wl_mark_set *set = mark_set(s, in->key);

	wl_task_cur(&task->t)->h.id = 0;
	task->t.mark = 0;
	wl_mark_begin(s->c, set, &task->t, in, s->now);
	wl_replay_doubt(s->r, s->now, s->e->cpu);
	task->known = task->seen_in;
	return wl_mark_find(set, in->key);
}

/* What the mark did, by its record. */
struct marked {
	uint32_t flags; /* WL_EV_F_* */
	uint8_t end;    /* enum wl_end_kind */
};

static uint8_t marked_target(const struct marked *did)
{
	return did->flags & WL_EV_F_TARGET ? WL_TASK_TARGET : 0;
}

/*
 * The end of such an item in a task that does not carry it, as far as we know. What the task
 * carries itself, if anything, goes on; its own chain went into the response.
 */
static int mark_ends_unknown(struct step *s, struct wl_replay_task *task,
			     const struct wl_mark_in *in, const struct marked *did)
{
	struct wl_mark *m = wl_mark_find(mark_set(s, in->key), in->key);
	struct wl_path *p = &task->t.spare;

	wl_task_charge(s->c, &task->t, 0, s->now);
	wl_path_begin(p, s->now, s->e->cpu, WL_STIM_MARK, 0, WL_SEG_QUEUED);
	wl_replay_doubt(s->r, s->now, s->e->cpu);
	task->t.received = 0;
	if (!task->t.mark)
		wl_task_cur(&task->t)->h.id = 0;
	if (m)
		m->key = 0;
	return report_path(s, task, &s->cpu->cur, p, NULL, did->end, did->end, marked_target(did));
}

/* m: as the kernel side has found it, or NULL. */
static int mark_ends(struct step *s, struct wl_replay_task *task, struct wl_mark *m,
		     const struct wl_mark_in *in, const struct marked *did)
{
	struct wl_path *p = wl_mark_end(s->c, m, &task->t, in, s->now);
	struct wl_work work = { 0 };
	int ret;

	wl_mark_name(&work, in);
	ret = report_path(s, task, &s->cpu->cur, p, m ? &m->work : &work, did->end,
			  p ? WL_END_MARK : WL_END_NONE, marked_target(did));
	wl_mark_ended(m, &task->t, p);
	return ret;
}

/* What the mark found there is what the replay has, or else it is made up, in doubt. */
static int mark_found(struct step *s, struct wl_replay_task *task, const struct wl_mark_in *in,
		      const struct marked *did)
{
	struct wl_mark *m = wl_mark_find(mark_set(s, in->key), in->key);
	bool found = did->flags & WL_EV_F_FOUND;

	if (m && !found) {
		m->key = 0;
		m = NULL;
	}
	if (found && (!m || (!task->known && !wl_mark_carries(m, &task->t, in->tid)))) {
		if (in->op == WL_MARK_END && task->t.mark != in->key)
			return mark_ends_unknown(s, task, in, did);
		m = mark_unknown(s, task, in);
	}
	if (in->op == WL_MARK_END)
		return mark_ends(s, task, m, in, did);
	if (m)
		wl_mark_step(s->c, m, &task->t, in, s->now);
	return 0;
}

static int mark(struct step *s, struct wl_mark_in *in, const struct marked *did)
{
	struct wl_replay_task *task;
	int ret = 0;

	if (check_current(s, in->tid))
		return -ENOMEM;
	task = current_task(s);
	if (!marking(s) || !task || !(did->flags & WL_EV_F_DONE))
		return 0;
	in->tgid = s->cpu->cur.tgid;
	in->key = wl_mark_key(&s->r->cfg, in);
	s->r->marked = true;
	if (in->op != WL_MARK_BEGIN)
		ret = mark_found(s, task, in, did);
	else if (task->known)
		wl_mark_begin(s->c, mark_set(s, in->key), &task->t, in, s->now);
	else
		mark_unknown(s, task, in);
	if (!task->known && did->flags & WL_EV_F_FREE)
		become_known(task, task->t.flags);
	return ret;
}

static int on_mark(struct step *s)
{
	const struct wl_ev_mark *e = s->e->payload;
	struct wl_mark_in in = {
		.cookie = e->wl_cookie,
		.op = e->wl_op,
		.kind = WL_COOKIE_NUMBER,
		.tid = e->wl_tid,
	};

	memcpy(in.name, e->wl_name, sizeof(in.name));
	return mark(s, &in, &(struct marked){ e->wl_flags, e->wl_end });
}

static int on_mark_text(struct step *s)
{
	const struct wl_ev_mark_text *e = s->e->payload;
	struct wl_mark_in in = { .op = e->wl_op, .kind = WL_COOKIE_TEXT, .tid = e->wl_tid };

	memcpy(in.text, e->wl_cookie, sizeof(in.text));
	memcpy(in.name, e->wl_name, sizeof(in.name));
	return mark(s, &in, &(struct marked){ e->wl_flags, e->wl_end });
}

/* Data, where only marks end responses. */
static int mark_receives(struct step *s, struct wl_replay_task *task)
{
	const struct wl_ev_sock_recv *e = s->e->payload;
	struct wl_kept_set *set = set_of(s, e->wl_sock);
	bool done = e->wl_flags & WL_EV_F_DONE;
	int kept = 0;

	/* whether it is of the task's own, apart, or more of the same, we can't know */
	if (!task->known) {
		if (done)
			wl_kept_drop(set, e->wl_sock);
		return 0;
	}
	if (e->wl_ret && wl_mark_receives_more(&s->r->cfg, &task->t, e->wl_sock)) {
		if (done)
			wl_kept_drop(set, e->wl_sock);
		return 0;
	}
	if (done && !wl_kept_find(set, e->wl_sock))
		wl_replay_doubt(s->r, s->now, s->e->cpu);
	if (done)
		kept = wl_mark_arrival(set, &task->t, e->wl_sock);
	wl_mark_receive(&s->r->cfg, s->c, &task->t, kept, e->wl_sock, s->cpu->cur.tgid, s->now);
	return 0;
}

/* --- receiving --- */

static int on_sock_recv(struct step *s)
{
	const struct wl_ev_sock_recv *e = s->e->payload;
	struct wl_replay_task *task = current_task(s);
	uint8_t kind;
	int kept = 0, ret;

	if (!task)
		return 0;
	if (!e->wl_ret) {
		if (e->wl_flags & WL_EV_F_DONE)
			wl_kept_drop(set_of(s, e->wl_sock), e->wl_sock);
		return 0;
	}
	if (marking(s))
		return mark_receives(s, task);
	if (e->wl_flags & WL_EV_F_DONE)
		kept = take_arrival(s, &task->t, e->wl_sock);
	if (!task->known)
		return e->wl_end ? turn_unknown(s, task) : 0;
	kind = wl_turn_receive(&s->r->cfg, s->c, &task->t, kept, s->cpu->cur.tgid, s->now);
	ret = report(s, task, &s->cpu->cur, e->wl_end, kind, task->t.flags);
	if (kind)
		wl_turn_next(&task->t);
	return ret;
}

static int on_sock_close(struct step *s)
{
	const struct wl_ev_sock_close *e = s->e->payload;

	wl_kept_drop(set_of(s, e->wl_sock), e->wl_sock);
	return 0;
}

/* --- all of them --- */

static int (*const handlers[WL_EV_FIXED_MAX])(struct step *) = {
	[WL_EVID_SCHED_SWITCH] = on_switch,
	[WL_EVID_SCHED_WAKING] = on_waking,
	[WL_EVID_SCHED_FORK] = on_fork,
	[WL_EVID_SCHED_EXEC] = on_exec,
	[WL_EVID_IRQ_ENTRY] = on_irq_entry,
	[WL_EVID_IRQ_EXIT] = on_irq_exit,
	[WL_EVID_SOFTIRQ_RAISE] = on_raise,
	[WL_EVID_SOFTIRQ_ENTRY] = on_softirq_entry,
	[WL_EVID_SOFTIRQ_EXIT] = on_softirq_exit,
	[WL_EVID_TIMER_ENTRY] = on_timer_entry,
	[WL_EVID_TIMER_EXIT] = on_timer_exit,
	[WL_EVID_QUEUE_WORK] = on_queue_work,
	[WL_EVID_WORK_START] = on_work_start,
	[WL_EVID_WORK_END] = on_work_end,
	[WL_EVID_RECLAIM_BEGIN] = on_reclaim_begin,
	[WL_EVID_RECLAIM_END] = on_reclaim_end,
	[WL_EVID_MEMCG_RECLAIM_BEGIN] = on_reclaim_begin,
	[WL_EVID_MEMCG_RECLAIM_END] = on_reclaim_end,
	[WL_EVID_DATA_READY] = on_data_ready,
	[WL_EVID_SOCK_SEND] = on_sock_send,
	[WL_EVID_SOCK_RECV] = on_sock_recv,
	[WL_EVID_SOCK_CLOSE] = on_sock_close,
	[WL_EVID_CALL_QUEUE] = on_call_queue,
	[WL_EVID_CALL_ENTRY] = on_call_entry,
	[WL_EVID_CALL_EXIT] = on_call_exit,
	[WL_EVID_NMI] = on_nmi,
	[WL_EVID_MARK] = on_mark,
	[WL_EVID_MARK_TEXT] = on_mark_text,
	[WL_EVID_MARK_LEAVE] = on_mark_leave,
	[WL_EVID_VEC_LOCAL_TIMER_ENTRY... WL_EVID_VEC_SPURIOUS_APIC_EXIT] = on_vector,
};

int wl_replay_event(struct wl_replay *r, const struct wl_event *e)
{
	struct step s = { .r = r, .e = e, .now = e->ts };
	struct wl_event translated;
	int ret;

	if (r->foreign) {
		ret = wl_foreign_event(r->foreign, e, &translated);
		if (ret <= 0)
			return ret;
		s.e = e = &translated;
	}
	if (e->flags & WL_EVENT_SYNTHETIC || e->cpu >= r->ncpu)
		return 0;
	/* up to the window some CPUs are silent: what the others say of tasks may be over */
	if (r->stats.last < r->stats.first && e->ts >= r->stats.first)
		wl_replay_forget(r);
	s.cpu = &r->cpu[e->cpu];
	s.c = &s.cpu->c;
	if (e->flags & WL_EVENT_AFTER_LOSS) {
		wl_replay_forget(r);
		s.cpu->switched = false;
		r->lost_at = e->ts;
	}
	r->stats.events++;
	r->stats.last = e->ts;
	ret = e->id < WL_EV_FIXED_MAX && handlers[e->id] ? handlers[e->id](&s) : 0;
	return !ret && r->event_fn ? r->event_fn(r->event_ctx, e) : ret;
}

/* The window begins where the last of the streams does. */
static void find_window(struct wl_replay *r, struct wl_trace *trace)
{
	for (unsigned i = 0; i < wl_trace_nstreams(trace); i++) {
		const struct wl_event *e;

		while (wl_trace_peek(trace, i, &e) > 0 && e->flags & WL_EVENT_SYNTHETIC)
			if (wl_trace_advance(trace, i))
				break;
		if (wl_trace_peek(trace, i, &e) > 0 && e->ts > r->stats.first)
			r->stats.first = e->ts;
	}
}

int wl_replay_run(struct wl_replay *r, struct wl_trace *trace, wl_replay_fn fn, void *ctx)
{
	const struct wl_event *e;
	int stream, ret = 0;

	r->fn = fn;
	r->ctx = ctx;
	if (wl_trace_info(trace)->foreign)
		r->cfg.rt = wl_trace_info(trace)->rt;
	if (wl_trace_info(trace)->foreign || r->unfollowed)
		ret = wl_foreign_new(&r->foreign, r->ncpu, r->cfg.rt, trace);
	find_window(r, trace);
	while (!ret && (stream = wl_replay_order_next(r, trace, &e)) >= 0) {
		ret = wl_replay_event(r, e);
		wl_replay_order_done(r, e);
		if (!ret)
			ret = wl_trace_advance(trace, (unsigned)stream);
	}
	return ret;
}

int wl_replay_new(struct wl_replay **replay, const struct wl_chain_config *config, uint32_t ncpu)
{
	struct wl_replay *r = calloc(1, sizeof(*r));
	int ret = r ? wl_replay_state_init(r, config, ncpu) : -ENOMEM;

	if (ret) {
		wl_replay_free(r);
		return ret;
	}
	*replay = r;
	return 0;
}

void wl_replay_free(struct wl_replay *r)
{
	if (!r)
		return;
	wl_replay_state_release(r);
	wl_foreign_free(r->foreign);
	free(r);
}

int wl_replay_add_task(struct wl_replay *r, const struct wl_task_dump *dump)
{
	struct wl_replay_task *task = wl_replay_task(r, dump->tid);

	if (!task)
		return -ENOMEM;
	task->t.nhomes = dump->nhomes < WL_HOMES ? dump->nhomes : WL_HOMES;
	memcpy(task->t.homes, dump->homes, sizeof(task->t.homes));
	return 0;
}

void wl_replay_unfollowed(struct wl_replay *r)
{
	r->unfollowed = true;
}

size_t wl_replay_missing(const struct wl_replay *r, const char *texts[], size_t max)
{
	return r->foreign ? wl_foreign_missing(r->foreign, texts, max) : 0;
}

const struct wl_replay_stats *wl_replay_stats(const struct wl_replay *r)
{
	return &r->stats;
}
