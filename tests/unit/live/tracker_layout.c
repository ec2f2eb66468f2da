/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <bpf/btf.h>
#include <errno.h>

#include "live/tracker_layout.h"

struct fixture {
	struct btf *btf;
	struct wl_layout layout;
	int u8, u32, u64, s32;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.btf = btf__new_empty();
	f.u8 = btf__add_int(f.btf, "unsigned char", 1, 0);
	f.u32 = btf__add_int(f.btf, "unsigned int", 4, 0);
	f.u64 = btf__add_int(f.btf, "unsigned long", 8, 0);
	f.s32 = btf__add_int(f.btf, "int", 4, BTF_INT_SIGNED);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_layout_free(&f->layout);
	btf__free(f->btf);
	return 0;
}

static int add(struct fixture *f, int type)
{
	return wl_layout_add(&f->layout, f->btf, (uint32_t)type);
}

static int make_struct(struct fixture *f, uint32_t size)
{
	return btf__add_struct(f->btf, "made", size);
}

static void member(struct fixture *f, const char *name, int type, uint32_t offset)
{
	assert_int_equal(btf__add_field(f->btf, name, type, 8 * offset, 0), 0);
}

static void check(const struct fixture *f, size_t i, const char *name, enum wl_value_kind kind,
		  uint32_t offset, uint32_t size)
{
	const struct wl_field *field = &f->layout.fields[i];

	assert_true(i < f->layout.n);
	assert_string_equal(field->name, name);
	assert_int_equal(field->kind, kind);
	assert_int_equal(field->offset, offset);
	assert_int_equal(field->size, size);
}

static void test_members(void **state)
{
	struct fixture *f = *state;
	int tid = btf__add_typedef(f->btf, "lt_tid", f->u32);
	int text = btf__add_array(f->btf, f->u32, f->u8, 16);
	int numbers = btf__add_array(f->btf, f->u32, f->u32, 4);
	int pointer = btf__add_ptr(f->btf, 0);
	int type = make_struct(f, 56);

	member(f, "comm", text, 0);
	member(f, "tid", tid, 16);
	member(f, "pad", f->u32, 20);
	member(f, "pad_left", f->u64, 24);
	member(f, "nice", f->s32, 32);
	member(f, "some", numbers, 36);
	assert_int_equal(add(f, type), 0);
	assert_int_equal(f->layout.size, 56);
	assert_int_equal(f->layout.n, 4);
	check(f, 0, "comm", WL_VALUE_TEXT, 0, 16);
	check(f, 1, "tid", WL_VALUE_UINT, 16, 4);
	check(f, 2, "nice", WL_VALUE_INT, 32, 4);
	check(f, 3, "some", WL_VALUE_BYTES, 36, 16);
	wl_layout_free(&f->layout);
	assert_int_equal(add(f, pointer), 0);
	check(f, 0, "value", WL_VALUE_HEX, 0, 8);
}

/* A CPU's 0 is a value, a task's is nobody. */
static void test_cpu(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, btf__add_typedef(f->btf, "lt_cpu", f->u32)), 0);
	check(f, 0, "cpu", WL_VALUE_CPU, 0, 4);
}

/* One that is no struct is called what it means. */
static void test_alone(void **state)
{
	struct fixture *f = *state;
	int own = btf__add_typedef(f->btf, "lt_ksym", f->u64);

	assert_int_equal(add(f, btf__add_typedef(f->btf, "mine", own)), 0);
	check(f, 0, "ksym", WL_VALUE_KSYM, 0, 8);
}

static void test_nested(void **state)
{
	struct fixture *f = *state;
	int inner = make_struct(f, 8), outer;

	member(f, "a", f->u32, 0);
	member(f, "b", f->u32, 4);
	outer = make_struct(f, 16);
	member(f, "first", f->u64, 0);
	member(f, "inner", inner, 8);
	assert_int_equal(add(f, outer), 0);
	check(f, 1, "a", WL_VALUE_UINT, 8, 4);
	check(f, 2, "b", WL_VALUE_UINT, 12, 4);
}

static void test_enum(void **state)
{
	struct fixture *f = *state;
	int type = btf__add_enum(f->btf, "kind", 4);

	btf__add_enum_value(f->btf, "blocked", 0);
	btf__add_enum_value(f->btf, "preempted", 1);
	assert_int_equal(add(f, type), 0);
	check(f, 0, "value", WL_VALUE_ENUM, 0, 4);
	assert_int_equal(f->layout.fields[0].nenums, 2);
	assert_string_equal(f->layout.fields[0].enums[1].name, "preempted");
}

static void test_hostile_names(void **state)
{
	struct fixture *f = *state;
	int type = btf__add_enum(f->btf, "kind", 4), outer;

	btf__add_enum_value(f->btf, "a\x1b[2J", 0);
	outer = make_struct(f, 8);
	member(f, "\x1b]0;evil\n", type, 0);
	member(f, "a name of more than thirty-one bytes\x1b", f->u32, 4);
	assert_int_equal(add(f, outer), 0);
	assert_string_equal(f->layout.fields[0].name, "\\x1b]0;evil\\x0a");
	assert_string_equal(f->layout.fields[0].enums[0].name, "a\\x1b[2J");
	assert_string_equal(f->layout.fields[1].name, "a name of more than thirty-one ");
}

/* Their values are copied to what we know by these names. */
static void test_other_sizes(void **state)
{
	static const char *const names[] = { "lt_addr", "lt_stack", "lt_tid", "lt_dev" };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(add(f, btf__add_typedef(f->btf, names[i], f->u64)), 0);
		check(f, 0, names[i] + 3, WL_VALUE_BYTES, 0, 8);
		wl_layout_free(&f->layout);
	}
}

static void test_outside(void **state)
{
	struct fixture *f = *state;
	int type = make_struct(f, 8);

	member(f, "far", f->u64, 1 << 20);
	assert_int_equal(add(f, type), -EINVAL);
	wl_layout_free(&f->layout);
	type = make_struct(f, 8);
	member(f, "half", f->u64, 4);
	assert_int_equal(add(f, type), -EINVAL);
}

/* Its offsets add up to what 32 bits don't hold. */
static void test_far_nested(void **state)
{
	struct fixture *f = *state;
	int type = f->u32;

	for (int i = 0; i < 7; i++) {
		int outer = make_struct(f, 4);

		member(f, "in", type, 1u << 28);
		type = outer;
	}
	assert_int_equal(add(f, type), -EINVAL);
}

static void test_circle(void **state)
{
	struct fixture *f = *state;
	int type = make_struct(f, 8);
	int next = type + 1;

	member(f, "round", next, 0);
	assert_int_equal(btf__add_typedef(f->btf, "a", next + 1), next);
	assert_int_equal(btf__add_typedef(f->btf, "b", next), next + 1);
	assert_int_equal(add(f, type), -EINVAL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cpu),           TEST(test_members),    TEST(test_alone),
		TEST(test_nested),        TEST(test_enum),       TEST(test_other_sizes),
		TEST(test_outside),       TEST(test_far_nested), TEST(test_circle),
		TEST(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
