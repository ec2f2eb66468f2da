/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "capture/tasks_file.h"
#include "directory.h"

static void fill_random(struct wl_task_dump *t, uint64_t *seed)
{
	unsigned char *bytes = (unsigned char *)t;

	for (size_t i = 0; i < sizeof(*t); i++)
		bytes[i] = (unsigned char)test_random(seed);
	t->pad = 0;
	t->nhomes %= WL_HOMES + 1;
	memset(&t->homes[t->nhomes], 0, (WL_HOMES - t->nhomes) * sizeof(t->homes[0]));
	/* what follows a name's end is not saved */
	for (size_t i = strnlen(t->comm, sizeof(t->comm)); i < sizeof(t->comm); i++)
		t->comm[i] = 0;
	if (test_random(seed) % 2)
		memset(&t->cur_chain, 0, sizeof(t->cur_chain));
	if (test_random(seed) % 2)
		memset(&t->next_chain, 0, sizeof(t->next_chain));
}

/* Every byte of every member comes back. */
static void test_round_trip(void **state)
{
	struct directory *d = *state;
	struct wl_task_dump tasks[200], *loaded;
	uint64_t seed = 11;
	char why[256] = "";
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		fill_random(&tasks[i], &seed);
	memcpy(tasks[0].comm, "mc-worker\0\0\0\0\0\0", WL_COMM_LEN);
	assert_int_equal(wl_tasks_save(d->fd, tasks, ARRAY_SIZE(tasks)), 0);
	assert_int_equal(wl_tasks_save(d->fd, tasks, ARRAY_SIZE(tasks)), -EEXIST);
	if (wl_tasks_load(d->fd, &loaded, &n, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(n, ARRAY_SIZE(tasks));
	for (size_t i = 0; i < n; i++)
		assert_memory_equal(&loaded[i], &tasks[i], sizeof(tasks[i]));
	free(loaded);
}

static void test_none(void **state)
{
	struct directory *d = *state;
	struct wl_task_dump *loaded;
	char why[256];
	size_t n = 5;

	assert_int_equal(wl_tasks_load(d->fd, &loaded, &n, why, sizeof(why)), -ENOENT);
	assert_null(loaded);
	assert_int_equal(n, 0);
	assert_string_equal(why, "tasks.json: No such file or directory");
	assert_int_equal(wl_tasks_save(d->fd, NULL, 0), 0);
	assert_int_equal(wl_tasks_load(d->fd, &loaded, &n, why, sizeof(why)), 0);
	assert_int_equal(n, 0);
	free(loaded);
}

/* What is missing is 0; what is unknown or null is nothing. */
static void test_tolerant(void **state)
{
	struct directory *d = *state;
	struct wl_task_dump *t;
	char why[256] = "";
	size_t n;

	file_write(d->fd, WL_TASKS_FILE,
		   "{\"future\":1,\"tasks\":[{},{\"tid\":7,\"what\":[1],\"homes\":null,"
		   "\"cur_chain\":null,\"since\":\"12\",\"kthread\":true,\"comm\":\"x\"}]}");
	if (wl_tasks_load(d->fd, &t, &n, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(n, 2);
	assert_int_equal(t[0].tid, 0);
	assert_int_equal(t[1].tid, 7);
	assert_true(t[1].since == 12);
	assert_int_equal(t[1].kthread, 1);
	assert_string_equal(t[1].comm, "x");
	free(t);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "tasks.json: byte 0: '[' or '{' expected near end of file" },
		{ "[]", "tasks.json: tasks: there is no such array" },
		{ "{\"tasks\":5}", "tasks.json: tasks: there is no such array" },
		{ "{\"tasks\":[5]}", "tasks.json: tasks[0].: not an object" },
		{ "{\"tasks\":[{},{\"tid\":\"1\"}]}", "tasks.json: tasks[1].tid: not an integer" },
		{ "{\"tasks\":[{\"tid\":-1}]}", "tasks.json: tasks[0].tid: out of range" },
		{ "{\"tasks\":[{\"tid\":4294967296}]}", "tasks.json: tasks[0].tid: out of range" },
		{ "{\"tasks\":[{\"prio\":128}]}", "tasks.json: tasks[0].prio: out of range" },
		{ "{\"tasks\":[{\"prio\":-129}]}", "tasks.json: tasks[0].prio: out of range" },
		{ "{\"tasks\":[{\"policy\":256}]}", "tasks.json: tasks[0].policy: out of range" },
		{ "{\"tasks\":[{\"call\":2147483648}]}",
		  "tasks.json: tasks[0].call: out of range" },
		{ "{\"tasks\":[{\"since\":5}]}",
		  "tasks.json: tasks[0].since: not a decimal string of 64 bits" },
		{ "{\"tasks\":[{\"since\":\"18446744073709551616\"}]}",
		  "tasks.json: tasks[0].since: not a decimal string of 64 bits" },
		{ "{\"tasks\":[{\"comm\":\"12345678901234567\"}]}",
		  "tasks.json: tasks[0].comm: not a name of at most 16 bytes" },
		{ "{\"tasks\":[{\"comm\":5}]}",
		  "tasks.json: tasks[0].comm: not a name of at most 16 bytes" },
		{ "{\"tasks\":[{\"comm_hex\":\"f\"}]}",
		  "tasks.json: tasks[0].comm_hex: not the bytes of a name" },
		{ "{\"tasks\":[{\"comm_hex\":\"fg\"}]}",
		  "tasks.json: tasks[0].comm_hex: not hexadecimal" },
		{ "{\"tasks\":[{\"homes\":{}}]}", "tasks.json: tasks[0].homes: not an array" },
		{ "{\"tasks\":[{\"homes\":[{},{},{},{},{}]}]}",
		  "tasks.json: tasks[0].homes: too many" },
		{ "{\"tasks\":[{\"homes\":[{},{\"arg\":1}]}]}",
		  "tasks.json: tasks[0].homes[1].arg: not a decimal string of 64 bits" },
		{ "{\"tasks\":[{\"cur_chain\":5}]}",
		  "tasks.json: tasks[0].cur_chain: not an object" },
		{ "{\"tasks\":[{\"next_chain\":{\"id\":1}}]}",
		  "tasks.json: tasks[0].next_chain.id: not a decimal string of 64 bits" },
	};
	struct directory *d = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_task_dump *t;
		char why[256];
		size_t n;

		file_write(d->fd, WL_TASKS_FILE, rows[i].text);
		assert_int_equal(wl_tasks_load(d->fd, &t, &n, why, sizeof(why)), -EINVAL);
		assert_string_equal(why, rows[i].why);
		assert_null(t);
		assert_int_equal(n, 0);
	}
}

/* A bit flipped anywhere: loaded or refused with a reason, nothing worse. */
static void test_flipped(void **state)
{
	struct directory *d = *state;
	struct wl_task_dump tasks[3], *loaded;
	char path[PATH_MAX], text[8192], why[256];
	uint64_t seed = 3;
	size_t n, len;
	FILE *f;

	for (size_t i = 0; i < ARRAY_SIZE(tasks); i++)
		fill_random(&tasks[i], &seed);
	assert_int_equal(wl_tasks_save(d->fd, tasks, ARRAY_SIZE(tasks)), 0);
	f = fopen(directory_path(d, WL_TASKS_FILE, path), "r");
	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	fclose(f);
	for (int i = 0; i < 2000; i++) {
		size_t at = test_random(&seed) % len;
		char old = text[at];

		text[at] = (char)(text[at] ^ 1 << test_random(&seed) % 8);
		if (!text[at])
			text[at] = ' ';
		file_write(d->fd, WL_TASKS_FILE, text);
		why[0] = '\0';
		if (wl_tasks_load(d->fd, &loaded, &n, why, sizeof(why)))
			assert_true(strlen(why) > 12);
		free(loaded);
		text[at] = old;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_round_trip), TEST_IN_DIRECTORY(test_none),
		TEST_IN_DIRECTORY(test_tolerant),   TEST_IN_DIRECTORY(test_refused),
		TEST_IN_DIRECTORY(test_flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
