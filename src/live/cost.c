/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/cost.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live/machine.h"
#include "util/message.h"

#define LOAD_NS 1000000000ull
#define RUNS_MIN 1000 /* fewer runs say more about caches than about the program */

/* A peer that answers each byte; it ends with the socket or with us. */
static void __attribute__((noreturn)) answer(int fd)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, &byte, 1) == 1)
		if (write(fd, &byte, 1) != 1)
			break;
	_exit(0);
}

static void ask(int fd, uint64_t ns)
{
	uint64_t end = wl_machine_now() + ns;
	char byte = 0;

	while (wl_machine_now() < end)
		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			break;
}

/* Both on this CPU, so that each byte is a switch; the affinity is put back. */
static int make_load(void)
{
	cpu_set_t before, one;
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		answer(fds[1]);
	}
	close(fds[1]);
	if (pid > 0)
		ask(fds[0], LOAD_NS);
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	sched_setaffinity(0, sizeof(before), &before);
	return pid < 0 ? -errno : 0;
}

static void keep_what_ran(struct wl_costs *costs)
{
	size_t kept = 0;

	for (size_t i = 0; i < costs->n; i++) {
		struct wl_program_cost *p = &costs->programs[i];

		if (!strcmp(p->name, "wl_empty"))
			costs->empty_ns = p->runs ? (double)p->ns / (double)p->runs : 0;
		else if (p->runs >= RUNS_MIN)
			costs->programs[kept++] = *p;
	}
	costs->n = kept;
}

static int measure(struct wl_session *session, struct wl_costs *costs)
{
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME), ret;

	if (stats < 0) {
		wl_error("no run statistics of BPF programs: %s", strerror(errno));
		return -errno;
	}
	ret = wl_session_start(session);
	if (!ret)
		ret = make_load();
	wl_session_stop(session);
	costs->n = wl_session_costs(session, costs->programs, WL_COSTS_MAX);
	costs->n = costs->n < WL_COSTS_MAX ? costs->n : WL_COSTS_MAX;
	close(stats);
	keep_what_ran(costs);
	return ret;
}

int wl_costs_measure(const struct wl_kernel *kernel, struct wl_costs *costs)
{
	struct wl_config config = { .chain = { .max_hops = 32 }, .over_ns = ~0ull };
	struct wl_session *session;
	int ret;

	memset(costs, 0, sizeof(*costs));
	config.stim.any = 1;
	config.target.ntids = 1;
	config.target.tids[0] = ~0u;
	ret = wl_session_open(&session, &config, kernel, WL_SESSION_EMPTY);
	if (ret)
		return ret;
	ret = measure(session, costs);
	wl_session_close(session);
	return ret;
}
