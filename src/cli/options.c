/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The options are one table: the parser and the help both read it. Not getopt_long(), which has
 * state of its own, takes abbreviations, and can't tell `-n -- foo` from `-- foo`.
 */
#include "cli/options.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "cli/idle_calls.h"
#include "util/distance.h"
#include "util/escape.h"
#include "util/message.h"
#include "util/parse.h"
#include "util/syscalls.h"

#define DEFAULT_OVER_NS 1000000 /* least threshold of a quantile */
#define DEFAULT_TIMEOUT_NS 1000000000
#define DEFAULT_MAX_HOPS 32
#define MAX_PID (4 * 1024 * 1024) /* the kernel's PID_MAX_LIMIT */
#define FUTEX_LOW_BITS 7ull       /* see struct wl_home */
#define COLUMN 23                 /* of the help's texts */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct option {
	const char *group; /* not NULL: the heading of a group, nothing else is set */
	char letter;       /* 0: none */
	const char *name;
	const char *value; /* NULL: takes none */
	int (*apply)(struct wl_options *options, const char *label, const char *value);
	const char *help;
};

/* Says what was wrong with an option; label is how it was written. Always -EINVAL. */
static int refuse(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(const char *label, const char *format, ...)
{
	char text[WL_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	wl_error("%s: %s", label, text);
	return -EINVAL;
}

/* Calls apply for each part between commas; an empty part is an error. */
static int for_each_part(struct wl_options *options, const char *label, const char *list,
			 int (*apply)(struct wl_options *, const char *, const char *))
{
	char part[64];

	for (;;) {
		size_t len = strcspn(list, ",");
		int ret;

		if (!len)
			return refuse(label, "a value is missing (write them as 1,2,3)");
		if (len >= sizeof(part))
			return refuse(label, "'%.*s' is too long", (int)len, list);
		memcpy(part, list, len);
		part[len] = '\0';
		ret = apply(options, label, part);
		if (ret || !list[len])
			return ret;
		list += len + 1;
	}
}

static int add_id(__u32 *ids, __u32 *count, const char *label, const char *value)
{
	uint32_t id;
	int ret = wl_parse_uint32(value, &id);

	if (ret == -EINVAL)
		return refuse(label, "'%s' is not an id (try 1234; names go with -n)", value);
	if (ret || !id || id > MAX_PID)
		return refuse(label, "'%s' is no task's id (they go from 1 to %d)", value, MAX_PID);
	if (*count == WL_MAX_PIDS)
		return refuse(label, "'%s' is one too many (at most %d; try -n or --cgroup)", value,
			      WL_MAX_PIDS);
	ids[(*count)++] = id;
	return 0;
}

static int add_pid(struct wl_options *options, const char *label, const char *value)
{
	struct wl_target_config *target = &options->config.target;

	return add_id(target->pids, &target->npids, label, value);
}

static int add_tid(struct wl_options *options, const char *label, const char *value)
{
	struct wl_target_config *target = &options->config.target;

	return add_id(target->tids, &target->ntids, label, value);
}

static int apply_pid(struct wl_options *options, const char *label, const char *value)
{
	return for_each_part(options, label, value, add_pid);
}

static int apply_tid(struct wl_options *options, const char *label, const char *value)
{
	return for_each_part(options, label, value, add_tid);
}

/* Stars side by side mean one star; the kernel side's matcher relies on it (bpf/target.h). */
static void copy_glob(char *to, const char *from)
{
	for (; *from; from++)
		if (from[0] != '*' || from[1] != '*')
			*to++ = *from;
	*to = '\0';
}

static int apply_name(struct wl_options *options, const char *label, const char *value)
{
	struct wl_target_config *target = &options->config.target;
	size_t len = strlen(value);

	if (!len)
		return refuse(label, "the name is empty (try -n memcached or -n 'mc-*')");
	if (len >= WL_COMM_LEN)
		return refuse(label,
			      "'%s' has %zu bytes, but the kernel keeps %d bytes of a name "
			      "(try '%.*s')",
			      value, len, WL_COMM_LEN - 1, WL_COMM_LEN - 1, value);
	if (target->nnames == WL_MAX_NAMES)
		return refuse(label, "'%s' is one too many (at most %d; try a glob such as 'mc-*')",
			      value, WL_MAX_NAMES);
	copy_glob(target->names[target->nnames++], value);
	return 0;
}

static int add_text(const char **texts, uint32_t *count, uint32_t max, const char *label,
		    const char *value, const char *example)
{
	if (!*value)
		return refuse(label, "the value is empty (try %s)", example);
	if (*count == max)
		return refuse(label, "'%s' is one too many (at most %u)", value, max);
	texts[(*count)++] = value;
	return 0;
}

static int apply_cgroup(struct wl_options *options, const char *label, const char *value)
{
	return add_text(options->cgroups, &options->ncgroups, WL_MAX_GROUPS, label, value,
			"/system.slice/memcached.service");
}

static int apply_user(struct wl_options *options, const char *label, const char *value)
{
	return add_text(options->users, &options->nusers, WL_MAX_USERS, label, value,
			"www-data or 33");
}

static int apply_rt(struct wl_options *options, const char *label, const char *value)
{
	options->config.target.rt_only = 1;
	return 0;
}

/* A duration that is not 0. */
static int duration(const char *label, const char *value, uint64_t *ns)
{
	int ret = wl_parse_duration(value, ns);

	if (ret == -ERANGE)
		return refuse(label, "'%s' is out of range (1ns to 584 years)", value);
	if (ret)
		return refuse(label, "'%s' is not a duration (try 250us, 5ms, 1.5s)", value);
	if (!*ns)
		return refuse(label, "'%s' is no time at all (try 250us, 5ms, 1.5s)", value);
	return 0;
}

static int over_worst(struct wl_options *options)
{
	options->config.over = WL_OVER_WORST;
	options->config.over_ns = 0;
	snprintf(options->over_text, sizeof(options->over_text), "each new worst");
	return 0;
}

static int over_quantile(struct wl_options *options, const char *label, const char *value)
{
	int ret = wl_parse_quantile(value, &options->quantile);

	if (ret == -ERANGE)
		return refuse(label, "'%s' is not between p0 and p100 (try p99, p99.9)", value);
	if (ret)
		return refuse(label, "'%s' is not a quantile (try p99, p99.9)", value);
	options->config.over = WL_OVER_QUANTILE;
	options->config.over_ns = DEFAULT_OVER_NS;
	snprintf(options->over_text, sizeof(options->over_text),
		 "%.12s (at least 1 ms, after 1,000 responses)", value);
	return 0;
}

static int apply_over(struct wl_options *options, const char *label, const char *value)
{
	uint64_t ns;

	if (!strcmp(value, "worst"))
		return over_worst(options);
	if (value[0] == 'p')
		return over_quantile(options, label, value);
	if (duration(label, value, &ns))
		return -EINVAL;
	options->config.over = WL_OVER_FIXED;
	options->config.over_ns = ns;
	snprintf(options->over_text, sizeof(options->over_text), "%s", value);
	return 0;
}

/* The place of value in a NULL-terminated list; says what there is if it is not there. */
static int choose(const char *label, const char *value, const char *const *names)
{
	char all[128] = "";
	size_t used = 0;

	for (int i = 0; names[i]; i++) {
		if (!strcasecmp(value, names[i]))
			return i;
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 names[i]);
	}
	return refuse(label, "'%s' is not one of %s", value, all);
}

static int apply_until(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = {
		[WL_UNTIL_TURN] = "turn", [WL_UNTIL_IDLE] = "idle", [WL_UNTIL_BLOCK] = "block",
		[WL_UNTIL_RUN] = "run",   [WL_UNTIL_MARK] = NULL,
	};
	int until;

	if (!strcmp(value, "mark"))
		return refuse(label, "marks are not in this version (try turn, idle, block, run)");
	until = choose(label, value, names);
	if (until < 0)
		return until;
	options->config.chain.until = (__u8)until;
	return 0;
}

/* The number of a native system call, from its name or number. */
static int idle_call(const char *label, const char *name)
{
	const char *nearest = wl_syscall_nearest(name);
	int nr = wl_syscall_number(name, false);
	uint32_t number;

	if (nr >= 0)
		return nr;
	if (!wl_parse_uint32(name, &number) && number <= INT_MAX &&
	    wl_syscall_name((int)number, false))
		return (int)number;
	if (nearest)
		return refuse(label, "'%s' is not a system call (did you mean %s?)", name, nearest);
	return refuse(label, "'%s' is not a system call (try epoll_wait, futex:0x7f00c0de1230)",
		      name);
}

static bool is_futex_call(const struct wl_chain_config *chain, int nr)
{
	return nr < WL_SYSCALL_WORDS * 64 && chain->futex_calls[nr / 64] >> (nr % 64) & 1;
}

static int idle_arg(const struct wl_chain_config *chain, const char *label, const char *text,
		    struct wl_home *home)
{
	uint64_t arg;
	int ret = wl_parse_uint64(text, &arg);

	if (ret == -ERANGE)
		return refuse(label, "'%s' does not fit in 64 bits", text);
	if (ret)
		return refuse(label,
			      "'%s' is not an argument (its value, such as 5 or 0x7f00c0de1230)",
			      text);
	home->any_arg = 0;
	home->arg = is_futex_call(chain, home->syscall) ? arg & ~FUTEX_LOW_BITS : arg;
	return 0;
}

static int apply_idle(struct wl_options *options, const char *label, const char *value)
{
	struct wl_chain_config *chain = &options->config.chain;
	struct wl_home home = { .any_arg = 1 };
	size_t len = strcspn(value, ":");
	char name[64];

	if (!len || len >= sizeof(name))
		return refuse(label, "'%s' does not begin with a system call (try epoll_wait:5)",
			      value);
	memcpy(name, value, len);
	name[len] = '\0';
	home.syscall = idle_call(label, name);
	if (home.syscall < 0 || (value[len] && idle_arg(chain, label, value + len + 1, &home)))
		return -EINVAL;
	if (chain->nidle == WL_MAX_IDLE)
		return refuse(label, "'%s' is one too many (at most %d)", value, WL_MAX_IDLE);
	chain->idle[chain->nidle++] = home;
	return 0;
}

static int apply_follow(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = { "process", "all", NULL };
	int follow = choose(label, value, names);

	if (follow < 0)
		return follow;
	options->config.chain.follow_all = (__u8)follow;
	return 0;
}

static int apply_timeout(struct wl_options *options, const char *label, const char *value)
{
	uint64_t ns;

	if (!strcmp(value, "none")) {
		options->config.timeout_ns = 0;
		return 0;
	}
	if (!strcmp(value, "0"))
		return refuse(label, "'0' is not a duration (try none, 500ms, 5s)");
	if (duration(label, value, &ns))
		return -EINVAL;
	options->config.timeout_ns = ns;
	return 0;
}

static int apply_irq(struct wl_options *options, const char *label, const char *value)
{
	return add_text(options->irqs, &options->nirqs, WL_MAX_IRQS, label, value,
			"36 or virtio1-req.0, see /proc/interrupts");
}

static int add_softirq(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = {
		"HI",      "TIMER", "NET_TX",  "NET_RX", "BLOCK", "IRQ_POLL",
		"TASKLET", "SCHED", "HRTIMER", "RCU",    NULL,
	};
	int softirq = choose(label, value, names);

	if (softirq < 0)
		return softirq;
	options->config.stim.softirqs |= 1u << softirq;
	return 0;
}

static int apply_softirq(struct wl_options *options, const char *label, const char *value)
{
	return for_each_part(options, label, value, add_softirq);
}

static int apply_timer(struct wl_options *options, const char *label, const char *value)
{
	options->config.stim.timer = 1;
	return 0;
}

static int apply_duration(struct wl_options *options, const char *label, const char *value)
{
	return duration(label, value, &options->duration_ns);
}

static int apply_fail_on_slow(struct wl_options *options, const char *label, const char *value)
{
	options->fail_on_slow = true;
	return 0;
}

static int apply_json(struct wl_options *options, const char *label, const char *value)
{
	options->json = true;
	return 0;
}

static int apply_color(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = {
		[WL_COLOR_AUTO] = "auto",
		[WL_COLOR_ALWAYS] = "always",
		[WL_COLOR_NEVER] = "never",
		NULL,
	};
	int color = choose(label, value, names);

	if (color < 0)
		return color;
	options->color = (enum wl_color)color;
	return 0;
}

static int apply_quiet(struct wl_options *options, const char *label, const char *value)
{
	options->quiet = true;
	return 0;
}

static int apply_verbose(struct wl_options *options, const char *label, const char *value)
{
	options->verbose++;
	return 0;
}

static int apply_help(struct wl_options *options, const char *label, const char *value);

/* In the help, a \n begins a new line in the same column. */
static const struct option table[] = {
	{ .group = "Target: whose responses (the same option twice: or; different ones: and)" },
	{ NULL, 'p', "pid", "PID,...", apply_pid, "processes" },
	{ NULL, 't', "tid", "TID,...", apply_tid, "threads" },
	{ NULL, 'n', "name", "NAME", apply_name,
	  "processes or threads of that name; * and ? match\nanything, at most 15 bytes" },
	{ NULL, 0, "cgroup", "PATH", apply_cgroup, "tasks in this control group or below" },
	{ NULL, 'u', "user", "USER", apply_user, "tasks of this user (name or number)" },
	{ NULL, 0, "rt", NULL, apply_rt, "real-time tasks only" },
	{ .group = "What is slow" },
	{ NULL, 0, "over", "TIME|pN|worst", apply_over,
	  "longer than a time (5ms); than a quantile of the\n"
	  "responses so far (p99.9, the default: after 1,000 of\n"
	  "them, at least 1 ms); or each new worst" },
	{ NULL, 0, "timeout", "TIME|none", apply_timeout,
	  "report what is unfinished after that time (1s)" },
	{ NULL, 0, "fail-on-slow", NULL, apply_fail_on_slow, "exit status 4 if anything was slow" },
	{ .group = "Where a response begins (several: any of them)" },
	{ NULL, 0, "irq", "N|NAME", apply_irq, "an interrupt line, see /proc/interrupts" },
	{ NULL, 0, "softirq", "NAME,...", apply_softirq,
	  "HI TIMER NET_TX NET_RX BLOCK IRQ_POLL TASKLET SCHED\nHRTIMER RCU" },
	{ NULL, 0, "timer", NULL, apply_timer, "a timer's programmed expiry" },
	{ .group = "Where a response ends" },
	{ NULL, 0, "until", "WHERE", apply_until,
	  "run    the target runs for the first time\n"
	  "block  it blocks, for any reason\n"
	  "idle   it waits for its next work again\n"
	  "turn   as idle, or it receives its next request on a\n"
	  "       socket (the default)" },
	{ NULL, 0, "idle", "CALL[:ARG]", apply_idle,
	  "waiting in this system call, with this first argument\n"
	  "(decimal or 0x...), is waiting for the next work" },
	{ NULL, 0, "follow", "process|all", apply_follow,
	  "across processes too: all (default: process)" },
	{ .group = "Output" },
	{ NULL, 0, "duration", "TIME", apply_duration,
	  "stop after that time (default: at Ctrl-C)" },
	{ NULL, 0, "json", NULL, apply_json, "one JSON object per line" },
	{ NULL, 0, "color", "WHEN", apply_color, "auto, always or never" },
	{ NULL, 'q', "quiet", NULL, apply_quiet, "only verdicts and the summary" },
	{ NULL, 'v', "verbose", NULL, apply_verbose, "more detail; twice: all of it" },
	{ NULL, 'h', "help", NULL, apply_help, "this text" },
};

static void print_option(const struct option *option)
{
	char left[64];
	int len = 0;

	if (option->letter)
		len = snprintf(left, sizeof(left), "-%c, ", option->letter);
	len += snprintf(left + len, sizeof(left) - (size_t)len, "--%s%s%s", option->name,
			option->value ? " " : "", option->value ? option->value : "");
	printf("  %-*s", COLUMN - 2, left);
	if (len > COLUMN - 3)
		printf("\n%*s", COLUMN, "");
	for (const char *c = option->help; *c; c++) {
		putchar(*c);
		if (*c == '\n')
			printf("%*s", COLUMN, "");
	}
	putchar('\n');
}

static void print_help(const char *verb)
{
	printf("usage: whylate %s [OPTIONS] [-- COMMAND...]\n"
	       "\n"
	       "Measures response times live and explains each slow one. With a command: starts\n"
	       "it, watches it and what it starts, and passes its exit status on.\n",
	       verb);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (table[i].group)
			printf("\n%s:\n", table[i].group);
		else
			print_option(&table[i]);
	}
	printf("\nExamples:\n"
	       "  whylate %s -n memcached                    what is slow for it, and why\n"
	       "  whylate %s -n memcached --over 2ms --json  one JSON line per slow response\n"
	       "  whylate %s --rt --until run --timer        timer to first instruction\n"
	       "  whylate %s --duration 10s -- ./server      start it, watch it\n",
	       verb, verb, verb, verb);
}

static int apply_help(struct wl_options *options, const char *label, const char *value)
{
	return 1;
}

/* What is left of the command line. */
struct args {
	char **next;
	const char *letters; /* rest of -abc, or NULL */
};

static int unknown_option(const char *name)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].name)
			wl_nearest_offer(&nearest, table[i].name);
	if (nearest.best)
		wl_error("--%s is not an option (did you mean --%s?)", name, nearest.best);
	else
		wl_error("--%s is not an option (see --help)", name);
	return -EINVAL;
}

static int apply_option(struct wl_options *options, const struct option *option, const char *label,
			const char *value, struct args *args)
{
	if (option->value && !value) {
		value = *args->next;
		if (!value || !strcmp(value, "--"))
			return refuse(label, "its value is missing (%s %s)", label, option->value);
		args->next++;
	}
	return option->apply(options, label, value);
}

/* --name, --name VALUE, --name=VALUE */
static int parse_long(struct wl_options *options, const char *arg, struct args *args)
{
	size_t len = strcspn(arg, "=");
	const char *value = arg[len] ? arg + len + 1 : NULL;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 arg);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char label[sizeof(name) + 2];

		if (!table[i].name || strlen(table[i].name) != len || strcmp(table[i].name, name))
			continue;
		snprintf(label, sizeof(label), "--%s", name);
		if (value && !table[i].value)
			return refuse(label, "it takes no value, but got '%s'", value);
		return apply_option(options, &table[i], label, value, args);
	}
	return unknown_option(name);
}

static const struct option *find_letter(char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].letter && table[i].letter == letter)
			return &table[i];
	return NULL;
}

/* -v, -vv, -p VALUE, -pVALUE */
static int parse_letters(struct wl_options *options, const char *letters, struct args *args)
{
	for (; *letters; letters++) {
		const struct option *option = find_letter(*letters);
		const char label[] = { '-', *letters, '\0' };
		bool rest = option && option->value && letters[1];
		int ret;

		if (!option) {
			wl_error("%s is not an option (see --help)", label);
			return -EINVAL;
		}
		ret = apply_option(options, option, label, rest ? letters + 1 : NULL, args);
		if (ret || option->value)
			return ret;
	}
	return 0;
}

static int parse_command(struct wl_options *options, struct args *args)
{
	if (!*args->next)
		return refuse("--", "the command is missing (-- ./server --port 80)");
	options->command = args->next;
	return 0;
}

static int parse_word(struct wl_options *options, const char *arg, struct args *args)
{
	if (!strncmp(arg, "--", 2))
		return parse_long(options, arg + 2, args);
	if (arg[0] == '-' && arg[1])
		return parse_letters(options, arg + 1, args);
	wl_error("'%s' is not an option (a name goes after -n, an id after -p, a command after --)",
		 arg);
	return -EINVAL;
}

static void set_defaults(struct wl_options *options)
{
	memset(options, 0, sizeof(*options));
	options->config.chain.max_hops = DEFAULT_MAX_HOPS;
	options->config.timeout_ns = DEFAULT_TIMEOUT_NS;
	wl_idle_calls_fill(&options->config.chain);
	over_quantile(options, "--over", "p99.9");
}

static int check_conflicts(const struct wl_options *options)
{
	const struct wl_target_config *target = &options->config.target;
	__u8 until = options->config.chain.until;

	if (options->quiet && options->verbose)
		return refuse("--quiet", "it contradicts -v (choose one)");
	if (options->command && target->npids)
		return refuse("-p", "a process that runs already contradicts -- %s (choose one)",
			      options->command[0]);
	if (options->command && target->ntids)
		return refuse("-t", "a thread that runs already contradicts -- %s (choose one)",
			      options->command[0]);
	if (options->config.chain.nidle && (until == WL_UNTIL_RUN || until == WL_UNTIL_BLOCK))
		return refuse("--idle",
			      "--until %s does not look at where a task waits (choose one)",
			      until == WL_UNTIL_RUN ? "run" : "block");
	return 0;
}

int wl_options_parse(struct wl_options *options, int argc, char **argv)
{
	const struct wl_stim_config *stim = &options->config.stim;
	struct args args = { .next = argv + (argc > 0) };
	int ret = 0;

	set_defaults(options);
	while (!ret && *args.next && !options->command) {
		const char *arg = *args.next++;

		if (!strcmp(arg, "--"))
			ret = parse_command(options, &args);
		else
			ret = parse_word(options, arg, &args);
	}
	if (ret > 0)
		print_help(argc > 0 ? argv[0] : "watch");
	if (ret)
		return ret;
	options->config.stim.any = !options->nirqs && !stim->softirqs && !stim->timer;
	return check_conflicts(options);
}
