// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker is stopped while it is at work. */
#include "scenario.h"

static void make_late(void)
{
	scn_ask();
	scn_wait_request();
	if (!scn->ns)
		return;
	scn->span.from = now_ns();
	kill((pid_t)scn->worker, SIGSTOP);
	sleep_ns(scn->ns);
	kill((pid_t)scn->worker, SIGCONT);
	scn->span.to = now_ns();
}

/* Who continued it may be named. */
static void expect(void)
{
	printf("none,%d,%u", getpid(), scn->worker);
}

static const struct scenario scenario = {
	.why = "stopped",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.serve = scn_serve_work,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
