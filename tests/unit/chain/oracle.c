/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "oracle.h"

#include <stdio.h>
#include <string.h>

static void fail(struct oracle *o, const char *what, const struct machine_task *task, uint64_t got,
		 uint64_t want)
{
	if (o->failure[0])
		return;
	snprintf(o->failure, sizeof(o->failure),
		 "%s: task %u of %u at event %llu, time %llu: got %llu, expected %llu", what,
		 task ? task->tid : 0, task ? task->tgid : 0, (unsigned long long)o->m->events,
		 (unsigned long long)o->m->now, (unsigned long long)got, (unsigned long long)want);
}

/* A task whose chains can't reach a target is not looked at. */
static bool looked_at(const struct machine_task *task)
{
	return task && task->reaches;
}

static struct oracle_task *task_of(struct oracle *o, const struct machine_task *task)
{
	return &o->task[task - o->m->task];
}

/* --- stories --- */

static void story_begin(struct oracle *o, struct story *s, uint64_t at, uint8_t kind, uint16_t nr,
			uint8_t state)
{
	memset(s, 0, sizeof(*s));
	s->on = true;
	s->id = ++o->last_id;
	s->start = s->last = at;
	s->kind = kind;
	s->nr = nr;
	s->state = state;
}

/* Everything up to then was s->state. */
static void story_until(struct story *s, uint64_t at)
{
	if (at <= s->last)
		return;
	s->ns[s->state] += at - s->last;
	s->last = at;
}

static void story_as(struct story *s, uint8_t state, uint64_t at)
{
	story_until(s, at);
	s->state = state;
}

static struct mark story_mark(struct oracle *o, const struct story *s, uint64_t at, uint8_t kind,
			      uint16_t nr)
{
	struct mark mark = { .set = true, .id = ++o->last_id, .at = at, .kind = kind, .nr = nr };

	memcpy(mark.ns, s->ns, sizeof(mark.ns));
	return mark;
}

/* Only what came after the mark: another process's response. */
static void story_cut(struct story *s, const struct mark *mark)
{
	struct mark cut = *mark;

	for (int i = 0; i < WL_SEG_MAX; i++)
		s->ns[i] -= cut.ns[i];
	s->id = cut.id;
	s->start = cut.at;
	s->kind = cut.kind;
	s->nr = cut.nr;
	s->owner = 0;
	s->hops = 0;
	s->merged = 0;
	s->left.set = s->sent.set = false;
}

/* --- contexts --- */

static bool on_top(const struct oracle_cpu *c)
{
	for (uint32_t i = 0; i < c->depth; i++)
		if (c->frame[i].kind == WL_FRAME_IRQ ||
		    (c->frame[i].kind == WL_FRAME_SOFTIRQ && !c->frame[i].own))
			return true;
	return false;
}

static void cpu_until(struct oracle_cpu *c, uint64_t now)
{
	if (on_top(c))
		c->ontop += now - c->seen;
	c->seen = now;
}

static struct oracle_frame *frame_push(struct oracle_cpu *c, uint8_t kind, uint16_t nr)
{
	struct oracle_frame *f = &c->frame[c->depth++];

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->nr = nr;
	return f;
}

/* Running time of the CPU's task up to now, less what ran on top of it. */
static void task_run(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	struct oracle_task *t = task_of(o, ev->cur);
	uint64_t irq = c->ontop - t->ontop;

	t->ontop = c->ontop;
	if (!t->cur.on)
		return;
	t->cur.state = t->reclaim ? WL_SEG_RECLAIM : WL_SEG_RUNNING;
	story_until(&t->cur, o->m->now - irq);
	t->cur.state = WL_SEG_INTERRUPTED;
	story_until(&t->cur, o->m->now);
	t->cur.state = WL_SEG_RUNNING;
}

struct source {
	const struct story *s; /* NULL: that context has no chain */
	bool user;             /* it is a user task */
	uint8_t kind;          /* stimulus of a chain that starts here */
	uint16_t nr;
};

static struct source source_now(struct oracle *o, const struct machine_event *ev)
{
	struct source src = { .kind = WL_STIM_WAKEUP };
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	const struct oracle_frame *f = c->depth ? &c->frame[c->depth - 1] : NULL;

	if (f) {
		src.s = f->s.on ? &f->s : NULL;
		if (f->kind == WL_FRAME_SOFTIRQ) {
			src.kind = WL_STIM_SOFTIRQ;
			src.nr = f->nr;
		}
		return src;
	}
	if (!ev->cur || !task_of(o, ev->cur)->cur.on)
		return src;
	task_run(o, ev);
	src.s = &task_of(o, ev->cur)->cur;
	src.user = !(ev->cur->t.flags & WL_TASK_LINK);
	return src;
}

/* One more hand-off; false: it was one too many, or there is nothing to hand on. */
static bool story_hop(struct oracle *o, struct story *dst, const struct source *src, uint8_t state)
{
	if (!src->s || src->s->hops >= o->cfg.max_hops)
		return false;
	*dst = *src->s;
	story_as(dst, state, o->m->now);
	dst->hops++;
	dst->merged = 0;
	dst->sent.set = false;
	return true;
}

/* To a softirq, a kernel thread, a work item, a socket. */
static void pass(struct oracle *o, struct story *dst, const struct source *src, uint8_t state)
{
	if (!story_hop(o, dst, src, state))
		story_begin(o, dst, o->m->now, src->kind, src->nr, state);
	else if (src->user)
		dst->left = story_mark(o, dst, o->m->now, src->kind, src->nr);
}

/* To a user task of process tgid, which has finished two chains or less. */
static void deliver(struct oracle *o, struct story *dst, const struct source *src,
		    const struct machine_task *wakee)
{
	const struct oracle_task *t = task_of(o, wakee);
	uint64_t now_has = t->cur.on ? t->cur.id : 0;
	const struct story *s = src->s;
	struct source from = *src;

	if (s && !o->cfg.follow_all && s->owner && s->owner != wakee->tgid) {
		if (s->left.set && s->left.id != t->finished && s->left.id != now_has) {
			*dst = *s;
			story_cut(dst, &s->left);
			story_as(dst, WL_SEG_WAKEUP, o->m->now);
			dst->hops = 1;
			dst->owner = wakee->tgid;
			return;
		}
		from.s = NULL;
	} else if (s && !o->cfg.follow_all && (s->id == t->finished || s->id == now_has)) {
		from.s = NULL;
	}
	if (!story_hop(o, dst, &from, WL_SEG_WAKEUP))
		story_begin(o, dst, o->m->now, src->kind, src->nr, WL_SEG_WAKEUP);
	dst->left.set = false;
	dst->owner = wakee->tgid;
}

/* --- responses --- */

static void expect(struct oracle *o, const struct machine_task *task, const struct story *s,
		   uint8_t kind)
{
	uint32_t i = o->nexpected++ % ORACLE_EXPECTED;

	o->expected[i].task = task;
	o->expected[i].s = *s;
	o->expected[i].kind = kind;
}

static void task_end(struct oracle *o, const struct machine_task *task, uint8_t kind)
{
	struct oracle_task *t = task_of(o, task);

	if (kind != WL_END_NONE)
		expect(o, task, &t->cur, kind);
	if (t->cur.on)
		t->finished = t->cur.id;
	t->cur.on = false;
}

static bool is_home(struct oracle *o, struct oracle_task *t, const struct wl_sleep *s)
{
	uint64_t arg = s->arg;

	if (s->hard || s->stopped || s->dead || s->call < 0)
		return false;
	if (s->call == CALL_FUTEX)
		arg &= ~7ull;
	if (t->nhomes)
		return t->home.syscall == s->call && t->home.arg == arg;
	if (s->call != CALL_READ && s->call != CALL_POLL && s->call != CALL_FUTEX &&
	    s->call != CALL_SLEEP && s->call != CALL_EPOLL)
		return false;
	t->nhomes = 1;
	t->home.syscall = s->call;
	t->home.arg = arg;
	return true;
}

static void out_link(struct oracle *o, const struct machine_task *task, const struct wl_sleep *s)
{
	struct oracle_task *t = task_of(o, task);

	if (s->hard && !s->noload && !s->dead)
		t->midwork = true;
	else
		task_end(o, task, WL_END_NONE);
}

static void out_user(struct oracle *o, const struct machine_task *task, const struct wl_sleep *s)
{
	struct oracle_task *t = task_of(o, task);
	bool anywhere = o->cfg.until == WL_UNTIL_RUN || o->cfg.until == WL_UNTIL_BLOCK;
	bool home = is_home(o, t, s);

	if (home)
		t->home_at = t->woken && t->wake.start < o->m->now ? t->wake.start : o->m->now;
	if (!t->cur.on)
		t->away = !home && !anywhere;
	else if (s->dead)
		task_end(o, task, WL_END_EXIT);
	else if (o->cfg.until == WL_UNTIL_BLOCK)
		task_end(o, task, WL_END_BLOCK);
	else if (home)
		task_end(o, task, WL_END_IDLE);
	else
		t->midwork = true;
}

static void switch_out(struct oracle *o, const struct machine_event *ev)
{
	const struct wl_sleep *s = ev->sleep;
	struct oracle_task *t = task_of(o, ev->cur);

	task_run(o, ev);
	t->sleep = *s;
	if (s->runnable) {
		t->waiting = true;
		t->woken = false;
		t->cur.state = s->throttled ? WL_SEG_THROTTLED : WL_SEG_PREEMPTED;
		return;
	}
	t->asleep = true;
	t->away = false;
	if (ev->cur->t.flags & WL_TASK_LINK)
		out_link(o, ev->cur, s);
	else
		out_user(o, ev->cur, s);
}

/* stopped, throttled, reclaim, fault, io, lock, timer, task, unknown */
static uint8_t what_it_slept_in(const struct oracle_task *t)
{
	bool disk = (t->waker == WL_WHO_SOFTIRQ && t->waker_nr == WL_SOFTIRQ_BLOCK) ||
		    (t->waker == WL_WHO_IRQ && t->waker_nr < WL_VEC_BASE);
	bool by_user = t->waker == WL_WHO_TASK && !t->waker_kthread;
	bool by_kthread = t->waker == WL_WHO_TASK && t->waker_kthread;
	bool timer = t->waker == WL_WHO_TIMER ||
		     (t->waker == WL_WHO_SOFTIRQ &&
		      (t->waker_nr == WL_SOFTIRQ_TIMER || t->waker_nr == WL_SOFTIRQ_HRTIMER));

	if (t->sleep.stopped)
		return WL_SEG_STOPPED;
	if (t->reclaim)
		return WL_SEG_RECLAIM;
	if (t->sleep.call == -1)
		return WL_SEG_FAULT;
	if (t->sleep.io || (t->sleep.hard && disk))
		return WL_SEG_IO;
	if (t->sleep.hard && by_kthread && t->sleep.call == CALL_FSYNC)
		return WL_SEG_IO;
	if ((by_user || by_kthread) && t->sleep.call == CALL_FUTEX)
		return WL_SEG_LOCK;
	if (by_user && t->sleep.hard)
		return WL_SEG_LOCK;
	return timer ? WL_SEG_TIMER : t->waker == WL_WHO_NONE ? WL_SEG_UNKNOWN : WL_SEG_TASK;
}

static void in_asleep(struct oracle *o, const struct machine_task *task)
{
	struct oracle_task *t = task_of(o, task);

	if (!t->woken)
		fail(o, "the machine never wakes without sched_waking", task, 0, 1);
	if (t->midwork) {
		t->cur.state = what_it_slept_in(t);
		story_until(&t->cur, t->wake_at);
		t->cur.state = t->wake_throttled ? WL_SEG_THROTTLED : WL_SEG_WAKEUP;
		story_until(&t->cur, o->m->now);
	} else if (!t->away && t->wake.on) {
		t->cur = t->wake;
		t->received = false;
		t->raised = 0;
		if (t->wake_throttled)
			t->cur.state = WL_SEG_THROTTLED;
		story_until(&t->cur, o->m->now);
	}
}

static void switch_in(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->task);

	if (t->asleep)
		in_asleep(o, ev->task);
	else if (t->waiting)
		story_until(&t->cur, o->m->now);
	if (t->asleep)
		t->woken = false;
	t->asleep = t->midwork = t->waiting = false;
	t->ontop = o->cpu[ev->cpu].ontop;
	if (o->cfg.until == WL_UNTIL_RUN && t->cur.on && !(ev->task->t.flags & WL_TASK_LINK))
		task_end(o, ev->task, WL_END_RUN);
}

/* --- events --- */

static void on_switch(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_cpu *c = &o->cpu[ev->cpu];

	if (!ev->task)
		for (int v = 0; v < WL_NR_SOFTIRQS; v++)
			c->pending[v].s.on = false;
	if (looked_at(ev->cur))
		switch_out(o, ev);
	if (looked_at(ev->task))
		switch_in(o, ev);
}

static void wake_who(struct oracle *o, struct oracle_task *t, const struct machine_event *ev)
{
	const struct oracle_cpu *c = &o->cpu[ev->cpu];
	const struct oracle_frame *f = c->depth ? &c->frame[c->depth - 1] : NULL;

	t->waker_kthread = ev->cur && ev->cur->t.flags & WL_TASK_LINK;
	t->waker = ev->cur ? WL_WHO_TASK : WL_WHO_IDLE;
	if (!f)
		return;
	t->waker = f->kind == WL_FRAME_SOFTIRQ ? WL_WHO_SOFTIRQ
		   : f->kind == WL_FRAME_TIMER ? WL_WHO_TIMER
					       : WL_WHO_IRQ;
	t->waker_nr = f->kind == WL_FRAME_CALL ? WL_VEC_BASE + WL_VEC_CALL_FUNCTION_SINGLE : f->nr;
}

static void on_waking(struct oracle *o, const struct machine_event *ev, bool returned)
{
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	struct oracle_task *t = task_of(o, ev->task);
	struct source src;
	bool threaded = returned && c->frame[c->depth].thread == ev->task;

	if (!looked_at(ev->task))
		return;
	if (threaded)
		src = (struct source){ .s = &c->frame[c->depth].s, .kind = WL_STIM_IRQ };
	else
		src = source_now(o, ev);
	t->woken = true;
	t->wake_at = o->m->now;
	t->wake_throttled = ev->task->throttled;
	wake_who(o, t, ev);
	if (threaded) {
		t->waker = WL_WHO_IRQ;
		t->waker_nr = c->frame[c->depth].nr;
		t->waker_kthread = false;
		t->line = true;
	}
	memset(&t->wake, 0, sizeof(t->wake));
	if (ev->task->t.flags & WL_TASK_SOFTIRQD)
		return;
	if (ev->task->t.flags & WL_TASK_LINK)
		pass(o, &t->wake, &src, WL_SEG_WAKEUP);
	else
		deliver(o, &t->wake, &src, ev->task);
}

static void on_fork(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->task);
	struct source src = source_now(o, ev);

	memset(t, 0, sizeof(*t));
	t->asleep = true;
	t->woken = true;
	t->wake_at = o->m->now;
	if (ev->task->t.flags & WL_TASK_LINK) {
		pass(o, &t->wake, &src, WL_SEG_WAKEUP);
		return;
	}
	if (!story_hop(o, &t->wake, &src, WL_SEG_WAKEUP))
		story_begin(o, &t->wake, o->m->now, src.kind, src.nr, WL_SEG_WAKEUP);
	t->wake.left.set = false;
	t->wake.owner = ev->task->tgid;
}

static void on_timer(struct oracle *o, const struct machine_event *ev)
{
	struct story *s = &frame_push(&o->cpu[ev->cpu], WL_FRAME_TIMER, ev->nr)->s;

	story_begin(o, s, ev->soft, WL_STIM_TIMER, ev->nr, WL_SEG_TIMER_SLACK);
	story_until(s, ev->hard < o->m->now ? ev->hard : o->m->now);
	story_as(s, WL_SEG_TIMER_DELAY, s->last);
	story_as(s, WL_SEG_IRQ, o->m->now);
}

static void on_irq(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_frame *f = frame_push(&o->cpu[ev->cpu], WL_FRAME_IRQ, ev->nr);

	f->thread = ev->task;
	story_begin(o, &f->s, o->m->now, WL_STIM_IRQ, ev->nr, WL_SEG_IRQ);
}

/* A line's thread goes round once more: nobody told us of the interrupt that made it. */
static bool raises_again(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->cur);
	bool again = t->line && t->raised >> ev->nr & 1;

	t->raised |= 1u << ev->nr;
	return again;
}

static void on_raise(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	const struct oracle_frame *f = c->depth ? &c->frame[c->depth - 1] : NULL;
	struct source src;

	if (c->pending[ev->nr].s.on)
		return;
	src = source_now(o, ev);
	src.kind = WL_STIM_SOFTIRQ;
	src.nr = ev->nr;
	if (f && f->kind == WL_FRAME_SOFTIRQ && f->nr == ev->nr)
		src.s = NULL;
	if (!f && ev->cur && looked_at(ev->cur) && raises_again(o, ev))
		src.s = NULL;
	pass(o, &c->pending[ev->nr].s, &src, WL_SEG_SOFTIRQ_DELAY);
	c->pending[ev->nr].tid = !f && ev->cur ? ev->cur->tid : 0;
}

static void on_softirq(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	struct oracle_frame *f = frame_push(c, WL_FRAME_SOFTIRQ, ev->nr);

	if (!c->pending[ev->nr].s.on) {
		story_begin(o, &f->s, o->m->now, WL_STIM_SOFTIRQ, ev->nr, WL_SEG_SOFTIRQ);
		return;
	}
	f->s = c->pending[ev->nr].s;
	f->own = ev->cur && c->pending[ev->nr].tid == ev->cur->tid;
	c->pending[ev->nr].s.on = false;
	story_as(&f->s, WL_SEG_SOFTIRQ, o->m->now);
}

static void on_call(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_frame *f = frame_push(&o->cpu[ev->cpu], WL_FRAME_CALL, 0);

	f->s = o->kept[ev->key].s;
	story_as(&f->s, WL_SEG_IRQ, o->m->now);
}

static void on_keep(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_kept *k = &o->kept[ev->key];
	struct source src;

	/* of the arrivals that nobody has received the first counts */
	if (ev->state == WL_SEG_QUEUED && k->s.on && !k->taken)
		return;
	src = source_now(o, ev);
	pass(o, &k->s, &src, ev->state);
	k->taken = false;
}

static void on_backlog(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_kept *k = &o->kept[ev->key];

	if (k->s.on && !k->taken)
		return;
	story_begin(o, &k->s, o->m->now, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_QUEUED);
	k->taken = false;
}

static void on_work(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->cur);

	t->cur = o->kept[ev->key].s;
	t->ontop = o->cpu[ev->cpu].ontop;
	story_as(&t->cur, WL_SEG_RUNNING, o->m->now);
}

static void on_send(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->cur);

	task_run(o, ev);
	if (t->cur.on)
		t->cur.sent = story_mark(o, &t->cur, o->m->now, 0, 0);
}

/* What the thread did between its last send and now is what the new response waited for. */
static void turn_tail(struct oracle *o, struct story *n, const struct story *old)
{
	bool partly = n->last > old->sent.at;

	n->state = WL_SEG_QUEUED;
	story_until(n, old->sent.at);
	for (int i = 0; i < WL_SEG_MAX && !partly; i++) {
		bool busy = i == WL_SEG_RUNNING || i == WL_SEG_INTERRUPTED || !i;

		n->ns[busy ? WL_SEG_QUEUED : i] += old->ns[i] - old->sent.ns[i];
		n->last += old->ns[i] - old->sent.ns[i];
	}
	n->vague |= partly;
	story_until(n, o->m->now);
	n->state = WL_SEG_RUNNING;
}

/* The arrival as this process sees it. */
static struct story arrival(struct oracle *o, const struct machine_event *ev)
{
	struct story n = o->kept[ev->key].s;

	if (!o->cfg.follow_all && n.owner && n.owner != ev->cur->tgid && n.left.set)
		story_cut(&n, &n.left);
	n.owner = ev->cur->tgid;
	n.left.set = false;
	n.merged = 0;
	return n;
}

static void turn(struct oracle *o, const struct machine_event *ev, struct story *n, bool kept)
{
	struct oracle_task *t = task_of(o, ev->cur);
	struct story old;

	task_run(o, ev);
	old = t->cur;
	memcpy(t->cur.ns, old.sent.ns, sizeof(t->cur.ns));
	t->cur.last = old.sent.at;
	task_end(o, ev->cur, WL_END_TURN);
	if (!kept) {
		story_begin(o, n, o->m->now, WL_STIM_SOFTIRQ, WL_SOFTIRQ_NET_RX, WL_SEG_QUEUED);
		n->owner = ev->cur->tgid;
	}
	turn_tail(o, n, &old);
	t->cur = *n;
}

static void on_receive(struct oracle *o, const struct machine_event *ev)
{
	struct oracle_task *t = task_of(o, ev->cur);
	struct story n = arrival(o, ev);
	bool kept = o->kept[ev->key].s.on && o->kept[ev->key].s.last >= t->home_at;

	o->kept[ev->key].taken = true;
	if (!t->cur.on)
		return;
	if (t->cur.sent.set && o->cfg.until == WL_UNTIL_TURN)
		turn(o, ev, &n, kept);
	else if (kept && t->received && n.start > t->cur.start && t->cur.merged < 255)
		t->cur.merged++;
	t->received = true;
}

static void on_reclaim(struct oracle *o, const struct machine_event *ev)
{
	task_run(o, ev);
	task_of(o, ev->cur)->reclaim = ev->state;
}

static void on_event(void *arg, const struct machine_event *ev)
{
	struct oracle *o = arg;
	struct oracle_cpu *c = &o->cpu[ev->cpu];
	bool returned = c->returned;

	if (o->nexpected)
		fail(o, "a response was not reported", o->expected[0].task, 0, o->expected[0].kind);
	cpu_until(c, o->m->now);
	c->returned = false;
	switch (ev->kind) {
	case EV_IRQ_ENTER:
		return on_irq(o, ev);
	case EV_IRQ_EXIT:
		c->depth--;
		c->returned = true;
		return;
	case EV_TIMER_EXIT:
	case EV_SOFTIRQ_EXIT:
	case EV_CALL_EXIT:
		c->depth--;
		return;
	case EV_TIMER_ENTER:
		return on_timer(o, ev);
	case EV_RAISE:
		return on_raise(o, ev);
	case EV_SOFTIRQ_ENTER:
		return on_softirq(o, ev);
	case EV_CALL_ENTER:
		return on_call(o, ev);
	case EV_KEEP:
		return on_keep(o, ev);
	case EV_BACKLOG:
		return on_backlog(o, ev);
	case EV_WORK_START:
		return on_work(o, ev);
	case EV_WORK_END:
		return task_end(o, ev->cur, WL_END_NONE);
	case EV_WAKING:
		return on_waking(o, ev, returned);
	case EV_SWITCH:
		return on_switch(o, ev);
	case EV_FORK:
		return on_fork(o, ev);
	case EV_EXEC:
		task_of(o, ev->cur)->nhomes = 0;
		return;
	case EV_SEND:
		return on_send(o, ev);
	case EV_RECEIVE:
		return on_receive(o, ev);
	case EV_RECLAIM:
		return on_reclaim(o, ev);
	default:
		fail(o, "unknown event", NULL, ev->kind, 0);
	}
}

/* --- comparing --- */

static void same(struct oracle *o, const char *what, const struct machine_task *task, uint64_t got,
		 uint64_t want)
{
	if (got != want)
		fail(o, what, task, got, want);
}

/* Sums of a class of kinds. */
static uint64_t sums(const uint64_t ns[WL_SEG_MAX], uint32_t kinds)
{
	uint64_t sum = 0;

	for (int i = 0; i < WL_SEG_MAX; i++)
		if (kinds >> i & 1)
			sum += ns[i];
	return sum;
}

#define K(kind) (1u << WL_SEG_##kind)

static void same_kinds(struct oracle *o, const struct machine_task *task, const struct wl_path *p,
		       const struct story *s)
{
	/* stolen time is found at the end of a stretch: in running, or in the tail of a turn */
	static const struct {
		const char *what;
		uint32_t kinds;
	} rows[] = {
		{ "running", K(RUNNING) | K(RECLAIM) },
		{ "running, queued, stolen", K(RUNNING) | K(RECLAIM) | K(STEAL) | K(QUEUED) },
		{ "interrupted", K(INTERRUPTED) },
		{ "wakeup", K(WAKEUP) },
		{ "preempted", K(PREEMPTED) },
		{ "throttled", K(THROTTLED) },
		{ "timer slack", K(TIMER_SLACK) },
		{ "timer delay", K(TIMER_DELAY) },
		{ "irq", K(IRQ) },
		{ "softirq delay", K(SOFTIRQ_DELAY) },
		{ "softirq", K(SOFTIRQ) },
		{ "queued", K(QUEUED) },
		{ "work delay", K(WORK_DELAY) },
		{ "blocked", K(IO) | K(LOCK) | K(TASK) | K(TIMER) | K(FAULT) | K(STOPPED) },
		{ "io", K(IO) },
		{ "lock", K(LOCK) },
		{ "timer", K(TIMER) },
		{ "stopped", K(STOPPED) },
		{ "unknown", K(UNKNOWN) },
	};
	uint64_t ns[WL_SEG_MAX] = { 0 };

	for (uint32_t i = 0; i < p->h.nseg; i++)
		ns[p->seg[i].kind % WL_SEG_MAX] += p->seg[i].ns;
	/* neighbours of different kinds, in it or in the tail before it, were folded into one */
	if (ns[WL_SEG_UNKNOWN] > s->ns[WL_SEG_UNKNOWN]) {
		o->vague++;
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!ns[WL_SEG_STEAL] || !(rows[i].kinds & (K(RUNNING) | K(QUEUED))))
			same(o, rows[i].what, task, sums(ns, rows[i].kinds),
			     sums(s->ns, rows[i].kinds));
}

static void sound(struct oracle *o, const struct machine_task *task, const struct wl_path *p)
{
	uint64_t sum = 0;

	if (p->h.nseg > WL_PATH_SEGS)
		fail(o, "too many segments", task, p->h.nseg, WL_PATH_SEGS);
	for (uint32_t i = 0; i < p->h.nseg && i < WL_PATH_SEGS; i++) {
		const struct wl_seg *s = &p->seg[i];

		if (!s->ns || s->ns > p->h.last - p->h.start)
			fail(o, "absurd segment", task, s->ns, i);
		if (s->kind <= WL_SEG_NONE || s->kind >= WL_SEG_MAX || s->pad)
			fail(o, "kind", task, s->kind, i);
		if (s->cpu >= MACHINE_CPUS || !s->pieces)
			fail(o, "cpu, pieces", task, s->cpu, s->pieces);
		sum += s->ns;
	}
	same(o, "sum of the segments", task, sum, p->h.last - p->h.start);
	if (p->h.last > o->m->now || p->h.start > p->h.last)
		fail(o, "order of times", task, p->h.last, o->m->now);
	if (p->h.hops > o->cfg.max_hops + 1u)
		fail(o, "hops", task, p->h.hops, o->cfg.max_hops);
}

static void on_ended(void *arg, struct machine_task *task, const struct wl_path *p, uint8_t kind)
{
	struct oracle *o = arg;
	const struct story *s = &o->expected[0].s;

	sound(o, task, p);
	if (!o->nexpected || o->expected[0].task != task) {
		fail(o, "a response that should not be", task, kind, 0);
		return;
	}
	same(o, "end", task, kind, o->expected[0].kind);
	same(o, "stimulus kind", task, p->h.stim_kind, s->kind);
	same(o, "stimulus number", task, p->h.stim_nr, s->nr);
	same(o, "start", task, p->h.start, s->start);
	same(o, "end of it", task, p->h.last, s->last);
	same(o, "merged", task, p->h.merged, s->merged);
	if (!s->vague)
		same_kinds(o, task, p, s);
	o->responses++;
	o->vague += s->vague;
	o->ns += s->last - s->start;
	o->kinds[kind % WL_END_MAX]++;
	o->stimuli[s->kind % WL_STIM_MAX]++;
	o->nexpected--;
	memmove(o->expected, o->expected + 1, sizeof(o->expected) - sizeof(o->expected[0]));
}

void oracle_init(struct oracle *o, struct machine *m)
{
	memset(o, 0, sizeof(*o));
	o->m = m;
	o->cfg = m->cfg;
	m->watch = on_event;
	m->ended = on_ended;
	m->arg = o;
	for (uint32_t i = 0; i < MACHINE_TASKS; i++) {
		const struct machine_task *task = &m->task[i];
		struct oracle_task *t = &o->task[i];
		bool anywhere = m->cfg.until == WL_UNTIL_RUN || m->cfg.until == WL_UNTIL_BLOCK;

		t->asleep = task->run == RUN_ASLEEP;
		t->sleep = task->sleep;
		if (t->asleep && !(task->t.flags & WL_TASK_LINK))
			t->away = !anywhere && !is_home(o, t, &t->sleep);
	}
}

static void compare_path(struct oracle *o, const char *what, const struct machine_task *task,
			 const struct wl_path *p, const struct story *s)
{
	same(o, what, task, p->h.id != 0, s->on);
	if (s->on && p->h.id)
		same(o, what, task, p->h.start, s->start);
}

void oracle_compare(struct oracle *o, struct machine *m)
{
	for (uint32_t i = 0; i < MACHINE_TASKS; i++)
		if (m->task[i].run != RUN_FREE)
			compare_path(o, "open chain", &m->task[i], wl_task_cur(&m->task[i].t),
				     &o->task[i].cur);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++) {
		struct wl_cpu *c = &m->cpu[i].c;

		same(o, "contexts", NULL, c->depth, o->cpu[i].depth);
		for (int v = 0; v < WL_NR_SOFTIRQS; v++)
			same(o, "pending softirq", NULL, c->pending[v].state == WL_SLOT_FULL,
			     o->cpu[i].pending[v].s.on);
		for (uint32_t d = 0; d < c->depth && d < WL_FRAMES; d++)
			compare_path(o, "context", NULL, &c->frames[d].p, &o->cpu[i].frame[d].s);
	}
}
