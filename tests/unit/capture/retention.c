/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <stdio.h>

#include "capture/retention.h"

#define MAX 8
#define MIB (1ull << 20)

/* "wakeup 20ms 8MiB", the oldest first; response_ns 0: taken on demand */
struct one {
	const char *cause;
	unsigned int ms, mib;
};

struct row {
	const char *name;
	struct one kept[MAX], new;
	unsigned int since_ms, keep, keep_mib;
	enum wl_ruling result;
	const char *remove; /* 'x' for each that must go */
};

static const struct row rows[] = {
	{ "the first", { { NULL } }, { "wakeup", 5, 0 }, 5000, 3, 256, WL_RULING_KEEP, "" },
	{ "too soon", { { NULL } }, { "wakeup", 5, 0 }, 999, 3, 256, WL_RULING_SOON, "" },
	{ "after a second", { { NULL } }, { "wakeup", 5, 0 }, 1000, 3, 256, WL_RULING_KEEP, "" },
	{ "on demand at once", { { NULL } }, { "now", 0, 0 }, 0, 3, 256, WL_RULING_KEEP, "" },
	{ "room for it",
	  { { "wakeup", 9, 8 }, { "wakeup", 8, 8 } },
	  { "wakeup", 5, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_KEEP,
	  "--" },
	{ "the least of its cause goes",
	  { { "wakeup", 9, 8 }, { "wakeup", 7, 8 }, { "wakeup", 8, 8 } },
	  { "wakeup", 10, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_KEEP,
	  "-x-" },
	{ "better than all of its cause",
	  { { "wakeup", 9, 8 }, { "wakeup", 7, 8 }, { "wakeup", 8, 8 } },
	  { "wakeup", 6, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_MILD,
	  "---" },
	{ "as bad as the least",
	  { { "wakeup", 9, 8 }, { "wakeup", 7, 8 }, { "wakeup", 8, 8 } },
	  { "wakeup", 7, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_MILD,
	  "---" },
	{ "other causes don't count",
	  { { "wakeup", 9, 8 }, { "lock", 7, 8 }, { "wakeup", 8, 8 }, { "io", 1, 8 } },
	  { "wakeup", 5, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_KEEP,
	  "----" },
	{ "fewer are kept than before",
	  { { "io", 9, 8 }, { "io", 1, 8 }, { "io", 8, 8 }, { "io", 2, 8 } },
	  { "io", 5, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_KEEP,
	  "-x-x" },
	{ "fewer are kept, and it is not among the worst",
	  { { "io", 9, 8 }, { "io", 1, 8 }, { "io", 8, 8 }, { "io", 7, 8 }, { "io", 2, 8 } },
	  { "io", 5, 0 },
	  5000,
	  3,
	  256,
	  WL_RULING_MILD,
	  "-----" },
	{ "the size drives the least out, whatever its cause",
	  { { "wakeup", 9, 8 }, { "lock", 3, 8 }, { "io", 8, 8 } },
	  { "wakeup", 5, 8 },
	  5000,
	  3,
	  24,
	  WL_RULING_KEEP,
	  "-x-" },
	{ "exactly the size",
	  { { "wakeup", 9, 8 }, { "lock", 3, 8 } },
	  { "wakeup", 5, 8 },
	  5000,
	  3,
	  24,
	  WL_RULING_KEEP,
	  "--" },
	{ "several must go",
	  { { "wakeup", 9, 8 }, { "lock", 3, 4 }, { "io", 4, 4 } },
	  { "wakeup", 5, 8 },
	  5000,
	  3,
	  16,
	  WL_RULING_KEEP,
	  "-xx" },
	{ "worse ones fill the size",
	  { { "wakeup", 9, 8 }, { "lock", 3, 4 }, { "io", 8, 8 } },
	  { "wakeup", 5, 8 },
	  5000,
	  3,
	  16,
	  WL_RULING_ROOM,
	  "---" },
	{ "larger than all of it",
	  { { "wakeup", 3, 8 } },
	  { "wakeup", 5, 20 },
	  5000,
	  3,
	  16,
	  WL_RULING_ROOM,
	  "-" },
	{ "the size unknown: only what is over it already",
	  { { "wakeup", 9, 8 }, { "lock", 3, 8 }, { "io", 8, 8 } },
	  { "wakeup", 5, 0 },
	  5000,
	  3,
	  16,
	  WL_RULING_KEEP,
	  "-x-" },
	{ "replaced in its cause makes room too",
	  { { "io", 1, 8 }, { "io", 7, 8 }, { "lock", 2, 8 } },
	  { "io", 8, 8 },
	  5000,
	  2,
	  24,
	  WL_RULING_KEEP,
	  "x--" },
	{ "on demand: the oldest of them goes",
	  { { "now", 0, 8 }, { "wakeup", 9, 8 }, { "now", 0, 8 } },
	  { "now", 0, 8 },
	  0,
	  2,
	  256,
	  WL_RULING_KEEP,
	  "x--" },
	{ "on demand drives out by size, those with a response first",
	  { { "now", 0, 8 }, { "wakeup", 9, 8 } },
	  { "now", 0, 8 },
	  0,
	  3,
	  16,
	  WL_RULING_KEEP,
	  "-x" },
	{ "on demand, and the size drives out others on demand",
	  { { "now", 0, 8 }, { "now", 0, 8 } },
	  { "now", 0, 8 },
	  0,
	  3,
	  16,
	  WL_RULING_KEEP,
	  "x-" },
	{ "a slow one drives nothing out that was taken on demand",
	  { { "now", 0, 8 }, { "now", 0, 8 } },
	  { "wakeup", 1000, 8 },
	  5000,
	  3,
	  16,
	  WL_RULING_ROOM,
	  "--" },
};

static void fill(struct wl_entry *e, const struct one *one, size_t age)
{
	memset(e, 0, sizeof(*e));
	snprintf(e->cause, sizeof(e->cause), "%s", one->cause);
	snprintf(e->time, sizeof(e->time), "2026-11-21T19:41:%02zuZ", age);
	e->response_ns = one->ms * 1000000ull;
	e->size = one->mib * MIB;
	e->now = !one->ms;
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		const struct wl_retention retention = { r->keep, r->keep_mib * MIB };
		struct wl_entry all[MAX], new;
		struct wl_entries kept = { .all = all };
		bool remove[MAX];
		enum wl_ruling result;

		for (; kept.n < MAX && r->kept[kept.n].cause; kept.n++)
			fill(&all[kept.n], &r->kept[kept.n], kept.n);
		fill(&new, &r->new, 59);
		memset(remove, 1, sizeof(remove));
		result = wl_retention_decide(&retention, &kept, &new, r->since_ms * 1000000ull,
					     remove);
		if (result != r->result)
			fail_msg("%s: %d", r->name, result);
		for (size_t k = 0; k < kept.n; k++)
			if (remove[k] != (r->remove[k] == 'x'))
				fail_msg("%s: remove[%zu] %d", r->name, k, remove[k]);
	}
}

/* The same instant or a broken time: still a definite answer. */
static void test_ties(void **state)
{
	const struct wl_retention retention = { 1, 256 * MIB };
	struct wl_entry all[2] = { { .now = true, .cause = "now" },
				   { .now = true, .cause = "now" } };
	struct wl_entries kept = { all, 2 };
	struct wl_entry new = { .now = true, .cause = "now" };
	bool remove[2];

	assert_int_equal(wl_retention_decide(&retention, &kept, &new, 0, remove), WL_RULING_KEEP);
	assert_true(remove[0] && remove[1]);
}

static void test_texts(void **state)
{
	for (unsigned int i = 0; i < WL_RULING_MAX; i++)
		assert_true(strlen(wl_ruling_text((enum wl_ruling)i)) > 5);
	assert_string_equal(wl_ruling_text(WL_RULING_MAX), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ties),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
