/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <sys/syscall.h>

#include "util/syscalls.h"

static void test_native(void **state)
{
	assert_int_equal(wl_syscall_number("read", false), SYS_read);
	assert_int_equal(wl_syscall_number("clock_nanosleep", false), SYS_clock_nanosleep);
	assert_int_equal(wl_syscall_number("futex", false), SYS_futex);
	assert_int_equal(wl_syscall_number("epoll_pwait2", false), 441);
	assert_int_equal(wl_syscall_number("futex_wait", false), 455);
	assert_string_equal(wl_syscall_name(SYS_epoll_pwait, false), "epoll_pwait");
	assert_string_equal(wl_syscall_name(SYS_restart_syscall, false), "restart_syscall");
}

#ifdef __x86_64__
static void test_compat(void **state)
{
	assert_int_equal(wl_syscall_number("read", true), 3);
	assert_int_equal(wl_syscall_number("socketcall", true), 102);
	assert_int_equal(wl_syscall_number("futex_time64", true), 422);
	assert_int_equal(wl_syscall_number("socketcall", false), -1);
	assert_string_equal(wl_syscall_name(142, true), "_newselect");
	assert_string_equal(wl_syscall_name(232, false), "epoll_wait");
	assert_string_equal(wl_syscall_name(256, true), "epoll_wait");
}
#endif

static void test_unknown(void **state)
{
	assert_null(wl_syscall_name(-1, false));
	assert_null(wl_syscall_name(-1, true));
	assert_null(wl_syscall_name(100000, false));
	assert_int_equal(wl_syscall_number("", false), -1);
	assert_int_equal(wl_syscall_number("syscalls", false), -1);
	assert_int_equal(wl_syscall_number("no_such_call", true), -1);
	assert_string_equal(wl_syscall_nearest("epol_wait"), "epoll_wait");
	assert_null(wl_syscall_nearest("qqqqqqqq"));
}

/* Names and numbers are one to one. */
static void test_round_trip(void **state)
{
	for (int compat = 0; compat < 2; compat++) {
		for (int nr = 0; nr < 600; nr++) {
			const char *name = wl_syscall_name(nr, compat);

			if (name)
				assert_int_equal(wl_syscall_number(name, compat), nr);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),
#ifdef __x86_64__
		cmocka_unit_test(test_compat),
#endif
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
