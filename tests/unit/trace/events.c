/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <sys/syscall.h>

#include "trace/events.h"

static const struct wl_member *find(unsigned id, const char *name)
{
	for (const struct wl_member *m = wl_event_members(id); m && m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static void test_members(void **state)
{
	const struct wl_member *m = find(WL_EVID_SCHED_SWITCH, "prev_state");

	assert_non_null(m);
	assert_int_equal(m->offset, 24);
	assert_int_equal(m->size, 8);
	assert_int_equal(m->kind, WL_MEMBER_SIGNED);
	m = find(WL_EVID_IRQ_ENTRY, "name");
	assert_non_null(m);
	assert_int_equal(m->offset, 4);
	assert_int_equal(m->size, 24);
	assert_int_equal(m->kind, WL_MEMBER_TEXT);
	m = find(WL_EVID_SCHED_FORK, "vtids");
	assert_non_null(m);
	assert_int_equal(m->size, 4);
	assert_int_equal(m->kind, WL_MEMBER_IDS);
	assert_null(find(WL_EVID_SCHED_SWITCH, "no_such_field"));
	assert_int_equal(wl_event_def(WL_EVID_SCHED_SWITCH)->size, 102);
	assert_int_equal(wl_event_def(WL_EVID_SCHED_WAKING)->size, 45);
}

/* Members lie one behind the other, each where its size says, up to the event's size. */
static void test_layout(void **state)
{
	for (unsigned id = 0; id < WL_EV_FIXED_MAX; id++) {
		const struct wl_event_def *def = wl_event_def(id);
		unsigned end = 0;

		for (const struct wl_member *m = wl_event_members(id); m && m->name; m++) {
			unsigned align = m->kind == WL_MEMBER_TEXT ? 1 : m->size;

			end = (end + align - 1) / align * align;
			assert_int_equal(m->offset, end);
			end += m->size;
		}
		assert_int_equal(end, def ? def->size : 0);
	}
}

static void test_numbers(void **state)
{
	assert_int_equal(wl_event_number("sched_switch"), WL_EVID_SCHED_SWITCH);
	assert_int_equal(wl_event_number("lttng_statedump_end"), WL_EVID_STATEDUMP_END);
	assert_int_equal(wl_event_number("softirq_entry"), WL_EVID_SOFTIRQ_ENTRY);
	assert_int_equal(wl_event_number("hrtimer_expire_entry"), WL_EVID_TIMER_ENTRY);
	assert_int_equal(wl_event_number("rcu_utilization"), WL_EV_NONE);
	assert_int_equal(wl_event_number(""), WL_EV_NONE);
}

/* Names and numbers are one to one. */
static void test_round_trip(void **state)
{
	char name[WL_EVENT_NAME_MAX];

	for (unsigned id = 0; id < WL_EV_FIXED_MAX; id++)
		if (wl_event_def(id))
			assert_int_equal(wl_event_number(wl_event_name(id, name, sizeof(name))),
					 id);
}

static void test_syscalls(void **state)
{
	char name[WL_EVENT_NAME_MAX];

	assert_string_equal(wl_event_name(WL_EV_SYSCALL_ENTRY + SYS_read, name, sizeof(name)),
			    "syscall_entry_read");
	assert_string_equal(wl_event_name(WL_EV_SYSCALL_EXIT + SYS_epoll_wait, name, sizeof(name)),
			    "syscall_exit_epoll_wait");
	assert_string_equal(wl_event_name(WL_EV_COMPAT_EXIT + 3, name, sizeof(name)),
			    "compat_syscall_exit_read");
	assert_string_equal(wl_event_name(WL_EV_COMPAT_ENTRY + 3, name, sizeof(name)),
			    "compat_syscall_entry_read");
	assert_null(wl_event_name(WL_EV_SYSCALL_ENTRY + 1023, name, sizeof(name)));
	assert_null(wl_event_name(WL_EV_MAX, name, sizeof(name)));
	assert_null(wl_event_name(WL_EV_NONE, name, sizeof(name)));
	assert_null(wl_event_name(500, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),  cmocka_unit_test(test_layout),
		cmocka_unit_test(test_numbers),  cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_syscalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
