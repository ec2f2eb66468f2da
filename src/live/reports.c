/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/reports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain/joined.h"
#include "explain/cause.h"
#include "explain/quantile.h"
#include "live/machine.h"
#include "live/numbers.h"
#include "util/syscalls.h"

#define CGROUPS_MAX 64

/* A process's cgroup, by the id of its v2 one: thousands of responses a second are of few
 * processes. */
struct cgroup_name {
	uint64_t id;
	uint32_t pid; /* 0: free */
	char *path;   /* NULL: it has none that we could find */
};

struct wl_reports {
	const struct wl_maps *maps;
	struct wl_numbers *numbers;
	bool beside; /* another thread's, that shares numbers with the first */
	uint64_t slow, timeouts;
	int64_t real_offset;
	struct cgroup_name cgroups[CGROUPS_MAX];
	size_t next_cgroup;
};

static int new_reports(struct wl_reports **reports, const struct wl_maps *maps)
{
	*reports = calloc(1, sizeof(**reports));
	if (!*reports)
		return -ENOMEM;
	(*reports)->maps = maps;
	(*reports)->real_offset = wl_machine_real_offset();
	return 0;
}

int wl_reports_new(struct wl_reports **reports, const struct wl_maps *maps)
{
	int ret = new_reports(reports, maps);

	if (ret)
		return ret;
	ret = wl_numbers_new(&(*reports)->numbers);
	if (ret) {
		free(*reports);
		*reports = NULL;
	}
	return ret;
}

int wl_reports_new_beside(struct wl_reports **reports, const struct wl_reports *first)
{
	int ret = new_reports(reports, first->maps);

	if (ret)
		return ret;
	(*reports)->numbers = first->numbers;
	(*reports)->real_offset = first->real_offset;
	(*reports)->beside = true;
	return 0;
}

void wl_reports_free(struct wl_reports *reports)
{
	if (!reports)
		return;
	for (size_t i = 0; i < CGROUPS_MAX; i++)
		free(reports->cgroups[i].path);
	if (!reports->beside)
		wl_numbers_free(reports->numbers);
	free(reports);
}

uint64_t wl_reports_slow(const struct wl_reports *reports)
{
	return reports->slow;
}

uint64_t wl_reports_timeouts(const struct wl_reports *reports)
{
	return reports->timeouts;
}

/* 0: nothing new. */
static uint64_t number_report(struct wl_reports *r, const struct wl_slow *slow)
{
	uint64_t id;

	if (r->beside)
		return wl_numbers_ask(r->numbers, slow);
	id = wl_numbers_give(r->numbers, slow);
	if (slow->reason != WL_REASON_TIMEOUT)
		r->slow++;
	else if (id)
		r->timeouts++;
	return id;
}

/* The open segment of an unfinished chain is charged up to now, so that its sum is exact too. */
static void close_open_segment(struct wl_slow *slow)
{
	struct wl_path *p = &slow->path;
	uint64_t ns = slow->end > p->h.last ? slow->end - p->h.last : 0;
	struct wl_seg *s;

	if (slow->reason != WL_REASON_TIMEOUT || !ns)
		return;
	if (p->h.nseg >= WL_PATH_SEGS) {
		/* a full path: the last two become one, of the kind that goes on */
		s = &p->seg[WL_PATH_SEGS - 1];
	} else {
		s = &p->seg[p->h.nseg++];
		memset(s, 0, sizeof(*s));
	}
	s->ns += ns;
	s->cpu = slow->end_cpu;
	s->kind = p->h.state;
	s->pieces++;
	memset(&s->who, 0, sizeof(s->who));
	p->h.last = slow->end;
}

static void fill_time(const struct wl_reports *r, struct wl_report *report)
{
	int64_t ns = (int64_t)report->slow.end + r->real_offset;

	report->time.sec = ns / 1000000000;
	report->time.nsec = (uint32_t)(ns % 1000000000);
}

static void fill_idle_hint(struct wl_report *report)
{
	const struct wl_slow *s = &report->slow;

	report->idle_hint[0] = '\0';
	if (s->reason != WL_REASON_TIMEOUT || s->end_call < 0 || !report->names.syscall[0])
		return;
	snprintf(report->idle_hint, sizeof(report->idle_hint), "%s:%s%llx", report->names.syscall,
		 s->end_arg > 9 ? "0x" : "", (unsigned long long)s->end_arg);
}

static char *cgroup_of(struct wl_reports *r, const struct wl_slow *slow)
{
	struct cgroup_name *c;

	for (size_t i = 0; i < CGROUPS_MAX; i++) {
		c = &r->cgroups[i];
		if (c->pid == slow->tgid && c->id == slow->cgroup)
			return c->path ? strdup(c->path) : NULL;
	}
	c = &r->cgroups[r->next_cgroup++ % CGROUPS_MAX];
	free(c->path);
	c->pid = slow->tgid;
	c->id = slow->cgroup;
	c->path = wl_machine_cgroup(slow->tgid);
	return c->path ? strdup(c->path) : NULL;
}

static void fill_names(struct wl_reports *r, struct wl_report *report)
{
	const struct wl_slow *s = &report->slow;
	const struct wl_chain *h = &s->path.h;
	const char *call = s->end_call >= 0 ? wl_syscall_name(s->end_call, s->compat) : NULL;

	wl_machine_stimulus(h->stim_kind, h->stim_nr, h->stim_tid, report->names.stimulus,
			    sizeof(report->names.stimulus));
	snprintf(report->names.syscall, sizeof(report->names.syscall), "%s", call ? call : "");
	report->names.cgroup = cgroup_of(r, s);
}

/* An item that no task carries: who it was. */
static void fill_target(struct wl_slow *slow)
{
	struct wl_who thread = { .ctx = WL_WHO_TASK, .tid = slow->tid };
	struct wl_who process = { .ctx = WL_WHO_TASK, .tid = slow->tgid };

	if (slow->comm[0] || slow->process[0])
		return;
	wl_machine_who(&thread);
	wl_machine_who(&process);
	memcpy(slow->comm, thread.comm, sizeof(slow->comm));
	memcpy(slow->process, process.comm, sizeof(slow->process));
}

bool wl_reports_make(struct wl_reports *r, const struct wl_slow *slow, struct wl_report *report)
{
	struct wl_agg total;

	memset(report, 0, sizeof(*report));
	report->id = number_report(r, slow);
	if (!report->id)
		return false;
	memcpy(&report->slow, slow, slow->nstack ? sizeof(*slow) : WL_SLOW_SHORT);
	fill_target(&report->slow);
	close_open_segment(&report->slow);
	wl_path_join(&report->slow.path);
	for (uint32_t i = 0; i < report->slow.path.h.nseg && i < WL_PATH_SEGS; i++)
		wl_machine_who(&report->slow.path.seg[i].who);
	fill_time(r, report);
	fill_names(r, report);
	fill_idle_hint(report);
	wl_maps_total(r->maps, slow->agg < WL_AGGS ? slow->agg : 0, &total);
	wl_agg_typical(&total, &report->typical);
	if (slow->nstack && slow->nstack <= WL_STACK_DEPTH)
		report->stack = wl_machine_symbols(slow->stack, slow->nstack);
	wl_cause_find(report);
	return true;
}

void wl_report_release(struct wl_report *report)
{
	free(report->names.cgroup);
	free(report->stack);
	memset(report, 0, sizeof(*report));
}
