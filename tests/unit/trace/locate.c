/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/locate.h"
#include "trace/maker.h"

/* DIR/BELOW, and every directory on the way to it. */
static void make_dirs(const char *dir, const char *below)
{
	char path[512];

	for (const char *end = below; *end; end++) {
		end += strcspn(end, "/");
		snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(end - below), below);
		assert_true(!mkdir(path, 0700) || errno == EEXIST);
		if (!*end)
			break;
	}
}

static void make_file(const char *dir, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fclose(f);
}

static void expect(const char *dir, const char *path, const char *found)
{
	char start[512], want[512], why[512], *result = NULL;

	snprintf(start, sizeof(start), "%s%s", dir, path);
	snprintf(want, sizeof(want), "%s%s", dir, found);
	assert_int_equal(wl_trace_locate(start, &result, why, sizeof(why)), 0);
	assert_string_equal(result, want);
	free(result);
}

static void expect_error(const char *path, int error, const char *word)
{
	char why[512] = "", *result = NULL;

	assert_int_equal(wl_trace_locate(path, &result, why, sizeof(why)), error);
	assert_null(result);
	if (!strstr(why, word))
		fail_msg("'%s' is not in: %s", word, why);
}

static void test_capture(void **state)
{
	char *dir = maker_dir(true);

	make_file(dir, "response.json");
	expect(dir, "", "/kernel");
	expect(dir, "/kernel", "/kernel");
	maker_remove(dir);
}

static void test_deep(void **state)
{
	char *dir = maker_dir(false);

	make_dirs(dir, "a/snapshot-1/kernel/index");
	make_dirs(dir, "a/ust/uid/0/64-bit");
	make_file(dir, "a/ust/uid/0/64-bit/metadata");
	make_file(dir, "a/snapshot-1/kernel/metadata");
	/* The empty kernel/ of the maker is no trace, the user-space one is not asked for. */
	expect(dir, "", "/a/snapshot-1/kernel");
	expect(dir, "/a/ust", "/a/ust/uid/0/64-bit");
	maker_remove(dir);
}

static void test_several(void **state)
{
	char *dir = maker_dir(false);

	make_dirs(dir, "one/kernel");
	make_dirs(dir, "two/kernel");
	make_dirs(dir, ".three.tmp/kernel");
	make_file(dir, ".three.tmp/kernel/metadata");
	expect_error(dir, -ENOENT, "no trace");
	make_file(dir, "one/kernel/metadata");
	expect(dir, "", "/one/kernel");
	make_file(dir, "two/kernel/cpu_0");
	expect_error(dir, -ENOTUNIQ, "/two/kernel'");
	maker_remove(dir);
}

static void test_errors(void **state)
{
	char *dir = maker_dir(true), path[512];

	expect_error("/no/such/place", -ENOENT, "/no/such/place");
	expect_error("", -ENOENT, "''");
	snprintf(path, sizeof(path), "%s/kernel/metadata", dir);
	expect_error(path, -ENOTDIR, "a trace is a directory");
	maker_remove(dir);
}

/* Metadata that is no file, links in circles. */
static void test_odd(void **state)
{
	char *dir = maker_dir(false), path[512];

	make_dirs(dir, "kernel/metadata");
	snprintf(path, sizeof(path), "%s/loop", dir);
	assert_int_equal(symlink(".", path), 0);
	expect_error(dir, -ENOENT, "no trace");
	maker_remove(dir);
}

static void test_names(void **state)
{
	assert_int_equal(wl_stream_name_cpu("cpu_0"), 0);
	assert_int_equal(wl_stream_name_cpu("cpu_127"), 127);
	assert_int_equal(wl_stream_name_cpu("cpu_"), -1);
	assert_int_equal(wl_stream_name_cpu("cpu_00"), -1);
	assert_int_equal(wl_stream_name_cpu("cpu_-1"), -1);
	assert_int_equal(wl_stream_name_cpu("cpu_1.tmp"), -1);
	assert_int_equal(wl_stream_name_cpu("cpu_99999999999"), -1);
	assert_int_equal(wl_stream_name_cpu("cpu_70000"), -1);
	assert_int_equal(wl_stream_name_cpu("CPU_0"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capture), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_several), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_odd),     cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
