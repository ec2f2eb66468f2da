/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <bpf/btf.h>
#include <errno.h>
#include <unistd.h>

#include "../../../include/whylate/mark.h"
#include "capture.h"
#include "live/user_event.h"

struct fixture {
	struct btf *btf;
	struct wl_user_event event;
	int u8, u32, u64, s32, s64, pointer;
};

static int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.btf = btf__new_empty();
	f.u8 = btf__add_int(f.btf, "_Bool", 1, BTF_INT_BOOL);
	f.u32 = btf__add_int(f.btf, "unsigned int", 4, 0);
	f.u64 = btf__add_int(f.btf, "unsigned long", 8, 0);
	f.s32 = btf__add_int(f.btf, "int", 4, BTF_INT_SIGNED);
	f.s64 = btf__add_int(f.btf, "long", 8, BTF_INT_SIGNED);
	f.pointer = btf__add_ptr(f.btf, 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	wl_user_event_free(&f->event);
	btf__free(f->btf);
	return 0;
}

static void check(struct fixture *f, const char *name, enum wl_user_source source, uint32_t at,
		  uint32_t size, bool sign)
{
	struct wl_user_expr expr;

	assert_int_equal(wl_user_event_find(&f->event, "--key", name, &expr), 0);
	assert_int_equal(expr.source, source);
	assert_int_equal(expr.at, at);
	assert_int_equal(expr.size, size);
	assert_int_equal(expr.sign, sign);
}

static void refuse(struct fixture *f, const char *text, const char *words)
{
	struct captured captured;
	char said[2048];

	capture_begin(&captured, STDERR_FILENO);
	assert_int_equal(wl_user_event_open(&f->event, "--in", text, f->btf), -EINVAL);
	capture_end(&captured, said, sizeof(said));
	assert_non_null(strstr(said, words));
	wl_user_event_free(&f->event);
}

/* int made(int count, u32_t flags, bool now, void *where, struct two by_value, long last) */
static void make_function(struct fixture *f)
{
	int u32_t = btf__add_typedef(f->btf, "u32_t", btf__add_const(f->btf, f->u32));
	int two = btf__add_struct(f->btf, "two", 16);
	int proto;

	btf__add_field(f->btf, "a", f->u64, 0, 0);
	btf__add_field(f->btf, "b", f->u64, 64, 0);
	proto = btf__add_func_proto(f->btf, f->s32);
	btf__add_func_param(f->btf, "count", f->s32);
	btf__add_func_param(f->btf, "flags", u32_t);
	btf__add_func_param(f->btf, "now", f->u8);
	btf__add_func_param(f->btf, "where", f->pointer);
	btf__add_func_param(f->btf, "by_value", two);
	btf__add_func_param(f->btf, "last", f->s64);
	btf__add_func(f->btf, "made", BTF_FUNC_STATIC, proto);
	proto = btf__add_func_proto(f->btf, 0);
	btf__add_func(f->btf, "nothing", BTF_FUNC_STATIC, proto);
}

/* A register has more bits than a narrow argument. */
static void test_function(void **state)
{
	struct fixture *f = *state;

	make_function(f);
	assert_int_equal(wl_user_event_open(&f->event, "--in", "fexit:made", f->btf), 0);
	check(f, "count", WL_USER_ARG, 0, 4, true);
	check(f, "flags", WL_USER_ARG, 1, 4, false);
	check(f, "arg1", WL_USER_ARG, 1, 4, false);
	check(f, "now", WL_USER_ARG, 2, 1, false);
	check(f, "where", WL_USER_ARG, 3, 8, false);
	check(f, "by_value", WL_USER_ARG, 4, 8, false);
	check(f, "last", WL_USER_ARG, 6, 8, true);
	check(f, "arg5", WL_USER_ARG, 6, 8, true);
	check(f, "ret", WL_USER_ARG, 7, 4, true);
	check(f, "tid", WL_USER_TID, 0, 4, false);
}

static void test_no_result(void **state)
{
	struct fixture *f = *state;
	struct wl_user_expr expr;
	struct captured captured;
	char said[2048];

	make_function(f);
	assert_int_equal(wl_user_event_open(&f->event, "--in", "fexit:nothing", f->btf), 0);
	capture_begin(&captured, STDERR_FILENO);
	assert_int_equal(wl_user_event_find(&f->event, "--key", "ret", &expr), -EINVAL);
	capture_end(&captured, said, sizeof(said));
	assert_non_null(strstr(said, "it has tid, pid, cpu, comm"));
}

static void test_texts(void **state)
{
	struct fixture *f = *state;

	make_function(f);
	assert_int_equal(wl_user_event_open(&f->event, "--in", "uretprobe:/bin/x:a", f->btf), 0);
	assert_int_equal(f->event.kind, WL_EVENT_URETPROBE);
	assert_string_equal(f->event.part[0], "/bin/x");
	assert_string_equal(f->event.part[1], "a");
	wl_user_event_free(&f->event);
	refuse(f, "gone:a", "does not begin with a kind of event");
	refuse(f, "tp:sched", "is not written tp:SUBSYSTEM:EVENT");
	refuse(f, "tp:sched:a:b", "is not written tp:SUBSYSTEM:EVENT");
	refuse(f, "kprobe:", "is not written kprobe:FUNCTION");
	refuse(f, "fentry:unmade", "no function 'unmade'");
}

static void marked(void)
{
	whylate_work_begin(1u);
	whylate_work_step(1u, "name");
}

/* Of this very program: each has the arguments that its notes say. */
static void test_usdt(void **state)
{
	struct fixture *f = *state;
	struct wl_user_expr expr;
	struct captured captured;
	char said[2048];

	marked();
	assert_int_equal(wl_user_event_open(&f->event, "--in", "usdt:/proc/self/exe:whylate:step",
					    f->btf),
			 0);
	assert_int_equal(f->event.kind, WL_EVENT_USDT);
	assert_string_equal(f->event.part[2], "step");
	check(f, "arg0", WL_USER_ARG, 0, 8, true);
	check(f, "arg1", WL_USER_ARG, 1, 8, true);
	capture_begin(&captured, STDERR_FILENO);
	assert_int_equal(wl_user_event_find(&f->event, "--key", "arg2", &expr), -EINVAL);
	capture_end(&captured, said, sizeof(said));
	assert_non_null(strstr(said, "no 'arg2' (it has arg0, arg1, tid, pid, cpu, comm)"));
	wl_user_event_free(&f->event);
	refuse(f, "usdt:/proc/self/exe:whylate:stex",
	       "has no probe 'whylate:stex' (did you mean whylate:step?)");
	refuse(f, "usdt:/proc/self/exe:gone:away", "has no probe 'gone:away'\n");
	refuse(f, "usdt:/nonexistent:a:b", "cannot read '/nonexistent': No such file");
	refuse(f, "usdt:/dev/null:a:b", "'/dev/null' is not a program or library");
}

/* A name alone is looked for. */
static void test_usdt_file(void **state)
{
	struct fixture *f = *state;

	refuse(f, "usdt:libc.so.6:gone:away", "has no probe 'gone:away'");
	refuse(f, "usdt:sh:gone:away", "has no probe 'gone:away'");
	refuse(f, "usdt:no-such-program:gone:away", "cannot read 'no-such-program'");
	refuse(f, "usdt:libnone.so.6:gone:away", "cannot read 'libnone.so.6'");
}

static void test_format(void **state)
{
	struct fixture *f = *state;
	char format[] = "name: made\nID: 42\nformat:\n"
			"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
			"\n"
			"\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
			"\tfield:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;\n"
			"\tfield:unsigned char small;\toffset:28;\tsize:1;\tsigned:0;\n"
			"\tfield:const char * text;\toffset:32;\tsize:8;\tsigned:0;\n"
			"\tfield:void *where;\toffset:40;\tsize:8;\tsigned:0;\n"
			"\tfield:__data_loc char[] name;\toffset:48;\tsize:4;\tsigned:0;\n"
			"\tfield:__data_loc u32[] numbers;\toffset:52;\tsize:4;\tsigned:0;\n"
			"\tfield:unsigned long args[6];\toffset:56;\tsize:48;\tsigned:0;\n"
			"\tfield:struct two both;\toffset:104;\tsize:16;\tsigned:0;\n"
			"\tfield:broken\n"
			"print fmt: \"field:int no; offset:1; size:4;\"\n";
	struct wl_user_expr expr;

	assert_int_equal(wl_user_event_add_format(&f->event, format), 0);
	assert_int_equal(f->event.n, 6);
	f->event.text = "made";
	check(f, "comm", WL_USER_TEXT_FIELD, 8, WL_USER_TEXT, false);
	check(f, "pid", WL_USER_FIELD, 24, 4, true);
	check(f, "small", WL_USER_FIELD, 28, 1, false);
	check(f, "text", WL_USER_FIELD, 32, 8, false);
	check(f, "where", WL_USER_FIELD, 40, 8, false);
	check(f, "name", WL_USER_TEXT_LOC, 48, WL_USER_TEXT, false);
	assert_int_equal(wl_user_event_find(&f->event, "--key", "comm", &expr), 0);
	assert_true(wl_user_expr_is_text(&expr));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_function), TEST(test_no_result), TEST(test_texts),
		TEST(test_usdt),     TEST(test_usdt_file), TEST(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
