/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <sys/syscall.h>

#include "cli/idle_calls.h"
#include "util/syscalls.h"

static int has(const __u64 *words, int nr)
{
	return nr >= 0 && nr < WL_SYSCALL_WORDS * 64 && words[nr / 64] >> (nr % 64) & 1;
}

static void test_idle(void **state)
{
	static const char *const idle[] = {
		"epoll_wait",      "epoll_pwait",     "epoll_pwait2",   "read",
		"accept4",         "recvfrom",        "futex",          "futex_wait",
		"futex_waitv",     "clock_nanosleep", "io_uring_enter", "restart_syscall",
		"rt_sigtimedwait", "wait4",           "poll",           "select",
	};
	static const char *const busy[] = {
		"write", "openat", "fsync", "sendto", "connect", "flock"
	};
	struct wl_chain_config chain = { 0 };

	wl_idle_calls_fill(&chain);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		if (wl_syscall_number(idle[i], false) >= 0 &&
		    !has(chain.idle_calls, wl_syscall_number(idle[i], false)))
			fail_msg("%s", idle[i]);
	for (size_t i = 0; i < ARRAY_SIZE(busy); i++)
		assert_false(has(chain.idle_calls, wl_syscall_number(busy[i], false)));
	assert_true(has(chain.idle_calls, SYS_epoll_pwait));
}

static void test_kinds(void **state)
{
	struct wl_chain_config chain = { 0 };

	wl_idle_calls_fill(&chain);
	assert_true(has(chain.futex_calls, SYS_futex));
	assert_true(has(chain.futex_calls, 455));
	assert_false(has(chain.futex_calls, SYS_read));
	assert_true(has(chain.sync_calls, SYS_fsync));
	assert_true(has(chain.sync_calls, SYS_syncfs));
	assert_false(has(chain.sync_calls, SYS_read));
}

#ifdef __x86_64__
static void test_compat(void **state)
{
	struct wl_chain_config chain = { 0 };

	wl_idle_calls_fill(&chain);
	assert_true(has(chain.idle_calls32, 3));   /* read */
	assert_true(has(chain.idle_calls32, 102)); /* socketcall */
	assert_true(has(chain.idle_calls32, 142)); /* _newselect */
	assert_true(has(chain.idle_calls32, 422)); /* futex_time64 */
	assert_true(has(chain.idle_calls32, 0));   /* restart_syscall */
	assert_false(has(chain.idle_calls32, 1));  /* exit */
	assert_false(has(chain.idle_calls32, 4));  /* write */
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_kinds),
#ifdef __x86_64__
		cmocka_unit_test(test_compat),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
