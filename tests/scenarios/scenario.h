/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A scenario: a worker that answers requests, and one known way to make an answer late.
 *
 * Three kinds of processes: the worker (one thread, pinned to scn.cpu, waits for requests at home);
 * helpers (hogs, holders, backends), each with a random name; and the coordinator, which asks,
 * makes the fault, and prints what it did and what whylate should say. It is SCHED_FIFO on the
 * other CPU, so that what it does comes in time. All share `scn`, times are CLOCK_MONOTONIC.
 *
 * Arguments: SEED DIRECTORY. The seed's lowest bit chooses the worker's CPU, the whole of it all
 * that is random.
 *
 * On stdin, one word a line: start (whylate is attached), late, quiet (the same without a fault),
 * quit. On stdout:
 *   ready TID     the worker
 *   skip TEXT     instead: it cannot be produced here
 *   go            a typical response is known
 *   round ASKED ANSWERED NS STOLEN WHY root=WHO[,WHO...] [via=TID]
 *
 * NS is how late the fault made it, by the injector's clock (0: it did not work out), STOLEN what
 * the host took of the CPUs meanwhile, WHY the expected verdict. Each WHO is right: the tid of a
 * task, none, irq, softirq; with dev the text must name the device too.
 */
#ifndef WL_SCENARIOS_SCENARIO_H
#define WL_SCENARIOS_SCENARIO_H

#include "../live/common.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "spin.h"

#define SCN_HELPERS 4
#define SCN_PATIENCE (5 * NSEC) /* anything that takes longer has failed */
#define MSEC 1000000ull

struct scn_helper {
	atomic_uint tid, orders, begun, done; /* counts of orders given, begun and done */
	int pipe[2];
	char name[16];
	_Atomic uint64_t from, to; /* of the last order */
};

/* What the processes share. */
struct scn {
	unsigned cpu, other; /* of the worker, of the coordinator */
	const char *dir;     /* on a disk */
	uint64_t seed, rng;
	atomic_uint worker;                 /* its tid */
	atomic_uint asked, begun, answered; /* counts of requests */
	atomic_bool late;                   /* the request that is asked for is to be late */
	uint64_t ns;                        /* by so much; 0: not at all */
	_Atomic uint64_t asked_at, answered_at;
	struct scn_span span;    /* when the fault was on, by the clock of who made it */
	_Atomic uint64_t expiry; /* of the worker's timer */
	pthread_mutex_t mutex;
	struct scn_helper helpers[SCN_HELPERS];
	unsigned nhelpers;
};

extern struct scn *scn;

enum scn_home {
	SCN_PIPE,
	SCN_UDP,       /* the packet is received on the coordinator's CPU */
	SCN_UDP_THERE, /* on the worker's */
	SCN_TIMER
};

struct scenario {
	const char *why; /* expected */
	enum scn_home home;
	bool timer; /* scn_spin_timer is used */
	uint64_t min_ns, max_ns;
	void (*prepare)(void); /* starts helpers, makes groups; ends with scn_skip if it cannot */
	void (*worker)(void);  /* in the worker, before its first request */
	void (*serve)(void);   /* the worker's part of a late request */
	/* Makes one request late, asked with scn_ask. NULL: only serve does something. */
	void (*make_late)(void);
	void (*end)(void); /* after all others have been stopped */
	/* Prints WHO and via of the last round; see above. */
	void (*expect)(void);
};

int scn_main(int argc, char **argv, const struct scenario *scenario);

/* Ends: this machine can't do it. */
_Noreturn void scn_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A process with a random name; waits for orders. policy 0: normal. */
struct scn_helper *scn_helper(void (*work)(struct scn_helper *), unsigned cpu, int policy,
			      int prio);
/* The same as a thread of the process that calls it (the worker's). */
struct scn_helper *scn_helper_thread(void (*work)(struct scn_helper *), unsigned cpu);
void scn_order(struct scn_helper *helper);
void scn_wait_begun(struct scn_helper *helper);
void scn_wait_done(struct scn_helper *helper);

/* Called by the work when it has really begun, and when it is over: notes both times. */
void scn_begin(struct scn_helper *helper);
void scn_end(struct scn_helper *helper);
/* Work: busy on the CPU for scn->ns. */
void scn_work_busy(struct scn_helper *helper);

/* Serves: busy for half a millisecond, so that something can happen meanwhile. */
void scn_serve_work(void);

void scn_ask(void);
void scn_wait_request(void); /* until the worker has begun with it */

/* Of this thread, as the kernel accounts it: on a CPU, waiting for one. */
uint64_t scn_run_time(void);
uint64_t scn_run_delay(void);

/* What has just ended made the request late by so much. */
void scn_took(uint64_t ns);

static inline uint64_t scn_random(uint64_t lo, uint64_t hi)
{
	return rng_between(&scn->rng, lo, hi);
}

#endif
