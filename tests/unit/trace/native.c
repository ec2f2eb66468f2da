/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/maker.h"
#include "trace/trace.h"

#define START 5000000ull

static struct wl_trace *open_trace(const char *dir)
{
	struct wl_trace *trace = NULL;
	char why[512];

	if (wl_trace_open(dir, 0, &trace, why, sizeof(why)))
		fail_msg("%s", why);
	assert_int_equal(wl_trace_info(trace)->kind, WL_TRACE_NATIVE);
	return trace;
}

static bool has_problem(struct wl_trace *trace, const char *words)
{
	const char *text;

	for (size_t i = 0; (text = wl_trace_problem(trace, i)); i++)
		if (strstr(text, words))
			return true;
	return false;
}

static void expect_problem(struct wl_trace *trace, const char *words)
{
	if (!has_problem(trace, words))
		fail_msg("no problem '%s'; the first is: %s", words,
			 wl_trace_problem(trace, 0) ? wl_trace_problem(trace, 0) : "(none)");
}

/* Reads to the end: how many; order is checked. */
static uint64_t read_all(struct wl_trace *trace)
{
	const struct wl_event *event;
	uint64_t n = 0, last = 0;
	uint32_t cpu = 0;
	int ret;

	while ((ret = wl_trace_next(trace, &event)) > 0) {
		assert_true(event->ts > last || (event->ts == last && event->cpu >= cpu));
		last = event->ts;
		cpu = event->cpu;
		n++;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(wl_trace_next(trace, &event), 0);
	assert_int_equal(wl_trace_stats(trace)->events, n);
	return n;
}

static void write_streams(const char *dir, unsigned ncpu, unsigned n)
{
	for (uint32_t cpu = 0; cpu < ncpu; cpu++) {
		struct maker_stream stream = { cpu, START + cpu % 3, 1000 + cpu / 3, n, 0 };

		maker_write_stream(dir, &stream);
	}
}

/* --- whole traces --- */

static void test_content(void **state)
{
	char *dir = maker_dir(true), payload[112];
	const struct wl_event *event;
	struct wl_trace *trace;
	unsigned next[7] = { 0 };

	write_streams(dir, 7, 3000);
	trace = open_trace(dir);
	assert_int_equal(wl_trace_nstreams(trace), 7);
	while (wl_trace_next(trace, &event) > 0) {
		uint16_t id;
		unsigned i = next[event->cpu]++;
		unsigned size = maker_record(i, event->cpu, &id, payload);

		assert_int_equal(event->ts,
				 START + event->cpu % 3 + i * (1000ull + event->cpu / 3));
		assert_int_equal(event->id, id);
		assert_int_equal(event->size, size);
		assert_memory_equal(event->payload, payload, size);
		assert_int_equal((uintptr_t)event->payload % 8, 0);
		assert_int_equal(event->flags, 0);
		assert_int_equal(event->lost, 0);
		assert_int_equal(event->tid, -1);
	}
	for (unsigned cpu = 0; cpu < 7; cpu++)
		assert_int_equal(next[cpu], 3000);
	assert_null(wl_trace_problem(trace, 0));
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Members are where the test's own offsets say. */
static void test_members(void **state)
{
	char *dir = maker_dir(true);
	const struct wl_event *event;
	const struct wl_ev_sched_switch *sw;
	const struct wl_ev_sched_waking *waking;
	struct wl_trace *trace;

	write_streams(dir, 1, 5);
	trace = open_trace(dir);
	assert_int_equal(wl_trace_next(trace, &event), 1);
	sw = event->payload;
	assert_string_equal(sw->prev_comm, "prev");
	assert_int_equal(sw->prev_tid, 1000);
	assert_int_equal(sw->prev_state, -1);
	assert_string_equal(sw->next_comm, "next-is-15-long");
	assert_int_equal(sw->next_tid, 2000);
	assert_int_equal(sw->wl_prev_arg, 0x1122334455667788);
	assert_int_equal(sw->wl_prev_call, -2);
	assert_int_equal(sw->wl_flags, 0x7ff);
	assert_int_equal(sw->wl_next_end, 9);
	assert_int_equal(wl_trace_next(trace, &event), 1);
	waking = event->payload;
	assert_int_equal(waking->tid, 3001);
	assert_int_equal(waking->wl_task, 7);
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_info(void **state)
{
	static const char release[] = "6.18.0-made";
	char *dir = maker_dir(true);
	const struct wl_trace_info *info;
	struct wl_trace *trace;

	write_streams(dir, 2, 3000);
	trace = open_trace(dir);
	info = wl_trace_info(trace);
	assert_string_equal(info->tracer, "whylate 0.0.1");
	assert_string_equal(info->hostname, "maker");
	assert_string_equal(info->kernel, release);
	assert_string_equal(info->clock_uuid, "c36fe4b6-9631-4fc1-92ef-db7011f68d1a");
	assert_memory_equal(info->uuid, maker_uuid, 16);
	assert_int_equal(info->clock_offset, 1795292545749269113);
	assert_int_equal(info->first, START);
	assert_int_equal(info->last, START + 1 + 2999 * 1000);
	assert_int_equal(info->ncpu, 2);
	assert_int_equal(info->lost, 0);
	assert_true(info->metadata);
	assert_false(info->foreign);
	assert_true(wl_trace_describes(trace, WL_EVID_SCHED_SWITCH));
	assert_true(wl_trace_describes(trace, WL_EV_SYSCALL_ENTRY));
	assert_false(wl_trace_describes(trace, WL_EVID_NMI));
	assert_false(wl_trace_describes(trace, 100000));
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Merging by hand gives the same as wl_trace_next(). */
static void test_streams(void **state)
{
	char *dir = maker_dir(true);
	const struct wl_event *event, *other;
	struct wl_trace *by_hand, *merged;
	int stream;

	write_streams(dir, 5, 2500);
	by_hand = open_trace(dir);
	merged = open_trace(dir);
	while ((stream = wl_trace_first(by_hand)) >= 0) {
		assert_int_equal(wl_trace_peek(by_hand, (unsigned)stream, &event), 1);
		assert_int_equal(wl_trace_stream_cpu(by_hand, (unsigned)stream), event->cpu);
		assert_int_equal(wl_trace_next(merged, &other), 1);
		assert_int_equal(event->ts, other->ts);
		assert_int_equal(event->cpu, other->cpu);
		assert_int_equal(event->id, other->id);
		assert_int_equal(wl_trace_advance(by_hand, (unsigned)stream), 0);
	}
	assert_int_equal(wl_trace_next(merged, &other), 0);
	assert_int_equal(wl_trace_stats(by_hand)->events, 12500);
	assert_int_equal(wl_trace_peek(by_hand, 3, &event), 0);
	assert_int_equal(wl_trace_advance(by_hand, 3), 0);
	wl_trace_close(by_hand);
	wl_trace_close(merged);
	maker_remove(dir);
}

/* A head of another stream may be taken first, between calls of wl_trace_next(). */
static void test_mixed(void **state)
{
	char *dir = maker_dir(true);
	unsigned seen[3] = { 0 };
	const struct wl_event *event;
	struct wl_trace *trace;
	uint64_t seed = 3, last[3] = { 0 };

	write_streams(dir, 3, 2000);
	trace = open_trace(dir);
	for (;;) {
		unsigned stream = test_random(&seed) % 3;
		bool by_hand = test_random(&seed) % 2;

		if (by_hand && wl_trace_peek(trace, stream, &event) == 1) {
			assert_int_equal(event->cpu, stream);
		} else {
			by_hand = false;
			if (!wl_trace_next(trace, &event))
				break;
		}
		assert_true(event->ts >= last[event->cpu]);
		last[event->cpu] = event->ts;
		seen[event->cpu]++;
		if (by_hand)
			assert_int_equal(wl_trace_advance(trace, stream), 0);
	}
	for (unsigned cpu = 0; cpu < 3; cpu++)
		assert_int_equal(seen[cpu], 2000);
	assert_int_equal(wl_trace_stats(trace)->events, 6000);
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_many_cpus(void **state)
{
	char *dir = maker_dir(true);
	struct wl_trace *trace;

	write_streams(dir, 96, 40);
	trace = open_trace(dir);
	assert_int_equal(wl_trace_info(trace)->ncpu, 96);
	assert_int_equal(read_all(trace), 96 * 40);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* --- what may be missing --- */

static void test_missing_streams(void **state)
{
	char *dir = maker_dir(true);
	struct wl_trace *trace;

	for (uint32_t cpu = 1; cpu < 10; cpu += 4) {
		struct maker_stream stream = { cpu, START, 1000, 100, 0 };

		maker_write_stream(dir, &stream);
	}
	maker_file(dir, "cpu_10", "", 0);
	maker_file(dir, "ch_0", "x", 1);
	maker_file(dir, ".hidden", "x", 1);
	maker_file(dir, "cpu_07", "x", 1);
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 300);
	expect_problem(trace, "the stream of CPU 0 ('cpu_0') is missing");
	expect_problem(trace, "the streams of CPUs 2 to 4 ('cpu_N') are missing");
	expect_problem(trace, "'cpu_10' is empty");
	expect_problem(trace, "'ch_0' is no stream");
	expect_problem(trace, "'cpu_07' is no stream");
	assert_false(has_problem(trace, "hidden"));
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_odd_files(void **state)
{
	char *dir = maker_dir(true), path[300];
	struct wl_trace *trace;

	write_streams(dir, 1, 10);
	snprintf(path, sizeof(path), "%s/kernel/cpu_1", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof(path), "%s/kernel/cpu_2", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/kernel/cpu_3", dir);
	assert_int_equal(symlink("/no/such/file", path), 0);
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 10);
	expect_problem(trace, "'cpu_1': not a file");
	expect_problem(trace, "'cpu_2': not a file");
	expect_problem(trace, "'cpu_3': No such file");
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_no_metadata(void **state)
{
	char *dir = maker_dir(false);
	struct wl_trace *trace;

	write_streams(dir, 2, 500);
	trace = open_trace(dir);
	assert_false(wl_trace_info(trace)->metadata);
	assert_int_equal(wl_trace_info(trace)->clock_offset, 0);
	assert_int_equal(wl_trace_info(trace)->first, START);
	assert_true(wl_trace_describes(trace, WL_EVID_NMI));
	assert_int_equal(read_all(trace), 1000);
	expect_problem(trace, "'metadata': No such file");
	wl_trace_close(trace);
	/* Its beginning is damaged. */
	maker_file(dir, "metadata", "/x CTF 1.8 */", 13);
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 1000);
	expect_problem(trace, "'metadata': it is damaged");
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_no_streams(void **state)
{
	char *dir = maker_dir(true), why[512];
	struct wl_trace *trace = NULL;

	assert_int_equal(wl_trace_open(dir, 0, &trace, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "no streams ('cpu_N')"));
	/* Neither metadata nor anything that looks like ours. */
	maker_remove(dir);
	dir = maker_dir(false);
	maker_file(dir, "cpu_0", "rubbish", 7);
	assert_int_equal(wl_trace_open(dir, 0, &trace, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "metadata"));
	assert_null(trace);
	maker_remove(dir);
}

/* --- packets --- */

static struct maker_packet *packet_new(uint32_t cpu, uint64_t seq, uint64_t ts, unsigned n)
{
	struct maker_packet *packet = malloc(sizeof(*packet));
	char payload[112];
	uint16_t id;

	assert_non_null(packet);
	maker_begin(packet, cpu, seq);
	for (unsigned i = 0; i < n; i++) {
		unsigned size = maker_record(i, cpu, &id, payload);

		maker_add(packet, ts + i * 10, id, payload, size);
	}
	maker_end(packet);
	return packet;
}

static void append(const char *dir, struct maker_packet *packet)
{
	char name[16];

	snprintf(name, sizeof(name), "cpu_%u", packet->cpu);
	maker_append(dir, name, packet->bytes, MAKER_PACKET);
	free(packet);
}

static void test_empty_packets(void **state)
{
	char *dir = maker_dir(true);
	struct maker_packet *packet = packet_new(0, 0, START, 0);
	struct wl_trace *trace;

	packet->begin = START - 50;
	packet->end = START + 70;
	maker_end(packet);
	append(dir, packet);
	append(dir, packet_new(0, 1, START + 100, 4));
	append(dir, packet_new(0, 2, START + 200, 0));
	append(dir, packet_new(1, 0, START + 200, 0));
	trace = open_trace(dir);
	assert_int_equal(wl_trace_info(trace)->first, 0);
	assert_int_equal(wl_trace_info(trace)->ncpu, 2);
	assert_int_equal(read_all(trace), 4);
	assert_null(wl_trace_problem(trace, 0));
	wl_trace_close(trace);
	maker_remove(dir);
}

/* The n-th event (from 0) of one stream, or NULL. */
static const struct wl_event *nth(struct wl_trace *trace, unsigned n)
{
	const struct wl_event *event = NULL;

	for (unsigned i = 0; i <= n; i++)
		if (wl_trace_next(trace, &event) != 1)
			return NULL;
	return event;
}

static void test_lost(void **state)
{
	char *dir = maker_dir(true);
	const struct wl_event *event;
	struct maker_packet *packet;
	struct wl_trace *trace;

	/* Packet 1's counter has grown: somewhere between packet 0 and packet 2. */
	append(dir, packet_new(0, 0, START, 10));
	packet = packet_new(0, 1, START + 1000, 10);
	packet->discarded = 123;
	maker_end(packet);
	append(dir, packet);
	packet = packet_new(0, 2, START + 2000, 10);
	packet->discarded = 123;
	maker_end(packet);
	append(dir, packet);
	trace = open_trace(dir);
	assert_int_equal(wl_trace_info(trace)->lost, 123);
	event = nth(trace, 9);
	assert_int_equal(event->flags, 0);
	event = nth(trace, 0);
	assert_int_equal(event->ts, START + 1000);
	assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
	assert_int_equal(event->lost, 123);
	assert_int_equal(event->lost_since, START + 90);
	for (unsigned i = 1; i < 10; i++) {
		event = nth(trace, 0);
		assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
		assert_int_equal(event->lost, 0);
		assert_int_equal(event->lost_since, event->ts - 10);
	}
	event = nth(trace, 0);
	assert_int_equal(event->ts, START + 2000);
	assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
	assert_int_equal(event->lost, 0);
	assert_int_equal(event->lost_since, START + 1090);
	event = nth(trace, 8);
	assert_int_equal(event->flags, 0);
	assert_null(nth(trace, 0));
	assert_int_equal(wl_trace_stats(trace)->lost, 123);
	assert_null(wl_trace_problem(trace, 0));
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Losses behind the last event are in the sums. */
static void test_lost_at_end(void **state)
{
	char *dir = maker_dir(true);
	struct maker_packet *packet;
	struct wl_trace *trace;

	append(dir, packet_new(0, 0, START, 10));
	packet = packet_new(0, 1, START + 1000, 0);
	packet->begin = packet->end = START + 1000;
	packet->discarded = 9;
	maker_end(packet);
	append(dir, packet);
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 10);
	assert_int_equal(wl_trace_stats(trace)->lost, 9);
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_packets_missing(void **state)
{
	char *dir = maker_dir(true);
	const struct wl_event *event;
	struct wl_trace *trace;

	append(dir, packet_new(0, 7, START, 10));
	append(dir, packet_new(0, 11, START + 1000, 10));
	trace = open_trace(dir);
	event = nth(trace, 10);
	assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
	assert_int_equal(event->lost_since, START + 90);
	assert_int_equal(wl_trace_stats(trace)->packets_missing, 3);
	expect_problem(trace, "'cpu_0', packet 1 (at byte 65536): 3 packets are missing before it");
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Packets in the wrong order, twice, and of another CPU. */
static void test_wrong_packets(void **state)
{
	char *dir = maker_dir(true);
	struct wl_trace *trace;

	append(dir, packet_new(0, 0, START, 10));
	append(dir, packet_new(0, 2, START + 2000, 10));
	append(dir, packet_new(0, 1, START + 1000, 10));
	append(dir, packet_new(0, 2, START + 2000, 10));
	append(dir, packet_new(0, 3, START + 3000, 10));
	trace = open_trace(dir);
	/* Of the second 2 only the last record is not earlier than what has been given. */
	assert_int_equal(read_all(trace), 31);
	assert_int_equal(wl_trace_stats(trace)->disordered, 19);
	expect_problem(trace, "10 records left out: wrong time stamps");
	wl_trace_close(trace);
	maker_remove(dir);

	dir = maker_dir(true);
	append(dir, packet_new(0, 0, START, 10));
	append(dir, packet_new(1, 0, START, 10));
	{
		struct maker_packet *packet = packet_new(1, 1, START + 1000, 10);

		maker_append(dir, "cpu_0", packet->bytes, MAKER_PACKET);
		free(packet);
	}
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 30);
	expect_problem(trace, "its header is damaged (stream or CPU); its records were read");
	wl_trace_close(trace);
	maker_remove(dir);
}

/* --- records --- */

static void test_short_records(void **state)
{
	char *dir = maker_dir(true), sw[128], rest[64] = "";
	const struct wl_event *event;
	struct maker_packet *packet = malloc(sizeof(*packet));
	struct wl_trace *trace;

	assert_non_null(packet);
	memset(sw, 0xee, sizeof(sw));
	maker_begin(packet, 0, 0);
	maker_add(packet, START, WL_EVID_SCHED_SWITCH, sw, 56);
	maker_add(packet, START, WL_EVID_SCHED_SWITCH, sw, 110);
	maker_add(packet, START, WL_EV_SYSCALL_ENTRY, sw, 0);
	maker_end(packet);
	append(dir, packet);
	trace = open_trace(dir);
	event = nth(trace, 0);
	assert_int_equal(event->size, 56);
	assert_int_equal((uintptr_t)event->payload % 8, 0);
	assert_memory_equal(event->payload, sw, 56);
	assert_memory_equal((const char *)event->payload + 56, rest, 102 - 56);
	event = nth(trace, 0);
	assert_int_equal(event->size, 110);
	assert_memory_equal(event->payload, sw, 102);
	event = nth(trace, 0);
	assert_int_equal(event->id, WL_EV_SYSCALL_ENTRY);
	assert_int_equal(event->size, 0);
	assert_memory_equal(event->payload, rest, 16);
	assert_null(nth(trace, 0));
	assert_null(wl_trace_problem(trace, 0));
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_synthetic_and_fillers(void **state)
{
	char *dir = maker_dir(true), zeros[128] = "";
	const struct wl_event *event;
	struct maker_packet *packet = malloc(sizeof(*packet));
	struct wl_trace *trace;

	assert_non_null(packet);
	maker_begin(packet, 0, 0);
	packet->base = 0;
	maker_add(packet, START, WL_EVID_STATEDUMP_START, zeros, 1);
	maker_add(packet, START, WL_EVID_STATEDUMP_PROCESS, zeros, 48);
	maker_end(packet);
	append(dir, packet);
	packet = malloc(sizeof(*packet));
	assert_non_null(packet);
	maker_begin(packet, 0, 1);
	maker_add(packet, START + 10, WL_EVID_SOFTIRQ_RAISE, zeros, 8);
	maker_add(packet, START + 10, WL_EVID_FILLER, zeros, 40);
	maker_add(packet, START + 30, WL_EVID_SOFTIRQ_RAISE, zeros, 8);
	/* At the packet's end: the next one's first event is marked. */
	maker_add(packet, START + 30, 37, zeros, 0);
	maker_end(packet);
	append(dir, packet);
	append(dir, packet_new(0, 2, START + 100, 2));
	trace = open_trace(dir);
	assert_int_equal(nth(trace, 1)->flags, WL_EVENT_SYNTHETIC);
	assert_int_equal(nth(trace, 0)->flags, 0);
	event = nth(trace, 0);
	assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
	assert_int_equal(event->lost, 0);
	assert_int_equal(event->lost_since, START + 10);
	event = nth(trace, 0);
	assert_int_equal(event->ts, START + 100);
	assert_int_equal(event->flags, WL_EVENT_AFTER_LOSS);
	assert_int_equal(event->lost_since, START + 30);
	assert_int_equal(nth(trace, 0)->flags, 0);
	assert_null(nth(trace, 0));
	assert_int_equal(wl_trace_stats(trace)->synthetic, 2);
	assert_int_equal(wl_trace_stats(trace)->fillers, 2);
	wl_trace_close(trace);
	maker_remove(dir);
}

static void test_unknown(void **state)
{
	char *dir = maker_dir(true), zeros[64] = "";
	const char *text = maker_metadata();
	static const char newer[] = "event { name = \"whylate_newer\"; id = 900; stream_id = 0; };";
	struct maker_packet *packet = packet_new(0, 0, START, 3);
	struct wl_trace *trace;

	for (unsigned i = 0; i < 5; i++)
		maker_add(packet, START + 100, 900, zeros, 40);
	maker_add(packet, START + 100, WL_EVID_SOFTIRQ_RAISE, zeros, 8);
	maker_end(packet);
	append(dir, packet);
	maker_append(dir, "metadata", newer, strlen(newer));
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 4);
	assert_int_equal(wl_trace_stats(trace)->skipped, 5);
	assert_int_equal(wl_trace_stats(trace)->damaged, 0);
	expect_problem(trace, "'cpu_0': 5 records of events that this version doesn't know, the "
			      "first has number 900");
	wl_trace_close(trace);
	/* Nobody says that there is such an event. */
	maker_file(dir, "metadata", text, strlen(text));
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 4);
	assert_int_equal(wl_trace_stats(trace)->damaged, 1);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* --- damage --- */

/* Cut in the last packet: what was before it is all there, and no event is invented. */
static void test_truncated(void **state)
{
	char *dir = maker_dir(true), path[300];
	uint64_t least, last_n = UINT64_MAX;
	unsigned size = 3 * MAKER_PACKET;
	struct wl_trace *trace;

	for (unsigned i = 0; i < 3; i++)
		append(dir, packet_new(0, i, START + i * 100000, 500));
	snprintf(path, sizeof(path), "%s/kernel/cpu_0", dir);
	/* Every byte of the last packet's records, fewer of what is behind them. */
	while (size > 2 * MAKER_PACKET) {
		size -= size > 2 * MAKER_PACKET + 40000 ? 977 : size % 7 + 1;
		assert_int_equal(truncate(path, size), 0);
		trace = open_trace(dir);
		least = read_all(trace);
		assert_in_range(least, 1000, 1500);
		assert_true(least <= last_n);
		last_n = least;
		if (size % MAKER_PACKET)
			expect_problem(trace, "'cpu_0' is truncated");
		assert_false(has_problem(trace, "left out from byte"));
		wl_trace_close(trace);
	}
	maker_remove(dir);
}

/* Anywhere in the files: it never fails, order holds, little is left out. */
static void test_flips(void **state)
{
	char *dir = maker_dir(true), path[300];
	uint64_t seed = 11;
	int fd;

	write_streams(dir, 2, 1500);
	snprintf(path, sizeof(path), "%s/kernel/cpu_1", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 400; i++) {
		off_t offset = (off_t)(test_random(&seed) % (2 * MAKER_PACKET));
		unsigned char byte, mask = (unsigned char)(1u << test_random(&seed) % 8);
		struct wl_trace *trace;

		assert_int_equal(pread(fd, &byte, 1, offset), 1);
		byte ^= mask;
		assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
		trace = open_trace(dir);
		assert_in_range(read_all(trace), 2999, 3000);
		wl_trace_close(trace);
		byte ^= mask;
		assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
	}
	close(fd);
	maker_remove(dir);
}

/* Faults in every packet: the first ones are told, then their sum. */
static void test_many_faults(void **state)
{
	char *dir = maker_dir(true);
	struct wl_trace *trace;
	size_t n = 0;

	for (unsigned i = 0; i < 50; i++) {
		struct maker_packet *packet = packet_new(0, i, START + i * 1000, 10);

		maker_set32(packet->bytes, 88 + 12, 0xbadbad);
		append(dir, packet);
	}
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 450);
	while (wl_trace_problem(trace, n))
		n++;
	assert_int_equal(n, 4);
	expect_problem(trace, "'cpu_0': in all 50 packets with faults, 6000 damaged bytes");
	assert_int_equal(wl_trace_stats(trace)->damaged, 50);
	assert_int_equal(wl_trace_stats(trace)->damaged_bytes, 50 * 120);
	wl_trace_close(trace);
	maker_remove(dir);
}

/* Many streams with many faults: the list is bounded and says so. */
static void test_problems_bounded(void **state)
{
	char *dir = maker_dir(true);
	const char *last = NULL, *text;
	struct wl_trace *trace;
	size_t n;

	for (unsigned cpu = 0; cpu < 100; cpu++) {
		char name[16];

		snprintf(name, sizeof(name), "cpu_%u", cpu);
		maker_file(dir, name, "rubbish", 7);
	}
	trace = open_trace(dir);
	assert_int_equal(read_all(trace), 0);
	for (n = 0; (text = wl_trace_problem(trace, n)); n++)
		last = text;
	assert_int_equal(n, 65);
	assert_string_equal(last, "36 more");
	wl_trace_close(trace);
	maker_remove(dir);
}

/* The file shrinks and grows while it is read: no SIGBUS, no invented events. */
static void test_changing_files(void **state)
{
	char *dir = maker_dir(true), path[300];
	const struct wl_event *event;
	struct wl_trace *trace;

	write_streams(dir, 1, 5000);
	snprintf(path, sizeof(path), "%s/kernel/cpu_0", dir);
	trace = open_trace(dir);
	assert_int_equal(wl_trace_peek(trace, 0, &event), 1);
	assert_int_equal(truncate(path, 100), 0);
	assert_in_range(read_all(trace), 100, 2000);
	wl_trace_close(trace);
	maker_file(dir, "cpu_0", "", 0);
	append(dir, packet_new(0, 0, START, 10));
	trace = open_trace(dir);
	append(dir, packet_new(0, 1, START + 1000, 10));
	assert_int_equal(read_all(trace), 20);
	wl_trace_close(trace);
	maker_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_many_cpus),
		cmocka_unit_test(test_missing_streams),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_no_metadata),
		cmocka_unit_test(test_no_streams),
		cmocka_unit_test(test_empty_packets),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_at_end),
		cmocka_unit_test(test_packets_missing),
		cmocka_unit_test(test_wrong_packets),
		cmocka_unit_test(test_short_records),
		cmocka_unit_test(test_synthetic_and_fillers),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_many_faults),
		cmocka_unit_test(test_problems_bounded),
		cmocka_unit_test(test_changing_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
