/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Replay equality: watches like `whylate watch`, keeps every response that the kernel side reports,
 * takes snapshots of the flight recorder, reads each back from the disk, replays it, and compares.
 *
 *   replay DIR CAPTURES INTERVAL_MS watch -n NAME --over 1us …
 *
 * Prints "ready", and a line of JSON per capture:
 *   ended     responses that the kernel ended inside the capture
 *   inside    of these: can be expected to come out (explain/replay.h), with losses
 *   compared  of these: were compared; the others are left out, by reason
 *   equal     of these: equal in stimulus, time and every segment
 *   who       of these: also in every name of a culprit
 *   invented  responses of targets that only the replay has; unreported: how many the kernel side
 *             could not report, because we did not read fast enough
 *   records_lost, unreported  since the start
 * and one per response that differs, for people.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/snapshot.h"
#include "capture/tasks_file.h"
#include "cli/setup.h"
#include "explain/joined.h"
#include "explain/replay.h"
#include "live/machine.h"

#define KEPT 400000u /* responses remembered */
#define SHOWN 5      /* differing ones printed in full */

struct found {
	uint32_t tid;
	uint64_t end;
	uint8_t doubt, kind;
	bool target, has_path, matched;
	struct wl_path path;
};

struct test {
	struct wl_setup setup;
	struct wl_slow *slow; /* a ring of KEPT */
	uint64_t nslow;
	struct found *found;
	size_t nfound, room;
	struct wl_task_dump *tasks;
	size_t ntasks, tasks_room;
	unsigned shown;
};

struct tally {
	uint64_t ended, inside, compared, equal, who, before, unknown, lost, missing, invented;
};

static int on_report(void *ctx, struct wl_report *report)
{
	struct test *t = ctx;

	t->slow[t->nslow++ % KEPT] = report->slow;
	return 0;
}

static void poll_all(struct test *t)
{
	while (wl_session_poll(t->setup.session, on_report, t) > 0)
		;
}

static int on_task(void *ctx, const struct wl_task_dump *task)
{
	struct test *t = ctx;

	if (t->ntasks == t->tasks_room) {
		t->tasks_room = t->tasks_room ? t->tasks_room * 2 : 1024;
		t->tasks = realloc(t->tasks, t->tasks_room * sizeof(*t->tasks));
		if (!t->tasks)
			return -ENOMEM;
	}
	t->tasks[t->ntasks++] = *task;
	return 0;
}

static int on_response(void *ctx, const struct wl_replay_response *r)
{
	struct test *t = ctx;
	struct found *f;

	if (t->nfound == t->room) {
		t->room = t->room ? t->room * 2 : 4096;
		t->found = realloc(t->found, t->room * sizeof(*t->found));
		if (!t->found)
			return -ENOMEM;
	}
	f = &t->found[t->nfound++];
	memset(f, 0, sizeof(*f));
	f->tid = r->tid;
	f->end = r->end;
	f->doubt = r->doubt;
	f->kind = r->kind;
	f->target = r->target;
	f->has_path = r->path != NULL;
	if (r->path)
		f->path = *r->path;
	return 0;
}

static int by_task_and_end(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* The first one of that task that ended at this time or after it. */
static struct found *find(struct test *t, uint32_t tid, uint64_t end)
{
	size_t lo = 0, hi = t->nfound;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct found *f = &t->found[mid];

		if (f->tid < tid || (f->tid == tid && f->end < end))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->nfound && t->found[lo].tid == tid ? &t->found[lo] : NULL;
}

static bool same_path(const struct wl_path *a, const struct wl_path *b)
{
	if (a->h.id != b->h.id || a->h.start != b->h.start || a->h.last != b->h.last ||
	    a->h.nseg != b->h.nseg || a->h.stim_kind != b->h.stim_kind ||
	    a->h.stim_nr != b->h.stim_nr || a->h.stim_cpu != b->h.stim_cpu ||
	    a->h.stim_tid != b->h.stim_tid || a->h.merged != b->h.merged)
		return false;
	for (unsigned i = 0; i < a->h.nseg; i++)
		if (a->seg[i].ns != b->seg[i].ns || a->seg[i].kind != b->seg[i].kind ||
		    a->seg[i].cpu != b->seg[i].cpu || a->seg[i].pieces != b->seg[i].pieces)
			return false;
	return true;
}

static bool same_who(const struct wl_path *a, const struct wl_path *b)
{
	for (unsigned i = 0; i < a->h.nseg; i++) {
		const struct wl_who *x = &a->seg[i].who, *y = &b->seg[i].who;

		if (x->ctx != y->ctx || x->tid != y->tid || x->nr != y->nr)
			return false;
	}
	return true;
}

static void print_path(const char *name, const struct wl_path *p)
{
	fprintf(stderr,
		"  %-6s id %" PRIx64 " start %" PRIu64 " ns %" PRIu64 " stim %u/%u of %u on cpu%u:",
		name, (uint64_t)p->h.id, (uint64_t)p->h.start, (uint64_t)(p->h.last - p->h.start),
		p->h.stim_kind, p->h.stim_nr, p->h.stim_tid, p->h.stim_cpu);
	for (unsigned i = 0; i < p->h.nseg; i++)
		fprintf(stderr, " %u@%u=%" PRIu64 "(%u,%u)", p->seg[i].kind, p->seg[i].cpu,
			(uint64_t)p->seg[i].ns, p->seg[i].who.ctx, p->seg[i].who.tid);
	fprintf(stderr, "\n");
}

static void show(struct test *t, const struct wl_slow *s, const struct found *f)
{
	if (t->shown++ >= SHOWN)
		return;
	fprintf(stderr,
		"differs: tid %u end %" PRIu64 " kind %u, replay end %" PRIu64
		" kind %u doubt %u\n",
		s->tid, (uint64_t)s->end, s->end_kind, f->end, f->kind, f->doubt);
	print_path("kernel", &s->path);
	if (f->has_path)
		print_path("replay", &f->path);
}

static void compare(struct test *t, const struct wl_slow *s, uint64_t first, struct tally *n)
{
	struct found *f = find(t, s->tid, s->end);

	/* a turn is ended by the next receive, which may come after the capture */
	if (!f && s->end_kind == WL_END_TURN)
		return;
	n->ended++;
	if (!f) {
		n->missing++;
		return;
	}
	f->matched = true;
	wl_path_join(&f->path);
	if (f->doubt == WL_REPLAY_UNKNOWN) {
		n->unknown++;
		return;
	}
	if (s->path.h.start < first || f->doubt == WL_REPLAY_BEFORE) {
		n->before++;
		return;
	}
	n->inside++;
	if (f->doubt == WL_REPLAY_LOST) {
		n->lost++;
		return;
	}
	n->compared++;
	if (!f->has_path || !same_path(&s->path, &f->path)) {
		show(t, s, f);
		return;
	}
	n->equal++;
	n->who += same_who(&s->path, &f->path);
}

/* A turn is seen by its receive; what it ends, ended at the send before. */
static void compare_all(struct test *t, const struct wl_replay_stats *stats, struct tally *n)
{
	uint64_t oldest = t->nslow > KEPT ? t->nslow - KEPT : 0;

	qsort(t->found, t->nfound, sizeof(*t->found), by_task_and_end);
	for (uint64_t i = oldest; i < t->nslow; i++) {
		const struct wl_slow *s = &t->slow[i % KEPT];

		if (s->end_kind != WL_END_TIMEOUT && s->end >= stats->first &&
		    s->end <= stats->last)
			compare(t, s, stats->first, n);
	}
	for (size_t i = 0; i < t->nfound; i++)
		n->invented += t->found[i].target && !t->found[i].matched &&
			       t->found[i].doubt == WL_REPLAY_SURE &&
			       t->found[i].path.h.last - t->found[i].path.h.start >
				       t->setup.options.config.over_ns;
}

/* Through the file: what is not in the capture can't be known later. */
static int add_tasks(struct wl_replay *r, int dirfd)
{
	struct wl_task_dump *tasks = NULL;
	size_t n = 0;
	char why[256];
	int ret = wl_tasks_load(dirfd, &tasks, &n, why, sizeof(why));

	if (ret)
		fprintf(stderr, "%s\n", why);
	for (size_t i = 0; !ret && i < n; i++)
		ret = wl_replay_add_task(r, &tasks[i]);
	free(tasks);
	return ret;
}

static int replay(struct test *t, const char *dir, int dirfd, struct tally *n,
		  struct wl_replay_stats *stats)
{
	const struct wl_config *config = wl_session_config(t->setup.session);
	struct wl_replay *r = NULL;
	struct wl_trace *trace = NULL;
	char why[256];
	int ret = wl_trace_open(dir, 0, &trace, why, sizeof(why));

	if (ret) {
		fprintf(stderr, "%s: %s\n", dir, why);
		return ret;
	}
	ret = wl_replay_new(&r, &config->chain, config->ncpu);
	if (!ret)
		ret = add_tasks(r, dirfd);
	t->nfound = 0;
	if (!ret)
		ret = wl_replay_run(r, trace, on_response, t);
	for (size_t i = 0; wl_trace_problem(trace, i); i++)
		fprintf(stderr, "problem: %s\n", wl_trace_problem(trace, i));
	if (!ret) {
		*stats = *wl_replay_stats(r);
		compare_all(t, stats, n);
	}
	wl_replay_free(r);
	wl_trace_close(trace);
	return ret;
}

static uint64_t unreported(const struct test *t)
{
	return wl_maps_counter(wl_session_maps(t->setup.session), WL_CNT_SLOW_LOST);
}

static void print_tally(const struct test *t, const struct tally *n,
			const struct wl_replay_stats *stats, uint64_t lost)
{
	printf("{\"ended\":%" PRIu64 ",\"inside\":%" PRIu64 ",\"compared\":%" PRIu64
	       ",\"equal\":%" PRIu64 ",\"who\":%" PRIu64 ",\"before\":%" PRIu64
	       ",\"unknown\":%" PRIu64 ",\"left_out_lost\":%" PRIu64 ",\"missing\":%" PRIu64
	       ",\"invented\":%" PRIu64 ",\"events\":%" PRIu64 ",\"reordered\":%" PRIu64
	       ",\"gaps\":%" PRIu64 ",\"window_ns\":%" PRIu64 ",\"records_lost\":%" PRIu64
	       ",\"unreported\":%" PRIu64 "}\n",
	       n->ended, n->inside, n->compared, n->equal, n->who, n->before, n->unknown, n->lost,
	       n->missing, n->invented, stats->events, stats->reordered, stats->gaps,
	       stats->last - stats->first, lost, unreported(t));
	fflush(stdout);
}

static uint64_t lost_records(const struct wl_rings *rings)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < rings->ncpu; i++)
		sum += rings->ring[i]->head.lost;
	return sum;
}

static void remove_capture(const char *dir)
{
	char path[512];

	for (int cpu = 0; cpu < 1024; cpu++) {
		snprintf(path, sizeof(path), "%s/kernel/cpu_%d", dir, cpu);
		if (unlink(path))
			break;
	}
	snprintf(path, sizeof(path), "%s/kernel/metadata", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/tasks.json", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/kernel", dir);
	rmdir(path);
	rmdir(dir);
}

static int one_capture(struct test *t, struct wl_snapshot *snapshot, const char *dir)
{
	const struct wl_rings *rings = wl_session_rings(t->setup.session);
	struct wl_replay_stats stats = { 0 };
	struct wl_metadata metadata;
	struct tally n = { 0 };
	int fd, ret;

	wl_snapshot_take(snapshot, 0);
	t->ntasks = 0;
	ret = wl_session_dump_tasks(t->setup.session, on_task, t);
	wl_snapshot_finish(snapshot);
	poll_all(t);
	if (!ret)
		ret = wl_metadata_init(&metadata, "capture", wl_machine_real_offset(),
				       wl_session_config(t->setup.session)->syscalls);
	if (ret || mkdir(dir, 0700))
		return ret ? ret : -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = fd < 0 ? -errno : wl_snapshot_write(snapshot, fd, &metadata, NULL);
	if (!ret)
		ret = wl_tasks_save(fd, t->tasks, t->ntasks);
	if (!ret)
		ret = replay(t, dir, fd, &n, &stats);
	if (fd >= 0)
		close(fd);
	if (!getenv("REPLAY_KEEP"))
		remove_capture(dir);
	if (!ret)
		print_tally(t, &n, &stats, lost_records(rings));
	return ret;
}

static void watch_for(struct test *t, uint64_t ns)
{
	uint64_t until = wl_machine_now() + ns;

	while (wl_machine_now() < until) {
		poll_all(t);
		usleep(5000);
	}
}

static int run(struct test *t, const char *dir, int captures, uint64_t interval_ns)
{
	const struct wl_rings *rings = wl_session_rings(t->setup.session);
	struct wl_snapshot *snapshot = NULL;
	int ret = wl_snapshot_open(&snapshot, rings);

	if (!ret)
		ret = wl_session_start(t->setup.session);
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; !ret && i < captures; i++) {
		char name[256];

		snprintf(name, sizeof(name), "%s/capture-%d", dir, i);
		watch_for(t, interval_ns);
		ret = one_capture(t, snapshot, name);
	}
	wl_session_stop(t->setup.session);
	wl_snapshot_close(snapshot);
	return ret;
}

int main(int argc, char **argv)
{
	static struct test t;
	int ret;

	if (argc < 5 || wl_options_parse(&t.setup.options, argc - 4, argv + 4))
		return 2;
	t.setup.options.config.record = 1;
	t.setup.options.config.follow = 1;
	if (!t.setup.options.config.ring_size)
		t.setup.options.config.ring_size = wl_options_default_ring(2);
	setpriority(PRIO_PROCESS, 0, -20); /* every report is to be read */
	t.slow = calloc(KEPT, sizeof(*t.slow));
	ret = t.slow ? wl_setup_open(&t.setup) : 1;
	if (!ret)
		ret = run(&t, argv[1], atoi(argv[2]), strtoull(argv[3], NULL, 10) * 1000000);
	if (ret)
		fprintf(stderr, "replay: %s\n", strerror(ret < 0 ? -ret : ret));
	wl_setup_close(&t.setup);
	free(t.slow);
	free(t.found);
	free(t.tasks);
	return ret ? 1 : 0;
}
