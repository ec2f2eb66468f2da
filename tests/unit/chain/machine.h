/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A small machine in user space: CPUs, tasks, sockets, work items. Each function is one kernel
 * event: it checks that a Linux kernel could have it now (assert), drives src/chain the way
 * src/bpf/probe_*.h do, and changes the machine. It is the second host of the state machine.
 *
 * Whoever wants to know more watches: watch() sees an event before the state machine does, ended()
 * each response that the state machine reports for it.
 */
#ifndef WL_TEST_CHAIN_MACHINE_H
#define WL_TEST_CHAIN_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/chain.h"

#define MACHINE_CPUS 4
#define MACHINE_TASKS 48
#define MACHINE_KEYS 64 /* sockets, work items and calls together */
#define MACHINE_DEPTH 7 /* contexts on one CPU */

/* System calls of the machine's table. */
#define CALL_READ 0
#define CALL_WRITE 1
#define CALL_POLL 7
#define CALL_FSYNC 74
#define CALL_FUTEX 202
#define CALL_RESTART 219
#define CALL_SLEEP 230
#define CALL_EPOLL 232

enum machine_run {
	RUN_FREE = 0, /* no such task */
	RUN_ON_CPU,
	RUN_READY,
	RUN_ASLEEP,
};

struct machine_task {
	struct wl_task t;
	uint32_t tid, tgid;
	uint16_t cpu; /* where it runs or last ran */
	uint8_t run;  /* enum machine_run */
	bool armed;   /* has set its state: it will sleep, or has been put aside on its way there */
	bool woken;   /* sched_waking has come since then */
	bool spare;   /* a wake-up that no sleep has used yet */
	bool slept;   /* its last switch-out was a blocking one, or it is new */
	bool reaches; /* its chains can reach a target: else nobody looks at it */
	bool throttled;
	uint8_t policy;
	uint64_t irqs; /* interrupt line whose handler this thread is, 0: none */
	struct wl_sleep sleep;
	struct wl_path report; /* last response */
	uint8_t report_kind;   /* enum wl_end_kind; 0: none yet */
	uint32_t reports;
};

struct machine_cpu {
	struct wl_cpu c;
	struct machine_task *cur; /* NULL: idle */
	uint32_t depth;
	uint8_t kind[MACHINE_DEPTH + 1]; /* enum wl_frame_kind of the contexts, outermost first */
	uint16_t nr[MACHINE_DEPTH + 1];
	uint32_t pending; /* softirqs raised */
	uint64_t steal;
};

enum machine_event_kind {
	EV_IRQ_ENTER,
	EV_IRQ_EXIT,
	EV_TIMER_ENTER,
	EV_TIMER_EXIT,
	EV_RAISE,
	EV_SOFTIRQ_ENTER,
	EV_SOFTIRQ_EXIT,
	EV_CALL_ENTER,
	EV_CALL_EXIT,
	EV_KEEP,    /* key, state: data ready, work queued, call queued */
	EV_BACKLOG, /* key */
	EV_WORK_START,
	EV_WORK_END,
	EV_WAKING,
	EV_SWITCH,
	EV_FORK,
	EV_EXEC,
	EV_SEND,
	EV_RECEIVE,
	EV_RECLAIM,
};

struct machine_event {
	uint8_t kind;  /* enum machine_event_kind */
	uint8_t state; /* KEEP: enum wl_seg_kind; RECLAIM: 1 begin */
	uint16_t nr;
	uint32_t cpu, key;
	uint64_t soft, hard;       /* TIMER_ENTER */
	struct machine_task *task; /* wakee, child, next task (NULL: idle), thread of an interrupt
				    */
	struct machine_task *cur;  /* the CPU's task */
	const struct wl_sleep *sleep; /* SWITCH: how cur leaves */
};

struct machine {
	struct wl_chain_config cfg;
	uint64_t now;
	struct machine_cpu cpu[MACHINE_CPUS];
	struct machine_task task[MACHINE_TASKS];
	struct wl_kept_set *sets;
	uint64_t address[MACHINE_KEYS];
	uint32_t next_tid;
	uint64_t events;
	/* the machine's own account */
	uint64_t ran, dropped;
	void (*watch)(void *arg, const struct machine_event *ev);
	void (*ended)(void *arg, struct machine_task *task, const struct wl_path *p, uint8_t kind);
	void *arg;
};

void machine_config(struct wl_chain_config *cfg, uint8_t until);
void machine_init(struct machine *m, const struct wl_chain_config *cfg);
void machine_free(struct machine *m);

/* A task that sleeps somewhere when we start; flags WL_TASK_*; call -2: not at home. */
struct machine_task *machine_task_add(struct machine *m, uint32_t tgid, uint8_t flags, int call,
				      uint64_t arg);

void machine_irq_enter(struct machine *m, uint32_t cpu, uint16_t nr, struct machine_task *thread);
void machine_irq_exit(struct machine *m, uint32_t cpu);
void machine_timer_enter(struct machine *m, uint32_t cpu, uint16_t clock, uint64_t soft,
			 uint64_t hard);
void machine_timer_exit(struct machine *m, uint32_t cpu);
void machine_raise(struct machine *m, uint32_t cpu, uint16_t vec);
void machine_softirq_enter(struct machine *m, uint32_t cpu, uint16_t vec);
void machine_softirq_exit(struct machine *m, uint32_t cpu);
void machine_call_queue(struct machine *m, uint32_t cpu, uint32_t key);
void machine_call_enter(struct machine *m, uint32_t cpu, uint32_t key);
void machine_call_exit(struct machine *m, uint32_t cpu);
void machine_data_ready(struct machine *m, uint32_t cpu, uint32_t key);
void machine_backlog(struct machine *m, uint32_t cpu, uint32_t key);
void machine_queue_work(struct machine *m, uint32_t cpu, uint32_t key);
void machine_work_start(struct machine *m, uint32_t cpu, uint32_t key);
void machine_work_end(struct machine *m, uint32_t cpu);
void machine_waking(struct machine *m, uint32_t cpu, struct machine_task *task);
struct machine_task *machine_fork(struct machine *m, uint32_t cpu, bool thread);
void machine_exec(struct machine *m, uint32_t cpu);
void machine_send(struct machine *m, uint32_t cpu);
void machine_receive(struct machine *m, uint32_t cpu, uint32_t key);
void machine_reclaim(struct machine *m, uint32_t cpu, bool begin);

/* The current task sets its state; the next switch with preempt = false puts it to sleep. */
void machine_arm(struct machine *m, uint32_t cpu, const struct wl_sleep *sleep);
/* It does not sleep after all. */
void machine_disarm(struct machine *m, uint32_t cpu);
/* next NULL: idle. */
void machine_switch(struct machine *m, uint32_t cpu, bool preempt, struct machine_task *next);
/* The current task dies. */
void machine_exit(struct machine *m, uint32_t cpu, struct machine_task *next);

/* Shorthands of the hand-written cases: each moves the clock by ns first. */
void machine_pass(struct machine *m, uint64_t ns);
/* The current task sleeps in this call, interruptibly; the CPU goes to next. */
void machine_sleep(struct machine *m, uint32_t cpu, int call, uint64_t arg,
		   struct machine_task *next);
/* The same, uninterruptibly, io: in iowait. */
void machine_sleep_hard(struct machine *m, uint32_t cpu, int call, bool io,
			struct machine_task *next);

/* What the state machine has for a task: its chain, 0 if it has none. */
struct wl_path *machine_chain(struct machine_task *task);
uint64_t machine_counter(const struct machine *m, enum wl_counter which);
/* Sum of the segments; per kind if kind isn't WL_SEG_NONE. */
uint64_t machine_sum(const struct wl_path *p, enum wl_seg_kind kind);

#endif
