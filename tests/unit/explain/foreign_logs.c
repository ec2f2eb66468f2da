/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What happened at one request to memcached, in the kernel's own words: tracefs logs of six kernels
 * and network cards (tests/data/sequences; WL_TEST_DATA says where tests/data is). Each is one
 * response of the thread that answers, from the interrupt in the log's first line to the thread's
 * sleep.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "abi/kinds.h"
#include "cli/idle_calls.h"
#include "explain/foreign.h"
#include "explain/replay_state.h"
#include "test.h"
#include "trace/archive.h"
#include "util/syscalls.h"

#define US 1000ull
#define EPOLL_FD 7 /* as the logs have it */

struct log_test {
	struct wl_replay *replay;
	uint64_t now;      /* ns */
	uint64_t first;    /* of the log */
	uint32_t tids[64]; /* that the log has named so far */
	unsigned ntids, nresponses;
	struct wl_replay_response response;
	struct wl_path path;
};

static int take(void *ctx, const struct wl_replay_response *r)
{
	struct log_test *t = ctx;

	if (strncmp(r->comm, "mc-worker", sizeof("mc-worker")))
		return 0;
	t->nresponses++;
	t->response = *r;
	assert_non_null(r->path);
	t->path = *r->path;
	return 0;
}

static void begin(struct log_test *t, bool rt)
{
	struct wl_chain_config config = { .until = WL_UNTIL_IDLE, .max_hops = 32, .rt = rt };

	memset(t, 0, sizeof(*t));
	wl_idle_calls_fill(&config);
	assert_int_equal(wl_replay_new(&t->replay, &config, 2), 0);
	assert_int_equal(wl_foreign_new(&t->replay->foreign, 2, false, NULL), 0);
	t->replay->fn = take;
	t->replay->ctx = t;
}

/* tid: who is on that CPU. */
static void give(struct log_test *t, uint32_t cpu, int32_t tid, unsigned id, const void *payload)
{
	struct wl_event event = {
		.ts = t->now,
		.payload = payload,
		.cpu = cpu,
		.flags = WL_EVENT_FOREIGN,
		.tid = tid,
		.pid = -1,
		.id = (uint16_t)id,
	};

	assert_int_equal(wl_replay_event(t->replay, &event), 0);
}

static void give_switch(struct log_test *t, uint32_t cpu, const struct wl_ev_sched_switch *e)
{
	give(t, cpu, e->prev_tid, WL_EVID_SCHED_SWITCH, e);
}

/* --- before the log --- */

/* It runs, and goes to sleep where it sleeps when the log begins: then it is known. */
static void introduce(struct log_test *t, int32_t tid, const char *comm)
{
	struct wl_ev_sched_switch in = { .next_tid = tid }, out = { .prev_tid = tid };
	uint64_t slots[16] = { EPOLL_FD };

	for (unsigned i = 0; i < t->ntids; i++)
		if (t->tids[i] == (uint32_t)tid)
			return;
	assert_true(t->ntids < ARRAY_SIZE(t->tids));
	t->tids[t->ntids++] = (uint32_t)tid;
	memcpy(in.next_comm, comm, WL_COMM_LEN);
	memcpy(out.prev_comm, comm, WL_COMM_LEN);
	out.prev_state = 1;
	give_switch(t, 0, &in);
	if (!strncmp(comm, "mc-", 3))
		give(t, 0, tid, WL_EV_SYSCALL_ENTRY + SYS_epoll_wait, slots);
	t->now += US;
	give_switch(t, 0, &out);
	t->now += US;
}

/* "NAME=" in the line, or NULL. */
static const char *value_of(const char *line, const char *name)
{
	const char *at = strstr(line, name);

	return at ? at + strlen(name) : NULL;
}

/* A name ends where the next field begins. */
static bool text_of(const char *line, const char *name, const char *next, char comm[WL_COMM_LEN])
{
	const char *from = value_of(line, name), *to = from ? strstr(from, next) : NULL;

	memset(comm, 0, WL_COMM_LEN);
	if (!to || to - from >= WL_COMM_LEN)
		return false;
	memcpy(comm, from, (size_t)(to - from));
	return true;
}

static int32_t number_of(const char *line, const char *name)
{
	const char *value = value_of(line, name);

	assert_non_null(value);
	return (int32_t)strtol(value, NULL, 10);
}

static void introduce_named(struct log_test *t, const char *line)
{
	char comm[WL_COMM_LEN];

	if (text_of(line, " comm=", " pid=", comm))
		introduce(t, number_of(line, " pid="), comm);
	if (text_of(line, "next_comm=", " next_pid=", comm) && number_of(line, " next_pid="))
		introduce(t, number_of(line, " next_pid="), comm);
}

/* --- the log --- */

/* As LTTng writes them. */
static int64_t state_of(const char *line)
{
	static const char letters[] = "SDTtXZPI";
	const char *letter = value_of(line, "prev_state=");
	const char *at;

	assert_non_null(letter);
	if (letter[0] == 'R')
		return letter[1] == '+' ? 256 : 0;
	at = strchr(letters, letter[0]);
	assert_non_null(at);
	return 1ll << (at - letters);
}

static void on_switch(struct log_test *t, uint32_t cpu, const char *line)
{
	struct wl_ev_sched_switch e = {
		.prev_tid = number_of(line, "prev_pid="),
		.prev_prio = number_of(line, "prev_prio=") - 100,
		.prev_state = state_of(line),
		.next_tid = number_of(line, "next_pid="),
		.next_prio = number_of(line, "next_prio=") - 100,
	};

	text_of(line, "prev_comm=", " prev_pid=", e.prev_comm);
	text_of(line, "next_comm=", " next_pid=", e.next_comm);
	give_switch(t, cpu, &e);
}

static void on_waking(struct log_test *t, uint32_t cpu, int32_t tid, const char *line)
{
	struct wl_ev_sched_waking e = {
		.tid = number_of(line, " pid="),
		.prio = number_of(line, "prio=") - 100,
		.target_cpu = number_of(line, "target_cpu="),
	};

	text_of(line, " comm=", " pid=", e.comm);
	give(t, cpu, tid, WL_EVID_SCHED_WAKING, &e);
}

static void on_irq_entry(struct log_test *t, uint32_t cpu, int32_t tid, const char *line)
{
	struct wl_ev_irq_handler_entry e = { .irq = number_of(line, "irq=") };
	const char *name = value_of(line, "name=");

	memcpy(e.name, name, strcspn(name, "\n"));
	give(t, cpu, tid, WL_EVID_IRQ_ENTRY, &e);
}

/* "sys_read(fd: b, …" or "sys_read -> 0x9". */
static void on_call(struct log_test *t, uint32_t cpu, int32_t tid, const char *call)
{
	uint64_t slots[16] = { 0 };
	size_t len = strcspn(call, "( ");
	char name[32];
	int nr;

	assert_true(len < sizeof(name));
	memcpy(name, call, len);
	name[len] = '\0';
	nr = wl_syscall_number(name, false);
	assert_true(nr >= 0);
	if (call[len] == '(')
		slots[0] = strtoull(strchr(call, ':') + 1, NULL, 16);
	give(t, cpu, tid,
	     (call[len] == '(' ? WL_EV_SYSCALL_ENTRY : WL_EV_SYSCALL_EXIT) + (unsigned)nr, slots);
}

/* Events whose payload is a number at most. */
static bool on_simple(struct log_test *t, uint32_t cpu, int32_t tid, const char *event)
{
	static const struct {
		const char *name, *field;
		uint16_t id;
	} simple[] = {
		{ "irq_handler_exit:", "irq=", WL_EVID_IRQ_EXIT },
		{ "softirq_raise:", "vec=", WL_EVID_SOFTIRQ_RAISE },
		{ "softirq_entry:", "vec=", WL_EVID_SOFTIRQ_ENTRY },
		{ "softirq_exit:", "vec=", WL_EVID_SOFTIRQ_EXIT },
		{ "local_timer_entry:", "vector=", WL_EVID_VEC_LOCAL_TIMER_ENTRY },
		{ "local_timer_exit:", "vector=", WL_EVID_VEC_LOCAL_TIMER_EXIT },
		{ "reschedule_entry:", "vector=", WL_EVID_VEC_RESCHEDULE_ENTRY },
		{ "reschedule_exit:", "vector=", WL_EVID_VEC_RESCHEDULE_EXIT },
		{ "call_function_single_entry:", "vector=", WL_EVID_VEC_CALL_FUNCTION_SINGLE_ENTRY },
		{ "call_function_single_exit:", "vector=", WL_EVID_VEC_CALL_FUNCTION_SINGLE_EXIT },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(simple); i++) {
		int32_t payload[8] = { 0 };

		if (strncmp(event, simple[i].name, strlen(simple[i].name)))
			continue;
		payload[0] = number_of(event, simple[i].field);
		give(t, cpu, tid, simple[i].id, payload);
		return true;
	}
	return false;
}

/* "  COMM-TID [CPU] FLAGS SECONDS: EVENT". */
static void on_line(struct log_test *t, const char *line)
{
	const char *bracket = strstr(line, " [0"), *event = strstr(line, ": "), *dash = bracket;
	uint32_t cpu;
	int32_t tid;

	assert_non_null(bracket);
	assert_non_null(event);
	while (*dash != '-')
		dash--;
	tid = (int32_t)strtol(dash + 1, NULL, 10);
	cpu = (uint32_t)strtoul(bracket + 2, NULL, 10);
	t->now = (uint64_t)llround(strtod(event - 12, NULL) * 1e6) * US;
	if (!t->first)
		t->first = t->now;
	event += 2;
	if (!strncmp(event, "sched_switch:", 13))
		on_switch(t, cpu, event);
	else if (!strncmp(event, "sched_waking:", 13))
		on_waking(t, cpu, tid, event);
	else if (!strncmp(event, "irq_handler_entry:", 18))
		on_irq_entry(t, cpu, tid, event);
	else if (!strncmp(event, "sys_", 4))
		on_call(t, cpu, tid, event + 4);
	else
		on_simple(t, cpu, tid, event);
}

static void read_log(struct log_test *t, const char *path,
		     void (*fn)(struct log_test *t, const char *line))
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	assert_non_null(file);
	while (getline(&line, &size, file) > 0)
		fn(t, line);
	free(line);
	fclose(file);
}

/* --- what is expected --- */

static bool is_on_top(uint8_t kind)
{
	return kind == WL_SEG_INTERRUPTED || kind == WL_SEG_PREEMPTED;
}

/* The kinds in this order, what came on top left out; of a task, what comes back after it. */
static void check_order(const struct wl_path *p, const uint8_t *kinds, unsigned n)
{
	unsigned at = 0;
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->h.nseg; i++) {
		sum += p->seg[i].ns;
		if (is_on_top(p->seg[i].kind))
			continue;
		if (at && p->seg[i].kind == kinds[at - 1] && p->seg[i].kind == WL_SEG_RUNNING)
			continue;
		assert_true(at < n);
		assert_int_equal(p->seg[i].kind, kinds[at]);
		at++;
	}
	assert_int_equal(at, n);
	assert_int_equal(sum, p->h.last - p->h.start);
}

/* Whoever ran before the target is named: the line's own thread, and nobody else. */
static void check_links(const struct wl_path *p, uint16_t irq, bool thread)
{
	unsigned named = 0;
	char comm[16];

	snprintf(comm, sizeof(comm), "irq/%u-", irq);
	for (unsigned i = 0; i < p->h.nseg; i++) {
		const struct wl_seg *s = &p->seg[i];

		if (s->kind != WL_SEG_RUNNING || s->who.ctx == WL_WHO_NONE)
			continue;
		assert_int_equal(s->who.ctx, WL_WHO_TASK);
		assert_memory_equal(s->who.comm, comm, strlen(comm));
		named++;
	}
	assert_int_equal(named, thread);
}

static const uint8_t direct[] = {
	WL_SEG_IRQ, WL_SEG_SOFTIRQ_DELAY, WL_SEG_SOFTIRQ, WL_SEG_WAKEUP, WL_SEG_RUNNING,
};

static const uint8_t threaded[] = {
	WL_SEG_IRQ,     WL_SEG_WAKEUP, WL_SEG_RUNNING, WL_SEG_SOFTIRQ_DELAY,
	WL_SEG_SOFTIRQ, WL_SEG_WAKEUP, WL_SEG_RUNNING,
};

static void check_log(const char *name, bool rt, uint16_t irq, const uint8_t *kinds, unsigned n)
{
	const char *data = getenv("WL_TEST_DATA");
	struct log_test t;
	char path[512];

	assert_non_null(data); /* meson test says where */
	snprintf(path, sizeof(path), "%s/sequences/%s.txt", data, name);
	begin(&t, rt);
	t.now = 1000000 * US;
	read_log(&t, path, introduce_named);
	assert_int_equal(t.nresponses, 0);
	read_log(&t, path, on_line);
	assert_int_equal(t.nresponses, 1);
	assert_int_equal(t.response.kind, WL_END_IDLE);
	assert_int_equal(t.response.doubt, WL_REPLAY_SURE);
	assert_true(t.response.target);
	assert_int_equal(t.path.h.stim_kind, WL_STIM_IRQ);
	assert_int_equal(t.path.h.stim_nr, irq);
	assert_int_equal(t.path.h.start, t.first);
	check_order(&t.path, kinds, n);
	check_links(&t.path, irq, kinds == threaded);
	wl_replay_free(t.replay);
}

#define CHECK(name, rt, irq, kinds) check_log(name, rt, irq, kinds, ARRAY_SIZE(kinds))

static void test_stock(void **state)
{
	CHECK("seq-stock-virtio", false, 25, direct);
}

static void test_stock_612(void **state)
{
	CHECK("seq-stock612-virtio", false, 25, direct);
}

static void test_threaded(void **state)
{
	CHECK("seq-stock-threadirqs", false, 25, threaded);
}

static void test_rt(void **state)
{
	CHECK("seq-rt-virtio", true, 25, threaded);
}

static void test_rt_e1000(void **state)
{
	CHECK("seq-rt-e1000", true, 10, threaded);
}

static void test_rt_612(void **state)
{
	CHECK("seq-rt612-virtio", true, 25, threaded);
}

/* Whatever a file says goes through the state machine, too. */
static void test_rubbish(void **state)
{
	uint64_t seed = 12, payload[64];
	struct log_test t;

	for (unsigned rt = 0; rt < 2; rt++) {
		begin(&t, rt);
		t.replay->fn = NULL;
		for (unsigned i = 0; i < 50000; i++) {
			uint64_t r = test_random(&seed);

			for (unsigned k = 0; k < ARRAY_SIZE(payload); k++)
				payload[k] = test_random(&seed) >> (r >> 32 & 63);
			t.now += r >> 50;
			give(&t, r >> 40 & 1, (int32_t)(r >> 41 & 7) - 1, r % WL_EV_FIXED_MAX,
			     payload);
		}
		wl_replay_free(t.replay);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock),    cmocka_unit_test(test_stock_612),
		cmocka_unit_test(test_threaded), cmocka_unit_test(test_rt),
		cmocka_unit_test(test_rt_e1000), cmocka_unit_test(test_rt_612),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
