/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Full pools, growth, fork, and what the fast path may not do: system calls (in a thread
 * that the kernel kills for one), and locks (in a signal handler that interrupts anything).
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "common.h"

#define EVENT_BYTES 64ull                                               /* with a key of 8 */
#define BUCKET_BYTES 16ull                                              /* of the table */
#define POOLS_BYTES (8192ull * (uint64_t)sysconf(_SC_NPROCESSORS_CONF)) /* without events */

/* Exactly as many as were asked for, whichever CPU asks; each can be used again. */
static void test_full(void **state)
{
	static const unsigned sizes[] = { 1, 2, 3, 63, 1000, 4097 };

	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		struct latency_tracker *t = create(
			0, 0, NULL, OPTIONS(.startup_events = sizes[s], .max_events = sizes[s]));

		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < sizes[s]; i++)
				assert_int_equal(in(t, i), LATENCY_TRACKER_OK);
			assert_int_equal(in(t, sizes[s]), LATENCY_TRACKER_FULL);
			assert_int_equal(in(t, sizes[s]), LATENCY_TRACKER_FULL);
			assert_int_equal(stats_of(t).held, sizes[s]);
			for (unsigned i = 0; i < sizes[s]; i++)
				assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
		}
		assert_int_equal(stats_of(t).skipped, 10);
		assert_int_equal(stats_of(t).events, sizes[s]);
		latency_tracker_destroy(t);
	}
}

/* Pools and table grow by themselves up to the limit, and nothing gets lost on the way. */
static void test_growth(void **state)
{
	enum { MOST = 300000 };
	struct latency_tracker *t = create(
		0, 0, NULL, OPTIONS(.startup_events = 100, .max_events = MOST, .period = MS));
	uint64_t before = stats_of(t).memory, skipped = 0;

	for (unsigned i = 0; i < MOST; i++) {
		while (in(t, i) == LATENCY_TRACKER_FULL) {
			skipped++;
			sleep_ns(MS / 10);
			assert_true(skipped < 1000000);
		}
	}
	assert_int_equal(in(t, MOST), LATENCY_TRACKER_FULL);
	assert_int_equal(stats_of(t).events, MOST);
	assert_int_equal(stats_of(t).skipped, skipped + 1);
	assert_true(stats_of(t).memory > before);
	assert_true(stats_of(t).memory <= stats_of(t).memory_max);
	/* Half a bucket for each, at least. */
	wait_for(stats_of(t).memory >= MOST * (EVENT_BYTES + BUCKET_BYTES / 2), 10);
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
	latency_tracker_destroy(t);
}

static atomic_bool comparing, compared;

/* Key 1 takes its time: whoever looks for it is inside, and nothing can be used again. */
static int match_slowly(const void *a, const void *b, size_t len)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x == 1 && y == 1) {
		atomic_store(&comparing, true);
		while (!atomic_load(&compared))
			sleep_ns(MS);
	}
	return memcmp(a, b, len);
}

static unsigned long hash_first(const void *key, size_t len, unsigned long seed)
{
	return *(const unsigned char *)key + seed + len;
}

static void *out_slowly(void *t)
{
	return (void *)(uintptr_t)out(t, 1);
}

/* What only waits to be used again makes the pools grow, not the table. */
static void test_growth_of_pools(void **state)
{
	struct latency_tracker *t =
		create(0, 0, NULL,
		       OPTIONS(.startup_events = 128, .max_events = 100000, .period = MS,
			       .hash = hash_first, .match = match_slowly));
	uint64_t end = clock_ns() + 10 * SECOND;
	pthread_t slow;
	void *ret;

	assert_int_equal(in(t, 1), LATENCY_TRACKER_OK);
	assert_int_equal(pthread_create(&slow, NULL, out_slowly, t), 0);
	wait_for(atomic_load(&comparing), 10);
	while (stats_of(t).events < 50000 && clock_ns() < end)
		if (in(t, 2) == LATENCY_TRACKER_OK)
			assert_int_equal(out(t, 2), LATENCY_TRACKER_OK);
	assert_true(stats_of(t).events >= 50000);
	assert_true(stats_of(t).memory <
		    stats_of(t).events * (EVENT_BYTES + BUCKET_BYTES / 8) + POOLS_BYTES);
	atomic_store(&compared, true);
	assert_int_equal(pthread_join(slow, &ret), 0);
	assert_int_equal((uintptr_t)ret, LATENCY_TRACKER_OK);
	latency_tracker_destroy(t);
}

/* In a child: all calls say so, nothing hangs, the copy can be freed, the parent's goes on. */
static void in_child(struct latency_tracker *t, struct latency_tracker_event *event)
{
	uint64_t key = 5;
	bool ok = in(t, 6) == LATENCY_TRACKER_DISABLED && out(t, 5) == LATENCY_TRACKER_DISABLED &&
		  !latency_tracker_get_event_by_key(t, &key, sizeof(key)) &&
		  latency_tracker_set_tracking_on(t, 1, 0) == -ECHILD &&
		  latency_tracker_clear(t) == 0 && stats_of(t).held == 1;
	struct latency_tracker *own;

	latency_tracker_set_timeout(t, 1);
	latency_tracker_unref_event(event);
	ok = ok && !latency_tracker_destroy(t);
	if (WL_NO_THREADS_IN_CHILD)
		_exit(ok ? 0 : 1);
	own = latency_tracker_create(0, 0, NULL, NULL);
	ok = ok && own && in(own, 1) == LATENCY_TRACKER_OK && out(own, 1) == LATENCY_TRACKER_OK;
	latency_tracker_destroy(own);
	_exit(ok ? 0 : 1);
}

static void test_fork(void **state)
{
	struct latency_tracker *t = create(0, 3600 * SECOND, NULL, NULL);
	struct latency_tracker_event *event;
	uint64_t key = 5;
	int status;
	pid_t child;

	latency_tracker_event_in_get(t, &key, sizeof(key), 0, 0, NULL, &event);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		in_child(t, event);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(out(t, 5), LATENCY_TRACKER_OK);
	latency_tracker_unref_event(event);
	latency_tracker_destroy(t);
}

struct strict {
	struct latency_tracker *tracker;
	int pipe;
	bool forbidden; /* make a system call, to see that it would be noticed */
};

#define KILLED 5

/*
 * Anything but write() and exit() kills this thread from now on. (Strict mode would do, but it
 * also forbids the clock's instruction.)
 */
static bool allow_nothing(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void *run_strict(void *arg)
{
	struct strict *s = arg;
	char ok = 1;

	if (!allow_nothing()) {
		ok = 2;
	} else {
		for (unsigned i = 0; i < 200000; i++) {
			uint64_t key = i % 1000;
			struct latency_tracker_event *event;

			/* More than fit: all of FULL, growing wants and using again is here. */
			if (in(s->tracker, key) == LATENCY_TRACKER_ERR)
				ok = 0;
			latency_tracker_event_in_get(s->tracker, &key, sizeof(key), i % 3 == 0, 0,
						     NULL, &event);
			latency_tracker_unref_event(event);
			latency_tracker_unref_event(
				latency_tracker_get_event_by_key(s->tracker, &key, sizeof(key)));
			if (i % 5 < 3)
				out(s->tracker, key);
		}
		if (s->forbidden)
			syscall(SYS_getppid);
	}
	while (write(s->pipe, &ok, 1) != 1)
		;
	syscall(SYS_exit, 0);
	return NULL;
}

static int strict_child(bool forbidden)
{
	int pipes[2], status = 1;
	char ok = 0;
	pid_t child;

	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct strict s = { .pipe = pipes[1], .forbidden = forbidden };
		pthread_t thread;

		s.tracker = latency_tracker_create(
			0, 50 * MS, NULL, OPTIONS(.startup_events = 100, .max_events = 1500));
		if (!s.tracker || pthread_create(&thread, NULL, run_strict, &s))
			_exit(3);
		pthread_join(thread, NULL);
		close(pipes[1]);
		if (read(pipes[0], &ok, 1) != 1)
			_exit(KILLED);
		if (ok == 2)
			_exit(2);
		if (!ok || !stats_of(s.tracker).skipped || !stats_of(s.tracker).count)
			_exit(4);
		_exit(0);
	}
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_no_system_call(void **state)
{
	int status;

	if (WL_SANITIZED)
		skip();
	status = strict_child(true);
	if (status == 2)
		skip();
	/* It would have been noticed. */
	assert_int_equal(status, KILLED);
	assert_int_equal(strict_child(false), 0);
}

static struct {
	struct latency_tracker *tracker;
	atomic_uint_least64_t pairs, full, bad;
	atomic_bool enough;
} in_handler;

static void handler(int signal)
{
	uint64_t key = 1ull << 40;

	for (unsigned i = 0; i < 20; i++, key++) {
		enum latency_tracker_ret ret = in(in_handler.tracker, key);

		if (ret == LATENCY_TRACKER_FULL)
			in_handler.full++;
		else if (ret != LATENCY_TRACKER_OK ||
			 out(in_handler.tracker, key) != LATENCY_TRACKER_OK)
			in_handler.bad++;
		else
			in_handler.pairs++;
	}
	if (in_handler.pairs > 100000)
		in_handler.enough = true;
}

static void *disturb(void *arg)
{
	pthread_t victim = *(pthread_t *)arg;

	while (!in_handler.enough) {
		pthread_kill(victim, SIGUSR1);
		for (volatile unsigned i = 0; i < 2000; i++)
			;
	}
	return NULL;
}

/* Signals as fast as they come, all through every function of the fast path. */
static void test_signals(void **state)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	pthread_t self = pthread_self(), thread;
	uint64_t pairs = 0, full = 0, until;
	struct latency_tracker_stats s;

	memset(&in_handler, 0, sizeof(in_handler));
	in_handler.tracker =
		create(LATENCY_TRACKER_NEVER, 20 * MS, NULL, OPTIONS(.max_events = 50000));
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, disturb, &self), 0);
	until = clock_ns() + 20 * SECOND;
	for (uint64_t i = 0; !in_handler.enough && clock_ns() < until; i++) {
		uint64_t key = i % 100;

		/* A key can be ended by nobody else: its out finds it. */
		if (latency_tracker_event_in(in_handler.tracker, &key, sizeof(key), i % 2, NULL)) {
			full++;
			continue;
		}
		assert_int_equal(out(in_handler.tracker, key), LATENCY_TRACKER_OK);
		pairs++;
	}
	in_handler.enough = true;
	pthread_join(thread, NULL);
	signal(SIGUSR1, SIG_IGN);
	s = stats_of(in_handler.tracker);
	print_message("# %llu pairs, %llu in handlers, %llu skipped\n", (unsigned long long)pairs,
		      (unsigned long long)in_handler.pairs, (unsigned long long)s.skipped);
	assert_int_equal(in_handler.bad, 0);
	assert_true(in_handler.pairs > 1000);
	assert_int_equal(s.count, pairs + in_handler.pairs);
	assert_int_equal(s.skipped, full + in_handler.full);
	assert_int_equal(s.held, 0);
	latency_tracker_destroy(in_handler.tracker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_growth_of_pools),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_no_system_call),
		cmocka_unit_test(test_signals),
	};

	return cmocka_run_group_tests_name("tracker/limits", tests, NULL, NULL);
}
