/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The control socket: what it answers, and what hostile clients can't do to it. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "capture/control.h"
#include "directory.h"

#define SECOND 1000000000ull

struct fixture {
	struct directory d;
	struct wl_control *control;
	char socket[108];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	directory_make(&f->d);
	snprintf(f->socket, sizeof(f->socket), "%.80s/watch-%d.sock", f->d.path, (int)getpid());
	assert_int_equal(wl_control_open(&f->control, f->d.path), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_control_close(f->control);
	directory_remove(&f->d);
	free(f);
	return 0;
}

static int connect_client(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, f->socket);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		close(fd);
		return -1;
	}
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What has been answered; "" : nothing yet. hung: is it closed? */
static const char *hear(int fd, char text[4096], bool *hung)
{
	ssize_t len = recv(fd, text, 4095, MSG_DONTWAIT), more;
	char c;

	text[len > 0 ? len : 0] = '\0';
	more = len > 0 ? recv(fd, &c, 1, MSG_DONTWAIT) : len;
	*hung = more == 0;
	return text;
}

static void test_now(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	struct stat st;
	bool hung;
	int fd = connect_client(f);

	assert_int_equal(stat(f->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(wl_control_serve(f->control, 0));
	say(fd, "{\"cmd\":");
	assert_false(wl_control_serve(f->control, 1));
	say(fd, "\"now\"}\n");
	assert_true(wl_control_serve(f->control, 2));
	hear(fd, text, &hung);
	assert_false(hung);
	wl_control_answer(f->control, "/a/\"b\x1b", NULL);
	assert_string_equal(hear(fd, text, &hung),
			    "{\"ok\":true,\"capture\":\"/a/\\\"b\\u001b\"}\n");
	assert_true(hung);
	close(fd);
	assert_false(wl_control_serve(f->control, 3));
	wl_control_answer(f->control, "/nobody/asked", NULL);
}

static void test_refused(void **state)
{
	static const struct {
		const char *request, *answer;
	} rows[] = {
		{ "\n", "not a request" },
		{ "garbage\n", "not a request" },
		{ "\xff\xfe\x01\n", "not a request" },
		{ "{\"cmd\":5}\n", "not a request" },
		{ "[]\n", "not a request" },
		{ "{\"cmd\":\"rm\"}\n", "there is no such command" },
		{ "{\"cmd\":\"now\"\n", "not a request" },
		{ "{}{}\n", "not a request" },
	};
	struct fixture *f = *state;
	char text[4096];
	bool hung;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = connect_client(f);

		say(fd, rows[i].request);
		assert_false(wl_control_serve(f->control, 1));
		if (!strstr(hear(fd, text, &hung), rows[i].answer))
			fail_msg("'%s': '%s'", rows[i].request, text);
		assert_non_null(strstr(text, "{\"ok\":false,\"error\":"));
		assert_true(hung);
		close(fd);
	}
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	char text[4096], request[WL_CONTROL_REQUEST + 1];
	bool hung;
	int fd = connect_client(f);

	memset(request, 'x', sizeof(request) - 1);
	request[sizeof(request) - 1] = '\0';
	say(fd, request);
	assert_false(wl_control_serve(f->control, 1));
	assert_non_null(strstr(hear(fd, text, &hung), "too long"));
	assert_true(hung);
	close(fd);
	/* the longest that is allowed, and deeply nested */
	fd = connect_client(f);
	memset(request, '[', sizeof(request) - 1);
	request[sizeof(request) - 2] = '\n';
	say(fd, request);
	assert_false(wl_control_serve(f->control, 1));
	assert_non_null(strstr(hear(fd, text, &hung), "not a request"));
	close(fd);
}

/* Nobody keeps a connection for ever. */
static void test_deadline(void **state)
{
	struct fixture *f = *state;
	char text[4096];
	bool hung;
	int fd = connect_client(f), gone = connect_client(f);

	say(fd, "{");
	say(gone, "{");
	close(gone);
	assert_false(wl_control_serve(f->control, 0));
	assert_false(wl_control_serve(f->control, SECOND));
	assert_string_equal(hear(fd, text, &hung), "");
	assert_false(hung);
	assert_false(wl_control_serve(f->control, 3 * SECOND));
	assert_non_null(strstr(hear(fd, text, &hung), "in time"));
	assert_true(hung);
	close(fd);
}

/* Silent clients fill all places; who asks after them is heard when their time is over. */
static void test_flood(void **state)
{
	struct fixture *f = *state;
	int silent[WL_CONTROL_CONNECTIONS + 2], fd, n = 0;
	struct pollfd fds[WL_CONTROL_FDS];
	char text[4096];
	bool hung;

	for (; n < (int)ARRAY_SIZE(silent); n++) {
		silent[n] = connect_client(f);
		assert_true(silent[n] >= 0);
		assert_false(wl_control_serve(f->control, 0));
	}
	assert_int_equal(wl_control_fds(f->control, fds), WL_CONTROL_FDS);
	fd = connect_client(f);
	say(fd, "{\"cmd\":\"now\"}\n");
	assert_false(wl_control_serve(f->control, SECOND));
	assert_false(wl_control_serve(f->control, 3 * SECOND)); /* their time is over */
	assert_true(wl_control_serve(f->control, 3 * SECOND));
	wl_control_answer(f->control, NULL, "no");
	assert_string_equal(hear(fd, text, &hung), "{\"ok\":false,\"error\":\"no\"}\n");
	while (n--)
		close(silent[n]);
	close(fd);
	wl_control_serve(f->control, 4 * SECOND);
	assert_int_equal(wl_control_fds(f->control, fds), 1);
}

/* One that has asked and gone; one that waits while another is served. */
static void test_two(void **state)
{
	struct fixture *f = *state;
	int a = connect_client(f), b = connect_client(f);
	char text[4096];
	bool hung;

	say(a, "{\"cmd\":\"now\"}\n");
	say(b, "{\"cmd\":\"now\"}\n");
	assert_true(wl_control_serve(f->control, 0));
	close(a);
	wl_control_answer(f->control, "/x", NULL);
	assert_true(wl_control_serve(f->control, 0));
	wl_control_answer(f->control, "/y", NULL);
	assert_non_null(strstr(hear(b, text, &hung), "/y"));
	close(b);
	assert_false(wl_control_serve(f->control, 0));
}

static void test_fuzz(void **state)
{
	struct fixture *f = *state;
	uint64_t seed = 9;

	for (int i = 0; i < 2000; i++) {
		int fd = connect_client(f);
		char bytes[700];
		size_t len = test_random(&seed) % sizeof(bytes);

		for (size_t k = 0; k < len; k++)
			bytes[k] = "{}[]\":,cmdnow\n\\u0 "[test_random(&seed) % 18];
		if (fd < 0)
			continue;
		if (len)
			send(fd, bytes, len, MSG_NOSIGNAL);
		if (wl_control_serve(f->control, (uint64_t)i * SECOND / 100))
			wl_control_answer(f->control, "/x", NULL);
		close(fd);
	}
}

static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct wl_control *other;
	pid_t pids[4];

	file_write(f->d.fd, "watch-4194303.sock", "");
	file_write(f->d.fd, "watch-1.sock", "");
	file_write(f->d.fd, "watch-12x.sock", "");
	file_write(f->d.fd, "else", "");
	assert_int_equal(wl_control_find(f->d.path, pids, 4), 1);
	assert_int_equal(pids[0], getpid());
	wl_control_close(f->control);
	assert_false(is_there(f->d.fd, strrchr(f->socket, '/') + 1));
	file_write(f->d.fd, strrchr(f->socket, '/') + 1, "of a process that had our number");
	assert_int_equal(wl_control_open(&other, f->d.path), 0);
	f->control = other;
	assert_false(is_there(f->d.fd, "watch-4194303.sock"));
	assert_true(is_there(f->d.fd, "watch-1.sock"));
	assert_true(is_there(f->d.fd, "watch-12x.sock"));
	assert_true(is_there(f->d.fd, "else"));
	assert_int_equal(wl_control_find("/nowhere", pids, 4), 0);
}

static void test_directory(void **state)
{
	struct fixture *f = *state;
	struct wl_control *c;
	char path[PATH_MAX], far[400];

	assert_int_equal(mkdirat(f->d.fd, "open", 0755), 0);
	assert_int_equal(wl_control_open(&c, directory_path(&f->d, "open", path)), -EPERM);
	assert_int_equal(symlinkat(f->d.path, f->d.fd, "link"), 0);
	assert_true(wl_control_open(&c, directory_path(&f->d, "link", path)) < 0);
	assert_int_equal(wl_control_open(&c, directory_path(&f->d, "a/b", path)), -ENOENT);
	memset(far, 'x', sizeof(far));
	far[150] = '\0';
	assert_int_equal(wl_control_open(&c, directory_path(&f->d, far, path)), -ENAMETOOLONG);
	assert_int_equal(wl_control_open(&c, directory_path(&f->d, "new", path)), 0);
	wl_control_close(c);
	wl_control_close(NULL);
}

struct asking {
	const struct fixture *f;
	char text[256];
	int ret;
};

static void *ask(void *ctx)
{
	struct asking *a = ctx;

	a->ret = wl_control_now(a->f->d.path, getpid(), 5000, a->text, sizeof(a->text));
	return NULL;
}

/* Both sides. */
static void serve_one(struct fixture *f, struct asking *a, const char *capture, const char *error)
{
	pthread_t thread;

	a->f = f;
	assert_int_equal(pthread_create(&thread, NULL, ask, a), 0);
	for (int i = 0; i < 5000 && !wl_control_serve(f->control, 0); i++)
		usleep(1000);
	wl_control_answer(f->control, capture, error);
	pthread_join(thread, NULL);
}

static void test_client(void **state)
{
	struct fixture *f = *state;
	struct asking a;

	serve_one(f, &a, "/c/2026-now", NULL);
	assert_int_equal(a.ret, 0);
	assert_string_equal(a.text, "/c/2026-now");
	serve_one(f, &a, NULL, "No space left on device");
	assert_int_equal(a.ret, -EREMOTEIO);
	assert_string_equal(a.text, "No space left on device");
	assert_int_equal(wl_control_now(f->d.path, 4194303, 100, a.text, sizeof(a.text)), -ENOENT);
	assert_int_equal(wl_control_now(f->d.path, getpid(), 50, a.text, sizeof(a.text)),
			 -ETIMEDOUT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_now),       TEST(test_refused), TEST(test_too_long), TEST(test_deadline),
		TEST(test_flood),     TEST(test_two),     TEST(test_fuzz),     TEST(test_stale),
		TEST(test_directory), TEST(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
