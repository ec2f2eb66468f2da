// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* An interrupt on the worker's CPU takes long, while the worker is at work. */
#include "scenario.h"

static void make_late(void)
{
	int err;

	scn_ask();
	scn_wait_request();
	err = scn_spin_irq(scn->cpu, scn->ns, &scn->span);
	if (err)
		die("spin: %s", strerror(-err));
}

static void expect(void)
{
	printf("irq");
}

static const struct scenario scenario = {
	.why = "irq",
	.min_ns = 8 * MSEC,
	.max_ns = 15 * MSEC,
	.serve = scn_serve_work,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
