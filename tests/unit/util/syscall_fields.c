/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include "util/syscall_fields.h"
#include "util/syscalls.h"

#define S64 (WL_FIELD_SIGNED | 3)
#define CALLS 600

static struct wl_syscall_fields find(const char *name, bool compat)
{
	struct wl_syscall_fields fields;

	wl_syscall_fields(wl_syscall_number(name, compat), compat, &fields);
	assert_string_equal(fields.name, name);
	return fields;
}

static struct wl_syscall_layout layout(const char *name, bool compat)
{
	struct wl_syscall_layout layouts[WL_SYSCALL_LAYOUTS];

	wl_syscall_layouts(layouts, ARRAY_SIZE(layouts), compat);
	return layouts[wl_syscall_number(name, compat)];
}

static void assert_field(const struct wl_syscall_field *field, const char *name, uint8_t type,
			 uint8_t arg)
{
	assert_string_equal(field->name, name);
	assert_int_equal(field->type, type);
	assert_int_equal(field->arg, arg);
}

static void test_fields(void **state)
{
	struct wl_syscall_fields openat = find("openat", false);
	struct wl_syscall_fields read = find("read", false);

	assert_string_equal(openat.event, "openat");
	assert_int_equal(openat.ret, S64);
	assert_int_equal(openat.nentry, 4);
	assert_int_equal(openat.nexit, 0);
	assert_field(&openat.entry[0], "dfd", WL_FIELD_SIGNED | 2, 0);
	assert_field(&openat.entry[1], "filename", WL_FIELD_TEXT, 1);
	assert_field(&openat.entry[2], "flags", WL_FIELD_SIGNED | 2, 2);
	assert_field(&openat.entry[3], "mode", 1, 3);

	assert_int_equal(read.nentry, 2);
	assert_field(&read.entry[1], "count", 3, 2);
	assert_int_equal(read.nexit, 1);
	assert_field(&read.exit[0], "buf", 3, 1);
}

/* What isn't a plain copy of LTTng's list. */
static void test_special(void **state)
{
	struct wl_syscall_fields poll = find("poll", false);
	struct wl_syscall_fields control = find("epoll_ctl", false);

	assert_int_equal(poll.nentry, 2);
	assert_field(&poll.entry[0], "timeout_msecs", WL_FIELD_SIGNED | 2, 2);
	assert_field(&poll.entry[1], "nfds", 2, 1);
	assert_field(&control.entry[1], "op_enum", WL_FIELD_SIGNED | 2, 1);
	assert_int_equal(find("mmap", false).ret, WL_FIELD_HEX | 3);
	assert_string_equal(find("uname", false).event, "newuname");
	/* LTTng does not know it: as the kernel describes it. */
	assert_field(&find("execveat", false).entry[1], "filename", WL_FIELD_TEXT, 1);
}

static void test_unknown(void **state)
{
	static const int numbers[] = { -1, 999, 1 << 20 };
	struct wl_syscall_fields fields;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		wl_syscall_fields(numbers[i], false, &fields);
		assert_null(fields.name);
		assert_null(fields.event);
		assert_int_equal(fields.nentry, 6);
		assert_int_equal(fields.nexit, 0);
		assert_field(&fields.entry[5], "arg5", WL_FIELD_HEX | 3, 5);
	}
}

#ifdef __x86_64__
static void test_compat(void **state)
{
	struct wl_syscall_fields clone = find("clone", true);
	struct wl_syscall_fields stat = find("stat", true);
	struct wl_syscall_fields select = find("_newselect", true);
	struct wl_syscall_fields pread = find("pread64", true);

	assert_field(&clone.entry[3], "child_tid", WL_FIELD_HEX | 3, 4);
	assert_field(&find("clone", false).entry[3], "child_tid", WL_FIELD_HEX | 3, 3);
	assert_string_equal(stat.event, "newstat");
	assert_field(&stat.entry[0], "filename", WL_FIELD_TEXT, 0);
	assert_string_equal(find("oldstat", true).event, "stat");
	assert_string_equal(select.event, "select");
	assert_field(&select.entry[0], "n", WL_FIELD_SIGNED | 2, 0);
	assert_string_equal(find("select", true).event, "old_select");
	assert_string_equal(find("futex_time64", true).event, "futex_time64");
	assert_field(&find("socket", true).entry[0], "family", WL_FIELD_SIGNED | 2, 0);
	/* A 64-bit offset in two arguments: no fields, all arguments. */
	assert_string_equal(pread.event, "pread64");
	assert_field(&pread.entry[3], "arg3", WL_FIELD_HEX | 3, 3);
	assert_field(&find("rt_sigpending", true).exit[0], "set", 3, 0);
}
#endif

static void check_row(const struct wl_syscall_fields *fields)
{
	int texts = 0;

	assert_in_range(fields->nentry, 0, WL_SYSCALL_ARGS);
	assert_in_range(fields->nexit, 0, WL_SYSCALL_ARGS);
	for (int i = 0; i < fields->nentry; i++) {
		assert_non_null(fields->entry[i].name);
		assert_in_range(fields->entry[i].arg, 0, 5);
		texts += fields->entry[i].type == WL_FIELD_TEXT;
	}
	for (int i = 0; i < fields->nexit; i++) {
		assert_non_null(fields->exit[i].name);
		assert_in_range(fields->exit[i].arg, 0, 5);
		assert_int_equal(fields->exit[i].type & WL_FIELD_TEXT, 0);
	}
	for (int i = fields->nentry; i < WL_SYSCALL_ARGS; i++)
		assert_null(fields->entry[i].name);
	for (int i = fields->nexit; i < WL_SYSCALL_ARGS; i++)
		assert_null(fields->exit[i].name);
	assert_in_range(texts, 0, WL_SYSCALL_TEXTS);
}

/* Every call: numbers in the generated rows fit, and no two events have one name. */
static void test_all(void **state)
{
	struct wl_syscall_fields all[CALLS];

	for (int compat = 0; compat < 2; compat++) {
		for (int nr = 0; nr < CALLS; nr++) {
			wl_syscall_fields(nr, compat, &all[nr]);
			check_row(&all[nr]);
			for (int i = 0; all[nr].event && i < nr; i++)
				if (all[i].event)
					assert_string_not_equal(all[nr].event, all[i].event);
		}
	}
}

static void test_size(void **state)
{
	struct wl_syscall_fields openat = find("openat", false);
	struct wl_syscall_fields close = find("close", false);
	struct wl_syscall_fields getpid = find("getpid", false);

	assert_int_equal(wl_syscall_entry_size(&openat), 8 + 64 + 8 + 2);
	assert_int_equal(wl_syscall_exit_size(&openat), 8);
	assert_int_equal(wl_syscall_entry_size(&close), 4);
	assert_int_equal(wl_syscall_entry_size(&getpid), 0);
	assert_int_equal(wl_syscall_exit_size(&getpid), 8);
}

static void test_layout(void **state)
{
	struct wl_syscall_layout openat = layout("openat", false);
	struct wl_syscall_layout rename = layout("rename", false);
	struct wl_syscall_layout futex = layout("futex", false);

	assert_int_equal(openat.nentry, 4);
	assert_int_equal(openat.entry_text, 2);
	assert_int_equal(openat.entry_arg[3], 3);
	assert_int_equal(openat.tail, 2 | 8 << 4);
	assert_int_equal(rename.entry_text, 3);
	assert_int_equal(futex.tail, 4 | 8 << 4);
	assert_int_equal(futex.nexit, 2);
	assert_int_equal(futex.exit_arg[1], 4);
}

/* The sizes that BPF computes from the layout are those of the fields. */
static void test_layout_sizes(void **state)
{
	struct wl_syscall_layout layouts[CALLS];

	for (int compat = 0; compat < 2; compat++) {
		wl_syscall_layouts(layouts, CALLS, compat);
		for (int nr = 0; nr < CALLS; nr++) {
			const struct wl_syscall_layout *l = &layouts[nr];
			int slots = l->nentry + __builtin_popcount(l->entry_text) * 7;
			struct wl_syscall_fields fields;

			wl_syscall_fields(nr, compat, &fields);
			assert_int_equal(WL_SYSCALL_BYTES(slots, WL_SYSCALL_ENTRY_TAIL(l)),
					 wl_syscall_entry_size(&fields));
			assert_int_equal(WL_SYSCALL_BYTES(l->nexit + 1, WL_SYSCALL_EXIT_TAIL(l)),
					 wl_syscall_exit_size(&fields));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),  cmocka_unit_test(test_special),
		cmocka_unit_test(test_unknown),
#ifdef __x86_64__
		cmocka_unit_test(test_compat),
#endif
		cmocka_unit_test(test_all),     cmocka_unit_test(test_size),
		cmocka_unit_test(test_layout),  cmocka_unit_test(test_layout_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
