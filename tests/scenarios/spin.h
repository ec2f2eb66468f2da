/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A CPU kept busy in interrupt context (spin.bpf.c), and what the host takes of one. */
#ifndef WL_SCENARIOS_SPIN_H
#define WL_SCENARIOS_SPIN_H

#include <stdbool.h>
#include <stdint.h>

struct scn_span {
	uint64_t from, to; /* CLOCK_MONOTONIC */
};

/* What not everybody needs. */
enum scn_spin_more {
	SCN_SPIN_PLAIN,
	SCN_SPIN_TIMER = 1, /* scn_spin_timer */
	SCN_SPIN_LINE = 2   /* scn_spin_arm_line */
};

/* Loads the programs. After whylate has attached its own: ours then run inside what it measures. */
int scn_spin_open(unsigned more);

/* An interrupt on that CPU, which must not be the caller's; back when it is over. */
int scn_spin_irq(unsigned cpu, uint64_t ns, struct scn_span *span);

/* The handler of the next interrupt of that line, on whatever CPU, takes so much longer. */
void scn_spin_arm_line(unsigned nr, uint64_t ns);
/* When and where that was; -ETIME: none has come. Disarms. */
int scn_spin_line_took(struct scn_span *span, unsigned *cpu);

/* The next softirqs of that number there take so much longer each. */
struct scn_softirqs {
	unsigned cpu, nr, times;
	uint64_t ns;
	unsigned tid; /* only what interrupts that task is summed up; 0: all */
};

void scn_spin_arm_softirqs(const struct scn_softirqs *softirqs);
void scn_spin_disarm_softirqs(void);
unsigned scn_spin_softirq_runs(void);
uint64_t scn_spin_softirq_sum(void);  /* ns, of those that are over */
bool scn_spin_softirq_deferred(void); /* ksoftirqd did the last one */

/* When the last one was made longer; -ETIME: not all have come. Disarms. */
int scn_spin_softirq_took(struct scn_span *span);

/* Soon a timer's softirq takes first_ns on this CPU, and when it is over another one takes ns. */
int scn_spin_timer(uint64_t first_ns, uint64_t ns);
bool scn_spin_timer_again(void); /* the other one has begun */

/* Nanoseconds that the host has taken from all CPUs since boot. */
uint64_t scn_stolen_ns(void);

#endif
