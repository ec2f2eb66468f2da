// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A device whose interrupt handler takes long now and then, as that of a bad driver: a BPF program
 * on irq_handler_entry keeps the CPU for so long. Reads from the disk to get its interrupts.
 *
 *   demo-slow-irq LINE CPU MIN_US MAX_US FILE SEED
 *
 * CPU: ours. FILE: on the disk whose line it is. Prints "ready" once it is attached, which must be
 * after whylate; begins at the first line on stdin, prints "span FROM TO CPU" (CLOCK_MONOTONIC ns)
 * for each long handler, ends at the end of stdin.
 */
#include "../../tests/live/common.h"
#include "../../tests/scenarios/spin.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define USEC 1000ull
#define BLOCK 4096
#define REST_MIN_MS 40
#define REST_MAX_MS 120

static struct device {
	int fd;
	uint64_t blocks;
	void *buffer;
} device;

static void open_device(const char *path)
{
	struct stat st;

	device.fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (device.fd < 0 || fstat(device.fd, &st) || st.st_size < BLOCK)
		die("%s: cannot be read past the page cache", path);
	device.blocks = (uint64_t)st.st_size / BLOCK;
	if (posix_memalign(&device.buffer, BLOCK, BLOCK))
		die("no memory");
}

static void read_one(uint64_t *seed)
{
	off_t block = (off_t)(rng_next(seed) % device.blocks);

	if (pread(device.fd, device.buffer, BLOCK, block * BLOCK) != BLOCK)
		die("pread: %s", strerror(errno));
}

/* Has stdin ended, after so long? */
static int is_over(uint64_t rest_ms)
{
	struct pollfd in = { .fd = 0, .events = POLLIN };

	return poll(&in, 1, (int)rest_ms) > 0;
}

int main(int argc, char **argv)
{
	uint64_t min, max, seed;
	struct scn_span span;
	unsigned line, cpu;

	if (argc != 7)
		die("usage: demo-slow-irq LINE CPU MIN_US MAX_US FILE SEED");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	line = (unsigned)atoi(argv[1]);
	pin_to(atoi(argv[2]));
	min = strtoull(argv[3], NULL, 10) * USEC;
	max = strtoull(argv[4], NULL, 10) * USEC;
	open_device(argv[5]);
	seed = strtoull(argv[6], NULL, 10) | 1;
	if (scn_spin_open(SCN_SPIN_LINE))
		die("the BPF program on irq_handler_entry can't be loaded");
	puts("ready");
	gate();
	while (!is_over(rng_between(&seed, REST_MIN_MS, REST_MAX_MS))) {
		scn_spin_arm_line(line, rng_between(&seed, min, max));
		read_one(&seed);
		if (scn_spin_line_took(&span, &cpu))
			continue; /* it was polled for, or has another line there */
		printf("span %llu %llu %u\n", (unsigned long long)span.from,
		       (unsigned long long)span.to, cpu);
		fflush(stdout);
	}
	return 0;
}
