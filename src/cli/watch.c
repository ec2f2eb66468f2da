/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate watch: response times live, a verdict for each slow one, a summary. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/setup.h"
#include "cli/verbs.h"
#include "live/machine.h"
#include "live/tasks.h"
#include "util/escape.h"
#include "util/message.h"

#define POLL_MS 10
#define SECOND_NS 1000000000ull
#define UPDATE_NS 100000000ull    /* thresholds and quartiles */
#define NOTHING_NS (5 * SECOND_NS) /* nothing measured for so long: say why */

struct watch {
	struct wl_setup setup;
	struct wl_sink *sink;
	int signals; /* signalfd */
	uint64_t started, next_update, next_refresh, next_alive;
	uint64_t slow;
	bool said_nothing, stop;
	int error;
};

static const char *until_name(const struct wl_config *config)
{
	static const char *const names[] = {"turn", "idle", "block", "run", "mark"};

	return names[config->chain.until % 5];
}

static int open_sink(struct watch *w)
{
	const struct wl_options *o = &w->setup.options;
	struct wl_text_options text = {
		.color = o->color,
		.quiet = o->quiet,
		.verbose = o->verbose,
		.over_ns = o->config.over == WL_OVER_FIXED ? o->config.over_ns : 0,
	};

	if (o->json)
		return wl_json_sink_open(&w->sink, stdout);
	if (isatty(STDOUT_FILENO) && !o->quiet)
		return wl_live_sink_open(&w->sink, stdout, &text);
	return wl_text_sink_open(&w->sink, stdout, stderr, &text);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int say_start(struct watch *w, const char *command_line)
{
	const struct wl_options *o = &w->setup.options;
	char target[512];
	struct wl_start_info info = {
		.version = WL_VERSION,
		.command_line = command_line,
		.target = target,
		.over = o->over_text,
		.kernel = w->setup.kernel.release,
		.boot_to_real_ns = (uint64_t)wl_machine_real_offset(),
		.memory_bytes = wl_session_memory(w->setup.session),
		.config = wl_session_config(w->setup.session),
	};

	info.until = until_name(info.config);
	wl_options_describe_target(o, target, sizeof(target));
	return w->sink->ops->start(w->sink, &info);
}

static int on_report(void *ctx, struct wl_report *report)
{
	struct watch *w = ctx;

	w->slow++;
	w->error = w->sink->ops->slow(w->sink, report);
	return w->error;
}

static int refresh(struct watch *w)
{
	struct wl_stats stats;
	int ret = wl_session_stats(w->setup.session, &stats);

	if (!ret)
		ret = w->sink->ops->refresh(w->sink, &stats);
	wl_stats_free(&stats);
	return ret;
}

/* Why there is no response at all. */
static void explain_nothing(const struct watch *w, char *text, size_t size)
{
	const struct wl_target_config *target = &w->setup.options.config.target;
	char name[WL_ESCAPE_SIZE(WL_COMM_LEN)];
	struct wl_tasks tasks;

	if (wl_tasks_scan(target, &tasks)) {
		snprintf(text, size, "no response yet");
	} else if (!tasks.matching && tasks.nearest[0]) {
		wl_escape_text(tasks.nearest, sizeof(tasks.nearest), name, sizeof(name));
		snprintf(text, size, "no response yet: no task matches (the nearest name is '%s')",
			 name);
	} else if (!tasks.matching) {
		snprintf(text, size, "no response yet: no task matches");
	} else if (tasks.running == tasks.matching) {
		snprintf(text, size,
			 "no response yet: all %u matching threads run and never go back to wait (try --until block)",
			 tasks.matching);
	} else {
		snprintf(text, size,
			 "no response yet: nothing has woken the %u matching threads (thread %u sleeps)",
			 tasks.matching, tasks.example);
	}
}

static int say_nothing(struct watch *w)
{
	struct wl_stats stats;
	char text[256];
	int ret = 0;

	w->said_nothing = true;
	if (wl_session_stats(w->setup.session, &stats))
		return 0;
	if (!stats.nrows && !w->slow) {
		explain_nothing(w, text, sizeof(text));
		if (w->setup.options.json) /* not part of the stream */
			wl_warn("%s", text);
		else
			ret = w->sink->ops->note(w->sink, text);
	}
	wl_stats_free(&stats);
	return ret;
}

/* What is due once in a while. */
static int do_periodic(struct watch *w, uint64_t now)
{
	int ret = 0;

	if (now >= w->next_update) {
		w->next_update = now + UPDATE_NS;
		wl_session_update(w->setup.session, w->setup.options.quantile);
	}
	if (now >= w->next_refresh) {
		w->next_refresh = now + SECOND_NS;
		ret = refresh(w);
	}
	if (!ret && !w->said_nothing && now - w->started > NOTHING_NS)
		ret = say_nothing(w);
	return ret;
}

static bool is_over(struct watch *w, uint64_t now)
{
	const struct wl_options *o = &w->setup.options;
	struct signalfd_siginfo info;

	if (read(w->signals, &info, sizeof(info)) > 0)
		return true;
	if (o->duration_ns && now - w->started >= o->duration_ns)
		return true;
	if (w->setup.spawn.pid && wl_spawn_poll(&w->setup.spawn))
		return true;
	if (now < w->next_alive)
		return false;
	w->next_alive = now + SECOND_NS / 5;
	return !wl_tasks_alive(&o->config.target);
}

static int run(struct watch *w)
{
	int ret = 0;

	while (!ret) {
		struct pollfd fd = {.fd = w->signals, .events = POLLIN};
		uint64_t now = wl_machine_now();

		ret = wl_session_poll(w->setup.session, on_report, w);
		if (!ret)
			ret = do_periodic(w, now);
		if (is_over(w, now))
			break;
		poll(&fd, 1, POLL_MS);
	}
	return ret;
}

static int say_stats(struct watch *w)
{
	struct wl_stats stats;
	int ret = wl_session_stats(w->setup.session, &stats);

	if (!ret)
		ret = w->sink->ops->stats(w->sink, &stats);
	wl_stats_free(&stats);
	return ret;
}

/* Measures until it is over. The reader that has gone is not an error. */
static int measure(struct watch *w, const char *command_line)
{
	int ret = say_start(w, command_line);

	if (!ret)
		ret = wl_session_start(w->setup.session);
	w->started = wl_machine_now();
	w->next_refresh = w->started + SECOND_NS;
	if (!ret && w->setup.spawn.pid) {
		ret = wl_spawn_run(&w->setup.spawn);
		if (ret)
			wl_error("cannot run '%s': %s", w->setup.options.command[0],
				 strerror(-ret));
	}
	if (!ret)
		ret = run(w);
	wl_session_stop(w->setup.session);
	if (!ret)
		ret = wl_session_poll(w->setup.session, on_report, w);
	return ret ? ret : say_stats(w);
}

static void join_arguments(int argc, char **argv, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (int i = 0; i < argc && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? " " : "whylate ",
					argv[i]);
}

static int exit_status(struct watch *w, int ret)
{
	if (ret && ret != -EPIPE)
		return WL_EXIT_FAILED;
	if (w->setup.spawn.ended && wl_spawn_status(&w->setup.spawn))
		return wl_spawn_status(&w->setup.spawn);
	return w->slow && w->setup.options.fail_on_slow ? WL_EXIT_SLOW : WL_EXIT_OK;
}

int wl_watch_main(int argc, char **argv)
{
	struct watch w = {.signals = -1};
	char command_line[1024];
	int ret = wl_options_parse(&w.setup.options, argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	join_arguments(argc, argv, command_line, sizeof(command_line));
	w.signals = open_signals();
	if (w.signals < 0 || open_sink(&w)) {
		wl_error("cannot start: %s", strerror(errno));
		return WL_EXIT_FAILED;
	}
	ret = wl_setup_open(&w.setup);
	if (!ret)
		ret = exit_status(&w, measure(&w, command_line));
	w.sink->ops->close(w.sink);
	wl_setup_close(&w.setup);
	close(w.signals);
	return ret;
}
