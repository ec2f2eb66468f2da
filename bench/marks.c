// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * What a begin/end pair of marks costs, beside other means.
 *
 *   bench-marks loop|mark|write|ust COUNT REPEAT
 *
 * Waits for a line on stdin, then prints ns of CPU time per pair, of each repetition. An optional
 * list of addresses in this file (`empty ADDRESS ...` after REPEAT) attaches a BPF program there
 * that does nothing: what a probe alone costs.
 */
#include <bpf/bpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <whylate/mark.h>
#ifdef BENCH_UST
#include <whylate/mark-lttng.h>
#endif

#define die(...) (fprintf(stderr, __VA_ARGS__), exit(1))

/* CPU time: others may be running here too. */
static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void __attribute__((noinline)) pairs_loop(uint64_t n, int fd)
{
	for (uint64_t i = 0; i < n; i++)
		__asm__ volatile("" : : "r"(i), "r"(fd));
}

static void __attribute__((noinline)) pairs_mark(uint64_t n, int fd)
{
	(void)fd;
	for (uint64_t i = 0; i < n; i++) {
		whylate_work_begin(i);
		whylate_work_end(i);
	}
}

static void __attribute__((noinline)) pairs_write(uint64_t n, int fd)
{
	for (uint64_t i = 0; i < n; i++)
		if (write(fd, &i, sizeof(i)) < 0 || write(fd, &i, sizeof(i)) < 0)
			die("write: %s\n", strerror(errno));
}

static void __attribute__((noinline)) pairs_ust(uint64_t n, int fd)
{
	(void)n;
	(void)fd;
#ifdef BENCH_UST
	for (uint64_t i = 0; i < n; i++) {
		lttng_ust_tracepoint(whylate, begin, i);
		lttng_ust_tracepoint(whylate, end, i);
	}
#else
	die("built without liblttng-ust\n");
#endif
}

static const struct {
	const char *name;
	void (*pairs)(uint64_t n, int fd);
} means[] = {
	{ "loop", pairs_loop },
	{ "mark", pairs_mark },
	{ "write", pairs_write },
	{ "ust", pairs_ust },
};

static int uprobe_type(void)
{
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type = -1;

	if (!f || fscanf(f, "%d", &type) != 1)
		die("this kernel has no uprobes\n");
	fclose(f);
	return type;
}

static void attach_empty(uint64_t offset)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct perf_event_attr attr = { .size = sizeof(attr), .type = (uint32_t)uprobe_type() };
	int program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "empty", "GPL", insns, 2, NULL), fd;

	attr.config1 = (uint64_t)(uintptr_t) "/proc/self/exe";
	attr.config2 = offset;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (program < 0 || fd < 0 || ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		die("empty probe at %llx: %s\n", (unsigned long long)offset, strerror(errno));
}

int main(int argc, char **argv)
{
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;
	int repeat = argc > 3 ? atoi(argv[3]) : 5, fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	void (*pairs)(uint64_t, int) = NULL;
	char line[16];

	for (size_t i = 0; argc > 1 && i < sizeof(means) / sizeof(means[0]); i++)
		if (!strcmp(argv[1], means[i].name))
			pairs = means[i].pairs;
	if (!pairs)
		die("bench-marks loop|mark|write|ust COUNT REPEAT\n");
	for (int i = 5; i < argc; i++)
		attach_empty(strtoull(argv[i], NULL, 16));
	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	pairs(n / 10 + 1, fd); /* warm; and a call is patched in at the first hits */
	for (int i = 0; i < repeat; i++) {
		uint64_t t = now();

		pairs(n, fd);
		printf("%.2f\n", (double)(now() - t) / (double)n);
	}
	return 0;
}
