/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "machine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void set_call(__u64 words[WL_SYSCALL_WORDS], int call)
{
	words[call / 64] |= 1ull << (call % 64);
}

void machine_config(struct wl_chain_config *cfg, uint8_t until)
{
	static const int idle[] = { CALL_READ,    CALL_POLL,  CALL_FUTEX,
				    CALL_RESTART, CALL_SLEEP, CALL_EPOLL };

	memset(cfg, 0, sizeof(*cfg));
	cfg->until = until;
	cfg->max_hops = 32;
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		set_call(cfg->idle_calls, idle[i]);
	set_call(cfg->futex_calls, CALL_FUTEX);
	set_call(cfg->sync_calls, CALL_FSYNC);
	cfg->restart_call = CALL_RESTART;
	cfg->restart_call32 = -3;
}

void machine_init(struct machine *m, const struct wl_chain_config *cfg)
{
	memset(m, 0, sizeof(*m));
	m->cfg = *cfg;
	m->now = 1000000000;
	m->next_tid = 100;
	m->sets = calloc(WL_KEPT_SETS, sizeof(*m->sets));
	assert(m->sets);
	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		m->cpu[i].c.cpu = i;
	for (uint32_t i = 0; i < MACHINE_KEYS; i++)
		m->address[i] = (i + 1) * 0x9e3779b97f4a7c15ull | 1;
}

void machine_free(struct machine *m)
{
	free(m->sets);
	m->sets = NULL;
}

/* --- the host: as src/bpf/probe_*.h --- */

static bool host_reaches(const struct machine_task *task)
{
	return task && task->reaches;
}

/* Who gives, in task context. On PREEMPT_RT any task may be running a softirq. */
static struct wl_task *host_giving(struct machine_cpu *cpu)
{
	struct machine_task *cur = cpu->cur;

	if (wl_cpu_in_frame(&cpu->c) || !cur)
		return NULL;
	return cur->reaches || cur->t.soft_on ? &cur->t : NULL;
}

static struct wl_task *host_softirq_task(struct machine *m, struct machine_cpu *cpu)
{
	return m->cfg.rt && cpu->cur ? &cpu->cur->t : NULL;
}

static struct wl_kept_set *host_set(struct machine *m, uint32_t key)
{
	return &m->sets[wl_kept_index(m->address[key])];
}

static void host_complete(struct machine *m, struct machine_cpu *cpu, struct machine_task *task,
			  uint8_t kind)
{
	const struct wl_path *p = wl_task_cur(&task->t);

	wl_count_any(&cpu->c, WL_CNT_ENDED);
	wl_path_copy(&task->report, p);
	task->report_kind = kind;
	task->reports++;
	if (m->ended)
		m->ended(m->arg, task, p, kind);
}

/* Who is on the CPU, filled in when somebody is going to be told. */
static void host_name(struct machine_cpu *cpu)
{
	const struct machine_task *task = cpu->cur;
	struct wl_who *who = &cpu->c.run.who;

	if (wl_run_is_named(&cpu->c.run))
		return;
	memset(who, 0, sizeof(*who));
	memcpy(who->comm, task ? "task" : "idle", 5);
	who->ctx = task ? WL_WHO_TASK : WL_WHO_IDLE;
	if (!task)
		return;
	who->tid = task->tid;
	who->tgid = task->tgid;
	who->policy = task->policy;
	who->flags = task->t.flags & WL_TASK_LINK ? WL_WHO_F_KTHREAD : 0;
}

static void host_switch_out(struct machine *m, struct machine_cpu *cpu, const struct wl_sleep *s)
{
	struct machine_task *prev = cpu->cur;
	uint8_t kind;

	if (!host_reaches(prev))
		return;
	kind = wl_task_out(&m->cfg, &cpu->c, &prev->t, s, cpu->steal, m->now);
	if (kind == WL_END_NONE)
		return;
	host_complete(m, cpu, prev, kind);
	wl_task_finish(&prev->t);
}

static void host_switch_in(struct machine *m, struct machine_cpu *cpu, struct machine_task *next)
{
	struct wl_cpu *from;

	if (!host_reaches(next))
		return;
	from = &m->cpu[next->t.wake_cpu % MACHINE_CPUS].c;
	if (!wl_task_in(&m->cfg, &cpu->c, from, &next->t, cpu->steal, m->now))
		return;
	host_complete(m, cpu, next, WL_END_RUN);
	wl_task_finish(&next->t);
}

/* --- events --- */

static void watch(struct machine *m, struct machine_event ev)
{
	m->events++;
	ev.cur = m->cpu[ev.cpu].cur;
	if (m->watch)
		m->watch(m->arg, &ev);
}

static void push(struct machine_cpu *cpu, uint8_t kind, uint16_t nr)
{
	assert(cpu->depth < MACHINE_DEPTH);
	cpu->kind[cpu->depth] = kind;
	cpu->nr[cpu->depth++] = nr;
}

static uint16_t pop(struct machine_cpu *cpu, uint8_t kind)
{
	assert(cpu->depth && cpu->kind[cpu->depth - 1] == kind);
	return cpu->nr[--cpu->depth];
}

void machine_irq_enter(struct machine *m, uint32_t cpu, uint16_t nr, struct machine_task *thread)
{
	watch(m,
	      (struct machine_event){ .kind = EV_IRQ_ENTER, .cpu = cpu, .nr = nr, .task = thread });
	push(&m->cpu[cpu], WL_FRAME_IRQ, nr);
	wl_irq_enter(&m->cpu[cpu].c, nr, (uintptr_t)thread, m->now);
}

void machine_irq_exit(struct machine *m, uint32_t cpu)
{
	watch(m, (struct machine_event){ .kind = EV_IRQ_EXIT, .cpu = cpu });
	pop(&m->cpu[cpu], WL_FRAME_IRQ);
	wl_irq_exit(&m->cpu[cpu].c, m->now);
}

/* In a softirq of PREEMPT_RT, which is no context of the CPU's. */
static bool is_preemptible(const struct machine *m, const struct machine_cpu *at)
{
	return m->cfg.rt && !at->depth && at->cur && at->cur->t.soft_on;
}

void machine_timer_enter(struct machine *m, uint32_t cpu, uint16_t clock, uint64_t soft,
			 uint64_t hard)
{
	watch(m,
	      (struct machine_event){
		      .kind = EV_TIMER_ENTER, .cpu = cpu, .nr = clock, .soft = soft, .hard = hard });
	if (!is_preemptible(m, &m->cpu[cpu]))
		push(&m->cpu[cpu], WL_FRAME_TIMER, clock);
	wl_timer_enter(&m->cfg, &m->cpu[cpu].c, host_softirq_task(m, &m->cpu[cpu]),
		       &(struct wl_expiry){ soft, hard, clock }, m->now);
}

void machine_timer_exit(struct machine *m, uint32_t cpu)
{
	watch(m, (struct machine_event){ .kind = EV_TIMER_EXIT, .cpu = cpu });
	if (!is_preemptible(m, &m->cpu[cpu]))
		pop(&m->cpu[cpu], WL_FRAME_TIMER);
	wl_timer_exit(&m->cfg, &m->cpu[cpu].c, host_softirq_task(m, &m->cpu[cpu]), m->now);
}

void machine_raise(struct machine *m, uint32_t cpu, uint16_t vec)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct wl_giver g;

	watch(m, (struct machine_event){ .kind = EV_RAISE, .cpu = cpu, .nr = vec });
	at->pending |= 1u << vec;
	if (!wl_softirq_wants(&at->c, vec))
		return;
	wl_giver_now(&m->cfg, &at->c, host_giving(at), &g, m->now);
	wl_softirq_raise(&m->cfg, &at->c, host_giving(at), vec, &g, m->now);
}

void machine_softirq_enter(struct machine *m, uint32_t cpu, uint16_t vec)
{
	struct machine_cpu *at = &m->cpu[cpu];

	watch(m, (struct machine_event){ .kind = EV_SOFTIRQ_ENTER, .cpu = cpu, .nr = vec });
	at->pending &= ~(1u << vec);
	if (!m->cfg.rt)
		push(at, WL_FRAME_SOFTIRQ, vec);
	wl_softirq_enter(&m->cfg, &at->c, host_softirq_task(m, at), vec,
			 wl_softirq_claim(&at->c, vec), m->now);
}

void machine_softirq_exit(struct machine *m, uint32_t cpu)
{
	struct machine_cpu *at = &m->cpu[cpu];

	watch(m, (struct machine_event){ .kind = EV_SOFTIRQ_EXIT, .cpu = cpu });
	if (!m->cfg.rt)
		pop(at, WL_FRAME_SOFTIRQ);
	wl_softirq_exit(&m->cfg, &at->c, host_softirq_task(m, at), m->now);
}

static void keep(struct machine *m, uint32_t cpu, uint32_t key, uint8_t state, int fresh)
{
	struct machine_cpu *at = &m->cpu[cpu];

	watch(m, (struct machine_event){ .kind = EV_KEEP, .cpu = cpu, .key = key, .state = state });
	wl_event_keep(&m->cfg, &at->c, host_giving(at), host_set(m, key), m->address[key], state,
		      fresh, m->now);
}

void machine_call_queue(struct machine *m, uint32_t cpu, uint32_t key)
{
	keep(m, cpu, key, WL_SEG_IRQ, 1);
}

void machine_call_enter(struct machine *m, uint32_t cpu, uint32_t key)
{
	watch(m, (struct machine_event){ .kind = EV_CALL_ENTER, .cpu = cpu, .key = key });
	push(&m->cpu[cpu], WL_FRAME_CALL, 0);
	wl_event_call_enter(&m->cpu[cpu].c, host_set(m, key), m->address[key], m->now);
}

void machine_call_exit(struct machine *m, uint32_t cpu)
{
	watch(m, (struct machine_event){ .kind = EV_CALL_EXIT, .cpu = cpu });
	pop(&m->cpu[cpu], WL_FRAME_CALL);
	wl_event_call_exit(&m->cpu[cpu].c, m->now);
}

void machine_data_ready(struct machine *m, uint32_t cpu, uint32_t key)
{
	keep(m, cpu, key, WL_SEG_QUEUED, 0);
}

void machine_backlog(struct machine *m, uint32_t cpu, uint32_t key)
{
	watch(m, (struct machine_event){ .kind = EV_BACKLOG, .cpu = cpu, .key = key });
	wl_event_backlog(&m->cfg, &m->cpu[cpu].c, host_set(m, key), m->address[key], m->now);
}

void machine_queue_work(struct machine *m, uint32_t cpu, uint32_t key)
{
	keep(m, cpu, key, WL_SEG_WORK_DELAY, 1);
}

void machine_work_start(struct machine *m, uint32_t cpu, uint32_t key)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct wl_task *t = host_giving(at);

	assert(t && t->flags & WL_TASK_LINK);
	watch(m, (struct machine_event){ .kind = EV_WORK_START, .cpu = cpu, .key = key });
	wl_event_work_start(&at->c, t, host_set(m, key), m->address[key], m->now);
}

void machine_work_end(struct machine *m, uint32_t cpu)
{
	struct wl_task *t = host_giving(&m->cpu[cpu]);

	assert(t && t->flags & WL_TASK_LINK);
	watch(m, (struct machine_event){ .kind = EV_WORK_END, .cpu = cpu });
	wl_event_work_end(&m->cpu[cpu].c, t);
}

/* Only of a task that is not RUNNING in its own view. */
void machine_waking(struct machine *m, uint32_t cpu, struct machine_task *task)
{
	struct machine_cpu *at = &m->cpu[cpu];

	assert(task->run == RUN_ASLEEP || (task->armed && !task->woken));
	watch(m, (struct machine_event){ .kind = EV_WAKING, .cpu = cpu, .task = task });
	if (host_reaches(task)) {
		host_name(at);
		wl_event_waking(&m->cfg, &at->c, &task->t, host_giving(at), (uintptr_t)task,
				task->tgid, task->cpu, task->throttled, m->now);
	} else {
		at->c.returned = 0;
	}
	task->woken = true;
	task->spare = true;
	if (task->run == RUN_ASLEEP)
		task->run = RUN_READY;
}

static struct machine_task *free_task(struct machine *m)
{
	for (uint32_t i = 0; i < MACHINE_TASKS; i++)
		if (m->task[i].run == RUN_FREE)
			return &m->task[i];
	return NULL;
}

static void task_init(struct machine *m, struct machine_task *task, uint32_t tgid, uint8_t flags)
{
	memset(task, 0, sizeof(*task));
	task->tid = m->next_tid++;
	task->tgid = tgid ? tgid : task->tid;
	task->t.call = -2;
	task->t.since = m->now;
	task->t.flags = flags;
	task->reaches = true;
}

struct machine_task *machine_task_add(struct machine *m, uint32_t tgid, uint8_t flags, int call,
				      uint64_t arg)
{
	struct machine_task *task = free_task(m);
	struct wl_sleep s = { .call = call, .arg = arg };

	assert(task);
	task_init(m, task, tgid, flags);
	task->run = RUN_ASLEEP;
	task->slept = true;
	task->sleep = s;
	/* as wl_iter_asleep() */
	task->t.status = WL_TASK_BLOCKED;
	task->t.call = call;
	task->t.arg = arg;
	if (!(flags & WL_TASK_LINK) && wl_until_home(&m->cfg) &&
	    !wl_sleep_at_home(&m->cfg, &task->t, &s))
		task->t.flags |= WL_TASK_AWAY;
	return task;
}

struct machine_task *machine_fork(struct machine *m, uint32_t cpu, bool thread)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct machine_task *child = free_task(m);

	assert(at->cur && !at->depth);
	if (!child)
		return NULL;
	task_init(m, child, thread ? at->cur->tgid : 0, at->cur->t.flags & WL_TASK_LINK);
	child->cpu = (uint16_t)cpu;
	child->run = RUN_READY;
	child->slept = true;
	child->spare = true;
	watch(m, (struct machine_event){ .kind = EV_FORK, .cpu = cpu, .task = child });
	wl_event_fork(&m->cfg, &at->c, &child->t, host_giving(at), child->tgid, m->now);
	return child;
}

void machine_exec(struct machine *m, uint32_t cpu)
{
	watch(m, (struct machine_event){ .kind = EV_EXEC, .cpu = cpu });
	wl_event_exec(&m->cpu[cpu].cur->t);
}

void machine_send(struct machine *m, uint32_t cpu)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct wl_task *t = host_giving(at);

	watch(m, (struct machine_event){ .kind = EV_SEND, .cpu = cpu });
	if (t)
		wl_turn_send(&at->c, t, m->now);
}

void machine_receive(struct machine *m, uint32_t cpu, uint32_t key)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct wl_task *t = host_giving(at);

	watch(m, (struct machine_event){ .kind = EV_RECEIVE, .cpu = cpu, .key = key });
	if (!t || !wl_turn_receive(&m->cfg, &at->c, t,
				   wl_kept_take(host_set(m, key), m->address[key], &t->spare),
				   at->cur->tgid, m->now))
		return;
	host_complete(m, at, at->cur, WL_END_TURN);
	wl_turn_next(t);
}

void machine_reclaim(struct machine *m, uint32_t cpu, bool begin)
{
	struct machine_cpu *at = &m->cpu[cpu];
	struct wl_task *t = host_giving(at);

	watch(m, (struct machine_event){ .kind = EV_RECLAIM, .cpu = cpu, .state = begin });
	if (t)
		wl_event_reclaim(&at->c, t, begin, m->now);
}

void machine_arm(struct machine *m, uint32_t cpu, const struct wl_sleep *sleep)
{
	struct machine_task *task = m->cpu[cpu].cur;

	assert(task && !m->cpu[cpu].depth && !task->armed);
	task->armed = true;
	task->woken = false;
	task->sleep = *sleep;
}

void machine_disarm(struct machine *m, uint32_t cpu)
{
	struct machine_task *task = m->cpu[cpu].cur;

	assert(task && task->armed);
	task->armed = false;
	task->woken = false;
}

/* The machine's side of a switch-out. */
static void leave(struct machine *m, struct machine_task *prev, const struct wl_sleep *s)
{
	if (s->runnable) {
		prev->run = RUN_READY;
		prev->slept = false;
		if (prev->spare && host_reaches(prev))
			m->dropped++;
		prev->spare = false;
		/* a wake-up that has come makes it RUNNING */
		if (prev->woken)
			prev->armed = prev->woken = false;
		return;
	}
	prev->slept = true;
	prev->armed = false;
	prev->run = s->dead ? RUN_FREE : prev->woken ? RUN_READY : RUN_ASLEEP;
	prev->woken = false;
}

static void enter(struct machine *m, uint32_t cpu, struct machine_task *next)
{
	if (next->slept && host_reaches(next))
		m->ran++;
	if (next->slept)
		next->spare = false;
	next->slept = false;
	next->run = RUN_ON_CPU;
	next->cpu = (uint16_t)cpu;
	/* woken on its way to sleep, put aside before it got there: it is RUNNING again */
	if (next->woken)
		next->armed = false;
	next->woken = false;
}

static void switch_to(struct machine *m, uint32_t cpu, const struct wl_sleep *s,
		      struct machine_task *next)
{
	struct machine_cpu *at = &m->cpu[cpu];

	assert(!at->depth && at->cur != next && (!next || next->run == RUN_READY));
	watch(m, (struct machine_event){ .kind = EV_SWITCH, .cpu = cpu, .task = next, .sleep = s });
	if (host_reaches(next) || wl_run_is_long(&at->c.run, m->now))
		host_name(at);
	wl_cpu_switch(&m->cfg, &at->c, !next);
	host_switch_out(m, at, s);
	host_switch_in(m, at, next);
	wl_cpu_switched(&at->c, next ? next->tid : 0, next ? next->tgid : 0, m->now);
	if (at->cur)
		leave(m, at->cur, s);
	if (next)
		enter(m, cpu, next);
	at->cur = next;
}

void machine_switch(struct machine *m, uint32_t cpu, bool preempt, struct machine_task *next)
{
	const struct machine_task *prev = m->cpu[cpu].cur;
	struct wl_sleep s = { .call = -2, .runnable = 1 };

	if (prev && prev->armed && !preempt)
		s = prev->sleep;
	else if (prev)
		s.throttled = prev->throttled;
	switch_to(m, cpu, &s, next);
}

void machine_exit(struct machine *m, uint32_t cpu, struct machine_task *next)
{
	struct wl_sleep s = { .call = 231, .dead = 1, .hard = 1 };

	switch_to(m, cpu, &s, next);
}

/* --- shorthands --- */

void machine_pass(struct machine *m, uint64_t ns)
{
	m->now += ns;
}

void machine_sleep(struct machine *m, uint32_t cpu, int call, uint64_t arg,
		   struct machine_task *next)
{
	struct wl_sleep s = { .call = call, .arg = arg };

	machine_arm(m, cpu, &s);
	machine_switch(m, cpu, false, next);
}

void machine_sleep_hard(struct machine *m, uint32_t cpu, int call, bool io,
			struct machine_task *next)
{
	struct wl_sleep s = { .call = call, .hard = 1, .io = io };

	machine_arm(m, cpu, &s);
	machine_switch(m, cpu, false, next);
}

struct wl_path *machine_chain(struct machine_task *task)
{
	struct wl_path *p = wl_task_cur(&task->t);

	return p->h.id ? p : NULL;
}

uint64_t machine_counter(const struct machine *m, enum wl_counter which)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < MACHINE_CPUS; i++)
		sum += m->cpu[i].c.counters[which];
	return sum;
}

uint64_t machine_sum(const struct wl_path *p, enum wl_seg_kind kind)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->h.nseg; i++)
		if (kind == WL_SEG_NONE || p->seg[i].kind == kind)
			sum += p->seg[i].ns;
	return sum;
}
