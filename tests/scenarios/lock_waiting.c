// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Another thread has the lock and can't work: a real-time task has its CPU. */
#include "scenario.h"

#define HOLDER 1 /* its number: it is a thread of the worker's process, and the hog is 0 */

static struct scn_helper *holder, *hog;

static void hold(struct scn_helper *helper)
{
	pthread_mutex_lock(&scn->mutex);
	scn_begin(helper);
	scn_serve_work();
	scn_end(helper);
	pthread_mutex_unlock(&scn->mutex);
}

static void prepare(void)
{
	hog = scn_helper(scn_work_busy, scn->other, SCHED_FIFO, (int)scn_random(10, 80));
}

static void worker(void)
{
	scn_helper_thread(hold, scn->other);
}

static void serve(void)
{
	scn->span.from = now_ns();
	pthread_mutex_lock(&scn->mutex);
	scn->span.to = scn->helpers[HOLDER].to;
	pthread_mutex_unlock(&scn->mutex);
}

/* The hog can begin as soon as we sleep: it takes the CPU from the holder. */
static void make_late(void)
{
	holder = &scn->helpers[HOLDER];
	scn_order(holder);
	scn_wait_begun(holder);
	scn_order(hog);
	scn_ask();
}

static void expect(void)
{
	printf("%u via=%u", hog->tid, holder->tid);
}

static const struct scenario scenario = {
	.why = "lock_waiting",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.prepare = prepare,
	.worker = worker,
	.serve = serve,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
