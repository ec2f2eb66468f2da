// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Sleeps and works in turn.
 *
 *   sleeper count=N sleep_us=U busy_us=B busy_to_us=M cpu=C exit=S gate=1 hex=NAME thread=1
 *
 * busy_to_us: busy for B to M, another time in each round.
 *
 * hex: its name, any bytes, as hexadecimal digits. gate: prints "ready TID", waits for a line on
 * stdin. Prints "done WAKE-UPS LONGEST-NS" at the end if quiet=0.
 */
#include "common.h"

static struct {
	uint64_t count, sleep_us, busy_us, busy_to_us, cpu, exit, gate, quiet;
} opt = { .count = 1000, .sleep_us = 1000, .cpu = ~0ull, .quiet = 1 };
static char name[16];

static void parse_name(const char *hex)
{
	for (int i = 0; i < 15 && hex[0] && hex[1]; i++, hex += 2) {
		unsigned b;

		sscanf(hex, "%2x", &b);
		name[i] = (char)b;
	}
}

static void parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		unsigned long long v = 0;
		char key[32];

		if (!strncmp(argv[i], "hex=", 4)) {
			parse_name(argv[i] + 4);
			continue;
		}
		if (sscanf(argv[i], "%31[^=]=%llu", key, &v) != 2)
			die("%s?", argv[i]);
#define OPT(f)                                                                                     \
	if (!strcmp(key, #f))                                                                      \
		opt.f = v;
		OPT(count)
		OPT(sleep_us) OPT(busy_us) OPT(busy_to_us) OPT(cpu) OPT(exit) OPT(gate) OPT(quiet)
	}
}

static uint64_t busy_ns(void)
{
	uint64_t us = opt.busy_us;

	if (opt.busy_to_us > opt.busy_us)
		us += (uint64_t)random() % (opt.busy_to_us - opt.busy_us);
	return us * 1000;
}

int main(int argc, char **argv)
{
	uint64_t worst = 0;

	parse(argc, argv);
	if (name[0])
		prctl(PR_SET_NAME, name);
	if (opt.cpu != ~0ull)
		pin_to((int)opt.cpu);
	srandom((unsigned)now_ns());
	if (opt.gate) {
		printf("ready %d\n", my_tid());
		gate();
	}
	for (uint64_t i = 0; i < opt.count; i++) {
		uint64_t t = now_ns(), late;

		sleep_ns(opt.sleep_us * 1000);
		late = now_ns() - t - opt.sleep_us * 1000;
		worst = late > worst ? late : worst;
		if (opt.busy_us)
			busy_until(now_ns() + busy_ns());
	}
	if (!opt.quiet)
		printf("done %llu %llu\n", (unsigned long long)opt.count,
		       (unsigned long long)worst);
	return (int)opt.exit;
}
