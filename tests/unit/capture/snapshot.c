/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Snapshots of rings that nobody writes to meanwhile; torture.c has the others. */
#include "capture/snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "directory.h"
#include "rings.h"

#define RING WL_RING_MIN
#define SECOND 1000000000ull
#define OTHER WL_EVID_TIMER_EXIT /* any event that is no switch */

struct fixture {
	struct rings rings;
	struct wl_snapshot *snapshot;
	struct directory dir;
	struct stream_file file[RINGS_MAX];
	bool written;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	rings_open(&f->rings, 2, RING);
	f->rings.clock = SECOND;
	assert_int_equal(wl_snapshot_open(&f->snapshot, &f->rings.rings), 0);
	directory_make(&f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (uint32_t cpu = 0; f->written && cpu < f->rings.rings.ncpu; cpu++)
		stream_free(&f->file[cpu]);
	directory_remove(&f->dir);
	wl_snapshot_close(f->snapshot);
	rings_close(&f->rings);
	free(f);
	return 0;
}

static void check_reader(const struct fixture *f, const char *program)
{
	uint64_t events, discarded, read = 0, lost = 0;

	for (uint32_t cpu = 0; cpu < f->rings.rings.ncpu; cpu++) {
		const struct wl_cpu_counts *n = wl_snapshot_counts(f->snapshot, cpu);

		read += n->read;
		lost += n->lost + n->refused;
	}
	if (!babeltrace_count(program, f->dir.path, &events, &discarded))
		return;
	assert_int_equal(events, read);
	assert_int_equal(discarded, lost);
}

static void check_cpu(struct fixture *f, uint32_t cpu)
{
	const struct wl_cpu_counts *n = wl_snapshot_counts(f->snapshot, cpu);
	const struct stream_file *file = &f->file[cpu];
	const struct wl_packet_header *last = stream_header(file, file->npackets - 1);

	assert_int_equal(n->written, n->read + n->lost + n->left_out);
	assert_int_equal(n->excess, 0);
	assert_int_equal(stream_count(file), n->read);
	assert_int_equal(last->events_discarded, n->lost + n->refused);
	assert_int_equal(last->timestamp_end, wl_snapshot_end(f->snapshot));
	assert_int_equal(n->end, wl_snapshot_end(f->snapshot));
	assert_true(n->begin >= wl_snapshot_begin(f->snapshot));
}

/* Takes, finishes, writes, reads, and checks what holds of every snapshot. */
static void shoot_with(struct fixture *f, uint64_t from, const struct wl_statedump *dump)
{
	struct wl_metadata m;

	metadata_example(&m, WL_SYSCALLS_NONE);
	wl_snapshot_take(f->snapshot, from);
	wl_snapshot_finish(f->snapshot);
	assert_int_equal(wl_snapshot_write(f->snapshot, f->dir.fd, &m, dump), 0);
	f->written = true;
	for (uint32_t cpu = 0; cpu < f->rings.rings.ncpu; cpu++) {
		stream_read(&f->file[cpu], f->dir.path, cpu);
		check_cpu(f, cpu);
	}
	check_reader(f, "babeltrace2");
	check_reader(f, "babeltrace");
}

static void shoot(struct fixture *f, uint64_t from)
{
	shoot_with(f, from, NULL);
}

static const struct wl_cpu_counts *counts(const struct fixture *f, uint32_t cpu)
{
	return wl_snapshot_counts(f->snapshot, cpu);
}

static void put_at(struct fixture *f, uint32_t cpu, uint16_t id, uint64_t ts, uint64_t number)
{
	f->rings.clock = ts;
	assert_true(rings_put(&f->rings, cpu, id, number));
}

static const struct wl_record *first_of(const struct fixture *f, uint32_t cpu)
{
	size_t packet = 0;
	uint32_t at = 0;

	return stream_next(&f->file[cpu], &packet, &at);
}

static void test_nothing_recorded(void **state)
{
	struct fixture *f = *state;

	shoot(f, 5 * SECOND);
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		const struct wl_packet_header *h = stream_header(&f->file[cpu], 0);

		assert_int_equal(f->file[cpu].npackets, 1);
		assert_int_equal(h->timestamp_begin, 5 * SECOND);
		assert_int_equal(h->content_size, 84 * 8);
		assert_int_equal(counts(f, cpu)->packets, 0);
	}
}

static void test_everything(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 2000; i++)
		put_at(f, 0, i % 3 ? OTHER : WL_EVID_SCHED_SWITCH, SECOND + i, i);
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->read, 2000);
	assert_int_equal(counts(f, 0)->written, 2000);
	assert_int_equal(counts(f, 0)->begin, SECOND);
	assert_int_equal(f->file[0].npackets, counts(f, 0)->packets);
	assert_int_equal(wl_snapshot_begin(f->snapshot), SECOND);
	assert_int_equal(f->file[1].npackets, 1);
	assert_int_equal(counts(f, 1)->begin, SECOND);
}

static void test_many_laps(void **state)
{
	struct fixture *f = *state;
	uint64_t expected;

	for (uint64_t i = 0; i < 50000; i++)
		put_at(f, 1, WL_EVID_SCHED_SWITCH, SECOND + i, i);
	shoot(f, 0);
	assert_int_equal(counts(f, 1)->lost, 0);
	assert_int_equal(counts(f, 1)->left_out, 0);
	assert_in_range(f->file[1].npackets, RING / WL_PACKET - 1, RING / WL_PACKET);
	expected = 50000 - counts(f, 1)->read;
	assert_int_equal(rings_number(first_of(f, 1)), expected);
	assert_int_equal(counts(f, 1)->begin, SECOND + expected);
}

/* Positions begin again at 32 GiB, numbers of records at 2^32. */
static void test_position_wraps(void **state)
{
	struct fixture *f = *state;

	f->rings.writable[0]->head.word = 0xffffff00ull << 32 | (uint32_t)(0 - 2 * WL_PACKET_UNITS);
	for (uint64_t i = 0; i < 3000; i++)
		put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + i, i);
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->read, 3000);
	assert_int_equal(counts(f, 0)->written, 3000);
	assert_true(f->file[0].npackets > 3);
}

static void test_begins_with_the_first_record_if_it_is_a_switch(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	put_at(f, 0, OTHER, SECOND + 10, 2);
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + 30, 3);
	put_at(f, 0, OTHER, SECOND + 40, 4);
	shoot(f, SECOND + 20);
	assert_int_equal(counts(f, 0)->read, 2);
	assert_int_equal(counts(f, 0)->left_out, 2);
	assert_int_equal(rings_number(first_of(f, 0)), 3);
	/* nothing is missing since the window's begin */
	assert_int_equal(counts(f, 0)->begin, SECOND + 20);
	assert_int_equal(stream_header(&f->file[0], 0)->timestamp_begin, SECOND + 20);
}

static void test_begins_with_the_switch_before(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, OTHER, SECOND, 1);
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + 5, 2);
	put_at(f, 0, OTHER, SECOND + 10, 3);
	put_at(f, 0, OTHER, SECOND + 30, 4);
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + 40, 5);
	shoot(f, SECOND + 20);
	assert_int_equal(counts(f, 0)->read, 4);
	assert_int_equal(counts(f, 0)->left_out, 1);
	assert_int_equal(counts(f, 0)->begin, SECOND + 5);
	assert_int_equal(wl_snapshot_begin(f->snapshot), SECOND + 5);
	assert_int_equal(counts(f, 1)->begin, SECOND + 5);
}

static void test_begins_with_the_first_switch(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, OTHER, SECOND + 30, 1);
	put_at(f, 0, OTHER, SECOND + 40, 2);
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + 50, 3);
	shoot(f, SECOND + 20);
	assert_int_equal(counts(f, 0)->read, 1);
	assert_int_equal(counts(f, 0)->left_out, 2);
	assert_int_equal(counts(f, 0)->begin, SECOND + 50);
}

static void test_no_switch_at_all(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, OTHER, SECOND + 30, 1);
	shoot(f, SECOND + 20);
	assert_int_equal(counts(f, 0)->read, 0);
	assert_int_equal(f->file[0].npackets, 1);
	assert_int_equal(counts(f, 0)->begin, wl_snapshot_end(f->snapshot));
}

static void test_nothing_in_the_window(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	shoot(f, SECOND + 20);
	assert_int_equal(counts(f, 0)->read, 0);
	assert_int_equal(counts(f, 0)->begin, SECOND + 20);
}

/* Only what the window needs is copied, and the packet before it. */
static void test_switch_in_the_packet_before(void **state)
{
	struct fixture *f = *state;
	uint64_t ts = SECOND;

	for (int i = 0; i < 1000; i++)
		put_at(f, 0, WL_EVID_SCHED_SWITCH, ts++, 0);
	for (int i = 0; i < 2000; i++)
		put_at(f, 0, OTHER, ts++, 1);
	shoot(f, ts - 500);
	assert_int_equal(counts(f, 0)->read, 2001);
	assert_int_equal(counts(f, 0)->begin, SECOND + 999);
}

static void test_record_that_is_not_finished(void **state)
{
	struct fixture *f = *state;
	struct pending open[3];

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	for (int i = 0; i < 3; i++) {
		put_at(f, 0, OTHER, SECOND + 1, 2);
		/* 16, 24 and many bytes */
		assert_non_null(
			rings_reserve(&f->rings, 0, OTHER, i == 2 ? 500 : 16 + 8 * i, &open[i]));
	}
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND + 5, 3);
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->read, 5);
	assert_int_equal(counts(f, 0)->lost, 3);
	assert_int_equal(counts(f, 0)->holes, 3);
	assert_int_equal(f->file[0].npackets, 2);
	assert_int_equal(stream_header(&f->file[0], 0)->timestamp_end, SECOND);
	assert_int_equal(stream_header(&f->file[0], 1)->events_discarded, 3);
}

static void test_packet_that_is_not_finished(void **state)
{
	struct fixture *f = *state;
	struct pending open;
	uint64_t lost = 0, ts = SECOND;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, ts, 0);
	while (wl_word_position(f->rings.ring[0]->head.word) < WL_PACKET_UNITS - 70)
		put_at(f, 0, OTHER, ts++, 1);
	while (wl_word_position(f->rings.ring[0]->head.word) < 2 * WL_PACKET_UNITS - 10) {
		assert_non_null(rings_reserve(&f->rings, 0, OTHER, 510, &open));
		lost++;
	}
	put_at(f, 0, WL_EVID_SCHED_SWITCH, ts, 0);
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->lost, lost);
	assert_int_equal(counts(f, 0)->packets, 2);
	assert_int_equal(stream_header(&f->file[0], 0)->events_discarded, 0);
}

static void *commit_soon(void *pending)
{
	usleep(300);
	rings_commit(pending);
	return NULL;
}

static void test_waits_for_records(void **state)
{
	struct fixture *f = *state;
	struct pending open;
	pthread_t thread;
	void *payload;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	payload = rings_reserve(&f->rings, 0, OTHER, rings_record_size(OTHER), &open);
	assert_non_null(payload);
	rings_set_number(OTHER, payload, 2);
	put_at(f, 0, OTHER, SECOND, 3);
	assert_int_equal(pthread_create(&thread, NULL, commit_soon, &open), 0);
	shoot(f, 0);
	pthread_join(thread, NULL);
	/* the thread may have been held up for longer than we wait */
	assert_int_equal(counts(f, 0)->written, 3);
	assert_true(counts(f, 0)->lost <= 1);
	assert_int_equal(counts(f, 0)->holes, counts(f, 0)->lost);
}

static void test_late_records_are_left_out(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	put_at(f, 0, WL_EVID_SCHED_SWITCH, 1ull << 62, 2);
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->read, 1);
	assert_int_equal(counts(f, 0)->left_out, 1);
	assert_int_equal(counts(f, 0)->lost, 0);
}

static void test_refused_records_are_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t n = 0, ts = 1ull << 40;

	f->rings.clock = ts;
	for (; n < 20000; n++)
		assert_true(rings_switch(&f->rings, 0, n));
	f->rings.pin.from = ts;
	f->rings.pin.until = UINT64_MAX;
	while (rings_switch(&f->rings, 0, n))
		n++;
	for (int i = 0; i < 4; i++)
		assert_false(rings_switch(&f->rings, 0, n));
	f->rings.pin.until = 0;
	assert_true(rings_switch(&f->rings, 0, n));
	f->rings.clock = 0;
	shoot(f, 0);
	assert_int_equal(counts(f, 0)->refused, 5);
	assert_int_equal(counts(f, 0)->lost, 0);
}

static void overwrite(void *ctx)
{
	struct fixture *f = ctx;

	for (uint64_t i = 0; i < 2000; i++)
		rings_put(&f->rings, 0, WL_EVID_SCHED_SWITCH, 5000 + i);
}

/* The writers go on while the third packet is copied: it, and those before, can't be believed. */
static void test_overwritten_while_it_is_copied(void **state)
{
	struct fixture *f = *state;
	const struct wl_record *r;
	size_t packet = 0;
	uint64_t expected;
	uint32_t at = 0;

	f->rings.ignore_pin = true;
	for (uint64_t i = 0; i < 5000; i++)
		put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, i);
	/* 8 packets of 545 switches: the 10th is being written, the oldest is the 3rd */
	rings_trap(&f->rings, 0, 4 * WL_PACKET + WL_PACKET / 2, overwrite, f);
	shoot(f, 0);
	assert_true(rings_trapped());
	assert_int_equal(counts(f, 0)->lost, 0);
	assert_int_equal(counts(f, 0)->holes, 0);
	assert_in_range(counts(f, 0)->packets, 3, 5);
	expected = 5000 - counts(f, 0)->read;
	while ((r = stream_next(&f->file[0], &packet, &at)))
		assert_int_equal(rings_number(r), expected++);
}

static void test_pin(void **state)
{
	struct fixture *f = *state;
	struct wl_pin *pin = &f->rings.pin;

	wl_pin_arm(&f->rings.rings);
	assert_int_equal(pin->armed, 1);
	assert_int_equal(pin->until, 0);
	wl_snapshot_take(f->snapshot, 7);
	assert_int_equal(pin->armed, 0);
	assert_int_equal(pin->until, 0);
	assert_int_equal(pin->from, 7);
	*pin = (struct wl_pin){ .from = 20, .until = UINT64_MAX, .id = 5 };
	wl_snapshot_take(f->snapshot, 30); /* more is pinned already */
	assert_int_equal(pin->from, 20);
	assert_int_equal(pin->until, 0);
	assert_int_equal(pin->id, 0);
}

static void test_taken_again(void **state)
{
	struct fixture *f = *state;

	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	wl_snapshot_take(f->snapshot, 0);
	wl_snapshot_finish(f->snapshot);
	for (uint64_t i = 0; i < 5000; i++)
		put_at(f, 0, WL_EVID_SCHED_SWITCH, 2 * SECOND + i, i);
	shoot(f, 2 * SECOND + 4990);
	assert_int_equal(counts(f, 0)->read, 10);
	assert_int_equal(f->file[0].npackets, 1);
}

static void test_state_dump(void **state)
{
	static struct wl_ev_statedump_process processes[3000];
	static const struct wl_ev_statedump_fd fds[] = { { .pid = 5, .fd = 3, .filename = "/x" } };
	const struct wl_statedump dump = { processes, ARRAY_SIZE(processes), fds, 1 };
	struct fixture *f = *state;
	const struct wl_record *r;
	size_t packet = 0, n = 0;
	uint32_t at = 0;

	for (int i = 0; i < 3000; i++)
		processes[i] = (struct wl_ev_statedump_process){ .tid = i, .pid = i, .name = "x" };
	put_at(f, 0, WL_EVID_SCHED_SWITCH, SECOND, 1);
	shoot_with(f, 0, &dump);
	while ((r = stream_next(&f->file[0], &packet, &at)) && !wl_event_is_written(r->id)) {
		assert_int_equal(r->ts, SECOND);
		assert_int_equal(r->id, n == 0      ? WL_EVID_STATEDUMP_START
					: n <= 3000 ? WL_EVID_STATEDUMP_PROCESS
					: n == 3001 ? WL_EVID_STATEDUMP_FD
						    : WL_EVID_STATEDUMP_END);
		if (r->id == WL_EVID_STATEDUMP_PROCESS)
			assert_int_equal(
				((const struct wl_ev_statedump_process *)(const void *)(r + 1))->tid,
				n - 1);
		n++;
	}
	assert_int_equal(n, 3003);
	assert_int_equal(packet, f->file[0].npackets - 1); /* in packets of their own */
	assert_int_equal(counts(f, 0)->packets, 1);
}

static void test_files(void **state)
{
	struct fixture *f = *state;
	struct wl_metadata m;
	struct stat st;

	shoot(f, 0);
	assert_int_equal(fstatat(f->dir.fd, "kernel", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(f->dir.fd, "kernel/metadata", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* nothing is overwritten */
	metadata_example(&m, WL_SYSCALLS_NONE);
	assert_int_equal(wl_snapshot_write(f->snapshot, f->dir.fd, &m, NULL), -EEXIST);
	assert_int_equal(wl_snapshot_write(f->snapshot, -1, &m, NULL), -EBADF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nothing_recorded),
		TEST(test_everything),
		TEST(test_many_laps),
		TEST(test_position_wraps),
		TEST(test_begins_with_the_first_record_if_it_is_a_switch),
		TEST(test_begins_with_the_switch_before),
		TEST(test_begins_with_the_first_switch),
		TEST(test_no_switch_at_all),
		TEST(test_nothing_in_the_window),
		TEST(test_switch_in_the_packet_before),
		TEST(test_record_that_is_not_finished),
		TEST(test_packet_that_is_not_finished),
		TEST(test_waits_for_records),
		TEST(test_late_records_are_left_out),
		TEST(test_refused_records_are_counted),
		TEST(test_overwritten_while_it_is_copied),
		TEST(test_pin),
		TEST(test_taken_again),
		TEST(test_state_dump),
		TEST(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
