/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/html.h"

#include "../../html/sample.h"
#include "../test.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA_BEGIN "<script type=\"application/json\" id=\"data\">"

static char *write_page(const struct wl_explained *x, size_t *size)
{
	char *page = NULL;
	FILE *out = open_memstream(&page, size);

	assert_non_null(out);
	assert_int_equal(wl_html_write(out, x), 0);
	assert_int_equal(fclose(out), 0);
	return page;
}

static char *page_of(const struct sample_options *options, size_t *size)
{
	struct wl_explained *x = sample_new(options);
	char *page;

	assert_non_null(x);
	page = write_page(x, size);
	sample_free(x);
	return page;
}

/* The data block, as a browser finds its end. */
static char *data_of(const char *page)
{
	const char *begin = strstr(page, DATA_BEGIN), *end;

	assert_non_null(begin);
	begin += strlen(DATA_BEGIN);
	end = strstr(begin, "</script");
	assert_non_null(end);
	return strndup(begin, (size_t)(end - begin));
}

static json_t *json_of(const char *page)
{
	char *data = data_of(page);
	json_error_t error;
	json_t *json = json_loads(data, 0, &error);

	if (!json)
		fail_msg("%s at %d", error.text, error.position);
	free(data);
	return json;
}

static json_t *json_for(const struct sample_options *options)
{
	size_t size;
	char *page = page_of(options, &size);
	json_t *json = json_of(page);

	free(page);
	return json;
}

static json_int_t number(const json_t *array, size_t index)
{
	const json_t *value = json_array_get(array, index);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static size_t occurrences(const char *text, const char *word)
{
	size_t n = 0;

	for (text = strstr(text, word); text; text = strstr(text + 1, word))
		n++;
	return n;
}

/* ---- one file that loads nothing ---- */

static void test_page_is_closed(void **state)
{
	size_t size;
	char *page = page_of(&(struct sample_options){ 0 }, &size);

	assert_int_equal(strlen(page), size);
	assert_int_equal(strncmp(page, "<!DOCTYPE html>", 15), 0);
	assert_non_null(strstr(page, "default-src 'none'; style-src 'sha256-"));
	assert_null(strstr(page, "unsafe"));
	assert_null(strstr(page, "http:"));
	assert_null(strstr(page, "https:"));
	assert_null(strstr(page, " src="));
	assert_null(strstr(page, " href="));
	assert_null(strstr(page, "@DATA@"));
	assert_null(strstr(page, "innerHTML"));
	assert_string_equal(page + size - 8, "</html>\n");
	free(page);
}

static void test_data_says_what_happened(void **state)
{
	json_t *json = json_for(&(struct sample_options){ 0 });
	const json_t *cause = json_object_get(json, "cause");
	json_int_t sum = 0;

	assert_int_equal(json_integer_value(json_object_get(json, "response")), 26488000);
	assert_int_equal(json_integer_value(json_object_get(json, "typical")), 68000);
	assert_string_equal(json_string_value(json_object_get(json, "start")), "81106437283881");
	assert_non_null(strstr(json_string_value(json_object_get(cause, "text")), "backup/812"));
	assert_int_equal(json_integer_value(json_object_get(cause, "confidence")), WL_LIKELY);
	for (size_t i = 0; i < json_array_size(json_object_get(json, "budget")); i++)
		sum += number(json_array_get(json_object_get(json, "budget"), i), 1);
	assert_int_equal(sum, 26488000);
	json_decref(json);
}

/* parent, role, kind, flags, from, to, ns, ... as html_data.c writes them */
static void test_path_has_no_gap(void **state)
{
	json_t *json = json_for(&(struct sample_options){ 0 });
	const json_t *nodes = json_object_get(json, "nodes");
	json_int_t at = 0;

	assert_int_equal(number(json_array_get(nodes, 0), 0), -1);
	for (size_t i = 1; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);

		assert_in_range(number(node, 0), 0, i - 1);
		if (number(node, 0) || number(node, 1) != WL_NODE_PATH)
			continue;
		assert_int_equal(number(node, 4), at);
		at = number(node, 5);
	}
	assert_int_equal(at, 26488000);
	json_decref(json);
}

static void test_unknown_typical_is_null(void **state)
{
	json_t *json = json_for(&(struct sample_options){ .unknown = true });

	assert_true(json_is_null(json_object_get(json, "typical")));
	assert_true(json_is_null(
		json_array_get(json_array_get(json_object_get(json, "budget"), 0), 2)));
	json_decref(json);
}

/* ---- hostile names ---- */

static void check_hostile(const char *comm, const char *shown)
{
	const struct sample_options plain = { 0 };
	const struct sample_options options = { .culprit = comm, .other = comm, .target = comm };
	size_t size, plain_size;
	char *page = page_of(&options, &size), *data = data_of(page);
	char *normal = page_of(&plain, &plain_size);
	json_t *json = json_of(page);
	bool found = false;

	/* As many elements as without it, and none of it can be markup. */
	assert_int_equal(occurrences(page, "<"), occurrences(normal, "<"));
	assert_null(strpbrk(data, "<>&"));
	assert_null(strstr(data, "\xe2\x80\xa8"));
	assert_null(strstr(data, "\xe2\x80\xa9"));
	for (size_t i = 0; i < json_array_size(json_object_get(json, "tasks")); i++)
		found |= !strcmp(json_string_value(json_array_get(
					 json_array_get(json_object_get(json, "tasks"), i), 2)),
				 shown);
	assert_true(found);
	json_decref(json);
	free(normal);
	free(data);
	free(page);
}

static void test_names_are_escaped(void **state)
{
	check_hostile("<script>alert(1", "<script>alert(1");
	check_hostile("</script><b>", "</script><b>");
	check_hostile("<!--<script>", "<!--<script>");
	check_hostile("\"'&\\", "\"'&\\");
	check_hostile("]]>&lt;", "]]>&lt;");
	check_hostile("a\xff\xc0\x80", "a\\xff\\xc0\\x80");
	check_hostile("\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9");
	check_hostile("\xe2\x80\xae"
		      "evil",
		      "\\xe2\\x80\\xae"
		      "evil");
	check_hostile("\x1b[2J\n", "\\x1b[2J\\x0a");
	/* All 16 bytes, without a NUL. */
	check_hostile("0123456789abcdef", "0123456789abcdef");
}

/* Texts that are not escaped before: the data block has no way out for them either. */
static void test_every_text_is_escaped(void **state)
{
	struct wl_explained *x = sample_new(&(struct sample_options){ 0 });
	char capture[] = "/tmp/</script><script>alert(1)</script>", *page, *data;
	size_t size;
	json_t *json;

	snprintf(x->report.cause.text, sizeof(x->report.cause.text), "</script>\xe2\x80\xa8&\xff");
	snprintf(x->advice, sizeof(x->advice), "</script>");
	snprintf(x->caveats[0], sizeof(x->caveats[0]), "<b>");
	snprintf(x->report.names.stimulus, sizeof(x->report.names.stimulus), "<i>");
	snprintf(x->report.names.syscall, sizeof(x->report.names.syscall), "<i>");
	snprintf(x->report.idle_hint, sizeof(x->report.idle_hint), "<i>");
	x->report.names.cgroup = x->report.capture = capture;
	x->nodes[x->nnodes - 1].role = WL_NODE_FUNCTION;
	x->nodes[x->nnodes - 1].text = "operator<<(std::ostream&)";
	page = write_page(x, &size);
	data = data_of(page);
	assert_null(strpbrk(data, "<>&"));
	assert_null(strstr(data, "\xe2\x80\xa8"));
	json = json_of(page);
	assert_string_equal(json_string_value(json_object_get(json, "capture")), capture);
	json_decref(json);
	free(data);
	free(page);
	sample_free(x);
}

static void test_work(void **state)
{
	struct wl_explained *x = sample_new(&(struct sample_options){ 0 });
	struct wl_slow *slow = &x->report.slow;
	size_t size;
	char *page;
	json_t *json;

	slow->work = (struct wl_work){ .kind = WL_COOKIE_TEXT, .text = "<GET \"/\">", .steps = 1 };
	slow->work.begun = slow->path.h.start + 34000;
	slow->work.begun_tid = 7;
	slow->work.step[0] = (struct wl_work_step){ slow->path.h.start + 1000000, 7, 0, "<b>" };
	page = write_page(x, &size);
	json = json_of(page);
	assert_string_equal(json_string_value(json_object_get(json, "work")),
			    "\"<GET \\x22/\\x22>\": begin at +34.0us in thread 7, <b> at +1.00ms");
	json_decref(json);
	free(page);
	sample_free(x);
}

/* ---- lanes ---- */

/* Ends of the lane in units since the window's begin; checks that it is well formed. */
static json_int_t check_lane(const json_t *lane, size_t nkeys, size_t *merged)
{
	size_t n = json_array_size(lane), i = 0;
	json_int_t at = 0, key;

	while (i < n) {
		assert_true(number(lane, i) >= 0 && number(lane, i + 1) >= 0);
		at += number(lane, i) + number(lane, i + 1);
		key = number(lane, i + 2);
		i += 3;
		assert_in_range(key < 0 ? -1 - key : key, 0, nkeys - 1);
		if (key >= 0)
			continue;
		assert_in_range(number(lane, i), 2, UINT32_MAX);
		assert_in_range(number(lane, i + 1), 0, 1000);
		*merged += (size_t)number(lane, i);
		i += 2;
	}
	return at;
}

/* All lanes end in the window; returns how many stretches were merged. */
static size_t check_lanes(const json_t *json)
{
	const json_t *tl = json_object_get(json, "timeline"), *lane;
	json_int_t unit = json_integer_value(json_object_get(tl, "unit"));
	json_int_t span = (json_integer_value(json_object_get(tl, "end")) -
			   json_integer_value(json_object_get(tl, "begin"))) /
			  unit;
	size_t merged = 0, i, j;

	for (i = 0; i < json_array_size(json_object_get(tl, "cpus")); i++) {
		const json_t *cpu = json_array_get(json_object_get(tl, "cpus"), i);
		const json_t *frames = json_object_get(cpu, "frames");

		lane = json_object_get(cpu, "runs");
		assert_in_range(check_lane(lane, json_array_size(json_object_get(json, "tasks")),
					   &merged),
				1, span);
		for (j = 0; j < json_array_size(frames); j++)
			assert_in_range(check_lane(json_array_get(frames, j),
						   json_array_size(json_object_get(json, "whos")),
						   &merged),
					1, span);
	}
	for (i = 0; i < json_array_size(json_object_get(tl, "threads")); i++) {
		lane = json_object_get(json_array_get(json_object_get(tl, "threads"), i), "states");
		assert_int_equal(check_lane(lane, json_array_size(json_object_get(json, "looks")),
					    &merged),
				 span);
	}
	assert_int_equal(json_integer_value(json_object_get(tl, "merged")), merged);
	return merged;
}

static void test_lanes_are_well_formed(void **state)
{
	json_t *json = json_for(&(struct sample_options){ 0 });
	const json_t *tl = json_object_get(json, "timeline"), *first;

	check_lanes(json);
	/* The target first, then who is on the way to the cause. */
	first = json_array_get(json_object_get(tl, "threads"), 0);
	first = json_array_get(json_object_get(json, "tasks"),
			       (size_t)json_integer_value(json_object_get(first, "task")));
	assert_int_equal(number(first, 0), 1240);
	assert_int_equal(json_integer_value(json_object_get(tl, "begin")), -40000000);
	assert_int_equal(json_integer_value(json_object_get(tl, "inside")), 0);
	json_decref(json);
}

static size_t count_states(const struct wl_explained *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->timeline->ntasks; i++)
		n += x->timeline->tasks[i].n;
	return n;
}

/* A second of two busy CPUs, nearly all of it the response's own: nothing may be left as it is. */
static void test_size_is_bounded(void **state)
{
	const struct sample_options options = {
		.stretch = 30, .before = 100000000, .after = 100000000, .period = 16000
	};
	struct wl_explained *x = sample_new(&options);
	size_t size;
	char *page;
	json_t *json;

	assert_in_range(count_states(x), 150000, 1000000);
	page = write_page(x, &size);
	assert_in_range(size, WL_HTML_MAX / 2, WL_HTML_MAX);
	json = json_of(page);
	assert_true(check_lanes(json) > 100000);
	json_decref(json);
	free(page);
	sample_free(x);
}

/* A short response in a long window stands in it with all that happened. */
static void test_response_is_not_merged(void **state)
{
	const struct sample_options options = { .before = 500000000,
						.after = 500000000,
						.period = 22000 };
	json_t *json = json_for(&options);
	const json_t *tl = json_object_get(json, "timeline");

	assert_int_equal(json_integer_value(json_object_get(tl, "inside")), 0);
	assert_true(check_lanes(json) > 10000);
	json_decref(json);
}

/* Of a path with very many nodes the deepest are left off, but never the way to the cause. */
static void test_nodes_are_bounded(void **state)
{
	struct wl_explained *x = sample_new(&(struct sample_options){ 0 });
	size_t size, old = x->nnodes, n = 20000;
	struct wl_node *nodes = realloc(x->nodes, n * sizeof(*nodes));
	char *page;
	json_t *json;
	bool root = false;

	assert_non_null(nodes);
	x->nodes = nodes;
	for (x->nnodes = old; x->nnodes < n; x->nnodes++) {
		nodes[x->nnodes] = nodes[x->root_cause];
		nodes[x->nnodes].flags = 0;
		nodes[x->nnodes].parent = x->root_cause;
		nodes[x->nnodes].depth = nodes[x->root_cause].depth + 1;
		nodes[x->nnodes].first = nodes[x->nnodes].next = WL_NODE_NONE;
	}
	page = write_page(x, &size);
	json = json_of(page);
	assert_in_range(json_array_size(json_object_get(json, "nodes")), 2, 2000);
	for (size_t i = 0; i < json_array_size(json_object_get(json, "nodes")); i++)
		root |= number(json_array_get(json_object_get(json, "nodes"), i), 3) &
			WL_NODE_F_ROOT;
	assert_true(root);
	assert_in_range(json_integer_value(json_object_get(json, "nodes_left_out")), 18000, 20000);
	json_decref(json);
	free(page);
	sample_free(x);
}

static void test_without_a_timeline(void **state)
{
	struct wl_explained *x = sample_new(&(struct sample_options){ 0 });
	struct wl_timeline *tl = x->timeline;
	size_t size;
	char *page;
	json_t *json;

	x->timeline = NULL;
	page = write_page(x, &size);
	json = json_of(page);
	assert_true(json_is_null(json_object_get(json, "timeline")));
	x->timeline = tl;
	json_decref(json);
	free(page);
	sample_free(x);
}

static void test_write_error_is_told(void **state)
{
	struct wl_explained *x = sample_new(&(struct sample_options){ 0 });
	FILE *full = fopen("/dev/full", "w");

	assert_non_null(full);
	assert_int_equal(wl_html_write(full, x), -ENOSPC);
	fclose(full);
	sample_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_is_closed),
		cmocka_unit_test(test_data_says_what_happened),
		cmocka_unit_test(test_path_has_no_gap),
		cmocka_unit_test(test_unknown_typical_is_null),
		cmocka_unit_test(test_names_are_escaped),
		cmocka_unit_test(test_every_text_is_escaped),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_lanes_are_well_formed),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_response_is_not_merged),
		cmocka_unit_test(test_nodes_are_bounded),
		cmocka_unit_test(test_without_a_timeline),
		cmocka_unit_test(test_write_error_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
