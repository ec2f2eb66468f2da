// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker computes. */
#include "scenario.h"

#define STEP 100000 /* ns between two looks at the kernel's clock, which is a system call */

static void serve(void)
{
	uint64_t start = scn_run_time();

	while (scn_run_time() < start + scn->ns)
		busy_until(now_ns() + STEP);
	scn_took(scn_run_time() - start);
}

static void expect(void)
{
	printf("none,%u", scn->worker);
}

static const struct scenario scenario = {
	.why = "own_user",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.serve = serve,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
