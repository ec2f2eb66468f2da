/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "capture.h"
#include "util/message.h"

static void test_text(void **state)
{
	struct captured captured;
	char text[256];

	capture_begin(&captured, STDERR_FILENO);
	wl_error("--over: '%s' is not a duration", "5x");
	wl_warn("%d events lost", 3);
	capture_end(&captured, text, sizeof(text));
	assert_string_equal(text, "whylate: --over: '5x' is not a duration\n"
				  "whylate: warning: 3 events lost\n");
}

static void test_hostile(void **state)
{
	struct captured captured;
	char text[256];

	capture_begin(&captured, STDERR_FILENO);
	wl_error("'%s'", "a\x1b[2J\nwhylate: \xff");
	capture_end(&captured, text, sizeof(text));
	assert_string_equal(text, "whylate: 'a\\x1b[2J\\x0awhylate: \\xff'\n");
}

static void test_long(void **state)
{
	static char argument[3 * WL_MESSAGE_MAX], text[2 * WL_MESSAGE_MAX];
	struct captured captured;

	memset(argument, 'x', sizeof(argument) - 1);
	capture_begin(&captured, STDERR_FILENO);
	wl_error("%s", argument);
	capture_end(&captured, text, sizeof(text));
	assert_int_equal(strlen(text), WL_MESSAGE_MAX - 1 + strlen("whylate: \n"));
	assert_string_equal(text + strlen(text) - 5, "x...\n");
}

static void test_errno_kept(void **state)
{
	struct captured captured;
	char text[64];

	capture_begin(&captured, STDERR_FILENO);
	errno = ENOTTY;
	wl_error("x");
	assert_int_equal(errno, ENOTTY);
	capture_end(&captured, text, sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_errno_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
