/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/config_file.h"
#include "capture/response_file.h"
#include "capture/stacks_file.h"
#include "capture/tasks_file.h"
#include "cli/idle_calls.h"
#include "trace/trace.h"
#include "util/message.h"

#define WHY_MAX 512

/* What files are missing says what it is; what is damaged is said. -ENOENT: it is not there. */
static int said(const struct wl_input *in, int error, const char *why)
{
	if (error && error != -ENOENT && error != -ENODATA)
		wl_error("explain: '%s': %s", in->path, why);
	return error;
}

static int read_machine(struct wl_input *in, int dirfd)
{
	char why[WHY_MAX];
	int ret = wl_machine_file_load(dirfd, &in->machine, why, sizeof(why));

	if (ret)
		return said(in, ret, why);
	return said(in, wl_config_load(dirfd, &in->config, why, sizeof(why)), why);
}

static int read_files(struct wl_input *in, int dirfd)
{
	char why[WHY_MAX];
	int ret = said(in, wl_response_load(dirfd, &in->report, why, sizeof(why)), why);

	in->has_report = !ret;
	if (!ret || ret == -ENOENT || ret == -ENODATA)
		ret = read_machine(in, dirfd);
	if (!ret || ret == -ENOENT)
		ret = said(in, wl_tasks_load(dirfd, &in->tasks, &in->ntasks, why, sizeof(why)),
			   why);
	if (!ret || ret == -ENOENT)
		ret = said(in, wl_samples_load(dirfd, &in->samples, why, sizeof(why)), why);
	return ret == -ENOENT ? 0 : ret;
}

static bool tells_calls(const struct wl_trace *trace)
{
	for (unsigned nr = 0; nr < WL_EV_SYSCALLS; nr++)
		if (wl_trace_describes(trace, WL_EV_SYSCALL_ENTRY + nr))
			return true;
	return false;
}

/* Without a config: responses end where their task waits for work; if that isn't told, at a sleep.
 */
static void set_usual(struct wl_input *in)
{
	struct wl_trace *trace = NULL;
	char why[WHY_MAX];
	bool calls = !wl_trace_open(in->path, 0, &trace, why, sizeof(why)) && tells_calls(trace);

	wl_trace_close(trace);
	in->config.chain.until = calls ? WL_UNTIL_IDLE : WL_UNTIL_BLOCK;
	in->config.chain.max_hops = WL_USUAL_HOPS;
	wl_idle_calls_fill(&in->config.chain);
}

int wl_input_read(struct wl_input *in)
{
	int dirfd = open(in->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (dirfd < 0) {
		ret = -errno;
		wl_error("explain: '%s': %s", in->path, strerror(-ret));
		return ret;
	}
	ret = read_files(in, dirfd);
	if (!ret && !in->machine)
		set_usual(in);
	close(dirfd);
	return ret;
}

void wl_input_free(struct wl_input *in)
{
	wl_response_free(&in->report);
	wl_machine_file_free(in->machine);
	free(in->tasks);
	wl_samples_free(&in->samples);
}

void wl_input_options(const struct wl_input *in, struct wl_explain_options *options)
{
	*options = (struct wl_explain_options){
		.trace = in->path,
		.config = &in->config,
		.tasks = in->tasks,
		.ntasks = in->ntasks,
		.report = in->has_report ? &in->report : NULL,
		.samples = in->samples.n ? &in->samples : NULL,
	};
	if (in->machine)
		wl_machine_file_names(in->machine, &options->names);
}
