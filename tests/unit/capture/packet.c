/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/packet.h"

#include <stdlib.h>

#include "test.h"

#define BASE 0xffffe000u /* the last packet before the position wraps */

struct made {
	_Alignas(8) uint8_t data[WL_PACKET];
	uint32_t at; /* where the next record goes */
};

static void make(struct made *m)
{
	memset(m->data, 0xaa, sizeof(m->data)); /* a lap's leftovers */
	m->at = WL_PACKET_HEADER;
}

/* Leaves room for a record that is not committed. */
static void leave(struct made *m, uint32_t size)
{
	m->at += wl_record_room(size);
}

static struct wl_record *put(struct made *m, uint16_t id, uint32_t size, uint64_t ts)
{
	struct wl_record *r = (void *)(m->data + m->at);

	memset(r, (int)(ts & 0xff), wl_record_room(size));
	r->ts = ts;
	r->id = id;
	r->size = (uint16_t)size;
	r->check = BASE + m->at / 8;
	m->at += wl_record_room(size);
	return r;
}

static struct wl_packet_walk walk(const struct made *m)
{
	return (struct wl_packet_walk){
		.data = m->data, .base = BASE, .limit = m->at, .at = WL_PACKET_HEADER
	};
}

static struct wl_packet_repair repair(struct made *m, uint64_t from, uint64_t until)
{
	struct wl_packet_repair r = { .base = BASE, .limit = m->at, .from = from, .until = until };

	wl_packet_repair(m->data, &r);
	return r;
}

static void test_walks_whole_packets(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_walk w;
	uint64_t ts = 100;

	make(m);
	while (m->at + 64 <= WL_PACKET)
		put(m, WL_EVID_SCHED_WAKING, 16 + (ts % 48), ts), ts++;
	w = walk(m);
	for (uint64_t expected = 100; expected < ts; expected++) {
		const struct wl_record *r = wl_packet_walk_next(&w);

		assert_non_null(r);
		assert_int_equal(r->ts, expected);
		assert_int_equal(w.hole_size, 0);
	}
	assert_null(wl_packet_walk_next(&w));
	assert_int_equal(w.hole_size, 0);
	test_free(m);
}

/* Each makes one record invalid in its own way. */
static void spoil_check(struct wl_record *r)
{
	r->check ^= 1u << 31;
}

static void spoil_small(struct wl_record *r)
{
	r->size = 15;
}

static void spoil_large(struct wl_record *r)
{
	r->size = WL_RECORD_MAX + 1;
}

static void spoil_id(struct wl_record *r)
{
	r->id = 0;
}

static void spoil_filler(struct wl_record *r)
{
	r->id = WL_EVID_FILLER;
}

static void spoil_synthetic(struct wl_record *r)
{
	r->id = WL_EVID_STATEDUMP_FD;
}

static void spoil_call(struct wl_record *r)
{
	r->id = WL_EV_MAX;
}

static void spoil_time(struct wl_record *r)
{
	r->ts = 9;
}

static void test_skips_what_is_no_record(void **state)
{
	static void (*const spoil[])(
		struct wl_record *) = { spoil_check,  spoil_small,     spoil_large, spoil_id,
					spoil_filler, spoil_synthetic, spoil_call,  spoil_time };
	struct made *m = test_malloc(sizeof(*m));

	for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
		struct wl_packet_walk w;
		uint32_t hole;

		make(m);
		put(m, WL_EVID_NMI, 28, 10);
		hole = m->at;
		spoil[i](put(m, WL_EVID_NMI, 28, 11));
		put(m, WL_EVID_NMI, 28, 12);
		w = walk(m);
		assert_int_equal(wl_packet_walk_next(&w)->ts, 10);
		assert_int_equal(wl_packet_walk_next(&w)->ts, 12);
		assert_int_equal(w.hole, hole);
		assert_int_equal(w.hole_size, 32);
		assert_null(wl_packet_walk_next(&w));
	}
	test_free(m);
}

static void test_no_record_passes_the_limit(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_walk w;

	make(m);
	put(m, WL_EVID_NMI, 40, 10);
	w = walk(m);
	w.limit -= 8;
	assert_null(wl_packet_walk_next(&w));
	assert_int_equal(w.hole, WL_PACKET_HEADER);
	assert_int_equal(w.hole_size, 32);
	test_free(m);
}

/* What a reader of the file sees: whole records only, as long as the content. */
static uint32_t count_whole(const struct made *m, uint32_t content, uint32_t *fillers)
{
	uint32_t n = 0, at = WL_PACKET_HEADER;
	uint64_t last = 0;

	for (*fillers = 0; at < content;) {
		const struct wl_record *r = (const void *)(m->data + at);
		uint32_t length;

		assert_int_equal(r->check, BASE + at / 8);
		assert_in_range(r->size, 16, WL_RECORD_MAX);
		assert_true(r->ts >= last);
		last = r->ts;
		if (r->id == WL_EVID_FILLER) {
			memcpy(&length, r + 1, sizeof(length));
			assert_int_equal(length, r->size - 20);
			assert_int_equal(r->size % 8, 0);
		} else if (r->id == WL_EVID_GAP) {
			assert_int_equal(r->size, 16);
		}
		*fillers += wl_event_is_filler(r->id);
		n += !wl_event_is_filler(r->id);
		if (at + r->size == content)
			return n;
		at += wl_record_room(r->size);
	}
	assert_int_equal(at, content);
	return n;
}

static void test_covers_holes_of_any_size(void **state)
{
	struct made *m = test_malloc(sizeof(*m));

	for (uint32_t size = 16; size < 5000; size += 8) {
		struct wl_packet_repair r;
		uint32_t fillers;

		make(m);
		put(m, WL_EVID_NMI, 28, 10);
		leave(m, size);
		put(m, WL_EVID_NMI, 28, 12);
		r = repair(m, 0, UINT64_MAX);
		assert_int_equal(r.records, 2);
		assert_int_equal(r.holes, 1);
		assert_int_equal(r.content, WL_PACKET_HEADER + 32 + size + 28);
		assert_int_equal(count_whole(m, r.content, &fillers), 2);
		assert_int_equal(fillers, (size + WL_RECORD_MAX - 1) / WL_RECORD_MAX);
	}
	test_free(m);
}

static void test_hole_at_the_begin_has_the_next_time(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_repair r;
	uint32_t fillers;

	make(m);
	leave(m, 16);
	put(m, WL_EVID_NMI, 28, 12);
	r = repair(m, 0, UINT64_MAX);
	assert_int_equal(count_whole(m, r.content, &fillers), 1);
	assert_int_equal(fillers, 1);
	assert_int_equal(wl_packet_first_time(m->data), 12);
	assert_int_equal(r.first, 12);
	test_free(m);
}

static void test_hole_at_the_end_is_cut_off(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_repair r;

	make(m);
	put(m, WL_EVID_NMI, 28, 10);
	leave(m, 100);
	r = repair(m, 0, UINT64_MAX);
	assert_int_equal(r.records, 1);
	assert_int_equal(r.holes, 1);
	assert_int_equal(r.content, WL_PACKET_HEADER + 28);
	for (uint32_t at = r.content; at < WL_PACKET; at++)
		assert_int_equal(m->data[at], 0);
	test_free(m);
}

static void test_packet_without_records(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_repair r;

	make(m);
	leave(m, 100);
	r = repair(m, 0, UINT64_MAX);
	assert_int_equal(r.records, 0);
	assert_int_equal(r.content, WL_PACKET_HEADER);
	assert_int_equal(r.last, 0);
	test_free(m);
}

static void test_window_and_switches(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_repair r;

	make(m);
	put(m, WL_EVID_NMI, 28, 10);
	put(m, WL_EVID_SCHED_SWITCH, 150, 11);
	put(m, WL_EVID_SCHED_SWITCH, 150, 12); /* 88 + 32 + 152 */
	put(m, WL_EVID_NMI, 28, 13);           /* + 152 */
	put(m, WL_EVID_NMI, 28, 14);
	put(m, WL_EVID_SCHED_SWITCH, 150, 15); /* + 64 */
	put(m, WL_EVID_SCHED_SWITCH, 150, 16);
	put(m, WL_EVID_NMI, 28, 17);
	r = repair(m, 13, 16);
	assert_int_equal(r.records, 7);
	assert_int_equal(r.late, 1);
	assert_int_equal(r.first, 10);
	assert_int_equal(r.last, 16);
	assert_int_equal(r.before, 88 + 32 + 152);
	assert_int_equal(r.before_records, 2);
	assert_int_equal(r.window, 88 + 32 + 304);
	assert_int_equal(r.after, 88 + 32 + 304 + 64);
	assert_int_equal(r.after_records, 5);
	test_free(m);
}

static void test_cut_moves_records(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	struct wl_packet_repair r;
	uint32_t content, fillers;

	make(m);
	put(m, WL_EVID_NMI, 28, 10);
	put(m, WL_EVID_SCHED_SWITCH, 150, 11);
	leave(m, 64);
	put(m, WL_EVID_NMI, 28, 12);
	r = repair(m, 11, UINT64_MAX);
	content = wl_packet_cut(m->data, BASE, r.after, r.content);
	assert_int_equal(content, WL_PACKET_HEADER + 152 + 64 + 28);
	assert_int_equal(count_whole(m, content, &fillers), 2);
	assert_int_equal(fillers, 1);
	assert_int_equal(wl_packet_first_time(m->data), 11);
	for (uint32_t at = content; at < WL_PACKET; at++)
		assert_int_equal(m->data[at], 0);
	assert_int_equal(wl_packet_cut(m->data, BASE, WL_PACKET_HEADER, content), content);
	test_free(m);
}

/* Whatever lies in memory: a repaired packet can be read, and no record is made up. */
static void test_any_bytes(void **state)
{
	struct made *m = test_malloc(sizeof(*m));
	uint64_t seed = 0x9e3779b97f4a7c15;

	for (int round = 0; round < 200; round++) {
		uint32_t whole = 0, fillers;
		struct wl_packet_repair r;

		make(m);
		for (uint64_t ts = 1; m->at + WL_RECORD_MAX <= WL_PACKET; ts++) {
			uint32_t size = 16 + test_random(&seed) % (WL_RECORD_MAX - 15);
			struct wl_record *record = put(m, WL_EVID_NMI, size, ts);
			uint32_t spoiled = test_random(&seed) % 4;

			whole += spoiled != 0;
			if (!spoiled)
				record->check += 1 + test_random(&seed) % 3;
		}
		r = repair(m, 0, UINT64_MAX);
		assert_int_equal(r.records, whole);
		assert_int_equal(count_whole(m, r.content, &fillers), whole);
	}
	test_free(m);
}

static void test_marks(void **state)
{
	struct wl_packet_mark mark = { .word = 7ull << 32 | (BASE - 3) };

	assert_false(wl_packet_mark_valid(&mark, BASE));
	mark.seal = ~mark.word;
	assert_true(wl_packet_mark_valid(&mark, BASE));
	assert_false(wl_packet_mark_valid(&mark, BASE + WL_PACKET_UNITS));
	assert_false(wl_packet_mark_valid(&mark, BASE - WL_PACKET_UNITS));
	mark = (struct wl_packet_mark){ .word = 0, .seal = ~0ull };
	assert_true(wl_packet_mark_valid(&mark, 0));
	assert_int_equal(wl_word_count(7ull << 32 | 3), 7);
	assert_int_equal(wl_word_position(7ull << 32 | 3), 3);
}

static void test_gap_is_nobodys_number(void **state)
{
	assert_false(wl_event_is_written(WL_EVID_GAP));
	assert_false(wl_event_is_written(WL_EVID_FILLER));
	assert_true(wl_event_is_written(WL_EVID_SCHED_SWITCH));
	assert_true(wl_event_is_written(WL_EV_SYSCALL_ENTRY));
	assert_true(wl_event_is_written(WL_EV_MAX - 1));
	assert_false(wl_event_is_written(WL_EV_MAX));
	assert_false(wl_event_is_written(WL_EV_SYSCALLS - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks_whole_packets),
		cmocka_unit_test(test_skips_what_is_no_record),
		cmocka_unit_test(test_no_record_passes_the_limit),
		cmocka_unit_test(test_covers_holes_of_any_size),
		cmocka_unit_test(test_hole_at_the_begin_has_the_next_time),
		cmocka_unit_test(test_hole_at_the_end_is_cut_off),
		cmocka_unit_test(test_packet_without_records),
		cmocka_unit_test(test_window_and_switches),
		cmocka_unit_test(test_cut_moves_records),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_marks),
		cmocka_unit_test(test_gap_is_nobodys_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
