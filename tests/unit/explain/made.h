/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Small traces of two CPUs, made by hand, as the kernel side would have recorded them. */
#ifndef WL_TEST_MADE_H
#define WL_TEST_MADE_H

#include "trace/maker.h"
#include "trace/trace.h"

#define US 1000ull

/* One packet each. */
struct made {
	struct maker_packet cpu[2];
	bool unfollowed; /* from here on: as if the state machine was off */
};

void made_begin(struct made *made);
/* A directory with it; maker_remove() it. */
char *made_write(struct made *made);
struct wl_trace *made_open(const char *dir);

/* One side of a switch: a task and the number of its step; tid 0 is the idle task. */
struct made_side {
	uint32_t tid, seq;
	bool asleep, free;
	int64_t state; /* prev_state */
	uint8_t end;
};

extern const struct made_side made_idle;
struct made_side made_runs(uint32_t tid, uint32_t seq);
struct made_side made_ends_at_run(uint32_t tid, uint32_t seq);
struct made_side made_sleeps(uint32_t tid, uint32_t seq);
struct made_side made_preempted(uint32_t tid, uint32_t seq);

void made_add_switch(struct made *made, uint32_t cpu, uint64_t ts, struct made_side prev,
		     struct made_side next);
/* by: who is on that CPU; 0: nobody. */
void made_add_waking(struct made *made, uint32_t cpu, uint64_t ts, uint32_t by, uint32_t tid,
		     uint32_t seq);

/* The same by a task that is followed itself. */
void made_add_handing(struct made *made, uint32_t cpu, uint64_t ts, uint32_t by, uint32_t tid,
		      uint32_t seq);

/* A mark of an item by number; flags: WL_EV_F_*. */
struct made_mark {
	uint32_t tid, flags;
	uint64_t cookie;
	uint8_t op; /* enum wl_mark_op */
	uint8_t end;
};

void made_add_mark(struct made *made, uint32_t cpu, uint64_t ts, struct made_mark mark);

#endif
