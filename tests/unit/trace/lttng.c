/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Real LTTng traces, event by event and member by member against what the program babeltrace2
 * prints of them. The traces are not in the repository: WL_TEST_TRACES says where they are.
 */
#include "test.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace/archive.h"
#include "trace/events.h"
#include "trace/maker.h"
#include "trace/trace.h"
#include "util/syscall_fields.h"

struct comparison {
	struct wl_trace *trace;
	uint64_t lines, skipped, unknown;
	unsigned compared, texts; /* values; of these, texts that are not empty */
	char name[WL_EVENT_NAME_MAX];
};

/* --- what babeltrace2 prints --- */

/* The value of a field in a line's last braces, as text; NULL: it has none of that name. */
static const char *find_value(const char *fields, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(fields, name); at; at = strstr(at + 1, name))
		if (at[-1] == ' ' && !strncmp(at + len, " = ", 3))
			return at + len + 3;
	return NULL;
}

/* `( "EPOLL_CTL_ADD" : container = 1 )` is 1, too. false: no number. */
static bool parse_number(const char *value, uint64_t *number)
{
	static const char container[] = "container = ";
	char *end;

	if (value[0] == '(') {
		value = strstr(value, container);
		if (!value)
			return false;
		value += strlen(container);
	}
	*number = value[0] == '-' ? (uint64_t)strtoll(value, &end, 0) : strtoull(value, &end, 0);
	return end != value;
}

static void compare_number(const char *value, const void *at, unsigned size)
{
	uint64_t want, have = 0;

	memcpy(&have, at, size);
	if (!parse_number(value, &want))
		fail_msg("no number: %.40s", value);
	if (size < 8)
		want &= (1ull << 8 * size) - 1;
	if (have != want)
		fail_msg("0x%" PRIx64 " is not %.40s", have, value);
}

/*
 * Escapes are left alone. babeltrace2 2.0.4 prints an empty string as the one that was last in the
 * field: its text's length is 0, but it is printed up to the NUL.
 */
static unsigned compare_text(const char *value, const char *at, unsigned size)
{
	size_t len = strcspn(value + 1, "\"\\");

	assert_int_equal(value[0], '"');
	if (value[1 + len] != '"' || !at[0])
		return 0;
	if (strncmp(value + 1, at, len < size ? len : size) || (len < size && at[len]))
		fail_msg("'%.*s' is not %.40s", (int)size, at, value);
	return 1;
}

static void compare_fixed(const struct wl_event *event, const char *fields, struct comparison *c)
{
	for (const struct wl_member *m = wl_event_members(event->id); m->name; m++) {
		const char *at = (const char *)event->payload + m->offset;
		const char *value = find_value(fields, m->name);

		/* Members of our own, and those that LTTng has more of than we. */
		if (!value || m->kind == WL_MEMBER_IDS || !strcmp(m->name, "_vtids_length"))
			continue;
		if (m->kind == WL_MEMBER_TEXT)
			c->texts += compare_text(value, at, m->size);
		else
			compare_number(value, at, m->size);
		c->compared++;
	}
}

static void compare_slots(const struct wl_event *event, const char *fields, unsigned at,
			  const struct wl_syscall_field *slots, unsigned n, struct comparison *c)
{
	for (unsigned i = 0; i < n; i++) {
		const char *slot = (const char *)event->payload + at;
		const char *value = find_value(fields, slots[i].name);
		unsigned width = wl_syscall_field_width(slots[i].type);

		at += width == WL_SYSCALL_TEXT ? WL_SYSCALL_TEXT : WL_SYSCALL_SLOT;
		/* Structures and arrays, that LTTng copies where we have the address. */
		if (!value || value[0] == '{' || value[0] == '[')
			continue;
		if (width == WL_SYSCALL_TEXT)
			c->texts += compare_text(value, slot, width);
		else
			compare_number(value, slot, width);
		c->compared++;
	}
}

static void compare_syscall(const struct wl_event *event, const char *fields, struct comparison *c)
{
	unsigned range = (event->id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields calls;

	wl_syscall_fields(event->id % WL_EV_SYSCALLS, range >= 2, &calls);
	if (range % 2) {
		compare_number(find_value(fields, "ret"), event->payload, 8);
		compare_slots(event, fields, 8, calls.exit, calls.nexit, c);
	} else {
		compare_slots(event, fields, 0, calls.entry, calls.nentry, c);
	}
}

/* --- lines and events --- */

/* "… host NAME: { cpu_id = 0 }, { pid = …, tid = … }, { fields }". The fields. */
static const char *split_line(char *line, struct comparison *c, uint32_t *cpu, int32_t *pid,
			      int32_t *tid)
{
	char *colon = strstr(line, ": { cpu_id = "), *context, *name;

	assert_non_null(colon);
	*colon = '\0';
	name = strrchr(line, ' ');
	assert_non_null(name);
	snprintf(c->name, sizeof(c->name), "%s", name + 1);
	assert_int_equal(sscanf(colon + 1, " { cpu_id = %" SCNu32, cpu), 1);
	context = strstr(colon + 1, "{ pid = ");
	assert_non_null(context);
	assert_int_equal(sscanf(context, "{ pid = %" SCNd32 ", tid = %" SCNd32, pid, tid), 2);
	context = strstr(context, " }, {");
	assert_non_null(context);
	return context + 4;
}

/* LTTng's own name for calls that it doesn't know; the number is a field. */
static bool is_unknown_call(const char *name)
{
	return strstr(name, "syscall_entry_unknown") || strstr(name, "syscall_exit_unknown");
}

static bool is_ours(const char *name, uint16_t id)
{
	char ours[WL_EVENT_NAME_MAX];
	const char *text = wl_event_name(id, ours, sizeof(ours));

	return text && !strcmp(text, name);
}

static void compare_unknown(struct comparison *c, const struct wl_event *event, const char *fields)
{
	static const unsigned bases[] = { WL_EV_SYSCALL_ENTRY, WL_EV_SYSCALL_EXIT,
					  WL_EV_COMPAT_ENTRY, WL_EV_COMPAT_EXIT };
	unsigned kind = (strncmp(c->name, "compat", 6) ? 0 : 2) + (strstr(c->name, "exit") != NULL);
	uint64_t nr;

	assert_true(parse_number(find_value(fields, "id"), &nr));
	assert_int_equal(event->id, bases[kind] + nr);
	if (kind % 2)
		compare_number(find_value(fields, "ret"), event->payload, 8);
	else
		compare_number(strstr(fields, "[0] = ") + 6, event->payload, 8);
	c->unknown++;
}

/* Only what we have a number for is among our events. */
static bool is_skipped(const char *name)
{
	for (unsigned id = 0; id < WL_EV_FIXED_MAX; id++)
		if (is_ours(name, (uint16_t)id))
			return false;
	return !strstr(name, "syscall_entry_") && !strstr(name, "syscall_exit_");
}

static void compare_line(struct comparison *c, char *line)
{
	const struct wl_event *event;
	uint32_t cpu;
	int32_t pid, tid;
	const char *fields = split_line(line, c, &cpu, &pid, &tid);

	c->lines++;
	if (is_skipped(c->name)) {
		c->skipped++;
		return;
	}
	assert_int_equal(wl_trace_next(c->trace, &event), 1);
	assert_int_equal(event->cpu, cpu);
	assert_int_equal(event->pid, pid);
	assert_int_equal(event->tid, tid);
	assert_int_equal(event->flags, WL_EVENT_FOREIGN);
	if (is_unknown_call(c->name)) {
		compare_unknown(c, event, fields);
		return;
	}
	if (!is_ours(c->name, event->id))
		fail_msg("event %" PRIu64 " is number %u, not %s", c->lines, event->id, c->name);
	if (event->id >= WL_EV_SYSCALL_ENTRY)
		compare_syscall(event, fields, c);
	else
		compare_fixed(event, fields, c);
}

static void compare_trace(struct comparison *c, FILE *listing)
{
	const struct wl_event *event;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, listing) > 0)
		compare_line(c, line);
	free(line);
	assert_int_equal(wl_trace_next(c->trace, &event), 0);
	assert_int_equal(wl_trace_stats(c->trace)->skipped, c->skipped);
	assert_int_equal(wl_trace_stats(c->trace)->events, c->lines - c->skipped);
	assert_null(wl_trace_problem(c->trace, 0));
}

static void check_info(const struct wl_trace_info *info)
{
	assert_true(info->foreign);
	assert_string_equal(info->tracer, "lttng-modules 2.13.9");
	assert_string_equal(info->hostname, "guest");
	assert_int_equal(info->ncpu, 2);
	assert_true(info->first < info->last);
	/* A snapshot of 8 s or a little more. */
	assert_in_range(info->last - info->first, 7000000000ull, 20000000000ull);
}

static void check_trace(const char *name, uint64_t events)
{
	char *dir = archive_unpack(name), why[512];
	struct comparison c = { 0 };
	FILE *listing;
	pid_t pid;

	if (!dir)
		skip();
	if (wl_trace_open(dir, 0, &c.trace, why, sizeof(why))) {
		print_message("skipped: %s\n", why);
		maker_remove(dir);
		skip();
	}
	check_info(wl_trace_info(c.trace));
	listing = program_start((const char *[]){ "babeltrace2", dir, NULL }, &pid);
	if (!listing) {
		wl_trace_close(c.trace);
		maker_remove(dir);
		print_message("skipped: no program babeltrace2\n");
		skip();
	}
	compare_trace(&c, listing);
	fclose(listing);
	assert_int_equal(program_wait(pid), 0);
	assert_int_equal(c.lines, events);
	assert_true(c.unknown > 0);
	assert_true(c.compared > 300000);
	assert_true(c.texts > 40000);
	print_message("%s: %" PRIu64 " events, %" PRIu64 " without a number, %u values equal\n",
		      name, c.lines, c.skipped, c.compared);
	wl_trace_close(c.trace);
	maker_remove(dir);
}

static void test_stock(void **state)
{
	check_trace("lttng-6.1-stock", 244222);
}

static void test_rt(void **state)
{
	check_trace("lttng-6.1-rt", 294154);
}

/* What holds whoever prints it: the task that leaves is the current one; a CPU's switches join. */
static void test_meaning(void **state)
{
	char *dir = archive_unpack("lttng-6.1-stock"), why[512];
	const struct wl_event *event;
	struct wl_trace *trace = NULL;
	int32_t next[2] = { -1, -1 };
	unsigned n = 0, forks = 0;

	if (!dir)
		skip();
	if (wl_trace_open(dir, 0, &trace, why, sizeof(why))) {
		maker_remove(dir);
		skip();
	}
	while (wl_trace_next(trace, &event) > 0) {
		const struct wl_ev_sched_switch *sw = event->payload;
		const struct wl_ev_sched_process_fork *child = event->payload;

		if (event->id == WL_EVID_SCHED_FORK) {
			assert_int_equal(child->_vtids_length, 1);
			assert_int_equal(child->vtids[0], child->child_tid);
			forks++;
		}
		if (event->id != WL_EVID_SCHED_SWITCH)
			continue;
		assert_int_equal(event->tid, sw->prev_tid);
		if (next[event->cpu] >= 0)
			assert_int_equal(sw->prev_tid, next[event->cpu]);
		next[event->cpu] = sw->next_tid;
		n++;
	}
	assert_int_equal(n, 15946);
	assert_int_equal(forks, 43);
	wl_trace_close(trace);
	maker_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock),
		cmocka_unit_test(test_rt),
		cmocka_unit_test(test_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
