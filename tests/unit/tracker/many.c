/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Ten million events at once. */
#include "common.h"

static uint64_t proc_kb(const char *path, const char *field)
{
	char line[256];
	uint64_t kb = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			kb = strtoull(line + strlen(field), NULL, 10);
	fclose(f);
	return kb;
}

/* The kernel's count of our memory, against the stated one. */
static void test_ten_million(void **state)
{
	enum { MANY = 10000000 };
	uint64_t rss = proc_kb("/proc/self/status", "VmRSS:") * 1024, stated;
	struct latency_tracker *t;

	if (WL_SANITIZED)
		skip();
	if (proc_kb("/proc/meminfo", "MemAvailable:") < 3 << 20) {
		print_message("# less than 3 GiB of memory are available\n");
		skip();
	}
	t = create(0, 0, NULL, OPTIONS(.startup_events = MANY, .max_events = MANY));
	stated = stats_of(t).memory_max;
	/* What the header says. */
	assert_true(stated < MANY * (56ull + 8 + 16) + (1u << 20));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(in(t, i), LATENCY_TRACKER_OK);
	rss = proc_kb("/proc/self/status", "VmRSS:") * 1024 - rss;
	assert_int_equal(stats_of(t).held, MANY);
	print_message("# 10 million events held: %llu MiB resident, %llu MiB stated\n",
		      (unsigned long long)(rss >> 20), (unsigned long long)(stated >> 20));
	assert_true(rss <= stated + (1u << 20));
	assert_true(rss >= MANY * 64ull);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
	assert_int_equal(stats_of(t).held, 0);
	latency_tracker_destroy(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_million),
	};

	return cmocka_run_group_tests_name("tracker/many", tests, NULL, NULL);
}
