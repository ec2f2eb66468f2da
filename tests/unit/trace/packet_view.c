/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdlib.h>

#include "abi/event.h"
#include "trace/maker.h"
#include "trace/packet_view.h"

#define FIRST 1000000ull /* time of the first record */
#define STEP 1000ull
#define RECORDS_MAX 4096

/* A packet, what was put into it, and what is read from it. */
struct fixture {
	struct maker_packet made;
	unsigned n;
	unsigned offset[RECORDS_MAX];
	uint64_t bytes[WL_PACKET / 8]; /* of the made one, then damaged */
	struct wl_packet_view view;
	struct wl_packet_rules rules;
	uint64_t described[WL_EV_MAX / 64];
	uint16_t sizes[WL_EV_MAX];
};

static struct fixture *fixture_new(unsigned n)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char payload[112];
	uint16_t id;

	assert_non_null(f);
	maker_begin(&f->made, 1, 5);
	for (; f->n < n; f->n++) {
		unsigned size = maker_record(f->n, 1, &id, payload);

		if (!maker_fits(&f->made, size))
			break;
		f->offset[f->n] = maker_add(&f->made, FIRST + f->n * STEP, id, payload, size);
	}
	maker_end(&f->made);
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	f->rules.uuid = maker_uuid;
	f->rules.described = f->described;
	f->rules.sizes = f->sizes;
	memset(f->sizes, 0xff, sizeof(f->sizes));
	return f;
}

static void view(struct fixture *f, size_t len)
{
	if (len < WL_PACKET)
		memset((char *)f->bytes + len, 0, WL_PACKET - len);
	wl_packet_view_read(f->bytes, len, &f->rules, 0, &f->view);
}

static uint64_t ts_at(const struct fixture *f, unsigned i)
{
	uint64_t ts;

	memcpy(&ts, (const char *)f->bytes + (f->view.index[i] & ~7u), sizeof(ts));
	return ts;
}

/* What is shown are records that were made, in order, with a mark where one is missing. */
static unsigned check_index(const struct fixture *f)
{
	unsigned made = 0, missing = 0;

	for (unsigned i = 0; i < f->view.n; i++) {
		unsigned offset = f->view.index[i] & ~7u, left_out = 0;

		for (; made < f->n && f->offset[made] != offset; made++)
			left_out++;
		assert_true(made < f->n);
		made++;
		missing += left_out;
		assert_int_equal(f->view.index[i] & 7, left_out ? WL_PACKET_GAP : 0);
		if (i)
			assert_true(ts_at(f, i) >= ts_at(f, i - 1));
	}
	return missing + f->n - made;
}

static void expect_clean(const struct fixture *f)
{
	assert_int_equal(f->view.header.bad, 0);
	assert_int_equal(f->view.damaged, 0);
	assert_int_equal(f->view.disordered, 0);
	assert_int_equal(f->view.unknown, 0);
	assert_false(f->view.short_read);
	assert_false(f->view.gap_behind);
}

static void test_whole(void **state)
{
	static const unsigned counts[] = { 0, 1, 2, 50, RECORDS_MAX };

	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		struct fixture *f = fixture_new(counts[i]);

		view(f, WL_PACKET);
		expect_clean(f);
		assert_int_equal(f->view.n, f->n);
		assert_int_equal(check_index(f), 0);
		assert_int_equal(f->view.header.seq, 5);
		assert_int_equal(f->view.header.cpu, 1);
		assert_int_equal(f->view.last, f->n ? FIRST + (f->n - 1) * STEP : 0);
		free(f);
	}
}

/* Records that came after the snapshot lie behind the content, whole and valid. */
static void test_behind_content(void **state)
{
	struct fixture *f = fixture_new(50);

	maker_set64(f->bytes, 40, FIRST + 29 * STEP);
	maker_set64(f->bytes, 48, (f->offset[29] + 16 + 16) * 8ull); /* record 29: exit of read() */
	f->n = 30;
	view(f, WL_PACKET);
	expect_clean(f);
	assert_int_equal(f->view.n, 30);
	assert_int_equal(check_index(f), 0);
	free(f);
}

/* Cut at every byte: all records that are whole are there. */
static void test_truncated(void **state)
{
	struct fixture *f = fixture_new(60);

	for (unsigned len = WL_PACKET_HEADER_USED; len < f->made.content; len++) {
		unsigned whole = 0;

		memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
		view(f, len);
		while (whole < f->n &&
		       (whole + 1 == f->n ? f->made.content : f->offset[whole + 1]) <= len)
			whole++;
		/* The end of a record is not at a multiple of 8, the next one's begin is. */
		assert_in_range(f->view.n, whole, whole + 1);
		assert_int_equal(check_index(f), f->n - f->view.n);
		assert_true(f->view.short_read);
		assert_true(f->view.gap_behind);
	}
	free(f);
}

static bool is_end(const struct fixture *f, unsigned content)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->offset[i] + maker_record(i, 1, &(uint16_t){ 0 }, (char[112]){ 0 }) + 16 ==
		    content)
			return true;
	return content <= WL_PACKET_HEADER;
}

/* Which part of the record that this byte is in; -1: of the packet's header. */
static int part_of(const struct fixture *f, unsigned byte)
{
	unsigned i = f->n;

	while (i && byte < f->offset[i - 1])
		i--;
	return i ? (int)(byte - f->offset[i - 1]) : -1;
}

/*
 * Every bit of a packet, one at a time. At most the record that it is in is left out; of the rest
 * nothing, and nothing that was no record is shown.
 */
static void test_flips(void **state)
{
	struct fixture *f = fixture_new(40);

	for (unsigned bit = 0; bit < f->made.content * 8; bit++) {
		unsigned missing;
		int part;

		memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
		((unsigned char *)f->bytes)[bit / 8] ^= (unsigned char)(1u << bit % 8);
		view(f, WL_PACKET);
		part = part_of(f, bit / 8);
		missing = check_index(f);
		/* The last record and the header's end may contradict each other. */
		if (missing > (part < 0 && (bit / 8 < 40 || bit / 8 >= 48) ? 0 : 1))
			fail_msg("bit %u: %u records missing", bit, missing);
		if (missing)
			assert_true(f->view.damaged || f->view.disordered || f->view.unknown);
		if (part >= 10 && part < 16) /* size, check */
			assert_true(f->view.damaged || part < 12);
		if (part >= 16 || (part < 0 && (bit / 8 < 48 || bit / 8 >= 56)))
			assert_int_equal(f->view.damaged + f->view.disordered, missing);
		if (part < 0 && bit / 8 >= 48 && bit / 8 < 56)
			assert_true(f->view.header.bad & WL_PACKET_BAD_CONTENT ||
				    f->view.header.content > f->made.content ||
				    is_end(f, (unsigned)f->view.header.content));
	}
	free(f);
}

/* Many bits: still nothing that was no record, in order. */
static void test_many_flips(void **state)
{
	struct fixture *f = fixture_new(RECORDS_MAX);
	uint64_t seed = 99;

	for (unsigned round = 0; round < 300; round++) {
		unsigned flips = 1 + test_random(&seed) % 200;

		memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
		for (unsigned i = 0; i < flips; i++) {
			uint64_t bit = test_random(&seed) % (WL_PACKET * 8);

			((unsigned char *)f->bytes)[bit / 8] ^= (unsigned char)(1u << bit % 8);
		}
		view(f, WL_PACKET);
		assert_in_range(check_index(f), 0, flips);
	}
	free(f);
}

/* Anything at all. */
static void test_rubbish(void **state)
{
	struct fixture *f = fixture_new(0);
	uint64_t seed = 4;

	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < WL_PACKET / 8; i++)
			f->bytes[i] = round % 2 ? test_random(&seed) : test_random(&seed) % 3;
		view(f, WL_PACKET);
		assert_int_equal(f->view.n, 0);
		assert_int_not_equal(f->view.header.bad, 0);
	}
	free(f);
}

/* A span of zeros, as a file system leaves after a crash. */
static void test_zeros(void **state)
{
	struct fixture *f = fixture_new(400);
	unsigned from = f->offset[100] + 4, to = f->offset[149] + 20;

	memset((char *)f->bytes + from, 0, to - from);
	view(f, WL_PACKET);
	assert_int_equal(check_index(f), 50);
	assert_int_equal(f->view.damaged, 1);
	assert_int_equal(f->view.damaged_at, f->offset[100]);
	assert_int_equal(f->view.damaged_bytes, f->offset[150] - f->offset[100]);
	/* The packet's begin, with the first record. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	memset(f->bytes, 0, f->offset[3]);
	view(f, WL_PACKET);
	assert_int_equal(check_index(f), 3);
	free(f);
}

static void test_times(void **state)
{
	struct fixture *f = fixture_new(20);

	/* Jumps forward inside the packet's time, and back. */
	maker_set64(f->bytes, f->offset[4], FIRST + 9 * STEP);
	maker_set64(f->bytes, f->offset[15], FIRST + 3 * STEP);
	view(f, WL_PACKET);
	assert_int_equal(f->view.disordered, 2);
	assert_int_equal(check_index(f), 2);
	/* The header's times are wrong, not every record's. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	maker_set64(f->bytes, 40, FIRST - 5);
	view(f, WL_PACKET);
	assert_int_equal(f->view.header.bad, WL_PACKET_BAD_TIMES);
	assert_int_equal(check_index(f), 0);
	/* A whole packet from before. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	wl_packet_view_read(f->bytes, WL_PACKET, &f->rules, FIRST + 100 * STEP, &f->view);
	assert_int_equal(f->view.n, 0);
	assert_int_equal(f->view.disordered, 20);
	assert_int_equal(f->view.last, FIRST + 100 * STEP);
	/* Back by the least there is. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	maker_set64(f->bytes, f->offset[5], FIRST + 4 * STEP - 1);
	view(f, WL_PACKET);
	assert_int_equal(f->view.disordered, 1);
	/* Equal ones are in order. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	maker_set64(f->bytes, f->offset[5], FIRST + 4 * STEP);
	view(f, WL_PACKET);
	expect_clean(f);
	free(f);
}

/* The last record's time is behind the packet's: it would make all that follow it look late. */
static void test_last_time(void **state)
{
	struct fixture *f = fixture_new(20);

	maker_set64(f->bytes, f->offset[19], FIRST + (1ull << 40));
	view(f, WL_PACKET);
	assert_int_equal(f->view.n, 19);
	assert_int_equal(f->view.disordered, 1);
	assert_true(f->view.gap_behind);
	assert_int_equal(f->view.header.bad, 0);
	assert_int_equal(f->view.last, FIRST + 18 * STEP);
	/* Two of them bear each other out: the header is wrong. */
	maker_set64(f->bytes, f->offset[18], FIRST + (1ull << 40) - 1);
	view(f, WL_PACKET);
	assert_int_equal(f->view.n, 20);
	assert_int_equal(f->view.disordered, 0);
	assert_int_equal(f->view.header.bad, WL_PACKET_BAD_TIMES);
	/* It is earlier than the one before. */
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	maker_set64(f->bytes, f->offset[19], FIRST + 15 * STEP - 1);
	view(f, WL_PACKET);
	assert_int_equal(f->view.n, 19);
	assert_int_equal(f->view.disordered, 1);
	assert_true(f->view.gap_behind);
	free(f);
}

/* Equal time stamps stay in a packet that has a fault elsewhere. */
static void test_equal_times(void **state)
{
	struct fixture *f = fixture_new(20);

	for (unsigned i = 5; i < 15; i++)
		maker_set64(f->bytes, f->offset[i], FIRST + 7 * STEP);
	maker_set32(f->bytes, f->offset[2] + 12, 0);
	view(f, WL_PACKET);
	assert_int_equal(f->view.n, 19);
	assert_int_equal(f->view.disordered, 0);
	assert_int_equal(f->view.damaged, 1);
	free(f);
}

static void add(struct fixture *f, uint16_t id, unsigned size)
{
	char payload[512] = "";

	f->offset[f->n] = maker_add(&f->made, FIRST + f->n * STEP, id, payload, size);
	f->n++;
}

static void finish(struct fixture *f)
{
	maker_end(&f->made);
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	view(f, WL_PACKET);
}

/* Fillers and events of a newer writer are stepped over. */
static void test_ids(void **state)
{
	struct fixture *f = fixture_new(5);

	add(f, 60, 4 + 100);
	add(f, WL_EVID_SOFTIRQ_RAISE, 8);
	add(f, 37, 0);
	finish(f);
	assert_true(f->view.gap_behind);
	add(f, WL_EVID_SOFTIRQ_RAISE, 8);
	finish(f);
	assert_false(f->view.gap_behind);
	assert_int_equal(f->view.n, 7);
	assert_int_equal(f->view.fillers, 2);
	assert_int_equal(check_index(f), 2);
	assert_int_equal(f->view.header.bad | f->view.damaged | f->view.unknown, 0);

	add(f, 70, 24);
	add(f, WL_EVID_SOFTIRQ_RAISE, 8);
	f->described[70 / 64] |= 1ull << 70 % 64;
	finish(f);
	assert_int_equal(f->view.n, 8);
	assert_int_equal(f->view.unknown, 1);
	assert_int_equal(f->view.first_unknown, 70);
	assert_int_equal(f->view.damaged, 0);
	assert_int_equal(f->view.index[7], f->offset[10]);
	f->described[70 / 64] = 0;
	finish(f);
	assert_int_equal(f->view.n, 8);
	assert_int_equal(f->view.unknown, 0);
	assert_int_equal(f->view.damaged, 1);
	assert_int_equal(f->view.index[7], f->offset[10] | WL_PACKET_GAP);
	f->rules.described = NULL;
	finish(f);
	assert_int_equal(f->view.n, 8);
	assert_int_equal(f->view.unknown, 1);
	assert_int_equal(f->view.index[7], f->offset[10] | WL_PACKET_GAP);
	free(f);
}

/* Shorter and longer records than ours: another version wrote them. */
static void test_sizes(void **state)
{
	struct fixture *f = fixture_new(3);

	add(f, WL_EVID_SCHED_SWITCH, 56);
	add(f, WL_EVID_SCHED_SWITCH, 200);
	add(f, WL_EVID_SCHED_WAKING, 0);
	add(f, WL_EVID_SOFTIRQ_RAISE, 496);
	add(f, WL_EV_COMPAT_EXIT + 1023, 8);
	finish(f);
	expect_clean(f);
	assert_int_equal(f->view.n, 8);
	assert_int_equal(check_index(f), 0);
	free(f);
}

static void test_header(void **state)
{
	static const struct {
		unsigned offset, bad;
	} cases[] = {
		{ 0, WL_PACKET_BAD_MAGIC },    { 4, WL_PACKET_BAD_UUID },
		{ 20, WL_PACKET_BAD_STREAM },  { 24, WL_PACKET_BAD_STREAM },
		{ 48, WL_PACKET_BAD_CONTENT }, { 56, WL_PACKET_BAD_SIZE },
		{ 80, WL_PACKET_BAD_STREAM },
	};
	struct fixture *f = fixture_new(30);

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
		maker_set32(f->bytes, cases[i].offset, 0xdeadbeef);
		view(f, WL_PACKET);
		assert_int_equal(f->view.header.bad, cases[i].bad);
		assert_int_equal(f->view.n, 30);
		assert_int_equal(check_index(f), 0);
		assert_int_equal(f->view.damaged, 0);
	}
	f->rules.uuid = NULL;
	memcpy(f->bytes, f->made.bytes, sizeof(f->bytes));
	maker_set32(f->bytes, 4, 1);
	view(f, WL_PACKET);
	assert_int_equal(f->view.header.bad, 0);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),       cmocka_unit_test(test_behind_content),
		cmocka_unit_test(test_truncated),   cmocka_unit_test(test_flips),
		cmocka_unit_test(test_many_flips),  cmocka_unit_test(test_rubbish),
		cmocka_unit_test(test_zeros),       cmocka_unit_test(test_times),
		cmocka_unit_test(test_ids),         cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_header),      cmocka_unit_test(test_last_time),
		cmocka_unit_test(test_equal_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
