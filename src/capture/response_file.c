/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/response_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/entry.h"
#include "capture/fields.h"
#include "explain/names.h"
#include "util/escape.h"
#include "util/parse.h"
#include "util/syscalls.h"

#define RESPONSE_MAX (1u << 20)
#define PRIO_DEADLINE (-101)
#define POLICIES 8    /* SCHED_* that have names */
#define POLICY_NONE 4 /* of these, one that the kernel does not use */

static const struct wl_field target_fields[] = {
	WL_FIELD(wl_slow, WL_U32, "pid", tgid),
	WL_FIELD(wl_slow, WL_U32, "tid", tid),
	{ NULL },
};

static const struct wl_field stimulus_fields[] = {
	WL_FIELD(wl_chain, WL_U16, "nr", stim_nr),
	WL_FIELD(wl_chain, WL_U32, "tid", stim_tid),
	WL_FIELD(wl_chain, WL_U16, "cpu", stim_cpu),
	WL_FIELD(wl_chain, WL_U64, "ts", start),
	{ NULL },
};

static const struct wl_field end_fields[] = {
	WL_FIELD(wl_slow, WL_U16, "cpu", end_cpu),
	WL_FIELD(wl_slow, WL_U64, "ts", end),
	{ NULL },
};

static const struct wl_field path_fields[] = {
	WL_FIELD(wl_chain, WL_U8, "merged", merged),
	{ NULL },
};

static const struct wl_field seg_fields[] = {
	WL_FIELD(wl_seg, WL_U16, "cpu", cpu),
	WL_FIELD(wl_seg, WL_U32, "pieces", pieces),
	{ NULL },
};

static const struct wl_field who_fields[] = {
	WL_FIELD(wl_who, WL_U32, "pid", tgid),
	WL_FIELD(wl_who, WL_U32, "tid", tid),
	{ NULL },
};

static const struct wl_field work_fields[] = {
	WL_FIELD(wl_work, WL_U32, "begin_tid", begun_tid),
	{ NULL },
};

static const struct wl_field step_fields[] = {
	WL_FIELD(wl_work_step, WL_U32, "tid", tid),
	{ NULL },
};

/* --- values --- */

/* The object of that name; NULL if there is none, or null. 0 or -EINVAL, said. */
static int get_object(const struct wl_place *p, const char *key, const json_t *object,
		      const json_t **value)
{
	*value = json_object_get(object, key);
	if (json_is_null(*value))
		*value = NULL;
	return !*value || json_is_object(*value) ? 0 : wl_place_refuse(p, key, "not an object");
}

/* One that must be there. */
static int need_object(const struct wl_place *p, const char *key, const json_t *object,
		       const json_t **value)
{
	int ret = get_object(p, key, object, value);

	return !ret && !*value ? wl_place_refuse(p, key, "there is no such object") : ret;
}

static struct wl_place inside(const struct wl_place *p, const char *key)
{
	struct wl_place in = *p;

	snprintf(in.path, sizeof(in.path), "%.40s%.20s.", p->path, key);
	return in;
}

/* A time in ns, as JSON has durations: integers. Left alone if there is none. */
static int get_ns(const struct wl_place *p, const char *key, const json_t *object, uint64_t *ns)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wl_place_refuse(p, key, "not a number of 0 or more");
	*ns = (uint64_t)json_integer_value(value);
	return 0;
}

/* A text that fits; "" if there is none. */
static int get_text(const struct wl_place *p, const char *key, const json_t *object, char *text,
		    size_t size)
{
	const json_t *value = json_object_get(object, key);

	text[0] = '\0';
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return wl_place_refuse(p, key, "not a text");
	if (json_string_length(value) >= size)
		return wl_place_refuse(p, key, "too long");
	memcpy(text, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

/* The same, of any length: free() it; NULL if there is none. */
static int get_copy(const struct wl_place *p, const char *key, const json_t *object, char **text)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return wl_place_refuse(p, key, "not a text");
	*text = strdup(json_string_value(value));
	return *text ? 0 : -ENOMEM;
}

/* The number of a name, in 1 .. max - 1; 0 if there is none. */
static int get_kind(const struct wl_place *p, const char *key, const json_t *object,
		    const char *(*name)(unsigned int), unsigned int max, __u8 *kind)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	*kind = 0;
	if (!value || json_is_null(value) || (text && !strcmp(text, "none")))
		return 0;
	for (unsigned int i = 1; text && i < max && !*kind; i++)
		if (!strcmp(text, name(i)))
			*kind = (__u8)i;
	return *kind ? 0 : wl_place_refuse(p, key, "not one of the kinds");
}

/* --- who --- */

static __u8 get_policy(const json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "policy"));

	for (__u8 i = 0; text && i < POLICIES; i++)
		if (!strcmp(text, wl_policy_name(i)))
			return i;
	return text ? POLICY_NONE : 0;
}

/* Back from what wl_who_nice() and wl_who_rt_priority() made of it. */
static int get_prio(const struct wl_place *p, const json_t *object, struct wl_who *who)
{
	const json_t *boosted = json_object_get(object, "boosted_prio");
	bool real_time = who->policy == 1 || who->policy == 2 || boosted;
	json_int_t prio = json_integer_value(boosted ? boosted : json_object_get(object, "prio"));

	if (prio < (real_time ? 0 : -20) || prio > (real_time ? 100 : 19))
		return wl_place_refuse(p, "prio", "out of range");
	if (who->policy == 6)
		who->prio = PRIO_DEADLINE;
	else
		who->prio = (__s8)(real_time ? -1 - prio : prio + 20);
	return 0;
}

static int get_task(const struct wl_place *p, const json_t *object, struct wl_who *who)
{
	int ret = wl_fields_get(p, who_fields, object, who);

	if (!ret)
		ret = wl_comm_get(p, "comm", object, who->comm);
	who->policy = get_policy(object);
	if (json_is_true(json_object_get(object, "kthread")))
		who->flags |= WL_WHO_F_KTHREAD;
	return ret ? ret : get_prio(p, object, who);
}

static int get_number(const struct wl_place *p, const char *key, const json_t *object, __u16 *nr)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	if (n < 0 || n > UINT16_MAX)
		return wl_place_refuse(p, key, "out of range");
	*nr = (__u16)n;
	return 0;
}

static int get_softirq(const struct wl_place *p, const json_t *object, __u16 *nr)
{
	const char *text = json_string_value(json_object_get(object, "softirq"));

	if (!text)
		return get_number(p, "softirq", object, nr);
	for (*nr = 0; *nr < WL_NR_SOFTIRQS; ++*nr)
		if (!strcmp(text, wl_softirq_name(*nr)))
			return 0;
	return wl_place_refuse(p, "softirq", "no such softirq");
}

static int get_context(const struct wl_place *p, const json_t *object, struct wl_who *who)
{
	if (json_object_get(object, "irq")) {
		who->ctx = WL_WHO_IRQ;
		return get_number(p, "irq", object, &who->nr);
	}
	if (json_object_get(object, "softirq")) {
		who->ctx = WL_WHO_SOFTIRQ;
		return get_softirq(p, object, &who->nr);
	}
	if (json_object_get(object, "idle"))
		who->ctx = WL_WHO_IDLE;
	else
		who->ctx = json_object_get(object, "timer") ? WL_WHO_TIMER : WL_WHO_TASK;
	return 0;
}

static int get_who(const struct wl_place *p, const json_t *object, struct wl_who *who)
{
	struct wl_place in = inside(p, "culprit");
	const json_t *culprit;
	bool has_task;
	int ret = get_object(p, "culprit", object, &culprit);

	memset(who, 0, sizeof(*who));
	if (ret || !culprit)
		return ret;
	ret = get_context(&in, culprit, who);
	if (json_is_true(json_object_get(culprit, "shared")))
		who->flags |= WL_WHO_F_SHARED;
	has_task = json_integer_value(json_object_get(culprit, "tid")) > 0;
	if (ret || who->ctx == WL_WHO_IDLE || (who->ctx != WL_WHO_TASK && !has_task))
		return ret;
	return get_task(&in, culprit, who);
}

/* --- parts of the response --- */

static int get_time(const struct wl_place *p, const json_t *root, struct wl_wall *wall)
{
	const json_t *value = json_object_get(root, "time");
	const char *text = json_string_value(value), *end;
	struct tm tm = { 0 };
	unsigned long nsec;
	char *rest;

	if (!value || json_is_null(value))
		return 0;
	end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S.", &tm) : NULL;
	nsec = end ? strtoul(end, &rest, 10) : 0;
	if (!end || rest != end + 9 || strcmp(rest, "Z") != 0 || nsec > 999999999)
		return wl_place_refuse(p, "time", "not a time (2026-11-21T19:41:07.123456789Z)");
	wall->sec = timegm(&tm);
	wall->nsec = (uint32_t)nsec;
	return 0;
}

static int get_reason(const struct wl_place *p, const json_t *root, struct wl_slow *slow)
{
	static const char *const names[] = {
		[WL_REASON_THRESHOLD] = "threshold",
		[WL_REASON_TIMEOUT] = "timeout",
		[WL_REASON_WORST] = "worst",
	};
	const char *text = json_string_value(json_object_get(root, "reason"));

	for (__u8 i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			slow->reason = i;
			return 0;
		}
	}
	return wl_place_refuse(p, "reason", "not one of threshold, timeout, worst");
}

static int get_target(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	struct wl_place in = inside(p, "target");
	const json_t *target;
	int ret = need_object(p, "target", root, &target);

	if (!ret)
		ret = wl_fields_get(&in, target_fields, target, &r->slow);
	if (!ret)
		ret = wl_comm_get(&in, "comm", target, r->slow.comm);
	if (!ret)
		ret = wl_comm_get(&in, "process", target, r->slow.process);
	return ret ? ret : get_copy(&in, "cgroup", target, &r->names.cgroup);
}

static int get_stimulus(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	struct wl_place in = inside(p, "stimulus");
	struct wl_chain *h = &r->slow.path.h;
	const json_t *stimulus;
	int ret = need_object(p, "stimulus", root, &stimulus);

	if (!ret)
		ret = get_kind(&in, "kind", stimulus, wl_stim_name, WL_STIM_MAX, &h->stim_kind);
	if (!ret)
		ret = wl_fields_get(&in, stimulus_fields, stimulus, h);
	if (!ret)
		ret = get_text(&in, "name", stimulus, r->names.stimulus, sizeof(r->names.stimulus));
	h->id = h->start << 10 | h->stim_cpu;
	return ret;
}

static int get_end(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	struct wl_place in = inside(p, "end");
	const json_t *end;
	int ret = need_object(p, "end", root, &end);

	if (!ret)
		ret = get_kind(&in, "kind", end, wl_end_name, WL_END_MAX, &r->slow.end_kind);
	if (!ret)
		ret = wl_fields_get(&in, end_fields, end, &r->slow);
	if (!ret)
		ret = get_text(&in, "syscall", end, r->names.syscall, sizeof(r->names.syscall));
	r->slow.end_call = ret ? -1 : wl_syscall_number(r->names.syscall, false);
	if (r->slow.end_call < 0)
		r->slow.end_call = -2;
	return ret;
}

/* Times are since the stimulus. */
static int get_since(const struct wl_place *p, const char *key, const json_t *object,
		     const struct wl_slow *slow, __u64 *at)
{
	uint64_t ns = 0;
	int ret = get_ns(p, key, object, &ns);

	if (!ret && ns > UINT64_MAX - slow->path.h.start)
		return wl_place_refuse(p, key, "longer than time is");
	*at = slow->path.h.start + ns;
	return ret;
}

static int get_steps(const struct wl_place *p, const json_t *work, struct wl_slow *slow)
{
	const json_t *array = json_object_get(work, "steps");
	uint64_t dropped = 0;
	int ret = get_ns(p, "steps_dropped", work, &dropped);

	if (!ret && (json_array_size(array) > WL_WORK_STEPS || dropped > UINT32_MAX / 2))
		ret = wl_place_refuse(p, "steps", "too many");
	for (size_t i = 0; !ret && i < json_array_size(array); i++) {
		struct wl_work_step *step = &slow->work.step[i];
		const json_t *object = json_array_get(array, i);

		ret = wl_name_get(p, "name", object, step->name, sizeof(step->name));
		if (!ret)
			ret = wl_fields_get(p, step_fields, object, step);
		if (!ret)
			ret = get_since(p, "ns", object, slow, &step->at);
	}
	slow->work.steps = (__u32)(json_array_size(array) + dropped);
	return ret;
}

static int get_cookie(const struct wl_place *p, const json_t *object, struct wl_work *work)
{
	const char *kind = json_string_value(json_object_get(object, "kind"));
	const char *text = json_string_value(json_object_get(object, "cookie"));
	uint64_t cookie;

	if (kind && !strcmp(kind, "text")) {
		work->kind = WL_COOKIE_TEXT;
		return wl_name_get(p, "cookie", object, work->text, sizeof(work->text));
	}
	if (!kind || strcmp(kind, "number") != 0)
		return wl_place_refuse(p, "kind", "neither \"number\" nor \"text\"");
	if (!text || wl_parse_uint64(text, &cookie))
		return wl_place_refuse(p, "cookie", "not a number");
	work->kind = WL_COOKIE_NUMBER;
	work->cookie = cookie;
	return 0;
}

/* After the stimulus: times are since then. */
static int get_work(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	struct wl_place in = inside(p, "work");
	const json_t *work;
	int ret = get_object(p, "work", root, &work);

	if (ret || !work)
		return ret;
	ret = get_cookie(&in, work, &r->slow.work);
	if (!ret)
		ret = wl_fields_get(&in, work_fields, work, &r->slow.work);
	if (!ret && json_object_get(work, "begin_ns"))
		ret = get_since(&in, "begin_ns", work, &r->slow, &r->slow.work.begun);
	return ret ? ret : get_steps(&in, work, &r->slow);
}

static int get_segment(const struct wl_place *p, const json_t *object, struct wl_seg *seg)
{
	uint64_t ns = 0;
	int ret;

	if (!json_is_object(object))
		return wl_place_refuse(p, "", "not an object");
	seg->pieces = 1;
	ret = get_kind(p, "kind", object, wl_seg_name, WL_SEG_MAX, &seg->kind);
	if (!ret)
		ret = wl_fields_get(p, seg_fields, object, seg);
	if (!ret)
		ret = get_ns(p, "ns", object, &ns);
	seg->ns = ns;
	seg->kind = seg->kind ? seg->kind : WL_SEG_UNKNOWN;
	seg->pieces = seg->pieces ? seg->pieces : 1;
	return ret ? ret : get_who(p, object, &seg->who);
}

/* They sum to the response time. */
static int check_sum(const struct wl_place *p, const struct wl_path *path, uint64_t response_ns)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < path->h.nseg; i++)
		if (__builtin_add_overflow(sum, path->seg[i].ns, &sum))
			return wl_place_refuse(p, "segments", "longer than time is");
	if (sum != response_ns)
		return wl_place_refuse(p, "response_ns", "not the sum of the segments");
	return 0;
}

static int get_segments(const struct wl_place *p, const json_t *root, struct wl_path *path)
{
	const json_t *array = json_object_get(root, "segments");
	struct wl_place in = *p;
	uint64_t response_ns = 0, last = 0;
	int ret = get_ns(p, "response_ns", root, &response_ns);

	if (ret)
		return ret;
	if (!json_is_array(array))
		return wl_place_refuse(p, "segments", "there is no such array");
	if (json_array_size(array) > WL_PATH_SEGS)
		return wl_place_refuse(p, "segments", "too many");
	path->h.nseg = (__u8)json_array_size(array);
	for (size_t i = 0; !ret && i < path->h.nseg; i++) {
		snprintf(in.path, sizeof(in.path), "segments[%zu].", i);
		ret = get_segment(&in, json_array_get(array, i), &path->seg[i]);
	}
	if (!ret && __builtin_add_overflow(path->h.start, response_ns, &last))
		return wl_place_refuse(p, "response_ns", "ends after time does");
	path->h.last = last;
	return ret ? ret : check_sum(p, path, response_ns);
}

static int get_budget(const struct wl_place *p, const json_t *object, uint64_t budget[WL_SEG_MAX])
{
	struct wl_place in = inside(p, "budget");
	const json_t *values;
	int ret = get_object(p, "budget", object, &values);

	for (unsigned int i = 1; !ret && values && i < WL_SEG_MAX; i++)
		ret = get_ns(&in, wl_seg_name(i), values, &budget[i]);
	return ret;
}

static int get_typical(const struct wl_place *p, const json_t *root, struct wl_typical *typical)
{
	struct wl_place in = inside(p, "typical");
	const json_t *object;
	int ret = get_object(p, "typical", root, &object);

	if (ret || !object)
		return ret;
	typical->known = true;
	ret = get_ns(&in, "count", object, &typical->count);
	if (!ret)
		ret = get_ns(&in, "ns", object, &typical->ns);
	return ret ? ret : get_budget(&in, object, typical->budget);
}

/* The text was safe for a terminal when it was written; the file may have changed since. */
static int get_cause(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	struct wl_place in = inside(p, "cause");
	struct wl_cause *cause = &r->cause;
	char text[sizeof(cause->text)];
	const json_t *object;
	__u8 kind = 0;
	int ret = get_object(p, "cause", root, &object);

	if (ret || !object)
		return ret;
	ret = get_kind(&in, "kind", object, wl_seg_name, WL_SEG_MAX, &kind);
	if (!ret)
		ret = get_ns(&in, "ns", object, &cause->ns);
	if (!ret)
		ret = get_who(&in, object, &cause->who);
	if (!ret)
		ret = get_text(&in, "text", object, text, sizeof(text));
	if (ret)
		return ret;
	cause->kind = kind;
	cause->share = json_number_value(json_object_get(object, "share"));
	wl_escape_text(text, sizeof(text), cause->text, sizeof(cause->text));
	return 0;
}

static int get_stack(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	const json_t *array = json_object_get(root, "stack");
	size_t n = json_array_size(array);

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return wl_place_refuse(p, "stack", "not an array");
	if (n > WL_STACK_DEPTH)
		return wl_place_refuse(p, "stack", "too many");
	r->stack = calloc(WL_STACK_DEPTH, sizeof(*r->stack));
	if (!r->stack)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (!text)
			return wl_place_refuse(p, "stack", "not texts");
		snprintf(r->stack[i], sizeof(r->stack[i]), "%s", text);
	}
	r->slow.nstack = (__u16)n;
	return 0;
}

/* What stands beside the objects. */
static int get_rest(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	uint64_t threshold = 0;
	int ret = get_ns(p, "id", root, &r->id);

	if (!ret)
		ret = get_time(p, root, &r->time);
	if (!ret)
		ret = get_ns(p, "threshold_ns", root, &threshold);
	r->slow.threshold_ns = threshold;
	if (!ret)
		ret = wl_fields_get(p, path_fields, root, &r->slow.path.h);
	if (!ret)
		ret = get_ns(p, "lost", root, &r->lost);
	if (!ret)
		ret = get_text(p, "idle_hint", root, r->idle_hint, sizeof(r->idle_hint));
	return ret ? ret : get_copy(p, "capture", root, &r->capture);
}

static int get_response(const struct wl_place *p, const json_t *root, struct wl_report *r)
{
	int ret = get_reason(p, root, &r->slow);

	if (!ret)
		ret = get_rest(p, root, r);
	if (!ret)
		ret = get_target(p, root, r);
	if (!ret)
		ret = get_stimulus(p, root, r);
	if (!ret)
		ret = get_end(p, root, r);
	if (!ret)
		ret = get_segments(p, root, &r->slow.path);
	if (!ret)
		ret = get_work(p, root, r);
	if (!ret)
		ret = get_typical(p, root, &r->typical);
	if (!ret)
		ret = get_budget(p, root, r->budget);
	if (!ret)
		ret = get_cause(p, root, r);
	return ret ? ret : get_stack(p, root, r);
}

static int check_type(const struct wl_place *p, const json_t *root)
{
	const char *type = json_string_value(json_object_get(root, "type"));

	if (type && !strcmp(type, "slow"))
		return 0;
	if (!type || strcmp(type, "now") != 0)
		return wl_place_refuse(p, "type", "neither \"slow\" nor \"now\"");
	snprintf(p->why, p->size, "%s: the capture was taken on demand: it has no slow response",
		 p->file);
	return -ENODATA;
}

int wl_response_load(int dirfd, struct wl_report *report, char *why, size_t size)
{
	struct wl_place place = { .file = WL_ENTRY_RESPONSE, .why = why, .size = size };
	json_t *root;
	int ret = wl_place_load(&place, dirfd, RESPONSE_MAX, &root);

	memset(report, 0, sizeof(*report));
	if (!ret)
		ret = check_type(&place, root);
	if (!ret)
		ret = get_response(&place, root, report);
	if (ret == -ENOMEM)
		snprintf(why, size, "%s: no memory for it", place.file);
	json_decref(root);
	return ret;
}

void wl_response_free(struct wl_report *report)
{
	free(report->names.cgroup);
	free(report->capture);
	free(report->stack);
	memset(report, 0, sizeof(*report));
}
