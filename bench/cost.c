/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * ns per event of each program, beside an empty program on the same tracepoint in the same run,
 * from the kernel's own run statistics. bench/run calls it and makes tables of what it prints.
 *
 *   bench-cost programs|record CPU OTHER_CPU FILE RUNS REPEAT LIMIT_MS [CASE...]
 *       one JSON line per case, repetition and program: runs and ns within that repetition, of the
 *       program and of the empty one. programs: of the state machine; record: of the flight
 *       recorder, alone and with the state machine, a session of each per repetition
 *   bench-cost empty
 *       attaches empty programs to all tracepoints of `watch`, says "ready", ends with stdin
 *   bench-cost sched
 *       records switches and wake-ups only, says "ready"; at the end of stdin, how many
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "bench.h"
#include "cli/options.h"
#include "empty.h"
#include "live/session.h"
#include "load.h"

#define PROGRAMS 96
#define SLICE_MS 20
#define WARM_MS 300

struct counted {
	uint64_t runs, ns;
};

/* One reading of everything. */
struct reading {
	struct wl_program_cost real[PROGRAMS];
	size_t n;
	struct counted empty[EMPTY_MAX]; /* as in wl_probes[] */
};

struct bench {
	struct wl_kernel kernel;
	struct wl_session *session;
	struct empty empties[EMPTY_MAX];
	struct load_spec spec; /* CPUs and file filled in */
	uint64_t runs;         /* at least, per repetition */
	int repeat, limit_ms;
	char **only; /* names of cases, NULL terminated; empty: all */
};

struct bench_case {
	const char *name; /* NULL: the last */
	enum load_kind kind;
	int tasks, per_process;
	int across;         /* a second CPU takes part */
	int when;           /* in which modes */
	const char *counts; /* the program whose runs end a repetition */
};

/* Where the target makes no difference, or most of them all, one of the two is enough. */
#define UNMATCHED 1
#define MATCHED 2
#define BOTH 3
/* With the recorder. */
#define ALONE 4
#define CALLS 8
#define ALL 7

/* What is measured: a command of whylate, a target that is or is not the load. */
struct mode {
	int when;
	const char *name;
	const char *argv[12]; /* nothing is ever slow */
};

#define LIMITS "--over", "1000s", "--timeout", "900s"
#define RING "--ring", "4M"
#define NOBODY "no-such-task"

static const struct mode programs_modes[] = {
	{ UNMATCHED, "others", { "watch", "-n", NOBODY, LIMITS, "--captures", "none" } },
	{ MATCHED, "target", { "watch", "-n", LOAD_NAME, LIMITS, "--captures", "none" } },
	{ 0 },
};

static const struct mode record_modes[] = {
	{ ALONE, "off", { "record", "-o", "nowhere", RING } },
	{ UNMATCHED, "others", { "watch", "-n", NOBODY, LIMITS, "--captures", "nowhere", RING } },
	{ MATCHED, "target", { "watch", "-n", LOAD_NAME, LIMITS, "--captures", "nowhere", RING } },
	{ CALLS, "calls", { "record", "-o", "nowhere", "--syscalls=all", RING } },
	{ 0 },
};

/* What `watch` attaches to when nothing is said. */
static const struct mode default_mode = { 0, "empty", { "watch", "-n", NOBODY } };

static const struct bench_case programs_cases[] = {
	{ "pipe warm", LOAD_PIPE, 2, 1, 0, BOTH, "wl_sched_waking" },
	{ "pipe cold", LOAD_PIPE, 400, 1, 0, BOTH, "wl_sched_waking" },
	{ "threads warm", LOAD_PIPE, 2, 2, 0, MATCHED, "wl_sched_waking" },
	{ "threads cold", LOAD_PIPE, 400, 2, 0, MATCHED, "wl_sched_waking" },
	{ "udp warm", LOAD_UDP, 2, 1, 0, BOTH, "wl_softirq_exit_probe" },
	{ "udp cold", LOAD_UDP, 400, 1, 0, BOTH, "wl_softirq_exit_probe" },
	{ "tcp warm", LOAD_TCP, 2, 1, 0, MATCHED, "wl_softirq_exit_probe" },
	{ "timer", LOAD_TIMER, 4, 1, 0, BOTH, "wl_local_timer_exit" },
	{ "across", LOAD_PIPE, 2, 1, 1, MATCHED, "wl_sched_waking" },
	{ "call", LOAD_CALL, 1, 1, 1, UNMATCHED, "wl_csd_function_exit" },
	{ "work", LOAD_WORK, 1, 1, 0, BOTH, "wl_workqueue_queue_work" },
	{ "disk", LOAD_DISK, 2, 1, 0, MATCHED, "wl_irq_handler_entry" },
	{ "fork", LOAD_FORK, 1, 1, 0, MATCHED, "wl_sched_process_fork" },
	{ 0 },
};

static const struct bench_case record_cases[] = {
	{ "pipe warm", LOAD_PIPE, 2, 1, 0, ALL, "wl_sched_waking" },
	{ "pipe cold", LOAD_PIPE, 400, 1, 0, ALL, "wl_sched_waking" },
	{ "udp warm", LOAD_UDP, 2, 1, 0, ALL, "wl_softirq_exit_probe" },
	{ "udp cold", LOAD_UDP, 400, 1, 0, ALL, "wl_softirq_exit_probe" },
	{ "timer", LOAD_TIMER, 4, 1, 0, ALL, "wl_local_timer_exit" },
	{ "disk", LOAD_DISK, 2, 1, 0, ALL, "wl_irq_handler_entry" },
	{ "pipe warm", LOAD_PIPE, 2, 1, 0, CALLS, "wl_sys_exit" },
	{ "pipe cold", LOAD_PIPE, 400, 1, 0, CALLS, "wl_sys_exit" },
	{ 0 },
};

/* --- readings --- */

static struct counted read_program(int fd)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return (struct counted){ 0 };
	return (struct counted){ info.run_cnt, info.run_time_ns };
}

static void take_reading(const struct bench *b, struct reading *r)
{
	r->n = wl_session_costs(b->session, r->real, PROGRAMS);
	if (r->n > PROGRAMS)
		die("%zu programs are too many", r->n);
	for (size_t i = 0; i < EMPTY_MAX; i++)
		r->empty[i] = read_program(b->empties[i].program);
}

static uint64_t runs_of(const struct reading *r, const char *program)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->real[i].name, program))
			return r->real[i].runs;
	return 0;
}

static size_t probe_of(const char *program)
{
	for (size_t i = 0; i < wl_nprobes && i < EMPTY_MAX; i++)
		if (!strcmp(wl_probes[i].program, program))
			return i;
	die("%s: no such program", program);
}

static void print_difference(const char *name, const struct mode *mode, int nr,
			     const struct reading *from, const struct reading *to)
{
	for (size_t i = 0; i < to->n; i++) {
		uint64_t runs = to->real[i].runs - from->real[i].runs;
		size_t e = probe_of(to->real[i].name);

		if (!runs || !wl_probes[e].tracepoint)
			continue;
		printf("{\"case\":\"%s\",\"mode\":\"%s\",\"repeat\":%d,\"program\":\"%s\","
		       "\"tracepoint\":\"%s\",\"runs\":%lu,\"ns\":%lu,\"empty_runs\":%lu,"
		       "\"empty_ns\":%lu}\n",
		       name, mode->name, nr, to->real[i].name, wl_probes[e].tracepoint, runs,
		       to->real[i].ns - from->real[i].ns, to->empty[e].runs - from->empty[e].runs,
		       to->empty[e].ns - from->empty[e].ns);
	}
	fflush(stdout);
}

/* --- one case --- */

static int on_report(void *ctx, struct wl_report *report)
{
	return 0;
}

/* As `watch` does while it waits. */
static void wait_a_slice(const struct bench *b)
{
	sleep_ms(SLICE_MS);
	wl_session_poll(b->session, on_report, NULL);
	wl_session_update(b->session, 0);
}

static void repeat_case(const struct bench *b, const struct bench_case *c, const struct mode *mode,
			int nr)
{
	uint64_t end = now_ns() + (uint64_t)b->limit_ms * 1000000;
	static struct reading from, to;

	take_reading(b, &from);
	do {
		wait_a_slice(b);
		take_reading(b, &to);
	} while (runs_of(&to, c->counts) - runs_of(&from, c->counts) < b->runs && now_ns() < end);
	print_difference(c->name, mode, nr, &from, &to);
}

/* Repetitions number first to last. */
static void run_case(const struct bench *b, const struct bench_case *c, const struct mode *mode,
		     int first, int last)
{
	struct load_spec spec = b->spec;
	struct load load;

	spec.kind = c->kind;
	spec.tasks = c->tasks;
	spec.per_process = c->per_process;
	spec.other = c->across ? b->spec.other : -1;
	if (c->across && b->spec.other == b->spec.cpu)
		return;
	load_start(&load, &spec);
	for (int ms = 0; ms < WARM_MS; ms += SLICE_MS)
		wait_a_slice(b);
	for (int i = first; i <= last; i++)
		repeat_case(b, c, mode, i);
	load_stop(&load);
}

static int is_chosen(const struct bench *b, const struct bench_case *c, const struct mode *mode)
{
	if (!(c->when & mode->when))
		return 0;
	for (char **name = b->only; *name; name++)
		if (!strcmp(*name, c->name))
			return 1;
	return !*b->only;
}

/* --- sessions --- */

static struct wl_config config_for(const struct mode *mode)
{
	static struct wl_options options;
	int argc = 0;

	while (mode->argv[argc])
		argc++;
	memset(&options, 0, sizeof(options));
	if (wl_options_parse(&options, argc, (char **)mode->argv))
		die("options of %s have changed", mode->argv[0]);
	return options.config;
}

static void run_session(struct bench *b, const struct bench_case *cases, const struct mode *mode,
			int first, int last)
{
	struct wl_config config = config_for(mode);

	if (wl_session_open(&b->session, &config, &b->kernel, WL_SESSION_VERBOSE))
		die("no session");
	empty_attach(b->empties, &b->kernel, wl_session_config(b->session));
	if (wl_session_start(b->session))
		die("no session");
	for (const struct bench_case *c = cases; c->name; c++)
		if (is_chosen(b, c, mode))
			run_case(b, c, mode, first, last);
	empty_detach(b->empties);
	wl_session_close(b->session);
}

static void run_programs(struct bench *b)
{
	for (const struct mode *mode = programs_modes; mode->name; mode++)
		run_session(b, programs_cases, mode, 0, b->repeat - 1);
}

/* In turns: a slow minute of the machine is everybody's. */
static void run_record(struct bench *b)
{
	for (int i = 0; i < b->repeat; i++)
		for (const struct mode *mode = record_modes; mode->name; mode++)
			run_session(b, record_cases, mode, i, i);
}

static int statistics_main(struct bench *b, int argc, char **argv, void (*run)(struct bench *b))
{
	int stats;

	if (argc < 8)
		die("%s CPU OTHER_CPU FILE RUNS REPEAT LIMIT_MS [CASE...]", argv[1]);
	b->spec.cpu = atoi(argv[2]);
	b->spec.other = atoi(argv[3]);
	b->spec.file = argv[4];
	b->runs = strtoull(argv[5], NULL, 10);
	b->repeat = atoi(argv[6]);
	b->limit_ms = atoi(argv[7]);
	b->only = argv + 8;
	/* by file descriptor: it is off again when we are gone, however we end */
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		die("no run statistics: %s", strerror(errno));
	run(b);
	close(stats);
	return 0;
}

static void wait_for_end(void)
{
	fflush(stdout);
	while (getchar() != EOF)
		;
}

static int empty_main(struct bench *b)
{
	struct wl_config config = config_for(&default_mode);
	int n;

	config.task_storage = b->kernel.task_storage;
	n = empty_attach(b->empties, &b->kernel, &config);
	printf("ready %d\n", n);
	wait_for_end();
	empty_detach(b->empties);
	return 0;
}

static int sched_main(struct bench *b)
{
	struct wl_config config = config_for(&record_modes[0]);
	const struct wl_rings *rings;
	uint64_t events = 0, lost = 0;

	if (wl_session_open(&b->session, &config, &b->kernel, WL_SESSION_SCHED) ||
	    wl_session_start(b->session))
		die("no session");
	puts("ready");
	wait_for_end();
	wl_session_stop(b->session);
	rings = wl_session_rings(b->session);
	for (uint32_t cpu = 0; cpu < rings->ncpu; cpu++) {
		events += rings->ring[cpu]->head.word >> 32;
		lost += rings->ring[cpu]->head.lost;
	}
	printf("%lu %lu\n", events, lost);
	wl_session_close(b->session);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	static struct bench b;

	if (wl_kernel_open(&b.kernel) || !b.kernel.btf)
		die("this kernel has no BTF");
	if (!strcmp(what, "programs"))
		return statistics_main(&b, argc, argv, run_programs);
	if (!strcmp(what, "record"))
		return statistics_main(&b, argc, argv, run_record);
	if (!strcmp(what, "empty"))
		return empty_main(&b);
	if (!strcmp(what, "sched"))
		return sched_main(&b);
	die("usage: bench-cost programs|record|empty|sched ...");
}
