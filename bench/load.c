/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "load.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "bench.h"

#define SLEEP_NS 5000
#define BLOCK 4096
#define BLOCKS 4096

/* One direction from a task to the next. */
struct channel {
	int in, out; /* what is written to in is read from out */
};

struct ring {
	struct load_spec spec;
	struct channel *channels; /* [i] leads to task i */
};

struct ring_task {
	struct ring *ring;
	int nr;
};

/* --- channels --- */

static struct sockaddr_in loopback(int fd)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);

	if (bind(fd, (struct sockaddr *)&a, len) || getsockname(fd, (struct sockaddr *)&a, &len))
		die("bind: %s", strerror(errno));
	return a;
}

static void join(int fd, const struct sockaddr_in *a)
{
	if (connect(fd, (const struct sockaddr *)a, sizeof(*a)))
		die("connect: %s", strerror(errno));
}

static void open_udp(struct channel *c)
{
	struct sockaddr_in to;

	c->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	c->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	to = loopback(c->out);
	join(c->in, &to);
}

static void open_tcp(struct channel *c)
{
	int one = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = loopback(door);

	c->in = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen(door, 1))
		die("listen: %s", strerror(errno));
	join(c->in, &to);
	c->out = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(c->in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(door);
}

static void open_pipe(struct channel *c)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	c->out = fd[0];
	c->in = fd[1];
}

static void open_channels(struct ring *r)
{
	struct rlimit limit = { .rlim_cur = 4096, .rlim_max = 4096 };

	setrlimit(RLIMIT_NOFILE, &limit);
	r->channels = calloc((size_t)r->spec.tasks, sizeof(*r->channels));
	if (!r->channels)
		die("out of memory");
	for (int i = 0; i < r->spec.tasks; i++) {
		if (r->spec.kind == LOAD_UDP)
			open_udp(&r->channels[i]);
		else if (r->spec.kind == LOAD_TCP)
			open_tcp(&r->channels[i]);
		else
			open_pipe(&r->channels[i]);
	}
}

static void close_channels(struct ring *r)
{
	for (int i = 0; i < r->spec.tasks; i++) {
		close(r->channels[i].in);
		close(r->channels[i].out);
	}
	free(r->channels);
}

/* --- what the processes do --- */

static void *ring_work(void *arg)
{
	struct ring_task *t = arg;
	struct ring *r = t->ring;
	int from = r->channels[t->nr].out, to = r->channels[(t->nr + 1) % r->spec.tasks].in;
	char token;

	pin_to(t->nr % 2 && r->spec.other >= 0 ? r->spec.other : r->spec.cpu);
	for (;;)
		if (read(from, &token, 1) != 1 || write(to, &token, 1) != 1)
			die("ring: %s", strerror(errno));
	return NULL;
}

static void ring_process(struct ring *r, int first)
{
	struct ring_task tasks[2] = { { r, first }, { r, first + 1 } };
	pthread_t thread;

	if (r->spec.per_process == 2 && pthread_create(&thread, NULL, ring_work, &tasks[1]))
		die("no thread: %s", strerror(errno));
	ring_work(&tasks[0]);
}

static void timer_process(void)
{
	struct timespec ts = { .tv_nsec = SLEEP_NS };

	prctl(PR_SET_TIMERSLACK, 1);
	for (;;)
		nanosleep(&ts, NULL);
}

static void *spin(void *arg)
{
	pin_to(*(int *)arg);
	for (;;)
		__asm__ volatile("" ::: "memory");
	return NULL;
}

static void call_process(const struct load_spec *spec)
{
	int other = spec->other;
	pthread_t thread;

	if (other < 0 || pthread_create(&thread, NULL, spin, &other) ||
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0))
		die("no calls to another CPU");
	for (;;)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
}

static void work_process(void)
{
	struct termios raw;
	int master, slave;
	char c = 'x';

	cfmakeraw(&raw);
	if (openpty(&master, &slave, NULL, &raw, NULL))
		die("openpty: %s", strerror(errno));
	for (;;)
		if (write(master, &c, 1) != 1 || read(slave, &c, 1) != 1)
			die("terminal: %s", strerror(errno));
}

static void disk_process(const struct load_spec *spec)
{
	int fd = open(spec->file, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unsigned at = (unsigned)getpid();
	void *block;

	if (fd < 0 || posix_memalign(&block, BLOCK, BLOCK))
		die("%s: %s", spec->file, strerror(errno));
	for (;;) {
		at = at * 1103515245u + 12345u;
		if (pread(fd, block, BLOCK, (off_t)(at >> 8) % BLOCKS * BLOCK) < 0)
			die("%s: %s", spec->file, strerror(errno));
	}
}

static void fork_process(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

static void work(struct ring *r, int nr)
{
	pin_to(r->spec.cpu);
	switch (r->spec.kind) {
	case LOAD_PIPE:
	case LOAD_UDP:
	case LOAD_TCP:
		ring_process(r, nr * r->spec.per_process);
		break;
	case LOAD_TIMER:
		timer_process();
		break;
	case LOAD_CALL:
		call_process(&r->spec);
		break;
	case LOAD_WORK:
		work_process();
		break;
	case LOAD_DISK:
		disk_process(&r->spec);
		break;
	case LOAD_FORK:
		fork_process();
		break;
	}
}

/* --- start and stop --- */

/* A task that is woken waits until its waker sleeps: each switch is an end and a start. */
static void set_batch(void)
{
	struct sched_param param = { 0 };

	if (sched_setscheduler(0, SCHED_BATCH, &param))
		die("SCHED_BATCH: %s", strerror(errno));
}

static pid_t start_process(struct ring *r, int nr)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, LOAD_NAME);
	set_batch();
	if (getppid() == parent)
		work(r, nr);
	_exit(0);
}

static int is_ring(const struct load_spec *spec)
{
	return spec->kind == LOAD_PIPE || spec->kind == LOAD_UDP || spec->kind == LOAD_TCP;
}

void load_start(struct load *load, const struct load_spec *spec)
{
	static struct channel none;
	struct ring r = { .spec = *spec, .channels = &none };

	load->n = is_ring(spec) ? spec->tasks / spec->per_process : spec->tasks;
	if (load->n > LOAD_MAX)
		die("%d processes are too many", load->n);
	if (is_ring(spec))
		open_channels(&r);
	for (int i = 0; i < load->n; i++)
		load->pids[i] = start_process(&r, i);
	if (!is_ring(spec))
		return;
	/* all of them wait, and have been seen to, before the token goes round */
	sleep_ms(200);
	if (write(r.channels[0].in, "x", 1) != 1)
		die("no token: %s", strerror(errno));
	close_channels(&r);
}

void load_stop(struct load *load)
{
	for (int i = 0; i < load->n; i++)
		kill(load->pids[i], SIGKILL);
	for (int i = 0; i < load->n; i++)
		waitpid(load->pids[i], NULL, 0);
	load->n = 0;
}
