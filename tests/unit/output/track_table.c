/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What people read of one slow event: which zeros are a value, which say that there is none. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "output/track_table.h"

#define FIELD(name, kind, type, member)                                                            \
	{                                                                                          \
		name, kind, offsetof(struct type, member), sizeof(((struct type *)0)->member),     \
			NULL, 0                                                                    \
	}

struct key {
	lt_cpu cpu;
	uint32_t source;
};

struct private
{
	char process[16];
	char comm[16];
	lt_tid waker_tid;
	lt_cpu waker_cpu;
	int32_t prio;
	lt_irq line;
	int64_t result;
	lt_hex address;
	lt_ns waited;
};

static struct wl_field key_fields[] = {
	FIELD("cpu", WL_VALUE_CPU, key, cpu),
	FIELD("source", WL_VALUE_UINT, key, source),
};

static struct wl_field private_fields[] = {
	FIELD("process", WL_VALUE_TEXT, private, process),
	FIELD("comm", WL_VALUE_TEXT, private, comm),
	FIELD("waker_tid", WL_VALUE_UINT, private, waker_tid),
	FIELD("waker_cpu", WL_VALUE_CPU, private, waker_cpu),
	FIELD("prio", WL_VALUE_INT, private, prio),
	FIELD("irq", WL_VALUE_IRQ, private, line),
	FIELD("result", WL_VALUE_INT, private, result),
	FIELD("address", WL_VALUE_HEX, private, address),
	FIELD("waited", WL_VALUE_NS, private, waited),
};

static const struct wl_tracked tracked = {
	.name = "made",
	.key = { key_fields, ARRAY_SIZE(key_fields), 0, sizeof(struct key) },
	.priv = { private_fields, ARRAY_SIZE(private_fields), 0, sizeof(struct private) },
};

/* The line of the worst, behind its time. */
static void check(const struct key *key, const struct private *priv, uint32_t flags,
		  const char *words)
{
	struct wl_style style = { .width = 400 };
	struct wl_value_names names = { .tried = true };
	const struct lt1_record record = { .start = 1, .end = 1001, .flags = flags };
	const struct wl_tracked_event event = { &tracked, &record, key, priv, 0 };
	char *text, *what;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	wl_track_worst_line(out, &style, &event, &names);
	fclose(out);
	what = strstr(text, "cpu ");
	assert_non_null(what);
	what[strcspn(what, "\n")] = '\0';
	assert_string_equal(what, words);
	free(text);
}

static void test_zeros(void **state)
{
	const struct private p = { .process = "a" };
	const struct key k = { 0, 0 };

	check(&k, &p, 0, "cpu 0, source 0, process a, waker_cpu 0, prio 0, irq 0, result 0");
	/* what there will be a result of is not over yet */
	check(&k, &p, LATENCY_TRACKER_OPEN, "cpu 0, source 0, process a, waker_cpu 0, irq 0");
}

static void test_values(void **state)
{
	const struct private p = {
		.process = "a",
		.comm = "a",
		.waker_tid = 7,
		.waker_cpu = 1,
		.prio = -1,
		.line = ~0u,
		.result = -11,
		.address = 16,
		.waited = 1000,
	};
	const struct key k = { 1, 3 };

	check(&k, &p, 0,
	      "cpu 1, source 3, process a, waker_tid 7, waker_cpu 1, prio -1, irq -, result -11, "
	      "address 0x10, waited 1.00us");
	check(&k, &p, LATENCY_TRACKER_OPEN,
	      "cpu 1, source 3, process a, waker_tid 7, waker_cpu 1, prio -1, irq -, result -11, "
	      "address 0x10, waited 1.00us");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
