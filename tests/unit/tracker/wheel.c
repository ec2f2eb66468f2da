/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Timer wheel against a list of deadlines, with a clock of its own. */
#include "common.h"
#include "tracker/wheel.h"

#define EVENTS 400
#define POOLS 3

struct fixture {
	struct wl_wheel wheel;
	struct wl_pool *pools[POOLS];
	uint64_t deadline[POOLS][EVENTS]; /* 0: not on the wheel */
};

static struct fixture *make(uint64_t now, uint64_t horizon)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(wl_wheel_init(&f->wheel, POOLS), 0);
	wl_wheel_start(&f->wheel, now, horizon);
	for (unsigned i = 0; i < POOLS; i++) {
		assert_int_equal(
			wl_pool_create(NULL, i, wl_event_stride(8, 0), EVENTS, &f->pools[i]), 0);
		assert_int_equal(wl_pool_extend(f->pools[i], EVENTS), 0);
	}
	return f;
}

static void drop(struct fixture *f)
{
	for (unsigned i = 0; i < POOLS; i++)
		wl_pool_destroy(f->pools[i]);
	wl_wheel_fini(&f->wheel);
	free(f);
}

/* Which event this is. */
static uint64_t *deadline_of(struct fixture *f, const struct latency_tracker_event *event)
{
	for (unsigned p = 0; p < POOLS; p++)
		for (unsigned i = 0; i < EVENTS; i++)
			if (wl_pool_at(f->pools[p], i) == event)
				return &f->deadline[p][i];
	fail_msg("not an event");
	return NULL;
}

/* Takes all that is due: none early, none later than a slot. */
static void take(struct fixture *f, uint64_t now)
{
	struct latency_tracker_event *event;
	uint64_t slot = f->wheel.granularity;

	while (wl_wheel_take(&f->wheel, f->pools, now, &event)) {
		uint64_t *deadline = deadline_of(f, event);

		assert_false(wl_wheel_has(event));
		assert_in_range(*deadline, 1, now);
		*deadline = 0;
	}
	for (unsigned p = 0; p < POOLS; p++)
		for (unsigned i = 0; i < EVENTS; i++)
			assert_true(!f->deadline[p][i] || f->deadline[p][i] + slot > now);
}

static void check_random(uint64_t horizon)
{
	uint64_t now = 5 * SECOND + 17, seed = 0x1234567 + horizon, held = 0;
	struct fixture *f = make(now, horizon);

	for (unsigned step = 0; step < 20000; step++) {
		uint64_t r = test_random(&seed);
		unsigned p = r % POOLS, i = (r >> 8) % EVENTS;
		struct latency_tracker_event *event = wl_pool_at(f->pools[p], i);

		if (!wl_wheel_has(event)) {
			f->deadline[p][i] = now + 1 + (r >> 20) % horizon;
			wl_wheel_add(&f->wheel, event, f->deadline[p][i]);
			held++;
		}
		assert_true(wl_wheel_has(event));
		if (r >> 60)
			continue;
		now += (r >> 16) % (horizon / 2);
		take(f, now);
		if (f->wheel.count)
			assert_in_range(wl_wheel_next(&f->wheel), now + 1,
					now + horizon + 2 * f->wheel.granularity);
	}
	assert_true(held > 5000);
	take(f, now + 2 * horizon);
	assert_int_equal(f->wheel.count, 0);
	assert_int_equal(wl_wheel_next(&f->wheel), UINT64_MAX);
	drop(f);
}

static void test_horizons(void **state)
{
	static const uint64_t horizons[] = { 2 * MS, 10 * MS, 255 * MS, SECOND, 2 * SECOND };

	for (unsigned i = 0; i < ARRAY_SIZE(horizons); i++)
		check_random(horizons[i]);
}

static void test_clear(void **state)
{
	struct fixture *f = make(SECOND, SECOND);

	for (unsigned i = 0; i < EVENTS; i++)
		wl_wheel_add(&f->wheel, wl_pool_at(f->pools[i % POOLS], i), SECOND + i * MS);
	wl_wheel_clear(&f->wheel, f->pools);
	assert_int_equal(f->wheel.count, 0);
	for (unsigned i = 0; i < EVENTS; i++)
		assert_false(wl_wheel_has(wl_pool_at(f->pools[i % POOLS], i)));
	drop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_horizons),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests_name("tracker/wheel", tests, NULL, NULL);
}
