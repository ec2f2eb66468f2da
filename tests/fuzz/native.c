/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libFuzzer: the reader of our own traces, from the directory to the last event.
 *
 * Input: a byte of FUZZ_* flags; u16 length of the metadata and its text (with FUZZ_METADATA); then
 * packets: u16 length and that many bytes, which are padded to a packet's size. With FUZZ_REPAIR
 * what takes luck to get right (magic, uuid, sizes, checks) is put right, so that the rest is
 * tried.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ring.h"
#include "fuzz.h"
#include "trace/events.h"
#include "trace/trace.h"

#define FUZZ_METADATA 0x01 /* from the input */
#define FUZZ_GOOD 0x02     /* else: one that is right */
#define FUZZ_PARTIAL 0x04  /* the last packet is not padded */
#define FUZZ_REPAIR 0x08
#define FUZZ_TWO 0x10     /* packets go to two streams in turn */
#define FUZZ_STREAMS 0x20 /* read them singly, too */
#define PACKETS_MAX 6

static const char good_metadata[] =
	"/* CTF 1.8 */\n"
	"trace { byte_order = le; uuid = \"00000000-0000-0000-0000-000000000000\"; };\n"
	"env { hostname = \"h\"; whylate_version = \"0\"; whylate_layout = 1; };\n"
	"clock { freq = 1000000000; offset = 1; };\n"
	"event { name = \"sched_switch\"; id = 1; };\n"
	"event { name = \"sched_waking\"; id = 2; };\n"
	"event { name = \"newer\"; id = 900; };\n";

/* --- the trace --- */

/* Sizes decide where the next record is: they stay as they are, but for those that are too small.
 */
static void repair(uint8_t *packet, size_t len, uint32_t cpu, uint32_t number)
{
	uint32_t base = number * WL_PACKET_UNITS;

	fuzz_set(packet, 0, 0xc1fc1fc1u, 4);
	memset(packet + 4, 0, 20);
	fuzz_set(packet, 24, cpu, 8);
	fuzz_set(packet, 48, len * 8, 8);
	fuzz_set(packet, 56, WL_PACKET * 8, 8);
	fuzz_set(packet, 80, cpu, 4);
	for (size_t at = WL_PACKET_HEADER; at + sizeof(struct wl_record) <= len;) {
		struct wl_record record;

		memcpy(&record, packet + at, sizeof(record));
		record.check = base + (uint32_t)(at / 8);
		if (record.size < sizeof(record))
			record.size = sizeof(record) + record.size % 64;
		memcpy(packet + at, &record, sizeof(record));
		at += (record.size + 7u) & ~7u;
	}
}

static void add_packet(int kernel, unsigned flags, struct fuzz_input *input, unsigned number)
{
	static uint8_t packet[WL_PACKET];
	uint32_t cpu = flags & FUZZ_TWO ? number % 2 : 0;
	size_t len = fuzz_take(input, packet, fuzz_number(input, 2));
	size_t size = flags & FUZZ_PARTIAL && !input->left ? len : WL_PACKET;

	memset(packet + len, 0, sizeof(packet) - len);
	if (flags & FUZZ_REPAIR && len >= WL_PACKET_HEADER)
		repair(packet, len, cpu, number);
	fuzz_append(kernel, cpu ? "cpu_1" : "cpu_0", packet, size);
}

static void add_metadata(int kernel, unsigned flags, struct fuzz_input *input)
{
	static uint8_t text[UINT16_MAX];

	if (flags & FUZZ_METADATA)
		fuzz_append(kernel, "metadata", text,
			    fuzz_take(input, text, fuzz_number(input, 2)));
	else if (flags & FUZZ_GOOD)
		fuzz_append(kernel, "metadata", good_metadata, sizeof(good_metadata) - 1);
}

static void make_trace(int kernel, unsigned flags, struct fuzz_input *input)
{
	unlinkat(kernel, "metadata", 0);
	unlinkat(kernel, "cpu_0", 0);
	unlinkat(kernel, "cpu_1", 0);
	add_metadata(kernel, flags, input);
	for (unsigned i = 0; i < PACKETS_MAX && input->left; i++)
		add_packet(kernel, flags, input, i);
}

/* --- what must hold --- */

/* Every byte that a reader may look at. */
static uint64_t touch(const struct wl_event *event)
{
	unsigned size = wl_event_size(event->id);
	const uint8_t *bytes = event->payload;
	uint64_t sum = 0;

	if (size < event->size)
		size = event->size;
	for (unsigned i = 0; i < size; i++)
		sum += bytes[i];
	return sum;
}

static void check_event(const struct wl_event *event, const struct wl_event *before)
{
	char name[WL_EVENT_NAME_MAX];

	fuzz_check(event->cpu <= 1);
	fuzz_check(event->id && event->id < WL_EV_MAX);
	fuzz_check((uintptr_t)event->payload % 8 == 0);
	fuzz_check(event->ts > before->ts ||
		   (event->ts == before->ts && event->cpu >= before->cpu));
	fuzz_check(event->flags & WL_EVENT_AFTER_LOSS || (!event->lost && !event->lost_since));
	fuzz_check(event->lost_since <= event->ts);
	wl_event_name(event->id, name, sizeof(name));
}

static uint64_t read_merged(struct wl_trace *trace)
{
	struct wl_event before = { 0 };
	const struct wl_event *event;
	uint64_t n = 0, sum = 0;

	while (wl_trace_next(trace, &event) > 0) {
		check_event(event, &before);
		sum += touch(event);
		before = *event;
		n++;
	}
	fuzz_use(sum);
	fuzz_check(n == wl_trace_stats(trace)->events);
	fuzz_check(n <= PACKETS_MAX * WL_PACKET / sizeof(struct wl_record));
	return n;
}

/* One stream after the other: as many events. */
static uint64_t read_streams(struct wl_trace *trace)
{
	const struct wl_event *event;
	uint64_t n = 0;

	for (unsigned i = 0; i < wl_trace_nstreams(trace); i++) {
		for (; wl_trace_peek(trace, i, &event) > 0; n++) {
			fuzz_use(touch(event));
			wl_trace_advance(trace, i);
		}
	}
	return n;
}

static void check_end(struct wl_trace *trace)
{
	size_t n = 0;

	while (wl_trace_problem(trace, n))
		n++;
	fuzz_check(n <= 65);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	unsigned flags = (unsigned)fuzz_number(&input, 1);
	struct wl_trace *trace;
	char why[256];
	uint64_t n;

	make_trace(fuzz_dir("kernel"), flags, &input);
	if (wl_trace_open(fuzz_path(), 0, &trace, why, sizeof(why)))
		return 0;
	n = read_merged(trace);
	check_end(trace);
	wl_trace_close(trace);
	if (!(flags & FUZZ_STREAMS))
		return 0;
	fuzz_check(!wl_trace_open(fuzz_path(), 0, &trace, why, sizeof(why)));
	fuzz_check(read_streams(trace) == n);
	wl_trace_close(trace);
	return 0;
}
