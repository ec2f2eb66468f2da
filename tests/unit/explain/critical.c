/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Critical path and root cause of responses in windows made by hand. */
#include "explain/critical.h"

#include <stdlib.h>
#include <string.h>

#include "explain/cause.h"
#include "explain/explain.h"
#include "explain/history.h"
#include "explain/root.h"
#include "test.h"

#define US 1000ull
#define MS 1000000ull
#define FIFO 1

enum { TARGET, HOLDER, HOG, DISK_WORKER, TASKS };

/* Grows a list by one. */
#define ADD(owner, list, count)                                                                    \
	(*({                                                                                       \
		(owner)->list =                                                                    \
			realloc((owner)->list, ((owner)->count + 1) * sizeof(*(owner)->list));     \
		assert_non_null((owner)->list);                                                    \
		memset(&(owner)->list[(owner)->count], 0, sizeof(*(owner)->list));                 \
		&(owner)->list[(owner)->count++];                                                  \
	}))

static void add_task(struct wl_timeline *tl, uint32_t tid, const char *comm, uint8_t policy)
{
	struct wl_tl_task *t = &ADD(tl, tasks, ntasks);

	t->tid = tid;
	t->tgid = tid;
	t->policy = policy;
	t->prio = policy ? -51 : 20;
	strncpy(t->comm, comm, sizeof(t->comm) - 1);
}

static struct wl_explained *make(void)
{
	struct wl_explained *x = calloc(1, sizeof(*x));

	assert_non_null(x);
	x->timeline = calloc(1, sizeof(*x->timeline));
	assert_non_null(x->timeline);
	for (uint32_t cpu = 0; cpu < 2; cpu++)
		ADD(x->timeline, cpus, ncpus).cpu = cpu;
	add_task(x->timeline, 100, "target", 0);
	add_task(x->timeline, 200, "holder", 0);
	add_task(x->timeline, 300, "hog", FIFO);
	add_task(x->timeline, 400, "jbd2/vda1", 0);
	x->timeline->tasks[DISK_WORKER].kthread = true;
	x->timeline->begin = 1;
	x->timeline->end = 1000 * MS;
	x->report.typical.known = true;
	x->report.typical.count = 1000;
	x->report.slow.tid = 100;
	x->report.slow.tgid = 100;
	return x;
}

static struct wl_tl_state *state(struct wl_explained *x, unsigned task, unsigned kind,
				 uint64_t from, uint64_t to, unsigned cpu)
{
	struct wl_tl_task *t = &x->timeline->tasks[task];
	struct wl_tl_state *s = &ADD(t, states, n);

	s->from = from;
	s->to = to;
	s->kind = (uint8_t)kind;
	s->cpu = (uint16_t)cpu;
	s->call = -2;
	return s;
}

static void blocked(struct wl_explained *x, unsigned task, unsigned kind, uint64_t from,
		    uint64_t to, int by)
{
	struct wl_tl_state *s = state(x, task, kind, from, to, 0);

	s->blocked = true;
	if (by < 0)
		return;
	s->by.ctx = WL_WHO_TASK;
	s->by.tid = x->timeline->tasks[by].tid;
	memcpy(s->by.comm, x->timeline->tasks[by].comm, sizeof(s->by.comm));
}

static void run(struct wl_explained *x, unsigned cpu, uint32_t task, uint64_t from, uint64_t to)
{
	struct wl_tl_run *r = &ADD(&x->timeline->cpus[cpu], runs, nruns);

	r->from = from;
	r->to = to;
	r->task = task;
	if (task == WL_NOBODY)
		return;
	r->policy = x->timeline->tasks[task].policy;
	r->prio = x->timeline->tasks[task].prio;
}

static void frame(struct wl_explained *x, unsigned cpu, unsigned ctx, unsigned nr, uint64_t from,
		  uint64_t to, unsigned depth)
{
	struct wl_tl_frame *f = &ADD(&x->timeline->cpus[cpu], frames, nframes);

	f->from = from;
	f->to = to;
	f->ctx = (uint8_t)ctx;
	f->nr = (uint16_t)nr;
	f->depth = (uint8_t)depth;
	f->task = WL_NOBODY;
}

/* The response as it was measured: began by a wake-up. */
static void seg(struct wl_explained *x, unsigned kind, uint64_t ns)
{
	struct wl_path *p = &x->report.slow.path;
	struct wl_seg *s = &p->seg[p->h.nseg++];

	s->kind = (uint8_t)kind;
	s->ns = ns;
	s->pieces = 1;
	p->h.last += ns;
}

static void begin(struct wl_explained *x, uint64_t at)
{
	x->report.slow.path.h.stim_kind = WL_STIM_WAKEUP;
	x->report.slow.path.h.start = at;
	x->report.slow.path.h.last = at;
}

static void build(struct wl_explained *x)
{
	x->report.slow.end = x->report.slow.path.h.last;
	wl_cause_find(&x->report);
	assert_int_equal(wl_critical_build(x, NULL), 0);
	wl_root_find(x);
}

/* Children of the root follow each other without a gap, and are the whole response. */
static void check_whole(const struct wl_explained *x)
{
	uint64_t at = x->nodes[0].from;

	for (uint32_t i = x->nodes[0].first; i != WL_NODE_NONE; i = x->nodes[i].next) {
		assert_int_equal(x->nodes[i].from, at);
		at = x->nodes[i].to;
	}
	assert_int_equal(at, x->nodes[0].to);
}

static void expect(struct wl_explained *x, enum wl_why why, uint32_t root, uint32_t via,
		   uint64_t ns, const char *text)
{
	check_whole(x);
	if (x->why != why || !strstr(x->report.cause.text, text))
		fail_msg("%s: %s", wl_why_name(x->why), x->report.cause.text);
	assert_int_equal(x->root.tid, root);
	assert_int_equal(x->via.tid, via);
	assert_in_range(x->root_ns, ns - 1, ns);
	assert_int_equal(x->ncaveats, 0);
	wl_explained_free(x);
}

/* Woken at 10 ms on cpu1, which the hog holds until 30 ms. */
static void test_held_by_realtime(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 20 * MS);
	seg(x, WL_SEG_RUNNING, 50 * US);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 30 * MS, 1);
	state(x, TARGET, WL_SEG_RUNNING, 30 * MS, 30 * MS + 50 * US, 1);
	run(x, 1, HOG, 5 * MS, 30 * MS);
	run(x, 1, TARGET, 30 * MS, 30 * MS + 50 * US);
	build(x);
	expect(x, WL_WHY_CPU_RT, 300, 0, 20 * MS, "for cpu1, held by hog/300 (SCHED_FIFO 50)");
}

/* Several in turns: each is told with its time. */
static void test_held_by_several(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 20 * MS);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 30 * MS, 1);
	for (unsigned i = 0; i < 50; i++) /* so many that they are folded */
		run(x, 1, i & 1 ? HOLDER : DISK_WORKER, (10 * MS) + i * 400 * US,
		    10 * MS + (i + 1) * 400 * US - (i & 1 ? 0 : 100 * US));
	build(x);
	assert_true(x->nnodes < 30);
	assert_non_null(strstr(x->report.cause.text, "jbd2/vda1/400"));
	expect(x, WL_WHY_CPU_NORMAL, 200, 0, 10 * MS, "holder/200 (nice 0) for 10.0ms");
}

/* The holder of the lock wants cpu1, too: priority inversion. */
static void inversion(struct wl_explained *x, unsigned kind)
{
	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 100 * US);
	seg(x, WL_SEG_RUNNING, 100 * US);
	seg(x, kind, 20 * MS);
	seg(x, WL_SEG_WAKEUP, 50 * US);
	seg(x, WL_SEG_RUNNING, 50 * US);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 10 * MS + 100 * US, 0);
	state(x, TARGET, WL_SEG_RUNNING, 10 * MS + 100 * US, 10 * MS + 200 * US, 0);
	blocked(x, TARGET, kind, 10 * MS + 200 * US, 30 * MS + 200 * US, HOLDER);
	state(x, TARGET, WL_SEG_WAKEUP, 30 * MS + 200 * US, 30 * MS + 250 * US, 0);
	state(x, TARGET, WL_SEG_RUNNING, 30 * MS + 250 * US, 30 * MS + 300 * US, 0);
	state(x, HOLDER, WL_SEG_RUNNING, 9 * MS, 12 * MS, 1);
	state(x, HOLDER, WL_SEG_PREEMPTED, 12 * MS, 29 * MS, 1);
	state(x, HOLDER, WL_SEG_RUNNING, 29 * MS, 31 * MS, 1);
	run(x, 1, HOLDER, 9 * MS, 12 * MS);
	run(x, 1, HOG, 12 * MS, 29 * MS);
	run(x, 1, HOLDER, 29 * MS, 31 * MS);
	build(x);
}

static void test_inversion(void **unused)
{
	struct wl_explained *x = make();

	inversion(x, WL_SEG_LOCK);
	expect(x, WL_WHY_LOCK_WAITING, 300, 200, 17 * MS,
	       "held by holder/200, which waited for cpu1, held for 17.0ms by hog/300");
}

static void test_answer(void **unused)
{
	struct wl_explained *x = make();

	inversion(x, WL_SEG_TASK);
	expect(x, WL_WHY_ANSWER, 300, 200, 17 * MS, "for the answer of holder/200, which");
}

static void test_lock_busy(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 100 * US);
	seg(x, WL_SEG_LOCK, 20 * MS);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 10 * MS + 100 * US, 0);
	blocked(x, TARGET, WL_SEG_LOCK, 10 * MS + 100 * US, 30 * MS + 100 * US, HOLDER);
	state(x, HOLDER, WL_SEG_RUNNING, 9 * MS, 31 * MS, 1);
	build(x);
	expect(x, WL_WHY_LOCK_BUSY, 200, 0, 20 * MS, "held by holder/200, which ran 20.0ms");
}

/* fsync: a journal thread answers, and had been waiting for the disk. */
static void test_disk_behind_a_kernel_thread(void **unused)
{
	struct wl_explained *x = make();
	struct wl_tl_request *r;
	struct wl_tl_state *s;

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 100 * US);
	seg(x, WL_SEG_IO, 20 * MS);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 10 * MS + 100 * US, 0);
	blocked(x, TARGET, WL_SEG_IO, 10 * MS + 100 * US, 30 * MS + 100 * US, DISK_WORKER);
	blocked(x, DISK_WORKER, WL_SEG_TASK, 1 * MS, 10 * MS + 100 * US, TARGET);
	state(x, DISK_WORKER, WL_SEG_RUNNING, 10 * MS + 100 * US, 11 * MS, 1);
	blocked(x, DISK_WORKER, WL_SEG_IO, 11 * MS, 30 * MS, -1);
	s = &x->timeline->tasks[DISK_WORKER].states[2];
	s->by.ctx = WL_WHO_SOFTIRQ;
	s->by.nr = WL_SOFTIRQ_BLOCK;
	state(x, DISK_WORKER, WL_SEG_RUNNING, 30 * MS, 31 * MS, 1);
	for (unsigned i = 0; i < 3; i++) {
		r = &ADD(x->timeline, requests, nrequests);
		r->queued = 11 * MS - (2 - i) * 100 * US;
		r->done = 29 * MS + i * 300 * US;
		r->dev = 254u << 20;
		r->nsectors = 16;
		r->task = i == 2 ? DISK_WORKER : HOG;
		r->write = true;
	}
	build(x);
	expect(x, WL_WHY_DISK, 400, 0, 19 * MS,
	       ": a write of 8 KiB on device 254:0 took 18.6ms, 2 before it in the queue");
}

static void test_interrupted(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 100 * US);
	seg(x, WL_SEG_RUNNING, 1 * MS);
	seg(x, WL_SEG_INTERRUPTED, 9 * MS);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 10 * MS + 100 * US, 0);
	state(x, TARGET, WL_SEG_RUNNING, 10 * MS + 100 * US, 20 * MS + 100 * US, 0);
	frame(x, 0, WL_WHO_IRQ, 36, 11 * MS, 19 * MS, 0);
	frame(x, 0, WL_WHO_SOFTIRQ, 3, 12 * MS, 13 * MS, 1);
	frame(x, 0, WL_WHO_SOFTIRQ, 3, 19 * MS, 20 * MS, 0);
	build(x);
	expect(x, WL_WHY_IRQ, 0, 0, 8 * MS, "for 8.00ms of it by interrupt 36");
}

/* They wait for each other in turns; each wait lies inside of the one that asks for it. */
static void test_mutual_waits_end(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 100 * US);
	seg(x, WL_SEG_TASK, 90 * MS - 100 * US);
	blocked(x, TARGET, WL_SEG_TIMER, 1 * MS, 10 * MS, -1);
	state(x, TARGET, WL_SEG_WAKEUP, 10 * MS, 10 * MS + 100 * US, 0);
	blocked(x, TARGET, WL_SEG_TASK, 10 * MS + 100 * US, 100 * MS, HOLDER);
	blocked(x, HOLDER, WL_SEG_TASK, 5 * MS, 99 * MS, TARGET);
	state(x, HOLDER, WL_SEG_RUNNING, 99 * MS, 101 * MS, 1);
	build(x);
	check_whole(x);
	assert_true(x->nnodes < 100);
	wl_explained_free(x);
}

/* The trace does not have the target: what was measured is told, and that it is less. */
static void test_without_the_target(void **unused)
{
	struct wl_explained *x = make();

	begin(x, 10 * MS);
	seg(x, WL_SEG_WAKEUP, 20 * MS);
	seg(x, WL_SEG_RUNNING, 50 * US);
	x->report.slow.tid = 12345;
	run(x, 0, HOG, 5 * MS, 40 * MS);
	build(x);
	check_whole(x);
	assert_int_equal(x->confidence, WL_LIKELY);
	assert_int_equal(x->ncaveats, 1);
	wl_explained_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_held_by_realtime),
		cmocka_unit_test(test_held_by_several),
		cmocka_unit_test(test_inversion),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_lock_busy),
		cmocka_unit_test(test_disk_behind_a_kernel_thread),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_mutual_waits_end),
		cmocka_unit_test(test_without_the_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
