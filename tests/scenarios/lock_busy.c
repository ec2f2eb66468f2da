// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Another thread has the lock and is at work. */
#include "scenario.h"

#define HOLDER 0 /* its number: it is a thread of the worker's process */

static struct scn_helper *holder;

static void hold(struct scn_helper *helper)
{
	pthread_mutex_lock(&scn->mutex);
	scn_work_busy(helper);
	pthread_mutex_unlock(&scn->mutex);
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

static void make_late(void)
{
	holder = &scn->helpers[HOLDER];
	scn_order(holder);
	scn_wait_begun(holder);
	scn_ask();
}

static void expect(void)
{
	printf("%u", holder->tid);
}

static const struct scenario scenario = {
	.why = "lock_busy",
	.min_ns = 10 * MSEC,
	.max_ns = 25 * MSEC,
	.worker = worker,
	.serve = serve,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
