/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Responses found in real LTTng traces, against what the trace's events say by themselves: how
 * often a thread slept in its call, which line is the network card's, when a timer was set for. The
 * traces are not in the repository: WL_TEST_TRACES says where they are.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "abi/kinds.h"
#include "cli/idle_calls.h"
#include "explain/foreign.h"
#include "explain/replay_state.h"
#include "test.h"
#include "trace/archive.h"
#include "trace/maker.h"

#define TIDS 1024 /* more than the traces have */
#define NCPU 8

/* What the trace says of a task, without any state machine. */
struct seen {
	char comm[WL_COMM_LEN];
	bool born;     /* in the trace */
	int32_t call;  /* it is in; -1: none */
	unsigned home; /* interruptible sleeps in the call that it sleeps in first */
	int32_t home_call;
	unsigned ready; /* epoll_wait() came back with something */
};

/* What the replay says. */
struct found {
	unsigned n, idle, stim[WL_STIM_MAX], line;
	unsigned whole, ordered; /* paths without folded segments; of these, in order */
	uint64_t ns, last_start;
	unsigned spaced; /* starts a whole number of periods after the one before */
};

struct both {
	bool rt;
	uint16_t nic;
	struct seen seen[TIDS];
	struct found found[TIDS];
	unsigned n, doubted;
	uint64_t ns, unknown;
};

static struct wl_trace *open_trace(const char *dir)
{
	struct wl_trace *trace = NULL;
	char why[512];

	if (!wl_trace_open(dir, 0, &trace, why, sizeof(why)))
		return trace;
	print_message("skipped: %s\n", why);
	return NULL;
}

/* --- the trace by itself --- */

static struct seen *seen_of(struct both *b, int32_t tid)
{
	assert_in_range(tid, 0, TIDS - 1);
	return &b->seen[tid];
}

static void look_at_switch(struct both *b, const struct wl_ev_sched_switch *e)
{
	struct seen *prev = seen_of(b, e->prev_tid), *next = seen_of(b, e->next_tid);

	memcpy(prev->comm, e->prev_comm, WL_COMM_LEN);
	memcpy(next->comm, e->next_comm, WL_COMM_LEN);
	if (e->prev_state != 1 || prev->call < 0)
		return;
	if (!prev->home)
		prev->home_call = prev->call;
	prev->home += prev->call == prev->home_call;
}

static void look_at_call(struct both *b, const struct wl_event *e)
{
	struct seen *task = seen_of(b, e->tid);

	if (e->id < WL_EV_SYSCALL_EXIT) {
		task->call = e->id - WL_EV_SYSCALL_ENTRY;
		return;
	}
	task->call = -1;
	if (e->id == WL_EV_SYSCALL_EXIT + SYS_epoll_wait)
		task->ready += *(const int64_t *)e->payload > 0;
}

static void look(struct both *b, const char *dir)
{
	struct wl_trace *trace = open_trace(dir);
	const struct wl_event *e;

	for (unsigned i = 0; i < TIDS; i++)
		b->seen[i].call = -1;
	while (wl_trace_next(trace, &e) > 0) {
		const struct wl_ev_irq_handler_entry *irq = e->payload;
		const struct wl_ev_sched_process_fork *child = e->payload;

		if (e->id == WL_EVID_SCHED_SWITCH)
			look_at_switch(b, e->payload);
		else if (e->id >= WL_EV_SYSCALL_ENTRY && e->id < WL_EV_COMPAT_ENTRY)
			look_at_call(b, e);
		else if (e->id == WL_EVID_IRQ_ENTRY && strstr(irq->name, "-input."))
			b->nic = (uint16_t)irq->irq;
		else if (e->id == WL_EVID_SCHED_FORK)
			seen_of(b, child->child_tid)->born = true;
	}
	wl_trace_close(trace);
}

/* --- the replay --- */

/* The first segments, those on top of a thread left out. */
static bool is_ordered(const struct wl_path *p, bool rt)
{
	static const uint8_t direct[] = { WL_SEG_IRQ, WL_SEG_SOFTIRQ_DELAY, WL_SEG_SOFTIRQ,
					  WL_SEG_WAKEUP, WL_SEG_RUNNING };
	static const uint8_t threaded[] = { WL_SEG_IRQ,           WL_SEG_WAKEUP,  WL_SEG_RUNNING,
					    WL_SEG_SOFTIRQ_DELAY, WL_SEG_SOFTIRQ, WL_SEG_WAKEUP,
					    WL_SEG_RUNNING };
	const uint8_t *kinds = rt ? threaded : direct;
	unsigned n = rt ? ARRAY_SIZE(threaded) : ARRAY_SIZE(direct), at = 0;

	for (unsigned i = 0; i < p->h.nseg && at < n; i++) {
		uint8_t kind = p->seg[i].kind;

		if (kind == kinds[at])
			at++;
		else if (kind != WL_SEG_INTERRUPTED && kind != WL_SEG_PREEMPTED)
			return false;
	}
	return at == n;
}

static uint64_t sum_of(const struct wl_path *p, struct both *b)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->h.nseg; i++) {
		sum += p->seg[i].ns;
		b->unknown += p->seg[i].kind == WL_SEG_UNKNOWN ? p->seg[i].ns : 0;
	}
	return sum;
}

#define PERIOD_NS 2000000ull /* of cyclictest */

static void count(struct found *t, const struct wl_path *p, uint16_t nic, bool rt, uint8_t kind)
{
	t->n++;
	t->idle += kind == WL_END_IDLE;
	t->stim[p->h.stim_kind]++;
	t->line += p->h.stim_kind == WL_STIM_IRQ && p->h.stim_nr == nic;
	t->whole += !p->h.folded;
	t->ordered += !p->h.folded && is_ordered(p, rt);
	t->spaced += t->last_start && (p->h.start - t->last_start) % PERIOD_NS == 0;
	t->last_start = p->h.start;
}

static int take(void *ctx, const struct wl_replay_response *r)
{
	struct both *b = ctx;
	const struct wl_path *p = r->path;

	assert_non_null(p);
	assert_true(r->target);
	assert_in_range(r->tid, 1, TIDS - 1);
	assert_int_equal(r->end, p->h.last);
	assert_int_equal(sum_of(p, b), p->h.last - p->h.start);
	b->ns += p->h.last - p->h.start;
	b->n++;
	b->doubted += r->doubt != WL_REPLAY_SURE;
	count(&b->found[r->tid], p, b->nic, b->rt, r->kind);
	return 0;
}

static void check_missing(const struct wl_foreign *foreign)
{
	const char *texts[32];

	assert_int_equal(wl_foreign_missing(foreign, texts, 32), 2);
	assert_non_null(strstr(texts[0], "sockets"));
	assert_non_null(strstr(texts[1], "older"));
}

static void replay(struct both *b, const char *dir)
{
	struct wl_chain_config config = { .until = WL_UNTIL_TURN, .max_hops = 32 };
	struct wl_trace *trace = open_trace(dir);
	struct wl_replay *r = NULL;

	wl_idle_calls_fill(&config);
	assert_int_equal(wl_trace_info(trace)->rt, b->rt);
	assert_int_equal(wl_replay_new(&r, &config, NCPU), 0);
	assert_int_equal(wl_replay_run(r, trace, take, b), 0);
	assert_int_equal(wl_replay_stats(r)->gaps, 0);
	check_missing(r->foreign);
	wl_replay_free(r);
	wl_trace_close(trace);
}

/* --- a trace with less in it --- */

/* As if it had been recorded without contexts, and without system calls. */
static void replay_poor(struct both *b, const char *dir, uint8_t until, bool calls)
{
	struct wl_chain_config config = { .until = until, .max_hops = 32, .rt = b->rt };
	struct wl_trace *trace = open_trace(dir);
	const struct wl_event *given;
	struct wl_replay *r = NULL;

	wl_idle_calls_fill(&config);
	assert_int_equal(wl_replay_new(&r, &config, NCPU), 0);
	assert_int_equal(wl_foreign_new(&r->foreign, NCPU, false, NULL), 0);
	r->fn = take;
	r->ctx = b;
	while (wl_trace_next(trace, &given) > 0) {
		struct wl_event e = *given;

		e.tid = -1;
		e.pid = -1;
		if (calls || e.id < WL_EV_SYSCALL_ENTRY)
			assert_int_equal(wl_replay_event(r, &e), 0);
	}
	wl_replay_free(r);
	wl_trace_close(trace);
}

/* --- one against the other --- */

static bool is_called(const struct seen *task, const char *comm)
{
	return !strncmp(task->comm, comm, WL_COMM_LEN);
}

/* Each sleep at home ends a response; what a task did first is known if it was born in the trace.
 */
static void check_sleeps(const struct seen *seen, const struct found *found)
{
	assert_int_equal(found->idle, seen->home - !seen->born);
}

static bool check_worker(const struct both *b, unsigned tid)
{
	const struct seen *seen = &b->seen[tid];
	const struct found *found = &b->found[tid];

	if (!is_called(seen, "mc-worker") || !seen->home)
		return false;
	print_message("mc-worker/%u: %u requests, %u sleeps, %u responses, %u by irq %u, "
		      "%u of %u in order\n",
		      tid, seen->ready, seen->home, found->n, found->line, b->nic, found->ordered,
		      found->whole);
	assert_int_equal(seen->home_call, SYS_epoll_wait);
	check_sleeps(seen, found);
	assert_true(found->n > 500);
	/* it may find the next one waiting already */
	assert_true(seen->ready >= found->n);
	/* a softirq raised from inside itself is a stimulus of its own */
	assert_true(found->line * 100 >= found->n * 99);
	/* PREEMPT_RT: the others waited for a lock on the way */
	assert_true(found->whole * 10 >= found->n * 8);
	assert_true(found->ordered * 10 >= found->whole * 9);
	return true;
}

static bool check_cyclictest(const struct both *b, unsigned tid)
{
	const struct seen *seen = &b->seen[tid];
	const struct found *found = &b->found[tid];

	if (!is_called(seen, "cyclictest") || seen->home_call != SYS_clock_nanosleep ||
	    found->n < 1000)
		return false;
	print_message("cyclictest/%u: %u sleeps, %u responses, %u by a timer, %u in step\n", tid,
		      seen->home, found->n, found->stim[WL_STIM_TIMER], found->spaced);
	check_sleeps(seen, found);
	assert_true(found->stim[WL_STIM_TIMER] * 1000 >= found->n * 999);
	/* it sleeps until fixed moments, a period apart: the timers' expiry is to the nanosecond */
	assert_true(found->spaced * 1000 >= found->n * 999);
	return true;
}

/* Unpacked and looked at, or NULL: skipped. */
static struct both *begin(const char *name, bool rt, char **dir)
{
	struct both *b = calloc(1, sizeof(*b));
	struct wl_trace *trace;

	assert_non_null(b);
	b->rt = rt;
	*dir = archive_unpack(name);
	trace = *dir ? open_trace(*dir) : NULL;
	if (trace) {
		wl_trace_close(trace);
		look(b, *dir);
		return b;
	}
	if (*dir)
		maker_remove(*dir);
	free(b);
	return NULL;
}

static void end(struct both *b, char *dir)
{
	maker_remove(dir);
	free(b);
}

static void check_trace(const char *name, bool rt)
{
	unsigned workers = 0, cyclictests = 0;
	char *dir;
	struct both *b = begin(name, rt, &dir);

	if (!b) {
		skip();
		return; /* it never does */
	}
	replay(b, dir);
	for (unsigned tid = 1; tid < TIDS; tid++) {
		workers += check_worker(b, tid);
		cyclictests += check_cyclictest(b, tid);
	}
	print_message("%s: %u responses, %u in doubt, %" PRIu64 " of %" PRIu64 " ns unknown\n",
		      name, b->n, b->doubted, b->unknown, b->ns);
	assert_int_equal(workers, 1);
	assert_int_equal(cyclictests, 1);
	assert_true(b->n > 4000);
	assert_true(b->doubted * 100 < b->n);
	assert_true(b->unknown * 1000 < b->ns);
	end(b, dir);
}

static void test_stock(void **state)
{
	check_trace("lttng-6.1-stock", false);
}

static void test_rt(void **state)
{
	check_trace("lttng-6.1-rt", true);
}

/* Who runs is known from the switches alone. */
static void test_without_contexts(void **state)
{
	char *dir;
	struct both *b = begin("lttng-6.1-rt", true, &dir);
	unsigned workers = 0;

	if (!b) {
		skip();
		return; /* it never does */
	}
	replay_poor(b, dir, WL_UNTIL_IDLE, true);
	for (unsigned tid = 1; tid < TIDS; tid++)
		workers += check_worker(b, tid);
	assert_int_equal(workers, 1);
	end(b, dir);
}

/* Nothing goes idle then, as far as is known; but every sleep ends something. */
static void test_without_calls(void **state)
{
	char *dir;
	struct both *b = begin("lttng-6.1-stock", false, &dir);
	const struct found *found;
	unsigned workers = 0;

	if (!b) {
		skip();
		return; /* it never does */
	}
	replay_poor(b, dir, WL_UNTIL_IDLE, false);
	assert_true(b->n < 100); /* exits */
	replay_poor(b, dir, WL_UNTIL_BLOCK, false);
	for (unsigned tid = 1; tid < TIDS; tid++) {
		found = &b->found[tid];
		if (!is_called(&b->seen[tid], "mc-worker") || !b->seen[tid].home)
			continue;
		assert_true(found->n >= b->seen[tid].home - 1);
		assert_true(found->line * 100 >= found->n * 95);
		workers++;
	}
	assert_int_equal(workers, 1);
	end(b, dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock),
		cmocka_unit_test(test_rt),
		cmocka_unit_test(test_without_contexts),
		cmocka_unit_test(test_without_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
