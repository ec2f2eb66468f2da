/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/setup.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/machine.h"
#include "live/marks.h"
#include "live/notes.h"
#include "live/tasks.h"
#include "util/message.h"
#include "util/parse.h"

static int resolve_users(struct wl_options *o)
{
	for (uint32_t i = 0; i < o->nusers; i++) {
		struct passwd *pw = getpwnam(o->users[i]);
		uint32_t id;

		if (!pw && wl_parse_uint32(o->users[i], &id)) {
			wl_error(
				"-u: there is no user '%s' (try a name of /etc/passwd, or a number)",
				o->users[i]);
			return -EINVAL;
		}
		o->config.target.users[o->config.target.nusers++] = pw ? pw->pw_uid : id;
	}
	return 0;
}

static int resolve_cgroups(struct wl_options *o, const struct wl_kernel *kernel)
{
	for (uint32_t i = 0; i < o->ncgroups; i++) {
		int ret = wl_machine_cgroup_target(kernel, o->cgroups[i], &o->config.target);

		if (ret) {
			wl_error("--cgroup: '%s': %s (try a path below /sys/fs/cgroup)",
				 o->cgroups[i],
				 ret == -ENOENT ? "there is no such cgroup" : strerror(-ret));
			return -EINVAL;
		}
	}
	return 0;
}

static int resolve_irqs(struct wl_options *o)
{
	struct wl_stim_config *stim = &o->config.stim;

	for (uint32_t i = 0; i < o->nirqs; i++) {
		int n = wl_machine_irqs(o->irqs[i], stim->irqs + stim->nirqs,
					WL_MAX_IRQS - stim->nirqs);

		if (n < 0) {
			wl_error(
				"--irq: there is no interrupt '%s' (try a number or name of /proc/interrupts)",
				o->irqs[i]);
			return -EINVAL;
		}
		stim->nirqs += (uint32_t)n;
	}
	return 0;
}

static int check_named(const struct wl_target_config *target)
{
	struct wl_target_config one = { 0 };

	for (uint32_t i = 0; i < target->npids + target->ntids; i++) {
		uint32_t id = i < target->npids ? target->pids[i] : target->tids[i - target->npids];

		one.npids = 1;
		one.pids[0] = id;
		if (wl_tasks_alive(&one))
			continue;
		wl_error("no task matches: there is no %s %u",
			 i < target->npids ? "process" : "thread", id);
		return -ESRCH;
	}
	return 0;
}

static int open_session(struct wl_setup *s)
{
	unsigned int flags = s->options.verbose ? WL_SESSION_VERBOSE : 0;

	if (s->options.captures)
		flags |= WL_SESSION_STACKS;

	switch (wl_session_open(&s->session, &s->options.config, &s->kernel, flags)) {
	case 0:
		return WL_EXIT_OK;
	case -EPERM:
	case -EOPNOTSUPP:
		return WL_EXIT_UNSUPPORTED;
	default:
		return WL_EXIT_FAILED;
	}
}

static int prepare_command(struct wl_setup *s)
{
	int ret;

	if (!s->options.command)
		return 0;
	ret = wl_spawn_prepare(&s->spawn, s->options.command);
	if (ret)
		wl_error("cannot start a process: %s", strerror(-ret));
	s->options.config.target.spawn = (uint32_t)s->spawn.pid;
	return ret;
}

/* The command's own file is looked for as exec will: its marks are there from its first one on. */
static int attach_command(struct wl_marks *marks, const char *command)
{
	const char *path = strchr(command, '/') ? "" : getenv("PATH");
	char file[PATH_MAX];

	if (!path || !*path)
		return wl_marks_file(marks, command);
	for (; *path; path += strcspn(path, ":"), path += *path == ':') {
		snprintf(file, sizeof(file), "%.*s/%s", (int)strcspn(path, ":"), path, command);
		if (!access(file, X_OK))
			return wl_marks_file(marks, file);
	}
	return 0;
}

/* Paths without a slash are looked for as commands and libraries. */
static bool can_read_probes(const struct wl_options *options)
{
	for (uint32_t i = 0; i < options->nmarks; i++) {
		const struct wl_mark_probe *probe = &options->marks[i];

		if (!strchr(probe->path, '/') || !access(probe->path, R_OK))
			continue;
		wl_error("%s: '%s': %s", probe->site.op == WL_MARK_BEGIN ? "--begin" : "--end",
			 probe->path, strerror(errno));
		return false;
	}
	return true;
}

/* Begins without an end, neither named nor in their own files: no item would ever end. */
static bool never_ends(const struct wl_options *options)
{
	uint32_t found;

	for (uint32_t i = 0; i < options->nmarks; i++) {
		const struct wl_mark_probe *probe = &options->marks[i];

		if (probe->site.op == WL_MARK_END ||
		    (!wl_notes_read(probe->path, &found) && found & WL_NOTE_ENDS))
			return false;
	}
	return options->nmarks > 0;
}

static int attach_marks(struct wl_setup *s)
{
	struct wl_marks *marks = wl_session_marks(s->session);

	if (!marks)
		return WL_EXIT_OK;
	for (uint32_t i = 0; i < s->options.nmarks; i++)
		if (wl_marks_attach(marks, &s->options.marks[i]))
			return WL_EXIT_FAILED;
	if (s->options.command)
		attach_command(marks, s->options.command[0]);
	return WL_EXIT_OK;
}

int wl_setup_resolve(struct wl_setup *s)
{
	struct wl_options *o = &s->options;
	int ret = wl_kernel_open(&s->kernel);

	if (ret) {
		wl_error("cannot read this machine: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	if (!can_read_probes(o))
		return WL_EXIT_USAGE;
	if (never_ends(o)) {
		wl_error("--begin: nothing ends what begins there (add --end PROBE)");
		return WL_EXIT_USAGE;
	}
	if (resolve_users(o) || resolve_cgroups(o, &s->kernel) || resolve_irqs(o))
		return WL_EXIT_USAGE;
	if (check_named(&o->config.target) || prepare_command(s))
		return WL_EXIT_FAILED;
	return WL_EXIT_OK;
}

int wl_setup_open(struct wl_setup *s)
{
	struct wl_options *o = &s->options;
	int ret = wl_setup_resolve(s);

	if (ret)
		return ret;
	if (o->config.record && !o->config.ring_size)
		o->config.ring_size = wl_options_default_ring(s->kernel.ncpu);
	ret = open_session(s);
	return ret ? ret : attach_marks(s);
}

void wl_setup_close(struct wl_setup *s)
{
	wl_spawn_close(&s->spawn);
	wl_session_close(s->session);
	s->session = NULL;
	wl_kernel_close(&s->kernel);
}
