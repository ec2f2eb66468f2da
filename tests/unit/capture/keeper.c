/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The store and its rules together, with disks that fail. */
#include "test.h"

#include <errno.h>

#include "capture/keeper.h"
#include "directory.h"

#define SECOND 1000000000ull
#define KIB 1024

struct fixture {
	struct directory d;
	struct wl_keeper keeper;
	char path[PATH_MAX];
};

static const struct wl_retention retention = { .keep = 2, .keep_size = 100 * KIB };

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *why;

	directory_make(&f->d);
	directory_path(&f->d, "captures", f->path);
	assert_int_equal(wl_keeper_open(&f->keeper, f->path, &retention, &why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_keeper_close(&f->keeper);
	directory_remove(&f->d);
	free(f);
	return 0;
}

static struct wl_entry response(const char *cause, uint64_t ms)
{
	struct wl_entry e = { .response_ns = ms * 1000000 };

	snprintf(e.name, sizeof(e.name), "%s-%03u", cause, (unsigned int)ms);
	snprintf(e.cause, sizeof(e.cause), "%s", cause);
	return e;
}

static void write_draft(int fd, const struct wl_entry *e, size_t kib)
{
	char text[256], *bytes = calloc(1, kib * KIB + 1);

	snprintf(
		text, sizeof(text),
		"{\"type\":\"slow\",\"time\":\"2026\",\"response_ns\":%llu,\"cause\":{\"kind\":\"%s\"}}",
		(unsigned long long)e->response_ns, e->cause);
	file_write(fd, "response.json", text);
	memset(bytes, 'x', kib * KIB);
	file_write(fd, "data", bytes);
	free(bytes);
}

/* One response from its end to the disk, as the capturer does it. */
static enum wl_ruling capture(struct fixture *f, const char *cause, uint64_t ms, size_t kib,
			      uint64_t now)
{
	struct wl_entry e = response(cause, ms);
	enum wl_ruling ruling;
	struct wl_draft draft;

	if (!wl_keeper_ready(&f->keeper, now))
		return WL_RULING_SOON;
	ruling = wl_keeper_judge(&f->keeper, &e, now);
	if (ruling)
		return ruling;
	if (wl_keeper_begin(&f->keeper, &e, now, &draft))
		return WL_RULING_DISK;
	write_draft(draft.fd, &e, kib);
	return wl_keeper_end(&f->keeper, &draft, &e, 0, now);
}

/* Names of what there is, with spaces between, in order of names. */
static const char *kept(struct fixture *f, char *text)
{
	struct wl_entries list;

	assert_int_equal(wl_store_list(&f->keeper.store, &list), 0);
	text[0] = '\0';
	for (size_t i = 0; i < list.n; i++)
		sprintf(text + strlen(text), "%s%s", i ? " " : "", list.all[i].name);
	wl_entries_free(&list);
	return text;
}

static void test_rules(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	assert_int_equal(capture(f, "io", 10, 1, 1 * SECOND), WL_RULING_KEEP);
	assert_int_equal(capture(f, "io", 99, 1, 2 * SECOND - 1), WL_RULING_SOON);
	assert_int_equal(capture(f, "io", 12, 1, 2 * SECOND), WL_RULING_KEEP);
	assert_int_equal(capture(f, "io", 9, 1, 4 * SECOND), WL_RULING_MILD);
	/* what is refused takes no time */
	assert_int_equal(capture(f, "io", 11, 1, 4 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "io-011 io-012");
	assert_int_equal(capture(f, "lock", 1, 1, 6 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "io-011 io-012 lock-001");
}

static void test_size(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	assert_int_equal(capture(f, "io", 10, 40, 1 * SECOND), WL_RULING_KEEP);
	assert_int_equal(capture(f, "lock", 20, 40, 2 * SECOND), WL_RULING_KEEP);
	assert_int_equal(capture(f, "task", 5, 40, 3 * SECOND), WL_RULING_ROOM);
	assert_string_equal(kept(f, text), "io-010 lock-020");
	assert_int_equal(capture(f, "task", 15, 40, 5 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "lock-020 task-015");
	assert_int_equal(capture(f, "task", 99, 101, 7 * SECOND), WL_RULING_ROOM);
	assert_string_equal(kept(f, text), "lock-020 task-015");
}

/* Others remove captures, or make them. */
static void test_others(void **state)
{
	struct fixture *f = *state;
	struct wl_store other;
	const char *why;
	char text[1024];

	assert_int_equal(capture(f, "io", 10, 1, 1 * SECOND), WL_RULING_KEEP);
	assert_int_equal(capture(f, "io", 12, 1, 2 * SECOND), WL_RULING_KEEP);
	usleep(20000); /* time stamps of directories are coarse */
	assert_int_equal(wl_store_open(&other, f->path, false, &why), 0);
	assert_int_equal(wl_store_remove(&other, "io-012"), 0);
	assert_int_equal(capture(f, "io", 5, 1, 3 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "io-005 io-010");
	wl_store_close(&other);
}

static void test_removed_directory(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	assert_false(wl_keeper_message(&f->keeper, text, sizeof(text)));
	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(capture(f, "io", 10, 1, 1 * SECOND), WL_RULING_DISK);
	assert_true(wl_keeper_message(&f->keeper, text, sizeof(text)));
	assert_non_null(strstr(text, "it was removed"));
	assert_false(wl_keeper_message(&f->keeper, text, sizeof(text)));
	/* not again for 10 s, and nothing more is said */
	assert_false(wl_keeper_ready(&f->keeper, 10 * SECOND));
	assert_int_equal(capture(f, "io", 10, 1, 11 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "io-010");
	assert_true(wl_keeper_message(&f->keeper, text, sizeof(text)));
	assert_non_null(strstr(text, "again"));
}

static void test_write_error(void **state)
{
	struct fixture *f = *state;
	struct wl_entry e = response("io", 5);
	struct wl_draft draft;
	char text[1024];

	for (uint64_t now = SECOND; now < 40 * SECOND; now += 11 * SECOND) {
		assert_true(wl_keeper_ready(&f->keeper, now));
		assert_int_equal(wl_keeper_begin(&f->keeper, &e, now, &draft), 0);
		write_draft(draft.fd, &e, 1);
		assert_int_equal(wl_keeper_end(&f->keeper, &draft, &e, -ENOSPC, now),
				 WL_RULING_DISK);
		assert_int_equal(wl_keeper_judge(&f->keeper, &e, now + SECOND), WL_RULING_DISK);
		assert_int_equal(wl_keeper_message(&f->keeper, text, sizeof(text)), now == SECOND);
	}
	assert_non_null(strstr(text, "No space left"));
	assert_int_equal(rmdir(f->path), 0); /* nothing is left in it */
	assert_int_equal(mkdir(f->path, 0700), 0);
}

/* While we look away, somebody makes it one that can't be trusted. */
static void test_swapped_directory(void **state)
{
	struct fixture *f = *state;
	char text[1024];

	assert_int_equal(rmdir(f->path), 0);
	assert_int_equal(symlink("/etc", f->path), 0);
	assert_int_equal(capture(f, "io", 10, 1, 1 * SECOND), WL_RULING_DISK);
	assert_false(wl_keeper_ready(&f->keeper, 12 * SECOND));
	assert_int_equal(capture(f, "io", 10, 1, 23 * SECOND), WL_RULING_SOON);
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(capture(f, "io", 10, 1, 34 * SECOND), WL_RULING_KEEP);
	assert_string_equal(kept(f, text), "io-010");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_rules),       TEST(test_size),
		TEST(test_others),      TEST(test_removed_directory),
		TEST(test_write_error), TEST(test_swapped_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
