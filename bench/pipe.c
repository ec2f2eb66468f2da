/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * `perf bench sched pipe`, but with both ends on one CPU and with policy batch: a process that is
 * woken runs when the other one sleeps, so that each operation is two wake-ups and two switches,
 * always. For each line on stdin, a number of ms, runs for that long and prints
 * "OPERATIONS MEDIAN_NS LEAST_NS": ns per operation of the slices of 20 ms that it is cut into.
 *
 *   bench-pipe CPU
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include "bench.h"

#define SLICE_NS 20000000ull
#define SLICES 4096
#define BURST 64 /* operations between two looks at the clock */

struct ends {
	int in, out;
};

static void set_batch(void)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &param))
		die("SCHED_BATCH: %s", strerror(errno));
}

static int hand_back(const struct ends *e)
{
	char token;

	return read(e->in, &token, 1) == 1 && write(e->out, &token, 1) == 1;
}

static void hand_over(const struct ends *e)
{
	char token = 'x';

	if (write(e->out, &token, 1) != 1 || read(e->in, &token, 1) != 1)
		die("pipe: %s", strerror(errno));
}

/* Starts the other end. */
static void open_ends(struct ends *mine)
{
	struct ends other;
	int there[2], back[2];

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	*mine = (struct ends){ .in = back[0], .out = there[1] };
	other = (struct ends){ .in = there[0], .out = back[1] };
	switch (fork()) {
	case -1:
		die("fork: %s", strerror(errno));
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(mine->in);
		close(mine->out);
		while (hand_back(&other))
			;
		_exit(0);
	}
	close(other.in);
	close(other.out);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ns per operation. */
static double run_slice(const struct ends *e, uint64_t *count)
{
	uint64_t start = now_ns(), last, n = 0;

	do {
		for (int i = 0; i < BURST; i++)
			hand_over(e);
		n += BURST;
		last = now_ns();
	} while (last - start < SLICE_NS);
	*count += n;
	return (double)(last - start) / (double)n;
}

static void run(const struct ends *e, uint64_t ms)
{
	uint64_t start = now_ns(), count = 0;
	static double slices[SLICES];
	size_t n = 0;

	do
		slices[n++] = run_slice(e, &count);
	while (n < SLICES && now_ns() - start < ms * 1000000);
	qsort(slices, n, sizeof(slices[0]), compare);
	printf("%lu %.2f %.2f\n", count, slices[n / 2], slices[0]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct ends ends;
	char line[64];

	if (argc != 2)
		die("usage: bench-pipe CPU");
	pin_to(atoi(argv[1]));
	set_batch();
	open_ends(&ends);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		run(&ends, strtoull(line, NULL, 10));
	return 0;
}
