/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "../test.h"

#include <stdbool.h>

#include "chain/chain.h"

static uint64_t sum_between(const struct wl_path *p, uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	for (uint32_t i = from; i < to; i++)
		sum += p->seg[i].ns;
	return sum;
}

static void assert_sums(const struct wl_path *p)
{
	assert_true(p->h.nseg <= WL_PATH_SEGS);
	assert_int_equal(sum_between(p, 0, p->h.nseg), p->h.last - p->h.start);
	for (uint32_t i = 0; i < p->h.nseg; i++) {
		assert_true(p->seg[i].ns > 0);
		assert_true(p->seg[i].kind > WL_SEG_NONE && p->seg[i].kind < WL_SEG_MAX);
	}
}

static void test_close(void **state)
{
	struct wl_who who = { .tid = 7, .ctx = WL_WHO_TASK };
	struct wl_path p;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 1000, 3, WL_STIM_IRQ, 36, WL_SEG_IRQ);
	assert_true(p.h.id != 0);
	wl_path_close(&p, 1000, 3, NULL); /* no time, no segment */
	assert_int_equal(p.h.nseg, 0);
	wl_path_close(&p, 1010, 3, NULL);
	p.h.state = WL_SEG_WAKEUP;
	wl_path_close(&p, 1005, 2, &who); /* an older time stamp of another CPU */
	assert_int_equal(p.h.last, 1010);
	wl_path_close(&p, 1030, 2, &who);
	assert_int_equal(p.h.nseg, 2);
	assert_int_equal(p.seg[1].ns, 20);
	assert_int_equal(p.seg[1].cpu, 2);
	assert_int_equal(p.seg[1].who.tid, 7);
	assert_sums(&p);
}

static void test_merge(void **state)
{
	struct wl_path p;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 36, WL_SEG_RUNNING);
	for (int i = 0; i < 50; i++) {
		wl_path_merge(&p, WL_SEG_RUNNING, 10, 0, NULL);
		wl_path_merge(&p, WL_SEG_INTERRUPTED, 1, 0, NULL);
	}
	assert_int_equal(p.h.nseg, 2);
	assert_int_equal(p.seg[0].ns, 500);
	assert_int_equal(p.seg[1].ns, 50);
	/* neither over a switch nor over a send */
	p.h.period_seg = p.h.nseg;
	wl_path_merge(&p, WL_SEG_RUNNING, 10, 0, NULL);
	assert_int_equal(p.h.nseg, 3);
	p.h.sent_seg = p.h.nseg;
	wl_path_merge(&p, WL_SEG_RUNNING, 10, 0, NULL);
	wl_path_merge(&p, WL_SEG_RUNNING, 10, 0, NULL);
	assert_int_equal(p.h.nseg, 4);
	wl_path_merge(&p, WL_SEG_STEAL, 0, 0, NULL);
	assert_int_equal(p.h.nseg, 4);
}

static void test_copy_left(void **state)
{
	struct wl_path p, q;

	memset(&p, 0, sizeof(p));
	memset(&q, 0xff, sizeof(q));
	wl_path_begin(&p, 100, 1, WL_STIM_IRQ, 36, WL_SEG_RUNNING);
	wl_path_close(&p, 200, 1, NULL);
	p.h.left = 200;
	p.h.left_seg = 1;
	p.h.left_kind = WL_STIM_SOFTIRQ;
	p.h.left_nr = WL_SOFTIRQ_NET_RX;
	p.h.state = WL_SEG_SOFTIRQ_DELAY;
	wl_path_close(&p, 230, 1, NULL);
	p.h.state = WL_SEG_SOFTIRQ;
	wl_path_close(&p, 250, 1, NULL);
	wl_path_copy_left(&q, &p);
	assert_int_equal(q.h.start, 200);
	assert_int_equal(q.h.stim_kind, WL_STIM_SOFTIRQ);
	assert_int_equal(q.h.stim_nr, WL_SOFTIRQ_NET_RX);
	assert_int_equal(q.h.owner, 0);
	assert_int_equal(q.h.nseg, 2);
	assert_sums(&q);
}

/* Cut exactly, too, when nothing followed. */
static void test_copy_left_empty(void **state)
{
	struct wl_path p, q;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 100, 1, WL_STIM_IRQ, 36, WL_SEG_RUNNING);
	wl_path_close(&p, 200, 1, NULL);
	p.h.left = 200;
	p.h.left_seg = 1;
	p.h.left_kind = WL_STIM_SOFTIRQ;
	wl_path_copy_left(&q, &p);
	assert_int_equal(q.h.nseg, 0);
	assert_sums(&q);
}

/* Random paths with both marks: the cuts stay exact to the nanosecond. */
static void test_fold_random(void **state)
{
	uint64_t random = 42;

	for (int round = 0; round < 20000; round++) {
		uint64_t left = 0, sent = 0, start = 1000;
		uint32_t n = 5 + test_random(&random) % 60;
		uint32_t left_at = test_random(&random) % n,
			 sent_at = left_at + test_random(&random) % n;
		uint32_t kinds = 1 + test_random(&random) % 21;
		struct wl_path p;

		memset(&p, 0, sizeof(p));
		wl_path_begin(&p, start, 0, WL_STIM_IRQ, 1, WL_SEG_IRQ);
		for (uint32_t i = 0; i < n; i++) {
			if (i == left_at) {
				left = p.h.last;
				p.h.left_seg = p.h.nseg;
			}
			if (i == sent_at) {
				sent = p.h.last;
				p.h.sent_seg = p.h.nseg;
			}
			p.h.state = (uint8_t)(1 + test_random(&random) % kinds);
			wl_path_close(&p, p.h.last + 1 + test_random(&random) % 1000, i % 4, NULL);
			assert_sums(&p);
		}
		assert_int_equal(sum_between(&p, 0, p.h.left_seg), left ? left - start : 0);
		assert_int_equal(sum_between(&p, 0, p.h.sent_seg), sent ? sent - start : 0);
	}
}

/* What matters for the verdict survives: the largest segment, with its kind, culprit and CPU. */
static void test_fold_largest(void **state)
{
	uint64_t random = 7;

	for (int round = 0; round < 5000; round++) {
		uint32_t n = 20 + test_random(&random) % 40, big = test_random(&random) % n;
		struct wl_path p;
		bool found = false;

		memset(&p, 0, sizeof(p));
		wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 1, WL_SEG_IRQ);
		for (uint32_t i = 0; i < n; i++) {
			struct wl_who who = { .tid = i + 1 };

			p.h.state = (uint8_t)(i % 3 ? WL_SEG_RUNNING : WL_SEG_WAKEUP);
			wl_path_close(&p, p.h.last + (i == big ? 1000000 : 1 + i % 7), i, &who);
		}
		for (uint32_t i = 0; i < p.h.nseg; i++) {
			if (p.seg[i].ns < 1000000)
				continue;
			found = true;
			assert_int_equal(p.seg[i].kind, big % 3 ? WL_SEG_RUNNING : WL_SEG_WAKEUP);
			assert_int_equal(p.seg[i].who.tid, big + 1);
			assert_int_equal(p.seg[i].cpu, big); /* "waited for cpu N, held by" */
		}
		assert_true(found);
	}
}

/* The only one with a twin is the large one: it takes the place of the small one, CPU and all. */
static void test_fold_into_smaller(void **state)
{
	static const uint8_t kinds[WL_PATH_SEGS + 1] = { 8,  1,  2,  3,  4,  5,  6, 7, 9,
							 10, 11, 12, 13, 14, 15, 8, 9 };
	struct wl_path p;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 1, WL_SEG_IRQ);
	for (uint32_t i = 0; i <= WL_PATH_SEGS; i++) {
		struct wl_who who = { .tid = i + 1 };

		p.h.state = kinds[i];
		wl_path_close(&p, p.h.last + (i == 15 ? 1000000 : 1), i, &who);
	}
	assert_int_equal(p.seg[0].ns, 1000001);
	assert_int_equal(p.seg[0].who.tid, 16);
	assert_int_equal(p.seg[0].cpu, 15); /* "waited for cpu N, held by" */
	assert_sums(&p);
}

/* The counter of folded segments counts up to its end; pieces add up. */
static void test_fold_counts(void **state)
{
	struct wl_path p;
	uint32_t pieces = 0;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 1, WL_SEG_IRQ);
	for (int i = 0; i < 400; i++) {
		p.h.state = (uint8_t)(i % 2 ? WL_SEG_RUNNING : WL_SEG_PREEMPTED);
		wl_path_close(&p, p.h.last + 5, 0, NULL);
	}
	for (uint32_t i = 0; i < p.h.nseg; i++)
		pieces += p.seg[i].pieces;
	assert_int_equal(pieces, 400);
	assert_int_equal(p.h.folded, 255);
	assert_sums(&p);
}

/* What a kernel thread ran never becomes the target's running time. */
static void test_fold_leaves_links(void **state)
{
	const struct wl_who link = { .tid = 7, .ctx = WL_WHO_TASK };
	struct wl_path p;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 1, WL_SEG_RUNNING);
	wl_path_close(&p, 3, 0, &link);
	for (int i = 0; i < 100; i++) {
		p.h.state = (uint8_t)(i % 2 ? WL_SEG_RUNNING : WL_SEG_PREEMPTED);
		wl_path_close(&p, p.h.last + 5, 0, NULL);
	}
	assert_int_equal(p.seg[0].ns, 3);
	assert_int_equal(p.seg[0].pieces, 1);
	for (uint32_t i = 1; i < p.h.nseg; i++)
		assert_int_equal(p.seg[i].who.ctx, WL_WHO_NONE);
	assert_sums(&p);
}

/* 16 segments of 16 classes: two neighbours of one side become one, of unknown kind. */
static void test_fold_no_twin(void **state)
{
	struct wl_path p;

	memset(&p, 0, sizeof(p));
	wl_path_begin(&p, 0, 0, WL_STIM_IRQ, 1, WL_SEG_IRQ);
	for (int i = 1; i <= 17; i++) {
		p.h.state = (uint8_t)i;
		wl_path_close(&p, p.h.last + 5, 0, NULL);
	}
	assert_int_equal(p.h.nseg, WL_PATH_SEGS);
	assert_int_equal(p.seg[14].kind, WL_SEG_UNKNOWN);
	assert_int_equal(p.seg[15].kind, 17);
	assert_sums(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_copy_left),
		cmocka_unit_test(test_copy_left_empty),
		cmocka_unit_test(test_fold_leaves_links),
		cmocka_unit_test(test_fold_random),
		cmocka_unit_test(test_fold_largest),
		cmocka_unit_test(test_fold_into_smaller),
		cmocka_unit_test(test_fold_counts),
		cmocka_unit_test(test_fold_no_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
