/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/cause.h"
#include "explain/critical.h"
#include "explain/found.h"
#include "explain/history.h"
#include "explain/names.h"
#include "explain/phrase.h"
#include "explain/replay.h"
#include "explain/root.h"

#define PROBLEMS_TOLD 3
#define MARGIN_NS 100000000ull /* around a response in a long trace */
#define NCPU_MIN 64            /* a trace may have CPUs that its config does not know */

static uint32_t ncpu_of(const struct wl_trace *trace, const struct wl_explain_options *o)
{
	uint32_t n = o->config->ncpu > NCPU_MIN ? o->config->ncpu : NCPU_MIN;

	for (unsigned i = 0; i < wl_trace_nstreams(trace); i++)
		if (wl_trace_stream_cpu(trace, i) >= n)
			n = wl_trace_stream_cpu(trace, i) + 1;
	return n;
}

/* Texts are the caller's: a report of ours has none. */
static void copy_report(struct wl_explained *x, const struct wl_report *report)
{
	x->report = *report;
	x->report.names.cgroup = report->names.cgroup ? strdup(report->names.cgroup) : NULL;
	x->report.capture = report->capture ? strdup(report->capture) : NULL;
	x->report.stack = NULL;
	x->report.slow.nstack = 0;
}

/* The response is looked for in a trace that does not come with one. */
static int find_response(struct wl_explained *x, const struct wl_explain_options *o, char *why,
			 size_t size)
{
	struct wl_trace *trace = NULL;
	int ret = wl_trace_open(o->trace, 0, &trace, why, size);

	if (ret)
		return ret;
	ret = wl_found_search(x, trace,
			      &(struct wl_found_options){
				      .config = &o->config->chain,
				      .ncpu = ncpu_of(trace, o),
				      .tid = o->tid,
				      .at = o->at,
				      .tasks = o->tasks,
				      .ntasks = o->ntasks,
				      /* captures are always followed, recordings not */
				      .unfollowed = !o->config->follow,
			      });
	if (ret == -ESRCH)
		snprintf(why, size,
			 "no response%s in %s; tasks that the trace does not show "
			 "falling asleep have none",
			 o->tid ? " of that task" : "", o->trace);
	else if (ret)
		snprintf(why, size, "%s: %s", o->trace, strerror(-ret));
	wl_trace_close(trace);
	return ret;
}

static uint64_t before(uint64_t at, uint64_t ns)
{
	return at > ns ? at - ns : 0;
}

/* What could not be read of it. */
static void say_problems(struct wl_explained *x, struct wl_trace *trace)
{
	const char *text;

	for (size_t i = 0; i < PROBLEMS_TOLD && (text = wl_trace_problem(trace, i)); i++) {
		char safe[sizeof(x->caveats[0])];
		struct wl_phrase p;

		wl_phrase_init(&p, safe, sizeof(safe));
		wl_phrase_add_name(&p, text, strlen(text));
		wl_explained_caveat(x, WL_LIKELY, "%s", safe);
	}
}

static int read_history(struct wl_explained *x, const struct wl_explain_options *o, char *why,
			size_t size)
{
	const struct wl_path *p = &x->report.slow.path;
	uint64_t margin = MARGIN_NS + p->h.last - p->h.start;
	struct wl_trace *trace = NULL;
	int ret = wl_trace_open(o->trace, 0, &trace, why, size);

	if (ret)
		return ret;
	ret = wl_history_build(&x->timeline, trace,
			       &(struct wl_history_options){
				       .config = &o->config->chain,
				       .ncpu = ncpu_of(trace, o),
				       .from = before(p->h.start, margin),
				       .to = p->h.last + margin,
				       .tasks = o->tasks,
				       .ntasks = o->ntasks,
				       .unfollowed = !o->config->follow,
			       });
	if (ret)
		snprintf(why, size, "%s: %s", o->trace, strerror(-ret));
	else
		say_problems(x, trace);
	wl_trace_close(trace);
	return ret;
}

/* What a report of ours has from the machine. */
static void name_response(struct wl_explained *x)
{
	struct wl_slow *slow = &x->report.slow;
	const struct wl_chain *h = &slow->path.h;
	uint32_t process = wl_timeline_task(x->timeline, slow->tgid);
	const char *name = NULL;

	if (process != WL_NOBODY)
		memcpy(slow->process, x->timeline->tasks[process].comm, sizeof(slow->process));
	if (h->stim_kind == WL_STIM_SOFTIRQ)
		name = wl_softirq_name(h->stim_nr);
	else if (h->stim_kind == WL_STIM_IRQ && h->stim_nr >= WL_VEC_BASE)
		name = wl_vector_name(h->stim_nr);
	else if (h->stim_kind == WL_STIM_IRQ && x->names.irq)
		name = x->names.irq(x->names.ctx, h->stim_nr);
	if (name)
		snprintf(x->report.names.stimulus, sizeof(x->report.names.stimulus), "%s", name);
}

static void say_typical(struct wl_explained *x)
{
	if (!x->report.typical.known)
		wl_explained_caveat(x, WL_LIKELY,
				    "what is usual for this task is not known yet: fewer than 100 "
				    "responses");
}

static int explain(struct wl_explained *x, const struct wl_explain_options *o, char *why,
		   size_t size)
{
	int ret = 0;

	x->names = o->names;
	if (o->report)
		copy_report(x, o->report);
	else
		ret = find_response(x, o, why, size);
	if (!ret)
		ret = read_history(x, o, why, size);
	if (ret)
		return ret;
	if (!o->report)
		name_response(x);
	wl_cause_find(&x->report);
	ret = wl_critical_build(x, o->samples);
	if (ret) {
		snprintf(why, size, "%s", strerror(-ret));
		return ret;
	}
	say_typical(x);
	wl_root_find(x);
	return 0;
}

int wl_explain(struct wl_explained **explained, const struct wl_explain_options *options, char *why,
	       size_t size)
{
	struct wl_explained *x = calloc(1, sizeof(*x));
	int ret;

	if (!x) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	ret = explain(x, options, why, size);
	if (ret)
		wl_explained_free(x);
	else
		*explained = x;
	return ret;
}

void wl_explained_free(struct wl_explained *x)
{
	if (!x)
		return;
	wl_history_free(x->timeline);
	free(x->nodes);
	free(x->report.names.cgroup);
	free(x->report.capture);
	free(x);
}

const char *wl_node_role_name(unsigned role)
{
	static const char *const names[WL_NODE_ROLES] = {
		[WL_NODE_ROOT] = "root",         [WL_NODE_PATH] = "path",
		[WL_NODE_HELD] = "held",         [WL_NODE_ON_TOP] = "on_top",
		[WL_NODE_WAITED] = "waited_for", [WL_NODE_REQUEST] = "request",
		[WL_NODE_FUNCTION] = "function",
	};

	return role < WL_NODE_ROLES ? names[role] : "unknown";
}

const char *wl_why_name(unsigned why)
{
	static const char *const names[WL_WHYS_MAX] = {
#define X(name, nr, json) [nr] = json,
		WL_WHYS(X)
#undef X
	};

	return why < WL_WHYS_MAX ? names[why] : "unknown";
}
