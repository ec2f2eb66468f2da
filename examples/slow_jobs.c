/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Who waits too long? Jobs go through a queue to three workers; each is begun when it is queued
 * and ended when it is done. Most take no time, one in a hundred takes 20 ms, and one hangs.
 *
 *     cc slow_jobs.c $(pkg-config --cflags --libs liblatency_tracker) -o slow_jobs
 */
#include <inttypes.h>
#include <latency_tracker.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JOBS 400u
#define STUCK 250u
#define WORKERS 3
#define MS UINT64_C(1000000)

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Runs in the worker that ends a slow job, or in the tracker's thread if the job doesn't end. */
static void tell(struct latency_tracker_event_ctx *ctx)
{
	double ms = (double)latency_tracker_event_ctx_get_delay(ctx) / 1e6;
	uint32_t job;

	memcpy(&job, latency_tracker_event_ctx_get_key(ctx, NULL), sizeof(job));
	if (latency_tracker_event_ctx_get_cb_flag(ctx) == LATENCY_TRACKER_CB_TIMEOUT)
		printf("job %" PRIu32 ": not done after %.0f ms\n", job, ms);
	else
		printf("job %" PRIu32 ": %.1f ms%s, done by worker %u\n", job, ms,
		       latency_tracker_event_ctx_get_timed_out(ctx) ? " after all" : "",
		       latency_tracker_event_ctx_get_cb_out_id(ctx));
}

struct worker {
	pthread_t thread;
	struct latency_tracker *tracker;
	int queue;
	unsigned number;
};

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint32_t job;

	while (read(worker->queue, &job, sizeof(job)) == sizeof(job)) {
		if (job == STUCK)
			sleep_ms(300);
		else if (job % 100 == 0)
			sleep_ms(20);
		latency_tracker_event_out(worker->tracker, NULL, &job, sizeof(job), worker->number,
					  0);
	}
	return NULL;
}

static void report(const struct latency_tracker *tracker)
{
	struct latency_tracker_stats stats;
	uint64_t counts[LATENCY_TRACKER_BUCKETS], below = 0;
	size_t median = 0;

	latency_tracker_get_stats(tracker, &stats, sizeof(stats));
	latency_tracker_get_histogram(tracker, counts, LATENCY_TRACKER_BUCKETS);
	while (median < LATENCY_TRACKER_BUCKETS && below + counts[median] <= stats.count / 2)
		below += counts[median++];
	printf("%" PRIu64 " jobs, median from %.3f ms on, mean %.3f ms, worst %.1f ms\n",
	       stats.count, (double)latency_tracker_bucket_lower(median) / 1e6,
	       (double)stats.mean / 1e6, (double)stats.max / 1e6);
	printf("%" PRIu64 " over 5 ms, %" PRIu64 " over 100 ms before they ended, %" PRIu64
	       " not tracked\n",
	       stats.slow, stats.timeouts, stats.skipped);
}

int main(void)
{
	const struct latency_tracker_options options = { .size = sizeof(options),
							 .key_size = sizeof(uint32_t),
							 .max_events = JOBS };
	struct latency_tracker *tracker = latency_tracker_create(5 * MS, 100 * MS, tell, &options);
	struct worker workers[WORKERS];
	int queue[2];

	if (!tracker || pipe(queue)) {
		perror("slow_jobs");
		return 1;
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .tracker = tracker, .queue = queue[0], .number = i };
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
			fprintf(stderr, "slow_jobs: no thread for worker %u\n", i);
			return 1;
		}
	}
	for (uint32_t job = 1; job <= JOBS; job++) {
		/* First the begin: the worker may be quicker than we are. */
		latency_tracker_event_in(tracker, &job, sizeof(job), 0, NULL);
		if (write(queue[1], &job, sizeof(job)) != sizeof(job))
			return 1;
		sleep_ms(1);
	}
	close(queue[1]);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	report(tracker);
	latency_tracker_destroy(tracker);
	return 0;
}
