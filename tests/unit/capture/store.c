/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "capture/store.h"
#include "capture/tree.h"
#include "directory.h"

#define SLOW                                                                                       \
	"{\"type\":\"slow\",\"v\":1,\"time\":\"2026-11-21T19:41:07.%03uZ\",\"target\":{"           \
	"\"pid\":1234,\"tid\":1240,\"comm\":\"mc-worker\",\"process\":\"memcached\"},"             \
	"\"response_ns\":%u,\"cause\":{\"kind\":\"%s\"}}"

struct fixture {
	struct directory d;
	struct wl_store store;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[PATH_MAX];
	const char *why;

	directory_make(&f->d);
	assert_int_equal(
		wl_store_open(&f->store, directory_path(&f->d, "captures", path), true, &why), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_store_close(&f->store);
	directory_remove(&f->d);
	free(f);
	return 0;
}

static void write_response(int fd, unsigned int ms, unsigned int ns, const char *cause)
{
	char text[512];

	snprintf(text, sizeof(text), SLOW, ms, ns, cause);
	file_write(fd, "response.json", text);
}

/* A whole capture; *name is what it is called. */
static void make_capture(struct wl_store *store, const char *name, unsigned int ns, char *called)
{
	struct wl_draft draft;

	assert_int_equal(wl_store_begin(store, name, &draft), 0);
	write_response(draft.fd, ns % 1000, ns, "wakeup");
	assert_int_equal(mkdirat(draft.fd, "kernel", 0700), 0);
	file_write(draft.fd, "kernel/metadata", "0123456789");
	if (called)
		strcpy(called, draft.name);
	assert_int_equal(wl_store_commit(store, &draft), 0);
	assert_int_equal(draft.fd, -1);
}

/* How many entries, hidden ones too. */
static int count_entries(const struct wl_store *store)
{
	char command[2 * PATH_MAX];
	FILE *f;
	int n;

	snprintf(command, sizeof(command), "ls -A '%s' | wc -l", store->path);
	f = popen(command, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return n;
}

static int open_store(const char *path, bool create, const char **why)
{
	struct wl_store store;
	int ret = wl_store_open(&store, path, create, why);

	assert_int_equal(ret == 0, *why == NULL);
	wl_store_close(&store);
	return ret;
}

static void test_open(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX], target[PATH_MAX];
	const char *why;
	struct stat st;

	assert_int_equal(fstat(f->store.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(f->store.path[0], '/');
	assert_int_equal(open_store(f->store.path, true, &why), 0);
	assert_int_equal(open_store(directory_path(&f->d, "none", path), false, &why), -ENOENT);
	assert_string_equal(why, "there is no such directory");
	assert_int_equal(open_store(directory_path(&f->d, "a/b", path), true, &why), -ENOENT);
	assert_non_null(strstr(why, "mkdir -p"));
	assert_int_equal(open_store("", true, &why), -ENOENT);
	file_write(f->d.fd, "file", "");
	assert_int_equal(open_store(directory_path(&f->d, "file", path), true, &why), -ENOTDIR);
	assert_non_null(strstr(why, "not a directory"));
	/* symbolic links, with and without a slash behind them */
	assert_int_equal(symlink(f->store.path, directory_path(&f->d, "link", path)), 0);
	assert_int_equal(open_store(path, true, &why), -ENOTDIR);
	strcat(path, "//");
	assert_int_equal(open_store(path, true, &why), -ENOTDIR);
	assert_int_equal(symlink("/nowhere/else", directory_path(&f->d, "dangling", path)), 0);
	assert_true(open_store(path, true, &why) < 0);
	assert_int_equal(chmod(f->store.path, 0770), 0);
	assert_int_equal(open_store(f->store.path, true, &why), -EPERM);
	assert_non_null(strstr(why, "chmod go-w"));
	assert_int_equal(chmod(f->store.path, 0755), 0);
	assert_int_equal(open_store(f->store.path, true, &why), 0);
	if (geteuid())
		return;
	snprintf(target, sizeof(target), "%s", directory_path(&f->d, "foreign", path));
	assert_int_equal(mkdir(target, 0700), 0);
	assert_int_equal(chown(target, 65534, 65534), 0);
	assert_int_equal(open_store(target, true, &why), -EPERM);
	assert_non_null(strstr(why, "another user"));
}

static void test_names(void **state)
{
	static const struct {
		int64_t ns;
		const char *process, *cause, *name;
	} rows[] = {
		{ 1795290067123456789, "memcached", "wakeup",
		  "2026-11-21T194107.123-memcached-wakeup" },
		{ 1795290067000999999, "", "now", "2026-11-21T194107.000-now" },
		{ 1795290067999999999, "../../etc/x", "io",
		  "2026-11-21T194107.999-.._.._etc_x-io" },
		{ 1795290067999999999, "a b\n\x1b[2J\xff", "io",
		  "2026-11-21T194107.999-a_b___2J_-io" },
		{ 1795290067999999999, "0123456789abcdefgh", "none",
		  "2026-11-21T194107.999-0123456789abcde-none" },
	};
	char name[WL_ENTRY_NAME];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		wl_store_name(name, rows[i].ns, rows[i].process, rows[i].cause);
		assert_string_equal(name, rows[i].name);
	}
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct wl_draft draft;
	struct wl_entries list;

	assert_int_equal(wl_store_begin(&f->store, "one", &draft), 0);
	assert_string_equal(draft.name, "one");
	assert_string_equal(draft.partial, ".partial-one");
	assert_true(is_there(f->store.fd, ".partial-one"));
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 0);
	wl_store_abort(&f->store, &draft);
	wl_store_abort(&f->store, &draft);
	assert_int_equal(count_entries(&f->store), 0);
	make_capture(&f->store, "one", 5000000, NULL);
	assert_int_equal(count_entries(&f->store), 1);
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.all[0].name, "one");
	assert_string_equal(list.all[0].cause, "wakeup");
	assert_string_equal(list.all[0].process, "memcached");
	assert_string_equal(list.all[0].comm, "mc-worker");
	assert_int_equal(list.all[0].tid, 1240);
	assert_true(list.all[0].response_ns == 5000000);
	assert_in_range(list.all[0].size, 150, 400);
	assert_false(list.all[0].now);
	wl_entries_free(&list);
	assert_int_equal(wl_store_remove(&f->store, "one"), 0);
	assert_int_equal(count_entries(&f->store), 0);
	assert_int_equal(wl_store_remove(&f->store, "one"), -ENOENT);
}

/* The same name twice, also while the first one is being written. */
static void test_same_name(void **state)
{
	struct fixture *f = *state;
	struct wl_draft a, b;
	char called[WL_ENTRY_NAME];

	assert_int_equal(wl_store_begin(&f->store, "x", &a), 0);
	assert_int_equal(wl_store_begin(&f->store, "x", &b), 0);
	assert_string_equal(b.name, "x-2");
	assert_int_equal(wl_store_commit(&f->store, &b), 0);
	assert_int_equal(wl_store_commit(&f->store, &a), 0);
	make_capture(&f->store, "x", 1, called);
	assert_string_equal(called, "x-3");
	assert_int_equal(count_entries(&f->store), 3);
}

static void test_list_order(void **state)
{
	struct fixture *f = *state;
	struct wl_entries list;

	for (unsigned int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "c%02u", 19 - i);
		make_capture(&f->store, name, i * 7 % 20 + 1, NULL);
	}
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 20);
	for (size_t i = 1; i < list.n; i++)
		assert_true(strcmp(list.all[i - 1].time, list.all[i].time) <= 0);
	wl_entries_free(&list);
}

/* What is no capture is neither listed nor removed. */
static void test_strangers(void **state)
{
	static const char *const damaged[] = {
		"", "{", "[]", "{\"type\":5}", "{\"type\":\"start\"}", "null", "\xff\xfe",
	};
	struct fixture *f = *state;
	struct wl_entries list;
	char name[32];

	assert_int_equal(mkdirat(f->store.fd, "empty", 0700), 0);
	file_write(f->store.fd, "file", "x");
	assert_int_equal(symlinkat("/etc", f->store.fd, "link"), 0);
	assert_int_equal(mkdirat(f->store.fd, "fifo", 0700), 0);
	assert_int_equal(mkfifoat(f->store.fd, "fifo/response.json", 0600), 0);
	assert_int_equal(mkdirat(f->store.fd, "linked", 0700), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->store.fd, "linked/response.json"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(damaged); i++) {
		char path[64];

		snprintf(name, sizeof(name), "damaged-%zu", i);
		assert_int_equal(mkdirat(f->store.fd, name, 0700), 0);
		snprintf(path, sizeof(path), "%s/response.json", name);
		file_write(f->store.fd, path, damaged[i]);
		assert_int_equal(wl_store_remove(&f->store, name), -EINVAL);
	}
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(wl_store_remove(&f->store, "empty"), -ENOENT);
	assert_int_equal(wl_store_remove(&f->store, "file"), -EINVAL);
	assert_int_equal(wl_store_remove(&f->store, "link"), -EINVAL);
	assert_int_equal(wl_store_remove(&f->store, "fifo"), -EINVAL);
	assert_true(wl_store_remove(&f->store, "linked") < 0);
	assert_int_equal(wl_store_remove(&f->store, ""), -EINVAL);
	assert_int_equal(wl_store_remove(&f->store, "."), -EINVAL);
	assert_int_equal(wl_store_remove(&f->store, ".."), -EINVAL);
	assert_int_equal(wl_store_remove(&f->store, "../captures"), -EINVAL);
	assert_int_equal(count_entries(&f->store), 5 + (int)ARRAY_SIZE(damaged));
}

static void test_now(void **state)
{
	struct fixture *f = *state;
	struct wl_entries list;
	struct wl_draft draft;

	assert_int_equal(wl_store_begin(&f->store, "t-now", &draft), 0);
	file_write(draft.fd, "response.json", "{\"type\":\"now\",\"v\":1,\"time\":\"2026\"}");
	assert_int_equal(wl_store_commit(&f->store, &draft), 0);
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 1);
	assert_true(list.all[0].now);
	assert_string_equal(list.all[0].cause, "now");
	wl_entries_free(&list);
}

/* Links in a capture are removed, not what they point to. */
static void test_remove_links(void **state)
{
	struct fixture *f = *state;
	char outside[PATH_MAX];

	assert_int_equal(mkdirat(f->d.fd, "outside", 0700), 0);
	file_write(f->d.fd, "outside/keep", "x");
	make_capture(&f->store, "c", 1, NULL);
	directory_path(&f->d, "outside", outside);
	assert_int_equal(symlinkat(outside, f->store.fd, "c/link"), 0);
	assert_int_equal(symlinkat(outside, f->store.fd, "c/kernel/link"), 0);
	assert_int_equal(wl_store_remove(&f->store, "c"), 0);
	assert_int_equal(count_entries(&f->store), 0);
	assert_true(is_there(f->d.fd, "outside/keep"));
}

static void test_tree_bounds(void **state)
{
	struct fixture *f = *state;
	char path[256] = "deep";
	uint64_t bytes;

	assert_int_equal(wl_tree_remove(f->store.fd, "a/b"), -EINVAL);
	assert_int_equal(wl_tree_remove(f->store.fd, ".."), -EINVAL);
	assert_int_equal(wl_tree_remove(f->store.fd, ""), -EINVAL);
	assert_int_equal(wl_tree_remove(f->store.fd, "nothing"), -ENOENT);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(mkdirat(f->store.fd, path, 0700), 0);
		strcat(path, "/d");
	}
	assert_int_equal(wl_tree_remove(f->store.fd, "deep"), -ELOOP);
	assert_int_equal(wl_tree_size(f->store.fd, "deep", &bytes), -ELOOP);
	assert_int_equal(wl_tree_sync(f->store.fd, "deep"), -ELOOP);
}

static void test_leftovers(void **state)
{
	struct fixture *f = *state;
	struct wl_draft live;
	char path[PATH_MAX];

	assert_int_equal(mkdirat(f->store.fd, ".partial-old", 0700), 0);
	assert_int_equal(mkdirat(f->store.fd, ".partial-old/kernel", 0700), 0);
	file_write(f->store.fd, ".partial-old/kernel/cpu_0", "x");
	assert_int_equal(mkdirat(f->store.fd, ".partial-removed-0-x", 0700), 0);
	assert_int_equal(mkdirat(f->store.fd, ".other", 0700), 0);
	file_write(f->store.fd, ".partial-file", "x");
	assert_int_equal(symlinkat(directory_path(&f->d, "captures", path), f->store.fd,
				   ".partial-link"),
			 0);
	make_capture(&f->store, "whole", 1, NULL);
	assert_int_equal(wl_store_begin(&f->store, "live", &live), 0);
	assert_int_equal(wl_store_clean(&f->store), 2);
	assert_false(is_there(f->store.fd, ".partial-old"));
	assert_true(is_there(f->store.fd, ".partial-live"));
	assert_true(is_there(f->store.fd, "whole"));
	assert_int_equal(count_entries(&f->store), 5);
	assert_int_equal(wl_store_commit(&f->store, &live), 0);
	assert_int_equal(wl_store_clean(&f->store), 0);
}

/* A process that is killed while it writes leaves a lock that is free. */
static void test_killed(void **state)
{
	struct fixture *f = *state;
	int ready[2], status;
	char c;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct wl_draft draft;
		const char *why;
		struct wl_store own;

		if (!wl_store_open(&own, f->store.path, true, &why) &&
		    !wl_store_begin(&own, "x", &draft) && write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(wl_store_clean(&f->store), 0);
	assert_true(is_there(f->store.fd, ".partial-x"));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(wl_store_clean(&f->store), 1);
	assert_int_equal(count_entries(&f->store), 0);
	close(ready[0]);
	close(ready[1]);
}

/* Writers and cleaners at the same time: nobody loses what he writes. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct wl_entries list;
	pid_t cleaner = fork(), writers[2];
	int status;

	assert_true(cleaner >= 0);
	if (!cleaner)
		for (;;)
			wl_store_clean(&f->store);
	for (int i = 0; i < 2; i++) {
		writers[i] = fork();
		assert_true(writers[i] >= 0);
		if (writers[i])
			continue;
		for (int k = 0; k < 40; k++) {
			struct wl_draft draft;

			if (wl_store_begin(&f->store, "same", &draft))
				_exit(1);
			write_response(draft.fd, 1, 1, "io");
			if (wl_store_commit(&f->store, &draft))
				_exit(2);
		}
		_exit(0);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
		assert_int_equal(status, 0);
	}
	kill(cleaner, SIGKILL);
	waitpid(cleaner, &status, 0);
	assert_int_equal(wl_store_list(&f->store, &list), 0);
	assert_int_equal(list.n, 80);
	wl_entries_free(&list);
}

/* Its directory is removed while we have it open. */
static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct wl_draft draft;
	const char *why;
	char path[PATH_MAX];

	assert_int_equal(rmdir(f->store.path), 0);
	assert_int_equal(wl_store_begin(&f->store, "x", &draft), -ENOENT);
	assert_int_equal(draft.fd, -1);
	wl_store_abort(&f->store, &draft);
	wl_store_close(&f->store);
	directory_path(&f->d, "captures", path);
	assert_int_equal(wl_store_open(&f->store, path, true, &why), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open),      TEST(test_names),        TEST(test_life),
		TEST(test_same_name), TEST(test_list_order),   TEST(test_strangers),
		TEST(test_now),       TEST(test_remove_links), TEST(test_tree_bounds),
		TEST(test_leftovers), TEST(test_killed),       TEST(test_many),
		TEST(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
