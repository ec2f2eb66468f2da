/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdbool.h>

#include "trace/heap.h"

#define STREAMS 37

struct model {
	uint64_t ts[STREAMS];
	bool in[STREAMS];
};

static int model_first(const struct model *model)
{
	int first = -1;

	for (int i = 0; i < STREAMS; i++)
		if (model->in[i] && (first < 0 || model->ts[i] < model->ts[first]))
			first = i;
	return first;
}

/* Ranks are the streams' numbers: the first of equal times is the lowest. */
static void test_sequences(void **state)
{
	uint64_t seed = 42;
	struct model model = { 0 };
	struct wl_heap heap;
	unsigned n = 0;

	assert_int_equal(wl_heap_init(&heap, STREAMS), 0);
	for (unsigned i = 0; i < 200000; i++) {
		unsigned stream = test_random(&seed) % STREAMS;
		unsigned what = test_random(&seed) % 8;

		if (!model.in[stream]) {
			model.ts[stream] = test_random(&seed) % 100;
			model.in[stream] = true;
			wl_heap_add(&heap, stream, model.ts[stream], stream);
			n++;
		} else if (!what) {
			model.in[stream] = false;
			wl_heap_remove(&heap, stream);
			n--;
		} else {
			model.ts[stream] += test_random(&seed) % 3;
			wl_heap_grow(&heap, stream, model.ts[stream]);
		}
		assert_int_equal(heap.n, n);
		if (n)
			assert_int_equal(heap.stream[0], model_first(&model));
	}
	wl_heap_free(&heap);
}

static void test_one(void **state)
{
	struct wl_heap heap;

	assert_int_equal(wl_heap_init(&heap, 1), 0);
	wl_heap_add(&heap, 0, UINT64_MAX, 0);
	wl_heap_grow(&heap, 0, UINT64_MAX);
	assert_int_equal(heap.stream[0], 0);
	wl_heap_remove(&heap, 0);
	assert_int_equal(heap.n, 0);
	wl_heap_free(&heap);
	assert_int_equal(wl_heap_init(&heap, 0), 0);
	wl_heap_free(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
