/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate record: everything that the kernel side records, to a directory, until it is over. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/recorder.h"
#include "capture/store.h"
#include "cli/loop.h"
#include "cli/verbs.h"
#include "live/machine.h"
#include "live/tasks.h"
#include "output/json.h"
#include "util/format.h"
#include "util/message.h"

#define SECOND_NS UINT64_C(1000000000)
#define CLEAR_LINE "\r\033[K"

struct record {
	struct wl_loop loop;
	struct wl_store dir;
	struct wl_recorder *recorder;
	bool made;     /* the directory was not there before */
	bool recorded; /* there is something in it to keep */
	bool progress; /* stderr is a terminal */
	uint64_t next_line, next_alive;
};

/* --- the directory --- */

static bool is_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	bool empty = true;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	closedir(dir);
	return empty;
}

/* An exit status. */
static int open_directory(struct record *r)
{
	const char *path = r->loop.setup.options.output;
	const char *why;

	r->made = access(path, F_OK) != 0;
	if (wl_store_open(&r->dir, path, true, &why)) {
		wl_error("-o: '%s': %s", path, why);
		return WL_EXIT_FAILED;
	}
	if (is_empty(r->dir.fd))
		return WL_EXIT_OK;
	r->recorded = true; /* somebody else's */
	wl_error("-o: '%s' is not empty (choose another directory, or remove it)", path);
	return WL_EXIT_USAGE;
}

/* What was never a recording is not left behind. */
static void close_directory(struct record *r)
{
	if (r->dir.fd >= 0 && !r->recorded)
		wl_recorder_remove(r->dir.fd);
	if (r->dir.fd >= 0 && !r->recorded && r->made)
		(void)rmdir(r->dir.path); /* only if it is empty */
	wl_store_close(&r->dir);
}

/* --- recording --- */

/* The process whose open files help to read system calls; 0: there is not just one. */
static uint32_t only_process(const struct wl_setup *setup)
{
	const struct wl_target_config *target = &setup->options.config.target;

	if (setup->spawn.pid)
		return (uint32_t)setup->spawn.pid;
	return target->npids == 1 ? target->pids[0] : 0;
}

static int open_recorder(struct record *r, int argc, char **argv)
{
	struct wl_loop *loop = &r->loop;
	const struct wl_recorder_options options = {
		.session = loop->setup.session,
		.dirfd = r->dir.fd,
		.command_line = loop->command_line,
		.target = loop->target,
		.pid = only_process(&loop->setup),
	};

	wl_loop_describe(loop, argc, argv);
	return wl_recorder_open(&r->recorder, &options);
}

static int start(struct record *r)
{
	struct wl_setup *setup = &r->loop.setup;
	int ret = wl_recorder_start(r->recorder);

	if (!ret)
		ret = wl_session_start(setup->session);
	r->loop.started = wl_machine_now();
	r->next_line = r->loop.started + SECOND_NS;
	if (ret || !setup->spawn.pid)
		return ret;
	ret = wl_spawn_run(&setup->spawn);
	if (!ret)
		return 0;
	wl_error("cannot run '%s': %s", setup->options.command[0], strerror(-ret));
	return -ECANCELED;
}

static bool is_over(struct record *r, uint64_t now)
{
	struct wl_setup *setup = &r->loop.setup;
	uint64_t duration = setup->options.duration_ns;

	if (r->loop.interrupted || (duration && now - r->loop.started >= duration))
		return true;
	if (setup->spawn.pid && wl_spawn_poll(&setup->spawn))
		return true;
	if (now < r->next_alive)
		return false;
	r->next_alive = now + SECOND_NS / 5;
	return !wl_tasks_alive(&setup->options.config.target);
}

/* "1,234,567 events, 120.5 MB, 12 lost" */
static void describe(const struct wl_stream_progress *p, char *text, size_t size)
{
	char events[WL_FORMAT_SIZE], lost[WL_FORMAT_SIZE];

	snprintf(text, size, "%s events, %.1f MB, %s lost",
		 wl_format_count(p->events, events, sizeof(events)), (double)p->bytes / 1e6,
		 p->lost ? wl_format_count(p->lost, lost, sizeof(lost)) : "none");
}

static void say_progress(struct record *r, const struct wl_stream_progress *p, uint64_t now)
{
	char text[128];

	if (!r->progress || now < r->next_line)
		return;
	r->next_line += SECOND_NS;
	describe(p, text, sizeof(text));
	fprintf(stderr, CLEAR_LINE "%" PRIu64 " s: %s", (now - r->loop.started) / SECOND_NS, text);
}

/* Until it is over, or can't write. */
static int run(struct record *r)
{
	struct wl_stream_progress progress;
	int ret;

	for (;;) {
		uint64_t now = wl_machine_now();

		ret = wl_recorder_progress(r->recorder, &progress);
		if (ret || is_over(r, now))
			break;
		say_progress(r, &progress, now);
		wl_loop_wait(&r->loop);
	}
	if (r->progress)
		fputs(CLEAR_LINE, stderr);
	return ret;
}

/* --- the end --- */

static void put_counts(struct wl_json *json, uint32_t cpu, const struct wl_cpu_counts *n)
{
	wl_json_object(json, NULL);
	wl_json_u64(json, "cpu", cpu);
	wl_json_u64(json, "read", n->read);
	wl_json_u64(json, "lost", n->lost + n->refused);
	wl_json_u64(json, "left_out", n->left_out);
	wl_json_object_end(json);
}

static int say_json(struct record *r, const struct wl_stream_progress *p)
{
	const struct wl_stream *stream = wl_recorder_stream(r->recorder);
	uint32_t ncpu = wl_session_config(r->loop.setup.session)->ncpu;
	struct wl_json json;

	wl_json_init(&json, stdout);
	wl_json_object(&json, NULL);
	wl_json_string(&json, "type", "recording");
	wl_json_u64(&json, "v", 1);
	wl_json_string(&json, "path", r->dir.path);
	wl_json_u64(&json, "duration_ns", wl_stream_end(stream) - wl_stream_begin(stream));
	wl_json_u64(&json, "events", p->events);
	wl_json_u64(&json, "bytes", p->bytes);
	wl_json_u64(&json, "lost", p->lost);
	wl_json_array(&json, "streams");
	for (uint32_t cpu = 0; cpu < ncpu; cpu++)
		put_counts(&json, cpu, wl_stream_counts(stream, cpu));
	wl_json_array_end(&json);
	wl_json_object_end(&json);
	return wl_json_line_end(&json);
}

static int say_end(struct record *r, bool failed)
{
	const struct wl_options *o = &r->loop.setup.options;
	const struct wl_stream *stream = wl_recorder_stream(r->recorder);
	char text[128], duration[WL_FORMAT_SIZE];
	struct wl_stream_progress p;

	wl_recorder_progress(r->recorder, &p);
	if (o->json)
		return say_json(r, &p);
	if (o->quiet)
		return 0;
	describe(&p, text, sizeof(text));
	wl_format_duration(wl_stream_end(stream) - wl_stream_begin(stream), duration,
			   sizeof(duration));
	wl_say("%s in %s, in %s%s", text, duration, r->dir.path,
	       p.lost && !failed ? " (a larger --ring loses less)" : "");
	return 0;
}

/* That we can't go on is no reason to stop somebody's work. */
static void let_command_end(struct record *r)
{
	struct wl_spawn *spawn = &r->loop.setup.spawn;

	while (spawn->pid && !r->loop.interrupted && !wl_spawn_poll(spawn))
		wl_loop_wait(&r->loop);
}

static int finish(struct record *r, int ret)
{
	int err;

	wl_session_stop(r->loop.setup.session);
	err = wl_recorder_stop(r->recorder);
	if (ret == -ECANCELED) /* nothing was run, and it was said */
		return ret;
	r->recorded = true;
	if (!ret)
		ret = err;
	err = say_end(r, ret);
	if (!ret)
		return err;
	wl_error("cannot go on recording to '%s': %s (what is there can be read)", r->dir.path,
		 strerror(-ret));
	let_command_end(r);
	return ret;
}

static int exit_status(const struct record *r, int ret)
{
	const struct wl_spawn *spawn = &r->loop.setup.spawn;

	if (ret && ret != -EPIPE)
		return WL_EXIT_FAILED;
	return spawn->ended ? wl_spawn_status(spawn) : WL_EXIT_OK;
}

/* An exit status. */
static int record(struct record *r, int argc, char **argv)
{
	int ret = open_recorder(r, argc, argv);

	if (ret) {
		wl_error("cannot record to '%s': %s", r->dir.path, strerror(-ret));
		return WL_EXIT_FAILED;
	}
	ret = start(r);
	if (!ret)
		ret = run(r);
	return exit_status(r, finish(r, ret));
}

/* Who is a target, the state machine knows: it runs along, and nothing is slow to it. */
static void choose_syscalls(struct wl_options *o)
{
	if (o->config.syscalls != WL_SYSCALLS_TARGETS)
		return;
	if (!wl_options_have_target(o)) {
		o->config.syscalls = WL_SYSCALLS_ALL;
		return;
	}
	o->config.follow = 1;
	o->config.over = WL_OVER_FIXED;
	o->config.over_ns = ~UINT64_C(0);
}

int wl_record_main(int argc, char **argv)
{
	struct record r = { .loop.signals = -1, .dir.fd = -1 };
	int ret = wl_options_parse(&r.loop.setup.options, argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	choose_syscalls(&r.loop.setup.options);
	r.progress = isatty(STDERR_FILENO) && !r.loop.setup.options.quiet;
	ret = wl_loop_open_signals(&r.loop);
	if (ret) {
		wl_error("cannot start: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	ret = open_directory(&r);
	if (!ret)
		ret = wl_setup_open(&r.loop.setup);
	if (!ret)
		ret = record(&r, argc, argv);
	wl_recorder_close(r.recorder); /* it uses the session */
	wl_loop_close(&r.loop);
	close_directory(&r);
	return ret;
}
