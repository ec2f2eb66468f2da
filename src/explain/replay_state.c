/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/replay_state.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "explain/by_tid.h"

struct wl_replay_task *wl_replay_task_find(const struct wl_replay *r, uint32_t tid)
{
	return wl_by_tid_find(&r->tasks, tid);
}

struct wl_replay_task *wl_replay_task(struct wl_replay *r, uint32_t tid)
{
	struct wl_replay_task *task = wl_replay_task_find(r, tid);

	if (task)
		return task;
	task = wl_by_tid_add(&r->tasks, tid, sizeof(*task));
	if (task)
		task->t.call = -2;
	return task;
}

static void forget_task(const void *node, VISIT visit, void *closure)
{
	struct wl_replay_task *task = *(struct wl_replay_task *const *)node;

	if (visit != postorder && visit != leaf)
		return;
	task->known = false;
	task->seen_in = false;
	task->step_known = false;
	/* a wake-up of now counts if it is ahead of a sleep; what it was woken with may be used up
	 */
	task->t.status = WL_TASK_UNSEEN;
	task->t.mark = 0;
	task->t.received = 0;
	task->t.next &= ~WL_SLOT_MASK;
}

/* Only their keys: the table is large, and mostly empty. */
static void forget_marks(struct wl_replay *r)
{
	for (uint32_t i = 0; r->marks && r->marked && i < WL_MARK_SETS; i++)
		for (uint32_t k = 0; k < WL_MARK_WAYS; k++)
			r->marks[i].way[k].key = 0;
	r->marked = false;
}

void wl_replay_forget(struct wl_replay *r)
{
	twalk_r(r->tasks, forget_task, NULL);
	memset(r->sets, 0, WL_KEPT_SETS * sizeof(*r->sets));
	forget_marks(r);
}

static size_t doubt_index(uint64_t id)
{
	return (id * 0x9e3779b97f4a7c15ull) >> 48 & (WL_REPLAY_DOUBTS - 1);
}

void wl_replay_doubt(struct wl_replay *r, uint64_t ts, uint32_t cpu)
{
	uint64_t id = wl_chain_id(ts, cpu);

	r->doubts[doubt_index(id)] = id;
}

bool wl_replay_in_doubt(const struct wl_replay *r, uint64_t id)
{
	return r->doubts[doubt_index(id)] == id;
}

void wl_replay_listen(struct wl_replay *r, wl_replay_event_fn fn, void *ctx)
{
	r->event_fn = fn;
	r->event_ctx = ctx;
}

void wl_replay_sleep(const struct wl_ev_sched_switch *e, struct wl_sleep *s)
{
	memset(s, 0, sizeof(*s));
	s->call = e->wl_prev_call;
	s->arg = e->wl_prev_arg;
	s->runnable = (e->wl_flags & WL_SW_RUNNABLE) != 0;
	s->hard = (e->wl_flags & WL_SW_HARD) != 0;
	s->noload = (e->wl_flags & WL_SW_NOLOAD) != 0;
	s->stopped = (e->wl_flags & WL_SW_STOPPED) != 0;
	s->dead = (e->wl_flags & WL_SW_DEAD) != 0;
	s->io = (e->wl_flags & WL_SW_IO) != 0;
	s->throttled = (e->wl_flags & WL_SW_THROTTLED) != 0;
	s->compat = (e->wl_flags & WL_SW_COMPAT) != 0;
	s->lock = (e->wl_flags & WL_SW_LOCK) != 0;
}

void wl_replay_name(const struct wl_replay_who *who, struct wl_who *w)
{
	memset(w, 0, sizeof(*w));
	w->tid = who->tid;
	w->tgid = who->tgid;
	memcpy(w->comm, who->comm, sizeof(w->comm));
	w->ctx = who->tid ? WL_WHO_TASK : WL_WHO_IDLE;
	w->policy = who->policy;
	w->prio = who->prio;
	w->flags = who->kthread ? WL_WHO_F_KTHREAD : 0;
}

void wl_replay_who_now(const struct wl_replay *r, uint32_t cpu, struct wl_who *who)
{
	struct wl_cpu *c = &r->cpu[cpu].c;
	const struct wl_who named = c->run.who;

	wl_replay_name(&r->cpu[cpu].cur, &c->run.who);
	wl_cpu_who(c, who);
	c->run.who = named;
}

int wl_replay_state_init(struct wl_replay *r, const struct wl_chain_config *config, uint32_t ncpu)
{
	r->cfg = *config;
	r->ncpu = ncpu;
	r->cpu = calloc(ncpu, sizeof(*r->cpu));
	r->sets = calloc(WL_KEPT_SETS, sizeof(*r->sets));
	if (config->until == WL_UNTIL_MARK)
		r->marks = calloc(WL_MARK_SETS, sizeof(*r->marks));
	if (!r->cpu || !r->sets || (config->until == WL_UNTIL_MARK && !r->marks))
		return -ENOMEM;
	for (uint32_t i = 0; i < ncpu; i++)
		r->cpu[i].c.cpu = i;
	return 0;
}

void wl_replay_state_release(struct wl_replay *r)
{
	tdestroy(r->tasks, free);
	free(r->cpu);
	free(r->sets);
	free(r->marks);
}
