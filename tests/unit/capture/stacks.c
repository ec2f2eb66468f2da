/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "capture/stacks.h"
#include "directory.h"

static const char symbols[] = "ffffffff81000000 T trace_it\n"
			      "ffffffff81001000 T sysvec_apic_timer_interrupt\n"
			      "ffffffff81002000 T asm_sysvec_apic_timer_interrupt\n"
			      "ffffffff81003000 T copy_much\n"
			      "ffffffff81004000 T do_syscall_64\n"
			      "ffffffff81005000 T __schedule\n"
			      "ffffffff81006000 T schedule\n"
			      "ffffffff81007000 T pipe_read\n";

#define TRACE 0xffffffff81000010ull
#define SYSVEC 0xffffffff81001010ull
#define ENTRY 0xffffffff81002010ull
#define COPY 0xffffffff81003000ull /* its first byte: exact, not one that is returned to */
#define SYSCALL 0xffffffff81004010ull
#define SCHEDULE2 0xffffffff81005010ull
#define SCHEDULE 0xffffffff81006010ull
#define PIPE 0xffffffff81007010ull

static struct wl_kallsyms *names(struct directory *d)
{
	struct wl_kallsyms *k = NULL;
	char path[PATH_MAX];

	file_write(d->fd, "kallsyms", symbols);
	assert_int_equal(wl_kallsyms_open(&k, directory_path(d, "kallsyms", path)), 0);
	return k;
}

static void assert_functions(const struct wl_sample *s, const char *first, const char *second)
{
	assert_int_equal(s->nkernel, 2);
	assert_string_equal(s->kernel[0].function, first);
	assert_string_equal(s->kernel[1].function, second);
	assert_string_equal(s->kernel[1].module, "[kernel]");
	assert_true(!s->kernel[0].address && !s->kernel[1].address);
}

/* Of the tick's interrupt nothing is left, of the scheduler neither. */
static void test_cut(void **state)
{
	static const struct wl_stack stacks[] = {
		{ .kind = WL_STACK_RUNNING,
		  .nkernel = 3,
		  .kernel = { TRACE, SYSVEC, ENTRY },
		  .nuser = 1,
		  .user = { 77 } },
		{ .kind = WL_STACK_RUNNING,
		  .nkernel = 5,
		  .kernel = { TRACE, SYSVEC, ENTRY, COPY, SYSCALL } },
		{ .kind = WL_STACK_WAITED,
		  .nkernel = 4,
		  .kernel = { SCHEDULE2, SCHEDULE, PIPE, SYSCALL } },
		{ .kind = WL_STACK_RUNNING, .nkernel = 2, .kernel = { TRACE, SYSVEC } },
	};
	struct wl_kallsyms *k = names(*state);
	struct wl_samples s;

	assert_int_equal(wl_stacks_samples(stacks, ARRAY_SIZE(stacks), k, &s), 0);
	assert_int_equal(s.n, 4);
	assert_true(s.all[0].in_user && !s.all[0].nkernel && s.all[0].nuser == 1);
	assert_false(s.all[1].in_user);
	assert_functions(&s.all[1], "copy_much", "do_syscall_64");
	assert_true(s.all[2].blocked && !s.all[2].in_user);
	assert_functions(&s.all[2], "pipe_read", "do_syscall_64");
	/* cut off before the interrupt's entry: nothing is known */
	assert_true(!s.all[3].in_user && !s.all[3].nkernel);
	wl_samples_free(&s);
	wl_kallsyms_close(k);
}

/* The user stack of a wait is of the same call, the nearest in time; else there is one address. */
static void test_callers(void **state)
{
	static const struct wl_stack stacks[] = {
		{ .kind = WL_STACK_CALLER,
		  .ts = 1,
		  .tid = 5,
		  .ip = 8,
		  .sp = 9,
		  .nuser = 2,
		  .user = { 8, 100 } },
		{ .kind = WL_STACK_WAITED, .ts = 50, .tid = 5, .ip = 8, .sp = 9 },
		{ .kind = WL_STACK_CALLER,
		  .ts = 60,
		  .tid = 5,
		  .ip = 8,
		  .sp = 9,
		  .nuser = 2,
		  .user = { 8, 200 } },
		{ .kind = WL_STACK_WAITED, .ts = 70, .tid = 6, .ip = 8, .sp = 9 },
		{ .kind = WL_STACK_WAITED, .ts = 80, .tid = 5, .ip = 8, .sp = 10 },
	};
	struct wl_samples s;

	assert_int_equal(wl_stacks_samples(stacks, ARRAY_SIZE(stacks), NULL, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.all[0].nuser, 2);
	assert_true(s.all[0].user[1].address == 200);
	assert_true(s.all[1].nuser == 1 && s.all[1].user[0].address == 8);
	assert_true(s.all[2].nuser == 1 && s.all[2].user[0].address == 8);
	wl_samples_free(&s);
}

/* Counts that no kernel side sends. */
static void test_absurd(void **state)
{
	struct wl_kallsyms *k = names(*state);
	struct wl_stack stack = { .kind = WL_STACK_WAITED, .nkernel = 65535, .nuser = 65535 };
	struct wl_samples s;

	assert_int_equal(wl_stacks_samples(&stack, 1, k, &s), 0);
	wl_samples_free(&s);
	stack.kind = WL_STACK_RUNNING;
	assert_int_equal(wl_stacks_samples(&stack, 1, k, &s), 0);
	assert_int_equal(s.all[0].nuser, WL_STACK_USER);
	wl_samples_free(&s);
	wl_kallsyms_close(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_cut),
		TEST_IN_DIRECTORY(test_callers),
		TEST_IN_DIRECTORY(test_absurd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
