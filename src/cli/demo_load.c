/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The parent's side of the demo's load. */
#include "cli/demo_load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/demo_judge.h"
#include "cli/demo_tasks.h"
#include "util/message.h"

#define START_NS 5000000000ull /* at most, until everybody is ready */
#define END_NS 1000000000ull   /* at most, until a killed child has gone */
#define MILLISECOND_US 1000

enum child { SERVER, CLIENT, HOG, BACKEND, CHILDREN };

struct wl_demo_load {
	struct wl_demo_world world;
	pid_t pids[CHILDREN];
	unsigned int cpu;
};

static const struct child_kind {
	const char *name;
	void (*main)(const struct wl_demo_world *world);
	bool on_server_cpu;
} child_kinds[CHILDREN] = {
	[SERVER] = { WL_DEMO_SERVER, wl_demo_server, true },
	[CLIENT] = { WL_DEMO_CLIENT, wl_demo_client, false },
	[HOG] = { WL_DEMO_HOG, wl_demo_hog, true },
	[BACKEND] = { WL_DEMO_BACKEND, wl_demo_backend, false },
};

/* ---- open ---- */

/* The workers get the last of our CPUs, everybody else the others; on one CPU they share it. */
static int choose_cpus(struct wl_demo_load *load)
{
	struct wl_demo_world *w = &load->world;

	if (sched_getaffinity(0, sizeof(w->others), &w->others))
		return -errno;
	for (unsigned int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &w->others))
			load->cpu = i;
	CPU_ZERO(&w->servers);
	CPU_SET(load->cpu, &w->servers);
	w->one_cpu = CPU_COUNT(&w->others) == 1;
	if (!w->one_cpu)
		CPU_CLR(load->cpu, &w->others);
	return sched_setaffinity(0, sizeof(w->others), &w->others) ? -errno : 0;
}

static int listen_loopback(struct wl_demo_world *w)
{
	socklen_t len = sizeof(w->address);

	w->address = (struct sockaddr_in){ .sin_family = AF_INET };
	w->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->listener < 0 || bind(w->listener, (struct sockaddr *)&w->address, len) ||
	    listen(w->listener, WL_DEMO_WORKERS) ||
	    getsockname(w->listener, (struct sockaddr *)&w->address, &len))
		return -errno;
	return 0;
}

/* Files of these are in memory, or on another machine. */
static bool is_no_disk(int fd)
{
	static const unsigned int magics[] = {
		TMPFS_MAGIC,           RAMFS_MAGIC,
		NFS_SUPER_MAGIC,       V9FS_MAGIC,
		SMB_SUPER_MAGIC,       0xff534d42 /* CIFS */,
		0xfe534d42 /* SMB2 */, 0x65735546 /* FUSE */,
	};
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return true;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if ((unsigned int)fs.f_type == magics[i])
			return true;
	return false;
}

/* A file without a name: it is gone when we are. -1: no directory will do. */
static int open_file(void)
{
	char paths[][32] = { "./.whylate-demo-XXXXXX", "/var/tmp/.whylate-demo-XXXXXX" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = mkostemp(paths[i], O_CLOEXEC);

		if (fd < 0)
			continue;
		unlink(paths[i]);
		if (!is_no_disk(fd))
			return fd;
		close(fd);
	}
	return -1;
}

static int open_world(struct wl_demo_load *load)
{
	struct wl_demo_world *w = &load->world;
	int ret = choose_cpus(load);

	if (ret)
		return ret;
	w->shared = mmap(NULL, sizeof(*w->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (w->shared == MAP_FAILED) {
		w->shared = NULL;
		return -errno;
	}
	if (pipe2(w->hog, O_CLOEXEC) || pipe2(w->holder, O_CLOEXEC) ||
	    pipe2(w->writer, O_CLOEXEC) || pipe2(w->question, O_CLOEXEC) ||
	    pipe2(w->answer, O_CLOEXEC))
		return -errno;
	w->file = open_file();
	return listen_loopback(w);
}

static int start_child(struct wl_demo_load *load, enum child which)
{
	const struct child_kind *kind = &child_kinds[which];
	const struct wl_demo_world *w = &load->world;
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid) {
		load->pids[which] = pid;
		return 0;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, kind->name);
	sched_setaffinity(0, sizeof(w->others), kind->on_server_cpu ? &w->servers : &w->others);
	kind->main(w);
	_exit(1);
}

static int wait_ready(struct wl_demo_load *load)
{
	struct wl_demo_shared *shared = load->world.shared;
	uint64_t start = wl_demo_now();

	while (shared->ready < WL_DEMO_READY || !shared->answered) {
		int ret = wl_demo_load_check(load);

		if (ret)
			return ret;
		if (wl_demo_now() - start > START_NS)
			return -ETIMEDOUT;
		usleep(MILLISECOND_US);
	}
	return 0;
}

static void init(struct wl_demo_load *load)
{
	struct wl_demo_world *w = &load->world;

	w->listener = w->file = -1;
	for (int i = 0; i < 2; i++)
		w->hog[i] = w->holder[i] = w->writer[i] = w->question[i] = w->answer[i] = -1;
}

int wl_demo_load_open(struct wl_demo_load **result)
{
	struct wl_demo_load *load = calloc(1, sizeof(*load));
	int ret;

	if (!load)
		return -ENOMEM;
	init(load);
	ret = open_world(load);
	for (int i = 0; !ret && i < CHILDREN; i++)
		ret = start_child(load, i);
	if (!ret)
		ret = wait_ready(load);
	if (!ret) {
		*result = load;
		return 0;
	}
	if (ret != -ECANCELED)
		wl_error("cannot start the demo's server and client: %s", strerror(-ret));
	wl_demo_load_close(load);
	return ret;
}

/* ---- close ---- */

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_world(struct wl_demo_world *w)
{
	for (int i = 0; i < 2; i++) {
		close_fd(w->hog[i]);
		close_fd(w->holder[i]);
		close_fd(w->writer[i]);
		close_fd(w->question[i]);
		close_fd(w->answer[i]);
	}
	close_fd(w->file);
	close_fd(w->listener);
	if (w->shared)
		munmap(w->shared, sizeof(*w->shared));
}

/* One that hangs in the disk goes once that lets it: it isn't waited for. */
static void reap(pid_t pid, uint64_t until)
{
	while (!waitpid(pid, NULL, WNOHANG) && wl_demo_now() < until)
		usleep(MILLISECOND_US);
}

void wl_demo_load_close(struct wl_demo_load *load)
{
	uint64_t until = wl_demo_now() + END_NS;

	if (!load)
		return;
	for (int i = 0; i < CHILDREN; i++)
		if (load->pids[i])
			kill(load->pids[i], SIGKILL);
	for (int i = 0; i < CHILDREN; i++)
		if (load->pids[i])
			reap(load->pids[i], until);
	close_world(&load->world);
	free(load);
}

/* ---- who ---- */

int wl_demo_load_check(struct wl_demo_load *load)
{
	for (int i = 0; i < CHILDREN; i++) {
		if (!load->pids[i] || !waitpid(load->pids[i], NULL, WNOHANG))
			continue;
		wl_error("%s has ended too early", child_kinds[i].name);
		load->pids[i] = 0;
		return -ECANCELED;
	}
	return 0;
}

pid_t wl_demo_load_server(const struct wl_demo_load *load)
{
	return load->pids[SERVER];
}

unsigned int wl_demo_load_cpu(const struct wl_demo_load *load)
{
	return load->cpu;
}

const char *wl_demo_load_culprit(const struct wl_demo_load *load, enum wl_demo_kind kind,
				 uint32_t *tid)
{
	switch (kind) {
	case WL_DEMO_ACT_HOG:
		*tid = (uint32_t)load->pids[HOG];
		return WL_DEMO_HOG;
	case WL_DEMO_ACT_LOCK:
		*tid = load->world.shared->holder_tid;
		return WL_DEMO_HOLDER;
	case WL_DEMO_ACT_BACKEND:
		*tid = (uint32_t)load->pids[BACKEND];
		return WL_DEMO_BACKEND;
	default:
		*tid = 0;
		return NULL;
	}
}

const char *wl_demo_load_lacks(const struct wl_demo_load *load, enum wl_demo_kind kind)
{
	if (kind == WL_DEMO_ACT_HOG && load->world.shared->hog_error)
		return "SCHED_FIFO is refused here (a container, or a cgroup without\n"
		       "cpu.rt_runtime_us)";
	if (kind == WL_DEMO_ACT_DISK && load->world.file < 0)
		return "neither the current directory nor /var/tmp is on a disk that may be\n"
		       "written to";
	return NULL;
}

/* ---- acts ---- */

/* The pipe that the order goes to; -1: a worker sees it by itself. */
static int order_pipe(const struct wl_demo_world *w, enum wl_demo_kind kind)
{
	switch (kind) {
	case WL_DEMO_ACT_HOG:
		return w->one_cpu ? -1 : w->hog[1];
	case WL_DEMO_ACT_LOCK:
		return w->holder[1];
	case WL_DEMO_ACT_DISK:
		return w->writer[1];
	default:
		return -1;
	}
}

int wl_demo_load_act(struct wl_demo_load *load, const struct wl_demo_act *act)
{
	struct wl_demo_shared *shared = load->world.shared;
	int fd = order_pipe(&load->world, act->kind);
	char order = 1;

	if (shared->turn != WL_DEMO_TURN_PARENT)
		return -EBUSY;
	shared->act = *act;
	shared->turn = act->kind == WL_DEMO_ACT_DISK ? WL_DEMO_TURN_SERVER : WL_DEMO_TURN_ORDERED;
	return fd >= 0 && write(fd, &order, 1) != 1 ? -errno : 0;
}

bool wl_demo_load_acted(const struct wl_demo_load *load, struct wl_demo_act *act)
{
	struct wl_demo_shared *shared = load->world.shared;
	uint64_t answered = shared->answered;

	/* One more than the workers: the answer before may have been begun in time. */
	if (shared->turn != WL_DEMO_TURN_PARENT || answered <= WL_DEMO_WORKERS)
		return false;
	*act = shared->act;
	return shared->requests[(answered - 1 - WL_DEMO_WORKERS) % WL_DEMO_REQUESTS].sent >
	       act->ended;
}

/* ---- requests ---- */

/* Requests that are kept; the slot after the last one is being written. */
static uint64_t kept(const struct wl_demo_shared *shared, uint64_t answered)
{
	return answered < WL_DEMO_REQUESTS - 1 ? answered : WL_DEMO_REQUESTS - 1;
}

bool wl_demo_load_worst(const struct wl_demo_load *load, const struct wl_demo_act *act,
			struct wl_demo_request *worst)
{
	const struct wl_demo_shared *shared = load->world.shared;
	uint64_t answered = shared->answered, most = 0;

	for (uint64_t i = 1; i <= kept(shared, answered); i++) {
		const struct wl_demo_request *r =
			&shared->requests[(answered - i) % WL_DEMO_REQUESTS];
		uint64_t ns = wl_demo_effect(act, r);

		if (ns <= most || !wl_demo_overlap(act, r))
			continue;
		most = ns;
		*worst = *r;
	}
	return most > 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void wl_demo_load_usual(const struct wl_demo_load *load, struct wl_demo_usual *usual)
{
	const struct wl_demo_shared *shared = load->world.shared;
	uint64_t answered = shared->answered, n = kept(shared, answered);
	uint64_t *times = calloc(n + 1, sizeof(*times));

	*usual = (struct wl_demo_usual){ .count = answered };
	if (!times)
		return;
	for (uint64_t i = 0; i < n; i++) {
		const struct wl_demo_request *r =
			&shared->requests[(answered - 1 - i) % WL_DEMO_REQUESTS];

		times[i] = r->received - r->sent;
	}
	qsort(times, n, sizeof(*times), compare);
	usual->median = times[n / 2];
	usual->longest = times[n ? n - 1 : 0];
	free(times);
}
