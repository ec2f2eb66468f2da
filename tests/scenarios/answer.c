// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker asks another process, which computes before it answers. */
#include "scenario.h"

#include <sys/socket.h>

static struct scn_helper *backend;
static int answers[2];

static void answer(struct scn_helper *helper)
{
	char byte = 1;

	scn_work_busy(helper);
	if (write(answers[1], &byte, 1) != 1)
		die("answer: %s", strerror(errno));
}

static void prepare(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, answers))
		die("socketpair: %s", strerror(errno));
	backend = scn_helper(answer, scn->other, 0, 0);
}

static void serve(void)
{
	char byte;

	scn->span.from = now_ns();
	scn_order(backend);
	if (read(answers[0], &byte, 1) != 1)
		die("answer: %s", strerror(errno));
	scn->span.to = backend->to;
}

static void expect(void)
{
	printf("%u", backend->tid);
}

static const struct scenario scenario = {
	.why = "answer",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.prepare = prepare,
	.serve = serve,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
