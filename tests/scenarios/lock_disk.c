// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Another thread has the lock and waits for a disk whose queue somebody has filled. */
#include "device.h"

#define HOLDER 1 /* its number: it is a thread of the worker's process, and who queues is 0 */

static struct scn_helper *queuer, *holder;

static void hold(struct scn_helper *helper)
{
	pthread_mutex_lock(&scn->mutex);
	scn_begin(helper);
	scn_file_read_block();
	scn_end(helper);
	pthread_mutex_unlock(&scn->mutex);
}

static void prepare(void)
{
	scn_file_make();
	queuer = scn_helper(scn_work_disk, scn->other, 0, 0);
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
	scn_order(queuer);
	scn_wait_begun(queuer);
	scn_order(holder);
	scn_wait_begun(holder);
	scn_ask();
}

static void expect(void)
{
	printf("dev,none,%u,%u via=%u", queuer->tid, holder->tid, holder->tid);
}

static const struct scenario scenario = {
	.why = "lock_waiting",
	.min_ns = 20 * MSEC,
	.max_ns = 40 * MSEC,
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
