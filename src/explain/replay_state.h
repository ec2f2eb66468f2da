/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a replay remembers: the machine that the trace tells of. Inside explain/ only. */
#ifndef WL_EXPLAIN_REPLAY_STATE_H
#define WL_EXPLAIN_REPLAY_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/chain.h"
#include "chain/mark.h"
#include "explain/replay.h"

/* A task, as the last switch has named it. */
struct wl_replay_who {
	uint32_t tid, tgid;
	char comm[WL_COMM_LEN];
	int8_t prio;
	uint8_t policy;
	bool kthread;
};

struct wl_replay_task {
	struct wl_replay_who who; /* first: explain/by_tid.h */
	struct wl_task t;
	uint32_t step;   /* the next one of t.next's numbers that is due */
	bool step_known; /* one has been seen */
	bool known;      /* its chain is: see explain/replay.h */
	bool seen_in;    /* it was switched in inside the window */
};

struct wl_replay_cpu {
	struct wl_cpu c;
	struct wl_replay_who cur; /* who is on it; tid 0: idle, or not known yet */
	bool switched;            /* cur is known */
};

#define WL_REPLAY_DOUBTS 65536 /* chains remembered that began in a context that was not known */

/* Called with each event, after it went through the state machine; not 0 ends the replay. */
typedef int (*wl_replay_event_fn)(void *ctx, const struct wl_event *event);

struct wl_replay {
	struct wl_chain_config cfg;
	uint32_t ncpu;
	struct wl_replay_cpu *cpu;
	struct wl_kept_set *sets;
	struct wl_mark_set *marks;         /* NULL: responses don't end at marks */
	bool marked;                       /* there are any */
	void *tasks;                       /* tree by tid */
	uint64_t doubts[WL_REPLAY_DOUBTS]; /* hashed by id; a later one displaces */
	struct wl_replay_stats stats;
	bool unfollowed;            /* see wl_replay_unfollowed() */
	struct wl_foreign *foreign; /* NULL: the trace is ours, and was followed */
	uint64_t lost_at;           /* what began before this may miss events */
	wl_replay_fn fn;            /* NULL: nobody wants the responses */
	void *ctx;
	wl_replay_event_fn event_fn; /* NULL: nobody listens */
	void *event_ctx;
};

/* The task of that id, made if there is none yet; NULL: no memory. */
struct wl_replay_task *wl_replay_task(struct wl_replay *r, uint32_t tid);
/* NULL: there is none yet. */
struct wl_replay_task *wl_replay_task_find(const struct wl_replay *r, uint32_t tid);
/* What was known of tasks and places is in doubt from here on: there are events that we don't have.
 */
void wl_replay_forget(struct wl_replay *r);

/* A chain that begins now on that CPU does so in a context that is not known. */
void wl_replay_doubt(struct wl_replay *r, uint64_t ts, uint32_t cpu);
bool wl_replay_in_doubt(const struct wl_replay *r, uint64_t id);

/* Before wl_replay_run(). */
void wl_replay_listen(struct wl_replay *r, wl_replay_event_fn fn, void *ctx);
/* How the previous task of a switch sleeps, or that it does not. */
void wl_replay_sleep(const struct wl_ev_sched_switch *e, struct wl_sleep *s);

void wl_replay_name(const struct wl_replay_who *who, struct wl_who *w);
/* The present context of a CPU: its innermost frame, or its task. */
void wl_replay_who_now(const struct wl_replay *r, uint32_t cpu, struct wl_who *who);
/* One event, in the order of what happened. 0, -errno, or what a listener has returned. */
int wl_replay_event(struct wl_replay *r, const struct wl_event *e);
/* enum wl_vector of an event of irq_vectors. */
uint16_t wl_replay_vector_of(unsigned id);

int wl_replay_state_init(struct wl_replay *r, const struct wl_chain_config *config, uint32_t ncpu);
void wl_replay_state_release(struct wl_replay *r);

#endif
