/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <unistd.h>

#include "util/dwarf.h"
#include "util/symbols.h"

#define SECOND_NS 1000000000ull

/* Our own names, or at least our own file's. */
static void test_own(void **state)
{
	const uint64_t addresses[] = { (uint64_t)&test_own, 1, (uint64_t)&test_own + 1 };
	struct wl_symbol s[3];
	struct wl_modules modules;
	struct wl_dwarf *dwarf;

	assert_int_equal(wl_modules_read(&modules, (uint32_t)getpid()), 0);
	dwarf = wl_dwarf_open(&modules);
	assert_int_equal(wl_symbols_find((uint32_t)getpid(), addresses, 3, 20 * SECOND_NS, s), 0);
	assert_non_null(strstr(s[0].module, "symbols"));
	assert_string_equal(s[1].module, "");
	if (dwarf) {
		assert_string_equal(s[0].function, "test_own");
		assert_string_equal(s[2].function, "test_own");
		assert_non_null(strstr(s[0].file, "symbols.c"));
		assert_in_range(s[0].line, 12, 20);
	} else {
		assert_non_null(strstr(s[0].module, "+0x"));
	}
	wl_dwarf_close(dwarf);
	wl_modules_free(&modules);
}

static void test_nothing(void **state)
{
	const uint64_t address = (uint64_t)&test_nothing;
	struct wl_symbol s;

	assert_int_equal(wl_symbols_find(0x7fffffff, &address, 1, SECOND_NS, &s), 0);
	assert_string_equal(s.module, "");
	/* no time at all */
	assert_int_equal(wl_symbols_find((uint32_t)getpid(), &address, 1, 0, &s), 0);
	assert_string_equal(s.function, "");
	assert_int_equal(wl_symbols_find((uint32_t)getpid(), NULL, 0, SECOND_NS, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
