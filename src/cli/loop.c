/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/loop.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "capture/control.h"
#include "cli/input.h"
#include "explain/phrase.h"
#include "live/machine.h"
#include "output/lttng_sink.h"
#include "util/format.h"
#include "util/message.h"

#define POLL_MS 10
#define SECOND_NS 1000000000ull
#define UPDATE_NS 100000000ull /* thresholds and quartiles */

int wl_loop_open_signals(struct wl_loop *loop)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return loop->signals < 0 ? -errno : 0;
}

static int open_lttng(struct wl_loop *loop)
{
	char why[512];
	int ret = wl_lttng_open(&loop->lttng, why, sizeof(why));

	if (ret)
		wl_error("--lttng: cannot emit LTTng-UST events: %s", why);
	return ret;
}

int wl_loop_open_sink(struct wl_loop *loop, bool live)
{
	const struct wl_options *o = &loop->setup.options;
	struct wl_text_options text = {
		.color = o->color,
		.quiet = o->quiet,
		.verbose = o->verbose,
		.over_ns = o->config.over == WL_OVER_FIXED ? o->config.over_ns : 0,
	};

	if (o->lttng && open_lttng(loop))
		return -ENOENT;
	if (o->json)
		return wl_json_sink_open(&loop->sink, stdout);
	if (live && isatty(STDOUT_FILENO) && !o->quiet)
		return wl_live_sink_open(&loop->sink, stdout, &text);
	return wl_text_sink_open(&loop->sink, stdout, stderr, &text);
}

void wl_loop_describe(struct wl_loop *loop, int argc, char **argv)
{
	char *text = loop->command_line;
	size_t size = sizeof(loop->command_line), len = (size_t)snprintf(text, size, "whylate");

	for (int i = 0; i < argc && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, " %s", argv[i]);
	wl_options_describe_target(&loop->setup.options, loop->target, sizeof(loop->target));
}

int wl_loop_open_capturer(struct wl_loop *loop, int argc, char **argv)
{
	const struct wl_options *o = &loop->setup.options;
	const struct wl_capturer_options options = {
		.session = loop->setup.session,
		.path = o->captures,
		.command_line = loop->command_line,
		.target = loop->target,
		.control = WL_CONTROL_DIR,
		.retention = { .keep = o->keep, .keep_size = o->keep_size },
		.post_ns = o->post_ns,
	};

	if (!o->captures)
		return 0;
	wl_loop_describe(loop, argc, argv);
	return wl_capturer_open(&loop->capturer, &options);
}

void wl_loop_close(struct wl_loop *loop)
{
	wl_capturer_close(loop->capturer);
	loop->capturer = NULL;
	if (loop->sink)
		loop->sink->ops->close(loop->sink);
	loop->sink = NULL;
	wl_lttng_close(loop->lttng);
	loop->lttng = NULL;
	wl_setup_close(&loop->setup);
	if (loop->signals >= 0)
		close(loop->signals);
	loop->signals = -1;
}

static const char *until_name(const struct wl_config *config)
{
	static const char *const names[] = { "turn", "idle", "block", "run", "mark" };

	return names[config->chain.until % 5];
}

static int say_start(struct wl_loop *loop, int argc, char **argv)
{
	const struct wl_options *o = &loop->setup.options;
	struct wl_start_info info = {
		.version = WL_VERSION,
		.command_line = loop->command_line,
		.target = loop->target,
		.over = o->over_text,
		.kernel = loop->setup.kernel.release,
		.boot_to_real_ns = (uint64_t)wl_machine_real_offset(),
		.memory_bytes = wl_session_memory(loop->setup.session),
		.captures = loop->capturer ? wl_capturer_path(loop->capturer) : NULL,
		.config = wl_session_config(loop->setup.session),
	};

	info.until = until_name(info.config);
	wl_loop_describe(loop, argc, argv);
	return loop->sink->ops->start(loop->sink, &info);
}

/* Where captures go; what is said to people only. */
static int say_captures(struct wl_loop *loop)
{
	uint64_t kib = wl_capturer_memory(loop->capturer) >> 10;
	char text[PATH_MAX + 128];

	snprintf(text, sizeof(text), "captures go to %s (%" PRIu64 " KiB of memory to copy to)",
		 wl_capturer_path(loop->capturer), kib);
	return loop->sink->ops->note(loop->sink, text);
}

int wl_loop_start(struct wl_loop *loop, int argc, char **argv)
{
	int ret = wl_session_start(loop->setup.session);

	if (!ret)
		ret = say_start(loop, argc, argv);
	if (!ret && loop->capturer)
		ret = say_captures(loop);
	if (!ret && loop->capturer)
		ret = wl_capturer_start(loop->capturer);
	loop->started = wl_machine_now();
	loop->next_refresh = loop->started + SECOND_NS;
	return ret;
}

static int tell_explained(struct wl_loop *loop, const struct wl_input *in)
{
	struct wl_explain_options options;
	struct wl_explained *x = NULL;
	char why[512];
	int ret;

	wl_input_options(in, &options);
	ret = wl_explain(&x, &options, why, sizeof(why));
	if (ret) {
		wl_warn("can't explain '%s': %s", in->path, why);
		return 0;
	}
	ret = loop->sink->ops->explained(loop->sink, x);
	wl_explained_free(x);
	return ret;
}

/* Its capture is on the disk: what is told is what `explain` would tell of it. */
static int explain(struct wl_loop *loop, const struct wl_report *report)
{
	struct wl_input *in;
	int ret;

	if (!report->capture || !loop->sink->ops->explained)
		return 0;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	snprintf(in->path, sizeof(in->path), "%s", report->capture);
	ret = wl_input_read(in) ? 0 : tell_explained(loop, in);
	wl_input_free(in);
	free(in);
	return ret;
}

static int on_report(void *ctx, struct wl_report *report)
{
	struct wl_loop *loop = ctx;
	int ret;

	if (loop->capturer)
		wl_capturer_attach(loop->capturer, report);
	wl_lttng_slow(loop->lttng, report);
	ret = loop->sink->ops->slow(loop->sink, report);
	if (!ret)
		ret = explain(loop, report);
	loop->slow++;
	if (!ret && loop->seen)
		ret = loop->seen(loop->ctx, report);
	return ret;
}

static void add_captures(struct wl_loop *loop, struct wl_stats *stats)
{
	struct wl_capture_stats *s = &stats->captures;
	struct wl_capturer_counts counts;

	if (!loop->capturer)
		return;
	wl_capturer_count(loop->capturer, &counts);
	s->on = true;
	s->taken = counts.taken;
	s->on_demand = counts.on_demand;
	s->late = counts.late;
	s->too_soon = counts.suppressed[WL_RULING_SOON];
	s->not_worse = counts.suppressed[WL_RULING_MILD];
	s->no_room = counts.suppressed[WL_RULING_ROOM];
	s->not_written = counts.suppressed[WL_RULING_DISK];
	stats->suppressed = s->too_soon + s->not_worse + s->no_room + s->not_written;
}

static uint64_t records_lost(const struct wl_rings *rings)
{
	uint64_t sum = 0;

	for (uint32_t cpu = 0; rings && cpu < rings->ncpu; cpu++)
		sum += __atomic_load_n(&rings->ring[cpu]->head.lost, __ATOMIC_RELAXED);
	return sum;
}

static int read_stats(struct wl_loop *loop, struct wl_stats *stats)
{
	int ret = wl_session_stats(loop->setup.session, stats);

	if (ret)
		return ret;
	stats->lost_events = records_lost(wl_session_rings(loop->setup.session));
	add_captures(loop, stats);
	return 0;
}

static int refresh(struct wl_loop *loop)
{
	struct wl_stats stats;
	int ret = read_stats(loop, &stats);

	if (!ret)
		ret = loop->sink->ops->refresh(loop->sink, &stats);
	wl_stats_free(&stats);
	return ret;
}

/* 0 or -errno. */
static int take_reports(struct wl_loop *loop)
{
	int ret = wl_session_poll(loop->setup.session, on_report, loop);

	loop->more = ret > 0;
	return ret < 0 ? ret : 0;
}

/* What the capturer has to say: never part of a stream of JSON. */
static int say_message(struct wl_loop *loop)
{
	const struct wl_options *o = &loop->setup.options;
	char text[512];

	if (!loop->capturer || !wl_capturer_message(loop->capturer, text, sizeof(text)))
		return 0;
	if (!o->json && !o->quiet)
		return loop->sink->ops->note(loop->sink, text);
	wl_warn("%s", text);
	return 0;
}

int wl_loop_step(struct wl_loop *loop)
{
	uint64_t now = wl_machine_now();
	int ret = take_reports(loop);

	if (!ret)
		ret = say_message(loop);

	if (!ret && now >= loop->next_update) {
		loop->next_update = now + UPDATE_NS;
		wl_session_update(loop->setup.session, loop->setup.options.quantile);
	}
	if (!ret && now >= loop->next_refresh) {
		loop->next_refresh = now + SECOND_NS;
		ret = refresh(loop);
	}
	return ret;
}

void wl_loop_wait(struct wl_loop *loop)
{
	struct pollfd fd = { .fd = loop->signals, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&fd, 1, loop->more ? 0 : POLL_MS) > 0 &&
	    read(loop->signals, &info, sizeof(info)) > 0)
		loop->interrupted = true;
}

/* "captures: 3 taken; without one: 30 too soon after another, 11 not worse than …" */
static int say_kept(struct wl_loop *loop)
{
	struct wl_capturer_counts counts;
	struct wl_phrase phrase;
	char text[512];
	bool any = false;

	wl_capturer_count(loop->capturer, &counts);
	wl_phrase_init(&phrase, text, sizeof(text));
	wl_phrase_add(&phrase, "captures: %" PRIu64 " taken", counts.taken + counts.on_demand);
	for (int i = WL_RULING_KEEP + 1; i < WL_RULING_MAX; i++) {
		char number[WL_FORMAT_SIZE];

		if (!counts.suppressed[i])
			continue;
		wl_phrase_add(&phrase, "%s%s %s", any ? ", " : "; slow responses without one: ",
			      wl_format_count(counts.suppressed[i], number, sizeof(number)),
			      wl_ruling_text((enum wl_ruling)i));
		any = true;
	}
	return loop->sink->ops->note(loop->sink, text);
}

static int say_stats(struct wl_loop *loop)
{
	struct wl_stats stats;
	int ret = read_stats(loop, &stats);

	if (!ret && loop->capturer)
		ret = say_kept(loop);
	if (!ret)
		ret = loop->sink->ops->stats(loop->sink, &stats);
	wl_stats_free(&stats);
	return ret;
}

int wl_loop_finish(struct wl_loop *loop, int ret)
{
	wl_session_stop(loop->setup.session);
	while (!ret) {
		ret = take_reports(loop);
		if (!loop->more)
			break;
	}
	if (loop->capturer)
		wl_capturer_stop(loop->capturer);
	if (!ret)
		ret = say_message(loop);
	return ret ? ret : say_stats(loop);
}
