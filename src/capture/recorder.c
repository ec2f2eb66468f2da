/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/config_file.h"
#include "capture/fds.h"
#include "capture/state.h"
#include "capture/task_list.h"
#include "capture/tasks_file.h"
#include "capture/tree.h"
#include "live/machine.h"
#include "util/thread.h"

#define PRIORITY 10      /* of SCHED_FIFO: what lets a response be late should not be us */
#define POLL_NS 20000000 /* 4 MiB in that time are 200 MiB/s and CPU */
#define FINAL ".final"   /* where the last machine.json is written before it takes its place */

struct wl_recorder {
	struct wl_recorder_options options;
	const struct wl_config *config;
	int64_t real_offset;
	struct wl_state *state;
	struct wl_stream *stream; /* the thread's, while it runs */
	const struct wl_cpu_counts **counts;
	pthread_t thread;
	bool running;
	pthread_mutex_t mutex; /* guards what follows */
	bool stop;
	int error;
	struct wl_stream_progress progress;
};

/* --- begin --- */

static int save_machine(struct wl_recorder *r, int dirfd)
{
	struct wl_state_info info = {
		.kind = "recording",
		.command_line = r->options.command_line,
		.target = r->options.target,
		.config = r->config,
		.real_offset = r->real_offset,
		.from = wl_stream_begin(r->stream),
		.begin = wl_stream_begin(r->stream),
		.end = wl_stream_end(r->stream),
		.pids = &r->options.pid,
		.npids = r->options.pid ? 1 : 0,
		.counts = r->counts,
		.ncpu = r->config->ncpu,
	};

	for (uint32_t cpu = 0; cpu < info.ncpu; cpu++)
		r->counts[cpu] = wl_stream_counts(r->stream, cpu);
	return wl_state_save(r->state, dirfd, &info);
}

static int open_stream(struct wl_recorder *r, const struct wl_task_list *tasks,
		       const struct wl_fds *fds)
{
	struct wl_metadata metadata;
	struct wl_statedump dump;
	int ret = wl_metadata_init(&metadata, "recording", r->real_offset, r->config->syscalls);

	if (!ret)
		ret = wl_task_list_statedump(tasks, fds, &dump);
	if (ret)
		return ret;
	ret = wl_stream_open(&r->stream, wl_session_rings(r->options.session), r->options.dirfd,
			     &metadata, &dump);
	wl_task_list_statedump_free(&dump);
	return ret;
}

static int save_begin(struct wl_recorder *r, const struct wl_task_list *tasks,
		      const struct wl_fds *fds)
{
	int ret = open_stream(r, tasks, fds);

	if (!ret)
		ret = wl_tasks_save(r->options.dirfd, tasks->all, tasks->n);
	if (!ret && fds)
		ret = wl_fds_save(fds, r->options.dirfd);
	return ret ? ret : save_machine(r, r->options.dirfd);
}

/* Who is there, and what the target has open. */
static int begin(struct wl_recorder *r)
{
	struct wl_task_list tasks = { 0 };
	struct wl_fds fds = { 0 };
	bool open = r->options.pid && r->config->syscalls && !wl_fds_read(&fds, r->options.pid);
	int ret = wl_session_dump_tasks(r->options.session, wl_task_list_add, &tasks);

	if (!ret)
		ret = save_begin(r, &tasks, open ? &fds : NULL);
	wl_task_list_free(&tasks);
	wl_fds_free(&fds);
	return ret;
}

int wl_recorder_open(struct wl_recorder **recorder, const struct wl_recorder_options *options)
{
	struct wl_recorder *r;
	int ret;

	if (!wl_session_rings(options->session))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->mutex, NULL);
	r->options = *options;
	r->config = wl_session_config(options->session);
	r->real_offset = wl_machine_real_offset();
	r->counts = calloc(r->config->ncpu, sizeof(void *));
	ret = r->counts ? wl_state_new(&r->state) : -ENOMEM;
	if (!ret)
		ret = begin(r);
	if (ret)
		wl_recorder_close(r);
	else
		*recorder = r;
	return ret;
}

/* --- the thread --- */

/* Publishes how far it is. Returns true if it must not go on. */
static bool tell(struct wl_recorder *r, int error)
{
	struct wl_stream_progress progress;
	bool stop;

	wl_stream_progress(r->stream, &progress);
	pthread_mutex_lock(&r->mutex);
	r->progress = progress;
	r->error = error;
	stop = r->stop;
	pthread_mutex_unlock(&r->mutex);
	return stop || error;
}

static void *run(void *ctx)
{
	const struct timespec moment = { .tv_nsec = POLL_NS };
	struct wl_recorder *r = ctx;

	while (!tell(r, wl_stream_poll(r->stream)))
		nanosleep(&moment, NULL);
	return NULL;
}

int wl_recorder_start(struct wl_recorder *r)
{
	int ret = wl_thread_start_urgent(&r->thread, PRIORITY, run, r);

	r->running = !ret;
	return ret;
}

static void join(struct wl_recorder *r)
{
	if (!r->running)
		return;
	pthread_mutex_lock(&r->mutex);
	r->stop = true;
	pthread_mutex_unlock(&r->mutex);
	pthread_join(r->thread, NULL);
	r->running = false;
}

int wl_recorder_progress(struct wl_recorder *r, struct wl_stream_progress *progress)
{
	int error;

	pthread_mutex_lock(&r->mutex);
	*progress = r->progress;
	error = r->error;
	pthread_mutex_unlock(&r->mutex);
	return error;
}

/* --- end --- */

/* There is always a whole machine.json. */
static int replace_machine(struct wl_recorder *r)
{
	int dirfd = r->options.dirfd, fd, ret;

	if (mkdirat(dirfd, FINAL, 0700))
		return -errno;
	fd = openat(dirfd, FINAL, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = save_machine(r, fd);
	if (!ret && renameat(fd, WL_MACHINE_FILE, dirfd, WL_MACHINE_FILE))
		ret = -errno;
	if (ret)
		unlinkat(fd, WL_MACHINE_FILE, 0);
	close(fd);
	unlinkat(dirfd, FINAL, AT_REMOVEDIR);
	return ret;
}

int wl_recorder_stop(struct wl_recorder *r)
{
	int ret, err;

	join(r);
	ret = wl_stream_finish(r->stream);
	tell(r, ret);
	err = replace_machine(r);
	return ret ? ret : err;
}

const struct wl_stream *wl_recorder_stream(const struct wl_recorder *r)
{
	return r->stream;
}

void wl_recorder_close(struct wl_recorder *r)
{
	if (!r)
		return;
	join(r);
	wl_stream_close(r->stream);
	wl_state_free(r->state);
	pthread_mutex_destroy(&r->mutex);
	free(r->counts);
	free(r);
}

void wl_recorder_remove(int dirfd)
{
	(void)wl_tree_remove(dirfd, "kernel");
	unlinkat(dirfd, WL_MACHINE_FILE, 0);
	unlinkat(dirfd, WL_TASKS_FILE, 0);
	unlinkat(dirfd, WL_FDS_FILE, 0);
}
