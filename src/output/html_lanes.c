/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The timeline as lanes: what CPUs ran, what lay on top of it, and what threads did. A lane is an
 * array of integers, three for a stretch: time since the end of the one before (since the begin of
 * the window), duration, both in WL_HTML_UNIT, and what it is, a number of a list. Of stretches
 * that were merged it is -1 minus that of the largest, and two more follow: how many they are, and
 * in how many thousandths of the time something ran.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/html_data.h"

#define CPUS_MAX 16
#define THREADS_MAX 20
#define LEAST_RUN 500   /* a lane's task ran at least 1/500 of the window, */
#define INSIDE 100      /* and in the response that is worth more than elsewhere */
#define FRAME_DEPTHS 4  /* frames on top of each other that are shown */
#define GROUP_CLASSES 8 /* told apart in a group */

struct lanes {
	struct wl_json *json;
	struct wl_html_names *names;
	const struct wl_timeline *tl;
	const struct wl_html_detail *detail;
	uint64_t begin, end;             /* the window */
	uint64_t inside_from, inside_to; /* the response */
	uint64_t merged;                 /* stretches, so far */
};

/* What a lane is made of. A class is what is summed up to find the largest of a group. */
struct lane_ops {
	uint32_t (*class)(const void *item);
	uint32_t (*key)(struct lanes *l, const void *item);
	bool (*busy)(const void *item);
};

struct stretch {
	uint64_t from, to;
	const void *item;
};

struct group {
	uint64_t from, to, busy;
	uint32_t count, nclasses;
	struct group_class {
		uint64_t ns, longest;
		uint32_t class;
		const void *item; /* the longest */
	} classes[GROUP_CLASSES];
};

struct lane {
	struct lanes *l;
	const struct lane_ops *ops;
	uint64_t at; /* end of what is written, in units */
	struct group group;
};

static uint64_t units(const struct lanes *l, uint64_t at)
{
	return (at - l->begin) / WL_HTML_UNIT;
}

static void put_times(struct lane *lane, uint64_t from, uint64_t to)
{
	uint64_t a = units(lane->l, from), b = units(lane->l, to);

	if (a < lane->at)
		a = lane->at;
	if (b < a)
		b = a;
	wl_json_u64(lane->l->json, NULL, a - lane->at);
	wl_json_u64(lane->l->json, NULL, b - a);
	lane->at = b;
}

static void put_stretch(struct lane *lane, const struct stretch *s)
{
	put_times(lane, s->from, s->to);
	wl_json_u64(lane->l->json, NULL, lane->ops->key(lane->l, s->item));
}

/* What something waited for says more than that it ran: that is told as a share. */
static const struct group_class *largest(const struct lane *lane, const struct group *g)
{
	const struct group_class *best = NULL;

	for (uint32_t i = 0; i < g->nclasses; i++) {
		const struct group_class *c = &g->classes[i];
		bool busy = lane->ops->busy(c->item);
		bool best_busy = best && lane->ops->busy(best->item);

		if (!best || (best_busy && !busy) || (best_busy == busy && c->ns > best->ns))
			best = c;
	}
	return best;
}

static void put_group(struct lane *lane)
{
	struct group *g = &lane->group;
	struct wl_json *json = lane->l->json;
	uint64_t span = g->to - g->from;

	if (!g->count)
		return;
	put_times(lane, g->from, g->to);
	if (g->count == 1) {
		wl_json_u64(json, NULL, lane->ops->key(lane->l, g->classes[0].item));
	} else {
		wl_json_i64(json, NULL,
			    -1 - (int64_t)lane->ops->key(lane->l, largest(lane, g)->item));
		wl_json_u64(json, NULL, g->count);
		wl_json_u64(json, NULL, span ? g->busy * 1000 / span : 0);
		lane->l->merged += g->count;
	}
	g->count = g->nclasses = 0;
}

static void group_add_class(struct group *g, uint32_t class, const struct stretch *s)
{
	uint64_t ns = s->to - s->from;
	struct group_class *c;
	uint32_t i = 0;

	while (i < g->nclasses && g->classes[i].class != class)
		i++;
	if (i == GROUP_CLASSES)
		return;
	c = &g->classes[i];
	if (i == g->nclasses) {
		*c = (struct group_class){ .class = class, .item = s->item };
		g->nclasses++;
	}
	c->ns += ns;
	if (ns > c->longest) {
		c->longest = ns;
		c->item = s->item;
	}
}

static void group_add(struct lane *lane, const struct stretch *s)
{
	struct group *g = &lane->group;

	if (!g->count) {
		g->from = s->from;
		g->busy = 0;
	}
	g->to = s->to;
	g->count++;
	if (lane->ops->busy(s->item))
		g->busy += s->to - s->from;
	group_add_class(g, lane->ops->class(s->item), s);
}

/* In the order of time. What is short waits for others to be merged with. */
static void lane_add(struct lane *lane, uint64_t from, uint64_t to, const void *item)
{
	const struct lanes *l = lane->l;
	struct stretch s = { .from = from, .to = to < l->end ? to : l->end, .item = item };
	bool inside;
	uint64_t least;

	if (s.from < l->begin)
		s.from = l->begin;
	if (s.from >= s.to)
		return;
	inside = s.to > l->inside_from && s.from < l->inside_to;
	least = inside ? l->detail->inside : l->detail->outside;
	if (s.to - s.from >= least) {
		put_group(lane);
		put_stretch(lane, &s);
		return;
	}
	if (lane->group.count && (s.to - lane->group.from > least ||
				  (lane->group.to > l->inside_from) != (s.to > l->inside_from)))
		put_group(lane);
	group_add(lane, &s);
}

/* ---- what lanes are made of ---- */

static bool always_busy(const void *item)
{
	return true;
}

static uint32_t run_class(const void *item)
{
	return ((const struct wl_tl_run *)item)->task;
}

static uint32_t run_key(struct lanes *l, const void *item)
{
	return wl_html_task(l->names, ((const struct wl_tl_run *)item)->task);
}

static const struct lane_ops run_ops = { run_class, run_key, always_busy };

static void put_runs(struct lanes *l, const struct wl_tl_cpu *cpu)
{
	struct lane lane = { .l = l, .ops = &run_ops };

	wl_json_array(l->json, "runs");
	for (size_t i = 0; i < cpu->nruns; i++)
		if (cpu->runs[i].task < l->tl->ntasks)
			lane_add(&lane, cpu->runs[i].from, cpu->runs[i].to, &cpu->runs[i]);
	put_group(&lane);
	wl_json_array_end(l->json);
}

static uint32_t frame_class(const void *item)
{
	const struct wl_tl_frame *frame = item;

	return (uint32_t)frame->ctx << 16 | frame->nr;
}

static uint32_t frame_key(struct lanes *l, const void *item)
{
	const struct wl_tl_frame *frame = item;
	struct wl_who who = { .ctx = frame->ctx, .nr = frame->nr };

	return wl_html_who(l->names, &who);
}

static const struct lane_ops frame_ops = { frame_class, frame_key, always_busy };

static bool has_frames(const struct wl_tl_cpu *cpu, unsigned int depth)
{
	for (size_t i = 0; i < cpu->nframes; i++)
		if (cpu->frames[i].depth == depth)
			return true;
	return false;
}

/* Frames of one depth do not overlap: a lane each. */
static void put_frames(struct lanes *l, const struct wl_tl_cpu *cpu)
{
	wl_json_array(l->json, "frames");
	for (unsigned int depth = 0; depth < FRAME_DEPTHS && has_frames(cpu, depth); depth++) {
		struct lane lane = { .l = l, .ops = &frame_ops };

		wl_json_array(l->json, NULL);
		for (size_t i = 0; i < cpu->nframes; i++)
			if (cpu->frames[i].depth == depth && cpu->frames[i].ctx > WL_WHO_NONE &&
			    cpu->frames[i].ctx < WL_WHO_MAX)
				lane_add(&lane, cpu->frames[i].from, cpu->frames[i].to,
					 &cpu->frames[i]);
		put_group(&lane);
		wl_json_array_end(l->json);
	}
	wl_json_array_end(l->json);
}

static uint32_t state_class(const void *item)
{
	return ((const struct wl_tl_state *)item)->kind;
}

static bool state_busy(const void *item)
{
	return ((const struct wl_tl_state *)item)->kind == WL_SEG_RUNNING;
}

static uint32_t state_key(struct lanes *l, const void *item)
{
	const struct wl_tl_state *state = item;
	struct wl_html_look look = {
		.kind = state->kind,
		.cpu = state->cpu,
		.call = wl_html_call(l->names, state->call),
		.who = state->blocked ? wl_html_who(l->names, &state->by) : WL_HTML_NONE,
	};

	return wl_html_table_add(&l->names->looks, &look);
}

static const struct lane_ops state_ops = { state_class, state_key, state_busy };

static void put_states(struct lanes *l, const struct wl_tl_task *task)
{
	struct lane lane = { .l = l, .ops = &state_ops };

	wl_json_array(l->json, "states");
	for (size_t i = 0; i < task->n; i++) {
		const struct wl_tl_state *s = &task->states[i];

		lane_add(&lane, s->from, s->open ? l->end : s->to, s);
	}
	put_group(&lane);
	wl_json_array_end(l->json);
}

/* ---- which lanes ---- */

struct choice {
	uint64_t score; /* what its runs are worth; on the path: UINT64_MAX minus its place there */
	uint32_t index;
};

static int by_score(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int by_index(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static struct choice *choices_new(size_t n)
{
	struct choice *choices = calloc(n ? n : 1, sizeof(*choices));

	for (size_t i = 0; choices && i < n; i++)
		choices[i].index = (uint32_t)i;
	return choices;
}

static void choose_path(struct choice *choices, size_t n, size_t index, size_t place)
{
	if (index < n && choices[index].score <= UINT64_MAX - UINT32_MAX)
		choices[index].score = UINT64_MAX - place;
}

/* On the way to the cause before the rest of the path. */
static size_t node_place(const struct wl_explained *x, size_t node)
{
	return x->nodes[node].flags & (WL_NODE_F_CAUSE | WL_NODE_F_ROOT) ? 1 + node
									 : UINT16_MAX + node;
}

static void score_nodes_tasks(const struct lanes *l, struct choice *tasks, bool cause)
{
	const struct wl_explained *x = l->names->x;

	for (size_t i = 0; i < x->nnodes; i++) {
		const struct wl_node *n = &x->nodes[i];

		if ((node_place(x, i) < UINT16_MAX) != cause)
			continue;
		choose_path(tasks, l->tl->ntasks, n->task, node_place(x, i));
		if (n->who.ctx == WL_WHO_TASK)
			choose_path(tasks, l->tl->ntasks, wl_timeline_task(l->tl, n->who.tid),
				    node_place(x, i));
	}
}

static uint64_t run_worth(const struct lanes *l, const struct wl_tl_run *run)
{
	uint64_t from = run->from > l->inside_from ? run->from : l->inside_from;
	uint64_t to = run->to < l->inside_to ? run->to : l->inside_to;

	return run->to - run->from + (to > from ? INSIDE * (to - from) : 0);
}

static struct choice *score_tasks(const struct lanes *l)
{
	struct choice *tasks = choices_new(l->tl->ntasks);

	if (!tasks)
		return NULL;
	for (size_t i = 0; i < l->tl->ncpus; i++)
		for (size_t j = 0; j < l->tl->cpus[i].nruns; j++) {
			const struct wl_tl_run *run = &l->tl->cpus[i].runs[j];

			if (run->task < l->tl->ntasks)
				tasks[run->task].score += run_worth(l, run);
		}
	choose_path(tasks, l->tl->ntasks, wl_timeline_task(l->tl, l->names->x->report.slow.tid), 0);
	score_nodes_tasks(l, tasks, true);
	score_nodes_tasks(l, tasks, false);
	return tasks;
}

static uint64_t cpu_busy(const struct wl_tl_cpu *cpu)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < cpu->nruns; i++)
		if (cpu->runs[i].task != WL_NOBODY)
			ns += cpu->runs[i].to - cpu->runs[i].from;
	return ns;
}

static struct choice *score_cpus(const struct lanes *l)
{
	const struct wl_explained *x = l->names->x;
	struct choice *cpus = choices_new(l->tl->ncpus);

	for (size_t i = 0; cpus && i < l->tl->ncpus; i++) {
		cpus[i].score = cpu_busy(&l->tl->cpus[i]);
		for (size_t j = 1; j < x->nnodes; j++)
			if (x->nodes[j].cpu == l->tl->cpus[i].cpu)
				choose_path(cpus, l->tl->ncpus, i, node_place(x, j));
	}
	return cpus;
}

/* ---- the member ---- */

static void put_cpu(struct lanes *l, const struct wl_tl_cpu *cpu)
{
	wl_json_object(l->json, NULL);
	wl_json_u64(l->json, "cpu", cpu->cpu);
	wl_json_u64(l->json, "begin", cpu->begin > l->begin ? units(l, cpu->begin) : 0);
	put_runs(l, cpu);
	put_frames(l, cpu);
	wl_json_object_end(l->json);
}

static int put_cpus(struct lanes *l)
{
	size_t n = l->tl->ncpus < CPUS_MAX ? l->tl->ncpus : CPUS_MAX;
	struct choice *cpus = score_cpus(l);

	wl_json_array(l->json, "cpus");
	if (cpus) {
		qsort(cpus, l->tl->ncpus, sizeof(*cpus), by_score);
		qsort(cpus, n, sizeof(*cpus), by_index);
		for (size_t i = 0; i < n; i++)
			put_cpu(l, &l->tl->cpus[cpus[i].index]);
	}
	wl_json_array_end(l->json);
	wl_json_u64(l->json, "cpus_left_out", l->tl->ncpus - n);
	free(cpus);
	return cpus ? 0 : -ENOMEM;
}

static void put_thread(struct lanes *l, const struct choice *choice)
{
	const struct wl_tl_task *task = &l->tl->tasks[choice->index];

	wl_json_object(l->json, NULL);
	wl_json_u64(l->json, "task", wl_html_task(l->names, choice->index));
	wl_json_bool(l->json, "path", choice->score > UINT64_MAX - UINT32_MAX);
	put_states(l, task);
	wl_json_object_end(l->json);
}

static int put_threads(struct lanes *l)
{
	struct choice *tasks = score_tasks(l);
	uint64_t least = (l->end - l->begin) / LEAST_RUN;
	size_t n = 0, ran = 0;

	wl_json_array(l->json, "threads");
	if (tasks) {
		qsort(tasks, l->tl->ntasks, sizeof(*tasks), by_score);
		while (n < l->tl->ntasks && n < THREADS_MAX && tasks[n].score > least)
			put_thread(l, &tasks[n++]);
		for (ran = n; ran < l->tl->ntasks && tasks[ran].score;)
			ran++;
	}
	wl_json_array_end(l->json);
	wl_json_u64(l->json, "threads_left_out", ran - n);
	free(tasks);
	return tasks ? 0 : -ENOMEM;
}

static int put_timeline(struct lanes *l)
{
	uint64_t start = l->names->x->report.slow.path.h.start;
	int error;

	wl_json_object(l->json, "timeline");
	wl_json_i64(l->json, "begin", (int64_t)(l->begin - start));
	wl_json_i64(l->json, "end", (int64_t)(l->end - start));
	wl_json_u64(l->json, "unit", WL_HTML_UNIT);
	wl_json_u64(l->json, "lost", l->tl->lost);
	wl_json_u64(l->json, "inside", l->detail->inside);
	wl_json_u64(l->json, "outside", l->detail->outside);
	error = put_cpus(l);
	if (!error)
		error = put_threads(l);
	wl_json_u64(l->json, "merged", l->merged);
	wl_json_object_end(l->json);
	return error;
}

int wl_html_lanes(struct wl_json *json, struct wl_html_names *names,
		  const struct wl_html_detail *detail)
{
	const struct wl_chain *h = &names->x->report.slow.path.h;
	struct lanes l = {
		.json = json,
		.names = names,
		.tl = names->x->timeline,
		.detail = detail,
		.inside_from = h->start,
		.inside_to = h->last,
	};

	if (!l.tl) {
		wl_json_null(json, "timeline");
		return 0;
	}
	wl_html_window(names->x, &l.begin, &l.end);
	return put_timeline(&l);
}
