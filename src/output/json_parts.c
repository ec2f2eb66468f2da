/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/json_parts.h"

#include "explain/names.h"
#include "explain/phrase.h"
#include "output/work.h"

#define FORMAT_VERSION 1

void wl_json_begin_line(struct wl_json *j, const char *type)
{
	wl_json_object(j, NULL);
	wl_json_string(j, "type", type);
	wl_json_u64(j, "v", FORMAT_VERSION);
}

int wl_json_end_line(struct wl_json *j)
{
	wl_json_object_end(j);
	return wl_json_line_end(j);
}

static const char *reason_name(const struct wl_slow *slow)
{
	switch (slow->reason) {
	case WL_REASON_TIMEOUT:
		return "timeout";
	case WL_REASON_WORST:
		return "worst";
	default:
		return "threshold";
	}
}

static void put_target(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;

	wl_json_object(j, "target");
	wl_json_u64(j, "pid", slow->tgid);
	wl_json_u64(j, "tid", slow->tid);
	wl_json_name(j, "comm", slow->comm, sizeof(slow->comm));
	wl_json_name(j, "process", slow->process, sizeof(slow->process));
	wl_json_string_or_null(j, "cgroup", report->names.cgroup);
	wl_json_object_end(j);
}

void wl_json_stimulus_name(struct wl_json *j, unsigned int kind, unsigned int nr, const char *name)
{
	wl_json_string(j, "kind", wl_stim_name(kind));
	wl_json_u64(j, "nr", nr);
	wl_json_string_or_null(j, "name", name);
}

static void put_stimulus(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_chain *h = &report->slow.path.h;

	wl_json_object(j, "stimulus");
	wl_json_stimulus_name(j, h->stim_kind, h->stim_nr, report->names.stimulus);
	if (h->stim_tid)
		wl_json_u64(j, "tid", h->stim_tid);
	wl_json_u64(j, "cpu", h->stim_cpu);
	wl_json_decimal(j, "ts", h->start);
	wl_json_object_end(j);
}

static void put_end(struct wl_json *j, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;
	bool timeout = slow->reason == WL_REASON_TIMEOUT;

	wl_json_object(j, "end");
	wl_json_string(j, "kind", wl_end_name(timeout ? WL_END_TIMEOUT : slow->end_kind));
	wl_json_string_or_null(j, "syscall", report->names.syscall);
	wl_json_u64(j, "cpu", slow->end_cpu);
	wl_json_decimal(j, "ts", slow->end);
	wl_json_object_end(j);
}

static void put_budget(struct wl_json *j, const uint64_t budget[WL_SEG_MAX])
{
	wl_json_object(j, "budget");
	for (unsigned int i = 1; i < WL_SEG_MAX; i++)
		if (budget[i])
			wl_json_u64(j, wl_seg_name(i), budget[i]);
	wl_json_object_end(j);
}

void wl_json_typical(struct wl_json *j, const struct wl_typical *typical)
{
	if (!typical->known) {
		wl_json_null(j, "typical");
		return;
	}
	wl_json_object(j, "typical");
	wl_json_u64(j, "count", typical->count);
	wl_json_u64(j, "ns", typical->ns);
	put_budget(j, typical->budget);
	wl_json_object_end(j);
}

static void put_task(struct wl_json *j, const struct wl_who *who)
{
	bool real_time = who->policy == 1 || who->policy == 2;
	bool boosted = !real_time && who->policy != 6 && who->prio < 0;

	wl_json_u64(j, "pid", who->tgid);
	wl_json_u64(j, "tid", who->tid);
	wl_json_name(j, "comm", who->comm, sizeof(who->comm));
	wl_json_string(j, "policy", wl_policy_name(who->policy));
	wl_json_i64(j, "prio", real_time ? wl_who_rt_priority(who) : wl_who_nice(who));
	/* A lock's waiter lends its priority; the policy remains. */
	if (boosted)
		wl_json_i64(j, "boosted_prio", wl_who_rt_priority(who));
	if (who->flags & WL_WHO_F_KTHREAD)
		wl_json_bool(j, "kthread", true);
}

static const char *irq_name(unsigned int nr, const struct wl_report *report,
			    const struct wl_machine_names *names)
{
	const struct wl_chain *h = &report->slow.path.h;
	const char *name = wl_vector_name(nr);

	if (!name && h->stim_kind == WL_STIM_IRQ && h->stim_nr == nr)
		name = report->names.stimulus;
	if ((!name || !name[0]) && names && names->irq)
		name = names->irq(names->ctx, nr);
	return name;
}

static void put_softirq(struct wl_json *j, const struct wl_who *who)
{
	const char *name = wl_softirq_name(who->nr);

	if (name)
		wl_json_string(j, "softirq", name);
	else
		wl_json_u64(j, "softirq", who->nr);
}

void wl_json_who_members(struct wl_json *j, const struct wl_who *who,
			 const struct wl_report *report, const struct wl_machine_names *names)
{
	if (who->ctx == WL_WHO_IDLE)
		wl_json_bool(j, "idle", true);
	else if (who->ctx == WL_WHO_TIMER)
		wl_json_bool(j, "timer", true);
	else if (who->ctx == WL_WHO_SOFTIRQ)
		put_softirq(j, who);
	if (who->ctx == WL_WHO_IRQ) {
		wl_json_u64(j, "irq", who->nr);
		wl_json_string_or_null(j, "name", irq_name(who->nr, report, names));
	}
	if (who->ctx == WL_WHO_TASK || (who->ctx != WL_WHO_IDLE && who->tid))
		put_task(j, who);
	if (who->flags & WL_WHO_F_SHARED)
		wl_json_bool(j, "shared", true);
}

static bool who_is_known(const struct wl_who *who)
{
	return who->ctx > WL_WHO_NONE && who->ctx < WL_WHO_MAX;
}

void wl_json_who(struct wl_json *j, const char *key, const struct wl_who *who,
		 const struct wl_report *report, const struct wl_machine_names *names)
{
	if (!who_is_known(who)) {
		wl_json_null(j, key);
		return;
	}
	wl_json_object(j, key);
	wl_json_who_members(j, who, report, names);
	wl_json_object_end(j);
}

static void put_segments(struct wl_json *j, const struct wl_report *report,
			 const struct wl_machine_names *names)
{
	const struct wl_path *path = &report->slow.path;

	wl_json_array(j, "segments");
	for (unsigned int i = 0; i < path->h.nseg && i < WL_PATH_SEGS; i++) {
		const struct wl_seg *seg = &path->seg[i];

		wl_json_object(j, NULL);
		wl_json_string(j, "kind", seg->kind ? wl_seg_name(seg->kind) : "unknown");
		wl_json_u64(j, "cpu", seg->cpu);
		wl_json_u64(j, "ns", seg->ns);
		if (seg->pieces > 1)
			wl_json_u64(j, "pieces", seg->pieces);
		if (who_is_known(&seg->who))
			wl_json_who(j, "culprit", &seg->who, report, names);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void put_cause(struct wl_json *j, const struct wl_report *report,
		      const struct wl_machine_names *names)
{
	const struct wl_cause *cause = &report->cause;

	wl_json_object(j, "cause");
	wl_json_string(j, "kind", cause->kind ? wl_seg_name(cause->kind) : NULL);
	wl_json_u64(j, "ns", cause->ns);
	wl_json_double(j, "share", cause->share, 2);
	wl_json_who(j, "culprit", &cause->who, report, names);
	wl_json_string(j, "text", cause->text);
	wl_json_object_end(j);
}

static void put_stack(struct wl_json *j, const struct wl_report *report)
{
	unsigned int n = report->slow.nstack;

	if (report->idle_hint[0])
		wl_json_string(j, "idle_hint", report->idle_hint);
	if (!report->stack || !n)
		return;
	wl_json_array(j, "stack");
	for (unsigned int i = 0; i < n && i < WL_STACK_DEPTH; i++)
		wl_json_string(j, NULL, report->stack[i]);
	wl_json_array_end(j);
}

void wl_json_report(struct wl_json *j, const struct wl_report *report,
		    const struct wl_machine_names *names)
{
	wl_json_u64(j, "id", report->id);
	wl_json_time(j, "time", report->time.sec, report->time.nsec);
	wl_json_string(j, "reason", reason_name(&report->slow));
	wl_json_u64(j, "threshold_ns", report->slow.threshold_ns);
	put_target(j, report);
	put_stimulus(j, report);
	put_end(j, report);
	wl_json_u64(j, "response_ns", wl_slow_response_ns(&report->slow));
	wl_json_u64(j, "merged", report->slow.path.h.merged);
	wl_work_json(j, &report->slow);
	wl_json_typical(j, &report->typical);
	put_segments(j, report, names);
	put_budget(j, report->budget);
	put_cause(j, report, names);
	put_stack(j, report);
	wl_json_u64(j, "lost", report->lost);
	wl_json_string_or_null(j, "capture", report->capture);
}
