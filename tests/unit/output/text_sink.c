/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What goes where, and when: verdicts and summary to out at once, the rest to err and not often. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/sample.h"
#include "output/sink.h"

struct page {
	struct wl_sink *sink;
	FILE *out, *err;
	char *out_text, *err_text;
	size_t out_size, err_size;
};

static void page_open(struct page *page, bool quiet)
{
	struct wl_text_options options = { .width = 80, .over_ns = 5000000, .quiet = quiet };

	*page = (struct page){ 0 };
	page->out = open_memstream(&page->out_text, &page->out_size);
	page->err = open_memstream(&page->err_text, &page->err_size);
	assert_non_null(page->out);
	assert_non_null(page->err);
	assert_int_equal(wl_text_sink_open(&page->sink, page->out, page->err, &options), 0);
}

static void page_close(struct page *page)
{
	page->sink->ops->close(page->sink);
	fclose(page->out);
	fclose(page->err);
	free(page->out_text);
	free(page->err_text);
}

static unsigned int lines_of(const char *text)
{
	unsigned int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void run(struct page *page, unsigned int seconds)
{
	struct wl_row row[2];
	struct wl_stats stats = { .rows = row, .nrows = 2 };

	sample_rows(row);
	for (unsigned int i = 1; i <= seconds; i++) {
		stats.duration_ns = i * 1000000000ull;
		assert_int_equal(page->sink->ops->refresh(page->sink, &stats), 0);
	}
	assert_int_equal(page->sink->ops->stats(page->sink, &stats), 0);
	fflush(page->err);
}

static void test_verdict_at_once(void **state)
{
	struct wl_report report = sample_report();
	struct page page;

	page_open(&page, false);
	assert_int_equal(page.sink->ops->slow(page.sink, &report), 0);
	/* Without a flush of ours. */
	assert_non_null(page.out_text);
	assert_non_null(strstr(page.out_text, "slow 12.0ms memcached/mc-worker/1240"));
	page_close(&page);
}

static void test_progress(void **state)
{
	struct page page;

	page_open(&page, false);
	run(&page, 35);
	assert_int_equal(lines_of(page.err_text), 3);
	assert_memory_equal(page.err_text, "10 s: 51,294 responses, p99 at most 410us", 41);
	assert_non_null(strstr(page.out_text, "no response over 5ms in 35 s"));
	page_close(&page);

	page_open(&page, false);
	run(&page, 9);
	assert_int_equal(page.err_size, 0);
	page_close(&page);
}

static void test_quiet(void **state)
{
	struct wl_start_info info = { .target = "every task", .until = "turn", .over = "5ms" };
	struct page page;

	page_open(&page, true);
	assert_int_equal(page.sink->ops->start(page.sink, &info), 0);
	assert_int_equal(page.sink->ops->note(page.sink, "nothing woke it yet"), 0);
	run(&page, 35);
	assert_int_equal(page.err_size, 0);
	assert_true(page.out_size > 0);
	page_close(&page);
}

static void test_start_and_note(void **state)
{
	struct wl_start_info info = { .target = "every task", .until = "turn", .over = "5ms" };
	struct page page;

	page_open(&page, false);
	assert_int_equal(page.sink->ops->start(page.sink, &info), 0);
	assert_int_equal(page.sink->ops->note(page.sink, "task \x1b[2J never blocks"), 0);
	fflush(page.err);
	fflush(page.out);
	assert_int_equal(page.out_size, 0);
	assert_non_null(strstr(page.err_text, "watching every task"));
	assert_non_null(strstr(page.err_text, "task \\x1b[2J never blocks\n"));
	page_close(&page);
}

static void test_write_error(void **state)
{
	struct wl_text_options options = { .width = 80 };
	struct wl_report report = sample_report();
	FILE *full = fopen("/dev/full", "w");
	struct wl_sink *sink;

	if (!full)
		skip();
	assert_int_equal(wl_text_sink_open(&sink, full, stderr, &options), 0);
	assert_int_equal(sink->ops->slow(sink, &report), -ENOSPC);
	sink->ops->close(sink);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_at_once), cmocka_unit_test(test_progress),
		cmocka_unit_test(test_quiet),           cmocka_unit_test(test_start_and_note),
		cmocka_unit_test(test_write_error),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
