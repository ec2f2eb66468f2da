/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "cli/options.h"

static void check(const struct wl_options *options, const char *text)
{
	char buf[256];

	wl_options_describe_target(options, buf, sizeof(buf));
	assert_string_equal(buf, text);
}

static void test_target(void **state)
{
	struct wl_options o = { 0 };
	char *command[] = { (char[]){ "./server" }, NULL };

	check(&o, "every task");
	o.config.target.rt_only = 1;
	check(&o, "every real-time task");
	o.ncgroups = 1;
	o.cgroups[0] = "/a";
	check(&o, "every real-time task in cgroup '/a'");
	o.config.target.npids = 1;
	o.config.target.pids[0] = 12;
	check(&o, "process 12 in cgroup '/a', real-time only");
	o = (struct wl_options){ .config.target = { .nnames = 1, .names = { "memcached" } } };
	check(&o, "process or thread named 'memcached'");
	o.config.target.nnames = 2;
	strcpy(o.config.target.names[1], "mc-*");
	check(&o, "process or thread named 'memcached' or 'mc-*'");
	o.nusers = 1;
	o.users[0] = "joe";
	o.config.target.ntids = 2;
	o.config.target.tids[0] = 5;
	o.config.target.tids[1] = 6;
	check(&o, "threads 5, 6, named 'memcached' or 'mc-*' of user 'joe'");
	o = (struct wl_options){ .command = command };
	check(&o, "command './server' and what it starts");
}

static void test_long_lists(void **state)
{
	struct wl_options o = { .config.target.npids = 6 };

	for (__u32 i = 0; i < 6; i++)
		o.config.target.pids[i] = i + 1;
	check(&o, "processes 1, 2, 3, 4 and 2 more");
}

static void test_hostile(void **state)
{
	struct wl_options o = { .config.target = { .nnames = 1, .names = { "\x1b[2J" } } };
	char small[8];

	check(&o, "process or thread named '\\x1b[2J'");
	wl_options_describe_target(&o, small, sizeof(small));
	assert_true(strlen(small) < sizeof(small));
	small[0] = 'x';
	wl_options_describe_target(&o, small, 0);
	assert_int_equal(small[0], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_target),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
