// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Interrupts are off on the worker's CPU when its timer expires. */
#include "scenario.h"

#define BEFORE (MSEC / 2)

/* The worker has no client: its requests are its own timer's. */
static void make_late(void)
{
	unsigned done = scn->answered;
	uint64_t expiry = scn->expiry;

	while (expiry < now_ns() + BEFORE + MSEC) {
		sleep_ns(100000);
		expiry = scn->expiry;
	}
	sleep_until(expiry - BEFORE);
	scn->asked_at = expiry;
	if (scn->ns && scn_spin_irq(scn->cpu, scn->ns + BEFORE, &scn->span))
		die("spin");
	while (scn->answered <= done + 1 || scn->answered_at < expiry)
		sleep_ns(100000);
}

static void expect(void)
{
	printf("none,irq");
}

static const struct scenario scenario = {
	.why = "timer_late",
	.home = SCN_TIMER,
	.min_ns = 8 * MSEC,
	.max_ns = 15 * MSEC,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
