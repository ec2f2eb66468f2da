/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate track: ready trackers, those of an object file, and user-defined ones. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/loop.h"
#include "cli/track_capture.h"
#include "cli/track_kinds.h"
#include "cli/verbs.h"
#include "explain/quantile.h"
#include "live/machine.h"
#include "live/object.h"
#include "live/tasks.h"
#include "live/trackers.h"
#include "live/user_tracker.h"
#include "output/track.h"
#include "util/message.h"

#define SECOND_NS 1000000000ull
#define NOTHING_NS (5 * SECOND_NS) /* nothing seen for so long: say it */
#define WALK_NS 100000000ull
#define LEAST_EVENTS 1000 /* for such a threshold */

struct track {
	struct wl_loop loop; /* its signals, waiting, kernel, command; not its session */
	struct wl_trackers *trackers;
	struct wl_user_tracker user; /* --in, --out */
	struct wl_track_sink *sink;
	struct wl_track_capture capture;
	uint64_t next_walk, next_refresh;
	uint64_t slow;
	bool said_nothing;
};

static struct wl_options *options_of(struct track *t)
{
	return &t->loop.setup.options;
}

/* --- open --- */

static int unknown_kind(const char *kind)
{
	const char *nearest = wl_track_kind_nearest(kind);

	if (nearest)
		wl_error("'%s' is neither a tracker nor a file (did you mean %s?)", kind, nearest);
	else
		wl_error("'%s' is neither a tracker nor a file (see whylate track --help)", kind);
	return WL_EXIT_USAGE;
}

static int no_timeout(const char *kind)
{
	wl_error("--timeout: '%s' can't tell what is still open from what is gone without a trace "
		 "(leave it out)",
		 kind);
	return WL_EXIT_USAGE;
}

static void fill_options(struct track *t, struct wl_trackers_options *to)
{
	const struct wl_options *o = options_of(t);

	to->kernel = &t->loop.setup.kernel;
	to->target = &o->config.target;
	to->targeted = wl_options_have_target(o);
	to->over_ns = o->config.over == WL_OVER_QUANTILE ? ~0ull : o->config.over_ns;
	to->worst = o->config.over == WL_OVER_WORST;
	to->timeout_ns = o->config.timeout_ns;
	to->verbose = o->verbose > 0;
}

/* Of what opens trackers: errors are said, but for memory. */
static int exit_of(int ret)
{
	switch (ret) {
	case 0:
		return WL_EXIT_OK;
	case -EPERM:
	case -EOPNOTSUPP:
		return WL_EXIT_UNSUPPORTED;
	case -EINVAL:
		return WL_EXIT_USAGE;
	case -ENOMEM:
		wl_error("cannot start: %s", strerror(ENOMEM));
		return WL_EXIT_FAILED;
	default:
		return WL_EXIT_FAILED;
	}
}

/* Functions and their arguments are looked up in the kernel's BTF: it must be there. */
static int choose_user(struct track *t, struct wl_trackers_options *to)
{
	const struct wl_options *o = options_of(t);
	int ret = wl_object_prepare(to->kernel, to->verbose);

	if (!ret)
		ret = wl_user_tracker_parse(&t->user, o->begin, o->end, o->key, o->where, o->by,
					    to->kernel->btf);
	if (ret)
		return exit_of(ret);
	wl_user_tracker_fill(&t->user, to);
	to->object = wl_track_user_object(&to->size);
	return WL_EXIT_OK;
}

/* What to load; WL_EXIT_OK or what is wrong, said. */
static int choose_object(struct track *t, struct wl_trackers_options *to)
{
	const struct wl_options *o = options_of(t);
	const struct wl_track_kind *kind = o->kind ? wl_track_kind(o->kind) : NULL;

	to->name = o->kind;
	if (!o->kind)
		return choose_user(t, to);
	if (kind) {
		if (kind->no_timeout && to->timeout_ns)
			return no_timeout(kind->name);
		to->object = kind->object(&to->size);
	} else if (access(o->kind, F_OK) && !strchr(o->kind, '/') && !strstr(o->kind, ".o")) {
		return unknown_kind(o->kind);
	}
	return WL_EXIT_OK;
}

static int open_trackers(struct track *t)
{
	struct wl_trackers_options to = { 0 };
	int ret;

	fill_options(t, &to);
	ret = choose_object(t, &to);
	return ret ? ret : exit_of(wl_trackers_open(&t->trackers, &to));
}

static int open_sink(struct track *t)
{
	const struct wl_options *o = options_of(t);
	struct wl_text_options text = {
		.color = o->color,
		.quiet = o->quiet,
		.verbose = o->verbose,
	};

	if (o->json)
		return wl_track_json_open(&t->sink, stdout);
	return wl_track_text_open(&t->sink, stdout, stderr, &text,
				  isatty(STDOUT_FILENO) && !o->quiet, o->worst);
}

static int check_usage(const struct wl_options *o)
{
	const char *extra = o->begin   ? "--in"
			    : o->end   ? "--out"
			    : o->key   ? "--key"
			    : o->where ? "--where"
			    : o->by    ? "--by"
				       : NULL;
	const char *missing = !o->begin ? "--in" : !o->end ? "--out" : !o->key ? "--key" : NULL;

	if (o->kind && extra) {
		wl_error("%s: it contradicts '%s' (choose one)", extra, o->kind);
		return -EINVAL;
	}
	if (o->kind || !missing)
		return 0;
	if (extra)
		wl_error("%s is missing beside %s (see whylate track --help)", missing, extra);
	else
		wl_error("track: what to track is missing: a kind, a file, or --in, --out and "
			 "--key (see whylate track --help)");
	return -EINVAL;
}

static int check_capture(const struct wl_options *o)
{
	if (!o->capture || wl_track_capture_possible())
		return 0;
	wl_error("--capture: no whylate watch is running here, so there is no flight recorder "
		 "(start one: whylate watch -n NAME)");
	return -ENOENT;
}

/* --- run --- */

static int on_slow(void *ctx, const struct wl_tracked_event *e)
{
	struct track *t = ctx;

	if (!(e->record->flags & LATENCY_TRACKER_TIMEOUT) ||
	    e->record->flags & LATENCY_TRACKER_OPEN) {
		t->slow++; /* the end of one that was late already is not another one */
		if (options_of(t)->capture)
			wl_track_capture_ask(&t->capture, e->record->id, wl_machine_now());
	}
	return t->sink->ops->slow(t->sink, e);
}

/* --over pN: the quantile of all that there was, at least the least threshold. */
static void follow_quantile(struct track *t, const struct wl_tracked_stats *stats, size_t n)
{
	const struct wl_options *o = options_of(t);

	for (size_t i = 0; i < n; i++) {
		uint64_t over;

		if (stats[i].total.count < LEAST_EVENTS)
			continue;
		over = wl_agg_quantile(&stats[i].total, o->quantile);
		wl_trackers_set_over(t->trackers, i,
				     over > o->config.over_ns ? over : o->config.over_ns);
	}
}

typedef int (*stats_fn)(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
			uint64_t duration_ns);

static int with_stats(struct track *t, stats_fn fn)
{
	size_t n = wl_trackers_n(t->trackers);
	struct wl_tracked_stats *stats = calloc(n, sizeof(*stats));
	int ret = stats ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !ret; i++)
		ret = wl_trackers_stats(t->trackers, i, &stats[i]);
	if (!ret && options_of(t)->config.over == WL_OVER_QUANTILE)
		follow_quantile(t, stats, n);
	if (!ret)
		ret = fn(t->sink, stats, n, wl_machine_now() - t->loop.started);
	for (size_t i = 0; stats && i < n; i++)
		wl_tracked_stats_free(&stats[i]);
	free(stats);
	return ret;
}

static int say_capture(struct track *t, bool wait)
{
	struct wl_track_capture *c = &t->capture;

	if (!wl_track_capture_answer(c, wait))
		return 0;
	return t->sink->ops->capture(t->sink, c->id, c->ret ? NULL : c->text,
				     c->ret ? c->text : NULL);
}

static int take(struct track *t)
{
	int ret = wl_trackers_poll(t->trackers, on_slow, t);

	t->loop.more = ret > 0;
	return ret < 0 ? ret : 0;
}

static int step(struct track *t, uint64_t now)
{
	int ret = take(t);

	if (now >= t->next_walk) {
		t->next_walk = now + WALK_NS;
		wl_trackers_walk(t->trackers);
	}
	if (!ret)
		ret = say_capture(t, false);
	if (!ret && now >= t->next_refresh) {
		t->next_refresh = now + SECOND_NS;
		ret = with_stats(t, t->sink->ops->refresh);
	}
	return ret;
}

static int say_nothing(struct track *t)
{
	struct wl_tracked_stats stats;
	uint64_t count = 0;

	t->said_nothing = true;
	for (size_t i = 0; i < wl_trackers_n(t->trackers); i++) {
		if (!wl_trackers_stats(t->trackers, i, &stats))
			count += stats.total.count;
		wl_tracked_stats_free(&stats);
	}
	if (count)
		return 0;
	if (!options_of(t)->json)
		return t->sink->ops->note(t->sink, "nothing has ended yet");
	wl_warn("nothing has ended yet");
	return 0;
}

static bool is_over(struct track *t, uint64_t now)
{
	const struct wl_options *o = options_of(t);

	if (t->loop.interrupted || (o->duration_ns && now - t->loop.started >= o->duration_ns))
		return true;
	return t->loop.setup.spawn.pid && wl_spawn_poll(&t->loop.setup.spawn);
}

/* "p99.9 (at least 1 ms, after 1,000 events)": of options' text, whose events are responses. */
static void over_text(const struct wl_options *o, char *text, size_t size)
{
	if (o->config.over == WL_OVER_QUANTILE)
		snprintf(text, size, "%.*s (at least 1 ms, after 1,000 events)",
			 (int)strcspn(o->over_text, " "), o->over_text);
	else
		snprintf(text, size, "%s", o->over_text);
}

static int say_start(struct track *t, int argc, char **argv)
{
	const struct wl_options *o = options_of(t);
	char over[128];
	struct wl_track_start start = {
		.kind = o->kind ? o->kind : t->user.name,
		.command_line = t->loop.command_line,
		.target = t->loop.target,
		.over = over,
		.kernel = t->loop.setup.kernel.release,
		.memory_bytes = wl_trackers_memory(t->trackers),
	};

	over_text(o, over, sizeof(over));
	wl_loop_describe(&t->loop, argc, argv);
	return t->sink->ops->start(t->sink, &start);
}

static int run_command(struct track *t)
{
	int ret;

	if (!t->loop.setup.spawn.pid)
		return 0;
	ret = wl_spawn_run(&t->loop.setup.spawn);
	if (!ret)
		return 0;
	wl_error("cannot run '%s': %s", options_of(t)->command[0], strerror(-ret));
	return -ECANCELED;
}

/* What is still in the ring buffer, the answer that is still missing, the summary. */
static int finish(struct track *t)
{
	int ret = 0;

	wl_trackers_stop(t->trackers);
	wl_trackers_walk(t->trackers);
	do
		ret = take(t);
	while (!ret && t->loop.more);
	if (!ret)
		ret = say_capture(t, true);
	if (!ret && t->capture.skipped) {
		char text[128];

		snprintf(text, sizeof(text), "%" PRIu64 " slow ones too soon after a capture",
			 t->capture.skipped);
		ret = t->sink->ops->note(t->sink, text);
	}
	return ret ? ret : with_stats(t, t->sink->ops->stats);
}

static int measure(struct track *t, int argc, char **argv)
{
	int ret;

	/* who has seen that we have started may rely on it */
	wl_trackers_start(t->trackers);
	ret = say_start(t, argc, argv);
	t->loop.started = wl_machine_now();
	t->next_refresh = t->loop.started + SECOND_NS;
	if (!ret)
		ret = run_command(t);
	while (!ret) {
		uint64_t now = wl_machine_now();

		ret = step(t, now);
		if (!ret && !t->said_nothing && now - t->loop.started > NOTHING_NS)
			ret = say_nothing(t);
		if (is_over(t, now))
			break;
		wl_loop_wait(&t->loop);
	}
	return ret ? ret : finish(t);
}

static int exit_status(struct track *t, int ret)
{
	const struct wl_spawn *spawn = &t->loop.setup.spawn;

	if (ret && ret != -EPIPE) {
		if (ret != -ECANCELED) /* said already */
			wl_error("cannot go on: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	if (spawn->ended && wl_spawn_status(spawn))
		return wl_spawn_status(spawn);
	return t->slow && options_of(t)->fail_on_slow ? WL_EXIT_SLOW : WL_EXIT_OK;
}

static void close_all(struct track *t)
{
	wl_track_capture_answer(&t->capture, true);
	if (t->sink)
		t->sink->ops->close(t->sink);
	wl_trackers_close(t->trackers);
	wl_user_tracker_free(&t->user);
	wl_loop_close(&t->loop);
}

static int run(struct track *t, int argc, char **argv)
{
	int ret = wl_setup_resolve(&t->loop.setup);

	if (!ret)
		ret = open_trackers(t);
	if (ret)
		return ret;
	if (open_sink(t)) {
		wl_error("cannot start: %s", strerror(ENOMEM));
		return WL_EXIT_FAILED;
	}
	return exit_status(t, measure(t, argc, argv));
}

int wl_track_main(int argc, char **argv)
{
	struct track t = { .loop.signals = -1 };
	int ret = wl_options_parse(options_of(&t), argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	if (check_usage(options_of(&t)))
		return WL_EXIT_USAGE;
	if (check_capture(options_of(&t)))
		return WL_EXIT_FAILED;
	ret = wl_loop_open_signals(&t.loop);
	if (ret) {
		wl_error("cannot start: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	ret = run(&t, argc, argv);
	close_all(&t);
	return ret;
}
