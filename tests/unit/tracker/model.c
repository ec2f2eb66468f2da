/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A second implementation, from the header's words: a list of events, and sums. Both get the same
 * random calls, with time stamps of our own; after each everything that can be asked must agree.
 */
#include "common.h"

#define MAX_HELD 300
#define KEYS 40
#define CALLS 200000

struct model {
	struct {
		uint64_t key, start;
		struct latency_tracker_event *event;
	} held[MAX_HELD];
	unsigned count;
	struct latency_tracker_stats stats;
	uint64_t delays[CALLS];
	uint64_t threshold, told, told_sum;
	bool worst;
};

struct seen {
	uint64_t told, told_sum;
};

static void note(struct latency_tracker_event_ctx *ctx)
{
	struct seen *seen = latency_tracker_get_priv(latency_tracker_event_ctx_get_tracker(ctx));

	seen->told++;
	seen->told_sum += latency_tracker_event_ctx_get_delay(ctx);
}

static void model_remove(struct model *m, unsigned i)
{
	m->held[i] = m->held[--m->count];
}

static void model_measure(struct model *m, unsigned i, uint64_t now)
{
	uint64_t start = m->held[i].start, delay = now > start ? now - start : 0;

	m->stats.backwards += now < start;
	m->delays[m->stats.count++] = delay;
	m->stats.sum += delay;
	if (delay <= m->threshold)
		return;
	m->stats.slow++;
	m->told++;
	m->told_sum += delay;
	if (m->worst)
		m->threshold = delay;
}

static void do_in(struct model *m, struct latency_tracker *t, uint64_t key, bool unique,
		  bool handle, uint64_t ts)
{
	struct latency_tracker_event *event = NULL;
	enum latency_tracker_ret ret = latency_tracker_event_in_get(
		t, &key, sizeof(key), unique, ts, NULL, handle ? &event : NULL);

	if (m->count == MAX_HELD) {
		assert_int_equal(ret, LATENCY_TRACKER_FULL);
		m->stats.skipped++;
		return;
	}
	assert_int_equal(ret, LATENCY_TRACKER_OK);
	for (unsigned i = 0; unique && i < m->count;) {
		if (m->held[i].key == key) {
			m->stats.replaced++;
			model_remove(m, i);
		} else {
			i++;
		}
	}
	m->stats.tracked++;
	m->held[m->count].key = key;
	m->held[m->count].start = ts;
	m->held[m->count++].event = event;
}

/* In worst mode the order in which duplicates end matters: it has none there. */
static void do_out(struct model *m, struct latency_tracker *t, uint64_t key, uint64_t ts)
{
	bool found = false;

	for (unsigned i = 0; i < m->count;) {
		if (m->held[i].key != key) {
			i++;
			continue;
		}
		found = true;
		model_measure(m, i, ts);
		if (m->held[i].event)
			latency_tracker_unref_event(m->held[i].event);
		model_remove(m, i);
	}
	assert_int_equal(latency_tracker_event_out(t, NULL, &key, sizeof(key), 0, ts),
			 found ? LATENCY_TRACKER_OK : LATENCY_TRACKER_NOT_FOUND);
}

static void do_out_event(struct model *m, struct latency_tracker *t, unsigned i, uint64_t ts)
{
	struct latency_tracker_event *event = m->held[i].event;

	if (!event)
		return;
	assert_int_equal(latency_tracker_event_out(t, event, NULL, 0, 0, ts), 0);
	latency_tracker_unref_event(event);
	model_measure(m, i, ts);
	model_remove(m, i);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void check(struct model *m, const struct latency_tracker *t, const struct seen *seen)
{
	struct latency_tracker_stats s = stats_of(t);

	assert_int_equal(s.count, m->stats.count);
	assert_int_equal(s.sum, m->stats.sum);
	assert_int_equal(s.mean, s.count ? s.sum / s.count : 0);
	assert_int_equal(s.tracked, m->stats.tracked);
	assert_int_equal(s.skipped, m->stats.skipped);
	assert_int_equal(s.replaced, m->stats.replaced);
	assert_int_equal(s.backwards, m->stats.backwards);
	assert_int_equal(s.slow, m->stats.slow);
	assert_int_equal(s.held, m->count);
	assert_int_equal(seen->told, m->told);
	assert_int_equal(seen->told_sum, m->told_sum);
	assert_int_equal(latency_tracker_tracked_count(t), s.tracked);
	assert_int_equal(latency_tracker_skipped_count(t), s.skipped);
}

/* Each delay is in the bucket whose bounds it lies between. */
static void check_histogram(struct model *m, const struct latency_tracker *t)
{
	uint64_t counts[LATENCY_TRACKER_BUCKETS], at = 0;
	struct latency_tracker_stats s = stats_of(t);

	qsort(m->delays, m->stats.count, sizeof(m->delays[0]), compare);
	assert_int_equal(s.min, m->delays[0]);
	assert_int_equal(s.max, m->delays[m->stats.count - 1]);
	latency_tracker_get_histogram(t, counts, LATENCY_TRACKER_BUCKETS);
	for (size_t b = 0; b < LATENCY_TRACKER_BUCKETS; b++) {
		uint64_t lower = latency_tracker_bucket_lower(b);
		uint64_t upper = latency_tracker_bucket_lower(b + 1);

		assert_true(lower < upper);
		for (uint64_t i = 0; i < counts[b]; i++, at++)
			assert_in_range(m->delays[at], lower, upper - 1);
	}
	assert_int_equal(at, m->stats.count);
}

static void run(bool worst, uint64_t seed)
{
	struct model *m = calloc(1, sizeof(*m));
	struct seen seen = { 0 };
	struct latency_tracker *t =
		create(500, 0, note,
		       OPTIONS(.startup_events = MAX_HELD, .max_events = MAX_HELD, .priv = &seen,
			       .flags = worst ? LATENCY_TRACKER_WORST : 0));
	uint64_t now = SECOND;

	assert_non_null(m);
	m->threshold = 500;
	m->worst = worst;
	for (unsigned call = 0; call < CALLS / 4; call++) {
		uint64_t r = test_random(&seed), key = r % KEYS, jump = (r >> 20) % 64;
		bool fills = call / 1000 % 2;

		now += jump ? r >> 32 & 0xff : r >> 32 & 0xffffff;
		if (worst && key % 2 == 0)
			do_out(m, t, key, now);
		if ((r >> 8) % 8 < (fills ? 7 : 4))
			/* An event that is replaced is no longer its handle's: other keys. */
			do_in(m, t, key, worst || (key < KEYS / 2 && (r >> 12) % 16 == 0),
			      !worst && key >= KEYS / 2 && (r >> 16) % 4 == 0, now);
		else if ((r >> 8) % 8 < 7 || !m->count)
			do_out(m, t, key, jump == 1 ? now - 5000 : now);
		else
			do_out_event(m, t, (unsigned)(r >> 40) % m->count, now);
		if (call % 16 == 0)
			check(m, t, &seen);
	}
	check(m, t, &seen);
	check_histogram(m, t);
	for (unsigned i = 0; i < m->count; i++)
		latency_tracker_unref_event(m->held[i].event);
	latency_tracker_destroy(t);
	free(m);
}

static uint64_t seed_now(void)
{
	const char *given = getenv("WL_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : clock_ns();

	print_message("# WL_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed | 1;
}

static void test_duplicates(void **state)
{
	run(false, seed_now());
}

static void test_worst(void **state)
{
	run(true, seed_now());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_worst),
	};

	return cmocka_run_group_tests_name("tracker/model", tests, NULL, NULL);
}
