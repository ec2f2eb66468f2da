/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Verdicts and summaries as people see them: what they say, how wide they are, that they are safe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "explain/names.h"
#include "output/sample.h"
#include "output/text.h"

static struct wl_style plain = { .width = 80, .over_ns = 5000000 };

struct page {
	FILE *out;
	char *text;
	size_t size;
};

static void page_open(struct page *page)
{
	*page = (struct page){ 0 };
	page->out = open_memstream(&page->text, &page->size);
	assert_non_null(page->out);
}

static char *page_close(struct page *page)
{
	assert_int_equal(wl_text_flush(page->out), 0);
	fclose(page->out);
	return page->text;
}

static char *verdict(const struct wl_style *style, const struct wl_report *report)
{
	struct page page;

	page_open(&page);
	wl_text_verdict(page.out, style, report);
	return page_close(&page);
}

static char *summary(const struct wl_style *style, const struct wl_stats *stats)
{
	struct page page;

	page_open(&page);
	wl_text_summary(page.out, style, stats);
	return page_close(&page);
}

static void check_width(const char *text, unsigned int width)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > width)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void check_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 && *text != '\n')
			fail_msg("control byte 0x%02x in: %s", (unsigned char)*text, text);
		else if ((unsigned char)*text >= 0x7f)
			fail_msg("byte 0x%02x in: %s", (unsigned char)*text, text);
}

static void check_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in: %s", part, text);
}

static void check_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in: %s", part, text);
}

static void test_verdict(void **state)
{
	struct wl_report report = sample_report();
	char *text = verdict(&plain, &report);

	assert_string_equal(
		text,
		"19:41:07.123 slow 12.0ms memcached/mc-worker/1240, typical 38.0us, "
		"from irq 36 virtio1-req.0 (#17)\n"
		"    cause   100% waited 11.9ms for cpu1, held by logger/812 (SCHED_FIFO 50)\n"
		"    path    irq 1.80us > softirq_delay 12.0us > softirq 20.1us > "
		"wakeup 11.9ms >\n"
		"            running 38.0us\n");
	free(text);
	check_width(text = verdict(&(struct wl_style){ .width = 60 }, &report), 100);
	free(text);
}

#define SAMPLE_STEPS                                                                               \
	"begin at +34.0us in thread 1239, parsed at +1.00ms, stored at +2.00ms in thread 1240"

static void test_work(void **state)
{
	struct wl_report report = sample_report();
	struct wl_style wide = { .width = 200 };
	char *text;

	sample_work(&report, NULL);
	check_contains(text = verdict(&wide, &report), "    work    4711: " SAMPLE_STEPS "\n");
	free(text);
	report.slow.work.steps = WL_WORK_STEPS + 3;
	check_contains(text = verdict(&wide, &report), ", and 3 more\n");
	free(text);
	report.slow.work.steps = 0;
	report.slow.work.begun = 0;
	check_contains(text = verdict(&wide, &report), "    work    4711: no begin mark\n");
	free(text);
	/* what looks like more of the line is a part of the cookie */
	sample_work(&report, "a\": begin at +1ns \"" SAMPLE_HOSTILE);
	text = verdict(&wide, &report);
	check_contains(
		text, "    work    \"a\\x22: begin at +1ns \\x22\\x1b[2J\\xff\\x0a\": " SAMPLE_STEPS
		      "\n");
	check_printable(text);
	free(text);
	report.slow.work.kind = WL_COOKIE_NONE;
	check_lacks(text = verdict(&wide, &report), "    work ");
	free(text);
}

static void test_verdict_verbose(void **state)
{
	struct wl_style verbose = { .width = 80, .verbose = 1 };
	struct wl_report report = sample_report();
	char *text;

	report.slow.path.h.merged = 3;
	report.lost = 12;
	report.capture = (char[]){ "whylate-captures/2026" };
	text = verdict(&verbose, &report);
	check_contains(text,
		       "            wakeup         11.9ms  cpu1   logger/812 (SCHED_FIFO 50)\n");
	check_contains(text, "    end     idle in epoll_wait on cpu1\n");
	check_contains(text, "    merged  3 more requests answered in it\n");
	check_contains(text, "    lost    12 events meanwhile: the path may be wrong\n");
	check_contains(text, "    capture whylate-captures/2026\n");
	check_width(text, 100);
	check_printable(text);
	free(text);
}

static void test_verdict_timeout(void **state)
{
	char stack[3][64] = { "futex_wait_queue", "do_futex", "__x64_sys_futex" };
	struct wl_report report = sample_begin();
	char *text;

	report.slow.reason = WL_REASON_TIMEOUT;
	report.slow.nstack = 3;
	report.stack = stack;
	strcpy(report.idle_hint, "epoll_wait:9");
	sample_seg(&report, WL_SEG_RUNNING, 20000, 1, NULL);
	sample_seg(&report, WL_SEG_TASK, 1020000000, 1, NULL);
	wl_cause_find(&report);
	text = verdict(&plain, &report);
	check_contains(text, "stuck 1.02s memcached/mc-worker/1240, not finished, from irq 36");
	check_contains(text, "has been waiting 1.02s for another task or an event; not\n"
			     "            finished\n");
	check_contains(text, "running 20.0us > task 1.02s so far\n");
	check_contains(text, "futex_wait_queue < do_futex < __x64_sys_futex\n");
	check_contains(text, "if this is where the thread waits for work: --idle epoll_wait:9");
	check_width(text, 100);
	free(text);
}

static void test_verdict_hostile(void **state)
{
	char stack[1][64] = { SAMPLE_HOSTILE };
	struct wl_report report = sample_report();
	struct wl_style verbose = plain;
	char *text;

	sample_make_hostile(&report);
	report.slow.nstack = 1;
	report.stack = stack;
	report.capture = (char[]){ SAMPLE_HOSTILE };
	for (verbose.verbose = 0; verbose.verbose < 2; verbose.verbose++) {
		text = verdict(&verbose, &report);
		check_printable(text);
		check_contains(text, "\\x1b[2J\\xff\\x0a");
		free(text);
	}
}

static void test_color(void **state)
{
	struct wl_style color = { .width = 80, .color = true };
	struct wl_report report = sample_report();
	char *text = verdict(&color, &report);

	check_contains(text, "\x1b[1;31mslow 12.0ms\x1b[0m");
	free(text);
}

static void test_color_auto(void **state)
{
	struct wl_text_options options = { .color = WL_COLOR_AUTO };
	struct wl_style style;
	struct page page;

	page_open(&page);
	wl_style_init(&style, page.out, &options);
	assert_false(style.color);
	assert_int_equal(style.width, 80);
	options.color = WL_COLOR_ALWAYS;
	options.width = 3;
	wl_style_init(&style, page.out, &options);
	assert_true(style.color);
	assert_true(style.width >= 20);
	free(page_close(&page));
}

static void test_summary(void **state)
{
	struct wl_row rows[2];
	struct wl_stats stats = { .duration_ns = 60000000000,
				  .rows = rows,
				  .nrows = 2,
				  .slow = 3,
				  .timeouts = 1,
				  .suppressed = 2 };
	char *text;

	sample_rows(rows);
	stats.counters[WL_CNT_STATE_MISSING] = 3;
	stats.counters[WL_CNT_STARTED] = 70000;
	text = summary(&plain, &stats);
	assert_string_equal(
		text,
		"TARGET              FROM    COUNT   MEAN    P50    P90    P99  P99.9    MAX\n"
		"memcached/mc-worker NET_RX 51,234 38.0us 35.0us 52.0us  410us 1.20ms 12.4ms\n"
		"    typical 38.0us: running 71%, wakeup 24%, softirq 6%; 12 more requests merged\n"
		"            into them\n"
		"memcached           timer      60 51.0us 50.0us 61.0us 87.0us 88.0us 88.0us\n"
		"3 slow of 51,294 responses in 60 s, p99 at most 410us, worst 12.4ms; "
		"1 seen stuck; 2 without a capture (limits)\n"
		"lost: 3 state_missing (task without state)\n");
	free(text);
	text = summary(&(struct wl_style){ .width = 100, .verbose = 1 }, &stats);
	check_contains(text, "softirq NET_RX");
	check_contains(text, "counted: 70,000 started");
	check_lacks(text, "lost: 0");
	check_width(text, 115);
	free(text);
	text = summary(&(struct wl_style){ .width = 100, .verbose = 2 }, &stats);
	check_contains(text, "lost: 0 hops");
	free(text);
}

static void test_nothing_slow(void **state)
{
	struct wl_row rows[2];
	struct wl_stats stats = { .duration_ns = 60000000000, .rows = rows, .nrows = 1 };
	struct wl_style not_fixed = { .width = 80 };
	char *text;

	sample_rows(rows);
	rows[0].max = 1200000;
	rows[0].count = 12345;
	text = summary(&plain, &stats);
	check_contains(text, "no response over 5ms in 60 s (12,345 responses, p99 410us, "
			     "worst 1.20ms); try --over 1ms\n");
	free(text);
	stats.busy_periods = true;
	text = summary(&plain, &stats);
	check_contains(text, "no busy period over 5ms in 60 s (12,345 busy periods, p99");
	free(text);
	stats.busy_periods = false;
	text = summary(&not_fixed, &stats);
	check_contains(text, "no slow response in 60 s (12,345 responses, ");
	free(text);
	/* Nothing useful to try. */
	rows[0].max = 900;
	text = summary(&plain, &stats);
	check_lacks(text, "try");
	free(text);
	stats.nrows = 0;
	stats.duration_ns = 2500000000;
	text = summary(&plain, &stats);
	assert_string_equal(text, "no response in 2.5 s\n");
	free(text);
}

static void test_round_values(void **state)
{
	static const struct {
		uint64_t worst;
		const char *value;
	} cases[] = {
		{ 1001, "1us" },      { 2000, "1us" },        { 2001, "2us" },
		{ 999999, "500us" },  { 1000000, "500us" },   { 1000001, "1ms" },
		{ 3000000000, "2s" }, { 70000000000, "50s" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wl_row row = { .count = 1, .max = cases[i].worst };
		struct wl_stats stats = { .duration_ns = 1, .rows = &row, .nrows = 1 };
		char *text = summary(&(struct wl_style){ .width = 80 }, &stats), expected[64];

		snprintf(expected, sizeof(expected), "; try --over %s\n", cases[i].value);
		check_contains(text, expected);
		free(text);
	}
}

static void test_table(void **state)
{
	struct wl_row rows[50];
	struct wl_stats stats = { .duration_ns = 1, .rows = rows, .nrows = 50 };
	struct page page;
	char *text;

	for (unsigned int i = 0; i < 50; i += 2)
		sample_rows(&rows[i]);
	memcpy(rows[1].key.process, SAMPLE_HOSTILE, sizeof(SAMPLE_HOSTILE));
	memset(rows[1].key.comm, '\xfe', WL_COMM_LEN);
	memset(rows[1].stim_name, '\xfe', sizeof(rows[1].stim_name));
	rows[1].key.stim_kind = WL_STIM_IRQ;
	for (unsigned int width = 70; width < 120; width++) {
		unsigned int lines = 0;

		page_open(&page);
		wl_text_table(page.out, &(struct wl_style){ .width = width }, &stats, 10);
		text = page_close(&page);
		check_width(text, width);
		check_printable(text);
		check_contains(text, "and 41 more\n");
		for (const char *c = text; *c; c++)
			lines += *c == '\n';
		assert_int_equal(lines, 11);
		free(text);
	}
}

static void test_start(void **state)
{
	struct wl_start_info info = {
		.target = "process or thread named '\x1b[2J'",
		.until = "turn",
		.over = "5ms",
		.memory_bytes = 8 << 20,
	};
	struct page page;
	char *text;

	page_open(&page);
	wl_text_start(page.out, &plain, &info);
	text = page_close(&page);
	check_printable(text);
	check_contains(text, "watching process or thread named '\\x1b[2J', until turn, "
			     "slow is over 5ms");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_verdict),
		cmocka_unit_test(test_verdict_verbose),
		cmocka_unit_test(test_verdict_timeout),
		cmocka_unit_test(test_verdict_hostile),
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_color_auto),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_nothing_slow),
		cmocka_unit_test(test_round_values),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_start),
	};

	/* Times in verdicts are local ones. */
	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
