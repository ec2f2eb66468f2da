// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The softirq that brings the request takes long. */
#include "scenario.h"

#define NET_RX 3

/* Loopback packets are received where they are sent. */
static void make_late(void)
{
	struct scn_softirqs one = { .cpu = scn->other, .nr = NET_RX, .times = 1, .ns = scn->ns };

	if (scn->ns)
		scn_spin_arm_softirqs(&one);
	scn_ask();
	if (scn->ns && scn_spin_softirq_took(&scn->span))
		scn->span = (struct scn_span){ 0 };
}

static void expect(void)
{
	printf("softirq");
}

static const struct scenario scenario = {
	.why = "softirq",
	.home = SCN_UDP,
	.min_ns = 8 * MSEC,
	.max_ns = 15 * MSEC,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
