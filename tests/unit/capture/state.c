/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* machine.json, its config, and fds.json, read back. */
#include "test.h"

#include <errno.h>
#include <jansson.h>

#include "capture/config_file.h"
#include "capture/fds.h"
#include "capture/state.h"
#include "directory.h"

static json_t *load(const struct directory *d, const char *name)
{
	char path[PATH_MAX];
	json_error_t error;
	json_t *root =
		json_load_file(directory_path(d, name, path), JSON_REJECT_DUPLICATES, &error);

	if (!root)
		fail_msg("%s: %s", name, error.text);
	return root;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void save(const struct directory *d, const struct wl_config *config)
{
	static const struct wl_cpu_counts counts[2] = {
		{ .begin = 100,
		  .end = 1ull << 60,
		  .written = 9,
		  .read = 5,
		  .lost = 3,
		  .left_out = 1 },
		{ .refused = 7, .packets = 2, .holes = 4 },
	};
	const struct wl_cpu_counts *const pointers[2] = { &counts[0], &counts[1] };
	const uint32_t pids[] = { (uint32_t)getpid(), 4194303 };
	struct wl_state_info info = {
		.kind = "capture",
		.command_line = "whylate watch \x1b \xff",
		.config = config,
		.post_ns = 5000000,
		.real_offset = 1795290067123456789,
		.from = 1ull << 61,
		.begin = 5,
		.end = UINT64_MAX,
		.pids = pids,
		.npids = 2,
		.counts = pointers,
		.ncpu = 2,
	};
	struct wl_state *s;

	assert_int_equal(wl_state_new(&s), 0);
	assert_int_equal(wl_state_save(s, d->fd, &info), 0);
	assert_int_equal(wl_state_save(s, d->fd, &info), -EEXIST);
	wl_state_free(s);
}

static void test_machine(void **state)
{
	static const char *const members[] = { "kernel",  "cpus",    "nodes",  "clock",  "irqs",
					       "cgroups", "options", "config", "window", "streams" };
	struct directory *d = *state;
	struct wl_config config = { .ncpu = 2 };
	json_t *root, *streams;

	save(d, &config);
	root = load(d, "machine.json");
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		assert_non_null(json_object_get(root, members[i]));
	assert_string_equal(text_of(root, "type"), "machine");
	assert_string_equal(text_of(json_object_get(root, "window"), "from"),
			    "2305843009213693952");
	assert_string_equal(text_of(json_object_get(root, "window"), "end"),
			    "18446744073709551615");
	assert_string_equal(text_of(json_object_get(root, "clock"), "to_realtime_ns"),
			    "1795290067123456789");
	assert_string_equal(text_of(json_object_get(root, "options"), "command_line"),
			    "whylate watch \x1b \xef\xbf\xbd");
	streams = json_object_get(root, "streams");
	assert_int_equal(json_array_size(streams), 2);
	assert_string_equal(text_of(json_array_get(streams, 0), "end"), "1152921504606846976");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(streams, 1), "holes")),
			 4);
	assert_int_equal(strlen(text_of(json_object_get(root, "clock"), "boot_id")), 36);
	json_decref(root);
}

static void fill_config(struct wl_config *config)
{
	uint64_t seed = 17;
	unsigned char *bytes = (unsigned char *)config;

	for (size_t i = 0; i < sizeof(*config); i++)
		bytes[i] = (unsigned char)test_random(&seed);
	memset(&config->target, 0, sizeof(config->target));
	config->record = 0;
	config->pad = 0;
	config->chain.nidle = 5;
	memset(&config->chain.idle[5], 0, 3 * sizeof(config->chain.idle[0]));
	config->stim.nirqs = 3;
	memset(&config->stim.irqs[3], 0, (WL_MAX_IRQS - 3) * sizeof(config->stim.irqs[0]));
}

static void test_config(void **state)
{
	struct directory *d = *state;
	struct wl_config config, loaded;
	char why[256] = "";

	fill_config(&config);
	save(d, &config);
	if (wl_config_load(d->fd, &loaded, why, sizeof(why)))
		fail_msg("%s", why);
	assert_memory_equal(&loaded.chain, &config.chain, sizeof(config.chain));
	assert_memory_equal(&loaded.stim, &config.stim, sizeof(config.stim));
	assert_memory_equal(&loaded, &config, sizeof(config));
}

static void test_config_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "{}", "machine.json: config.: there is no such object" },
		{ "{\"config\":{\"until\":300}}", "machine.json: config.until: out of range" },
		{ "{\"config\":{\"idle\":[{\"call\":\"x\"}]}}",
		  "machine.json: config.idle[0].call: not an integer" },
		{ "{\"config\":{\"idle\":[{},{},{},{},{},{},{},{},{}]}}",
		  "machine.json: config.idle: too many" },
		{ "{\"config\":{\"idle_calls\":[1]}}",
		  "machine.json: config.idle_calls: not decimal strings of 64 bits" },
		{ "{\"config\":{\"stim_irqs\":[65536]}}",
		  "machine.json: config.stim_irqs: not numbers of interrupts" },
	};
	struct directory *d = *state;
	struct wl_config config;
	char why[256];

	assert_int_equal(wl_config_load(d->fd, &config, why, sizeof(why)), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		file_write(d->fd, WL_MACHINE_FILE, rows[i].text);
		assert_int_equal(wl_config_load(d->fd, &config, why, sizeof(why)), -EINVAL);
		assert_string_equal(why, rows[i].why);
	}
}

static void test_fds(void **state)
{
	struct directory *d = *state;
	struct wl_fds fds;
	json_t *root, *list;
	bool found = false;

	assert_int_equal(wl_fds_read(&fds, (uint32_t)getpid()), 0);
	assert_int_equal(wl_fds_save(&fds, d->fd), 0);
	root = load(d, "fds.json");
	list = json_object_get(root, "fds");
	assert_int_equal(json_array_size(list), fds.n);
	for (size_t i = 0; i < fds.n; i++) {
		const json_t *one = json_array_get(list, i);

		if (json_integer_value(json_object_get(one, "fd")) == d->fd)
			found = !strcmp(text_of(one, "path"), d->path);
	}
	assert_true(found);
	json_decref(root);
	wl_fds_free(&fds);
	assert_true(wl_fds_read(&fds, 4194303) < 0);
	wl_fds_free(&fds);
}

static void test_fds_bound(void **state)
{
	struct wl_fds fds;
	int all[WL_FDS_MAX + 50], n = 0;

	while (n < WL_FDS_MAX + 50 && (all[n] = dup(STDIN_FILENO)) >= 0)
		n++;
	assert_int_equal(wl_fds_read(&fds, (uint32_t)getpid()), 0);
	if (n == WL_FDS_MAX + 50) {
		assert_int_equal(fds.n, WL_FDS_MAX);
		assert_true(fds.truncated);
	}
	while (n--)
		close(all[n]);
	wl_fds_free(&fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_machine),        TEST_IN_DIRECTORY(test_config),
		TEST_IN_DIRECTORY(test_config_refused), TEST_IN_DIRECTORY(test_fds),
		TEST_IN_DIRECTORY(test_fds_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
