/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "capture/entry.h"
#include "capture/response_file.h"
#include "directory.h"
#include "explain/cause.h"
#include "output/sample.h"
#include "output/sink.h"
#include "util/syscalls.h"

static void save(const struct directory *d, const struct wl_report *report)
{
	char path[PATH_MAX];
	FILE *f = fopen(directory_path(d, WL_ENTRY_RESPONSE, path), "w");
	struct wl_sink *sink;

	assert_non_null(f);
	assert_int_equal(wl_json_sink_open(&sink, f), 0);
	assert_int_equal(sink->ops->slow(sink, report), 0);
	sink->ops->close(sink);
	fclose(f);
}

static void load(const struct directory *d, struct wl_report *report)
{
	char why[256] = "";

	if (wl_response_load(d->fd, report, why, sizeof(why)))
		fail_msg("%s", why);
}

static void check_same(const struct wl_report *a, const struct wl_report *b)
{
	assert_true(a->id == b->id && a->lost == b->lost);
	assert_true(a->time.sec == b->time.sec && a->time.nsec == b->time.nsec);
	assert_memory_equal(&a->slow.path.seg, &b->slow.path.seg, sizeof(a->slow.path.seg));
	assert_true(a->slow.path.h.start == b->slow.path.h.start);
	assert_true(a->slow.path.h.last == b->slow.path.h.last);
	assert_true(a->slow.path.h.nseg == b->slow.path.h.nseg);
	assert_true(a->slow.path.h.merged == b->slow.path.h.merged);
	assert_true(a->slow.path.h.stim_kind == b->slow.path.h.stim_kind);
	assert_true(a->slow.path.h.stim_nr == b->slow.path.h.stim_nr);
	assert_true(a->slow.path.h.stim_tid == b->slow.path.h.stim_tid);
	assert_true(a->slow.path.h.stim_cpu == b->slow.path.h.stim_cpu);
	assert_true(a->slow.end == b->slow.end && a->slow.end_cpu == b->slow.end_cpu);
	assert_true(a->slow.threshold_ns == b->slow.threshold_ns);
	assert_true(a->slow.tid == b->slow.tid && a->slow.tgid == b->slow.tgid);
	assert_true(a->slow.reason == b->slow.reason);
	assert_memory_equal(a->slow.comm, b->slow.comm, WL_COMM_LEN);
	assert_memory_equal(a->slow.process, b->slow.process, WL_COMM_LEN);
	assert_memory_equal(a->budget, b->budget, sizeof(a->budget));
	assert_memory_equal(&a->typical, &b->typical, sizeof(a->typical));
	assert_true(a->cause.kind == b->cause.kind && a->cause.ns == b->cause.ns);
	assert_memory_equal(&a->cause.who, &b->cause.who, sizeof(a->cause.who));
	assert_string_equal(a->cause.text, b->cause.text);
	assert_string_equal(a->names.stimulus, b->names.stimulus);
	assert_string_equal(a->names.syscall, b->names.syscall);
}

static void test_sample(void **state)
{
	struct directory *d = *state;
	struct wl_report report = sample_report(), loaded;

	report.names.cgroup = (char[]){ "/system.slice" };
	report.capture = (char[]){ "whylate-captures/2026" };
	report.lost = 3;
	save(d, &report);
	load(d, &loaded);
	check_same(&loaded, &report);
	assert_string_equal(loaded.names.cgroup, "/system.slice");
	assert_string_equal(loaded.capture, "whylate-captures/2026");
	assert_int_equal(loaded.slow.end_call, wl_syscall_number("epoll_wait", false));
	assert_int_equal(loaded.slow.end_kind, WL_END_IDLE);
	wl_response_free(&loaded);
}

static void test_work(void **state)
{
	static const char *const cookies[] = { NULL, "GET \"/\"", "\xff\n" };
	struct directory *d = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cookies); i++) {
		struct wl_report report = sample_report(), loaded;

		sample_work(&report, cookies[i]);
		report.slow.work.cookie = cookies[i] ? 0 : ~0ull;
		save(d, &report);
		load(d, &loaded);
		check_same(&loaded, &report);
		assert_memory_equal(&loaded.slow.work, &report.slow.work, sizeof(struct wl_work));
		wl_response_free(&loaded);
	}
}

static struct wl_who random_who(uint64_t *seed)
{
	static const __u8 policies[] = { 0, 1, 2, 3, 5, 6, 7 };
	struct wl_who who = { .ctx = (__u8)(test_random(seed) % WL_WHO_MAX) };

	if (who.ctx == WL_WHO_IRQ || who.ctx == WL_WHO_SOFTIRQ)
		who.nr =
			(__u16)(test_random(seed) % 12 + (who.ctx == WL_WHO_IRQ ? WL_VEC_BASE : 0));
	if (who.ctx != WL_WHO_NONE && test_random(seed) % 3 == 0)
		who.flags |= WL_WHO_F_SHARED;
	if (who.ctx != WL_WHO_TASK &&
	    (who.ctx == WL_WHO_NONE || who.ctx == WL_WHO_IDLE || test_random(seed) % 2))
		return who;
	who.tid = (__u32)(test_random(seed) | 1);
	who.tgid = (__u32)test_random(seed);
	who.policy = policies[test_random(seed) % ARRAY_SIZE(policies)];
	who.flags |= test_random(seed) % 2 ? WL_WHO_F_KTHREAD : 0;
	if (who.policy == 6)
		who.prio = -101;
	else if (who.policy == 1 || who.policy == 2 || test_random(seed) % 4 == 0)
		who.prio = (__s8)(-2 - (int)(test_random(seed) % 99));
	else
		who.prio = (__s8)(test_random(seed) % 40);
	for (size_t i = 0; i < test_random(seed) % (WL_COMM_LEN + 1); i++)
		who.comm[i] = (char)(test_random(seed) % 255 + 1);
	for (size_t i = strnlen(who.comm, WL_COMM_LEN); i < WL_COMM_LEN; i++)
		who.comm[i] = 0;
	return who;
}

static void fill_random(struct wl_report *r, uint64_t *seed)
{
	struct wl_chain *h = &r->slow.path.h;
	unsigned n = (unsigned)(test_random(seed) % (WL_PATH_SEGS + 1));

	*r = sample_begin();
	r->id = test_random(seed) >> 12;
	r->slow.tid = (__u32)test_random(seed);
	r->slow.threshold_ns = test_random(seed) >> 2;
	r->slow.reason = (__u8)(test_random(seed) % 3);
	h->start = h->last = test_random(seed) >> 2;
	h->stim_kind = (__u8)(test_random(seed) % (WL_STIM_MAX - 1) + 1);
	h->stim_nr = (__u16)test_random(seed);
	h->stim_cpu = (__u16)test_random(seed);
	h->stim_tid = (__u32)test_random(seed);
	h->merged = (__u8)test_random(seed);
	for (unsigned i = 0; i < n; i++) {
		struct wl_who who = random_who(seed);
		unsigned kind = (unsigned)(test_random(seed) % (WL_SEG_MAX - 1)) + 1;

		sample_seg(r, kind, test_random(seed) >> 7, (__u16)test_random(seed), &who);
		h->last = r->slow.path.h.last;
		r->slow.path.seg[i].pieces = (__u32)(test_random(seed) % 9 + 1);
	}
	r->typical.known = test_random(seed) % 2;
	if (!r->typical.known)
		memset(&r->typical, 0, sizeof(r->typical));
	wl_cause_find(r);
}

/* Whatever a report holds that the file has a place for comes back. */
static void test_round_trip(void **state)
{
	struct directory *d = *state;
	uint64_t seed = 5;

	for (int i = 0; i < 300; i++) {
		struct wl_report report, loaded;

		fill_random(&report, &seed);
		save(d, &report);
		load(d, &loaded);
		check_same(&loaded, &report);
		wl_response_free(&loaded);
	}
}

static void test_timeout(void **state)
{
	struct directory *d = *state;
	struct wl_report report = sample_report(), loaded;
	char stack[2][64] = { "futex_wait_queue", "do_futex" };

	report.slow.reason = WL_REASON_TIMEOUT;
	report.slow.nstack = 2;
	report.stack = stack;
	snprintf(report.idle_hint, sizeof(report.idle_hint), "epoll_wait:9");
	save(d, &report);
	load(d, &loaded);
	assert_int_equal(loaded.slow.end_kind, WL_END_TIMEOUT);
	assert_int_equal(loaded.slow.nstack, 2);
	assert_string_equal(loaded.stack[1], "do_futex");
	assert_string_equal(loaded.idle_hint, "epoll_wait:9");
	wl_response_free(&loaded);
}

/* A text that somebody has put escapes in does not reach a terminal. */
static void test_hostile_text(void **state)
{
	struct directory *d = *state;
	struct wl_report loaded;

	file_write(d->fd, WL_ENTRY_RESPONSE,
		   "{\"type\":\"slow\",\"reason\":\"worst\",\"target\":{},\"stimulus\":{},"
		   "\"end\":{},\"segments\":[],\"cause\":{\"text\":\"a\\u001b[2Jb\"}}");
	load(d, &loaded);
	assert_string_equal(loaded.cause.text, "a\\x1b[2Jb");
	wl_response_free(&loaded);
}

static void check_refused(const struct directory *d, const char *text, int error, const char *said)
{
	struct wl_report report;
	char why[256] = "";

	file_write(d->fd, WL_ENTRY_RESPONSE, text);
	assert_int_equal(wl_response_load(d->fd, &report, why, sizeof(why)), error);
	assert_string_equal(why, said);
	wl_response_free(&report);
}

static void test_refused(void **state)
{
	static const struct {
		const char *members, *said;
	} rows[] = {
		{ "\"reason\":\"late\"", "reason: not one of threshold, timeout, worst" },
		{ "\"id\":-1", "id: not a number of 0 or more" },
		{ "\"time\":\"today\"", "time: not a time (2026-11-21T19:41:07.123456789Z)" },
		{ "\"merged\":256", "merged: out of range" },
		{ "\"target\":5", "target: not an object" },
		{ "\"target\":null", "target: there is no such object" },
		{ "\"target\":{\"tid\":\"x\"}", "target.tid: not an integer" },
		{ "\"target\":{\"process_hex\":\"x\"}",
		  "target.process_hex: not the bytes of a name" },
		{ "\"stimulus\":{\"kind\":\"moon\"}", "stimulus.kind: not one of the kinds" },
		{ "\"stimulus\":{\"ts\":5}", "stimulus.ts: not a decimal string of 64 bits" },
		{ "\"end\":{\"syscall\":7}", "end.syscall: not a text" },
		{ "\"end\":{\"syscall\":\"12345678901234567890123456789012\"}",
		  "end.syscall: too long" },
		{ "\"segments\":{}", "segments: there is no such array" },
		{ "\"segments\":[1]", "segments[0].: not an object" },
		{ "\"segments\":[{},{\"kind\":\"what\"}]",
		  "segments[1].kind: not one of the kinds" },
		{ "\"segments\":[{\"ns\":1}]", "response_ns: not the sum of the segments" },
		{ "\"segments\":[{\"culprit\":{\"irq\":65536}}]",
		  "segments[0].culprit.irq: out of range" },
		{ "\"segments\":[{\"culprit\":{\"softirq\":\"X\"}}]",
		  "segments[0].culprit.softirq: no such softirq" },
		{ "\"segments\":[{\"culprit\":{\"tid\":1,\"prio\":200}}]",
		  "segments[0].culprit.prio: out of range" },
		{ "\"typical\":{\"budget\":{\"io\":\"1\"}}",
		  "typical.budget.io: not a number of 0 or more" },
		{ "\"cause\":[]", "cause: not an object" },
		{ "\"stack\":[1]", "stack: not texts" },
	};
	struct directory *d = *state;
	char text[1024], said[256];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* jansson keeps the last of two members with one name */
		snprintf(text, sizeof(text),
			 "{\"type\":\"slow\",\"reason\":\"worst\",\"target\":{},\"stimulus\":{},"
			 "\"end\":{},\"segments\":[],\"response_ns\":0,%s}",
			 rows[i].members);
		snprintf(said, sizeof(said), "response.json: %s", rows[i].said);
		check_refused(d, text, -EINVAL, said);
	}
	check_refused(d, "[]", -EINVAL, "response.json: type: neither \"slow\" nor \"now\"");
	check_refused(d, "{\"type\":\"now\"}", -ENODATA,
		      "response.json: the capture was taken on demand: it has no slow response");
}

static void test_none(void **state)
{
	struct directory *d = *state;
	struct wl_report report;
	char why[256];

	assert_int_equal(wl_response_load(d->fd, &report, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "response.json: No such file or directory");
	wl_response_free(&report);
}

/* A bit flipped anywhere: loaded or refused with a reason, nothing worse. */
static void test_flipped(void **state)
{
	struct directory *d = *state;
	struct wl_report report = sample_report();
	char path[PATH_MAX], text[8192];
	uint64_t seed = 3;
	size_t len;
	FILE *f;

	sample_make_hostile(&report);
	save(d, &report);
	f = fopen(directory_path(d, WL_ENTRY_RESPONSE, path), "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	for (int i = 0; i < 3000; i++) {
		size_t at = test_random(&seed) % len;
		struct wl_report loaded;
		char old = text[at], why[256] = "";

		text[at] = (char)(text[at] ^ 1 << test_random(&seed) % 8);
		if (!text[at])
			text[at] = ' ';
		file_write(d->fd, WL_ENTRY_RESPONSE, text);
		if (wl_response_load(d->fd, &loaded, why, sizeof(why)))
			assert_true(strlen(why) > 15);
		wl_response_free(&loaded);
		text[at] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_sample),       TEST_IN_DIRECTORY(test_round_trip),
		TEST_IN_DIRECTORY(test_timeout),      TEST_IN_DIRECTORY(test_refused),
		TEST_IN_DIRECTORY(test_hostile_text), TEST_IN_DIRECTORY(test_none),
		TEST_IN_DIRECTORY(test_flipped),      TEST_IN_DIRECTORY(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
