/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate watch: response times live, a verdict for each slow one, a summary. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/loop.h"
#include "cli/verbs.h"
#include "live/machine.h"
#include "live/marks.h"
#include "live/tasks.h"
#include "util/escape.h"
#include "util/message.h"

#define SECOND_NS 1000000000ull
#define NOTHING_NS (5 * SECOND_NS) /* nothing measured for so long: say why */

struct watch {
	struct wl_loop loop;
	uint64_t next_alive;
	bool said_nothing;
};

/* Marks were asked for, and no file that the targets have mapped has any. */
static bool has_no_marks(const struct wl_setup *setup)
{
	const struct wl_marks *marks = wl_session_marks(setup->session);

	return marks && !wl_marks_probes(marks);
}

/* Why there is no response at all. */
static void explain_nothing(const struct wl_setup *setup, const struct wl_stats *stats, char *text,
			    size_t size)
{
	uint64_t unbegun = stats->counters[WL_CNT_MARK_UNBEGUN];
	const struct wl_target_config *target = &setup->options.config.target;
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
	} else if (has_no_marks(setup)) {
		snprintf(text, size,
			 "no response yet: nothing that the %u matching threads have mapped has "
			 "marks (whylate/mark.h; or name probes with --begin and --end)",
			 tasks.matching);
	} else if (unbegun) {
		snprintf(text, size,
			 "no response yet: %" PRIu64 " ends and steps were of items that had not "
			 "begun (with --begin-key and --end-key: do both name the same value?)",
			 unbegun);
	} else if (wl_session_marks(setup->session)) {
		snprintf(text, size, "no response yet: no item has ended (%zu probes are watched)",
			 wl_marks_probes(wl_session_marks(setup->session)));
	} else if (tasks.running == tasks.matching) {
		snprintf(
			text, size,
			"no response yet: all %u matching threads run and never go back to wait (try --until block)",
			tasks.matching);
	} else {
		snprintf(
			text, size,
			"no response yet: nothing has woken the %u matching threads (thread %u sleeps)",
			tasks.matching, tasks.example);
	}
}

static int say_nothing(struct watch *w)
{
	const struct wl_setup *setup = &w->loop.setup;
	struct wl_stats stats;
	char text[256];
	int ret = 0;

	w->said_nothing = true;
	if (wl_session_stats(setup->session, &stats))
		return 0;
	if (!stats.nrows && !w->loop.slow) {
		explain_nothing(setup, &stats, text, sizeof(text));
		if (setup->options.json) /* not part of the stream */
			wl_warn("%s", text);
		else
			ret = w->loop.sink->ops->note(w->loop.sink, text);
	}
	wl_stats_free(&stats);
	return ret;
}

static bool is_over(struct watch *w, uint64_t now)
{
	struct wl_setup *setup = &w->loop.setup;
	uint64_t duration = setup->options.duration_ns;

	if (duration && now - w->loop.started >= duration)
		return true;
	if (setup->spawn.pid && wl_spawn_poll(&setup->spawn))
		return true;
	if (now < w->next_alive)
		return false;
	w->next_alive = now + SECOND_NS / 5;
	return !wl_tasks_alive(&setup->options.config.target);
}

static int run(struct watch *w)
{
	int ret = 0;

	while (!ret) {
		uint64_t now = wl_machine_now();

		ret = wl_loop_step(&w->loop);
		if (!ret && !w->said_nothing && now - w->loop.started > NOTHING_NS)
			ret = say_nothing(w);
		if (w->loop.interrupted || is_over(w, now))
			break;
		wl_loop_wait(&w->loop);
	}
	return ret;
}

/* Measures until it is over. The reader that has gone is not an error. */
static int measure(struct watch *w, int argc, char **argv)
{
	struct wl_setup *setup = &w->loop.setup;
	int ret = wl_loop_start(&w->loop, argc, argv);

	if (!ret && setup->spawn.pid) {
		ret = wl_spawn_run(&setup->spawn);
		if (ret) {
			wl_error("cannot run '%s': %s", setup->options.command[0], strerror(-ret));
			ret = -ECANCELED;
		}
	}
	if (!ret)
		ret = run(w);
	return wl_loop_finish(&w->loop, ret);
}

static int exit_status(struct watch *w, int ret)
{
	struct wl_setup *setup = &w->loop.setup;

	if (ret && ret != -EPIPE) {
		if (ret != -ECANCELED) /* said already */
			wl_error("cannot go on: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	if (setup->spawn.ended && wl_spawn_status(&setup->spawn))
		return wl_spawn_status(&setup->spawn);
	return w->loop.slow && setup->options.fail_on_slow ? WL_EXIT_SLOW : WL_EXIT_OK;
}

int wl_watch_main(int argc, char **argv)
{
	struct watch w = { .loop.signals = -1 };
	int ret = wl_options_parse(&w.loop.setup.options, argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	ret = wl_loop_open_signals(&w.loop);
	if (!ret)
		ret = wl_loop_open_sink(&w.loop, true);
	if (ret) {
		wl_error("cannot start: %s", strerror(-ret));
		wl_loop_close(&w.loop);
		return WL_EXIT_FAILED;
	}
	ret = wl_setup_open(&w.loop.setup);
	if (!ret && wl_loop_open_capturer(&w.loop, argc, argv))
		ret = WL_EXIT_FAILED;
	if (!ret)
		ret = exit_status(&w, measure(&w, argc, argv));
	wl_loop_close(&w.loop);
	return ret;
}
