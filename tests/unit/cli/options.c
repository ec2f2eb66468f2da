/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "abi/ring.h"
#include "capture.h"
#include "cli/options.h"

#define MAX_ARGS 48

struct parsed {
	struct wl_options options;
	int ret;
	char *argv[MAX_ARGS];
	char line[2048];
	char out[16384], err[4096];
};

/* Parses a command line written with spaces; an argument '' is empty. */
static void parse(struct parsed *p, const char *line)
{
	struct captured out, err;
	char *save = NULL;
	int argc = 0;

	assert_true(strlen(line) < sizeof(p->line));
	strcpy(p->line, line);
	for (char *word = strtok_r(p->line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(argc < MAX_ARGS - 1);
		p->argv[argc++] = strcmp(word, "''") ? word : word + 2;
	}
	p->argv[argc] = NULL;
	memset(&p->options, 0xa5, sizeof(p->options));
	capture_begin(&out, STDOUT_FILENO);
	capture_begin(&err, STDERR_FILENO);
	p->ret = wl_options_parse(&p->options, argc, p->argv);
	capture_end(&err, p->err, sizeof(p->err));
	capture_end(&out, p->out, sizeof(p->out));
}

static const struct wl_options *parse_ok(struct parsed *p, const char *line)
{
	parse(p, line);
	if (p->ret || p->err[0] || p->out[0])
		fail_msg("'%s': %d, %s", line, p->ret, p->err);
	return &p->options;
}

static void test_defaults(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p, "watch");

	assert_int_equal(o->config.over, WL_OVER_QUANTILE);
	assert_true(o->quantile == 0.999);
	assert_true(o->config.over_ns == 1000000);
	assert_string_equal(o->over_text, "p99.9 (at least 1 ms, after 1,000 responses)");
	assert_true(o->config.timeout_ns == 1000000000);
	assert_int_equal(o->config.chain.until, WL_UNTIL_TURN);
	assert_int_equal(o->config.chain.max_hops, 32);
	assert_int_equal(o->config.chain.follow_all, 0);
	assert_int_equal(o->config.stim.any, 1);
	assert_true(o->config.chain.idle_calls[SYS_read / 64] >> (SYS_read % 64) & 1);
	assert_true(o->duration_ns == 0);
	assert_null(o->command);
	assert_int_equal(o->color, WL_COLOR_AUTO);
	assert_false(o->json || o->quiet || o->fail_on_slow || o->verbose);
}

static void test_targets(void **state)
{
	struct parsed p;
	const struct wl_options *o =
		parse_ok(&p, "watch -p 12,13 -p14 --pid=15 -t 7 -n mc-** --name 15-bytes-of-nam "
			     "--cgroup /a/b -u joe --user 33 --rt");
	const struct wl_target_config *t = &o->config.target;

	assert_int_equal(t->npids, 4);
	assert_int_equal(t->pids[0], 12);
	assert_int_equal(t->pids[1], 13);
	assert_int_equal(t->pids[2], 14);
	assert_int_equal(t->pids[3], 15);
	assert_int_equal(t->ntids, 1);
	assert_int_equal(t->tids[0], 7);
	assert_int_equal(t->nnames, 2);
	assert_string_equal(t->names[0], "mc-*");
	assert_string_equal(t->names[1], "15-bytes-of-nam");
	assert_int_equal(o->ncgroups, 1);
	assert_string_equal(o->cgroups[0], "/a/b");
	assert_int_equal(o->nusers, 2);
	assert_string_equal(o->users[1], "33");
	assert_int_equal(t->rt_only, 1);
}

static void test_over(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p, "watch --over 5ms");

	assert_int_equal(o->config.over, WL_OVER_FIXED);
	assert_true(o->config.over_ns == 5000000);
	assert_string_equal(o->over_text, "5ms");
	o = parse_ok(&p, "watch --over=p99");
	assert_int_equal(o->config.over, WL_OVER_QUANTILE);
	assert_true(o->quantile == 0.99);
	assert_string_equal(o->over_text, "p99 (at least 1 ms, after 1,000 responses)");
	o = parse_ok(&p, "watch --over worst");
	assert_int_equal(o->config.over, WL_OVER_WORST);
	assert_string_equal(o->over_text, "each new worst");
	/* the last one counts */
	o = parse_ok(&p, "watch --over worst --over 250us");
	assert_int_equal(o->config.over, WL_OVER_FIXED);
	assert_true(o->config.over_ns == 250000);
}

static void test_ends(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p, "watch --until run --follow all --timeout none");

	assert_int_equal(o->config.chain.until, WL_UNTIL_RUN);
	assert_int_equal(o->config.chain.follow_all, 1);
	assert_true(o->config.timeout_ns == 0);
	o = parse_ok(&p, "watch --until BLOCK --follow process --timeout 500ms");
	assert_int_equal(o->config.chain.until, WL_UNTIL_BLOCK);
	assert_int_equal(o->config.chain.follow_all, 0);
	assert_true(o->config.timeout_ns == 500000000);
}

static void test_idle(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p,
					      "watch --idle epoll_pwait:5 --idle futex:0x7f0014 "
					      "--idle read --idle 61:3");
	const struct wl_home *idle = o->config.chain.idle;

	assert_int_equal(o->config.chain.nidle, 4);
	assert_int_equal(idle[0].syscall, SYS_epoll_pwait);
	assert_int_equal(idle[0].any_arg, 0);
	assert_true(idle[0].arg == 5);
	assert_int_equal(idle[1].syscall, SYS_futex);
	assert_true(idle[1].arg == 0x7f0010); /* without the low 3 bits */
	assert_int_equal(idle[2].syscall, SYS_read);
	assert_int_equal(idle[2].any_arg, 1);
	assert_int_equal(idle[3].syscall, 61);
	assert_true(idle[3].arg == 3);
}

static void test_stimuli(void **state)
{
	struct parsed p;
	const struct wl_options *o =
		parse_ok(&p, "watch --softirq net_rx,HI --softirq RCU --timer");

	assert_int_equal(o->config.stim.any, 0);
	assert_int_equal(o->config.stim.softirqs, 1u << 3 | 1u << 0 | 1u << 9);
	assert_int_equal(o->config.stim.timer, 1);
	o = parse_ok(&p, "watch --irq 36 --irq virtio1-req.0");
	assert_int_equal(o->config.stim.any, 0);
	assert_int_equal(o->nirqs, 2);
	assert_string_equal(o->irqs[1], "virtio1-req.0");
	assert_int_equal(o->config.stim.nirqs, 0); /* names are the machine's business */
}

static void test_output(void **state)
{
	struct parsed p;
	const struct wl_options *o =
		parse_ok(&p, "watch --duration 1.5s --json --color never --fail-on-slow -vv -v");

	assert_true(o->duration_ns == 1500000000);
	assert_true(o->json && o->fail_on_slow && !o->quiet);
	assert_int_equal(o->verbose, 3);
	assert_int_equal(o->color, WL_COLOR_NEVER);
	o = parse_ok(&p, "watch --quiet --color=always");
	assert_true(o->quiet);
	assert_int_equal(o->color, WL_COLOR_ALWAYS);
}

static void test_command(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p, "watch --over 5ms -- ./server --json -- x");

	assert_false(o->json);
	assert_non_null(o->command);
	assert_string_equal(o->command[0], "./server");
	assert_string_equal(o->command[1], "--json");
	assert_string_equal(o->command[2], "--");
	assert_string_equal(o->command[3], "x");
	assert_null(o->command[4]);
}

static const struct {
	const char *line, *message;
} refused[] = {
	{ "watch --over 5x", "--over: '5x' is not a duration (try 250us, 5ms, 1.5s)" },
	{ "watch --over 5", "--over: '5' is not a duration (try 250us, 5ms, 1.5s)" },
	{ "watch --over -5ms", "--over: '-5ms' is not a duration" },
	{ "watch --over ''", "--over: '' is not a duration" },
	{ "watch --over 0ms", "--over: '0ms' is no time at all" },
	{ "watch --over 9999999h", "--over: '9999999h' is out of range" },
	{ "watch --over p100", "--over: 'p100' is not between p0 and p100" },
	{ "watch --over p", "--over: 'p' is not a quantile (try p99, p99.9)" },
	{ "watch --over", "--over: its value is missing (--over TIME|pN|worst)" },
	{ "watch --over -- x", "--over: its value is missing" },
	{ "watch --begin server", "--begin: 'server' is not a probe (try usdt:" },
	{ "watch --begin usdt:/bin/x:a", "--begin: 'usdt:/bin/x:a' is not a probe" },
	{ "watch --begin uprobe::f", "--begin: 'uprobe::f' is not a probe" },
	{ "watch --end-key arg0", "--end-key: the probe it belongs to comes first (--end)" },
	{ "watch --begin uprobe:/bin/x:f --begin-key arg6", "--begin-key: 'arg6' is no place" },
	{ "watch --end uretprobe:/bin/x:f --end-key arg0", "--end-key: 'arg0' is no place" },
	{ "watch --begin uprobe:/bin/x:f --begin-key tid:str", "'tid:str' is no place" },
	{ "watch --until turn --end uprobe:/bin/x:f", "--begin, --end: they mean --until mark" },
	{ "watch --until never", "--until: 'never' is not one of turn, idle, block, run" },
	{ "watch --follow me", "--follow: 'me' is not one of process, all" },
	{ "watch --color red", "--color: 'red' is not one of auto, always, never" },
	{ "watch --timeout 0", "--timeout: '0' is not a duration (try none, 500ms, 5s)" },
	{ "watch --timeout 0s", "--timeout: '0s' is no time at all" },
	{ "watch --duration x", "--duration: 'x' is not a duration" },
	{ "watch -p abc", "-p: 'abc' is not an id (try 1234; names go with -n)" },
	{ "watch -p 0", "-p: '0' is no task's id" },
	{ "watch -p 4194305", "-p: '4194305' is no task's id" },
	{ "watch -p 99999999999", "-p: '99999999999' is no task's id" },
	{ "watch -p 1,,2", "-p: a value is missing" },
	{ "watch -p 1,", "-p: a value is missing" },
	{ "watch -p ''", "-p: a value is missing" },
	{ "watch --tid=-3", "--tid: '-3' is not an id" },
	{ "watch -n sixteen-bytes-xx", "-n: 'sixteen-bytes-xx' has 16 bytes, but the kernel "
				       "keeps 15 bytes of a name (try 'sixteen-bytes-x')" },
	{ "watch -n ''", "-n: the name is empty" },
	{ "watch -n", "-n: its value is missing (-n NAME)" },
	{ "watch --cgroup=", "--cgroup: the value is empty" },
	{ "watch --idle epol_wait", "--idle: 'epol_wait' is not a system call (did you mean "
				    "epoll_wait?)" },
	{ "watch --idle 100000", "--idle: '100000' is not a system call" },
	{ "watch --idle :5", "--idle: ':5' does not begin with a system call" },
	{ "watch --idle read:", "--idle: '' is not an argument" },
	{ "watch --idle read:x", "--idle: 'x' is not an argument" },
	{ "watch --idle read:0x10000000000000000", "does not fit in 64 bits" },
	{ "watch --softirq NET", "--softirq: 'NET' is not one of HI, TIMER, NET_TX" },
	{ "watch --json=yes", "--json: it takes no value, but got 'yes'" },
	{ "watch --jsn", "--jsn is not an option (did you mean --json?)" },
	{ "watch --captures ''", "--captures: the name is empty" },
	{ "watch --ring 4X", "--ring: '4X' is not a size (try 512K, 4M, 1G)" },
	{ "watch --ring 3M", "--ring: '3M' is not a power of two (try 2M or 4M)" },
	{ "watch --ring 700K", "--ring: '700K' is not a power of two (try 512K or 1M)" },
	{ "watch --ring 256K", "--ring: '256K' is too small (at least 512K)" },
	{ "watch --ring 2G", "--ring: '2G' is too large (at most 1024M per CPU)" },
	{ "watch --ring 99999999T", "--ring: '99999999T' is out of range" },
	{ "watch --post 2s", "--post: '2s' is too long (at most 1s)" },
	{ "watch --post 5", "--post: '5' is not a duration" },
	{ "watch --syscalls=some", "--syscalls: 'some' is not one of targets, all" },
	{ "watch --syscalls some", "'some' is not an option" },
	{ "watch --keep 0", "--keep: '0' keeps nothing (--captures none takes none)" },
	{ "watch --keep many", "--keep: 'many' is not a number (try 3, 10)" },
	{ "watch --keep 1001", "--keep: '1001' is too many (at most 1000 per cause)" },
	{ "watch --keep 99999999999", "is too many" },
	{ "watch --keep-size 4K", "--keep-size: '4K' is too small (at least 1M)" },
	{ "watch --captures none --ring 4M", "--ring: it means nothing without captures" },
	{ "watch --syscalls --captures none", "--syscalls: it means nothing without" },
	{ "watch -o trace", "-o: it is an option of record (watch writes captures" },
	{ "record", "record: -o DIR is missing: where to write (-o trace)" },
	{ "record -o ''", "-o: the name is empty" },
	{ "record -o t --over 5ms", "--over: it is an option of watch (record measures no" },
	{ "record -o t --keep 3", "--keep: it is an option of watch" },
	{ "record -o t --captures x", "--captures: it is an option of watch" },
	{ "record -o t --until run", "--until: it is an option of watch" },
	{ "record -o t --ovr", "--ovr is not an option (see --help)" },
	{ "watch -x", "-x is not an option (see --help)" },
	{ "watch -vx", "-x is not an option" },
	{ "watch memcached", "'memcached' is not an option (a name goes after -n" },
	{ "watch -", "'-' is not an option" },
	{ "watch --", "--: the command is missing" },
	{ "watch -q -v", "--quiet: it contradicts -v" },
	{ "watch -p 1 -- x", "-p: a process that runs already contradicts -- x" },
	{ "watch -t 1 -- x", "-t: a thread that runs already contradicts -- x" },
	{ "watch --until run --idle read", "--idle: --until run does not look at" },
	{ "watch --\x1b[2J", "--\\x1b[2J is not an option" },
};

/* Every refusal names the option, the value and what to do. */
static void test_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct parsed p;

		parse(&p, refused[i].line);
		if (p.ret != -EINVAL || p.out[0] || strncmp(p.err, "whylate: ", 9) ||
		    !strstr(p.err, refused[i].message) || strchr(p.err, '\n')[1])
			fail_msg("'%s': %d, %s", refused[i].line, p.ret, p.err);
	}
}

static void test_long_probe(void **state)
{
	char line[2000] = "watch --begin uprobe:/bin/x:";
	struct parsed p;

	memset(line + strlen(line), 'f', 900);
	parse(&p, line);
	assert_int_equal(p.ret, 0);
	assert_int_equal(strlen(p.options.marks[0].name), 900);
	memset(line + strlen(line), 'f', 200);
	parse(&p, line);
	assert_int_equal(p.ret, -EINVAL);
	assert_non_null(strstr(p.err, "...' is too long (1114 bytes)"));
}

static void test_marks(void **state)
{
	const struct wl_mark_probe *p;
	struct parsed parsed;

	parse(&parsed, "watch --begin usdt:/bin/x:pro:na --begin-key arg11:str "
		       "--end uretprobe:/bin/x:ns::f --end-key retval");
	assert_int_equal(parsed.ret, 0);
	assert_int_equal(parsed.options.config.chain.until, WL_UNTIL_MARK);
	assert_int_equal(parsed.options.nmarks, 2);
	p = parsed.options.marks;
	assert_int_equal(p[0].means, WL_MARK_USDT);
	assert_string_equal(p[0].path, "/bin/x");
	assert_string_equal(p[0].provider, "pro");
	assert_string_equal(p[0].name, "na");
	assert_int_equal(p[0].site.op, WL_MARK_BEGIN);
	assert_int_equal(p[0].site.key, 11);
	assert_int_equal(p[0].site.kind, WL_COOKIE_TEXT);
	assert_int_equal(p[1].means, WL_MARK_RETURN);
	assert_string_equal(p[1].name, "ns::f");
	assert_int_equal(p[1].site.op, WL_MARK_END);
	assert_int_equal(p[1].site.key, WL_MARK_AT_RESULT);
	assert_int_equal(p[1].site.kind, WL_COOKIE_NUMBER);
}

static void test_recorder(void **state)
{
	struct parsed p;
	const struct wl_options *o = parse_ok(&p, "watch");

	assert_int_equal(o->config.record, 1);
	assert_int_equal(o->config.follow, 1);
	assert_int_equal(o->config.syscalls, WL_SYSCALLS_NONE);
	assert_int_equal(o->config.ring_size, 0);
	assert_string_equal(o->captures, "whylate-captures");
	assert_null(o->output);
	assert_int_equal(o->post_ns, 5000000);
	assert_int_equal(o->keep, 3);
	assert_int_equal(o->keep_size, 256 << 20);
	o = parse_ok(&p, "watch --captures none");
	assert_int_equal(o->config.record, 0);
	assert_null(o->captures);
	o = parse_ok(&p, "watch --captures /tmp/c --ring 1M --post 0s --keep 7 --keep-size 1G "
			 "--syscalls");
	assert_int_equal(o->config.record, 1);
	assert_int_equal(o->config.syscalls, WL_SYSCALLS_TARGETS);
	assert_int_equal(o->config.ring_size, 1 << 20);
	assert_string_equal(o->captures, "/tmp/c");
	assert_int_equal(o->post_ns, 0);
	assert_int_equal(o->keep, 7);
	assert_int_equal(o->keep_size, 1 << 30);
	o = parse_ok(&p, "watch --ring 1024M --syscalls=all");
	assert_int_equal(o->config.syscalls, WL_SYSCALLS_ALL);
	assert_int_equal(o->config.ring_size, WL_RING_MAX);
	o = parse_ok(&p, "demo -n x");
	assert_int_equal(o->config.record, 0);
	assert_int_equal(o->config.follow, 1);
}

static void test_record(void **state)
{
	struct parsed p;
	const struct wl_options *o =
		parse_ok(&p, "record -o dir -n mc* --ring 8M --syscalls=targets --duration 10s -v");

	assert_int_equal(o->config.record, 1);
	assert_int_equal(o->config.follow, 0);
	assert_true(o->config.timeout_ns == 0);
	assert_string_equal(o->output, "dir");
	assert_null(o->captures);
	assert_int_equal(o->config.syscalls, WL_SYSCALLS_TARGETS);
	assert_int_equal(o->config.ring_size, 8 << 20);
	assert_int_equal(o->config.target.nnames, 1);
	o = parse_ok(&p, "record --output=dir -- sleep 1");
	assert_string_equal(o->output, "dir");
	assert_string_equal(o->command[0], "sleep");
}

static void test_default_ring(void **state)
{
	assert_int_equal(wl_options_default_ring(1), 4 << 20);
	assert_int_equal(wl_options_default_ring(64), 4 << 20);
	assert_int_equal(wl_options_default_ring(65), 2 << 20);
	assert_int_equal(wl_options_default_ring(128), 2 << 20);
	assert_int_equal(wl_options_default_ring(512), 512 << 10);
	assert_int_equal(wl_options_default_ring(4096), 512 << 10);
	assert_int_equal(wl_options_default_ring(0), 4 << 20);
}

static void test_too_many(void **state)
{
	struct parsed p;
	char line[1024] = "watch -p 1";

	for (int i = 2; i <= WL_MAX_PIDS; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), ",%d", i);
	parse_ok(&p, line);
	strcat(line, " -p 77");
	parse(&p, line);
	assert_int_equal(p.ret, -EINVAL);
	assert_non_null(strstr(p.err, "-p: '77' is one too many (at most 32"));
	parse_ok(&p, "watch -n 1 -n 2 -n 3 -n 4 -n 5 -n 6 -n 7 -n 8");
	parse(&p, "watch -n 1 -n 2 -n 3 -n 4 -n 5 -n 6 -n 7 -n 8 -n 9");
	assert_non_null(strstr(p.err, "-n: '9' is one too many (at most 8"));
	parse(&p, "watch -u 1 -u 2 -u 3 -u 4 -u 5 -u 6 -u 7 -u 8 -u 9");
	assert_non_null(strstr(p.err, "-u: '9' is one too many (at most 8)"));
	parse(&p, "watch --idle 0 --idle 0 --idle 0 --idle 0 --idle 0 --idle 0 --idle 0 --idle 0 "
		  "--idle 1");
	assert_non_null(strstr(p.err, "--idle: '1' is one too many (at most 8)"));
}

static void check_lines(char *text)
{
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		assert_true(end - line <= 80);
}

static void test_help(void **state)
{
	static const char *const words[] = {
		"usage: whylate watch",
		"-p, --pid PID,...",
		"--fail-on-slow",
		"--until WHERE",
		"Target:",
		"Output:",
		"Examples:",
		"--softirq NAME,...",
		"-- COMMAND",
	};
	struct parsed p;

	parse(&p, "watch --json -h --nonsense");
	assert_int_equal(p.ret, 1);
	assert_string_equal(p.err, "");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strstr(p.out, words[i]))
			fail_msg("%s", words[i]);
	assert_null(strstr(p.out, "-o, --output"));
	check_lines(p.out);
	parse(&p, "record --help");
	assert_int_equal(p.ret, 1);
	assert_non_null(strstr(p.out, "usage: whylate record -o DIR"));
	assert_non_null(strstr(p.out, "-o, --output DIR"));
	assert_non_null(strstr(p.out, "--syscalls[=all]"));
	assert_null(strstr(p.out, "--over"));
	assert_null(strstr(p.out, "What is slow"));
	check_lines(p.out);
}

static void test_no_arguments(void **state)
{
	struct wl_options options;
	char *none[] = { NULL };

	assert_int_equal(wl_options_parse(&options, 0, none), 0);
	assert_int_equal(options.config.over, WL_OVER_QUANTILE);
}

/* Any words in any order: accepted, or refused with one line; never a crash. */
static void test_fuzz(void **state)
{
	static const char *const words[] = {
		"--over",     "5ms",         "p99",        "worst",
		"-p",         "1,2",         "-n",         "mc*",
		"--idle",     "futex:0x10",  "--syscalls", "--syscalls=all",
		"--captures", "none",        "--ring",     "1M",
		"--keep=2",   "--until",     "run",        "idle",
		"--json",     "-vv",         "--timeout",  "none",
		"--softirq",  "RCU,HI",      "--rt",       "-u",
		"joe",        "--cgroup=/x", "--irq=3",    "-t7",
		"--color",    "never",       "x",          "--over=",
		"-q",         "--timer",     "--follow",   "all",
		"-n\xff\x1b", "--=",         "-",          "--duration=1h",
	};
	uint64_t seed = 5;

	for (int i = 0; i < 1000; i++) {
		char line[512] = "watch";
		size_t count = test_random(&seed) % 9;
		struct parsed p;

		for (size_t j = 0; j < count; j++) {
			strcat(line, " ");
			strcat(line, words[test_random(&seed) % ARRAY_SIZE(words)]);
		}
		parse(&p, line);
		assert_true(p.ret == 0 || p.ret == -EINVAL);
		assert_int_equal(p.ret == 0, p.err[0] == '\0');
		if (p.ret)
			assert_ptr_equal(strchr(p.err, '\n'), p.err + strlen(p.err) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),     cmocka_unit_test(test_targets),
		cmocka_unit_test(test_over),         cmocka_unit_test(test_ends),
		cmocka_unit_test(test_idle),         cmocka_unit_test(test_stimuli),
		cmocka_unit_test(test_output),       cmocka_unit_test(test_command),
		cmocka_unit_test(test_refused),      cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_long_probe),   cmocka_unit_test(test_marks),
		cmocka_unit_test(test_recorder),     cmocka_unit_test(test_record),
		cmocka_unit_test(test_default_ring), cmocka_unit_test(test_help),
		cmocka_unit_test(test_no_arguments), cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
