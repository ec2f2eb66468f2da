/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Plain programs, written as people write them: nothing here is made for whylate. The workers wait
 * in epoll, take a mutex, answer. Each notes times with its own clock, for the comparison.
 */
#include "cli/demo_tasks.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util/file.h"
#include "util/message.h"

#define CHUNK (1 << 20) /* bytes per write */
#define PAGE_SIZE 16384 /* bytes that each answer is made of: some 10 us of work */

struct worker {
	struct server *server;
	int socket;
	unsigned int number;
};

/* What the server's threads share. */
struct server {
	const struct wl_demo_world *world;
	pthread_mutex_t mutex;
	struct worker workers[WL_DEMO_WORKERS];
	char page[PAGE_SIZE];
	char chunk[CHUNK];
};

struct message {
	uint64_t number, sum;
};

uint64_t wl_demo_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000),
			       .tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static void failed(const char *who, const char *what)
{
	wl_error("%s: %s: %s", who, what, strerror(errno));
}

static void act_begin(struct wl_demo_shared *shared)
{
	shared->act.began = wl_demo_now();
}

static void act_end(struct wl_demo_shared *shared)
{
	shared->act.ended = wl_demo_now();
	shared->turn = WL_DEMO_TURN_PARENT;
}

/* ---- worker ---- */

/* The work: the same page, another sum each time. */
static uint64_t sum_page(const struct server *s, uint64_t number)
{
	uint64_t sum = number;

	for (size_t i = 0; i < sizeof(s->page); i++)
		sum = (sum ^ (unsigned char)s->page[i]) * 0x100000001b3ull;
	return sum;
}

/* Time on a CPU and waiting for one, as the kernel accounts it to this thread; 0: it doesn't. */
static uint64_t my_cpu_time(void)
{
	unsigned long long run = 0, delay = 0;
	char line[128];

	if (wl_file_read_line("/proc/thread-self/schedstat", line, sizeof(line)) ||
	    sscanf(line, "%llu %llu", &run, &delay) != 2)
		return 0;
	return run + delay;
}

/* As a database does it before it says "committed". */
static void sync_file(struct server *s, struct wl_demo_request *r)
{
	struct wl_demo_shared *shared = s->world->shared;
	uint64_t cpu = my_cpu_time(), start = wl_demo_now();

	if (fdatasync(s->world->file))
		shared->act.error = -errno;
	r->waited[WL_DEMO_ACT_DISK] = wl_demo_now() - start;
	shared->act.cpu_ns = my_cpu_time() - cpu;
	act_end(shared);
}

static void ask_backend(struct server *s, struct wl_demo_request *r)
{
	const struct wl_demo_world *w = s->world;
	uint64_t start = wl_demo_now();
	char byte = 1;

	if (write(w->question[1], &byte, 1) != 1 || read(w->answer[0], &byte, 1) != 1)
		_exit(1);
	r->waited[WL_DEMO_ACT_BACKEND] = wl_demo_now() - start;
	w->shared->turn = WL_DEMO_TURN_PARENT;
}

/* It runs at once if this is the only CPU: then it is in the middle of this request. */
static void wake_hog(const struct server *s)
{
	char order = 1;

	if (write(s->world->hog[1], &order, 1) != 1)
		_exit(1);
}

static bool is_for_worker(const struct server *s, enum wl_demo_kind kind)
{
	return kind == WL_DEMO_ACT_DISK || kind == WL_DEMO_ACT_BACKEND ||
	       (kind == WL_DEMO_ACT_HOG && s->world->one_cpu);
}

/* Some requests have more to do. */
static void do_more(struct server *s, struct wl_demo_request *r)
{
	struct wl_demo_shared *shared = s->world->shared;
	unsigned int ordered = WL_DEMO_TURN_ORDERED;
	enum wl_demo_kind kind;

	if (shared->turn != ordered)
		return;
	kind = shared->act.kind;
	if (!is_for_worker(s, kind) ||
	    !atomic_compare_exchange_strong(&shared->turn, &ordered, WL_DEMO_TURN_TAKEN))
		return;
	if (kind == WL_DEMO_ACT_DISK)
		sync_file(s, r);
	else if (kind == WL_DEMO_ACT_BACKEND)
		ask_backend(s, r);
	else
		wake_hog(s);
}

static void handle(struct server *s, struct message *m)
{
	struct wl_demo_request *r = &s->world->shared->requests[m->number % WL_DEMO_REQUESTS];
	uint64_t start;

	r->begun = wl_demo_now();
	m->sum = sum_page(s, m->number);
	start = wl_demo_now();
	pthread_mutex_lock(&s->mutex);
	r->waited[WL_DEMO_ACT_LOCK] = wl_demo_now() - start;
	m->sum ^= sum_page(s, m->sum);
	pthread_mutex_unlock(&s->mutex);
	do_more(s, r);
	r->done = wl_demo_now();
}

static void serve(struct worker *w, int epoll)
{
	struct epoll_event event;
	struct message m;

	for (;;) {
		int n = epoll_wait(epoll, &event, 1, -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n != 1 || recv(w->socket, &m, sizeof(m), MSG_WAITALL) != sizeof(m))
			return;
		handle(w->server, &m);
		if (send(w->socket, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m))
			return;
	}
}

static void *worker_main(void *arg)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct worker *w = arg;
	struct wl_demo_shared *shared = w->server->world->shared;
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	prctl(PR_SET_NAME, WL_DEMO_WORKER);
	shared->worker_tids[w->number] = (unsigned int)syscall(SYS_gettid);
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, w->socket, &event)) {
		failed(WL_DEMO_WORKER, "epoll");
		_exit(1);
	}
	shared->ready++;
	serve(w, epoll);
	_exit(1);
}

/* ---- holder ---- */

static void *holder_main(void *arg)
{
	struct server *s = arg;
	struct wl_demo_shared *shared = s->world->shared;
	char order;

	prctl(PR_SET_NAME, WL_DEMO_HOLDER);
	shared->holder_tid = (unsigned int)syscall(SYS_gettid);
	shared->ready++;
	while (read(s->world->holder[0], &order, 1) == 1) {
		pthread_mutex_lock(&s->mutex);
		act_begin(shared);
		sleep_until(shared->act.began + shared->act.ns);
		/* The clock is read before the worker can go on, and before the parent looks. */
		shared->act.ended = wl_demo_now();
		pthread_mutex_unlock(&s->mutex);
		shared->turn = WL_DEMO_TURN_PARENT;
	}
	_exit(1);
}

/* ---- server ---- */

static int start_thread(void *(*main)(void *), void *arg)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, main, arg);
	return errno ? -errno : pthread_detach(thread);
}

static int accept_client(struct server *s, unsigned int number)
{
	struct worker *w = &s->workers[number];
	int one = 1;

	*w = (struct worker){ .server = s, .number = number };
	w->socket = accept4(s->world->listener, NULL, NULL, SOCK_CLOEXEC);
	if (w->socket < 0)
		return -errno;
	setsockopt(w->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return start_thread(worker_main, w);
}

static int write_file(const struct server *s, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += CHUNK) {
		ssize_t n = pwrite(s->world->file, s->chunk, CHUNK, (off_t)at);

		if (n != CHUNK)
			return n < 0 ? -errno : -ENOSPC;
	}
	return 0;
}

/* Writes what the next request will have to sync; not on the workers' CPU. */
static void write_on_order(struct server *s)
{
	const struct wl_demo_world *w = s->world;
	struct wl_demo_shared *shared = w->shared;
	char order;

	sched_setaffinity(0, sizeof(w->others), &w->others);
	while (read(w->writer[0], &order, 1) == 1) {
		act_begin(shared);
		shared->act.error = write_file(s, shared->act.bytes);
		if (shared->act.error)
			act_end(shared);
		else
			shared->turn = WL_DEMO_TURN_ORDERED;
	}
	failed(WL_DEMO_SERVER, "pipe");
}

void wl_demo_server(const struct wl_demo_world *world)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return;
	s->world = world;
	pthread_mutex_init(&s->mutex, NULL);
	memset(s->page, 'x', sizeof(s->page));
	memset(s->chunk, 'x', sizeof(s->chunk));
	if (start_thread(holder_main, s)) {
		failed(WL_DEMO_SERVER, "cannot start a thread");
		return;
	}
	for (unsigned int i = 0; i < WL_DEMO_WORKERS; i++) {
		if (accept_client(s, i)) {
			failed(WL_DEMO_SERVER, "cannot serve");
			return;
		}
	}
	write_on_order(s);
}

/* ---- client ---- */

static int connect_server(const struct wl_demo_world *world)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (const struct sockaddr *)&world->address, sizeof(world->address)))
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static bool ask_server(int fd, struct wl_demo_request *r, uint64_t number)
{
	struct message m = { .number = number };

	*r = (struct wl_demo_request){ .sent = wl_demo_now() };
	if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) != sizeof(m) ||
	    recv(fd, &m, sizeof(m), MSG_WAITALL) != sizeof(m))
		return false;
	r->received = wl_demo_now();
	return true;
}

/* One request at a time, each worker in its turn. */
void wl_demo_client(const struct wl_demo_world *world)
{
	struct wl_demo_shared *shared = world->shared;
	uint64_t next = wl_demo_now();
	int fds[WL_DEMO_WORKERS];

	for (unsigned int i = 0; i < WL_DEMO_WORKERS; i++) {
		fds[i] = connect_server(world);
		if (fds[i] < 0) {
			failed(WL_DEMO_CLIENT, "cannot connect to 127.0.0.1");
			return;
		}
	}
	for (uint64_t n = 0;; n++) {
		struct wl_demo_request *r = &shared->requests[n % WL_DEMO_REQUESTS];

		if (!ask_server(fds[n % WL_DEMO_WORKERS], r, n))
			return;
		shared->answered = n + 1;
		while (next <= wl_demo_now())
			next += WL_DEMO_PERIOD_NS;
		sleep_until(next);
	}
}

/* ---- hog ---- */

void wl_demo_hog(const struct wl_demo_world *world)
{
	struct sched_param param = { .sched_priority = WL_DEMO_HOG_PRIORITY };
	struct wl_demo_shared *shared = world->shared;
	char order;

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		shared->hog_error = -errno;
	shared->ready++;
	while (read(world->hog[0], &order, 1) == 1) {
		act_begin(shared);
		while (wl_demo_now() < shared->act.began + shared->act.ns)
			;
		act_end(shared);
	}
	failed(WL_DEMO_HOG, "pipe");
}

/* ---- backend ---- */

void wl_demo_backend(const struct wl_demo_world *world)
{
	struct wl_demo_shared *shared = world->shared;
	char byte;

	shared->ready++;
	while (read(world->question[0], &byte, 1) == 1) {
		act_begin(shared);
		sleep_until(shared->act.began + shared->act.ns);
		shared->act.ended = wl_demo_now();
		if (write(world->answer[1], &byte, 1) != 1)
			break;
	}
	failed(WL_DEMO_BACKEND, "pipe");
}
