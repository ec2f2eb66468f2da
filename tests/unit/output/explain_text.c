/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "explain/cause.h"
#include "output/explain_text.h"
#include "output/explained.h"

static char *print(const struct wl_explained *x, bool unicode, unsigned width, bool verbose,
		   bool color)
{
	struct wl_style style = { .width = width, .verbose = verbose, .color = color };
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(wl_explain_text(out, &style, unicode, x), 0);
	fclose(out);
	return text;
}

static void check_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing in:\n%s", part, text);
}

static void check_hasnt(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' is in:\n%s", part, text);
}

static void test_sample(void **state)
{
	static const char expected[] =
		"memcached/mc-worker/1240 took 12.0ms, 315 times the usual 38.0us: waited 11.9ms\n"
		"for cpu1, held by logger/812 (SCHED_FIFO 50).\n"
		"\n"
		"    who     thread mc-worker (1240) of process memcached (1234)\n"
		"    when    2026-11-21 19:41:07.111464, 81106.437283881 on the trace's clock\n"
		"    from    irq 36 virtio1-req.0 on cpu0\n"
		"    to      idle in epoll_wait on cpu1, 12.0ms later\n"
		"    usual   38.0us, of 51,234 responses; slow was over 5.00ms\n"
		"\n"
		"Where the time went\n"
		"                      time                                     usual    excess\n"
		"    wakeup          11.9ms  ##############################    9.00us   +11.9ms\n"
		"    softirq         20.1us  #                                 2.10us   +18.0us\n"
		"    softirq_delay   12.0us  #                                    0ns   +12.0us\n"
		"    running         38.0us  #                                 26.9us   +11.1us\n"
		"    in all          12.0ms                                    38.0us   +12.0ms\n"
		"\n"
		"How it went\n"
		"   0.000ms   1.80us  |- interrupt 36 virtio1-req.0 on cpu1\n"
		"   0.002ms   12.0us  |- softirq raised, did not run yet\n"
		"   0.014ms   20.1us  |- softirq on cpu1\n"
		"   0.034ms   11.9ms  |- woken, waited for cpu1\n"
		"   0.034ms   11.0ms  | `- held by logger/812 (SCHED_FIFO 50) <-- root cause\n"
		"   0.040ms   3.00ms  |   `- block request vda sector 1099511627776, 4 KiB\n"
		"                     |       written, 1.00ms of it before the disk had it; 2\n"
		"                     |       others in the queue before it\n"
		"  11.954ms   38.0us  `- ran on cpu1, in read\n"
		"\n"
		"Verdict\n"
		"    root    logger/812 (SCHED_FIFO 50), for 11.0ms of it\n"
		"    trust   likely: 12 events of the trace were lost\n"
		"    advice  give it another CPU\n";
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	text = print(&s.x, false, 80, false, false);
	assert_string_equal(text, expected);
	free(text);
}

static void test_work(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	sample_work(&s.x.report, "GET /");
	text = print(&s.x, false, 200, false, false);
	check_has(text,
		  "    work    \"GET /\": begin at +34.0us in thread 1239, parsed at +1.00ms, "
		  "stored at +2.00ms in thread 1240\n");
	free(text);
}

static void test_unicode(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	text = print(&s.x, true, 80, false, false);
	check_has(text, "11.9ms  \u2588\u2588");
	check_has(text, "  20.1us  \u258f ");
	check_has(text, "\u251c\u2500 woken, waited for cpu1");
	check_has(text, "\u2502 \u2514\u2500 held by logger/812 (SCHED_FIFO 50) \u25c0 root cause");
	check_has(text, "\u2514\u2500 ran on cpu1, in read");
	free(text);
	text = print(&s.x, false, 80, true, false);
	check_has(text, "seen 3 times in spin");
	free(text);
	s.nodes[7].kind = WL_SEG_LOCK;
	s.nodes[8].flags = 0;
	text = print(&s.x, false, 80, true, false);
	check_has(text, "asleep in spin (kernel)");
	free(text);
}

static void test_not_typical(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	memset(&s.x.report.typical, 0, sizeof(s.x.report.typical));
	s.x.report.time.sec = 0;
	s.x.report.slow.reason = WL_REASON_TIMEOUT;
	s.x.report.slow.threshold_ns = 0;
	s.x.root.ctx = WL_WHO_NONE;
	s.x.advice[0] = '\0';
	text = print(&s.x, false, 80, false, false);
	check_has(text, "/1240 has taken 12.0ms so far, and had not finished: ");
	check_has(text, "    when    81106.437283881 on the trace's clock\n");
	check_has(text, "    to      timeout in epoll_wait");
	check_has(text, "    usual   not known: fewer than 100 responses\n");
	check_hasnt(text, "excess");
	check_hasnt(text, " \n");
	check_hasnt(text, "    root  ");
	check_hasnt(text, "advice");
	free(text);
}

/* Long lists are told in sum, unless all is asked for. */
static void test_shortened(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	for (unsigned i = 0; i < 20; i++)
		explained_node(&s, 4, WL_NODE_HELD, WL_SEG_RUNNING, 34000 + i, 200000 + i)->who =
			s.x.root;
	text = print(&s.x, false, 80, false, false);
	check_has(text, "             2.60ms  | |- ... 13 more\n");
	free(text);
	text = print(&s.x, true, 80, false, false);
	check_has(text, "\u2502 \u251c\u2500 \u2026 13 more\n");
	free(text);
	text = print(&s.x, false, 80, true, false);
	check_hasnt(text, "more");
	free(text);
}

static unsigned widest(const char *text)
{
	unsigned width = 0;

	for (; *text; text += strcspn(text, "\n") + 1) {
		char line[1024];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		if (wl_text_columns(line) > width)
			width = wl_text_columns(line);
	}
	return width;
}

static void test_width(void **state)
{
	struct sample_explained s;

	sample_explain(&s);
	for (unsigned width = 60; width < 200; width += 7) {
		char *text = print(&s.x, width % 2, width, false, false);

		if (widest(text) > width)
			fail_msg("%u columns, %u were asked for:\n%s", widest(text), width, text);
		free(text);
	}
}

/* However deep it is, it ends, and no line begins beyond the page. */
static void test_deep(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	for (uint32_t i = 4; s.x.nnodes < EXPLAINED_NODES; i = (uint32_t)s.x.nnodes - 1) {
		struct wl_node *n =
			explained_node(&s, i, WL_NODE_WAITED, WL_SEG_TASK, 33900, 9000000);

		n->who = s.x.root;
		n->flags = WL_NODE_F_CAUSE;
	}
	text = print(&s.x, true, 80, true, false);
	check_has(text, "for logger/812 (SCHED_FIFO 50), which meanwhile\n");
	free(text);
}

/* Nothing but text, colours where they are asked for, and line ends. */
static void check_harmless(const char *text)
{
	for (const unsigned char *c = (const unsigned char *)text; *c; c++)
		if ((*c < 0x20 && *c != '\n') || *c == 0x7f)
			fail_msg("byte %#x in:\n%s", *c, text);
	check_hasnt(text, "\xc2\x9b");
}

static void test_hostile(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	explained_make_hostile(&s);
	for (int i = 0; i < 4; i++) {
		text = print(&s.x, i & 1, 80, i & 2, false);
		check_harmless(text);
		check_has(text, "\\x1b[2J\\xff\\x0a");
		free(text);
	}
	text = print(&s.x, true, 80, false, true);
	check_has(text, "\x1b[1;31m");
	free(text);
}

/* Requests and names that are not known; kinds beyond the list. */
static void test_unknown(void **state)
{
	struct sample_explained s;
	char *text;

	sample_explain(&s);
	memset(&s.x.names, 0, sizeof(s.x.names));
	s.nodes[2].kind = 99;
	s.nodes[3].kind = WL_SEG_TASK;
	s.nodes[3].call = -1;
	text = print(&s.x, false, 80, false, false);
	check_has(text, "block request 254:0 sector");
	check_has(text, "|- unknown\n");
	check_has(text, "|- blocked: waited for another task, in a page fault\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_work),      cmocka_unit_test(test_sample),
		cmocka_unit_test(test_unicode),   cmocka_unit_test(test_not_typical),
		cmocka_unit_test(test_shortened), cmocka_unit_test(test_width),
		cmocka_unit_test(test_deep),      cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_unknown),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
