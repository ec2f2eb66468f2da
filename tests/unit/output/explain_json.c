/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "explain/cause.h"
#include "output/explain_json.h"
#include "output/explained.h"

static json_t *print(const struct wl_explained *x)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_error_t error;
	json_t *root;

	assert_non_null(out);
	assert_int_equal(wl_explain_json(out, x), 0);
	fclose(out);
	assert_ptr_equal(strchr(text, '\n'), text + size - 1);
	root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s: %s", error.text, text);
	free(text);
	return root;
}

static void check(const json_t *root, const char *expected)
{
	char *text = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void test_members(void **state)
{
	struct sample_explained s;
	json_t *root;

	sample_explain(&s);
	root = print(&s.x);
	check(json_object_get(root, "type"), "\"slow\"");
	check(json_object_get(root, "response_ns"), "11991900");
	check(json_object_get(root, "why"), "\"cpu_rt\"");
	check(json_object_get(root, "via"), "null");
	check(json_object_get(root, "root"),
	      "{\"ns\":11000000,\"pid\":812,\"tid\":812,\"comm\":\"logger\",\"policy\":\"fifo\","
	      "\"prio\":50}");
	check(json_object_get(root, "confidence"), "\"likely\"");
	check(json_object_get(root, "caveats"), "[\"12 events of the trace were lost\"]");
	check(json_object_get(root, "advice"), "\"give it another CPU\"");
	check(json_object_get(root, "window"),
	      "{\"begin\":\"81106337283881\",\"end\":\"81106454275781\",\"lost\":0}");
	json_decref(root);
}

static void test_path(void **state)
{
	struct sample_explained s;
	json_t *root, *path;

	sample_explain(&s);
	root = print(&s.x);
	path = json_object_get(root, "path");
	assert_int_equal(json_array_size(path), 5);
	check(json_array_get(path, 0),
	      "{\"role\":\"path\",\"kind\":\"irq\",\"at_ns\":0,\"ns\":1800,\"cpu\":1,"
	      "\"who\":{\"irq\":36,\"name\":\"virtio1-req.0\"}}");
	check(json_array_get(path, 3),
	      "{\"role\":\"path\",\"kind\":\"wakeup\",\"at_ns\":33900,\"ns\":11920000,\"cpu\":1,"
	      "\"cause\":true,\"children\":[{\"role\":\"held\",\"kind\":\"running\","
	      "\"at_ns\":33900,\"ns\":11000000,\"cpu\":1,\"who\":{\"pid\":812,\"tid\":812,"
	      "\"comm\":\"logger\",\"policy\":\"fifo\",\"prio\":50},\"cause\":true,\"root\":true,"
	      "\"children\":[{\"role\":\"request\",\"kind\":\"io\",\"at_ns\":40000,\"ns\":3000000,"
	      "\"device\":\"vda\",\"sector\":1099511627776,\"sectors\":8,\"write\":true,"
	      "\"others_before\":2}]}]}");
	check(json_array_get(path, 4),
	      "{\"role\":\"path\",\"kind\":\"running\",\"at_ns\":11953900,\"ns\":38000,\"cpu\":1,"
	      "\"call\":\"read\",\"children\":[{\"role\":\"function\",\"kind\":\"running\","
	      "\"function\":\"spin\",\"user\":true,\"samples\":3}]}");
	json_decref(root);
}

/* A stretch may have begun before the stimulus; who may be nobody. */
static void test_edges(void **state)
{
	struct sample_explained s;
	json_t *root;

	sample_explain(&s);
	s.nodes[1].from -= 5000;
	s.nodes[2].flags = WL_NODE_F_FOLDED | WL_NODE_F_CUT;
	s.nodes[2].count = 12;
	s.x.root = (struct wl_who){ 0 };
	s.x.root_cause = WL_NODE_NONE;
	s.x.advice[0] = '\0';
	root = print(&s.x);
	check(json_object_get(json_array_get(json_object_get(root, "path"), 0), "at_ns"), "-5000");
	check(json_array_get(json_object_get(root, "path"), 1),
	      "{\"role\":\"path\",\"kind\":\"softirq_delay\",\"at_ns\":1800,\"ns\":12000,\"cpu\":1,"
	      "\"count\":12,\"cut\":true}");
	check(json_object_get(root, "root"), "null");
	check(json_object_get(root, "advice"), "null");
	json_decref(root);
	s.x.nnodes = 1;
	s.nodes[0].first = WL_NODE_NONE;
	root = print(&s.x);
	check(json_object_get(root, "path"), "[]");
	json_decref(root);
}

/* As deep as a tree may be: it is one line of JSON, whatever is left out. */
static void test_deep(void **state)
{
	struct sample_explained s;
	json_t *root, *path;
	unsigned depth = 0;

	sample_explain(&s);
	for (uint32_t i = 4; s.x.nnodes < EXPLAINED_NODES; i = (uint32_t)s.x.nnodes - 1)
		explained_node(&s, i, WL_NODE_WAITED, WL_SEG_TASK, 33900, 1000)->who = s.x.root;
	root = print(&s.x);
	path = json_object_get(json_array_get(json_object_get(root, "path"), 3), "children");
	for (path = json_array_get(path, 1); path; depth++)
		path = json_array_get(json_object_get(path, "children"), 0);
	assert_int_equal(depth, 27);
	json_decref(root);
}

static void test_hostile(void **state)
{
	struct sample_explained s;
	json_t *root;

	sample_explain(&s);
	explained_make_hostile(&s);
	root = print(&s.x);
	check(json_object_get(json_object_get(root, "root"), "comm_hex"), "\"1b5b324aff0a\"");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members), cmocka_unit_test(test_path),
		cmocka_unit_test(test_edges),   cmocka_unit_test(test_deep),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
