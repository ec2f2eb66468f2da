/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the responses must be: a second implementation of DESIGN section 3, from its words, simple
 * and slow. A chain is a story: sums of time per kind of segment, without limits, folding or shared
 * slots.
 */
#ifndef WL_TEST_CHAIN_ORACLE_H
#define WL_TEST_CHAIN_ORACLE_H

#include "machine.h"

/* A place in a story: what had happened up to there. */
struct mark {
	bool set;
	uint64_t id; /* of the chain that starts here for somebody else */
	uint64_t at;
	uint8_t kind; /* stimulus there */
	uint16_t nr;
	uint64_t ns[WL_SEG_MAX];
};

struct story {
	bool on;
	bool vague; /* which kind some of its time has is not known */
	uint64_t id, start, last;
	uint8_t kind; /* enum wl_stim_kind */
	uint16_t nr;
	uint32_t owner;
	uint8_t state; /* enum wl_seg_kind: what it has been doing since last */
	uint32_t hops, merged;
	uint64_t ns[WL_SEG_MAX];
	struct mark left; /* where it last left a user task */
	struct mark sent; /* last send */
};

struct oracle_task {
	struct story cur;
	struct story wake; /* what the last wake-up would give it at home */
	bool woken;
	uint64_t wake_at;
	uint8_t waker; /* enum wl_who_ctx */
	bool waker_kthread;
	uint16_t waker_nr;
	bool wake_throttled;
	bool asleep, midwork, away, reclaim;
	bool waiting;    /* switched out, runnable */
	bool received;   /* its response has received data */
	bool line;       /* an interrupt line's own thread */
	uint32_t raised; /* softirqs, since it was woken */
	struct wl_sleep sleep;
	uint64_t ontop;    /* of the CPU, when its running time was last charged */
	uint64_t finished; /* the chain that last ended here */
	uint64_t home_at;  /* it went to sleep at home then: what has arrived before is not its work
			    */
	uint32_t nhomes;
	struct wl_home home;
};

struct oracle_frame {
	uint8_t kind; /* enum wl_frame_kind */
	uint16_t nr;
	bool own; /* softirq that the task raised and runs itself */
	const struct machine_task *thread;
	struct story s;
};

struct oracle_cpu {
	struct oracle_frame frame[MACHINE_DEPTH + 1];
	uint32_t depth;
	bool returned;  /* frame[depth] has just returned and may wake its thread */
	uint64_t seen;  /* last event */
	uint64_t ontop; /* time that interrupts spent on top of tasks */
	struct {
		struct story s;
		uint32_t tid; /* raised by this task itself; 0: by an interrupt */
	} pending[WL_NR_SOFTIRQS];
};

struct oracle_kept {
	struct story s;
	bool taken;
};

#define ORACLE_EXPECTED 4

struct oracle {
	const struct machine *m;
	struct wl_chain_config cfg;
	struct oracle_task task[MACHINE_TASKS];
	struct oracle_cpu cpu[MACHINE_CPUS];
	struct oracle_kept kept[MACHINE_KEYS];
	uint64_t last_id;
	/* responses that the state machine has to report for the present event */
	struct {
		const struct machine_task *task;
		struct story s;
		uint8_t kind;
	} expected[ORACLE_EXPECTED];
	uint32_t nexpected;
	/* what was compared */
	uint64_t responses, ns, vague;
	uint64_t kinds[WL_END_MAX], stimuli[WL_STIM_MAX];
	char failure[512]; /* the first one, empty: none */
};

void oracle_init(struct oracle *o, struct machine *m);
/* Both worlds at rest: which task, softirq and context has a chain, and since when. */
void oracle_compare(struct oracle *o, struct machine *m);

#endif
