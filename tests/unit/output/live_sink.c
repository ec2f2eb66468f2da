/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The live table on a small terminal of our own, which knows the escape sequences that the sink may
 * use and nothing else, and remembers what scrolled out of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/sample.h"
#include "output/sink.h"

#define COLUMNS 100
#define HISTORY 400
#define LINES 24

struct terminal {
	char line[HISTORY][COLUMNS + 1]; /* scrollback and screen */
	unsigned int row, column, last;  /* last: lowest row that was reached */
	bool hidden;
};

static unsigned int screen_top(const struct terminal *t)
{
	return t->last >= LINES ? t->last - LINES + 1 : 0;
}

static const char *terminal_escape(struct terminal *t, const char *text)
{
	unsigned int n = 0;

	if (!strncmp(text, "\x1b[?25", 5)) {
		assert_true(text[5] == 'h' || text[5] == 'l');
		t->hidden = text[5] == 'l';
		return text + 6;
	}
	assert_memory_equal(text, "\x1b[", 2);
	for (text += 2; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (unsigned int)(*text - '0');
	if (*text == 'A') {
		/* A cursor that would leave the screen means a wrong count of lines. */
		assert_true(t->row >= screen_top(t) + n);
		t->row -= n;
	} else if (*text == 'J') {
		assert_int_equal(t->column, 0);
		for (unsigned int i = t->row; i <= t->last; i++)
			memset(t->line[i], 0, sizeof(t->line[i]));
	} else {
		fail_msg("escape sequence ends in %c", *text);
	}
	return text + 1;
}

static void terminal_show(struct terminal *t, const char *text)
{
	while (*text) {
		if (*text == '\x1b') {
			text = terminal_escape(t, text);
			continue;
		}
		if (*text == '\n') {
			t->row++;
			t->column = 0;
		} else if (*text == '\r') {
			t->column = 0;
		} else {
			assert_true((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f);
			if (t->column == COLUMNS) {
				t->row++;
				t->column = 0;
			}
			t->line[t->row][t->column++] = *text;
		}
		assert_true(t->row < HISTORY);
		t->last = t->row > t->last ? t->row : t->last;
		text++;
	}
}

static unsigned int lines_with(const struct terminal *t, const char *part)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i <= t->last; i++)
		n += strstr(t->line[i], part) != NULL;
	return n;
}

struct page {
	struct wl_sink *sink;
	struct terminal *terminal;
	FILE *out;
	char *text;
	size_t size, seen;
};

static void page_open(struct page *page, bool quiet)
{
	struct wl_text_options options = {
		.width = COLUMNS,
		.color = WL_COLOR_NEVER,
		.over_ns = 5000000,
		.quiet = quiet,
	};

	*page = (struct page){ 0 };
	page->terminal = calloc(1, sizeof(*page->terminal));
	page->out = open_memstream(&page->text, &page->size);
	assert_non_null(page->terminal);
	assert_non_null(page->out);
	assert_int_equal(wl_live_sink_open(&page->sink, page->out, &options), 0);
}

/* Lets the terminal show what came since the last time. */
static void page_show(struct page *page)
{
	fflush(page->out);
	terminal_show(page->terminal, page->text + page->seen);
	page->seen = page->size;
}

static void page_close(struct page *page)
{
	fclose(page->out);
	free(page->text);
	free(page->terminal);
}

static void refresh(struct page *page, unsigned int nrows, uint64_t count)
{
	struct wl_row rows[60];
	struct wl_stats stats = { .duration_ns = count, .rows = rows, .nrows = nrows };

	for (unsigned int i = 0; i + 1 < 60; i += 2)
		sample_rows(&rows[i]);
	rows[0].count = count;
	assert_int_equal(page->sink->ops->refresh(page->sink, &stats), 0);
	page_show(page);
	assert_false(page->terminal->hidden);
	assert_int_equal(page->terminal->column, 0);
}

static void test_redraws_in_place(void **state)
{
	struct page page;

	page_open(&page, false);
	for (unsigned int i = 0; i < 50; i++) {
		refresh(&page, 1 + i % 3, 1000 + i);
		assert_int_equal(lines_with(page.terminal, "TARGET"), 1);
	}
	assert_true(page.terminal->last < 10);
	assert_int_equal(lines_with(page.terminal, "1,049"), 1);
	page.sink->ops->close(page.sink);
	page_close(&page);
}

static void test_verdicts_scroll_above(void **state)
{
	struct wl_report report = sample_report();
	struct page page;

	page_open(&page, false);
	for (unsigned int i = 0; i < 20; i++) {
		refresh(&page, 3, 1000 + i);
		assert_int_equal(page.sink->ops->slow(page.sink, &report), 0);
		page_show(&page);
		assert_int_equal(lines_with(page.terminal, "slow 12.0ms"), i + 1);
		assert_int_equal(lines_with(page.terminal, "TARGET"), 1);
	}
	assert_int_equal(page.sink->ops->note(page.sink, "a \x1b[2J note"), 0);
	page_show(&page);
	assert_int_equal(lines_with(page.terminal, "a \\x1b[2J note"), 1);
	assert_int_equal(lines_with(page.terminal, "TARGET"), 1);
	page.sink->ops->close(page.sink);
	page_close(&page);
}

/* More rows than the screen has: the table still fits, so that it can be erased. */
static void test_many_rows(void **state)
{
	struct page page;

	page_open(&page, false);
	for (unsigned int i = 0; i < 10; i++) {
		refresh(&page, 50, 1000 + i);
		assert_int_equal(lines_with(page.terminal, "TARGET"), 1);
		assert_int_equal(lines_with(page.terminal, "and 31 more"), 1);
	}
	assert_true(page.terminal->last <= LINES - 2);
	page.sink->ops->close(page.sink);
	page_close(&page);
}

static void test_summary_and_close(void **state)
{
	struct wl_row rows[2];
	struct wl_stats stats = { .duration_ns = 3000000000, .rows = rows, .nrows = 2 };
	struct page page;

	sample_rows(rows);
	page_open(&page, false);
	refresh(&page, 2, 1000);
	assert_int_equal(page.sink->ops->stats(page.sink, &stats), 0);
	page.sink->ops->close(page.sink);
	page_show(&page);
	assert_int_equal(lines_with(page.terminal, "TARGET"), 1);
	assert_int_equal(lines_with(page.terminal, "no response over 5ms in 3 s"), 1);
	assert_memory_equal(page.text + page.size - 6, "\x1b[?25h", 6);
	page_close(&page);
}

static void test_quiet(void **state)
{
	struct page page;

	page_open(&page, true);
	refresh(&page, 2, 1000);
	assert_int_equal(page.sink->ops->note(page.sink, "note"), 0);
	fflush(page.out);
	assert_int_equal(page.size, 0);
	page.sink->ops->close(page.sink);
	page_close(&page);
}

static void test_hostile_names(void **state)
{
	struct wl_report report = sample_report();
	struct page page;

	sample_make_hostile(&report);
	page_open(&page, false);
	refresh(&page, 2, 1000);
	assert_int_equal(page.sink->ops->slow(page.sink, &report), 0);
	/* The terminal refuses every escape sequence that is not the sink's own. */
	page_show(&page);
	page.sink->ops->close(page.sink);
	page_close(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redraws_in_place),
		cmocka_unit_test(test_verdicts_scroll_above),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_summary_and_close),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_hostile_names),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
