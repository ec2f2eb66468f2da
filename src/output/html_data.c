/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/html_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain/names.h"
#include "explain/phrase.h"
#include "output/text_parts.h"
#include "output/work.h"
#include "util/syscalls.h"

#define NODES_MAX 2000
#define NAME_MAX_LEN 200

void wl_html_window(const struct wl_explained *x, uint64_t *begin, uint64_t *end)
{
	const struct wl_chain *h = &x->report.slow.path.h;

	*begin = h->start;
	*end = h->last;
	if (!x->timeline)
		return;
	if (x->timeline->begin < *begin)
		*begin = x->timeline->begin;
	if (x->timeline->end > *end)
		*end = x->timeline->end;
}

/* ---- what is referred to by number ---- */

int32_t wl_html_call(struct wl_html_names *names, int32_t call)
{
	return call < -1 ? -1 : (int32_t)wl_html_table_add(&names->calls, &call);
}

uint32_t wl_html_who(struct wl_html_names *names, const struct wl_who *who)
{
	struct wl_who key;

	if (who->ctx == WL_WHO_NONE || who->ctx >= WL_WHO_MAX)
		return WL_HTML_NONE;
	memset(&key, 0, sizeof(key));
	key.ctx = who->ctx;
	key.nr = who->nr;
	if (who->ctx == WL_WHO_TASK || who->ctx == WL_WHO_SOFTIRQ) {
		key.tid = who->tid;
		key.tgid = who->tgid;
		strncpy(key.comm, who->comm, sizeof(key.comm));
		key.policy = who->policy;
		key.prio = who->prio;
		key.flags = who->flags & WL_WHO_F_KTHREAD;
	}
	return wl_html_table_add(&names->whos, &key);
}

uint32_t wl_html_task(struct wl_html_names *names, uint32_t task)
{
	if (!names->x->timeline || task >= names->x->timeline->ntasks)
		return WL_HTML_NONE;
	return wl_html_table_add(&names->tasks, &task);
}

/* ---- words ---- */

static void put_name(struct wl_json *json, const char *key, const char *bytes, size_t max)
{
	char text[4 * NAME_MAX_LEN];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, bytes, max);
	wl_json_string(json, key, text);
}

/* NULL and "" are null. */
static void put_name_or_null(struct wl_json *json, const char *key, const char *name)
{
	if (name && name[0])
		put_name(json, key, name, strlen(name));
	else
		wl_json_null(json, key);
}

/* A number of a list, -1: none of it. */
static void put_number(struct wl_json *json, const char *key, uint32_t number)
{
	wl_json_i64(json, key, number == WL_HTML_NONE ? -1 : (int64_t)number);
}

static void put_since(struct wl_json *json, uint64_t at, uint64_t start)
{
	wl_json_i64(json, NULL, (int64_t)(at - start));
}

static void put_who(struct wl_json *json, const struct wl_html_names *names,
		    const struct wl_who *who)
{
	const struct wl_machine_names *m = &names->x->names;
	char text[4 * NAME_MAX_LEN];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_who(&p, who,
			  m->irq && who->ctx == WL_WHO_IRQ ? m->irq(m->ctx, who->nr) : NULL);
	wl_json_array(json, NULL);
	wl_json_string(json, NULL, text);
	wl_json_u64(json, NULL, who->ctx);
	wl_json_u64(json, NULL, who->tid);
	wl_json_array_end(json);
}

static void put_task(struct wl_json *json, const struct wl_tl_task *task)
{
	struct wl_who who = {
		.ctx = WL_WHO_TASK,
		.tid = task->tid,
		.policy = task->policy,
		.prio = task->prio,
		.flags = task->kthread ? WL_WHO_F_KTHREAD : 0,
	};
	char text[4 * NAME_MAX_LEN];
	struct wl_phrase p;

	memcpy(who.comm, task->comm, sizeof(who.comm));
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_who(&p, &who, NULL);
	wl_json_array(json, NULL);
	wl_json_u64(json, NULL, task->tid);
	wl_json_u64(json, NULL, task->tgid);
	put_name(json, NULL, task->comm, sizeof(task->comm));
	wl_json_string(json, NULL, text);
	wl_json_array_end(json);
}

static void put_look(struct wl_json *json, const struct wl_html_look *look)
{
	wl_json_array(json, NULL);
	wl_json_u64(json, NULL, look->kind);
	wl_json_u64(json, NULL, look->cpu);
	wl_json_i64(json, NULL, look->call);
	put_number(json, NULL, look->who);
	wl_json_array_end(json);
}

static void put_call(struct wl_json *json, int32_t call)
{
	const char *name = wl_syscall_name(call, false);
	char number[32];

	snprintf(number, sizeof(number), "system call %d", call);
	wl_json_string(json, NULL, call == -1 ? "page fault" : name ? name : number);
}

/* After everything that refers to them. */
static void put_names(struct wl_json *json, const struct wl_html_names *names)
{
	wl_json_array(json, "tasks");
	for (size_t i = 0; i < names->tasks.n; i++)
		put_task(json,
			 &names->x->timeline
				  ->tasks[*(const uint32_t *)wl_html_table_key(&names->tasks, i)]);
	wl_json_array_end(json);
	wl_json_array(json, "looks");
	for (size_t i = 0; i < names->looks.n; i++)
		put_look(json, wl_html_table_key(&names->looks, i));
	wl_json_array_end(json);
	wl_json_array(json, "whos");
	for (size_t i = 0; i < names->whos.n; i++)
		put_who(json, names, wl_html_table_key(&names->whos, i));
	wl_json_array_end(json);
	wl_json_array(json, "calls");
	for (size_t i = 0; i < names->calls.n; i++)
		put_call(json, *(const int32_t *)wl_html_table_key(&names->calls, i));
	wl_json_array_end(json);
	wl_json_array(json, "kinds");
	for (unsigned int i = 0; i < WL_SEG_MAX; i++)
		wl_json_string(json, NULL, wl_seg_name(i));
	wl_json_array_end(json);
}

/* ---- the response ---- */

static void put_target(struct wl_json *json, const struct wl_report *r)
{
	char text[4 * NAME_MAX_LEN];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_text_add_target(&p, r->slow.process, r->slow.comm);
	wl_json_string(json, "target", text);
	wl_json_u64(json, "tid", r->slow.tid);
	wl_json_u64(json, "pid", r->slow.tgid);
	put_name_or_null(json, "cgroup", r->names.cgroup);
	wl_phrase_init(&p, text, sizeof(text));
	wl_text_add_stimulus(&p, r->slow.path.h.stim_kind, r->slow.path.h.stim_nr,
			     r->names.stimulus);
	wl_json_string(json, "stimulus", text);
	wl_json_u64(json, "stimulus_cpu", r->slow.path.h.stim_cpu);
	wl_json_decimal(json, "start", r->slow.path.h.start);
	wl_json_string(json, "end", wl_end_name(r->slow.end_kind));
	put_name_or_null(json, "end_call", r->names.syscall);
	wl_json_u64(json, "end_cpu", r->slow.end_cpu);
}

static void put_work(struct wl_json *json, const struct wl_report *r)
{
	struct wl_phrase p;
	char text[1024];

	wl_phrase_init(&p, text, sizeof(text));
	if (r->slow.work.kind != WL_COOKIE_NONE)
		wl_work_add(&p, &r->slow);
	wl_json_string_or_null(json, "work", text);
}

static void put_numbers(struct wl_json *json, const struct wl_report *r)
{
	wl_json_u64(json, "id", r->id);
	wl_json_time(json, "time", r->time.sec, r->time.nsec);
	wl_json_u64(json, "reason", r->slow.reason);
	wl_json_u64(json, "response", wl_slow_response_ns(&r->slow));
	wl_json_u64(json, "threshold", r->slow.threshold_ns);
	wl_json_u64(json, "count", r->typical.count);
	if (r->typical.known)
		wl_json_u64(json, "typical", r->typical.ns);
	else
		wl_json_null(json, "typical");
	wl_json_u64(json, "merged", r->slow.path.h.merged);
	wl_json_u64(json, "lost", r->lost);
	put_name_or_null(json, "capture", r->capture);
	put_name_or_null(json, "idle_hint", r->idle_hint);
}

static void put_budget(struct wl_json *json, const struct wl_report *r)
{
	wl_json_array(json, "budget");
	for (unsigned int i = 1; i < WL_SEG_MAX; i++) {
		if (!r->budget[i] && !(r->typical.known && r->typical.budget[i]))
			continue;
		wl_json_array(json, NULL);
		wl_json_u64(json, NULL, i);
		wl_json_u64(json, NULL, r->budget[i]);
		if (r->typical.known)
			wl_json_u64(json, NULL, r->typical.budget[i]);
		else
			wl_json_null(json, NULL);
		wl_json_array_end(json);
	}
	wl_json_array_end(json);
}

static void put_verdict(struct wl_json *json, struct wl_html_names *names)
{
	const struct wl_explained *x = names->x;

	wl_json_object(json, "cause");
	wl_json_string(json, "text", x->report.cause.text);
	wl_json_u64(json, "kind", x->report.cause.kind);
	wl_json_u64(json, "ns", x->report.cause.ns);
	wl_json_double(json, "share", x->report.cause.share, 3);
	put_number(json, "who", wl_html_who(names, &x->report.cause.who));
	put_number(json, "via", wl_html_who(names, &x->via));
	put_number(json, "root", wl_html_who(names, &x->root));
	wl_json_u64(json, "root_ns", x->root_ns);
	put_name_or_null(json, "advice", x->advice);
	wl_json_u64(json, "confidence", x->confidence);
	wl_json_array(json, "caveats");
	for (unsigned int i = 0; i < x->ncaveats && i < WL_CAVEATS; i++)
		put_name(json, NULL, x->caveats[i], sizeof(x->caveats[i]));
	wl_json_array_end(json);
	wl_json_object_end(json);
}

/* ---- the critical path ---- */

static void add_request(struct wl_phrase *p, const struct wl_explained *x,
			const struct wl_tl_request *r)
{
	const char *device = x->names.device ? x->names.device(x->names.ctx, r->dev) : NULL;
	bool done = r->done != UINT64_MAX;

	wl_phrase_add(p, "%s %llu KiB, ", r->write ? "write" : "read",
		      (unsigned long long)r->nsectors / 2);
	if (device)
		wl_phrase_add_name(p, device, NAME_MAX_LEN);
	else
		wl_phrase_add(p, "%u:%u", r->dev >> 20, r->dev & 0xfffff);
	wl_phrase_add(p, " sector %llu: queued ", (unsigned long long)r->sector);
	wl_phrase_add_duration(p, r->issued > r->queued ? r->issued - r->queued : 0);
	wl_phrase_add(p, done ? ", in the device " : ", not done");
	if (done)
		wl_phrase_add_duration(p, r->done > r->issued ? r->done - r->issued : 0);
}

static void put_node_text(struct wl_json *json, const struct wl_explained *x,
			  const struct wl_node *n)
{
	char text[4 * NAME_MAX_LEN];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	if (n->role == WL_NODE_REQUEST && x->timeline && n->index < x->timeline->nrequests)
		add_request(&p, x, &x->timeline->requests[n->index]);
	else if (n->text)
		wl_phrase_add_name(&p, n->text, NAME_MAX_LEN);
	wl_json_string_or_null(json, NULL, text);
}

static void put_node(struct wl_json *json, struct wl_html_names *names, const struct wl_node *n,
		     uint32_t parent)
{
	uint64_t start = names->x->report.slow.path.h.start;

	wl_json_array(json, NULL);
	put_number(json, NULL, parent);
	wl_json_u64(json, NULL, n->role);
	wl_json_u64(json, NULL, n->kind);
	wl_json_u64(json, NULL, n->flags);
	put_since(json, n->from, start);
	put_since(json, n->to, start);
	wl_json_u64(json, NULL, n->ns);
	put_number(json, NULL, wl_html_task(names, n->task));
	wl_json_u64(json, NULL, n->cpu);
	wl_json_i64(json, NULL, wl_html_call(names, n->call));
	put_number(json, NULL, wl_html_who(names, &n->who));
	wl_json_u64(json, NULL, n->count);
	put_node_text(json, names->x, n);
	wl_json_array_end(json);
}

/* Nodes of that depth and above are few enough to be shown. */
static unsigned int shown_depth(const struct wl_explained *x)
{
	size_t of_depth[UINT8_MAX + 1] = { 0 }, n = 0;
	unsigned int depth = 0;

	for (size_t i = 0; i < x->nnodes; i++)
		of_depth[x->nodes[i].depth]++;
	while (depth < UINT8_MAX && n + of_depth[depth] <= NODES_MAX)
		n += of_depth[depth++];
	return depth ? depth - 1 : 0;
}

/* Also the way to the cause, however deep; parents stand before their children. */
static bool is_shown(const struct wl_node *n, unsigned int depth, const uint32_t *numbers)
{
	if (n->parent == WL_NODE_NONE)
		return true;
	return numbers[n->parent] != WL_HTML_NONE &&
	       (n->depth <= depth || n->flags & (WL_NODE_F_CAUSE | WL_NODE_F_ROOT));
}

static uint32_t put_shown(struct wl_json *json, struct wl_html_names *names, uint32_t *numbers)
{
	const struct wl_explained *x = names->x;
	unsigned int depth = shown_depth(x);
	uint32_t shown = 0;

	for (size_t i = 0; i < x->nnodes; i++) {
		const struct wl_node *n = &x->nodes[i];
		bool top = n->parent == WL_NODE_NONE;

		numbers[i] = WL_HTML_NONE;
		if ((!top && n->parent >= i) || !is_shown(n, depth, numbers))
			continue;
		put_node(json, names, n, top ? WL_HTML_NONE : numbers[n->parent]);
		numbers[i] = shown++;
	}
	return shown;
}

static int put_nodes(struct wl_json *json, struct wl_html_names *names)
{
	size_t n = names->x->nnodes;
	uint32_t *numbers = calloc(n ? n : 1, sizeof(*numbers)), shown;

	if (!numbers)
		return -ENOMEM;
	wl_json_array(json, "nodes");
	shown = put_shown(json, names, numbers);
	wl_json_array_end(json);
	wl_json_u64(json, "nodes_left_out", n - shown);
	free(numbers);
	return 0;
}

static int put_data(struct wl_json *json, struct wl_html_names *names,
		    const struct wl_html_detail *detail)
{
	const struct wl_report *r = &names->x->report;
	int error;

	wl_json_object(json, NULL);
	wl_json_string(json, "version", WL_VERSION);
	put_target(json, r);
	put_work(json, r);
	put_numbers(json, r);
	put_budget(json, r);
	put_verdict(json, names);
	error = put_nodes(json, names);
	if (!error)
		error = wl_html_lanes(json, names, detail);
	put_names(json, names);
	wl_json_object_end(json);
	return error;
}

int wl_html_data(struct wl_json *json, const struct wl_explained *x,
		 const struct wl_html_detail *detail)
{
	struct wl_html_names names = {
		.x = x,
		.tasks.size = sizeof(uint32_t),
		.whos.size = sizeof(struct wl_who),
		.looks.size = sizeof(struct wl_html_look),
		.calls.size = sizeof(int32_t),
	};
	int error = put_data(json, &names, detail), written = wl_json_line_end(json);

	if (!error &&
	    (names.tasks.error || names.whos.error || names.looks.error || names.calls.error))
		error = -ENOMEM;
	wl_html_table_free(&names.tasks);
	wl_html_table_free(&names.whos);
	wl_html_table_free(&names.looks);
	wl_html_table_free(&names.calls);
	return error ? error : written;
}
