/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/replay_order.h"

#include <errno.h>

/* A host may stop a CPU between its time stamp and its step: 13 ms were seen. */
#define REORDER_NS 100000000ull

/* A step of a task that an event stands for. */
struct step {
	uint32_t tid, number;
};

/* At most two: the steps of an event. Returns how many. */
static unsigned steps_of(const struct wl_event *e, struct step steps[2])
{
	const struct wl_ev_sched_waking *w = e->payload;
	const struct wl_ev_sched_switch *s = e->payload;
	unsigned n = 0;

	if (e->id == WL_EVID_SCHED_WAKING && w->wl_flags & WL_EV_F_DONE)
		steps[n++] = (struct step){ (uint32_t)w->tid, w->wl_seq };
	if (e->id != WL_EVID_SCHED_SWITCH)
		return n;
	if (s->wl_flags & WL_SW_PREV)
		steps[n++] = (struct step){ (uint32_t)s->prev_tid, s->wl_prev_seq };
	if (s->wl_flags & WL_SW_NEXT)
		steps[n++] = (struct step){ (uint32_t)s->next_tid, s->wl_next_seq };
	return n;
}

/* A step that is over already is as good as due: a task id may have been used again. */
static bool is_due(const struct wl_replay *r, const struct wl_event *e)
{
	struct step steps[2];
	unsigned n = steps_of(e, steps);

	for (unsigned i = 0; i < n; i++) {
		const struct wl_replay_task *task = wl_replay_task_find(r, steps[i].tid);

		if (task && task->step_known && (int32_t)(steps[i].number - task->step) > 0)
			return false;
	}
	return true;
}

/* The earliest event of another stream that is due soon after; -1: there is none. */
static int find_due(const struct wl_replay *r, struct wl_trace *trace, int first, uint64_t until,
		    const struct wl_event **event)
{
	unsigned n = wl_trace_nstreams(trace);
	int best = -1;

	for (unsigned i = 0; i < n; i++) {
		const struct wl_event *e;

		if ((int)i == first || wl_trace_peek(trace, i, &e) <= 0)
			continue;
		if (e->ts > until || (best >= 0 && e->ts >= (*event)->ts) || !is_due(r, e))
			continue;
		best = (int)i;
		*event = e;
	}
	return best;
}

int wl_replay_order_next(struct wl_replay *r, struct wl_trace *trace, const struct wl_event **event)
{
	const struct wl_event *head, *other = NULL;
	int first = wl_trace_first(trace), stream, ret;

	if (first < 0)
		return -1;
	ret = wl_trace_peek(trace, (unsigned)first, &head);
	if (ret <= 0)
		return ret ? ret - 1 : -1;
	*event = head;
	/* before the window some CPUs' steps are not in the trace */
	if (head->ts < r->stats.first || is_due(r, head))
		return first;
	stream = find_due(r, trace, first, head->ts + REORDER_NS, &other);
	if (stream < 0) {
		r->stats.gaps++;
		return first;
	}
	r->stats.reordered++;
	*event = other;
	return stream;
}

void wl_replay_order_done(struct wl_replay *r, const struct wl_event *e)
{
	struct step steps[2];
	unsigned n = steps_of(e, steps);

	for (unsigned i = 0; i < n; i++) {
		struct wl_replay_task *task = wl_replay_task_find(r, steps[i].tid);

		if (!task)
			continue;
		task->step = steps[i].number + 1;
		task->step_known = true;
	}
}
