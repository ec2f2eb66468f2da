/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/option.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "abi/ring.h"
#include "cli/idle_calls.h"
#include "cli/mark_options.h"
#include "util/message.h"
#include "util/parse.h"
#include "util/syscalls.h"

#define DEFAULT_OVER_NS 1000000 /* least threshold of a quantile */
#define DEFAULT_TIMEOUT_NS 1000000000
#define DEFAULT_POST_NS 5000000
#define MAX_POST_NS 1000000000
#define DEFAULT_KEEP 3
#define MAX_KEEP 1000
#define DEFAULT_WORST 10
#define MAX_WORST 1000
#define DEFAULT_KEEP_SIZE (256u << 20)
#define MIN_KEEP_SIZE (1u << 20)
#define DEFAULT_RING (4u << 20)
#define DEFAULT_RINGS (256u << 20) /* at most of all CPUs together */
#define MAX_PID (4 * 1024 * 1024)  /* the kernel's PID_MAX_LIMIT */
#define FUTEX_LOW_BITS 7ull        /* see struct wl_home */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int wl_option_refuse(const char *label, const char *format, ...)
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
			return wl_option_refuse(label, "a value is missing (write them as 1,2,3)");
		if (len >= sizeof(part))
			return wl_option_refuse(label, "'%.*s' is too long", (int)len, list);
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
		return wl_option_refuse(label, "'%s' is not an id (try 1234; names go with -n)",
					value);
	if (ret || !id || id > MAX_PID)
		return wl_option_refuse(label, "'%s' is no task's id (they go from 1 to %d)", value,
					MAX_PID);
	if (*count == WL_MAX_PIDS)
		return wl_option_refuse(label,
					"'%s' is one too many (at most %d; try -n or --cgroup)",
					value, WL_MAX_PIDS);
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
		return wl_option_refuse(label, "the name is empty (try -n memcached or -n 'mc-*')");
	if (len >= WL_COMM_LEN)
		return wl_option_refuse(
			label,
			"'%s' has %zu bytes, but the kernel keeps %d bytes of a name "
			"(try '%.*s')",
			value, len, WL_COMM_LEN - 1, WL_COMM_LEN - 1, value);
	if (target->nnames == WL_MAX_NAMES)
		return wl_option_refuse(
			label, "'%s' is one too many (at most %d; try a glob such as 'mc-*')",
			value, WL_MAX_NAMES);
	copy_glob(target->names[target->nnames++], value);
	return 0;
}

static int add_text(const char **texts, uint32_t *count, uint32_t max, const char *label,
		    const char *value, const char *example)
{
	if (!*value)
		return wl_option_refuse(label, "the value is empty (try %s)", example);
	if (*count == max)
		return wl_option_refuse(label, "'%s' is one too many (at most %u)", value, max);
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
		return wl_option_refuse(label, "'%s' is out of range (1ns to 584 years)", value);
	if (ret)
		return wl_option_refuse(label, "'%s' is not a duration (try 250us, 5ms, 1.5s)",
					value);
	if (!*ns)
		return wl_option_refuse(label, "'%s' is no time at all (try 250us, 5ms, 1.5s)",
					value);
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
		return wl_option_refuse(label, "'%s' is not between p0 and p100 (try p99, p99.9)",
					value);
	if (ret)
		return wl_option_refuse(label, "'%s' is not a quantile (try p99, p99.9)", value);
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
	return wl_option_refuse(label, "'%s' is not one of %s", value, all);
}

static int apply_until(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = {
		[WL_UNTIL_TURN] = "turn", [WL_UNTIL_IDLE] = "idle", [WL_UNTIL_BLOCK] = "block",
		[WL_UNTIL_RUN] = "run",   [WL_UNTIL_MARK] = "mark", NULL,
	};
	int until;

	until = choose(label, value, names);
	if (until < 0)
		return until;
	options->config.chain.until = (__u8)until;
	options->until_given = true;
	return 0;
}

static int apply_begin(struct wl_options *options, const char *label, const char *value)
{
	return wl_mark_option_add(options, label, value, WL_MARK_BEGIN);
}

static int apply_begin_key(struct wl_options *options, const char *label, const char *value)
{
	return wl_mark_option_key(options, label, value, WL_MARK_BEGIN);
}

static int apply_end(struct wl_options *options, const char *label, const char *value)
{
	return wl_mark_option_add(options, label, value, WL_MARK_END);
}

static int apply_end_key(struct wl_options *options, const char *label, const char *value)
{
	return wl_mark_option_key(options, label, value, WL_MARK_END);
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
		return wl_option_refuse(label, "'%s' is not a system call (did you mean %s?)", name,
					nearest);
	return wl_option_refuse(
		label, "'%s' is not a system call (try epoll_wait, futex:0x7f00c0de1230)", name);
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
		return wl_option_refuse(label, "'%s' does not fit in 64 bits", text);
	if (ret)
		return wl_option_refuse(
			label, "'%s' is not an argument (its value, such as 5 or 0x7f00c0de1230)",
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
		return wl_option_refuse(
			label, "'%s' does not begin with a system call (try epoll_wait:5)", value);
	memcpy(name, value, len);
	name[len] = '\0';
	home.syscall = idle_call(label, name);
	if (home.syscall < 0 || (value[len] && idle_arg(chain, label, value + len + 1, &home)))
		return -EINVAL;
	if (chain->nidle == WL_MAX_IDLE)
		return wl_option_refuse(label, "'%s' is one too many (at most %d)", value,
					WL_MAX_IDLE);
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
		return wl_option_refuse(label, "'0' is not a duration (try none, 500ms, 5s)");
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

static int apply_output(struct wl_options *options, const char *label, const char *value)
{
	if (!*value)
		return wl_option_refuse(label, "the name is empty (try -o trace)");
	options->output = value;
	return 0;
}

static int apply_captures(struct wl_options *options, const char *label, const char *value)
{
	if (!*value)
		return wl_option_refuse(label, "the name is empty (try a directory, or none)");
	options->captures = strcmp(value, "none") ? value : NULL;
	return 0;
}

/* "512K", "4M" */
static const char *size_text(uint64_t size, char *text, size_t room)
{
	if (size % (1u << 20))
		snprintf(text, room, "%" PRIu64 "K", size >> 10);
	else
		snprintf(text, room, "%" PRIu64 "M", size >> 20);
	return text;
}

/* A size from least on. */
static int size(const char *label, const char *value, uint64_t least, uint64_t *bytes)
{
	char text[32];
	int ret = wl_parse_size(value, bytes);

	if (ret == -EINVAL)
		return wl_option_refuse(label, "'%s' is not a size (try 512K, 4M, 1G)", value);
	if (ret)
		return wl_option_refuse(label, "'%s' is out of range", value);
	if (*bytes < least)
		return wl_option_refuse(label, "'%s' is too small (at least %s)", value,
					size_text(least, text, sizeof(text)));
	return 0;
}

static int apply_ring(struct wl_options *options, const char *label, const char *value)
{
	char low[32], high[32];
	uint64_t ring, power = WL_RING_MIN;

	if (size(label, value, WL_RING_MIN, &ring))
		return -EINVAL;
	if (ring > WL_RING_MAX)
		return wl_option_refuse(label, "'%s' is too large (at most %uM per CPU)", value,
					WL_RING_MAX >> 20);
	while (power < ring)
		power <<= 1;
	if (power != ring)
		return wl_option_refuse(label, "'%s' is not a power of two (try %s or %s)", value,
					size_text(power >> 1, low, sizeof(low)),
					size_text(power, high, sizeof(high)));
	options->config.ring_size = ring;
	return 0;
}

static int apply_post(struct wl_options *options, const char *label, const char *value)
{
	uint64_t ns = 0;

	if (strcmp(value, "0s") && duration(label, value, &ns))
		return -EINVAL;
	if (ns > MAX_POST_NS)
		return wl_option_refuse(label, "'%s' is too long (at most 1s)", value);
	options->post_ns = ns;
	return 0;
}

static int apply_syscalls(struct wl_options *options, const char *label, const char *value)
{
	static const char *const names[] = { "targets", "all", NULL };
	int whose = value ? choose(label, value, names) : 0;

	if (whose < 0)
		return whose;
	options->config.syscalls = whose ? WL_SYSCALLS_ALL : WL_SYSCALLS_TARGETS;
	return 0;
}

static int apply_keep(struct wl_options *options, const char *label, const char *value)
{
	uint32_t n;
	int ret = wl_parse_uint32(value, &n);

	if (ret == -EINVAL)
		return wl_option_refuse(label, "'%s' is not a number (try 3, 10)", value);
	if (!ret && !n)
		return wl_option_refuse(label, "'%s' keeps nothing (--captures none takes none)",
					value);
	if (ret || n > MAX_KEEP)
		return wl_option_refuse(label, "'%s' is too many (at most %d per cause)", value,
					MAX_KEEP);
	options->keep = n;
	return 0;
}

static int apply_keep_size(struct wl_options *options, const char *label, const char *value)
{
	return size(label, value, MIN_KEEP_SIZE, &options->keep_size);
}

/* What is in it is looked at when it is known what the events are. */
static int text(const char *label, const char *value, const char **to)
{
	if (!*value)
		return wl_option_refuse(label, "the value is empty (see whylate track --help)");
	*to = value;
	return 0;
}

static int apply_in(struct wl_options *options, const char *label, const char *value)
{
	return text(label, value, &options->begin);
}

static int apply_out(struct wl_options *options, const char *label, const char *value)
{
	return text(label, value, &options->end);
}

static int apply_key(struct wl_options *options, const char *label, const char *value)
{
	return text(label, value, &options->key);
}

static int apply_where(struct wl_options *options, const char *label, const char *value)
{
	return text(label, value, &options->where);
}

static int apply_by(struct wl_options *options, const char *label, const char *value)
{
	return text(label, value, &options->by);
}

static int apply_worst(struct wl_options *options, const char *label, const char *value)
{
	int ret = wl_parse_uint32(value, &options->worst);

	if (ret == -EINVAL)
		return wl_option_refuse(label, "'%s' is not a number (try 10)", value);
	if (ret || options->worst > MAX_WORST)
		return wl_option_refuse(label, "'%s' is too many (at most %d)", value, MAX_WORST);
	return 0;
}

static int apply_capture(struct wl_options *options, const char *label, const char *value)
{
	options->capture = true;
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

static int apply_lttng(struct wl_options *options, const char *label, const char *value)
{
	options->lttng = true;
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

static int apply_help(struct wl_options *options, const char *label, const char *value)
{
	return WL_OPTION_HELP;
}

void wl_option_defaults(struct wl_options *options, const char *verb)
{
	memset(options, 0, sizeof(*options));
	options->config.chain.max_hops = WL_USUAL_HOPS;
	options->config.follow = strcmp(verb, "record") != 0;
	options->config.timeout_ns =
		options->config.follow && strcmp(verb, "track") ? DEFAULT_TIMEOUT_NS : 0;
	options->worst = DEFAULT_WORST;
	options->captures = strcmp(verb, "watch") ? NULL : "whylate-captures";
	options->post_ns = DEFAULT_POST_NS;
	options->keep = DEFAULT_KEEP;
	options->keep_size = DEFAULT_KEEP_SIZE;
	wl_idle_calls_fill(&options->config.chain);
	over_quantile(options, "--over", "p99.9");
}

const struct wl_option wl_options_table[] = {
	{ .group = "Target: whose responses (the same option twice: or; different ones: and)" },
	{ NULL, 'p', "pid", "PID,...", apply_pid, "processes" },
	{ NULL, 't', "tid", "TID,...", apply_tid, "threads" },
	{ NULL, 'n', "name", "NAME", apply_name,
	  "processes or threads of that name; * and ? match\nanything, at most 15 bytes" },
	{ NULL, 0, "cgroup", "PATH", apply_cgroup, "tasks in this control group or below" },
	{ NULL, 'u', "user", "USER", apply_user, "tasks of this user (name or number)" },
	{ NULL, 0, "rt", NULL, apply_rt, "real-time tasks only" },
	{ .group = "What is slow", .flags = WL_OPTION_TRACK },
	{ NULL, 0, "over", "TIME|pN|worst", apply_over,
	  "longer than a time (5ms); than a quantile of the\n"
	  "responses so far (p99.9, the default: after 1,000 of\n"
	  "them, at least 1 ms); or each new worst",
	  WL_OPTION_TRACK },
	{ NULL, 0, "timeout", "TIME|none", apply_timeout,
	  "report what is unfinished after that time (1s;\ntrack: none)", WL_OPTION_TRACK },
	{ NULL, 0, "fail-on-slow", NULL, apply_fail_on_slow, "exit status 4 if anything was slow",
	  WL_OPTION_TRACK },
	{ .group = "Where a response begins (several: any of them)",
	  .flags = WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "irq", "N|NAME", apply_irq, "an interrupt line, see /proc/interrupts",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "softirq", "NAME,...", apply_softirq,
	  "HI TIMER NET_TX NET_RX BLOCK IRQ_POLL TASKLET SCHED\nHRTIMER RCU",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "timer", NULL, apply_timer, "a timer's programmed expiry",
	  WL_OPTION_WATCH_ONLY },
	{ .group = "Where a response ends", .flags = WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "until", "WHERE", apply_until,
	  "run    the target runs for the first time\n"
	  "block  it blocks, for any reason\n"
	  "idle   it waits for its next work again\n"
	  "turn   as idle, or it receives its next request on a\n"
	  "       socket (the default)\n"
	  "mark   the program says so (whylate/mark.h), or --end",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "begin", "PROBE", apply_begin,
	  "a work item begins there: usdt:PATH:PROVIDER:NAME,\n"
	  "uprobe:PATH:FUNCTION, uretprobe:PATH:FUNCTION",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "begin-key", "KEY", apply_begin_key,
	  "which item: argN of the probe (argN:str, a string), or\n"
	  "tid, that of the thread (the default)",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "end", "PROBE", apply_end, "a work item, and the response, ends there",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "end-key", "KEY", apply_end_key, "which item; retval too, at a uretprobe",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "idle", "CALL[:ARG]", apply_idle,
	  "waiting in this system call, with this first argument\n"
	  "(decimal or 0x...), is waiting for the next work",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "follow", "process|all", apply_follow,
	  "across processes too: all (default: process)", WL_OPTION_WATCH_ONLY },
	{ .group = "User-defined tracker (all but --where and --by are needed)",
	  .flags = WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "in", "EVENT", apply_in,
	  "where it begins: tp:SUBSYSTEM:EVENT, usdt:PATH:PROVIDER:NAME,\n"
	  "uprobe:PATH:SYMBOL, uretprobe:PATH:SYMBOL, kprobe:FUNCTION,\n"
	  "kretprobe:FUNCTION, fentry:FUNCTION, fexit:FUNCTION",
	  WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "out", "EVENT", apply_out, "where it ends", WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "key", "EXPR,...", apply_key,
	  "what both have in common: fields, arguments (arg0...),\n"
	  "tid, pid, cpu; a=b: a at the begin, b at the end",
	  WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "where", "EXPR", apply_where, "of the begin: nr_sector > 8 && rwbs == 'W'",
	  WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "by", "EXPR", apply_by, "rows of the table by this (default: comm)",
	  WL_OPTION_TRACK_ONLY },
	{ .group = "Flight recorder: what the kernel did, kept in memory",
	  .flags = WL_OPTION_RECORDER },
	{ NULL, 'o', "output", "DIR", apply_output, "write everything there, until Ctrl-C",
	  WL_OPTION_RECORD_ONLY },
	{ NULL, 0, "captures", "DIR|none", apply_captures,
	  "where each slow response's last moments are saved\n"
	  "(./whylate-captures); none: don't record",
	  WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "ring", "SIZE", apply_ring,
	  "memory per CPU, a power of two (4M; less of it on\nmore than 64 CPUs)",
	  WL_OPTION_RECORDER },
	{ NULL, 0, "syscalls", "all", apply_syscalls,
	  "system calls too: the target's, or everybody's",
	  WL_OPTION_RECORDER | WL_OPTION_OPTIONAL },
	{ NULL, 0, "post", "TIME", apply_post, "go on for so long after the end (5ms)",
	  WL_OPTION_RECORDER | WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "keep", "N", apply_keep, "keep the worst N captures of each cause (3)",
	  WL_OPTION_RECORDER | WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "keep-size", "SIZE", apply_keep_size, "and no more than that in all (256M)",
	  WL_OPTION_RECORDER | WL_OPTION_WATCH_ONLY },
	{ .group = "Output" },
	{ NULL, 0, "worst", "N", apply_worst, "lines of the table of the worst (10)",
	  WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "capture", NULL, apply_capture,
	  "ask a running whylate watch for a capture when one is\nslow, at most once a second",
	  WL_OPTION_TRACK_ONLY },
	{ NULL, 0, "duration", "TIME", apply_duration,
	  "stop after that time (default: at Ctrl-C)" },
	{ NULL, 0, "json", NULL, apply_json, "one JSON object per line" },
	{ NULL, 0, "lttng", NULL, apply_lttng,
	  "slow responses as LTTng-UST events too: whylate:slow", WL_OPTION_WATCH_ONLY },
	{ NULL, 0, "color", "WHEN", apply_color, "auto, always or never" },
	{ NULL, 'q', "quiet", NULL, apply_quiet, "only verdicts and the summary" },
	{ NULL, 'v', "verbose", NULL, apply_verbose, "more detail; twice: all of it" },
	{ NULL, 'h', "help", NULL, apply_help, "this text" },
};

const size_t wl_noptions = ARRAY_SIZE(wl_options_table);

uint64_t wl_options_default_ring(uint32_t ncpu)
{
	uint64_t most = DEFAULT_RINGS / (ncpu ? ncpu : 1), ring = DEFAULT_RING;

	while (ring > most && ring > WL_RING_MIN)
		ring >>= 1;
	return ring;
}
