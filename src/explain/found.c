/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "explain/cause.h"
#include "explain/critical.h"
#include "explain/replay.h"
#include "util/grow.h"

#define KNOWN_FROM 100  /* responses, for a typical one */
#define SUMS_MAX 200000 /* remembered */

/* What one response was made of. */
struct sum {
	uint32_t tid;
	uint64_t ns;
	uint64_t budget[WL_SEG_MAX];
};

struct search {
	const struct wl_found_options *options;
	struct wl_explained *x;
	bool found;
	uint8_t doubt; /* of the one found */
	struct sum *sums;
	size_t n, room;
};

static uint64_t length(const struct wl_path *p)
{
	return p->h.last - p->h.start;
}

static int add_sum(struct search *s, uint32_t tid, const struct wl_path *p)
{
	if (s->n == SUMS_MAX)
		return 0;
	if (wl_grow(&s->sums, s->n, &s->room, sizeof(*s->sums)))
		return -ENOMEM;
	s->sums[s->n].tid = tid;
	s->sums[s->n].ns = length(p);
	wl_path_budget(p, s->sums[s->n++].budget);
	return 0;
}

static bool is_better(const struct search *s, const struct wl_replay_response *r)
{
	const struct wl_path *best = &s->x->report.slow.path;

	if (s->options->at)
		return r->end >= s->options->at && !s->found;
	return !s->found || length(r->path) > length(best);
}

static void take(struct search *s, const struct wl_replay_response *r)
{
	struct wl_slow *slow = &s->x->report.slow;

	s->found = true;
	s->doubt = r->doubt;
	memset(slow, 0, sizeof(*slow));
	slow->path = *r->path;
	if (r->work)
		slow->work = *r->work;
	slow->end = r->end;
	slow->end_call = -2;
	slow->tid = r->tid;
	slow->tgid = r->tgid;
	slow->end_cpu = (uint16_t)r->cpu;
	slow->end_kind = r->kind;
	memcpy(slow->comm, r->comm, sizeof(slow->comm));
	memcpy(slow->process, r->comm, sizeof(slow->process));
}

static int on_response(void *ctx, const struct wl_replay_response *r)
{
	struct search *s = ctx;
	bool asked = s->options->tid ? r->tid == s->options->tid : r->target;
	int ret;

	if (!r->path || !asked || r->doubt == WL_REPLAY_BEFORE)
		return 0;
	ret = add_sum(s, r->tid, r->path);
	if (!ret && is_better(s, r))
		take(s, r);
	return ret;
}

static int by_length(const void *a, const void *b)
{
	uint64_t x = ((const struct sum *)a)->ns, y = ((const struct sum *)b)->ns;

	return x < y ? -1 : x > y;
}

/* The mean of the middle half, as the kernel side has it. */
static void find_typical(struct search *s)
{
	struct wl_typical *t = &s->x->report.typical;
	size_t n = 0, from, to;

	for (size_t i = 0; i < s->n; i++)
		if (s->sums[i].tid == s->x->report.slow.tid)
			s->sums[n++] = s->sums[i];
	t->count = n;
	t->known = n >= KNOWN_FROM;
	if (!t->known)
		return;
	qsort(s->sums, n, sizeof(*s->sums), by_length);
	from = n / 4;
	to = n - n / 4;
	for (size_t i = from; i < to; i++) {
		t->ns += s->sums[i].ns;
		for (unsigned k = 0; k < WL_SEG_MAX; k++)
			t->budget[k] += s->sums[i].budget[k];
	}
	t->ns /= to - from;
	for (unsigned k = 0; k < WL_SEG_MAX; k++)
		t->budget[k] /= to - from;
}

static void say_missing(struct search *s, const struct wl_replay *r)
{
	const char *texts[WL_CAVEATS];
	size_t n = wl_replay_missing(r, texts, WL_CAVEATS);

	for (size_t i = 0; i < n; i++)
		wl_explained_caveat(s->x, WL_LIKELY, "%s", texts[i]);
}

static int replay(struct search *s, struct wl_trace *trace)
{
	const struct wl_found_options *o = s->options;
	struct wl_replay *r = NULL;
	int ret = wl_replay_new(&r, o->config, o->ncpu);

	for (size_t i = 0; i < o->ntasks && !ret; i++)
		ret = wl_replay_add_task(r, &o->tasks[i]);
	if (!ret && o->unfollowed)
		wl_replay_unfollowed(r);
	if (!ret)
		ret = wl_replay_run(r, trace, on_response, s);
	if (!ret)
		say_missing(s, r);
	wl_replay_free(r);
	return ret;
}

int wl_found_search(struct wl_explained *x, struct wl_trace *trace,
		    const struct wl_found_options *options)
{
	struct search s = { .options = options, .x = x };
	int ret = replay(&s, trace);

	if (!ret && !s.found)
		ret = -ESRCH;
	if (!ret) {
		find_typical(&s);
		x->report.id = 1;
		if (s.doubt == WL_REPLAY_LOST)
			wl_explained_caveat(x, WL_GUESS, "events were lost while it went on");
		else if (s.doubt)
			wl_explained_caveat(x, WL_LIKELY,
					    "the trace does not tell all that led to it");
	}
	free(s.sums);
	return ret;
}
