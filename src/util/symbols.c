/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/dwarf.h"
#include "util/modules.h"

#define LINES_NS 15000000ull    /* for lines, once all functions are named */
#define MEMORY_MAX (256u << 20) /* of the child, beyond what it begins with */

struct request {
	uint32_t pid;
	const uint64_t *addresses;
	size_t n;
};

/* What comes back through the pipe. */
struct answer {
	uint64_t index; /* n: all functions are named */
	struct wl_symbol symbol;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Who asks may be urgent; names are not. */
static void calm_down(void)
{
	const struct sched_param param = { .sched_priority = 0 };

	sched_setscheduler(0, SCHED_OTHER, &param);
	setpriority(PRIO_PROCESS, 0, 0);
}

/* --- the child --- */

static void limit_memory(void)
{
	struct rlimit limit;
	unsigned long data = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return;
	if (fscanf(f, "%*u %*u %*u %*u %*u %lu", &data) == 1) {
		limit.rlim_cur = limit.rlim_max =
			data * (unsigned long)sysconf(_SC_PAGESIZE) + MEMORY_MAX;
		setrlimit(RLIMIT_DATA, &limit);
	}
	fclose(f);
}

static void set_limits(void)
{
	const struct rlimit none = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	calm_down();
	unsetenv("DEBUGINFOD_URLS");
	limit_memory();
}

static void find_module(const struct wl_modules *modules, uint64_t address, struct wl_symbol *s)
{
	const struct wl_module *m = wl_modules_find(modules, address);

	if (m && s->function[0])
		snprintf(s->module, sizeof(s->module), "%s", m->name);
	else if (m)
		snprintf(s->module, sizeof(s->module), "%s+0x%" PRIx64, m->name,
			 address - m->start);
}

static bool send_answer(int fd, const struct answer *a)
{
	size_t done = 0;

	while (done < sizeof(*a)) {
		ssize_t n = write(fd, (const char *)a + done, sizeof(*a) - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

struct work {
	const struct request *request;
	struct wl_modules modules;
	struct wl_dwarf *dwarf;
	int fd;
};

static bool answer_one(struct work *w, size_t index, bool line)
{
	uint64_t address = w->request->addresses[index];
	struct answer a = { .index = index };

	wl_dwarf_function(w->dwarf, address, &a.symbol);
	find_module(&w->modules, address, &a.symbol);
	if (line)
		wl_dwarf_line(w->dwarf, address, &a.symbol);
	return send_answer(w->fd, &a);
}

static bool answer_functions(struct work *w)
{
	const struct answer done = { .index = w->request->n };

	for (size_t i = 0; i < w->request->n; i++)
		if (!answer_one(w, i, false))
			return false;
	return send_answer(w->fd, &done);
}

static bool answer_lines(struct work *w, bool apart)
{
	for (size_t i = 0; i < w->request->n; i++)
		if (wl_dwarf_is_apart(w->dwarf, w->request->addresses[i]) == apart &&
		    !answer_one(w, i, true))
			return false;
	return true;
}

static void answer_all(const struct request *r, int fd)
{
	struct work w = { .request = r, .fd = fd };

	if (wl_modules_read(&w.modules, r->pid))
		return;
	w.dwarf = wl_dwarf_open(&w.modules);
	if (answer_functions(&w) && w.dwarf && answer_lines(&w, false))
		answer_lines(&w, true);
	wl_dwarf_close(w.dwarf);
	wl_modules_free(&w.modules);
}

/* --- the parent --- */

/* false: it is over, or too late. */
static bool wait_for_data(int fd, uint64_t until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t now = now_ns();

	return now < until && poll(&p, 1, (int)((until - now) / 1000000) + 1) > 0;
}

/* The child with the reading end of its pipe. */
struct helper {
	pid_t pid;
	int fd;
};

static void receive(const struct request *r, const struct helper *h, uint64_t until,
		    struct wl_symbol *symbols)
{
	struct answer a;
	size_t have = 0;

	while (wait_for_data(h->fd, until)) {
		ssize_t n = read(h->fd, (char *)&a + have, sizeof(a) - have);

		if (n <= 0)
			return;
		have += (size_t)n;
		if (have < sizeof(a))
			continue;
		have = 0;
		/* not trusted: it has read files that anybody may have made */
		a.symbol.function[sizeof(a.symbol.function) - 1] = '\0';
		a.symbol.file[sizeof(a.symbol.file) - 1] = '\0';
		a.symbol.module[sizeof(a.symbol.module) - 1] = '\0';
		if (a.index < r->n)
			symbols[a.index] = a.symbol;
		else if (until > now_ns() + LINES_NS)
			until = now_ns() + LINES_NS;
	}
}

static int start_helper(const struct request *r, struct helper *h)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	h->pid = fork();
	if (!h->pid) {
		set_limits();
		answer_all(r, pipes[1]);
		_exit(0);
	}
	h->fd = pipes[0];
	close(pipes[1]);
	if (h->pid > 0)
		return 0;
	close(h->fd);
	return -EAGAIN;
}

int wl_symbols_find(uint32_t pid, const uint64_t *addresses, size_t n, uint64_t budget_ns,
		    struct wl_symbol *symbols)
{
	const struct request r = { pid, addresses, n };
	uint64_t until = now_ns() + budget_ns;
	struct helper h = { 0 };
	int ret;

	if (!n)
		return 0;
	memset(symbols, 0, n * sizeof(*symbols));
	ret = start_helper(&r, &h);
	if (ret)
		return ret;
	receive(&r, &h, until, symbols);
	close(h.fd);
	kill(h.pid, SIGKILL);
	while (waitpid(h.pid, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}
