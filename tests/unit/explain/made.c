/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/made.h"

#include "abi/event.h"
#include "abi/kinds.h"
#include "test.h"

void made_begin(struct made *made)
{
	maker_begin(&made->cpu[0], 0, 0);
	maker_begin(&made->cpu[1], 1, 0);
	made->unfollowed = false;
}

/* As the kernel side records it; tid 0 is the idle task. */
void made_add_switch(struct made *made, uint32_t cpu, uint64_t ts, struct made_side prev,
		     struct made_side next)
{
	struct wl_ev_sched_switch e = {
		.prev_tid = (int32_t)prev.tid,
		.next_tid = (int32_t)next.tid,
		.prev_state = prev.state,
		.wl_prev_pid = (int32_t)prev.tid,
		.wl_next_pid = (int32_t)next.tid,
		.wl_prev_call = -2,
		.wl_prev_seq = prev.seq,
		.wl_next_seq = next.seq,
		.wl_prev_end = prev.end,
		.wl_next_end = next.end,
	};

	if (prev.tid)
		e.wl_flags |= WL_SW_PREV | (prev.asleep ? 0 : WL_SW_RUNNABLE) |
			      (prev.free ? WL_SW_PREV_FREE : 0);
	if (next.tid)
		e.wl_flags |= WL_SW_NEXT;
	if (made->unfollowed) {
		e.wl_flags &= WL_SW_RUNNABLE;
		e.wl_prev_seq = e.wl_next_seq = 0;
		e.wl_prev_task = e.wl_next_task = 0;
		e.wl_prev_end = e.wl_next_end = 0;
	}
	maker_add(&made->cpu[cpu], ts, WL_EVID_SCHED_SWITCH, &e, sizeof(e));
}

static void add_waking(struct made *made, uint32_t cpu, uint64_t ts, uint32_t by,
		       const struct made_side *wakee, uint32_t flags)
{
	struct wl_ev_sched_waking e = {
		.tid = (int32_t)wakee->tid,
		.wl_pid = (int32_t)wakee->tid,
		.wl_cur_tid = (int32_t)by,
		.wl_seq = wakee->seq,
		.wl_flags = flags,
	};

	if (made->unfollowed) {
		e.wl_flags = 0;
		e.wl_seq = 0xffffffff;
	}
	maker_add(&made->cpu[cpu], ts, WL_EVID_SCHED_WAKING, &e, sizeof(e));
}

void made_add_waking(struct made *made, uint32_t cpu, uint64_t ts, uint32_t by, uint32_t tid,
		     uint32_t seq)
{
	struct made_side wakee = made_runs(tid, seq);

	add_waking(made, cpu, ts, by, &wakee, WL_EV_F_DONE);
}

void made_add_handing(struct made *made, uint32_t cpu, uint64_t ts, uint32_t by, uint32_t tid,
		      uint32_t seq)
{
	struct made_side wakee = made_runs(tid, seq);

	add_waking(made, cpu, ts, by, &wakee, WL_EV_F_DONE | WL_EV_F_CUR);
}

void made_add_mark(struct made *made, uint32_t cpu, uint64_t ts, struct made_mark mark)
{
	struct wl_ev_mark e = {
		.wl_cookie = mark.cookie,
		.wl_flags = WL_EV_F_DONE | WL_EV_F_CUR | mark.flags,
		.wl_tid = mark.tid,
		.wl_op = mark.op,
		.wl_end = mark.end,
	};

	maker_add(&made->cpu[cpu], ts, WL_EVID_MARK, &e, sizeof(e));
}

const struct made_side made_idle = { 0 };

struct made_side made_runs(uint32_t tid, uint32_t seq)
{
	return (struct made_side){ .tid = tid, .seq = seq };
}

struct made_side made_ends_at_run(uint32_t tid, uint32_t seq)
{
	return (struct made_side){ .tid = tid, .seq = seq, .end = WL_END_RUN };
}

struct made_side made_sleeps(uint32_t tid, uint32_t seq)
{
	return (struct made_side){ .tid = tid, .seq = seq, .asleep = true, .free = true };
}

struct made_side made_preempted(uint32_t tid, uint32_t seq)
{
	return (struct made_side){ .tid = tid, .seq = seq, .free = true };
}

char *made_write(struct made *made)
{
	char *dir = maker_dir(true);

	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		maker_end(&made->cpu[cpu]);
		maker_append(dir, cpu ? "cpu_1" : "cpu_0", made->cpu[cpu].bytes, MAKER_PACKET);
	}
	return dir;
}

struct wl_trace *made_open(const char *dir)
{
	struct wl_trace *trace = NULL;
	char why[512];

	if (wl_trace_open(dir, 0, &trace, why, sizeof(why)))
		fail_msg("%s", why);
	return trace;
}
