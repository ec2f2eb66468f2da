/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Recordings by one thread that writes and saves in turn; torture.c has the others. */
#include "capture/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "test.h"
#include "directory.h"
#include "rings.h"

#define RING WL_RING_MIN
/* Switches in a packet. */
#define PER_PACKET ((WL_PACKET - WL_PACKET_HEADER) / ((WL_EVENT_SIZE(sched_switch) + 7) / 8 * 8))
#define OTHER WL_EVID_TIMER_EXIT

struct fixture {
	struct rings rings;
	struct wl_stream *stream;
	struct directory dir;
	struct stream_file file[RINGS_MAX];
	bool read;
	uint64_t number; /* of the next record */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	rings_open(&f->rings, 2, RING);
	directory_make(&f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t cpu = 0; f->read && cpu < f->rings.rings.ncpu; cpu++)
		stream_free(&f->file[cpu]);
	wl_stream_close(f->stream);
	directory_remove(&f->dir);
	rings_close(&f->rings);
	free(f);
	return 0;
}

static void start_with(struct fixture *f, const struct wl_statedump *dump)
{
	struct wl_metadata m;

	metadata_example(&m, WL_SYSCALLS_NONE);
	assert_int_equal(wl_stream_open(&f->stream, &f->rings.rings, f->dir.fd, &m, dump), 0);
}

static void start(struct fixture *f)
{
	start_with(f, NULL);
}

static void put(struct fixture *f, uint32_t cpu, uint16_t id, uint64_t n)
{
	while (n--)
		assert_true(rings_put(&f->rings, cpu, id, f->number++));
}

static const struct wl_cpu_counts *counts(const struct fixture *f, uint32_t cpu)
{
	return wl_stream_counts(f->stream, cpu);
}

static void read_files(struct fixture *f)
{
	for (uint32_t cpu = 0; cpu < f->rings.rings.ncpu; cpu++)
		stream_read(&f->file[cpu], f->dir.path, cpu);
	f->read = true;
}

static void check_cpu(struct fixture *f, uint32_t cpu)
{
	const struct wl_cpu_counts *n = counts(f, cpu);
	const struct stream_file *file = &f->file[cpu];
	const struct wl_packet_header *last = stream_header(file, file->npackets - 1);

	assert_int_equal(n->written, n->read + n->lost + n->left_out);
	assert_int_equal(n->excess, 0);
	assert_int_equal(stream_count(file), n->read);
	assert_int_equal(last->events_discarded, n->lost + n->refused);
	assert_int_equal(last->timestamp_end, wl_stream_end(f->stream));
	assert_true(n->begin >= wl_stream_begin(f->stream));
}

static void check_reader(const struct fixture *f, const char *program)
{
	struct wl_stream_progress p;
	uint64_t events, discarded;

	wl_stream_progress(f->stream, &p);
	if (!babeltrace_count(program, f->dir.path, &events, &discarded))
		return;
	assert_int_equal(events, p.events);
	assert_int_equal(discarded, p.lost);
}

static void finish(struct fixture *f)
{
	assert_int_equal(wl_stream_finish(f->stream), 0);
	read_files(f);
	for (uint32_t cpu = 0; cpu < f->rings.rings.ncpu; cpu++)
		check_cpu(f, cpu);
	check_reader(f, "babeltrace2");
	check_reader(f, "babeltrace");
}

static uint64_t first_number(const struct fixture *f, uint32_t cpu)
{
	size_t packet = 0;
	uint32_t at = 0;

	return rings_number(stream_next(&f->file[cpu], &packet, &at));
}

static void test_nothing(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	finish(f);
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		assert_int_equal(f->file[cpu].npackets, 1);
		assert_int_equal(stream_header(&f->file[cpu], 0)->timestamp_begin,
				 wl_stream_begin(f->stream));
	}
}

static void test_saves_everything(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 100; i++) {
		put(f, 0, WL_EVID_SCHED_SWITCH, PER_PACKET);
		assert_int_equal(wl_stream_poll(f->stream), 0);
	}
	finish(f);
	assert_int_equal(counts(f, 0)->read, 100 * PER_PACKET);
	assert_int_equal(counts(f, 0)->lost, 0);
	assert_int_equal(f->file[0].npackets, 100);
	assert_int_equal(f->file[1].npackets, 1);
}

static void test_position_wraps(void **state)
{
	struct fixture *f = *state;

	f->rings.writable[0]->head.word = 0xfffffff0ull << 32 | (uint32_t)(0 - 4 * WL_PACKET_UNITS);
	start(f);
	for (int i = 0; i < 20; i++) {
		put(f, 0, WL_EVID_SCHED_SWITCH, PER_PACKET);
		assert_int_equal(wl_stream_poll(f->stream), 0);
	}
	finish(f);
	assert_int_equal(counts(f, 0)->read, 20 * PER_PACKET);
	assert_int_equal(counts(f, 0)->lost, 0);
}

static void test_begins_with_a_switch(void **state)
{
	struct fixture *f = *state;

	put(f, 0, WL_EVID_SCHED_SWITCH, 5); /* before */
	start(f);
	put(f, 0, OTHER, 3);
	put(f, 0, WL_EVID_SCHED_SWITCH, 1);
	put(f, 0, OTHER, 2);
	put(f, 1, OTHER, 10000); /* never one */
	assert_int_equal(wl_stream_poll(f->stream), 0);
	put(f, 1, OTHER, 100);
	finish(f);
	assert_int_equal(counts(f, 0)->read, 3);
	assert_int_equal(counts(f, 0)->left_out, 8);
	assert_int_equal(first_number(f, 0), 8);
	assert_true(counts(f, 0)->begin > wl_stream_begin(f->stream));
	assert_int_equal(counts(f, 1)->read, 0);
	assert_int_equal(counts(f, 1)->begin, wl_stream_end(f->stream));
}

static void test_whole_since_it_was_opened(void **state)
{
	struct fixture *f = *state;

	put(f, 0, OTHER, 5);
	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 5);
	finish(f);
	assert_int_equal(counts(f, 0)->begin, wl_stream_begin(f->stream));
}

static void test_counts_what_was_overwritten(void **state)
{
	struct fixture *f = *state;
	uint64_t seen = 0, packet, expected = 0;
	const struct wl_record *r;
	size_t i = 0;
	uint32_t at = 0;

	start(f);
	for (int round = 1; round < 6; round++) {
		put(f, 0, WL_EVID_SCHED_SWITCH, (uint64_t)round * 3 * PER_PACKET);
		assert_int_equal(wl_stream_poll(f->stream), 0);
	}
	finish(f);
	assert_int_equal(counts(f, 0)->written, f->number);
	assert_true(counts(f, 0)->lost > 0);
	/* and each packet knows how many were lost in front of it */
	while ((r = stream_next(&f->file[0], &i, &at))) {
		packet = stream_header(&f->file[0], i)->events_discarded;
		assert_int_equal(rings_number(r), seen + packet);
		expected = rings_number(r) + 1;
		seen++;
	}
	assert_int_equal(expected, f->number);
}

static void put_a_lap(void *ctx)
{
	put(ctx, 0, WL_EVID_SCHED_SWITCH, 8 * PER_PACKET);
}

/* What was read so far of a packet that is overwritten in the middle of it is worth nothing. */
static void test_overwritten_while_it_is_copied(void **state)
{
	struct fixture *f = *state;
	const struct wl_record *r;
	size_t packet = 0;
	uint32_t at = 0;
	uint64_t seen = 0;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 3 * PER_PACKET + 1);
	rings_trap(&f->rings, 0, WL_PACKET + WL_PACKET / 2, put_a_lap, f);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	assert_true(rings_trapped());
	finish(f);
	assert_int_equal(counts(f, 0)->holes, 0);
	assert_int_equal(counts(f, 0)->written, f->number);
	assert_in_range(counts(f, 0)->lost, PER_PACKET, 4 * PER_PACKET);
	while ((r = stream_next(&f->file[0], &packet, &at))) {
		assert_int_equal(rings_number(r),
				 seen + stream_header(&f->file[0], packet)->events_discarded);
		seen++;
	}
}

static void test_waits_for_records(void **state)
{
	struct fixture *f = *state;
	struct pending open;
	void *payload;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 1);
	payload = rings_reserve(&f->rings, 0, OTHER, rings_record_size(OTHER), &open);
	assert_non_null(payload);
	put(f, 0, WL_EVID_SCHED_SWITCH, 2 * PER_PACKET);
	for (int i = 0; i < 3; i++)
		assert_int_equal(wl_stream_poll(f->stream), 0);
	assert_int_equal(counts(f, 0)->read, 0);
	rings_set_number(OTHER, payload, 0);
	rings_commit(&open);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	assert_true(counts(f, 0)->read > PER_PACKET);
	finish(f);
	assert_int_equal(counts(f, 0)->holes, 0);
	assert_int_equal(counts(f, 0)->read, 2 * PER_PACKET + 2);
}

static void test_covers_what_never_comes(void **state)
{
	struct fixture *f = *state;
	struct pending open;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 1);
	assert_non_null(rings_reserve(&f->rings, 0, OTHER, 24, &open));
	put(f, 0, WL_EVID_SCHED_SWITCH, 2 * PER_PACKET);
	for (int i = 0; i < 5; i++)
		assert_int_equal(wl_stream_poll(f->stream), 0);
	assert_true(counts(f, 0)->read > PER_PACKET);
	assert_non_null(rings_reserve(&f->rings, 0, OTHER, 24, &open));
	put(f, 0, WL_EVID_SCHED_SWITCH, 1);
	assert_non_null(rings_reserve(&f->rings, 0, OTHER, 24, &open)); /* at the very end */
	finish(f);
	assert_int_equal(counts(f, 0)->holes, 3);
	assert_int_equal(counts(f, 0)->lost, 3);
	assert_int_equal(counts(f, 0)->read, 2 * PER_PACKET + 2);
}

/* With little room left it does not wait. */
static void test_does_not_wait_for_ever(void **state)
{
	struct fixture *f = *state;
	struct pending open;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 1);
	assert_non_null(rings_reserve(&f->rings, 0, OTHER, 24, &open));
	put(f, 0, WL_EVID_SCHED_SWITCH, 5 * PER_PACKET);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	assert_true(counts(f, 0)->read > PER_PACKET - 10);
	finish(f);
}

static void test_refused_records_are_counted(void **state)
{
	struct fixture *f = *state;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 7 * PER_PACKET);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	f->rings.pin.until = UINT64_MAX; /* nothing may be overwritten */
	f->rings.pin.from = 1;
	while (rings_switch(&f->rings, 0, f->number))
		f->number++;
	for (int i = 0; i < 9; i++)
		assert_false(rings_switch(&f->rings, 0, f->number));
	f->rings.pin.until = 0;
	put(f, 0, WL_EVID_SCHED_SWITCH, 2 * PER_PACKET);
	finish(f);
	assert_int_equal(counts(f, 0)->refused, 10);
	assert_int_equal(counts(f, 0)->lost, 0);
	assert_int_equal(counts(f, 0)->read, f->number);
}

/* What a killed program leaves. */
static void test_can_be_read_at_any_time(void **state)
{
	struct fixture *f = *state;
	uint64_t events, discarded;

	start(f);
	put(f, 0, WL_EVID_SCHED_SWITCH, 3 * PER_PACKET);
	assert_int_equal(wl_stream_poll(f->stream), 0);
	stream_read(&f->file[0], f->dir.path, 0);
	assert_int_equal(stream_count(&f->file[0]), counts(f, 0)->read);
	if (babeltrace_count("babeltrace2", f->dir.path, &events, &discarded))
		assert_int_equal(events, counts(f, 0)->read);
	stream_free(&f->file[0]);
}

static void test_state_dump(void **state)
{
	const struct wl_ev_statedump_process process = { .tid = 1, .pid = 1, .name = "init" };
	const struct wl_statedump dump = { &process, 1, NULL, 0 };
	struct fixture *f = *state;

	start_with(f, &dump);
	put(f, 0, WL_EVID_SCHED_SWITCH, 10);
	finish(f);
	assert_int_equal(f->file[0].npackets, 2);
	assert_int_equal(counts(f, 0)->packets, 1);
	assert_int_equal(stream_header(&f->file[0], 0)->timestamp_begin,
			 wl_stream_begin(f->stream));
}

static void limit_files(rlim_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that can't grow is like a full disk: what is there stays whole. */
static void test_disk_is_full(void **state)
{
	struct fixture *f = *state;
	uint64_t saved;

	start(f);
	put(f, 1, WL_EVID_SCHED_SWITCH, 10);
	put(f, 0, WL_EVID_SCHED_SWITCH, 6 * PER_PACKET);
	limit_files(3 * WL_PACKET + 1000);
	assert_int_equal(wl_stream_poll(f->stream), -EFBIG);
	saved = counts(f, 0)->read;
	assert_true(saved > PER_PACKET);
	assert_int_equal(wl_stream_poll(f->stream), -EFBIG);
	assert_int_equal(wl_stream_finish(f->stream), -EFBIG);
	limit_files(RLIM_INFINITY);
	read_files(f);
	assert_int_equal(f->file[0].npackets, 3);
	assert_int_equal(stream_count(&f->file[0]), saved);
	assert_int_equal(counts(f, 0)->written, saved + counts(f, 0)->lost);
	assert_int_equal(f->file[1].npackets, 1);
}

static void test_nothing_is_overwritten(void **state)
{
	struct fixture *f = *state;
	struct wl_stream *second;
	struct wl_metadata m;

	start(f);
	metadata_example(&m, WL_SYSCALLS_NONE);
	assert_int_equal(wl_stream_open(&second, &f->rings.rings, f->dir.fd, &m, NULL), -EEXIST);
	wl_stream_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing),
		TEST(test_saves_everything),
		TEST(test_position_wraps),
		TEST(test_begins_with_a_switch),
		TEST(test_whole_since_it_was_opened),
		TEST(test_counts_what_was_overwritten),
		TEST(test_overwritten_while_it_is_copied),
		TEST(test_waits_for_records),
		TEST(test_covers_what_never_comes),
		TEST(test_does_not_wait_for_ever),
		TEST(test_refused_records_are_counted),
		TEST(test_can_be_read_at_any_time),
		TEST(test_state_dump),
		TEST(test_disk_is_full),
		TEST(test_nothing_is_overwritten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
