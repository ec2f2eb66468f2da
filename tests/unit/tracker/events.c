/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the functions say and do, by hand, with time stamps of our own. */
#include "common.h"

struct told {
	enum latency_tracker_cb_flag flag;
	uint64_t start, end, delay;
	unsigned id;
	void *priv;
	char key[64];
	size_t key_len;
	uint32_t data;
	int timed_out;
};

struct log {
	struct told told[64];
	unsigned count;
};

static void note(struct latency_tracker_event_ctx *ctx)
{
	struct latency_tracker *tracker = latency_tracker_event_ctx_get_tracker(ctx);
	struct log *log = latency_tracker_get_priv(tracker);
	struct told *t = &log->told[log->count++ % ARRAY_SIZE(log->told)];
	const void *key = latency_tracker_event_ctx_get_key(ctx, &t->key_len);
	const uint32_t *data = latency_tracker_event_ctx_get_priv_data(ctx);

	t->flag = latency_tracker_event_ctx_get_cb_flag(ctx);
	t->start = latency_tracker_event_ctx_get_start_ts(ctx);
	t->end = latency_tracker_event_ctx_get_end_ts(ctx);
	t->delay = latency_tracker_event_ctx_get_delay(ctx);
	t->id = latency_tracker_event_ctx_get_cb_out_id(ctx);
	t->priv = latency_tracker_event_ctx_get_priv(ctx);
	t->timed_out = latency_tracker_event_ctx_get_timed_out(ctx);
	t->data = data ? *data : 0;
	memcpy(t->key, key, t->key_len < sizeof(t->key) ? t->key_len : sizeof(t->key));
}

static struct log *make(void **state, uint64_t threshold, struct latency_tracker_options *options,
			struct latency_tracker **tracker)
{
	struct log *log = calloc(1, sizeof(*log));

	assert_non_null(log);
	options->size = sizeof(*options);
	options->priv = log;
	*tracker = create(threshold, 0, note, options);
	return log;
}

static void drop(struct latency_tracker *tracker, struct log *log)
{
	assert_int_equal(latency_tracker_destroy(tracker), 0);
	free(log);
}

/* Over the threshold, not at it; everything that was given comes back. */
static void test_threshold(void **state)
{
	struct latency_tracker *t;
	struct log *log =
		make(state, 1000, &(struct latency_tracker_options){ .key_size = 16 }, &t);
	struct told *told = log->told;
	int priv;

	assert_int_equal(latency_tracker_event_in_get(t, "a key", 5, 0, 5000, &priv, NULL), 0);
	assert_int_equal(latency_tracker_event_out(t, NULL, "a key", 5, 7, 6000), 0);
	assert_int_equal(log->count, 0);
	assert_int_equal(latency_tracker_event_in_get(t, "a key", 5, 0, 5000, &priv, NULL), 0);
	assert_int_equal(latency_tracker_event_out(t, NULL, "a key", 5, 7, 6001), 0);
	assert_int_equal(log->count, 1);
	assert_int_equal(told->flag, LATENCY_TRACKER_CB_NORMAL);
	assert_int_equal(told->start, 5000);
	assert_int_equal(told->end, 6001);
	assert_int_equal(told->delay, 1001);
	assert_int_equal(told->id, 7);
	assert_ptr_equal(told->priv, &priv);
	assert_int_equal(told->key_len, 5);
	assert_memory_equal(told->key, "a key", 5);
	assert_int_equal(told->timed_out, 0);
	assert_int_equal(stats_of(t).slow, 1);

	latency_tracker_set_threshold(t, LATENCY_TRACKER_NEVER);
	assert_int_equal(in_at(t, 1, 0, 1), 0);
	assert_int_equal(out_at(t, 1, UINT64_MAX - 1), 0);
	latency_tracker_set_threshold(t, 0);
	assert_int_equal(in_at(t, 1, 0, 10), 0);
	assert_int_equal(out_at(t, 1, 10), 0);
	assert_int_equal(log->count, 1);
	assert_int_equal(in_at(t, 1, 0, 10), 0);
	assert_int_equal(out_at(t, 1, 11), 0);
	assert_int_equal(log->count, 2);
	drop(t, log);
}

/* Lengths tell keys apart, and bytes of any value. */
static void test_keys(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, OPTIONS(.key_size = 40));
	char key[41] = { 0 };

	for (size_t len = 1; len <= 40; len++)
		assert_int_equal(latency_tracker_event_in(t, key, len, 0, NULL), 0);
	assert_int_equal(latency_tracker_event_in(t, key, 41, 0, NULL), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_in(t, key, 0, 0, NULL), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_in(t, NULL, 4, 0, NULL), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_in(NULL, key, 4, 0, NULL), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_out(NULL, NULL, key, 4, 0, 0), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_out(t, NULL, key, 41, 0, 0), LATENCY_TRACKER_ERR);
	assert_int_equal(stats_of(t).held, 40);
	for (size_t len = 40; len; len--) {
		assert_int_equal(latency_tracker_event_out(t, NULL, key, len, 0, 0), 0);
		assert_int_equal(latency_tracker_event_out(t, NULL, key, len, 0, 0),
				 LATENCY_TRACKER_NOT_FOUND);
	}
	assert_int_equal(stats_of(t).held, 0);
	latency_tracker_destroy(t);
}

/* An out by key ends all; an out by event that one, once. */
static void test_duplicates(void **state)
{
	struct latency_tracker *t;
	struct log *log = make(state, 0, &(struct latency_tracker_options){ .key_size = 8 }, &t);
	struct latency_tracker_event *event[5];
	uint64_t key = 9;

	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(latency_tracker_event_in_get(t, &key, sizeof(key), 0, 100 + i,
							      NULL, &event[i]),
				 0);
	assert_int_equal(latency_tracker_event_out(t, event[3], NULL, 0, 1, 200), 0);
	assert_int_equal(latency_tracker_event_out(t, event[3], NULL, 0, 1, 200),
			 LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(log->count, 1);
	assert_int_equal(log->told[0].start, 103);
	assert_int_equal(out_at(t, key, 300), 0);
	assert_int_equal(log->count, 5);
	assert_int_equal(stats_of(t).sum, 97 + 200 + 199 + 198 + 196);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(latency_tracker_event_get_start_ts(event[i]), 100 + i);
		latency_tracker_unref_event(event[i]);
	}
	assert_int_equal(out_at(t, key, 300), LATENCY_TRACKER_NOT_FOUND);
	drop(t, log);
}

/* unique: what was there goes without a word. */
static void test_unique(void **state)
{
	struct latency_tracker *t;
	struct log *log = make(state, 0, &(struct latency_tracker_options){ .key_size = 8 }, &t);

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(in_at(t, 1, 0, 100 + i), 0);
	assert_int_equal(in_at(t, 2, 0, 100), 0);
	assert_int_equal(in_at(t, 1, 1, 500), 0);
	assert_int_equal(stats_of(t).replaced, 4);
	assert_int_equal(in_at(t, 1, 1, 600), 0);
	assert_int_equal(stats_of(t).replaced, 5);
	assert_int_equal(stats_of(t).held, 2);
	assert_int_equal(log->count, 0);
	assert_int_equal(out_at(t, 1, 1000), 0);
	assert_int_equal(log->count, 1);
	assert_int_equal(log->told[0].delay, 400);
	drop(t, log);
}

/* Found by key, kept beyond its end by a reference; its memory is not used again before. */
static void test_references(void **state)
{
	struct latency_tracker *t =
		create(0, 0, NULL, OPTIONS(.startup_events = 4, .max_events = 4));
	struct latency_tracker_event *event;
	uint64_t key = 77;

	assert_null(latency_tracker_get_event_by_key(t, &key, sizeof(key)));
	assert_int_equal(in_at(t, key, 0, 1234), 0);
	event = latency_tracker_get_event_by_key(t, &key, sizeof(key));
	assert_non_null(event);
	assert_int_equal(latency_tracker_ref_event(event), 1);
	assert_int_equal(out_at(t, key, 2000), 0);
	assert_null(latency_tracker_get_event_by_key(t, &key, sizeof(key)));
	for (unsigned i = 0; i < 1000; i++) {
		assert_int_equal(in_at(t, i, 0, 5), 0);
		assert_int_equal(latency_tracker_event_get_start_ts(event), 1234);
		assert_int_equal(out_at(t, i, 6), 0);
	}
	latency_tracker_unref_event(event);
	latency_tracker_unref_event(event);
	latency_tracker_unref_event(NULL);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(in_at(t, i, 0, 5), 0);
	assert_int_equal(in_at(t, 4, 0, 5), LATENCY_TRACKER_FULL);
	latency_tracker_destroy(t);
}

/* References end at their limit instead of beginning again at zero. */
static void test_too_many_references(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event;
	unsigned got = 0;
	uint64_t key = 1;

	assert_int_equal(in(t, key), 0);
	event = latency_tracker_get_event_by_key(t, &key, sizeof(key));
	while (latency_tracker_ref_event(event))
		got++;
	assert_int_equal(got, 65536 - 2);
	assert_null(latency_tracker_get_event_by_key(t, &key, sizeof(key)));
	assert_int_equal(out(t, key), 0);
	for (unsigned i = 0; i <= got; i++)
		latency_tracker_unref_event(event);
	latency_tracker_destroy(t);
}

/* Zero at the in, the event's own, in the callback. */
static void test_private_data(void **state)
{
	struct latency_tracker *t;
	struct log *log = make(state, 0,
			       &(struct latency_tracker_options){
				       .key_size = 5, .priv_data_size = 4, .max_events = 8 },
			       &t);
	struct latency_tracker_event *event;

	for (uint32_t i = 1; i < 100; i++) {
		uint32_t *data;

		assert_int_equal(latency_tracker_event_in_get(t, "abcde", 5, 0, 1, NULL, &event),
				 0);
		data = latency_tracker_event_get_priv_data(event);
		assert_int_equal((uintptr_t)data % 8, 0);
		assert_int_equal(*data, 0);
		*data = i;
		assert_int_equal(latency_tracker_event_out(t, NULL, "abcde", 5, 0, 3), 0);
		latency_tracker_unref_event(event);
		assert_int_equal(log->count, i);
		assert_int_equal(log->told[(i - 1) % ARRAY_SIZE(log->told)].data, i);
	}
	drop(t, log);
}

/* Each new worst is told, and only these. */
static void test_worst(void **state)
{
	static const uint64_t delays[] = { 50, 100, 101, 101, 90, 400, 300, 401 };
	struct latency_tracker *t;
	struct log *log = make(state, 100,
			       &(struct latency_tracker_options){ .flags = LATENCY_TRACKER_WORST },
			       &t);

	for (unsigned i = 0; i < ARRAY_SIZE(delays); i++) {
		assert_int_equal(in_at(t, 1, 0, 1000), 0);
		assert_int_equal(out_at(t, 1, 1000 + delays[i]), 0);
	}
	assert_int_equal(log->count, 3);
	assert_int_equal(log->told[0].delay, 101);
	assert_int_equal(log->told[1].delay, 400);
	assert_int_equal(log->told[2].delay, 401);
	assert_int_equal(latency_tracker_get_threshold(t), 401);
	drop(t, log);
}

static void test_switch(void **state)
{
	struct latency_tracker *t = create(0, 0, NULL, OPTIONS(.flags = LATENCY_TRACKER_START_OFF));

	assert_int_equal(latency_tracker_get_tracking_on(t), 0);
	assert_int_equal(in(t, 1), LATENCY_TRACKER_DISABLED);
	assert_int_equal(latency_tracker_set_tracking_on(t, 1, 0), 0);
	assert_int_equal(in(t, 1), 0);
	assert_int_equal(in(t, 2), 0);
	assert_int_equal(latency_tracker_set_tracking_on(t, 0, 0), 0);
	assert_int_equal(out(t, 1), LATENCY_TRACKER_DISABLED);
	assert_int_equal(latency_tracker_set_tracking_on(t, 1, 0), 0);
	assert_int_equal(out(t, 1), 0);
	assert_int_equal(latency_tracker_set_tracking_on(t, 0, 1), 0);
	assert_int_equal(latency_tracker_set_tracking_on(t, 1, 0), 0);
	assert_int_equal(out(t, 2), LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(stats_of(t).cleared, 1);
	assert_int_equal(stats_of(t).held, 0);
	latency_tracker_destroy(t);
}

static void test_clear(void **state)
{
	struct latency_tracker *t;
	struct log *log = make(state, 0, &(struct latency_tracker_options){ .key_size = 8 }, &t);

	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(in(t, i / 2), 0);
	assert_int_equal(latency_tracker_clear(t), 5000);
	assert_int_equal(latency_tracker_clear(t), 0);
	assert_int_equal(stats_of(t).held, 0);
	assert_int_equal(stats_of(t).count, 0);
	assert_int_equal(out(t, 3), LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(log->count, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(in(t, i), 0);
	/* Destroyed with events in flight. */
	drop(t, log);
	assert_int_equal(latency_tracker_destroy(NULL), 0);
}

static void test_event_of_another(void **state)
{
	struct latency_tracker *a = create(0, 0, NULL, NULL), *b = create(0, 0, NULL, NULL);
	struct latency_tracker_event *event;
	uint64_t key = 1;

	latency_tracker_event_in_get(a, &key, sizeof(key), 0, 0, NULL, &event);
	assert_int_equal(latency_tracker_event_out(b, event, NULL, 0, 0, 0), LATENCY_TRACKER_ERR);
	assert_int_equal(latency_tracker_event_out(a, event, NULL, 0, 0, 0), 0);
	latency_tracker_unref_event(event);
	latency_tracker_destroy(a);
	latency_tracker_destroy(b);
}

static unsigned long hash_of_first(const void *key, size_t len, unsigned long seed)
{
	return *(const unsigned char *)key | 32u;
}

static int other_case(const void *a, const void *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((((const char *)a)[i] | 32) != (((const char *)b)[i] | 32))
			return 1;
	return 0;
}

static void test_own_functions(void **state)
{
	struct latency_tracker *t =
		create(0, 0, NULL, OPTIONS(.hash = hash_of_first, .match = other_case));

	assert_int_equal(latency_tracker_event_in(t, "Hello", 5, 0, NULL), 0);
	assert_int_equal(latency_tracker_event_in(t, "Help!", 5, 0, NULL), 0);
	assert_int_equal(latency_tracker_event_out(t, NULL, "hELLO", 5, 0, 0), 0);
	assert_int_equal(latency_tracker_event_out(t, NULL, "hELLO", 5, 0, 0),
			 LATENCY_TRACKER_NOT_FOUND);
	assert_int_equal(stats_of(t).held, 1);
	latency_tracker_destroy(t);
}

static void test_bad_options(void **state)
{
	struct {
		struct latency_tracker_options options;
		char later[8];
	} newer = { .options = { .size = sizeof(newer) } };
	const struct latency_tracker_options *bad[] = {
		OPTIONS(.key_size = 4097),
		OPTIONS(.priv_data_size = 65537),
		OPTIONS(.max_events = (1ull << 31) + 1),
		OPTIONS(.startup_events = 11, .max_events = 10),
		OPTIONS(.period = 1000),
		OPTIONS(.period = 2 * SECOND),
		OPTIONS(.flags = 4),
		OPTIONS(.hash = hash_of_first),
		OPTIONS(.key_size = 4096, .priv_data_size = 65536, .max_events = 1ull << 31),
		&(struct latency_tracker_options){ .size = 0 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		errno = 0;
		assert_null(latency_tracker_create(0, 0, NULL, bad[i]));
		assert_int_equal(errno, EINVAL);
	}
	/* Of a newer header: all right, as long as nothing new is asked for. */
	latency_tracker_destroy(create(0, 0, NULL, &newer.options));
	newer.later[7] = 1;
	assert_null(latency_tracker_create(0, 0, NULL, &newer.options));
	/* Of an older one. */
	latency_tracker_destroy(create(
		0, 0, NULL, &(struct latency_tracker_options){ .size = 2 * sizeof(size_t) }));
}

static void again(struct latency_tracker_event_ctx *ctx)
{
	struct latency_tracker *tracker = latency_tracker_event_ctx_get_tracker(ctx);
	uint64_t key;

	memcpy(&key, latency_tracker_event_ctx_get_key(ctx, NULL), sizeof(key));
	if (!key)
		return;
	assert_int_equal(in_at(tracker, key - 1, 0, 10), 0);
	assert_int_equal(out_at(tracker, key - 1, 20), 0);
	latency_tracker_clear(tracker);
}

/* A callback may begin and end events, whose callbacks do too. */
static void test_nested_callbacks(void **state)
{
	struct latency_tracker *t =
		create(0, 0, again, OPTIONS(.startup_events = 200, .max_events = 200));

	assert_int_equal(in_at(t, 100, 0, 10), 0);
	assert_int_equal(out_at(t, 100, 20), 0);
	assert_int_equal(stats_of(t).slow, 101);
	latency_tracker_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),        cmocka_unit_test(test_keys),
		cmocka_unit_test(test_duplicates),       cmocka_unit_test(test_unique),
		cmocka_unit_test(test_references),       cmocka_unit_test(test_too_many_references),
		cmocka_unit_test(test_private_data),     cmocka_unit_test(test_worst),
		cmocka_unit_test(test_switch),           cmocka_unit_test(test_clear),
		cmocka_unit_test(test_event_of_another), cmocka_unit_test(test_own_functions),
		cmocka_unit_test(test_bad_options),      cmocka_unit_test(test_nested_callbacks),
	};

	return cmocka_run_group_tests_name("tracker/events", tests, NULL, NULL);
}
