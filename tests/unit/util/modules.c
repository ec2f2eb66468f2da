/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "util/modules.h"

static void test_own(void **state)
{
	struct wl_modules modules;
	const struct wl_module *m;

	assert_int_equal(wl_modules_read(&modules, (uint32_t)getpid()), 0);
	m = wl_modules_find(&modules, (uint64_t)&test_own);
	assert_non_null(m);
	assert_non_null(strstr(m->name, "modules"));
	assert_true(m->start < m->first_end && m->first_end <= m->end);
	m = wl_modules_find(&modules, (uint64_t)&strlen);
	assert_non_null(m);
	assert_null(wl_modules_find(&modules, 1));
	assert_null(wl_modules_find(&modules, (uint64_t)&modules)); /* our stack */
	wl_modules_free(&modules);
	assert_null(modules.all);
}

static void test_gone(void **state)
{
	struct wl_modules modules;

	assert_int_equal(wl_modules_read(&modules, 0x7fffffff), -ENOENT);
	assert_null(wl_modules_find(&modules, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
