// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* The worker asks another process, which can't answer: a real-time task has its CPU. */
#include "scenario.h"

#include <sys/socket.h>

static struct scn_helper *backend, *hog;
static int answers[2];

static void answer(struct scn_helper *helper)
{
	char byte = 1;

	scn_begin(helper);
	scn_serve_work();
	scn_end(helper);
	if (write(answers[1], &byte, 1) != 1)
		die("answer: %s", strerror(errno));
}

static void prepare(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, answers))
		die("socketpair: %s", strerror(errno));
	backend = scn_helper(answer, scn->other, 0, 0);
	hog = scn_helper(scn_work_busy, scn->other, SCHED_FIFO, (int)scn_random(10, 80));
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

static void make_late(void)
{
	scn_order(hog);
	scn_wait_begun(hog);
	scn_ask();
}

static void expect(void)
{
	printf("%u via=%u", hog->tid, backend->tid);
}

static const struct scenario scenario = {
	.why = "answer",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.prepare = prepare,
	.serve = serve,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
