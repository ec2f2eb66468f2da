/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/foreign.h"

#include <errno.h>
#include <search.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/kinds.h"
#include "explain/by_tid.h"
#include "util/syscall_fields.h"
#include "util/syscalls.h"

#define KTHREADD 2 /* the parent of kernel threads */

/* struct task.call, below what a record has: */
#define CALL_UNKNOWN (-2)
#define CALL_NONE (-3) /* in user space: what it blocks in is a fault */

#define CALLS_ALL 100 /* a trace that describes more entries than this has all of them */

/* LTTng's prev_state, of kernels before and after 4.14. */
#define STATE_INTERRUPTIBLE 0x01
#define STATE_STOPPED 0x0c
#define STATE_DEAD 0x70 /* exiting; today's kernel threads: parked */
#define STATE_ASLEEP 0x7f
#define STATE_IDLE 0x80 /* alone; with others it is TASK_WAKEKILL of old */
#define STATE_NOLOAD 0x400

#define LINES 4096      /* handler threads of interrupt lines: each interrupt looks for its own */
#define TIMER_SETS 1024 /* programmed timers remembered: 4 of each hash, a later one displaces */
#define TIMER_WAYS 4

/* Between the `now` of an expiry and its event. */
#define EXPIRY_LAG_NS 1000000000ll
#define REALTIME_SLACK_NS 18000000000ull /* TAI is 37 s ahead of it */
#define TAI_SLACK_NS 60000000000ull

struct task {
	uint32_t tid;
	uint32_t pid; /* 0: not known */
	char comm[WL_COMM_LEN];
	bool kernel;    /* the trace says so: a kernel thread */
	bool told;      /* and it says so of each that is one, kernel thread or worker */
	bool called;    /* it has made a system call: none of the kernel's, whatever its name */
	bool line;      /* it is among the lines' threads */
	bool guessed;   /* its process was needed when it was not known */
	bool issued;    /* it has issued block I/O in this call */
	bool compat;    /* call is of the 32-bit table */
	uint32_t era;   /* the present one, or call and issued are not known */
	int32_t call;   /* the one it is in, or CALL_* */
	int32_t before; /* the last one, which restart_syscall goes on with */
	uint64_t arg;   /* first argument of either */
	uint32_t step;  /* number of its next one, see abi/event.h */
};

struct cpu {
	bool known;
	struct task *cur; /* if known; NULL: idle */
	uint32_t depth;   /* of interrupts and softirqs */
	uint32_t pending; /* softirqs raised and not entered yet */
};

struct timer {
	uint64_t key; /* 0: none */
	uint64_t set; /* when it was programmed */
	int64_t soft, hard;
};

/* Where the first argument is in the payload of a system call's entry. */
struct first_arg {
	uint8_t width; /* 0: it is not there */
	uint8_t slot;
};

struct wl_foreign {
	uint32_t ncpu;
	struct cpu *cpus;
	void *tasks;         /* tree by tid */
	struct task **lines; /* that are called like handler threads of interrupt lines */
	size_t nlines, lines_room;
	uint32_t era; /* moves when events were lost */
	bool all_calls;
	bool rt;   /* a PREEMPT_RT kernel's */
	bool ours; /* the last event was one of ours */
	int64_t clock_offset;
	int32_t restart[2];
	const struct wl_trace *trace;
	uint64_t seen[WL_EV_MAX / 64]; /* by event id */
	struct first_arg args[2][WL_EV_SYSCALLS];
	struct timer timers[TIMER_SETS][TIMER_WAYS];
	union {
		struct wl_ev_sched_switch sched_switch;
		struct wl_ev_sched_waking waking;
		struct wl_ev_sched_process_fork fork;
		struct wl_ev_sched_process_exec exec;
		struct wl_ev_irq_handler_entry irq_entry;
		struct wl_ev_irq_softirq_raise raise;
		struct wl_ev_irq_softirq_entry softirq_entry;
		struct wl_ev_irq_softirq_exit softirq_exit;
		struct wl_ev_timer_hrtimer_expire_entry timer_entry;
		struct wl_ev_workqueue_queue_work queue_work;
		struct wl_ev_workqueue_execute_start work_start;
		struct wl_ev_workqueue_execute_end work_end;
		struct wl_ev_call_queue call_queue;
		struct wl_ev_call_entry call_entry;
		struct wl_ev_reclaim_begin reclaim_begin;
		struct wl_ev_reclaim_end reclaim_end;
	} out;
};

/* One event on its way. */
struct step {
	struct wl_foreign *f;
	const struct wl_event *in;
	struct cpu *cpu;
};

/* --- tasks --- */

static struct task *task_of(struct wl_foreign *f, uint32_t tid)
{
	struct task *task = wl_by_tid_find(&f->tasks, tid);

	if (task)
		return task;
	task = wl_by_tid_add(&f->tasks, tid, sizeof(*task));
	if (!task)
		return NULL;
	task->call = CALL_UNKNOWN;
	task->before = CALL_UNKNOWN;
	task->kernel = tid == KTHREADD;
	return task;
}

static bool has_prefix(const char *comm, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(comm, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

/* They belong to a user process, and make no system calls. */
static bool is_worker_name(const char *comm)
{
	static const char *const prefixes[] = { "iou-wrk-", "iou-sqp-", "vhost-", NULL };

	return has_prefix(comm, prefixes);
}

static bool is_kernel_name(const char *comm)
{
	static const char *const prefixes[] = {
		"kworker/",  "ksoftirqd/",  "ktimers/",    "rcuc/",       "rcuog/",   "rcuop/",
		"rcuos/",    "rcu_",        "rcub/",       "migration/",  "cpuhp/",   "irq/",
		"irq_work/", "idle_inject", "kthreadd",    "kcompactd",   "kswapd",   "khugepaged",
		"kdevtmpfs", "kauditd",     "khungtaskd",  "ksmd",        "khvcd",    "kthrotld",
		"jbd2/",     "xfsaild/",    "btrfs-",      "scsi_eh_",    "watchdog", "oom_reaper",
		"writeback", "kblockd",     "posixcputmr", "ktimersoftd", NULL,
	};

	return has_prefix(comm, prefixes);
}

/* A kernel thread or worker; a thread of a process with another id is one only if it says so. */
static bool is_link(const struct task *task)
{
	if (task && task->told)
		return task->kernel;
	if (!task || task->called)
		return false;
	if (task->kernel || is_worker_name(task->comm))
		return true;
	return (!task->pid || task->pid == task->tid) && is_kernel_name(task->comm);
}

static uint8_t flags_of(const struct task *task)
{
	static const char *const softirqd[] = { "ksoftirqd/", "ktimers", "rcuc/", NULL };

	if (!task)
		return 0;
	if (!is_link(task))
		return WL_TASK_TARGET;
	return WL_TASK_LINK | (has_prefix(task->comm, softirqd) ? WL_TASK_SOFTIRQD : 0);
}

/* Of most tasks the process has the same id. */
static int32_t process_of(struct task *task)
{
	if (task->pid)
		return (int32_t)task->pid;
	task->guessed = true;
	return (int32_t)task->tid;
}

static int add_line(struct wl_foreign *f, struct task *task)
{
	struct task **lines = f->lines;

	if (f->nlines == f->lines_room) {
		f->lines_room = f->lines_room ? f->lines_room * 2 : 16;
		lines = realloc(f->lines, f->lines_room * sizeof(struct task *));
		if (!lines)
			return -ENOMEM;
		f->lines = lines;
	}
	lines[f->nlines++] = task;
	task->line = true;
	return 0;
}

static int name_task(struct wl_foreign *f, struct task *task, const char *comm)
{
	if (!task)
		return 0;
	memcpy(task->comm, comm, WL_COMM_LEN - 1);
	if (task->line || strncmp(task->comm, "irq/", 4) || f->nlines == LINES)
		return 0;
	return add_line(f, task);
}

/* What a record of ours knows of it. */
static void take_kind(struct task *task, bool kernel, int32_t pid)
{
	task->told = true;
	task->kernel = kernel;
	task->pid = (uint32_t)pid;
}

/* Another task gets the id. */
static void rebirth(struct task *task)
{
	*task = (struct task){
		.tid = task->tid,
		.line = task->line,
		.call = CALL_UNKNOWN,
		.before = CALL_UNKNOWN,
	};
}

/* --- who runs --- */

static int set_current(struct step *s, int32_t tid)
{
	struct cpu *c = s->cpu;

	if (c->known && (c->cur ? (int32_t)c->cur->tid : 0) == tid)
		return 0;
	c->cur = tid > 0 ? task_of(s->f, (uint32_t)tid) : NULL;
	if (tid > 0 && !c->cur)
		return -ENOMEM;
	c->known = true;
	return 0;
}

/* The contexts that LTTng adds when it is asked to, if they are there. */
static int take_contexts(struct step *s)
{
	int ret = s->in->tid >= 0 ? set_current(s, s->in->tid) : 0;

	if (!ret && s->in->tid >= 0 && s->in->pid > 0 && s->cpu->cur)
		s->cpu->cur->pid = (uint32_t)s->in->pid;
	return ret;
}

static bool is_ours(const struct step *s)
{
	return !(s->in->flags & WL_EVENT_FOREIGN);
}

static uint32_t cur_flag(const struct step *s)
{
	return s->cpu->known && s->cpu->cur ? WL_EV_F_CUR : 0;
}

/* --- system calls --- */

static void learn_args(struct first_arg *args, bool compat)
{
	struct wl_syscall_fields fields;

	for (int nr = 0; nr < WL_EV_SYSCALLS; nr++) {
		unsigned slot = 0;

		wl_syscall_fields(nr, compat, &fields);
		for (unsigned i = 0; i < fields.nentry; i++) {
			bool text = fields.entry[i].type & WL_FIELD_TEXT;

			if (!fields.entry[i].arg && !text)
				args[nr] = (struct first_arg){
					.width = (uint8_t)wl_syscall_field_width(
						fields.entry[i].type),
					.slot = (uint8_t)slot,
				};
			slot += text ? WL_SYSCALL_TEXT / WL_SYSCALL_SLOT : 1;
		}
	}
}

static uint64_t first_arg(const struct wl_foreign *f, const struct wl_event *in, int nr,
			  bool compat)
{
	const struct first_arg *at = &f->args[compat][nr];
	uint64_t value = 0;

	/* little-endian, as the trace's readers have it */
	memcpy(&value, (const char *)in->payload + (size_t)at->slot * WL_SYSCALL_SLOT,
	       at->width < sizeof(value) ? at->width : sizeof(value));
	return value;
}

static void enter_call(struct step *s, struct task *task, int32_t nr, bool compat)
{
	bool restart = nr == s->f->restart[compat];

	task->era = s->f->era;
	task->issued = false;
	if (restart && task->before >= 0 && task->compat == compat) {
		task->call = task->before; /* the arguments are still there */
		return;
	}
	task->call = nr;
	task->compat = compat;
	task->arg = restart ? 0 : first_arg(s->f, s->in, nr, compat);
}

static void leave_call(struct step *s, struct task *task, bool compat)
{
	task->before = task->era == s->f->era && task->call >= 0 ? task->call : CALL_UNKNOWN;
	task->era = s->f->era;
	task->issued = false;
	task->compat = compat;
	task->call = CALL_NONE;
}

static void on_call(struct step *s)
{
	unsigned range = (s->in->id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	int32_t nr = s->in->id % WL_EV_SYSCALLS;
	struct task *task = s->cpu->known ? s->cpu->cur : NULL;

	if (!task)
		return;
	task->called = true;
	if (range % 2)
		leave_call(s, task, range >= 2);
	else
		enter_call(s, task, nr, range >= 2);
}

/* As the record of a switch has it. */
static int32_t call_of(const struct wl_foreign *f, const struct task *task)
{
	if (task->era != f->era || is_link(task))
		return CALL_UNKNOWN;
	if (task->call != CALL_NONE)
		return task->call;
	return f->all_calls ? -1 : CALL_UNKNOWN;
}

/* --- switches, wake-ups, births --- */

static uint32_t sleep_flags(int64_t state, bool issued)
{
	uint32_t flags = 0;

	if (!(state & STATE_ASLEEP) && state != STATE_IDLE)
		return WL_SW_RUNNABLE;
	if (!(state & (STATE_INTERRUPTIBLE | STATE_STOPPED)))
		flags |= WL_SW_HARD | (issued ? WL_SW_IO : 0);
	if (state == STATE_IDLE || state & STATE_NOLOAD)
		flags |= WL_SW_NOLOAD;
	if (state & STATE_STOPPED)
		flags |= WL_SW_STOPPED;
	if (state & STATE_DEAD)
		flags |= WL_SW_DEAD;
	return flags;
}

/* fifo and rr look the same. */
static uint8_t policy_of(int32_t prio)
{
	if (prio >= 0)
		return 0;
	return prio == -101 ? 6 : 1;
}

static void guess_sleep(const struct wl_foreign *f, struct wl_ev_sched_switch *e, struct task *task)
{
	bool known = task->era == f->era;

	task->kernel |= e->prev_state == STATE_IDLE;
	e->wl_flags |= sleep_flags(e->prev_state, known && task->issued);
	e->wl_flags |= is_link(task) ? WL_SW_PREV_KTHREAD : 0;
	e->wl_prev_pid = process_of(task);
	e->wl_prev_policy = policy_of(e->prev_prio);
	if (e->wl_flags & WL_SW_RUNNABLE)
		return;
	e->wl_prev_call = call_of(f, task);
	if (e->wl_prev_call < 0)
		return;
	e->wl_prev_arg = task->arg;
	e->wl_flags |= task->compat ? WL_SW_COMPAT : 0;
}

static void leave(struct step *s, struct wl_ev_sched_switch *e, struct task *task)
{
	if (is_ours(s))
		take_kind(task, e->wl_flags & WL_SW_PREV_KTHREAD, e->wl_prev_pid);
	else
		guess_sleep(s->f, e, task);
	e->wl_flags |= WL_SW_PREV;
	e->wl_prev_seq = task->step++;
	e->wl_prev_task = flags_of(task);
}

static void guess_next(struct wl_ev_sched_switch *e, struct task *task)
{
	e->wl_flags |= is_link(task) ? WL_SW_NEXT_KTHREAD : 0;
	e->wl_next_pid = process_of(task);
	e->wl_next_policy = policy_of(e->next_prio);
}

static void arrive(struct step *s, struct wl_ev_sched_switch *e, struct task *task)
{
	if (is_ours(s))
		take_kind(task, e->wl_flags & WL_SW_NEXT_KTHREAD, e->wl_next_pid);
	else
		guess_next(e, task);
	e->wl_flags |= WL_SW_NEXT;
	e->wl_next_seq = task->step++;
	e->wl_next_task = flags_of(task);
}

static int on_switch(struct step *s)
{
	struct wl_ev_sched_switch *e = &s->f->out.sched_switch;
	struct task *prev, *next;
	int ret = set_current(s, e->prev_tid);

	prev = s->cpu->cur;
	ret = ret ? ret : set_current(s, e->next_tid);
	next = s->cpu->cur;
	ret = ret ? ret : name_task(s->f, prev, e->prev_comm);
	ret = ret ? ret : name_task(s->f, next, e->next_comm);
	if (ret)
		return ret;
	s->cpu->depth = 0;
	if (!is_ours(s))
		e->wl_prev_call = CALL_UNKNOWN;
	if (prev)
		leave(s, e, prev);
	if (next)
		arrive(s, e, next);
	else if (!s->f->rt) /* there the thread that runs them may be waiting for a lock */
		s->cpu->pending = 0;
	return 1;
}

static int on_waking(struct step *s)
{
	struct wl_ev_sched_waking *e = &s->f->out.waking;
	struct task *task = task_of(s->f, (uint32_t)e->tid);

	if (!task || name_task(s->f, task, e->comm))
		return -ENOMEM;
	if (is_ours(s)) {
		take_kind(task, e->wl_flags & WL_EV_F_KTHREAD, e->wl_pid);
		if (set_current(s, e->wl_cur_tid))
			return -ENOMEM;
	}
	if (!s->cpu->known)
		return 0;
	e->wl_pid = process_of(task);
	e->wl_cur_tid = s->cpu->cur ? (int32_t)s->cpu->cur->tid : 0;
	e->wl_seq = task->step++;
	e->wl_flags |= WL_EV_F_DONE | cur_flag(s) | (is_link(task) ? WL_EV_F_KTHREAD : 0);
	e->wl_task = flags_of(task);
	return 1;
}

/* The child returns from the call that its parent is in. */
static void inherit_call(struct task *child, const struct task *parent)
{
	child->era = parent->era;
	child->call = parent->call;
	child->compat = parent->compat;
	child->arg = parent->arg;
}

static int on_fork(struct step *s)
{
	struct wl_ev_sched_process_fork *e = &s->f->out.fork;
	struct task *child = task_of(s->f, (uint32_t)e->child_tid);
	int ret = set_current(s, e->parent_tid);

	if (!child || ret)
		return -ENOMEM;
	rebirth(child);
	child->pid = (uint32_t)e->child_pid;
	child->kernel = e->parent_tid == KTHREADD;
	if (is_ours(s))
		take_kind(child, e->wl_flags & WL_EV_F_KTHREAD, e->child_pid);
	child->step = 1;
	if (s->cpu->cur) {
		s->cpu->cur->pid = (uint32_t)e->parent_pid;
		inherit_call(child, s->cpu->cur);
	}
	if (name_task(s->f, child, e->child_comm))
		return -ENOMEM;
	e->wl_flags = WL_EV_F_DONE | cur_flag(s) | (is_link(child) ? WL_EV_F_KTHREAD : 0);
	e->wl_child_task = flags_of(child);
	return 1;
}

/* A thread that is not its process's first one takes that one's id over. */
static int on_exec(struct step *s)
{
	struct wl_ev_sched_process_exec *e = &s->f->out.exec;
	struct task *task = task_of(s->f, (uint32_t)e->tid), *was = NULL;

	if (e->old_tid > 0 && e->old_tid != e->tid) {
		was = task_of(s->f, (uint32_t)e->old_tid);
		if (!was)
			return -ENOMEM;
	}
	if (!task)
		return -ENOMEM;
	if (was)
		inherit_call(task, was);
	e->wl_flags = WL_EV_F_DONE;
	return 1;
}

/* --- interrupts --- */

/* "irq/25-virtio3-", cut as the kernel does. */
static int32_t thread_of(const struct wl_foreign *f, const struct wl_ev_irq_handler_entry *e)
{
	char comm[WL_COMM_LEN];

	snprintf(comm, sizeof(comm), "irq/%d-%.*s", e->irq, (int)sizeof(e->name), e->name);
	for (size_t i = 0; i < f->nlines; i++)
		if (is_link(f->lines[i]) && !strcmp(f->lines[i]->comm, comm))
			return (int32_t)f->lines[i]->tid;
	return 0;
}

static int on_irq_entry(struct step *s)
{
	struct wl_ev_irq_handler_entry *e = &s->f->out.irq_entry;

	if (!is_ours(s))
		e->wl_thread = thread_of(s->f, e);
	return 1;
}

static int on_raise(struct step *s)
{
	struct wl_ev_irq_softirq_raise *e = &s->f->out.raise;
	uint32_t bit = 1u << (e->vec & 15);

	e->wl_flags = s->cpu->pending & bit ? 0 : WL_EV_F_DONE | cur_flag(s);
	s->cpu->pending |= bit;
	return 1;
}

static int on_softirq_entry(struct step *s)
{
	struct wl_ev_irq_softirq_entry *e = &s->f->out.softirq_entry;
	uint32_t bit = 1u << (e->vec & 15);

	e->wl_flags = (s->cpu->pending & bit ? WL_EV_F_DONE : 0) | cur_flag(s);
	s->cpu->pending &= ~bit;
	return 1;
}

static int on_softirq_exit(struct step *s)
{
	s->f->out.softirq_exit.wl_flags = cur_flag(s);
	return 1;
}

/* Interrupts and softirqs have pairs of events: what block I/O is issued in between is nobody's. */
static void count_depth(struct step *s)
{
	unsigned id = s->in->id;
	bool vector = id >= WL_EVID_VEC_LOCAL_TIMER_ENTRY && id <= WL_EVID_VEC_SPURIOUS_APIC_EXIT;

	if (id == WL_EVID_IRQ_ENTRY || id == WL_EVID_SOFTIRQ_ENTRY || (vector && !(id & 1)))
		s->cpu->depth++;
	else if (id == WL_EVID_IRQ_EXIT || id == WL_EVID_SOFTIRQ_EXIT || vector)
		s->cpu->depth -= s->cpu->depth > 0;
}

/* --- timers --- */

static struct timer *timer_set(struct wl_foreign *f, uint64_t key)
{
	return f->timers[key * 0x9e3779b97f4a7c15ull >> 54 & (TIMER_SETS - 1)];
}

/* NULL: it was not seen being programmed. */
static struct timer *timer_find(struct wl_foreign *f, uint64_t key)
{
	struct timer *set = timer_set(f, key);

	for (unsigned i = 0; i < TIMER_WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

/* The one that was programmed first: a free one, or likely one that was cancelled. */
static struct timer *timer_oldest(struct wl_foreign *f, uint64_t key)
{
	struct timer *set = timer_set(f, key), *oldest = set;

	for (unsigned i = 1; i < TIMER_WAYS; i++)
		if (set[i].set < oldest->set)
			oldest = &set[i];
	return oldest;
}

static void on_timer_start(struct step *s)
{
	const struct wl_ev_timer_hrtimer_start *e = s->in->payload;
	struct timer *timer = timer_find(s->f, e->hrtimer);

	timer = timer ? timer : timer_oldest(s->f, e->hrtimer);
	*timer = (struct timer){ e->hrtimer, s->in->ts, e->softexpires, e->expires };
}

/* Whatever the two are. */
static bool is_near(int64_t a, int64_t b, uint64_t within)
{
	return (uint64_t)a - (uint64_t)b + within <= 2 * within;
}

/* By how far its clock is ahead of the trace's: none of the others is ever behind. */
static clockid_t clock_of(const struct wl_foreign *f, int64_t ahead)
{
	if (ahead <= EXPIRY_LAG_NS)
		return CLOCK_MONOTONIC;
	if (f->clock_offset && is_near(ahead, f->clock_offset, REALTIME_SLACK_NS))
		return CLOCK_REALTIME;
	if (f->clock_offset && is_near(ahead, f->clock_offset, TAI_SLACK_NS))
		return CLOCK_TAI;
	return CLOCK_BOOTTIME;
}

/*
 * The expiry is on the timer's clock, and so is `now`, which the kernel reads when it begins to
 * look for expired ones: that makes it monotonic. Of an expiry that the trace does not tell, only
 * the time since then is known.
 */
static int on_timer_entry(struct step *s)
{
	struct wl_ev_timer_hrtimer_expire_entry *e = &s->f->out.timer_entry;
	struct timer *timer = timer_find(s->f, e->hrtimer);
	int64_t now = e->now;

	if (is_ours(s))
		return 1;
	e->wl_clock = (uint32_t)clock_of(s->f, (int64_t)((uint64_t)e->now - s->in->ts));
	if (e->wl_clock != CLOCK_MONOTONIC || now > (int64_t)s->in->ts)
		now = (int64_t)s->in->ts;
	e->wl_softexpires = (uint64_t)now;
	e->wl_expires = (uint64_t)now;
	if (!timer)
		return 1;
	e->wl_softexpires = (uint64_t)now - ((uint64_t)e->now - (uint64_t)timer->soft);
	e->wl_expires = (uint64_t)now - ((uint64_t)e->now - (uint64_t)timer->hard);
	*timer = (struct timer){ 0 };
	return 1;
}

/* --- the rest --- */

static int on_queue_work(struct step *s)
{
	s->f->out.queue_work.wl_flags = WL_EV_F_DONE | cur_flag(s);
	return 1;
}

static int on_work_start(struct step *s)
{
	s->f->out.work_start.wl_flags = WL_EV_F_DONE | cur_flag(s);
	return 1;
}

static int on_work_end(struct step *s)
{
	s->f->out.work_end.wl_flags = cur_flag(s);
	return 1;
}

static int on_call_queue(struct step *s)
{
	s->f->out.call_queue.wl_flags = WL_EV_F_DONE | cur_flag(s);
	return 1;
}

static int on_call_entry(struct step *s)
{
	s->f->out.call_entry.wl_flags = WL_EV_F_DONE;
	return 1;
}

static int on_reclaim_begin(struct step *s)
{
	s->f->out.reclaim_begin.wl_flags = cur_flag(s);
	return 1;
}

static int on_reclaim_end(struct step *s)
{
	s->f->out.reclaim_end.wl_flags = cur_flag(s);
	return 1;
}

/* Who then sleeps uninterruptibly in the same call waits for it: in_iowait is not recorded. */
static void on_request(struct step *s)
{
	struct task *task = s->cpu->known && !s->cpu->depth ? s->cpu->cur : NULL;

	if (!task)
		return;
	if (task->era != s->f->era) {
		task->era = s->f->era;
		task->call = CALL_UNKNOWN;
	}
	task->issued = true;
}

/* A dead process has no memory either. */
static int on_statedump(struct step *s)
{
	static const int32_t kernel_thread = 1, zombie = 4, dead = 7;
	const struct wl_ev_statedump_process *e = s->in->payload;
	struct task *task;

	if (e->status == zombie || e->status == dead || e->tid <= 0)
		return 0;
	task = task_of(s->f, (uint32_t)e->tid);
	if (!task)
		return -ENOMEM;
	task->pid = (uint32_t)e->pid;
	task->kernel |= e->type == kernel_thread || e->ppid == KTHREADD;
	return name_task(s->f, task, e->name);
}

/* Events that change nothing but what we know. */
static int learn(struct step *s)
{
	switch (s->in->id) {
	case WL_EVID_BLOCK_INSERT:
	case WL_EVID_BLOCK_ISSUE:
		on_request(s);
		return 0;
	case WL_EVID_TIMER_START:
		on_timer_start(s);
		return 0;
	case WL_EVID_STATEDUMP_PROCESS:
		return on_statedump(s);
	default:
		if (s->in->id >= WL_EV_SYSCALL_ENTRY && s->in->id < WL_EV_MAX)
			on_call(s);
		return 0;
	}
}

#define TRANSLATE(event, fields, fn) [WL_EVID_##event] = { fn, sizeof(struct wl_ev_##fields) }

/* Those with inputs of the state machine. */
static const struct translation {
	int (*fn)(struct step *);
	size_t size;
} translations[WL_EV_FIXED_MAX] = {
	TRANSLATE(SCHED_SWITCH, sched_switch, on_switch),
	TRANSLATE(SCHED_WAKING, sched_waking, on_waking),
	TRANSLATE(SCHED_FORK, sched_process_fork, on_fork),
	TRANSLATE(SCHED_EXEC, sched_process_exec, on_exec),
	TRANSLATE(IRQ_ENTRY, irq_handler_entry, on_irq_entry),
	TRANSLATE(SOFTIRQ_RAISE, irq_softirq_raise, on_raise),
	TRANSLATE(SOFTIRQ_ENTRY, irq_softirq_entry, on_softirq_entry),
	TRANSLATE(SOFTIRQ_EXIT, irq_softirq_exit, on_softirq_exit),
	TRANSLATE(TIMER_ENTRY, timer_hrtimer_expire_entry, on_timer_entry),
	TRANSLATE(QUEUE_WORK, workqueue_queue_work, on_queue_work),
	TRANSLATE(WORK_START, workqueue_execute_start, on_work_start),
	TRANSLATE(WORK_END, workqueue_execute_end, on_work_end),
	TRANSLATE(CALL_QUEUE, call_queue, on_call_queue),
	TRANSLATE(CALL_ENTRY, call_entry, on_call_entry),
	TRANSLATE(RECLAIM_BEGIN, reclaim_begin, on_reclaim_begin),
	TRANSLATE(RECLAIM_END, reclaim_end, on_reclaim_end),
	TRANSLATE(MEMCG_RECLAIM_BEGIN, reclaim_begin, on_reclaim_begin),
	TRANSLATE(MEMCG_RECLAIM_END, reclaim_end, on_reclaim_end),
};

static int translate(struct step *s, struct wl_event *out)
{
	const struct translation *t = &translations[s->in->id];

	memcpy(&s->f->out, s->in->payload, t->size);
	out->payload = &s->f->out;
	return t->fn(s);
}

/* What was going on may be over. */
static void forget(struct wl_foreign *f, struct cpu *cpu)
{
	f->era++;
	for (uint32_t i = 0; i < f->ncpu; i++)
		f->cpus[i].pending = 0;
	cpu->known = false;
	cpu->depth = 0;
}

int wl_foreign_event(struct wl_foreign *f, const struct wl_event *in, struct wl_event *out)
{
	struct step s = { .f = f, .in = in };
	int ret;

	*out = *in;
	if (in->cpu >= f->ncpu || in->id >= WL_EV_MAX)
		return 0;
	f->ours = is_ours(&s);
	s.cpu = &f->cpus[in->cpu];
	f->seen[in->id / 64] |= 1ull << in->id % 64;
	if (in->flags & WL_EVENT_AFTER_LOSS)
		forget(f, s.cpu);
	ret = take_contexts(&s);
	if (ret)
		return ret;
	count_depth(&s);
	if (in->id < WL_EV_FIXED_MAX && translations[in->id].fn)
		return translate(&s, out);
	ret = learn(&s);
	return ret ? ret : 1;
}

/* --- what is missing --- */

static bool has(const struct wl_foreign *f, unsigned id)
{
	return f->seen[id / 64] >> id % 64 & 1 || (f->trace && wl_trace_describes(f->trace, id));
}

static bool has_calls(const struct wl_foreign *f)
{
	unsigned id = WL_EV_SYSCALL_ENTRY;

	while (id < WL_EV_SYSCALL_EXIT && !has(f, id))
		id++;
	return id < WL_EV_SYSCALL_EXIT;
}

/* Without a trace to ask, they are taken to be all there if there are any. */
static bool has_all_calls(const struct wl_trace *trace)
{
	unsigned n = 0;

	for (unsigned id = WL_EV_SYSCALL_ENTRY; trace && id < WL_EV_SYSCALL_EXIT; id++)
		n += wl_trace_describes(trace, id);
	return !trace || n >= CALLS_ALL;
}

/* *closure: is there a user task whose process had to be guessed to the end? */
static void find_guess(const void *node, VISIT visit, void *closure)
{
	const struct task *task = *(const struct task *const *)node;

	if ((visit == postorder || visit == leaf) && task->guessed && !task->pid && !is_link(task))
		*(bool *)closure = true;
}

struct need {
	uint16_t id;
	const char *text;
};

static const struct need needs[] = {
	{ WL_EVID_SCHED_SWITCH, "task switches (sched_switch) were not recorded: nothing can be "
				"said of tasks" },
	{ WL_EVID_SCHED_WAKING, "wake-ups (sched_waking) were not recorded: what started a "
				"response is not known" },
	{ WL_EVID_SCHED_FORK, "births of tasks (sched_process_fork) were not recorded: what a new "
			      "task works on is not known" },
	{ WL_EVID_IRQ_ENTRY, "interrupts (irq_handler_entry) were not recorded: responses to "
			     "devices begin later than they should" },
	{ WL_EVID_VEC_LOCAL_TIMER_ENTRY,
	  "interrupt vectors (x86_irq_vectors_*) were not recorded: what timers and other CPUs "
	  "interrupt counts as running" },
	{ WL_EVID_SOFTIRQ_RAISE, "raised softirqs (irq_softirq_raise) were not recorded: responses "
				 "to devices begin at the softirq" },
	{ WL_EVID_SOFTIRQ_ENTRY, "softirqs (irq_softirq_entry) were not recorded: their work "
				 "counts as the interrupted task's" },
	{ WL_EVID_TIMER_ENTRY, "timers (timer_hrtimer_expire_entry) were not recorded: what they "
			       "start looks like any interrupt" },
	{ WL_EVID_TIMER_START, "what timers were set to (timer_hrtimer_start) was not recorded: "
			       "how late they were is not known" },
	{ WL_EVID_QUEUE_WORK, "queued work (workqueue_queue_work) was not recorded: who had asked "
			      "a kworker is not known" },
	{ WL_EVID_BLOCK_ISSUE, "requests to disks (block_rq_issue) were not recorded: which waits "
			       "are for a disk is a guess" },
};

/* Records of ours have all that is in needs, and know calls and processes by themselves. */
static size_t find_missing(const struct wl_foreign *f, const char *more[])
{
	bool guessed = false;
	size_t n = 0;

	if (f->ours)
		return 0;
	twalk_r(f->tasks, find_guess, &guessed);
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!has(f, needs[i].id))
			more[n++] = needs[i].text;
	if (!has_calls(f))
		more[n++] = "system calls were not recorded: where tasks wait is not known";
	else if (!f->all_calls)
		more[n++] = "only some system calls were recorded: where tasks wait in others is "
			    "not known";
	if (guessed)
		more[n++] = "of some tasks the trace does not tell the process (contexts pid and "
			    "tid): each was taken for one of its own";
	return n;
}

size_t wl_foreign_missing(const struct wl_foreign *f, const char *texts[], size_t max)
{
	const char *more[sizeof(needs) / sizeof(needs[0]) + 4];
	size_t n = find_missing(f, more);

	more[n++] = "arrivals at sockets are not in such a trace: requests that a busy thread "
		    "finds waiting can't be told apart";
	if (!f->ours)
		more[n++] = "of tasks that are older than such a trace it is a guess where they "
			    "wait for work: their first wait in it";
	n = n < max ? n : max;
	memcpy(texts, more, n * sizeof(*texts));
	return n;
}

/* --- all of it --- */

int wl_foreign_new(struct wl_foreign **foreign, uint32_t ncpu, bool rt,
		   const struct wl_trace *trace)
{
	struct wl_foreign *f = calloc(1, sizeof(*f));

	if (f)
		f->cpus = calloc(ncpu, sizeof(*f->cpus));
	if (!f || !f->cpus) {
		wl_foreign_free(f);
		return -ENOMEM;
	}
	f->ncpu = ncpu;
	f->trace = trace;
	f->clock_offset = trace ? wl_trace_info(trace)->clock_offset : 0;
	f->rt = rt;
	f->all_calls = has_all_calls(trace);
	for (int compat = 0; compat < 2; compat++) {
		learn_args(f->args[compat], compat);
		f->restart[compat] = wl_syscall_number("restart_syscall", compat);
	}
	*foreign = f;
	return 0;
}

void wl_foreign_free(struct wl_foreign *f)
{
	if (!f)
		return;
	tdestroy(f->tasks, free);
	free(f->lines);
	free(f->cpus);
	free(f);
}
