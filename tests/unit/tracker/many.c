/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Ten million events at once. */
#include "common.h"

enum { MANY = 10000000 };

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

static void fill(struct latency_tracker *t)
{
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(in(t, i), LATENCY_TRACKER_OK);
	assert_int_equal(stats_of(t).held, MANY);
}

/* Of this thread: others may be busy too. */
static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* Dropping what is left takes about as long as ending each: not longer the more there are. */
static void end_and_clear(struct latency_tracker *t)
{
	uint64_t begin = cpu_ns(), ended, cleared;

	for (unsigned i = 0; i < MANY / 2; i++)
		assert_int_equal(out(t, i), LATENCY_TRACKER_OK);
	ended = cpu_ns();
	assert_int_equal(latency_tracker_clear(t), MANY - MANY / 2);
	cleared = cpu_ns();
	print_message("# one half ended in %llu ms, the other cleared in %llu ms of CPU time\n",
		      (unsigned long long)((ended - begin) / MS),
		      (unsigned long long)((cleared - ended) / MS));
	assert_true(cleared - ended < 20 * (ended - begin));
	assert_int_equal(stats_of(t).held, 0);
}

/* The kernel's count of our memory, against the stated one; and all of them dropped. */
static void test_ten_million(void **state)
{
	uint64_t rss = proc_kb("/proc/self/status", "VmRSS:") * 1024, stated, begin;
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
	fill(t);
	rss = proc_kb("/proc/self/status", "VmRSS:") * 1024 - rss;
	print_message("# 10 million events held: %llu MiB resident, %llu MiB stated\n",
		      (unsigned long long)(rss >> 20), (unsigned long long)(stated >> 20));
	assert_true(rss <= stated + (1u << 20));
	assert_true(rss >= MANY * 64ull);
	end_and_clear(t);
	fill(t);
	begin = cpu_ns();
	assert_int_equal(latency_tracker_destroy(t), 0);
	print_message("# destroyed, with all of them, in %llu ms of CPU time\n",
		      (unsigned long long)((cpu_ns() - begin) / MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ten_million),
	};

	return cmocka_run_group_tests_name("tracker/many", tests, NULL, NULL);
}
