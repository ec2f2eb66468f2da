/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Every line parses, has the members that the design promises, and loses no bit of a number. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "explain/names.h"
#include "output/sample.h"
#include "output/sink.h"

struct page {
	struct wl_sink *sink;
	FILE *out;
	char *text;
	size_t size;
};

static void page_open(struct page *page)
{
	*page = (struct page){ 0 };
	page->out = open_memstream(&page->text, &page->size);
	assert_non_null(page->out);
	assert_int_equal(wl_json_sink_open(&page->sink, page->out), 0);
}

/* Closes everything and parses the one line that was written. */
static json_t *page_parse(struct page *page)
{
	json_error_t error;
	json_t *root;

	page->sink->ops->close(page->sink);
	fclose(page->out);
	assert_ptr_equal(strchr(page->text, '\n'), page->text + page->size - 1);
	root = json_loads(page->text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s: %s", error.text, page->text);
	assert_memory_equal(page->text, "{\"type\":\"", 9);
	free(page->text);
	return root;
}

static json_t *slow_line(const struct wl_report *report)
{
	struct page page;

	page_open(&page);
	assert_int_equal(page.sink->ops->slow(page.sink, report), 0);
	return page_parse(&page);
}

/* "target.pid" */
static json_t *at(json_t *root, const char *path)
{
	char copy[100], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "."))) {
		root = json_is_array(root) ? json_array_get(root, (size_t)atoi(name))
					   : json_object_get(root, name);
		if (!root)
			fail_msg("%s is missing", path);
	}
	return root;
}

static void check_text(json_t *root, const char *path, const char *text)
{
	assert_true(json_is_string(at(root, path)));
	assert_string_equal(json_string_value(at(root, path)), text);
}

static void check_int(json_t *root, const char *path, long long value)
{
	assert_true(json_is_integer(at(root, path)));
	assert_int_equal(json_integer_value(at(root, path)), value);
}

static void check_null(json_t *root, const char *path)
{
	assert_true(json_is_null(at(root, path)));
}

static void test_slow(void **state)
{
	struct wl_report report = sample_report();
	json_t *root = slow_line(&report);

	check_text(root, "type", "slow");
	check_int(root, "v", 1);
	check_int(root, "id", 17);
	check_text(root, "time", "2026-11-21T19:41:07.123456789Z");
	check_text(root, "reason", "threshold");
	check_int(root, "threshold_ns", 5000000);
	check_int(root, "target.pid", 1234);
	check_int(root, "target.tid", 1240);
	check_text(root, "target.comm", "mc-worker");
	check_text(root, "target.process", "memcached");
	check_null(root, "target.cgroup");
	check_text(root, "stimulus.kind", "irq");
	check_int(root, "stimulus.nr", 36);
	check_text(root, "stimulus.name", "virtio1-req.0");
	check_int(root, "stimulus.cpu", 0);
	check_text(root, "stimulus.ts", "81106437283881");
	check_text(root, "end.kind", "idle");
	check_text(root, "end.syscall", "epoll_wait");
	check_int(root, "end.cpu", 1);
	check_text(root, "end.ts", "81106449275781");
	check_int(root, "response_ns", 11991900);
	check_int(root, "merged", 0);
	check_int(root, "typical.count", 51234);
	check_int(root, "typical.ns", 38000);
	check_int(root, "typical.budget.wakeup", 9000);
	assert_int_equal(json_object_size(at(root, "typical.budget")), 3);
	check_int(root, "budget.wakeup", 11920000);
	assert_int_equal(json_object_size(at(root, "budget")), 5);
	check_text(root, "cause.kind", "wakeup");
	check_int(root, "cause.ns", 11911000);
	assert_true(fabs(json_real_value(at(root, "cause.share")) - 1.0) < 0.011);
	check_text(root, "cause.text",
		   "waited 11.9ms for cpu1, held by logger/812 (SCHED_FIFO 50)");
	check_int(root, "lost", 0);
	check_null(root, "capture");
	json_decref(root);
}

static void test_segments_sum(void **state)
{
	struct wl_report report = sample_report();
	json_t *root, *segments, *segment;
	json_int_t sum = 0;
	size_t i;

	/* Larger than 2^53: a reader with 64-bit integers gets every bit. */
	sample_seg(&report, WL_SEG_STOPPED, (1ull << 60) + 1, 0, NULL);
	wl_cause_find(&report);
	root = slow_line(&report);
	segments = at(root, "segments");
	assert_int_equal(json_array_size(segments), 6);
	json_array_foreach(segments, i, segment)
		sum += json_integer_value(json_object_get(segment, "ns"));
	check_int(root, "response_ns", sum);
	check_int(root, "segments.5.ns", (1ll << 60) + 1);
	check_text(root, "segments.3.kind", "wakeup");
	check_int(root, "segments.3.cpu", 1);
	assert_null(json_object_get(at(root, "segments.0"), "culprit"));
	json_decref(root);
}

static void check_culprit(const struct wl_who *who, const char *expected)
{
	struct wl_report report = sample_begin();
	json_t *root;
	char *text;

	sample_seg(&report, WL_SEG_WAKEUP, 5000000, 1, who);
	wl_cause_find(&report);
	root = slow_line(&report);
	text = json_dumps(at(root, "segments.0.culprit"), JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	text = json_dumps(at(root, "cause.culprit"), JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(root);
}

static void test_culprits(void **state)
{
	struct wl_who who = { .ctx = WL_WHO_TASK,
			      .tid = 813,
			      .tgid = 812,
			      .comm = "logger",
			      .policy = 1,
			      .prio = -51 };

	check_culprit(&who, "{\"pid\":812,\"tid\":813,\"comm\":\"logger\",\"policy\":\"fifo\","
			    "\"prio\":50}");
	who.policy = 0;
	who.prio = 15;
	check_culprit(&who, "{\"pid\":812,\"tid\":813,\"comm\":\"logger\",\"policy\":\"other\","
			    "\"prio\":-5}");
	who.ctx = WL_WHO_SOFTIRQ;
	who.nr = 3;
	who.policy = 5;
	who.prio = 20;
	check_culprit(&who, "{\"softirq\":\"NET_RX\",\"pid\":812,\"tid\":813,\"comm\":\"logger\","
			    "\"policy\":\"idle\",\"prio\":0}");
	who = (struct wl_who){ .ctx = WL_WHO_IRQ, .nr = 36 };
	check_culprit(&who, "{\"irq\":36,\"name\":\"virtio1-req.0\"}");
	who.nr = 37;
	check_culprit(&who, "{\"irq\":37,\"name\":null}");
	who.nr = WL_VEC_BASE + 1;
	check_culprit(&who, "{\"irq\":65281,\"name\":\"reschedule\"}");
	who.ctx = WL_WHO_IDLE;
	check_culprit(&who, "{\"idle\":true}");
}

static void test_unknown_things(void **state)
{
	struct wl_report report = sample_begin();
	json_t *root;

	report.typical.known = false;
	report.names.stimulus[0] = report.names.syscall[0] = '\0';
	report.capture = (char[]){ "whylate-captures/2026" };
	report.names.cgroup = (char[]){ "/system.slice" };
	sample_seg(&report, WL_SEG_WAKEUP, 5, 1, NULL);
	wl_cause_find(&report);
	root = slow_line(&report);
	check_null(root, "typical");
	check_null(root, "stimulus.name");
	check_null(root, "end.syscall");
	check_null(root, "cause.culprit");
	check_text(root, "capture", "whylate-captures/2026");
	check_text(root, "target.cgroup", "/system.slice");
	json_decref(root);
}

static void test_timeout(void **state)
{
	struct wl_report report = sample_report();
	char stack[2][64] = { "futex_wait_queue", "do_\x1b[2J" };
	json_t *root;

	report.slow.reason = WL_REASON_TIMEOUT;
	report.slow.nstack = 2;
	report.stack = stack;
	strcpy(report.idle_hint, "epoll_wait:9");
	root = slow_line(&report);
	check_text(root, "reason", "timeout");
	check_text(root, "end.kind", "timeout");
	check_text(root, "idle_hint", "epoll_wait:9");
	check_text(root, "stack.0", "futex_wait_queue");
	json_decref(root);

	report.slow.reason = WL_REASON_WORST;
	root = slow_line(&report);
	check_text(root, "reason", "worst");
	json_decref(root);
}

static void test_hostile_names(void **state)
{
	struct wl_report report = sample_report();
	json_t *root;

	sample_make_hostile(&report);
	root = slow_line(&report);
	check_text(root, "target.comm", "\x1b[2J\xef\xbf\xbd\n");
	check_text(root, "target.comm_hex", "1b5b324aff0a");
	check_text(root, "target.process_hex", "1b5b324aff0a");
	check_text(root, "segments.3.culprit.comm_hex", "9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b9b");
	check_text(root, "target.cgroup", "/\x1b]0;owned\x07");
	json_decref(root);
}

static void test_stats(void **state)
{
	struct wl_row rows[2];
	struct wl_stats stats = {
		.duration_ns = 60000000000,
		.rows = rows,
		.nrows = 2,
		.slow = 3,
		.suppressed = 1,
		.captures = { .on = true, .taken = 2, .not_worse = 1 },
		.timeouts = 2,
		.lost_events = 5,
		.skipped = 6,
	};
	struct page page;
	json_t *root;

	sample_rows(rows);
	stats.counters[WL_CNT_SLOW_LOST] = 7;
	stats.counters[WL_CNT_HOPS] = 2;
	stats.counters[WL_CNT_KEPT_EVICTED] = 3;
	stats.counters[WL_CNT_STARTED] = 1ull << 60;
	page_open(&page);
	assert_int_equal(page.sink->ops->stats(page.sink, &stats), 0);
	root = page_parse(&page);
	check_text(root, "type", "stats");
	check_int(root, "duration_ns", 60000000000);
	check_text(root, "targets.0.process", "memcached");
	check_text(root, "targets.0.comm", "mc-worker");
	check_text(root, "targets.0.stimulus.kind", "softirq");
	check_int(root, "targets.0.stimulus.nr", 3);
	check_text(root, "targets.0.stimulus.name", "NET_RX");
	check_int(root, "targets.0.count", 51234);
	check_int(root, "targets.0.merged", 12);
	check_int(root, "targets.0.mean_ns", 38000);
	check_int(root, "targets.0.p50_ns", 35000);
	check_int(root, "targets.0.p90_ns", 52000);
	check_int(root, "targets.0.p99_ns", 410000);
	check_int(root, "targets.0.p999_ns", 1200000);
	check_int(root, "targets.0.max_ns", 12410000);
	check_int(root, "targets.0.typical.ns", 38000);
	check_null(root, "targets.1.typical");
	check_int(root, "slow", 3);
	check_int(root, "suppressed", 1);
	check_int(root, "captures.taken", 2);
	check_int(root, "captures.not_worse", 1);
	check_int(root, "captures.too_soon", 0);
	check_int(root, "lost.events", 5);
	check_int(root, "lost.responses", 7);
	check_int(root, "lost.chains", 5);
	check_int(root, "lost.skipped", 6);
	check_int(root, "counters.started", 1ll << 60);
	assert_int_equal(json_object_size(at(root, "counters")), WL_CNT_MAX);
	json_decref(root);
}

static void test_start(void **state)
{
	struct wl_config config = {
		.over_ns = 5000000, .ncpu = 2, .record = 1, .ring_size = 1 << 22
	};
	struct wl_start_info info = {
		.version = "0.1.0",
		.command_line = "whylate watch -n '\x1b[2J\xff'",
		.target = "every task",
		.until = "turn",
		.over = "5ms",
		.kernel = "6.1.0",
		.boot_to_real_ns = 1795203067000000001,
		.memory_bytes = 8 << 20,
		.captures = "/tmp/\xff",
		.config = &config,
	};
	struct page page;
	json_t *root;

	page_open(&page);
	assert_int_equal(page.sink->ops->start(page.sink, &info), 0);
	root = page_parse(&page);
	check_text(root, "type", "start");
	check_text(root, "version", "0.1.0");
	check_text(root, "kernel", "6.1.0");
	check_text(root, "options.over", "5ms");
	check_int(root, "options.over_ns", 5000000);
	check_text(root, "clock.to_realtime_ns", "1795203067000000001");
	check_int(root, "options.ring_bytes", 1 << 22);
	check_text(root, "captures", "/tmp/\xef\xbf\xbd");
	json_decref(root);
}

/* Whatever the numbers are, what comes out is a line of JSON. */
static void test_damaged_report(void **state)
{
	struct wl_report report;
	json_t *root;

	memset(&report, 0x07, sizeof(report));
	report.names.cgroup = report.capture = NULL;
	report.stack = NULL;
	memset(report.names.stimulus, 0, sizeof(report.names.stimulus));
	memset(report.names.syscall, 0, sizeof(report.names.syscall));
	memset(report.idle_hint, 0, sizeof(report.idle_hint));
	report.typical.known = false;
	wl_cause_find(&report);
	report.cause.share = NAN;
	root = slow_line(&report);
	check_text(root, "stimulus.kind", "unknown");
	check_text(root, "end.kind", "timeout");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow),           cmocka_unit_test(test_segments_sum),
		cmocka_unit_test(test_culprits),       cmocka_unit_test(test_unknown_things),
		cmocka_unit_test(test_timeout),        cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_stats),          cmocka_unit_test(test_start),
		cmocka_unit_test(test_damaged_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
