/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "live/machine.h"

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

int wl_loop_open_sink(struct wl_loop *loop, bool live)
{
	const struct wl_options *o = &loop->setup.options;
	struct wl_text_options text = {
		.color = o->color,
		.quiet = o->quiet,
		.verbose = o->verbose,
		.over_ns = o->config.over == WL_OVER_FIXED ? o->config.over_ns : 0,
	};

	if (o->json)
		return wl_json_sink_open(&loop->sink, stdout);
	if (live && isatty(STDOUT_FILENO) && !o->quiet)
		return wl_live_sink_open(&loop->sink, stdout, &text);
	return wl_text_sink_open(&loop->sink, stdout, stderr, &text);
}

void wl_loop_close(struct wl_loop *loop)
{
	if (loop->sink)
		loop->sink->ops->close(loop->sink);
	loop->sink = NULL;
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

static void join_arguments(int argc, char **argv, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < argc && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "whylate ",
					argv[i]);
}

static int say_start(struct wl_loop *loop, int argc, char **argv)
{
	const struct wl_options *o = &loop->setup.options;
	char target[512], command_line[1024];
	struct wl_start_info info = {
		.version = WL_VERSION,
		.command_line = command_line,
		.target = target,
		.over = o->over_text,
		.kernel = loop->setup.kernel.release,
		.boot_to_real_ns = (uint64_t)wl_machine_real_offset(),
		.memory_bytes = wl_session_memory(loop->setup.session),
		.config = wl_session_config(loop->setup.session),
	};

	info.until = until_name(info.config);
	join_arguments(argc, argv, command_line, sizeof(command_line));
	wl_options_describe_target(o, target, sizeof(target));
	return loop->sink->ops->start(loop->sink, &info);
}

int wl_loop_start(struct wl_loop *loop, int argc, char **argv)
{
	int ret = wl_session_start(loop->setup.session);

	if (!ret)
		ret = say_start(loop, argc, argv);
	loop->started = wl_machine_now();
	loop->next_refresh = loop->started + SECOND_NS;
	return ret;
}

static int on_report(void *ctx, struct wl_report *report)
{
	struct wl_loop *loop = ctx;
	int ret = loop->sink->ops->slow(loop->sink, report);

	loop->slow++;
	if (!ret && loop->seen)
		ret = loop->seen(loop->ctx, report);
	return ret;
}

static int refresh(struct wl_loop *loop)
{
	struct wl_stats stats;
	int ret = wl_session_stats(loop->setup.session, &stats);

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

int wl_loop_step(struct wl_loop *loop)
{
	uint64_t now = wl_machine_now();
	int ret = take_reports(loop);

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

static int say_stats(struct wl_loop *loop)
{
	struct wl_stats stats;
	int ret = wl_session_stats(loop->setup.session, &stats);

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
	return ret ? ret : say_stats(loop);
}
