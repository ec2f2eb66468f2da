/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * whylate demo: a small load of its own is made late in known ways, and what whylate says of it is
 * compared with what was done. The load knows nothing of whylate, and whylate nothing of the acts:
 * the session is the same as of `watch`, the comparison happens afterwards, in demo_judge.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/demo_judge.h"
#include "cli/demo_load.h"
#include "cli/demo_say.h"
#include "cli/loop.h"
#include "cli/verbs.h"
#include "live/machine.h"
#include "util/message.h"

#define OVER "5ms"
#define MILLISECOND_NS 1000000ull
#define ROUNDS 3
#define WARM_NS (1000 * MILLISECOND_NS)      /* a typical response gets known */
#define DURATION_NS (22000 * MILLISECOND_NS) /* no act begins after that */
#define ACT_NS (5000 * MILLISECOND_NS)       /* an act that takes longer is given up */
#define MIB (1u << 20)
#define DISK_LEAST (4 * MIB)
#define DISK_MOST (64 * MIB)
#define DISK_NS (20 * MILLISECOND_NS) /* what we try to make it last */
#define VERDICTS 32                   /* kept of one act */

struct demo {
	struct wl_loop loop;
	struct wl_demo_load *load;
	struct wl_demo_say say;
	struct wl_demo_score score;
	struct wl_demo_verdict verdicts[VERDICTS]; /* since the act was announced */
	size_t nverdicts;
	uint64_t ours;  /* verdicts on what the acts did */
	uint64_t bytes; /* for the disk */
	bool same_pids; /* our process ids are the kernel's first ones */
};

/* ---- options ---- */

static void print_help(void)
{
	printf("usage: whylate demo [OPTIONS]\n"
	       "\n"
	       "Starts a small server and its client, makes the server late in known ways, and\n"
	       "shows what whylate says about it. Takes about 10 s and needs the privileges of\n"
	       "`whylate watch`. Everything is on this machine, and gone at the end.\n"
	       "\n"
	       "      --json           one JSON object per line\n"
	       "      --color WHEN     auto, always or never\n"
	       "  -q, --quiet          only verdicts, results and the summary\n"
	       "  -v, --verbose        more detail; twice: all of it\n"
	       "  -h, --help           this text\n"
	       "\n"
	       "Exit status: 0 if every verdict named what the demo had done, else 1; 3 if this\n"
	       "kernel or these privileges don't allow it.\n");
}

enum argument { OTHER, FLAG, HAS_VALUE, HELP };

static enum argument argument_kind(const char *arg)
{
	static const char *const flags[] = { "--json", "--quiet", "--verbose" };

	if (!strcmp(arg, "--help") || !strcmp(arg, "-h"))
		return HELP;
	if (!strcmp(arg, "--color"))
		return HAS_VALUE;
	if (!strncmp(arg, "--color=", 8))
		return FLAG;
	if (arg[0] == '-' && arg[1] && !arg[1 + strspn(arg + 1, "qv")])
		return FLAG;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(arg, flags[i]))
			return FLAG;
	return OTHER;
}

/* 0: go on; 1: help was printed; -EINVAL: said. */
static int check_arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		switch (argument_kind(argv[i])) {
		case HELP:
			print_help();
			return 1;
		case HAS_VALUE:
			i++;
			break;
		case FLAG:
			break;
		default:
			wl_error("'%s' is not an option of demo (see whylate demo --help)",
				 argv[i]);
			return -EINVAL;
		}
	}
	return 0;
}

/* The options of `watch`, with what the demo needs of them filled in. */
static int parse(struct wl_options *options, int argc, char **argv)
{
	char name[] = "-n", worker[] = WL_DEMO_WORKER, over[] = "--over", over_value[] = OVER;
	char *ours[] = { argv[0], name, worker, over, over_value };
	size_t n = sizeof(ours) / sizeof(ours[0]);
	char **all;
	int ret = check_arguments(argc, argv);

	if (ret)
		return ret;
	all = calloc(n + (size_t)argc, sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all, ours, sizeof(ours));
	for (int i = 1; i < argc; i++)
		all[n++] = argv[i];
	ret = wl_options_parse(options, (int)n, all);
	free(all);
	return ret;
}

/* ---- time passes ---- */

/* What every wait has to do: 0, -EINTR at Ctrl-C, or -errno. */
static int step(struct demo *d)
{
	int ret = wl_loop_step(&d->loop);

	if (!ret)
		ret = wl_demo_load_check(d->load);
	if (!ret)
		wl_loop_wait(&d->loop);
	return !ret && d->loop.interrupted ? -EINTR : ret;
}

static int pass(struct demo *d, uint64_t ns)
{
	uint64_t until = wl_machine_now() + ns;
	int ret = 0;

	while (!ret && wl_machine_now() < until)
		ret = step(d);
	return ret;
}

static uint64_t random_between(uint64_t low, uint64_t high)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = wl_machine_now();
	return low + r % (high - low + 1);
}

/* ---- acts ---- */

static int on_verdict(void *ctx, struct wl_report *report)
{
	struct demo *d = ctx;
	struct wl_demo_verdict *v;

	if (d->nverdicts == VERDICTS)
		return 0;
	v = &d->verdicts[d->nverdicts++];
	v->id = report->id;
	v->start = report->slow.path.h.start;
	v->end = report->slow.path.h.last;
	v->cause = report->cause;
	return 0;
}

/* Waits for the act's end and for what whylate has to say. */
static int wait_act(struct demo *d, struct wl_demo_act *act)
{
	uint64_t start = wl_machine_now();
	int ret = 0;

	while (!ret && !wl_demo_load_acted(d->load, act)) {
		if (wl_machine_now() - start > ACT_NS) {
			wl_error("an act of the demo's took more than 5 s: giving up");
			return -ECANCELED;
		}
		ret = step(d);
	}
	return ret ? ret : step(d);
}

/* Does it once. */
static int act_once(struct demo *d, struct wl_demo_truth *truth)
{
	int ret = pass(d, random_between(500, 800) * MILLISECOND_NS);

	if (!ret)
		ret = wl_demo_say_act(&d->say, &truth->act);
	d->nverdicts = 0;
	if (!ret)
		ret = wl_demo_load_act(d->load, &truth->act);
	if (!ret)
		ret = wait_act(d, &truth->act);
	if (!ret && !wl_demo_load_worst(d->load, &truth->act, &truth->request))
		truth->request = (struct wl_demo_request){ 0 };
	return ret;
}

/* More for a fast disk, less for a slow one. */
static void adapt_bytes(struct demo *d, const struct wl_demo_truth *truth)
{
	uint64_t ns = wl_demo_effect(&truth->act, &truth->request);
	uint64_t mib = d->bytes / MIB;

	d->bytes = (ns ? mib * DISK_NS / ns : mib * 2) * MIB;
	if (d->bytes < DISK_LEAST)
		d->bytes = DISK_LEAST;
	if (d->bytes > DISK_MOST)
		d->bytes = DISK_MOST;
}

static void prepare(struct demo *d, struct wl_demo_truth *truth, enum wl_demo_kind kind)
{
	*truth = (struct wl_demo_truth){ .act.kind = kind };
	if (kind == WL_DEMO_ACT_DISK)
		truth->act.bytes = d->bytes;
	else
		truth->act.ns = random_between(15000, 25000) * 1000;
	truth->culprit = wl_demo_load_culprit(d->load, kind, &truth->culprit_tid);
	if (!d->same_pids)
		truth->culprit_tid = 0;
}

/* An act can make more than one response late: a thread that has answered, but not slept yet. */
static size_t count_ours(const struct demo *d, const struct wl_demo_act *act)
{
	size_t n = 0;

	for (size_t i = 0; i < d->nverdicts; i++)
		n += d->verdicts[i].start < act->ended && d->verdicts[i].end > act->began;
	return n;
}

/* A virtual machine can be stopped at any moment: what differs is tried once more. */
static bool is_worth_repeating(enum wl_demo_result result)
{
	return result != WL_DEMO_RIGHT && result != WL_DEMO_FAILED;
}

/* 0 and the result, or -errno. */
static int attempt(struct demo *d, enum wl_demo_kind kind, bool first, enum wl_demo_result *result)
{
	uint64_t over = d->loop.setup.options.config.over_ns;
	const struct wl_demo_verdict *verdict;
	struct wl_demo_truth truth;
	int ret;

	prepare(d, &truth, kind);
	ret = act_once(d, &truth);
	if (ret)
		return ret;
	verdict = wl_demo_find(d->verdicts, d->nverdicts, &truth.request);
	d->ours += count_ours(d, &truth.act);
	*result = wl_demo_judge(&truth, verdict, over);
	if (kind == WL_DEMO_ACT_DISK && !truth.act.error)
		adapt_bytes(d, &truth);
	return wl_demo_say_result(&d->say, &truth, verdict, *result,
				  first && is_worth_repeating(*result));
}

/* Nothing that a verdict could be compared with. */
static bool is_nothing(enum wl_demo_result result)
{
	return result == WL_DEMO_NO_EFFECT || result == WL_DEMO_FAILED ||
	       result == WL_DEMO_DISTURBED;
}

static int act(struct demo *d, enum wl_demo_kind kind)
{
	enum wl_demo_result result = WL_DEMO_NO_EFFECT;
	int ret = attempt(d, kind, true, &result);

	if (!ret && is_worth_repeating(result))
		ret = attempt(d, kind, false, &result);
	if (ret || is_nothing(result))
		return ret;
	d->score.acted++;
	d->score.right += result == WL_DEMO_RIGHT;
	return 0;
}

static int act_kind(struct demo *d, enum wl_demo_kind kind)
{
	int ret = wl_demo_say_kind(&d->say, d->load, kind, kind + 1);

	if (wl_demo_load_lacks(d->load, kind))
		return ret;
	for (int i = 0; !ret && i < ROUNDS; i++) {
		if (wl_machine_now() - d->loop.started > DURATION_NS)
			return -ETIME;
		ret = act(d, kind);
	}
	return ret;
}

static int act_all(struct demo *d)
{
	struct wl_demo_usual usual;
	int ret = wl_demo_say_intro(&d->say, d->load);

	if (!ret)
		ret = pass(d, WARM_NS);
	if (ret)
		return ret;
	wl_demo_load_usual(d->load, &usual);
	ret = wl_demo_say_usual(&d->say, &usual);
	for (int kind = 0; !ret && kind < WL_DEMO_ACTS; kind++)
		ret = act_kind(d, kind);
	return ret;
}

/* ---- main ---- */

/* Ends that are no error: there is a summary. */
static bool is_early_end(int ret)
{
	return ret == -EINTR || ret == -ETIME;
}

static int conclude(struct demo *d)
{
	struct wl_demo_score *score = &d->score;
	int ret;

	score->others = d->loop.slow - d->ours;
	ret = wl_demo_say_score(&d->say, score);
	ret = wl_loop_finish(&d->loop, ret);
	return ret ? ret : wl_demo_say_hint(&d->say);
}

static int measure(struct demo *d, int argc, char **argv)
{
	int ret = wl_loop_start(&d->loop, argc, argv);

	if (!ret)
		ret = act_all(d);
	d->score.early = is_early_end(ret);
	if (!ret || d->score.early)
		return conclude(d);
	wl_loop_finish(&d->loop, ret);
	return ret;
}

static int exit_status(const struct demo *d, int ret)
{
	const struct wl_demo_score *score = &d->score;

	if (ret && ret != -EPIPE && !is_early_end(ret)) {
		if (ret != -ECANCELED) /* said already */
			wl_error("cannot go on: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	if (score->right < score->acted)
		wl_error("%u of %u verdicts did not name what the demo had done",
			 score->acted - score->right, score->acted);
	else if (!score->acted && !score->early && !ret)
		wl_error("nothing could be made late on this machine");
	else
		return WL_EXIT_OK;
	return WL_EXIT_FAILED;
}

static bool has_first_pids(void)
{
	char name[64];
	ssize_t n = readlink("/proc/self/ns/pid", name, sizeof(name) - 1);

	if (n < 0)
		return false;
	name[n] = '\0';
	return !strcmp(name, "pid:[4026531836]"); /* PROC_PID_INIT_INO */
}

/* The children first: what a session opens must not be left in their hands. */
static int open_all(struct demo *d)
{
	struct wl_options *o = &d->loop.setup.options;
	int ret = wl_loop_open_signals(&d->loop);

	if (!ret)
		ret = wl_loop_open_sink(&d->loop, false);
	if (ret) {
		wl_error("cannot start: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	if (wl_demo_load_open(&d->load))
		return WL_EXIT_FAILED;
	d->same_pids = has_first_pids();
	if (d->same_pids)
		o->config.target.pids[o->config.target.npids++] =
			(uint32_t)wl_demo_load_server(d->load);
	d->say.json = o->json;
	d->say.quiet = o->quiet;
	d->loop.seen = on_verdict;
	d->loop.ctx = d;
	return wl_setup_open(&d->loop.setup);
}

int wl_demo_main(int argc, char **argv)
{
	struct demo d = {
		.loop.signals = -1,
		.say = { .out = stdout, .over = OVER },
		.bytes = 16 * MIB,
	};
	int ret = parse(&d.loop.setup.options, argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	ret = open_all(&d);
	if (!ret)
		ret = exit_status(&d, measure(&d, argc, argv));
	wl_demo_load_close(d.load);
	wl_loop_close(&d.loop);
	return ret;
}
