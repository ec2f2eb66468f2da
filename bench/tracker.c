/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What in + out of the latency_tracker library costs, beside what it is made of and what people
 * write themselves: bench-tracker THREADS REPEATS SLICE_MS prints one JSON object per measurement.
 *
 *   clock    two clock readings
 *   lookup   a look-up in liburcu's table
 *   table    add, look-up and delete in liburcu's table: nothing else of what a tracker does (each
 *            thread has a table of its own)
 *   tracker  latency_tracker_event_in() and _out()
 *   own      the same, a tracker for each thread
 *   mutex    a tracker with one mutex around a chained hash table: clock, table, histogram
 *
 * Each in turn for a slice of time, again and again: what else happens on the machine hits all.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "abi/hist.h"
#include "bench.h"
#include "latency_tracker.h"
#include "tracker/table.h"

#define KEYS 512      /* per thread, used in turn */
#define BUCKETS 16384 /* of all tables: what the library has by default */
#define BATCH 64
#define MAX_THREADS 64
#define TIMES 16384
#define TIME_NS 16 /* of a step: 1/4 ns per pair */

struct bench;

struct worker {
	pthread_t id;
	struct bench *bench;
	unsigned number;
	uint64_t batches;
	uint64_t sink;
	uint64_t waited;      /* ns that the thread could have run and did not */
	uint64_t took[TIMES]; /* batches by ns per batch: the last ones also stand for longer */
	struct node *nodes;
	struct latency_tracker *own;
	struct cds_lfht *table; /* nobody else's: what it deletes can be used again at once */
	char pad[128];
};

struct variant {
	const char *name;
	/* One batch of pairs with keys key, key + 1, ... */
	void (*run)(struct worker *worker, uint64_t key);
};

/* An event of the baselines; both tables use the same. */
struct node {
	struct cds_lfht_node link; /* first: is_key() */
	struct node *next;
	uint64_t key, start;
};

struct mutex_tracker {
	pthread_mutex_t lock;
	struct node *bucket[BUCKETS], *free;
	uint64_t sum, min, max, hist[WL_HIST_BUCKETS];
};

struct bench {
	const struct variant *variant;
	struct latency_tracker *tracker;
	struct mutex_tracker mutex;
	unsigned threads;
	uint64_t slice_ns;
	pthread_barrier_t start;
	atomic_bool stop;
};

static void run_clock(struct worker *worker, uint64_t key)
{
	for (unsigned i = 0; i < BATCH; i++)
		worker->sink += now_ns() + now_ns();
}

static int is_key(struct cds_lfht_node *node, const void *key)
{
	return ((struct node *)node)->key == *(const uint64_t *)key;
}

/* Each thread has one event that stays, for this. */
static void run_lookup(struct worker *worker, uint64_t key)
{
	uint64_t own = ~(uint64_t)worker->number;

	for (unsigned i = 0; i < BATCH; i++) {
		struct cds_lfht_iter iter;

		urcu_memb_read_lock();
		cds_lfht_lookup(worker->table, wl_hash(&own, sizeof(own), 1), is_key, &own, &iter);
		worker->sink += cds_lfht_iter_get_node(&iter) != NULL;
		urcu_memb_read_unlock();
	}
}

/*
 * The least that anybody could do: with a table that others look at too, a node could be used again
 * only after a grace period.
 */
static void run_table(struct worker *worker, uint64_t key)
{
	struct cds_lfht *table = worker->table;

	for (unsigned i = 0; i < BATCH; i++) {
		struct node *node = &worker->nodes[(key + i) % KEYS];
		uint64_t k = key + i;
		unsigned long hash = wl_hash(&k, sizeof(k), 1);
		struct cds_lfht_iter iter;

		node->key = k;
		urcu_memb_read_lock();
		cds_lfht_add(table, hash, &node->link);
		urcu_memb_read_unlock();
		hash = wl_hash(&k, sizeof(k), 1);
		urcu_memb_read_lock();
		cds_lfht_lookup(table, hash, is_key, &k, &iter);
		worker->sink += !cds_lfht_del(table, cds_lfht_iter_get_node(&iter));
		urcu_memb_read_unlock();
	}
}

static void run_pairs(struct worker *worker, struct latency_tracker *tracker, uint64_t key)
{
	for (unsigned i = 0; i < BATCH; i++) {
		uint64_t k = key + i;

		latency_tracker_event_in(tracker, &k, sizeof(k), 0, NULL);
		worker->sink += latency_tracker_event_out(tracker, NULL, &k, sizeof(k), 0, 0) ==
				LATENCY_TRACKER_OK;
	}
}

static void run_tracker(struct worker *worker, uint64_t key)
{
	run_pairs(worker, worker->bench->tracker, key);
}

static void run_own(struct worker *worker, uint64_t key)
{
	run_pairs(worker, worker->own, key);
}

static void mutex_in(struct mutex_tracker *t, uint64_t key)
{
	struct node **bucket = &t->bucket[wl_hash(&key, sizeof(key), 1) % BUCKETS], *node;

	pthread_mutex_lock(&t->lock);
	node = t->free;
	t->free = node->next;
	node->key = key;
	node->next = *bucket;
	*bucket = node;
	node->start = now_ns();
	pthread_mutex_unlock(&t->lock);
}

static void mutex_out(struct mutex_tracker *t, uint64_t key)
{
	struct node **at = &t->bucket[wl_hash(&key, sizeof(key), 1) % BUCKETS], *node;
	uint64_t now = now_ns(), delay;

	pthread_mutex_lock(&t->lock);
	while ((*at)->key != key)
		at = &(*at)->next;
	node = *at;
	*at = node->next;
	delay = now - node->start;
	t->sum += delay;
	t->min = delay < t->min ? delay : t->min;
	t->max = delay > t->max ? delay : t->max;
	t->hist[wl_hist_bucket(delay)]++;
	node->next = t->free;
	t->free = node;
	pthread_mutex_unlock(&t->lock);
}

static void run_mutex(struct worker *worker, uint64_t key)
{
	for (unsigned i = 0; i < BATCH; i++) {
		mutex_in(&worker->bench->mutex, key + i);
		mutex_out(&worker->bench->mutex, key + i);
	}
}

static const struct variant variants[] = {
	{ "clock", run_clock },     { "lookup", run_lookup }, { "table", run_table },
	{ "tracker", run_tracker }, { "own", run_own },       { "mutex", run_mutex },
};

/* ns that this thread has waited for a CPU so far. */
static uint64_t waited_ns(void)
{
	unsigned long long ran, waited = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	if (f && fscanf(f, "%llu %llu", &ran, &waited) != 2)
		waited = 0;
	if (f)
		fclose(f);
	return waited;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct bench *bench = worker->bench;
	uint64_t key = (uint64_t)worker->number << 32, before;

	pin_to((int)(worker->number % (unsigned)sysconf(_SC_NPROCESSORS_ONLN)));
	urcu_memb_register_thread();
	pthread_barrier_wait(&bench->start);
	worker->waited = waited_ns();
	before = now_ns();
	while (!atomic_load_explicit(&bench->stop, memory_order_relaxed)) {
		uint64_t now, step;

		bench->variant->run(worker, key);
		key += BATCH;
		now = now_ns();
		step = (now - before) / TIME_NS;
		worker->took[step < TIMES ? step : TIMES - 1]++;
		worker->batches++;
		before = now;
	}
	worker->waited = waited_ns() - worker->waited;
	urcu_memb_unregister_thread();
	return NULL;
}

/* ns per pair of the batch that is longer than this part of all. */
static double quantile(const struct bench *bench, const struct worker *workers, double part)
{
	uint64_t all = 0, seen = 0;
	size_t step = 0;

	for (unsigned i = 0; i < bench->threads; i++)
		all += workers[i].batches;
	for (; step < TIMES; step++) {
		for (unsigned i = 0; i < bench->threads; i++)
			seen += workers[i].took[step];
		if ((double)seen > (double)all * part)
			break;
	}
	return ((double)step + 0.5) * TIME_NS / BATCH;
}

static void measure(struct bench *bench, struct worker *workers, const struct variant *variant)
{
	uint64_t begin, batches = 0, waited = 0;
	uint64_t skipped = latency_tracker_skipped_count(bench->tracker);

	bench->variant = variant;
	atomic_store(&bench->stop, false);
	for (unsigned i = 0; i < bench->threads; i++) {
		workers[i].batches = 0;
		memset(workers[i].took, 0, sizeof(workers[i].took));
		if (pthread_create(&workers[i].id, NULL, work, &workers[i]))
			die("no thread");
	}
	pthread_barrier_wait(&bench->start);
	begin = now_ns();
	sleep_ms((long)(bench->slice_ns / 1000000));
	atomic_store(&bench->stop, true);
	for (unsigned i = 0; i < bench->threads; i++) {
		pthread_join(workers[i].id, NULL);
		batches += workers[i].batches;
		waited += workers[i].waited;
	}
	skipped = latency_tracker_skipped_count(bench->tracker) - skipped;
	printf("{\"variant\":\"%s\",\"threads\":%u,\"pairs\":%llu,\"seconds\":%.6f,"
	       "\"p1_ns\":%.2f,\"p50_ns\":%.2f,\"waited\":%.3f,\"skipped\":%llu}\n",
	       variant->name, bench->threads, (unsigned long long)(batches * BATCH),
	       (double)(now_ns() - begin) / 1e9, quantile(bench, workers, 0.01),
	       quantile(bench, workers, 0.5),
	       (double)waited / (double)bench->slice_ns / bench->threads,
	       (unsigned long long)skipped);
}

static void finish(struct latency_tracker *tracker)
{
	struct latency_tracker_stats stats;

	latency_tracker_get_stats(tracker, &stats, sizeof(stats));
	if (stats.count != stats.tracked)
		die("%llu events begun, %llu ended", (unsigned long long)stats.tracked,
		    (unsigned long long)stats.count);
	latency_tracker_destroy(tracker);
}

static void prepare_worker(struct worker *worker, struct bench *bench, unsigned number)
{
	struct node *nodes = calloc(KEYS + 2, sizeof(*nodes)), *stays = &nodes[KEYS];

	*worker = (struct worker){ .bench = bench, .number = number, .nodes = nodes };
	worker->table = cds_lfht_new_flavor(BUCKETS, BUCKETS, BUCKETS, 0, &urcu_memb_flavor, NULL);
	worker->own = latency_tracker_create(LATENCY_TRACKER_NEVER, 0, NULL, NULL);
	if (!nodes || !worker->table || !worker->own)
		die("no memory");
	nodes[KEYS + 1].next = bench->mutex.free;
	bench->mutex.free = &nodes[KEYS + 1];
	stays->key = ~(uint64_t)number;
	urcu_memb_read_lock();
	cds_lfht_add(worker->table, wl_hash(&stays->key, sizeof(stays->key), 1), &stays->link);
	urcu_memb_read_unlock();
}

static void prepare(struct bench *bench, struct worker *workers)
{
	bench->tracker = latency_tracker_create(LATENCY_TRACKER_NEVER, 0, NULL, NULL);
	if (!bench->tracker || pthread_mutex_init(&bench->mutex.lock, NULL))
		die("cannot start: %s", strerror(errno));
	pthread_barrier_init(&bench->start, NULL, bench->threads + 1);
	for (unsigned i = 0; i < bench->threads; i++)
		prepare_worker(&workers[i], bench, i);
}

int main(int argc, char **argv)
{
	static struct worker workers[MAX_THREADS];
	static struct bench bench;
	int repeats = argc == 4 ? atoi(argv[2]) : 0;

	bench.threads = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	bench.slice_ns = argc == 4 ? (uint64_t)atoi(argv[3]) * 1000000 : 0;
	if (!bench.threads || bench.threads > MAX_THREADS || repeats < 1 || !bench.slice_ns)
		die("usage: bench-tracker THREADS REPEATS SLICE_MS");
	urcu_memb_register_thread();
	prepare(&bench, workers);
	for (int i = 0; i < repeats; i++)
		for (size_t v = 0; v < sizeof(variants) / sizeof(variants[0]); v++)
			measure(&bench, workers, &variants[v]);
	finish(bench.tracker);
	for (unsigned i = 0; i < bench.threads; i++)
		finish(workers[i].own);
	urcu_memb_unregister_thread();
	return 0;
}
