/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "capture/stacks_file.h"
#include "directory.h"

static void assert_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void assert_frames(const struct wl_sample_frame *a, const struct wl_sample_frame *b,
			  size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_true(a[i].address == b[i].address);
		assert_int_equal(a[i].line, b[i].line);
		assert_text(a[i].function, b[i].function);
		assert_text(a[i].file, b[i].file);
		assert_text(a[i].module, b[i].module);
	}
}

static void assert_sample(const struct wl_sample *a, const struct wl_sample *b)
{
	assert_true(a->ts == b->ts);
	assert_int_equal(a->tid, b->tid);
	assert_int_equal(a->cpu, b->cpu);
	assert_int_equal(a->blocked, b->blocked);
	assert_int_equal(a->in_user, b->in_user);
	assert_int_equal(a->nkernel, b->nkernel);
	assert_int_equal(a->nuser, b->nuser);
	assert_frames(a->kernel, b->kernel, a->nkernel);
	assert_frames(a->user, b->user, a->nuser);
}

/* Names are hostile. */
static char function[] = "spin_here", file[] = "dir \"with\"\n\033[31m/a.c",
	    module[] = "b\\\303\244";
static struct wl_sample_frame kernel_frames[] = { { 0, function, NULL, 0, module },
						  { 0, NULL, NULL, 0, NULL } };
static struct wl_sample_frame user_frames[] = {
	{ ~0ull, function, file, ~0u, module },
	{ 5, NULL, NULL, 0, module },
	{ 1ull << 60, NULL, NULL, 0, NULL },
};
static struct wl_sample made[] = {
	{ .ts = ~0ull,
	  .tid = ~0u,
	  .cpu = 65535,
	  .blocked = true,
	  .kernel = kernel_frames,
	  .nkernel = 2 },
	{ .ts = 1, .tid = 2, .cpu = 3, .in_user = true, .user = user_frames, .nuser = 3 },
	{ .ts = 0 },
};
static const struct wl_samples all = { made, ARRAY_SIZE(made) };

static void test_round_trip(void **state)
{
	struct directory *d = *state;
	struct wl_samples loaded;
	char why[256] = "";

	assert_int_equal(wl_samples_save(d->fd, &all), 0);
	assert_int_equal(wl_samples_save(d->fd, &all), -EEXIST);
	if (wl_samples_load(d->fd, &loaded, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(loaded.n, ARRAY_SIZE(made));
	for (size_t i = 0; i < loaded.n; i++)
		assert_sample(&loaded.all[i], &made[i]);
	wl_samples_free(&loaded);
	assert_null(loaded.all);
}

static void test_none(void **state)
{
	const struct wl_samples none = { NULL, 0 };
	struct directory *d = *state;
	struct wl_samples loaded;
	char why[256] = "";

	assert_int_equal(wl_samples_load(d->fd, &loaded, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "stacks.json: No such file or directory");
	assert_null(loaded.all);
	assert_int_equal(wl_samples_save(d->fd, &none), 0);
	assert_int_equal(wl_samples_load(d->fd, &loaded, why, sizeof(why)), 0);
	assert_int_equal(loaded.n, 0);
	wl_samples_free(&loaded);
}

/* What is missing is 0; what is unknown or null is nothing. */
static void test_tolerant(void **state)
{
	struct directory *d = *state;
	struct wl_samples loaded;
	char why[256] = "";

	file_write(d->fd, WL_STACKS_FILE,
		   "{\"x\":1,\"stacks\":[{},{\"tid\":7,\"kernel\":null,\"blocked\":null,"
		   "\"user\":[{},{\"function\":null,\"line\":3,\"y\":[]}]}]}");
	if (wl_samples_load(d->fd, &loaded, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(loaded.n, 2);
	assert_int_equal(loaded.all[1].tid, 7);
	assert_int_equal(loaded.all[1].nuser, 2);
	assert_null(loaded.all[1].user[1].function);
	assert_int_equal(loaded.all[1].user[1].line, 3);
	wl_samples_free(&loaded);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "", "stacks.json: byte 0: '[' or '{' expected near end of file" },
		{ "[]", "stacks.json: stacks: there is no such array" },
		{ "{\"stacks\":{}}", "stacks.json: stacks: there is no such array" },
		{ "{\"stacks\":[5]}", "stacks.json: stacks[0].: not an object" },
		{ "{\"stacks\":[{},{\"tid\":\"1\"}]}",
		  "stacks.json: stacks[1].tid: not an integer" },
		{ "{\"stacks\":[{\"cpu\":65536}]}", "stacks.json: stacks[0].cpu: out of range" },
		{ "{\"stacks\":[{\"ts\":5}]}",
		  "stacks.json: stacks[0].ts: not a decimal string of 64 bits" },
		{ "{\"stacks\":[{\"blocked\":1}]}",
		  "stacks.json: stacks[0].blocked: not true or false" },
		{ "{\"stacks\":[{\"user\":{}}]}", "stacks.json: stacks[0].user: not an array" },
		{ "{\"stacks\":[{\"user\":[5]}]}",
		  "stacks.json: stacks[0].user[0].: not an object" },
		{ "{\"stacks\":[{\"kernel\":[{},{\"function\":5}]}]}",
		  "stacks.json: stacks[0].kernel[1].function: not a string" },
		{ "{\"stacks\":[{\"user\":[{\"address\":\"1x\"}]}]}",
		  "stacks.json: stacks[0].user[0].address: not a decimal string of 64 bits" },
	};
	struct directory *d = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_samples loaded;
		char why[256];

		file_write(d->fd, WL_STACKS_FILE, rows[i].text);
		assert_int_equal(wl_samples_load(d->fd, &loaded, why, sizeof(why)), -EINVAL);
		assert_string_equal(why, rows[i].why);
		assert_null(loaded.all);
	}
}

/* A bit flipped anywhere: loaded or refused with a reason, nothing worse. */
static void test_flipped(void **state)
{
	struct directory *d = *state;
	char path[PATH_MAX], text[4096], why[256];
	struct wl_samples loaded;
	uint64_t seed = 5;
	size_t len;
	FILE *f;

	assert_int_equal(wl_samples_save(d->fd, &all), 0);
	f = fopen(directory_path(d, WL_STACKS_FILE, path), "r");
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
		file_write(d->fd, WL_STACKS_FILE, text);
		why[0] = '\0';
		if (wl_samples_load(d->fd, &loaded, why, sizeof(why)))
			assert_true(why[0]);
		wl_samples_free(&loaded);
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
