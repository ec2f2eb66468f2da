/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* --key, --by and --where, over a function of a kernel that is made here. */
#include "test.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture.h"
#include "live/user_tracker.h"

#define EVENT "fentry:made"

struct fixture {
	struct btf *btf;
	struct wl_user_tracker tracker;
};

/* void made(int count, unsigned long address) */
static int setup(void **state)
{
	static struct fixture f;
	int number, address, proto;

	memset(&f, 0, sizeof(f));
	f.btf = btf__new_empty();
	number = btf__add_int(f.btf, "int", 4, BTF_INT_SIGNED);
	address = btf__add_int(f.btf, "unsigned long", 8, 0);
	proto = btf__add_func_proto(f.btf, 0);
	btf__add_func_param(f.btf, "count", number);
	btf__add_func_param(f.btf, "address", address);
	btf__add_func(f.btf, "made", BTF_FUNC_STATIC, proto);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_user_tracker_free(&f->tracker);
	btf__free(f->btf);
	return 0;
}

static const struct wl_user_config *parse(struct fixture *f, const char *key, const char *where)
{
	wl_user_tracker_free(&f->tracker);
	assert_int_equal(wl_user_tracker_parse(&f->tracker, EVENT, EVENT, key, where, NULL, f->btf),
			 0);
	return &f->tracker.config;
}

static void refuse(struct fixture *f, const char *key, const char *where, const char *words)
{
	struct captured captured;
	char said[2048];

	wl_user_tracker_free(&f->tracker);
	capture_begin(&captured, STDERR_FILENO);
	assert_int_equal(wl_user_tracker_parse(&f->tracker, EVENT, EVENT, key, where, NULL, f->btf),
			 -EINVAL);
	capture_end(&captured, said, sizeof(said));
	if (!strstr(said, words))
		fail_msg("'%s' is not in: %s", words, said);
}

static void test_keys(void **state)
{
	const struct wl_user_config *c = parse(*state, "tid,count=address", NULL);

	assert_int_equal(c->nkeys, 2);
	assert_int_equal(c->key[0][0].source, WL_USER_TID);
	assert_int_equal(c->key[1][0].source, WL_USER_TID);
	assert_int_equal(c->key[0][1].at, 0);
	assert_int_equal(c->key[0][1].size, 4);
	assert_int_equal(c->key[1][1].at, 1);
	assert_int_equal(c->by.source, WL_USER_COMM);
	refuse(*state, "", NULL, "names nothing");
	refuse(*state, "cont", NULL, "has no 'cont' (it has count, ");
	refuse(*state, "tid,pid,cpu,count,address", NULL, "'address' is one too many (at most 4)");
	refuse(*state, "comm=tid", NULL, "a text at one end and a number at the other");
}

static void check_term(const struct wl_user_config *c, uint32_t i, uint32_t compare, uint64_t right,
		       uint32_t begins)
{
	assert_true(i < c->nterms);
	assert_int_equal(c->where[i].compare, compare);
	assert_int_equal(c->where[i].right.v[0], right);
	assert_int_equal(c->where[i].begins, begins);
}

static void test_where(void **state)
{
	const struct wl_user_config *c =
		parse(*state, "tid", "count>=-5 && address & 0x10||cpu != 2&&pid<7");

	assert_int_equal(c->nterms, 4);
	check_term(c, 0, WL_USER_GE, (uint64_t)-5, 0);
	check_term(c, 1, WL_USER_AND, 0x10, 0);
	check_term(c, 2, WL_USER_NE, 2, 1);
	check_term(c, 3, WL_USER_LT, 7, 0);
	assert_true(c->where[0].left.sign);
	assert_false(c->where[1].left.sign);
}

static void test_where_texts(void **state)
{
	static const char *const texts[] = { "comm == 'a && b'", "comm==\"a && b\"" };
	const struct wl_user_config *c;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		c = parse(*state, "tid", texts[i]);
		assert_int_equal(c->nterms, 1);
		assert_memory_equal(c->where[0].right.v, "a && b\0\0\0\0\0\0\0\0\0", 16);
	}
	c = parse(*state, "tid", "comm != sixteen_letters_ && cpu == 1");
	assert_int_equal(c->nterms, 2);
	assert_memory_equal(c->where[0].right.v, "sixteen_letters_", 16);
}

static void test_where_wrong(void **state)
{
	refuse(*state, "tid", "", "a name is missing");
	refuse(*state, "tid", "count", "a comparison is missing");
	refuse(*state, "tid", "count ~ 3", "a comparison is missing at '~ 3'");
	refuse(*state, "tid", "count == x", "a number is missing at 'x'");
	refuse(*state, "tid", "count == 3 4", "&& or || is missing at '4'");
	refuse(*state, "tid", "count == 3 &&", "a name is missing");
	refuse(*state, "tid", "comm < x", "== or != is missing");
	refuse(*state, "tid", "comm == 'x", "a text of at most 16 bytes is missing");
	refuse(*state, "tid", "comm == 'seventeen_letters'", "at most 16 bytes");
	refuse(*state, "tid",
	       "cpu==1||cpu==2||cpu==3||cpu==4||cpu==5||cpu==6||cpu==7||cpu==8||cpu==9",
	       "too many comparisons (at most 8)");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys),
		TEST(test_where),
		TEST(test_where_texts),
		TEST(test_where_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
