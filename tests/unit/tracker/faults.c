/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Every allocation of the library fails once: the linker leads its calls to us. liburcu's own calls
 * can't fail one by one, it aborts then; the library asks whether there is memory before it lets
 * liburcu ask, and that is tried with a real limit.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common.h"

/* Calls since begin(), and which of them fails; 0: none, then all from `from` on. */
static struct {
	atomic_uint calls;
	unsigned fail, from;
} faults;

static void begin(unsigned fail, unsigned from)
{
	faults.calls = 0;
	faults.fail = fail;
	faults.from = from;
}

static bool fails(void)
{
	unsigned call = atomic_fetch_add(&faults.calls, 1) + 1;

	if (call != faults.fail && !(faults.from && call >= faults.from))
		return false;
	errno = ENOMEM;
	return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return fails() ? MAP_FAILED : __real_mmap(at, size, prot, flags, fd, offset);
}

int __real_mprotect(void *at, size_t size, int prot);
int __wrap_mprotect(void *at, size_t size, int prot);
int __wrap_mprotect(void *at, size_t size, int prot)
{
	return fails() ? -1 : __real_mprotect(at, size, prot);
}

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice)
{
	return fails() ? -1 : __real_madvise(at, size, advice);
}

int __real_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg);
int __wrap_pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *),
			  void *arg)
{
	return fails() ? EAGAIN : __real_pthread_create(id, attr, run, arg);
}

enum { FIRST = 200, MOST = 3000 };

static struct latency_tracker *make(void)
{
	return latency_tracker_create(
		0, 0, NULL, OPTIONS(.startup_events = FIRST, .max_events = MOST, .period = MS));
}

/* As many events as it may hold, some time. */
static void use(struct latency_tracker *t)
{
	uint64_t until = clock_ns() + 20 * SECOND;

	for (unsigned i = 0; i < MOST; i++) {
		while (in(t, i) == LATENCY_TRACKER_FULL && clock_ns() < until)
			sleep_ns(MS / 4);
		assert_true(clock_ns() < until);
	}
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
	assert_int_equal(stats_of(t).events, MOST);
}

static unsigned count_calls(bool grow)
{
	struct latency_tracker *t;
	unsigned calls;

	begin(0, 0);
	t = make();
	assert_non_null(t);
	calls = faults.calls;
	if (grow) {
		use(t);
		calls = faults.calls;
	}
	latency_tracker_destroy(t);
	return calls;
}

/* create() says so, or can do without; what it had is given back (LeakSanitizer looks). */
static void test_create(void **state)
{
	unsigned calls = count_calls(false), failed = 0;

	assert_true(calls > 10);
	for (unsigned n = 1; n <= calls; n++) {
		struct latency_tracker *t;

		begin(n, 0);
		errno = 0;
		t = make();
		assert_true(faults.calls >= n);
		if (!t) {
			failed++;
			assert_true(errno == ENOMEM || errno == EAGAIN);
			continue;
		}
		use(t);
		latency_tracker_destroy(t);
	}
	/* All but the advice that a child of fork() should not see the tracker. */
	assert_int_equal(failed, calls - 1);
	for (unsigned n = 1; n <= calls; n++) {
		begin(0, n);
		latency_tracker_destroy(make());
	}
	print_message("# %u allocations in create()\n", calls);
}

/* Grows with this allocation failing: did it come to that? */
static bool grow_without(unsigned n)
{
	struct latency_tracker *t;

	begin(n, 0);
	t = make();
	assert_non_null(t);
	use(t);
	latency_tracker_destroy(t);
	return faults.calls >= n;
}

/*
 * Growth is tried again; meanwhile what there is goes on working. The table grows with what is in
 * flight when the thread looks, in more or fewer steps: the last allocations need another try.
 */
static void test_growth(void **state)
{
	unsigned first = count_calls(false), all = count_calls(true);

	assert_true(all > first + 8);
	for (unsigned n = first + 1; n <= all; n++) {
		unsigned tries = 1;

		while (!grow_without(n))
			assert_true(tries++ < 50);
	}
	print_message("# %u allocations while growing\n", all - first);
}

/* For ever: the tracker stays as large as it is. */
static void test_no_growth(void **state)
{
	struct latency_tracker *t;
	unsigned full = 0;

	begin(0, 0);
	t = make();
	faults.from = 1;
	for (unsigned i = 0; i < 1000; i++) {
		full += in(t, i) == LATENCY_TRACKER_FULL;
		if (i % 100 == 0)
			sleep_ns(10 * MS);
	}
	assert_int_equal(full, 1000 - FIRST);
	for (unsigned i = 0; i < FIRST; i++)
		assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
	latency_tracker_destroy(t);
	begin(0, 0);
}

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A program with this much left: it must get a tracker or a refusal, and never be aborted. */
static int with_limit(uint64_t bytes)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		rlim_t most = address_space() + bytes;
		struct latency_tracker *t;

		if (setrlimit(RLIMIT_AS, &(struct rlimit){ most, most }))
			_exit(3);
		t = latency_tracker_create(0, 0, NULL,
					   OPTIONS(.startup_events = 20000, .max_events = 40000));
		if (!t)
			_exit(errno == ENOMEM || errno == EAGAIN ? 1 : 4);
		for (unsigned i = 0; i < 15000; i++)
			in(t, i);
		sleep_ns(30 * MS);
		latency_tracker_destroy(t);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_real_limit(void **state)
{
	unsigned got = 0, refused = 0;

	if (WL_SANITIZED)
		skip();
	begin(0, 0);
	for (uint64_t kb = 0; kb < 24 << 10; kb += kb < 8 << 10 ? 128 : 512) {
		int status = with_limit(kb << 10);

		assert_in_range(status, 0, 1);
		got += status == 0;
		refused += status == 1;
	}
	print_message("# %u limits were too small, %u enough\n", refused, got);
	assert_true(got && refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_real_limit),
	};

	return cmocka_run_group_tests_name("tracker/faults", tests, NULL, NULL);
}
