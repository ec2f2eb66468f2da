/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Objects of others are refused before the kernel sees them, if their maps are not as ours. */
#include "test.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture.h"
#include "live/trackers.h"

/* What a tracker was described as. */
struct seen {
	char name[32];
	uint32_t key, priv, row; /* sizes */
};

static int stop(void *ctx, struct wl_tracked *tracked)
{
	struct seen *seen = ctx;

	snprintf(seen->name, sizeof(seen->name), "%s", tracked->name);
	seen->key = tracked->key.size;
	seen->priv = tracked->priv.size;
	seen->row = tracked->row.size;
	return -ECANCELED;
}

/* What is said of an object; *seen is filled if its tracker was described. */
static void open_object(const char *variant, struct seen *seen, char *said, size_t size)
{
	struct wl_kernel kernel = { .btf = btf__new_empty(), .ncpu = 1 };
	struct wl_target_config target = { 0 };
	struct wl_trackers_options options = {
		.kernel = &kernel,
		.target = &target,
		.describe = stop,
		.ctx = seen,
	};
	struct wl_trackers *trackers;
	struct captured captured;
	char path[4096];

	snprintf(path, sizeof(path), "%s/trackers%s.bpf.o", getenv("WL_TEST_OBJECTS"), variant);
	options.name = path;
	capture_begin(&captured, STDERR_FILENO);
	assert_int_equal(wl_trackers_open(&trackers, &options), -EINVAL);
	capture_end(&captured, said, size);
	btf__free(kernel.btf);
}

static void test_ours(void **state)
{
	struct seen seen = { "" };
	char said[8192];

	open_object("", &seen, said, sizeof(said));
	assert_string_equal(seen.name, "made");
	assert_int_equal(seen.key, sizeof(lt_tid));
	assert_int_equal(seen.priv, 16);
	assert_int_equal(seen.row, 16);
}

static void test_other_buckets(void **state)
{
	struct seen seen = { "" };
	char said[8192];

	open_object("-buckets", &seen, said, sizeof(said));
	assert_string_equal(seen.name, "");
	assert_non_null(strstr(said, "another version of latency_tracker.bpf.h"));
}

static void test_other_rows(void **state)
{
	struct seen seen = { "" };
	char said[8192];

	open_object("-rows", &seen, said, sizeof(said));
	assert_string_equal(seen.name, "");
	assert_non_null(strstr(said, "another version of latency_tracker.bpf.h"));
}

static int count_rows(void *ctx, struct bpf_object *object)
{
	struct bpf_map *rows = bpf_object__find_map_by_name(object, "lt1_rows_made");

	*(uint32_t *)ctx = bpf_map__max_entries(rows);
	return -ECANCELED;
}

static uint32_t rows_for(uint32_t ncpu)
{
	struct wl_kernel kernel = { .btf = btf__new_empty(), .ncpu = ncpu };
	struct wl_target_config target = { 0 };
	uint32_t rows = 0;
	struct wl_trackers_options options = {
		.kernel = &kernel,
		.target = &target,
		.prepare = count_rows,
		.ctx = &rows,
	};
	struct wl_trackers *trackers;
	char path[4096];

	snprintf(path, sizeof(path), "%s/trackers.bpf.o", getenv("WL_TEST_OBJECTS"));
	options.name = path;
	assert_int_equal(wl_trackers_open(&trackers, &options), -ECANCELED);
	btf__free(kernel.btf);
	return rows;
}

/* Memory is bounded, whatever the machine. */
static void test_rows_by_cpus(void **state)
{
	assert_int_equal(rows_for(1), 2048);
	assert_int_equal(rows_for(8), 2048);
	assert_in_range(64ull * rows_for(64) * sizeof(struct lt1_row), 60 << 20, 64 << 20);
	assert_int_equal(rows_for(4096), 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ours),
		cmocka_unit_test(test_other_buckets),
		cmocka_unit_test(test_other_rows),
		cmocka_unit_test(test_rows_by_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
