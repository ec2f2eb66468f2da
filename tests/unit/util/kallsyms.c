/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "directory.h"
#include "util/kallsyms.h"

static struct wl_kallsyms *open_text(struct directory *d, const char *text, int expected)
{
	struct wl_kallsyms *k = NULL;
	char path[PATH_MAX];

	file_write(d->fd, "kallsyms", text);
	assert_int_equal(wl_kallsyms_open(&k, directory_path(d, "kallsyms", path)), expected);
	return k;
}

static void assert_found(const struct wl_kallsyms *k, uint64_t address, const char *function,
			 const char *module)
{
	const char *in = NULL, *found = wl_kallsyms_find(k, address, &in);

	assert_non_null(found);
	assert_string_equal(found, function);
	assert_string_equal(in, module);
}

static void test_find(void **state)
{
	struct wl_kallsyms *k = open_text(*state,
					  "ffffffff81000200 T second\n"
					  "ffffffff81000100 t first\n"
					  "ffffffff81000180 D not_code\n"
					  "0000000000000000 A nowhere\n"
					  "damaged\n\n"
					  "ffffffffc0000000 t in_module\t[some]\n"
					  "ffffffffc0000010 t next\t[some]\n"
					  "ffffffffc1000000 t other\t[more]\n",
					  0);
	const char *module;

	assert_null(wl_kallsyms_find(k, 0xffffffff810000ffull, &module));
	assert_found(k, 0xffffffff81000100ull, "first", "[kernel]");
	assert_found(k, 0xffffffff810001ffull, "first", "[kernel]");
	assert_found(k, 0xffffffff81000200ull, "second", "[kernel]");
	assert_null(wl_kallsyms_find(k, 0xffffffff91000200ull, &module));
	assert_found(k, 0xffffffffc0000008ull, "in_module", "[some]");
	assert_found(k, 0xffffffffc0000010ull, "next", "[some]");
	assert_found(k, 0xffffffffc1000010ull, "other", "[more]");
	assert_null(wl_kallsyms_find(k, ~0ull, &module));
	assert_null(wl_kallsyms_find(k, 0, &module));
	wl_kallsyms_close(k);
}

/* Hidden addresses are all 0. */
static void test_hidden(void **state)
{
	struct wl_kallsyms *k;

	open_text(*state, "0000000000000000 T first\n0000000000000000 T second\n", -EPERM);
	open_text(*state, "", -EPERM);
	assert_int_equal(wl_kallsyms_open(&k, "/nowhere/kallsyms"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_find),
		TEST_IN_DIRECTORY(test_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
