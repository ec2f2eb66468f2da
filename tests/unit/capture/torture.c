/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Snapshots and recordings while all CPUs write as fast as they can. A CPU is a thread, its
 * interrupts are signals: two levels, which nest. Each (CPU, level) numbers its records, so that
 * what came out can be compared with what went in.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/snapshot.h"
#include "capture/stream.h"
#include "test.h"
#include "directory.h"
#include "rings.h"

#define NCPU 2
#define LEVELS 3
#define RING WL_RING_MIN
#define SHOOT_NS 500000000ull /* and at least so many */
#define SHOTS 6
#define RECORD_NS 80000000ull
#define NUMBER_BITS 56 /* above: the level */

struct source {
	struct rings *rings;
	uint32_t cpu;
	uint64_t attempts[LEVELS]; /* records that were to be written */
	bool runs, stop;
	pthread_t thread;
	timer_t timers[LEVELS - 1];
};

static __thread struct source *this_cpu;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void spin(uint64_t ns)
{
	uint64_t end = now() + ns;

	while (now() < end)
		;
}

/* --- writing --- */

static uint16_t pick_id(uint64_t n)
{
	return n % 3 == 0 ? WL_EVID_SCHED_SWITCH : n % 3 == 1 ? WL_EVID_TIMER_EXIT : RINGS_CALL;
}

/* hold: time between reservation and commit, ns. */
static void put(struct source *s, unsigned int level, uint64_t hold)
{
	uint64_t n = s->attempts[level]++;
	uint16_t id = pick_id(n);
	struct pending pending;
	void *payload = rings_reserve(s->rings, s->cpu, id, rings_record_size(id), &pending);

	if (hold)
		spin(hold);
	if (payload)
		rings_set_number(id, payload, (uint64_t)level << NUMBER_BITS | n);
	rings_commit(&pending);
}

static void interrupt(int signal)
{
	unsigned int level = signal == SIGUSR1 ? 1 : 2;

	for (int i = 0; i < 4; i++)
		put(this_cpu, level, level == 1 && i == 1 ? 2000 : 0);
}

static void add_timer(struct source *s, unsigned int level, long ns)
{
	struct itimerspec spec = { .it_interval.tv_nsec = ns, .it_value.tv_nsec = ns };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
				  .sigev_signo = level == 1 ? SIGUSR1 : SIGUSR2 };

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &s->timers[level - 1]), 0);
	assert_int_equal(timer_settime(s->timers[level - 1], 0, &spec, NULL), 0);
}

static void *run_cpu(void *arg)
{
	struct source *s = arg;

	this_cpu = s;
	add_timer(s, 1, 61000);
	add_timer(s, 2, 37000);
	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		uint64_t n = s->attempts[0];

		/* now and then an interrupt finds a record open, or it stays so for long */
		put(s, 0, n % 50000 == 0 ? 3000000 : n % 100 == 0 ? 5000 : 0);
		spin(n % 4096 < 2048 ? 0 : 300);
	}
	for (unsigned int level = 1; level < LEVELS; level++)
		timer_delete(s->timers[level - 1]);
	return NULL;
}

struct fixture {
	struct rings rings;
	struct source sources[NCPU];
};

static void start_cpus(struct fixture *f)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART };

	/* SIGUSR2 interrupts SIGUSR1's handler, not the other way round */
	sigaction(SIGUSR1, &action, NULL);
	sigaddset(&action.sa_mask, SIGUSR1);
	sigaction(SIGUSR2, &action, NULL);
	for (uint32_t cpu = 0; cpu < NCPU; cpu++) {
		struct source *s = &f->sources[cpu];

		s->runs = true;
		assert_int_equal(pthread_create(&s->thread, NULL, run_cpu, s), 0);
	}
}

static void stop_cpus(struct fixture *f)
{
	for (uint32_t cpu = 0; cpu < NCPU; cpu++) {
		struct source *s = &f->sources[cpu];

		if (!s->runs)
			continue;
		__atomic_store_n(&s->stop, true, __ATOMIC_RELAXED);
		pthread_join(s->thread, NULL);
		s->runs = false;
	}
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	rings_open(&f->rings, NCPU, RING);
	for (uint32_t cpu = 0; cpu < NCPU; cpu++)
		f->sources[cpu] = (struct source){ .rings = &f->rings, .cpu = cpu };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	stop_cpus(f);
	rings_close(&f->rings);
	free(f);
	return 0;
}

/* --- checking --- */

/*
 * Every level's numbers go up; returns how many are missing between the first one and the last one
 * of each.
 */
static uint64_t check_numbers(const struct stream_file *file, uint64_t *read)
{
	uint64_t next[LEVELS] = { 0 }, missing = 0;
	bool seen[LEVELS] = { false };
	const struct wl_record *r;
	size_t packet = 0;
	uint32_t at = 0;

	*read = 0;
	while ((r = stream_next(file, &packet, &at))) {
		uint64_t number, level;

		if (!wl_event_is_written(r->id))
			continue;
		number = rings_number(r) & ((1ull << NUMBER_BITS) - 1);
		level = rings_number(r) >> NUMBER_BITS;
		assert_true(level < LEVELS);
		assert_int_equal(r->id, pick_id(number));
		if (seen[level]) {
			assert_true(number >= next[level]); /* not twice, not out of order */
			missing += number - next[level];
		}
		seen[level] = true;
		next[level] = number + 1;
		++*read;
	}
	return missing;
}

static void check_stream(const char *path, uint32_t cpu, const struct wl_cpu_counts *n)
{
	struct stream_file file;
	uint64_t read, missing;

	stream_read(&file, path, cpu);
	missing = check_numbers(&file, &read);
	assert_int_equal(read, n->read);
	assert_int_equal(n->written, n->read + n->lost + n->left_out);
	assert_int_equal(n->excess, 0);
	/* at the edges a number may be missing that no number shows */
	assert_true(missing <= n->lost + n->refused);
	assert_int_equal(stream_header(&file, file.npackets - 1)->events_discarded,
			 n->lost + n->refused);
	stream_free(&file);
}

static void check_reader(const char *program, const char *path, uint64_t read, uint64_t lost)
{
	uint64_t events, discarded;

	if (!babeltrace_count(program, path, &events, &discarded))
		return;
	assert_int_equal(events, read);
	assert_int_equal(discarded, lost);
}

static struct wl_ring_head heads(const struct rings *rings)
{
	struct wl_ring_head sum = { 0 };

	for (uint32_t cpu = 0; cpu < NCPU; cpu++) {
		sum.retries += rings->ring[cpu]->head.retries;
		sum.pinned += rings->ring[cpu]->head.pinned;
		sum.lost += rings->ring[cpu]->head.lost;
	}
	return sum;
}

/* --- snapshots --- */

struct totals {
	uint64_t shots, read, lost, left_out, refused, holes;
};

static void add(struct totals *sum, const struct wl_cpu_counts *n)
{
	sum->read += n->read;
	sum->lost += n->lost;
	sum->left_out += n->left_out;
	sum->refused += n->refused;
	sum->holes += n->holes;
}

static void print_totals(const char *what, const struct rings *rings, const struct totals *sum)
{
	const struct wl_ring_head head = heads(rings);

	print_message("%lu %s: %lu read, %lu lost, %lu left out, %lu refused, %lu holes; in all "
		      "%lu nested, %lu lost (%lu pinned)\n",
		      sum->shots, what, sum->read, sum->lost, sum->left_out, sum->refused,
		      sum->holes, (unsigned long)head.retries, (unsigned long)head.lost,
		      (unsigned long)head.pinned);
}

static void shoot(struct wl_snapshot *s, uint64_t window, bool readers, struct totals *sum)
{
	struct totals before = *sum;
	struct wl_metadata m;
	struct directory dir;

	directory_make(&dir);
	metadata_example(&m, WL_SYSCALLS_TARGETS);
	wl_snapshot_take(s, window ? now() - window : 0);
	wl_snapshot_finish(s);
	assert_int_equal(wl_snapshot_write(s, dir.fd, &m, NULL), 0);
	for (uint32_t cpu = 0; cpu < NCPU; cpu++) {
		check_stream(dir.path, cpu, wl_snapshot_counts(s, cpu));
		add(sum, wl_snapshot_counts(s, cpu));
	}
	sum->shots++;
	if (readers) {
		uint64_t lost = sum->lost + sum->refused - before.lost - before.refused;

		check_reader("babeltrace2", dir.path, sum->read - before.read, lost);
		check_reader("babeltrace", dir.path, sum->read - before.read, lost);
	}
	directory_remove(&dir);
}

static void shoot_while_running(struct fixture *f, bool ignore_pin)
{
	struct totals sum = { 0 };
	struct wl_snapshot *s;

	f->rings.ignore_pin = ignore_pin;
	assert_int_equal(wl_snapshot_open(&s, &f->rings.rings), 0);
	start_cpus(f);
	usleep(20000);
	for (uint64_t end = now() + SHOOT_NS; now() < end || sum.shots < SHOTS; usleep(3000))
		shoot(s, sum.shots % 2 * 2000000, !sum.shots, &sum);
	stop_cpus(f);
	shoot(s, 0, true, &sum);
	wl_snapshot_close(s);
	print_totals("snapshots", &f->rings, &sum);
	assert_true(heads(&f->rings).retries > 0);
}

static void test_snapshots(void **state)
{
	shoot_while_running(*state, false);
}

/* As if every copy took longer than a pin lasts. */
static void test_snapshots_without_pin(void **state)
{
	shoot_while_running(*state, true);
}

/* --- recordings --- */

/* Everything that was to be written is somewhere. */
static void check_recording(struct wl_stream *s, const struct source *source, const char *path,
			    struct totals *sum)
{
	const struct wl_cpu_counts *n = wl_stream_counts(s, source->cpu);
	uint64_t attempts = 0;

	for (unsigned int level = 0; level < LEVELS; level++)
		attempts += source->attempts[level];
	assert_int_equal(attempts, n->read + n->lost + n->left_out + n->refused);
	check_stream(path, source->cpu, n);
	add(sum, n);
}

/* So that nothing is lost before the first packet that is saved. */
static void save_first_packets(struct fixture *f, struct wl_stream *s)
{
	for (uint32_t cpu = 0; cpu < NCPU; cpu++)
		while (wl_word_position(f->rings.ring[cpu]->head.word) <= WL_PACKET_UNITS)
			put(&f->sources[cpu], 0, 0);
	assert_int_equal(wl_stream_poll(s), 0);
	for (uint32_t cpu = 0; cpu < NCPU; cpu++)
		assert_int_equal(wl_stream_counts(s, cpu)->packets, 1);
}

static void record_while_running(struct fixture *f, useconds_t pause)
{
	struct totals sum = { 0 };
	struct wl_stream *s;
	struct wl_metadata m;
	struct directory dir;

	directory_make(&dir);
	metadata_example(&m, WL_SYSCALLS_TARGETS);
	assert_int_equal(wl_stream_open(&s, &f->rings.rings, dir.fd, &m, NULL), 0);
	save_first_packets(f, s);
	start_cpus(f);
	for (uint64_t end = now() + RECORD_NS; now() < end; usleep(pause))
		assert_int_equal(wl_stream_poll(s), 0);
	stop_cpus(f);
	assert_int_equal(wl_stream_finish(s), 0);
	for (uint32_t cpu = 0; cpu < NCPU; cpu++)
		check_recording(s, &f->sources[cpu], dir.path, &sum);
	check_reader("babeltrace2", dir.path, sum.read, sum.lost + sum.refused);
	check_reader("babeltrace", dir.path, sum.read, sum.lost + sum.refused);
	sum.shots = 1;
	print_totals("recording", &f->rings, &sum);
	assert_true(sum.read > 0);
	wl_stream_close(s);
	directory_remove(&dir);
}

static void test_recording(void **state)
{
	record_while_running(*state, 1000);
}

/* Writers lap the reader again and again. */
static void test_recording_too_slowly(void **state)
{
	record_while_running(*state, 20000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_snapshots),
		TEST(test_snapshots_without_pin),
		TEST(test_recording),
		TEST(test_recording_too_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
