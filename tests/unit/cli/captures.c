/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate captures: what it prints, removes and refuses. `now` is a live test. */
#include "test.h"

#include <jansson.h>

#include "capture.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "directory.h"

#define MAX_ARGS 16

struct fixture {
	struct directory d;
	char before[PATH_MAX];
};

struct ran {
	int status;
	char out[8192], err[4096];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	directory_make(&f->d);
	assert_non_null(getcwd(f->before, sizeof(f->before)));
	assert_int_equal(chdir(f->d.path), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chdir(f->before), 0);
	directory_remove(&f->d);
	free(f);
	return 0;
}

static void run(struct ran *r, const char *line)
{
	char copy[1024], *argv[MAX_ARGS], *save = NULL;
	struct captured out, err;
	int argc = 0;

	strcpy(copy, line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	capture_begin(&out, STDOUT_FILENO);
	capture_begin(&err, STDERR_FILENO);
	r->status = wl_captures_main(argc, argv);
	capture_end(&err, r->err, sizeof(r->err));
	capture_end(&out, r->out, sizeof(r->out));
}

static void make_capture(int dirfd, const char *name, const char *response)
{
	char path[256];

	assert_int_equal(mkdirat(dirfd, name, 0700), 0);
	snprintf(path, sizeof(path), "%s/response.json", name);
	file_write(dirfd, path, response);
}

static void make_captures(const struct fixture *f)
{
	mkdirat(f->d.fd, "whylate-captures", 0700);
	make_capture(
		f->d.fd, "whylate-captures/one",
		"{\"type\":\"slow\",\"time\":\"2026-11-21T19:41:08Z\",\"response_ns\":12410000,"
		"\"target\":{\"pid\":1,\"tid\":2,\"comm\":\"w\\u001b[2J\",\"process\":\"m\"},"
		"\"cause\":{\"kind\":\"wakeup\"}}");
	make_capture(f->d.fd, "whylate-captures/two",
		     "{\"type\":\"now\",\"v\":1,\"time\":\"2026-11-21T19:41:07Z\"}");
	make_capture(f->d.fd, "whylate-captures/other", "{\"type\":\"else\"}");
}

static void test_list(void **state)
{
	struct ran r;

	make_captures(*state);
	run(&r, "captures list");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, "");
	assert_string_equal(
		r.out,
		"CAPTURE                                        RESPONSE  CAUSE            SIZE  TARGET\n"
		"two                                                   -  now                1K  \n"
		"one                                              12.4ms  wakeup             1K  "
		"m/w\\x1b[2J/2\n");
	run(&r, "captures list whylate-captures");
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "12.4ms"));
}

static void test_list_json(void **state)
{
	const struct fixture *f = *state;
	char *line, *save = NULL;
	struct ran r;
	json_t *o;

	make_captures(f);
	run(&r, "captures list --json");
	line = strtok_r(r.out, "\n", &save);
	o = json_loads(line, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "name")), "two");
	assert_true(json_is_null(json_object_get(o, "response_ns")));
	json_decref(o);
	line = strtok_r(NULL, "\n", &save);
	o = json_loads(line, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "type")), "capture");
	assert_int_equal(json_integer_value(json_object_get(o, "response_ns")), 12410000);
	assert_non_null(strstr(json_string_value(json_object_get(o, "path")), f->d.path));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "target"), "tid")),
			 2);
	json_decref(o);
	assert_null(strtok_r(NULL, "\n", &save));
}

static void test_none(void **state)
{
	const struct fixture *f = *state;
	struct ran r;

	run(&r, "captures list");
	assert_int_equal(r.status, WL_EXIT_FAILED);
	assert_string_equal(r.err, "whylate: captures: 'whylate-captures': there is no such "
				   "directory\n");
	mkdirat(f->d.fd, "whylate-captures", 0700);
	run(&r, "captures list");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "");
	assert_non_null(strstr(r.err, "there are none in"));
	assert_int_equal(symlinkat("/etc", f->d.fd, "link"), 0);
	run(&r, "captures list link/");
	assert_int_equal(r.status, WL_EXIT_FAILED);
	assert_non_null(strstr(r.err, "symbolic link"));
}

static void test_rm(void **state)
{
	const struct fixture *f = *state;
	struct ran r;

	make_captures(f);
	run(&r, "captures rm one nothing");
	assert_int_equal(r.status, WL_EXIT_FAILED);
	assert_string_equal(r.err, "whylate: captures rm: 'nothing': there is no such capture "
				   "(whylate captures list)\n");
	assert_false(is_there(f->d.fd, "whylate-captures/one"));
	run(&r, "captures rm whylate-captures/other");
	assert_int_equal(r.status, WL_EXIT_FAILED);
	assert_string_equal(r.err, "whylate: captures rm: 'other': it is not a capture\n");
	run(&r, "captures rm ..");
	assert_int_equal(r.status, WL_EXIT_FAILED);
	run(&r, "captures rm whylate-captures/two");
	assert_int_equal(r.status, 0);
	assert_false(is_there(f->d.fd, "whylate-captures/two"));
	assert_true(is_there(f->d.fd, "whylate-captures/other"));
}

static void test_rm_all(void **state)
{
	const struct fixture *f = *state;
	struct ran r;

	make_captures(f);
	run(&r, "captures rm --all");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "");
	assert_string_equal(r.err, "");
	assert_false(is_there(f->d.fd, "whylate-captures/one"));
	assert_false(is_there(f->d.fd, "whylate-captures/two"));
	assert_true(is_there(f->d.fd, "whylate-captures/other"));
	run(&r, "captures rm --all nowhere");
	assert_int_equal(r.status, WL_EXIT_FAILED);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{ "captures", "list, now or rm is missing" },
		{ "captures show", "'show' is not one of list, now, rm" },
		{ "captures list a b", "list takes one directory" },
		{ "captures list --all", "--all belongs to rm" },
		{ "captures list -p 1", "-p belongs to now" },
		{ "captures list --jsn", "'--jsn' is not an option" },
		{ "captures rm", "NAME or --all is missing" },
		{ "captures rm --all a b", "--all takes one directory" },
		{ "captures rm x --json", "rm has no --json" },
		{ "captures now dir", "now takes no directory" },
		{ "captures now -p", "-p: its value is missing" },
		{ "captures now -p x", "-p: 'x' is not an id" },
		{ "captures now --pid 0", "--pid: '0' is not an id" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ran r;

		run(&r, rows[i].line);
		if (r.status != WL_EXIT_USAGE || r.out[0] || strncmp(r.err, "whylate: ", 9) ||
		    !strstr(r.err, rows[i].message))
			fail_msg("'%s': %d, %s", rows[i].line, r.status, r.err);
	}
}

static void test_help(void **state)
{
	struct ran r;

	run(&r, "captures rm --help");
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "usage: whylate captures list"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_list),   TEST(test_list_json), TEST(test_none), TEST(test_rm),
		TEST(test_rm_all), TEST(test_refused),   TEST(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
