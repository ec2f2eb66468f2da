/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/demo_judge.h"

#include <string.h>

/* whylate's clock and ours are read at different moments: a little before, a little after. */
#define MARGIN_NS 1000000ull
#define DOMINATES 60 /* percent of the request's time: the act is what made it late */
#define ENOUGH 70    /* percent of the effect that a verdict must have found */

static uint64_t overlap(uint64_t from, uint64_t to, uint64_t from2, uint64_t to2)
{
	uint64_t begin = from > from2 ? from : from2, end = to < to2 ? to : to2;

	return end > begin ? end - begin : 0;
}

uint64_t wl_demo_overlap(const struct wl_demo_act *act, const struct wl_demo_request *request)
{
	return overlap(act->began, act->ended, request->sent, request->done);
}

/*
 * On a busy machine a wait takes longer than its reason: the worker has got the mutex, but not a
 * CPU. So the reason is taken from the clock of who caused it; of the disk, which has none, from
 * the kernel's account of the worker.
 */
uint64_t wl_demo_effect(const struct wl_demo_act *act, const struct wl_demo_request *request)
{
	uint64_t waited = request->waited[act->kind], overlap_ns;

	switch (act->kind) {
	case WL_DEMO_ACT_HOG:
		return wl_demo_overlap(act, request);
	case WL_DEMO_ACT_DISK:
		return waited > act->cpu_ns ? waited - act->cpu_ns : 0;
	default:
		overlap_ns = wl_demo_overlap(act, request);
		return waited < overlap_ns ? waited : overlap_ns;
	}
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

const struct wl_demo_verdict *wl_demo_find(const struct wl_demo_verdict *verdicts, size_t n,
					   const struct wl_demo_request *request)
{
	const struct wl_demo_verdict *best = NULL;
	uint64_t least = 0;

	for (size_t i = 0; i < n; i++) {
		const struct wl_demo_verdict *v = &verdicts[i];
		uint64_t off = distance(v->start, request->sent) + distance(v->end, request->done);

		if (!overlap(v->start, v->end, request->sent, request->done) ||
		    (best && off >= least))
			continue;
		least = off;
		best = v;
	}
	return best;
}

static bool is_kind(enum wl_demo_kind act, enum wl_seg_kind kind)
{
	switch (act) {
	case WL_DEMO_ACT_HOG: /* before the request began, or in the middle of it */
		return kind == WL_SEG_WAKEUP || kind == WL_SEG_PREEMPTED;
	case WL_DEMO_ACT_LOCK:
		return kind == WL_SEG_LOCK;
	case WL_DEMO_ACT_DISK:
		return kind == WL_SEG_IO;
	case WL_DEMO_ACT_BACKEND:
		return kind == WL_SEG_TASK;
	default:
		return false;
	}
}

static bool is_culprit(const struct wl_demo_truth *truth, const struct wl_who *who)
{
	if (!truth->culprit)
		return who->ctx == WL_WHO_NONE;
	if (who->ctx != WL_WHO_TASK || strncmp(who->comm, truth->culprit, sizeof(who->comm)) != 0)
		return false;
	return !truth->culprit_tid || truth->culprit_tid == who->tid;
}

static uint64_t lateness(const struct wl_demo_request *request)
{
	return request->done - request->sent;
}

/* Others may add to it on a busy machine. */
static bool is_time(const struct wl_demo_truth *truth, uint64_t ns)
{
	uint64_t effect = wl_demo_effect(&truth->act, &truth->request);

	return ns >= effect / 100 * ENOUGH && ns <= lateness(&truth->request) + MARGIN_NS;
}

static enum wl_demo_result compare(const struct wl_demo_truth *truth,
				   const struct wl_demo_verdict *verdict)
{
	if (!verdict)
		return WL_DEMO_NO_VERDICT;
	if (!is_kind(truth->act.kind, verdict->cause.kind))
		return WL_DEMO_WRONG_KIND;
	if (!is_culprit(truth, &verdict->cause.who))
		return WL_DEMO_WRONG_CULPRIT;
	return is_time(truth, verdict->cause.ns) ? WL_DEMO_RIGHT : WL_DEMO_WRONG_TIME;
}

enum wl_demo_result wl_demo_judge(const struct wl_demo_truth *truth,
				  const struct wl_demo_verdict *verdict, uint64_t over_ns)
{
	uint64_t effect = wl_demo_effect(&truth->act, &truth->request);
	enum wl_demo_result result = compare(truth, verdict);

	if (truth->act.error)
		return WL_DEMO_FAILED;
	if (effect < over_ns + MARGIN_NS)
		return WL_DEMO_NO_EFFECT;
	/* If something else delayed it as much, it isn't wrong to say that. */
	if (verdict && result != WL_DEMO_RIGHT &&
	    effect < lateness(&truth->request) / 100 * DOMINATES)
		return WL_DEMO_DISTURBED;
	return result;
}
