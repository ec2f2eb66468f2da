/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Our own reader and libbabeltrace2 must say the same of a trace of ours: every event, member,
 * time, loss. The trace's metadata is capture/'s, so that this also holds the writer against both.
 */
#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/metadata.h"
#include "trace/events.h"
#include "trace/maker.h"
#include "trace/trace.h"
#include "util/syscall_fields.h"

#define START 7000000ull

static bool can_read_others(const char *dir)
{
	struct wl_trace *trace = NULL;
	char why[512];
	int ret = wl_trace_open(dir, WL_TRACE_OPEN_THROUGH, &trace, why, sizeof(why));

	wl_trace_close(trace);
	return ret != -EOPNOTSUPP;
}

/* --- random events --- */

static void random_text(uint64_t *seed, char *text, unsigned size)
{
	unsigned len = test_random(seed) % (size + 1);

	memset(text, 0, size);
	for (unsigned i = 0; i < len; i++)
		text[i] = (char)(1 + test_random(seed) % 255);
}

static void random_number(uint64_t *seed, void *at, unsigned size)
{
	uint64_t value = test_random(seed) >> test_random(seed) % 64;

	memcpy(at, &value, size);
}

static unsigned random_fixed(uint64_t *seed, unsigned id, char *payload)
{
	for (const struct wl_member *m = wl_event_members(id); m->name; m++) {
		if (m->kind == WL_MEMBER_TEXT)
			random_text(seed, payload + m->offset, m->size);
		else
			random_number(seed, payload + m->offset, m->size);
		if (!strcmp(m->name, "_vtids_length"))
			payload[m->offset] = 1;
		if (!strcmp(m->name, "network_header_type"))
			payload[m->offset] = 0;
	}
	return wl_event_def(id)->size;
}

static unsigned random_slots(uint64_t *seed, char *payload, unsigned at,
			     const struct wl_syscall_field *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (fields[i].type & WL_FIELD_TEXT)
			random_text(seed, payload + at, WL_SYSCALL_TEXT);
		else
			random_number(seed, payload + at, WL_SYSCALL_SLOT);
		at += fields[i].type & WL_FIELD_TEXT ? WL_SYSCALL_TEXT : WL_SYSCALL_SLOT;
	}
	return at;
}

static unsigned random_syscall(uint64_t *seed, unsigned id, char *payload)
{
	unsigned range = (id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields fields;

	wl_syscall_fields((int)(id % WL_EV_SYSCALLS), range >= 2, &fields);
	if (range % 2) {
		random_number(seed, payload, 8);
		random_slots(seed, payload, 8, fields.exit, fields.nexit);
		return (unsigned)wl_syscall_exit_size(&fields);
	}
	random_slots(seed, payload, 0, fields.entry, fields.nentry);
	return (unsigned)wl_syscall_entry_size(&fields);
}

/* Any event that we write, but for fillers. */
static unsigned random_event(uint64_t *seed, uint16_t *id, char *payload)
{
	char name[WL_EVENT_NAME_MAX];

	do {
		*id = (uint16_t)(test_random(seed) % 3 ? test_random(seed) % WL_EV_FIXED_MAX
						       : test_random(seed) % WL_EV_MAX);
	} while (!wl_event_name(*id, name, sizeof(name)) || *id == WL_EVID_FILLER ||
		 *id == WL_EVID_TIMER_START);
	memset(payload, 0, 512);
	return wl_event_def(*id) ? random_fixed(seed, *id, payload)
				 : random_syscall(seed, *id, payload);
}

static void write_random_stream(const char *dir, uint32_t cpu, uint64_t seed, unsigned npackets)
{
	struct maker_packet *packet = malloc(sizeof(*packet));
	uint64_t ts = START + cpu, discarded = 0;
	char name[16], payload[512];

	assert_non_null(packet);
	snprintf(name, sizeof(name), "cpu_%u", cpu);
	for (unsigned i = 0; i < npackets; i++) {
		unsigned n = test_random(&seed) % 300;

		maker_begin(packet, cpu, i);
		packet->begin = packet->end = ts;
		for (unsigned k = 0; k < n; k++) {
			uint16_t id;
			unsigned size = random_event(&seed, &id, payload);

			if (!maker_fits(packet, size))
				break;
			maker_add(packet, ts, id, payload, size);
			ts += test_random(&seed) % 2000;
		}
		if (i && test_random(&seed) % 4 == 0)
			discarded += test_random(&seed) % 1000;
		packet->discarded = discarded;
		maker_end(packet);
		maker_append(dir, name, packet->bytes, MAKER_PACKET);
	}
	free(packet);
}

/* The metadata that capture/ writes, with the test's uuid. */
static void write_metadata(const char *dir)
{
	struct wl_metadata metadata;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(
		wl_metadata_init(&metadata, "capture", 1795292545749269113, WL_SYSCALLS_ALL), 0);
	memcpy(metadata.uuid, maker_uuid, sizeof(metadata.uuid));
	wl_metadata_write(&metadata, out);
	assert_int_equal(fclose(out), 0);
	maker_file(dir, "metadata", text, size);
	free(text);
}

/* --- comparison --- */

static void compare_slots(const char *a, const char *b, unsigned at,
			  const struct wl_syscall_field *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_memory_equal(a + at, b + at, wl_syscall_field_width(fields[i].type));
		at += fields[i].type & WL_FIELD_TEXT ? WL_SYSCALL_TEXT : WL_SYSCALL_SLOT;
	}
}

static void compare_syscall(const struct wl_event *a, const struct wl_event *b)
{
	unsigned range = (a->id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields fields;

	wl_syscall_fields(a->id % WL_EV_SYSCALLS, range >= 2, &fields);
	if (range % 2) {
		assert_memory_equal(a->payload, b->payload, 8);
		compare_slots(a->payload, b->payload, 8, fields.exit, fields.nexit);
	} else {
		compare_slots(a->payload, b->payload, 0, fields.entry, fields.nentry);
	}
}

static void compare(const struct wl_event *a, const struct wl_event *b)
{
	assert_int_equal(a->ts, b->ts);
	assert_int_equal(a->cpu, b->cpu);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->lost_since, b->lost_since);
	assert_int_equal(a->tid, -1);
	assert_int_equal(b->tid, -1);
	assert_int_equal((uintptr_t)b->payload % 8, 0);
	if (a->id >= WL_EV_SYSCALL_ENTRY)
		compare_syscall(a, b);
	else
		for (const struct wl_member *m = wl_event_members(a->id); m->name; m++)
			assert_memory_equal((const char *)a->payload + m->offset,
					    (const char *)b->payload + m->offset, m->size);
}

static struct wl_trace *open_as(const char *dir, unsigned flags, enum wl_trace_kind kind)
{
	struct wl_trace *trace = NULL;
	char why[512];

	if (wl_trace_open(dir, flags, &trace, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(wl_trace_info(trace)->kind, kind);
	return trace;
}

static void compare_info(const struct wl_trace_info *a, const struct wl_trace_info *b)
{
	assert_string_equal(a->tracer, b->tracer);
	assert_string_equal(a->hostname, b->hostname);
	assert_string_equal(a->kernel, b->kernel);
	assert_string_equal(a->clock_uuid, b->clock_uuid);
	assert_memory_equal(a->uuid, b->uuid, 16);
	assert_int_equal(a->first, b->first);
	assert_int_equal(a->last, b->last);
	assert_int_equal(a->clock_offset, b->clock_offset);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->ncpu, b->ncpu);
	assert_int_equal(a->foreign, b->foreign);
}

static unsigned compare_readers(const char *dir)
{
	struct wl_trace *a = open_as(dir, 0, WL_TRACE_NATIVE);
	struct wl_trace *b = open_as(dir, WL_TRACE_OPEN_THROUGH, WL_TRACE_THROUGH);
	const struct wl_event *x, *y;
	char name[WL_EVENT_NAME_MAX];
	unsigned n = 0;

	for (;; n++) {
		int ret = wl_trace_next(a, &x);

		if (wl_trace_next(b, &y) != ret)
			fail_msg("event %u: %s", n, wl_trace_problem(b, 0));
		if (ret <= 0)
			break;
		compare(x, y);
	}
	compare_info(wl_trace_info(a), wl_trace_info(b));
	assert_memory_equal(wl_trace_stats(a), wl_trace_stats(b), sizeof(struct wl_trace_stats));
	for (unsigned id = 0; id < WL_EV_MAX; id++)
		if (wl_event_name(id, name, sizeof(name)))
			assert_int_equal(wl_trace_describes(a, id), wl_trace_describes(b, id));
	assert_null(wl_trace_problem(a, 0));
	assert_null(wl_trace_problem(b, 0));
	wl_trace_close(a);
	wl_trace_close(b);
	return n;
}

static void test_same(void **state)
{
	char *dir = maker_dir(false);
	unsigned n;

	write_metadata(dir);
	for (uint32_t cpu = 0; cpu < 3; cpu++)
		write_random_stream(dir, cpu, 77 + cpu, 40);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	n = compare_readers(dir);
	assert_true(n > 5000);
	maker_remove(dir);
}

/* A trace that nothing of capture/ was used for. */
static void test_same_by_hand(void **state)
{
	char *dir = maker_dir(true);

	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		struct maker_stream stream = { cpu, START, 1000, 5000, 3 };

		maker_write_stream(dir, &stream);
	}
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	assert_int_equal(compare_readers(dir), 10000);
	maker_remove(dir);
}

/* Streams singly: the same as merged. */
static void test_streams(void **state)
{
	char *dir = maker_dir(true);
	struct maker_stream stream = { 0, START, 1000, 3000, 0 };
	const struct wl_event *event;
	struct wl_trace *trace;

	maker_write_stream(dir, &stream);
	stream.cpu = 5;
	maker_write_stream(dir, &stream);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	trace = open_as(dir, WL_TRACE_OPEN_THROUGH, WL_TRACE_THROUGH);
	assert_int_equal(wl_trace_nstreams(trace), 2);
	assert_int_equal(wl_trace_info(trace)->ncpu, 2);
	for (unsigned i = 0; i < 2; i++) {
		uint32_t cpu = wl_trace_stream_cpu(trace, i);

		assert_true(cpu == 0 || cpu == 5);
		for (unsigned k = 0; k < 3000; k++) {
			assert_int_equal(wl_trace_peek(trace, i, &event), 1);
			assert_int_equal(event->cpu, cpu);
			assert_int_equal(event->ts, START + k * 1000);
			assert_int_equal(wl_trace_advance(trace, i), 0);
		}
		assert_int_equal(wl_trace_peek(trace, i, &event), 0);
	}
	assert_int_equal(wl_trace_first(trace), -1);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Half read and closed: nothing leaks. */
static void test_close_early(void **state)
{
	char *dir = maker_dir(true);
	struct maker_stream stream = { 0, START, 1000, 3000, 0 };
	const struct wl_event *event;
	struct wl_trace *trace;

	maker_write_stream(dir, &stream);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	trace = open_as(dir, WL_TRACE_OPEN_THROUGH, WL_TRACE_THROUGH);
	for (unsigned i = 0; i < 101; i++)
		assert_int_equal(wl_trace_next(trace, &event), 1);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* libbabeltrace2 refuses the whole: the message names the stream and says what to do. */
static void test_truncated(void **state)
{
	char *dir = maker_dir(true), path[300], why[512];
	struct maker_stream stream = { 0, START, 1000, 3000, 0 };
	struct wl_trace *trace = NULL;
	int ret;

	maker_write_stream(dir, &stream);
	stream.cpu = 1;
	maker_write_stream(dir, &stream);
	snprintf(path, sizeof(path), "%s/kernel/cpu_1", dir);
	assert_int_equal(truncate(path, 100000), 0);
	ret = wl_trace_open(dir, WL_TRACE_OPEN_THROUGH, &trace, why, sizeof(why));
	assert_null(trace);
	if (ret == -EOPNOTSUPP) {
		maker_remove(dir);
		skip();
	}
	assert_int_equal(ret, -EIO);
	assert_non_null(strstr(why, path));
	assert_non_null(strstr(why, "move that file out"));
	/* Ours does not need it. */
	assert_int_equal(wl_trace_open(dir, 0, &trace, why, sizeof(why)), 0);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* The library's source lets time stamps that go back pass: we don't. */
static void test_disorder(void **state)
{
	char *dir = maker_dir(true), payload[512];
	struct maker_packet *packet = malloc(sizeof(*packet));
	const struct wl_event *event;
	struct wl_trace *trace;
	uint64_t last = 0;
	unsigned n = 0;
	int ret;

	assert_non_null(packet);
	maker_begin(packet, 0, 0);
	for (unsigned i = 0; i < 200; i++) {
		uint16_t id;
		unsigned size = maker_record(i, 0, &id, payload);

		maker_add(packet, START + i * 10 - (i == 100 ? 500 : 0), id, payload, size);
	}
	maker_end(packet);
	maker_append(dir, "cpu_0", packet->bytes, MAKER_PACKET);
	free(packet);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	trace = open_as(dir, WL_TRACE_OPEN_THROUGH, WL_TRACE_THROUGH);
	for (; (ret = wl_trace_next(trace, &event)) > 0; n++) {
		assert_true(event->ts >= last);
		last = event->ts;
		assert_int_equal(event->flags, n == 100 ? WL_EVENT_AFTER_LOSS : 0);
	}
	assert_int_equal(ret, 0);
	assert_int_equal(n, 199);
	assert_int_equal(wl_trace_stats(trace)->disordered, 1);
	assert_non_null(strstr(wl_trace_problem(trace, 0), "left out"));
	wl_trace_close(trace);
	maker_remove(dir);
}

/* A record's bytes are no event for the library: an error in the middle, with its reason. */
static void test_error_in_the_middle(void **state)
{
	char *dir = maker_dir(true);
	struct maker_packet *packet = malloc(sizeof(*packet));
	const struct wl_event *event;
	struct wl_trace *trace;
	char zeros[64] = "";
	int ret;

	assert_non_null(packet);
	maker_begin(packet, 0, 0);
	for (unsigned i = 0; i < 100; i++)
		maker_add(packet, START + i, WL_EVID_SOFTIRQ_RAISE, zeros, 8);
	maker_add(packet, START + 100, 999, zeros, 8);
	maker_end(packet);
	maker_append(dir, "cpu_0", packet->bytes, MAKER_PACKET);
	free(packet);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	trace = open_as(dir, WL_TRACE_OPEN_THROUGH, WL_TRACE_THROUGH);
	while ((ret = wl_trace_next(trace, &event)) > 0)
		;
	assert_int_equal(ret, -EIO);
	assert_int_equal(wl_trace_next(trace, &event), -EIO);
	assert_int_equal(wl_trace_peek(trace, 0, &event), -EIO);
	assert_int_equal(wl_trace_advance(trace, 0), -EIO);
	assert_int_equal(wl_trace_first(trace), -1);
	assert_non_null(wl_trace_problem(trace, 0));
	assert_non_null(strstr(wl_trace_problem(trace, 0), "can't be read on"));
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_no_trace(void **state)
{
	char *dir = maker_dir(false), why[512] = "";
	struct wl_trace *trace = NULL;
	int ret;

	maker_file(dir, "metadata", "/* CTF 1.8 */ rubbish {", 23);
	ret = wl_trace_open(dir, 0, &trace, why, sizeof(why));
	assert_true(ret == -EIO || ret == -EOPNOTSUPP);
	assert_non_null(strstr(why, dir));
	maker_file(dir, "metadata", "", 0);
	ret = wl_trace_open(dir, 0, &trace, why, sizeof(why));
	assert_true(ret < 0);
	assert_non_null(strstr(why, dir));
	assert_null(trace);
	maker_remove(dir);
}

/* The same trace under another tracer's name. */
static void test_foreign(void **state)
{
	char *dir = maker_dir(false), *text = strdup(maker_metadata()), *at;
	struct maker_stream stream = { 0, START, 1000, 50, 0 };
	const struct wl_event *event;
	struct wl_trace *trace;

	assert_non_null(text);
	at = strstr(text, "whylate_version");
	assert_non_null(at);
	memcpy(at, "somebody", 8);
	maker_file(dir, "metadata", text, strlen(text));
	free(text);
	maker_write_stream(dir, &stream);
	if (!can_read_others(dir)) {
		maker_remove(dir);
		skip();
	}
	trace = open_as(dir, 0, WL_TRACE_THROUGH);
	assert_true(wl_trace_info(trace)->foreign);
	assert_string_equal(wl_trace_info(trace)->tracer, "lttng-modules 2.13.9");
	assert_int_equal(wl_trace_next(trace, &event), 1);
	assert_int_equal(event->flags, WL_EVENT_FOREIGN);
	wl_trace_close(trace);
	maker_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_same_by_hand),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_close_early),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_disorder),
		cmocka_unit_test(test_error_in_the_middle),
		cmocka_unit_test(test_no_trace),
		cmocka_unit_test(test_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
