// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A small server whose answers are made late on purpose, with a record of what was done to it.
 *
 *   victim OUT mode=hog|mutex|io|none wait=pipe|eventfd|epoll|timerfd rounds=N cpu=C seed=S
 *          dir=D min_us=8000 max_us=30000 fault=1 direct=0 chunk_kb=256
 *
 * The server process has one worker thread, pinned to cpu; it waits for a request, works for 50 to
 * 150 us, takes and leaves a mutex in the middle of it, and answers. The client process makes one
 * request every 2 ms, one at a time (wait=timerfd: no client, a periodic timer). The coordinator
 * injects the fault at a random time of each round:
 *
 * - hog: a process with a random name, SCHED_FIFO 10..80, keeps the worker's cpu busy
 *
 * - mutex: a thread of the server with a random name holds the mutex, sleeping or busy
 *
 * - io: the worker's next request writes and syncs (direct=1: O_DIRECT) until the time is over
 *
 * fault=0: the same processes and threads do the same, for no time at all.
 *
 * "ready WORKER-TID SERVER-PID", waits for a line on stdin. At the end one line per round on
 * stdout: round KIND T0 T1 TID NAME CPU DETAIL-A DETAIL-B (hog: priority, CPU time in ns; mutex: 1
 * if busy, 0; io: 0, 0), and in OUT per request {u64 asked, u64 begun, u64 answered, u64 locked}:
 * when the client asked (or the timer was to), when the worker began and ended it, how long it
 * waited for the mutex.
 */
#include "common.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define PERIOD 2000000ull
#define MAX_REQUESTS 200000
#define MAX_ROUNDS 200
#define FILE_SIZE (8 << 20)

enum mode { HOG, MUTEX, IO, NONE };
enum wait { PIPE, EVENTFD, EPOLL, TIMERFD };
static const char *const modes[] = { "hog", "mutex", "io", "none" };
static const char *const waits[] = { "pipe", "eventfd", "epoll", "timerfd" };

struct round {
	uint64_t t0, t1, a, b;
	uint64_t wish; /* ns */
	uint32_t tid, cpu;
	char name[16];
	atomic_int done;
};

struct request {
	uint64_t asked, begun, answered, locked;
};

struct shared {
	atomic_int stop, client_done, worker_tid, server_ready;
	atomic_int io_round; /* round + 1 whose write is due; 0: none */
	atomic_uint nrequest;
	struct round round[MAX_ROUNDS];
	struct request request[MAX_REQUESTS];
};

static struct {
	enum mode mode;
	enum wait wait;
	unsigned rounds;
	int cpu, fault, direct;
	ssize_t chunk;
	uint64_t seed, min_us, max_us;
	const char *dir;
} opt = { .rounds = 20,
	  .fault = 1,
	  .seed = 1,
	  .chunk = 256 << 10,
	  .min_us = 8000,
	  .max_us = 30000,
	  .dir = "." };

static struct shared *sh;
static int ask[2], answer[2], epfd = -1, hold[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static char *buffer;
static uint64_t rng;

/* ---- server ---- */

static void write_until(struct round *r)
{
	off_t at = 0;
	uint64_t t;

	r->t0 = now_ns();
	do {
		if (pwrite(file, buffer, (size_t)opt.chunk, at) != opt.chunk)
			die("pwrite: %s", strerror(errno));
		if (!opt.direct && fdatasync(file))
			die("fdatasync: %s", strerror(errno));
		at = (at + opt.chunk) % FILE_SIZE;
		t = now_ns();
	} while (t < r->t0 + r->wish);
	r->t1 = t;
	r->tid = (uint32_t)my_tid();
	r->done = 1;
}

static void handle(struct request *q, uint64_t *seed)
{
	int round;

	q->begun = now_ns();
	busy_until(q->begun + rng_between(seed, 40000, 120000));
	q->locked = now_ns();
	pthread_mutex_lock(&mutex);
	q->locked = now_ns() - q->locked;
	busy_until(now_ns() + 10000);
	pthread_mutex_unlock(&mutex);
	round = atomic_exchange(&sh->io_round, 0);
	if (round)
		write_until(&sh->round[round - 1]);
	q->answered = now_ns();
}

/* Returns the number of timer expiries. */
static uint64_t wait_for_request(void)
{
	struct epoll_event ev;
	uint64_t v = 1;

	if (opt.wait == EPOLL && epoll_wait(epfd, &ev, 1, -1) != 1)
		die("epoll_wait: %s", strerror(errno));
	if (read(ask[0], &v, sizeof(v)) != sizeof(v))
		_exit(0);
	return v;
}

static void *worker(void *arg)
{
	uint64_t seed = opt.seed ^ 0x5eed, asked, one = 1;
	struct itimerspec its = { .it_interval = to_timespec(PERIOD) };
	char name[16];

	(void)arg;
	rng_name(&seed, name);
	prctl(PR_SET_NAME, name);
	pin_to(opt.cpu);
	asked = now_ns() + PERIOD;
	its.it_value = to_timespec(asked);
	if (opt.wait == TIMERFD)
		timerfd_settime(ask[0], TFD_TIMER_ABSTIME, &its, NULL);
	sh->worker_tid = my_tid();
	for (;;) {
		unsigned n = sh->nrequest;
		struct request *q = &sh->request[n < MAX_REQUESTS ? n : MAX_REQUESTS - 1];

		uint64_t expiries = wait_for_request();

		if (opt.wait == TIMERFD) {
			q->asked = asked;
			asked += expiries * PERIOD;
		}
		handle(q, &seed);
		sh->nrequest++;
		if (opt.wait != TIMERFD && write(answer[1], &one, sizeof(one)) != sizeof(one))
			_exit(0);
	}
}

static void *holder(void *arg)
{
	struct round *r = arg;

	prctl(PR_SET_NAME, r->name);
	r->tid = (uint32_t)my_tid();
	pin_away_from(opt.cpu);
	pthread_mutex_lock(&mutex);
	r->t0 = now_ns();
	if (r->a)
		busy_until(r->t0 + r->wish);
	else if (r->wish)
		sleep_until(r->t0 + r->wish);
	r->t1 = now_ns();
	pthread_mutex_unlock(&mutex);
	r->done = 1;
	return NULL;
}

static void server(pid_t parent)
{
	pthread_t t;
	unsigned round;
	char path[4096];

	die_with_parent(parent);
	prctl(PR_SET_NAME, "victim-server");
	snprintf(path, sizeof(path), "%s/victim-%d", opt.dir, getpid());
	file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (opt.direct ? O_DIRECT : 0),
		    0600);
	if (file < 0 || posix_memalign((void **)&buffer, 4096, (size_t)opt.chunk))
		die("%s: %s", path, strerror(errno));
	unlink(path);
	memset(buffer, 7, (size_t)opt.chunk);
	for (off_t at = 0; at < FILE_SIZE; at += opt.chunk)
		if (pwrite(file, buffer, (size_t)opt.chunk, at) != opt.chunk)
			die("pwrite: %s", strerror(errno));
	fsync(file);
	pthread_create(&t, NULL, worker, NULL);
	sh->server_ready = 1;
	while (read(hold[0], &round, sizeof(round)) == sizeof(round)) {
		pthread_create(&t, NULL, holder, &sh->round[round]);
		pthread_detach(t);
	}
	_exit(0);
}

/* ---- client ---- */

static void client(pid_t parent)
{
	uint64_t next = now_ns(), v = 1;

	die_with_parent(parent);
	prctl(PR_SET_NAME, "victim-client");
	pin_away_from(opt.cpu);
	while (!sh->stop) {
		unsigned n = sh->nrequest;

		if (n >= MAX_REQUESTS - 1)
			break;
		sh->request[n].asked = now_ns();
		if (write(ask[1], &v, sizeof(v)) != sizeof(v) ||
		    read(answer[0], &v, sizeof(v)) != sizeof(v))
			break;
		v = 1;
		while (next <= now_ns())
			next += PERIOD;
		sleep_until(next);
	}
	_exit(0);
}

/* ---- faults ---- */

static void hog(struct round *r, pid_t parent)
{
	struct sched_param p = { .sched_priority = (int)r->a };

	die_with_parent(parent);
	prctl(PR_SET_NAME, r->name);
	r->tid = (uint32_t)getpid();
	pin_to(opt.cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &p))
		die("SCHED_FIFO %d: %s", p.sched_priority, strerror(errno));
	sleep_ns(3000000);
	r->b = my_cpu_ns();
	r->t0 = now_ns();
	busy_until(r->t0 + r->wish);
	r->t1 = now_ns();
	r->b = my_cpu_ns() - r->b;
	r->done = 1;
	_exit(0);
}

static void inject(unsigned i)
{
	struct round *r = &sh->round[i];
	pid_t self = getpid(), pid;

	rng_name(&rng, r->name);
	r->cpu = (uint32_t)opt.cpu;
	r->wish = rng_between(&rng, opt.min_us, opt.max_us) * 1000 * (uint64_t)opt.fault;
	switch (opt.mode) {
	case HOG:
		r->a = rng_between(&rng, 10, 80);
		pid = fork();
		if (!pid)
			hog(r, self);
		waitpid(pid, NULL, 0);
		break;
	case MUTEX:
		r->a = rng_next(&rng) % 2;
		if (write(hold[1], &i, sizeof(i)) != sizeof(i))
			die("pipe");
		break;
	case IO:
		if (opt.fault)
			sh->io_round = (int)i + 1;
		else
			r->done = 1;
		break;
	default:
		r->t0 = r->t1 = now_ns();
		r->done = 1;
	}
	for (int n = 0; !r->done && n < 5000; n++)
		sleep_ns(1000000);
	if (!r->done)
		die("round %u did not end", i);
}

static void channels(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (pipe2(answer, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	if (opt.wait == TIMERFD) {
		ask[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	} else if (opt.wait == EVENTFD) {
		ask[0] = ask[1] = eventfd(0, EFD_CLOEXEC);
	} else if (pipe2(ask, O_CLOEXEC)) {
		die("pipe: %s", strerror(errno));
	}
	epfd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epfd, EPOLL_CTL_ADD, ask[0], &ev);
}

static int choose(const char *const *list, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], text))
			return i;
	die("%s?", text);
}

static void parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		char *v = strchr(argv[i], '=');
		size_t n = v ? (size_t)(v - argv[i]) : 0;
		uint64_t u = v ? strtoull(v + 1, NULL, 10) : 0;

		if (!v)
			die("%s?", argv[i]);
#define KEY(name) (n == strlen(name) && !strncmp(argv[i], name, n))
		if (KEY("mode"))
			opt.mode = (enum mode)choose(modes, 4, v + 1);
		else if (KEY("wait"))
			opt.wait = (enum wait)choose(waits, 4, v + 1);
		else if (KEY("rounds"))
			opt.rounds = u < MAX_ROUNDS ? (unsigned)u : MAX_ROUNDS;
		else if (KEY("cpu"))
			opt.cpu = (int)u;
		else if (KEY("fault"))
			opt.fault = u != 0;
		else if (KEY("direct"))
			opt.direct = u != 0;
		else if (KEY("chunk_kb"))
			opt.chunk = (ssize_t)u << 10;
		else if (KEY("seed"))
			opt.seed = u;
		else if (KEY("min_us"))
			opt.min_us = u;
		else if (KEY("max_us"))
			opt.max_us = u;
		else if (KEY("dir"))
			opt.dir = v + 1;
		else
			die("%s?", argv[i]);
	}
}

static void report(const char *path)
{
	FILE *f = fopen(path, "we");
	size_t n = sh->nrequest; /* a timer goes on asking */

	if (!f || fwrite(sh->request, sizeof(struct request), n, f) != n || fclose(f))
		die("%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < opt.rounds; i++) {
		struct round *r = &sh->round[i];

		printf("round %s %llu %llu %u %s %u %llu %llu\n", modes[opt.mode],
		       (unsigned long long)r->t0, (unsigned long long)r->t1, r->tid, r->name,
		       r->cpu, (unsigned long long)r->a, (unsigned long long)r->b);
	}
}

int main(int argc, char **argv)
{
	pid_t self = getpid(), srv, cli = 0;

	if (argc < 2)
		die("usage: victim OUT key=value…");
	parse(argc, argv);
	rng = opt.seed * 0x9e3779b97f4a7c15ull + 1;
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	channels();
	srv = fork();
	if (!srv)
		server(self);
	for (int i = 0; !(sh->server_ready && sh->worker_tid); i++) {
		if (i > 10000)
			die("the server does not start");
		sleep_ns(1000000);
	}
	pin_away_from(opt.cpu);
	printf("ready %d %d\n", sh->worker_tid, srv);
	gate();
	if (opt.wait != TIMERFD) {
		cli = fork();
		if (!cli)
			client(self);
	}
	sleep_ns(300000000); /* a typical response can be known */
	for (unsigned i = 0; i < opt.rounds; i++) {
		sleep_ns(rng_between(&rng, 40, 90) * 1000000);
		inject(i);
	}
	sleep_ns(50000000);
	sh->stop = 1;
	if (cli)
		waitpid(cli, NULL, 0);
	report(argv[1]);
	fflush(stdout);
	kill(srv, SIGKILL);
	waitpid(srv, NULL, 0);
	return 0;
}
