/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * `perf bench sched pipe`, but with both ends on one CPU and with policy batch: a process that is
 * woken runs when the other one sleeps, so that each operation is two wake-ups and two switches,
 * always. For each line on stdin, a number of ms, runs for that long and prints
 * "OPERATIONS MEDIAN_NS LEAST_NS WALL_NS": CPU time of both ends per operation, of the slices of
 * 20 ms that it is cut into, and the median by the clock on the wall. What else runs on this CPU,
 * and what the host takes, is not in the first two; interrupts are, unless the kernel accounts for
 * them separately (CONFIG_IRQ_TIME_ACCOUNTING).
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
	clockid_t clocks[2]; /* CPU time of this end and of the other one */
};

struct slices {
	double cpu[SLICES], wall[SLICES];
	size_t n;
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
	pid_t pid;

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	*mine = (struct ends){ .in = back[0], .out = there[1] };
	other = (struct ends){ .in = there[0], .out = back[1] };
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(mine->in);
		close(mine->out);
		while (hand_back(&other))
			;
		_exit(0);
	}
	close(other.in);
	close(other.out);
	mine->clocks[0] = CLOCK_PROCESS_CPUTIME_ID;
	if (clock_getcpuclockid(pid, &mine->clocks[1]))
		die("no clock of process %d", pid);
}

static uint64_t cpu_ns(const struct ends *e)
{
	uint64_t sum = 0;
	struct timespec ts;

	for (int i = 0; i < 2; i++) {
		if (clock_gettime(e->clocks[i], &ts))
			die("no CPU time: %s", strerror(errno));
		sum += (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
	}
	return sum;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static uint64_t run_slice(const struct ends *e, struct slices *s)
{
	uint64_t cpu = cpu_ns(e), start = now_ns(), last, n = 0;

	do {
		for (int i = 0; i < BURST; i++)
			hand_over(e);
		n += BURST;
		last = now_ns();
	} while (last - start < SLICE_NS);
	s->cpu[s->n] = (double)(cpu_ns(e) - cpu) / (double)n;
	s->wall[s->n++] = (double)(last - start) / (double)n;
	return n;
}

static void run(const struct ends *e, uint64_t ms)
{
	uint64_t start = now_ns(), count = 0;
	static struct slices s;

	s.n = 0;
	do
		count += run_slice(e, &s);
	while (s.n < SLICES && now_ns() - start < ms * 1000000);
	qsort(s.cpu, s.n, sizeof(s.cpu[0]), compare);
	qsort(s.wall, s.n, sizeof(s.wall[0]), compare);
	printf("%lu %.2f %.2f %.2f\n", count, s.cpu[s.n / 2], s.cpu[0], s.wall[s.n / 2]);
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
