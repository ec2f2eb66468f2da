// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "scenario.h"

#include "network.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PERIOD (2 * MSEC)
#define TIMER_PERIOD (4 * MSEC)
#define POLL 200000    /* ns; often enough: nothing that counts is late by it */
#define QUICK 30000ull /* ns of work for each request */
#define FIRST 180      /* quick requests: typical is known from 100 on */
#define COORDINATOR_PRIO 90
#define NICE -20 /* of all others: what else runs on this machine is not our subject */

struct scn *scn;
static const struct scenario *scenario;
static int requests[2];
static pid_t children[SCN_HELPERS + 1];
static unsigned nchildren;

void scn_skip(const char *format, ...)
{
	va_list args;

	printf("skip ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(0);
}

uint64_t scn_run_time(void)
{
	return my_cpu_ns();
}

uint64_t scn_run_delay(void)
{
	uint64_t run, delay;

	my_schedstat(&run, &delay);
	return delay;
}

void scn_took(uint64_t ns)
{
	uint64_t now = now_ns();

	scn->span = (struct scn_span){ now - ns, now };
}

/* Returns when *count is at least that; what never comes ends the program. */
static void wait_count(atomic_uint *count, unsigned value, const char *what)
{
	uint64_t end = now_ns() + SCN_PATIENCE;

	while (*count < value) {
		if (now_ns() > end)
			die("%s: waited too long", what);
		sleep_ns(POLL);
	}
}

static void become_normal(unsigned cpu)
{
	struct sched_param param = { 0 };

	sched_setscheduler(0, SCHED_OTHER, &param);
	setpriority(PRIO_PROCESS, 0, NICE);
	pin_to((int)cpu);
	prctl(PR_SET_TIMERSLACK, 1);
}

/* ---- helpers ---- */

void scn_begin(struct scn_helper *helper)
{
	helper->from = now_ns();
	helper->begun++;
}

void scn_end(struct scn_helper *helper)
{
	helper->to = now_ns();
}

void scn_work_busy(struct scn_helper *helper)
{
	scn_begin(helper);
	busy_until(helper->from + scn->ns);
	scn_end(helper);
}

struct start {
	struct scn_helper *helper;
	void (*work)(struct scn_helper *);
	unsigned cpu;
	int policy, prio;
};

static void *helper_main(void *arg)
{
	struct start start = *(struct start *)arg;
	struct scn_helper *h = start.helper;
	struct sched_param param = { .sched_priority = start.prio };
	char order;

	become_normal(start.cpu);
	if (start.policy && sched_setscheduler(0, start.policy, &param))
		die("%s: scheduler: %s", h->name, strerror(errno));
	prctl(PR_SET_NAME, h->name);
	h->tid = (unsigned)my_tid();
	while (read(h->pipe[0], &order, 1) == 1) {
		start.work(h);
		h->done++;
	}
	_exit(0);
}

static struct scn_helper *helper_new(void)
{
	struct scn_helper *h = &scn->helpers[scn->nhelpers++];

	if (scn->nhelpers > SCN_HELPERS)
		die("too many helpers");
	rng_name(&scn->rng, h->name);
	return h;
}

struct scn_helper *scn_helper(void (*work)(struct scn_helper *), unsigned cpu, int policy, int prio)
{
	struct start start = { helper_new(), work, cpu, policy, prio };
	pid_t self = getpid(), pid = fork();

	if (!pid) {
		die_with_parent(self);
		helper_main(&start);
	}
	children[nchildren++] = pid;
	wait_count(&start.helper->tid, 1, "helper");
	return start.helper;
}

struct scn_helper *scn_helper_thread(void (*work)(struct scn_helper *), unsigned cpu)
{
	struct start start = { helper_new(), work, cpu, 0, 0 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, helper_main, &start))
		die("no thread");
	wait_count(&start.helper->tid, 1, "helper");
	return start.helper;
}

void scn_order(struct scn_helper *helper)
{
	char order = 1;

	helper->orders++;
	if (write(helper->pipe[1], &order, 1) != 1)
		die("%s: %s", helper->name, strerror(errno));
}

void scn_wait_begun(struct scn_helper *helper)
{
	wait_count(&helper->begun, helper->orders, helper->name);
}

void scn_wait_done(struct scn_helper *helper)
{
	wait_count(&helper->done, helper->orders, helper->name);
}

/* ---- worker ---- */

void scn_serve_work(void)
{
	busy_until(now_ns() + MSEC / 2);
}

static void wait_at_home(void)
{
	static uint64_t next;
	char byte;

	if (scenario->home != SCN_TIMER) {
		if (read(requests[0], &byte, 1) != 1)
			_exit(0);
		return;
	}
	while (next <= now_ns() + TIMER_PERIOD / 2)
		next = now_ns() + TIMER_PERIOD;
	scn->expiry = next;
	sleep_until(next);
}

static void worker_main(pid_t parent)
{
	uint64_t seed = scn->rng ^ 0x5eed;
	char name[16];

	die_with_parent(parent);
	become_normal(scn->cpu);
	rng_name(&seed, name);
	prctl(PR_SET_NAME, name);
	if (scenario->worker)
		scenario->worker();
	scn->worker = (unsigned)my_tid();
	for (;;) {
		wait_at_home();
		scn->begun++;
		busy_until(now_ns() + QUICK);
		if (scn->late && scenario->serve)
			scenario->serve();
		scn->answered_at = now_ns();
		scn->answered++;
	}
}

/* ---- coordinator ---- */

void scn_ask(void)
{
	char byte = 1;

	scn->asked++;
	scn->asked_at = now_ns();
	if (write(requests[1], &byte, 1) != 1)
		die("request: %s", strerror(errno));
}

void scn_wait_request(void)
{
	while (scn->begun < scn->asked)
		if (now_ns() > scn->asked_at + SCN_PATIENCE)
			die("the request was not taken");
}

static void make_late(void)
{
	if (scenario->make_late)
		scenario->make_late();
	else
		scn_ask();
}

/* By how much the fault can have made the answer late. */
static uint64_t lateness(void)
{
	uint64_t from = scn->span.from > scn->asked_at ? scn->span.from : scn->asked_at;

	return scn->ns && scn->span.to > from ? scn->span.to - from : 0;
}

static void make_round(bool fault)
{
	uint64_t stolen = scn_stolen_ns();

	scn->ns = fault ? scn_random(scenario->min_ns, scenario->max_ns) : 0;
	scn->span = (struct scn_span){ 0 };
	scn->late = true;
	make_late();
	wait_count(&scn->answered, scn->asked, "answer");
	scn->late = false;
	for (unsigned i = 0; i < scn->nhelpers; i++)
		scn_wait_done(&scn->helpers[i]);
	printf("round %llu %llu %llu %llu %s root=", (unsigned long long)scn->asked_at,
	       (unsigned long long)scn->answered_at, (unsigned long long)lateness(),
	       (unsigned long long)(scn_stolen_ns() - stolen), scenario->why);
	scenario->expect();
	printf("\n");
	fflush(stdout);
}

static void ask_quick(void)
{
	if (scenario->home == SCN_TIMER)
		return;
	wait_count(&scn->answered, scn->asked, "answer");
	scn_ask();
}

/* A word from stdin, or a request every PERIOD. */
static void coordinate(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[64];

	for (;;) {
		if (!poll(&input, 1, PERIOD / MSEC)) {
			ask_quick();
			continue;
		}
		if (!fgets(line, sizeof(line), stdin) || !strcmp(line, "quit\n"))
			return;
		wait_count(&scn->answered, scn->asked, "answer");
		make_round(!strcmp(line, "late\n"));
	}
}

static void open_requests(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);

	if (scenario->home == SCN_UDP_THERE)
		scn_network_make(scn->cpu);
	if (scenario->home != SCN_UDP && scenario->home != SCN_UDP_THERE) {
		if (pipe2(requests, O_CLOEXEC))
			die("pipe: %s", strerror(errno));
		return;
	}
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 2; i++)
		requests[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(requests[0], (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(requests[0], (struct sockaddr *)&addr, &len) ||
	    connect(requests[1], (struct sockaddr *)&addr, sizeof(addr)))
		die("socket: %s", strerror(errno));
}

/* Before anybody is forked: a helper may be a thread of another process than who orders it. */
static void open_orders(void)
{
	for (unsigned i = 0; i < SCN_HELPERS; i++)
		if (pipe2(scn->helpers[i].pipe, O_CLOEXEC))
			die("pipe: %s", strerror(errno));
}

static void choose_cpus(void)
{
	unsigned cpus[2], n = 0;
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[n++] = cpu;
	if (n < 2)
		scn_skip("one CPU only");
	n = scn->seed & 1;
	scn->cpu = cpus[n];
	scn->other = cpus[!n];
}

static void parse(int argc, char **argv)
{
	if (argc != 3)
		die("usage: %s SEED DIRECTORY", argv[0]);
	scn->seed = strtoull(argv[1], NULL, 10);
	scn->rng = scn->seed * 0x9e3779b97f4a7c15ull + 1;
	scn->dir = argv[2];
	for (int i = 0; i < 8; i++)
		rng_next(&scn->rng);
}

static void become_coordinator(void)
{
	struct sched_param param = { .sched_priority = COORDINATOR_PRIO };
	char name[16];

	rng_name(&scn->rng, name);
	prctl(PR_SET_NAME, name);
	pin_to((int)scn->other);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		scn_skip("SCHED_FIFO: %s", strerror(errno));
}

static void start_worker(void)
{
	pid_t self = getpid();

	children[nchildren++] = fork();
	if (!children[nchildren - 1])
		worker_main(self);
	wait_count(&scn->worker, 1, "worker");
}

static void stop_all(void)
{
	for (unsigned i = 0; i < nchildren; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	if (scenario->end)
		scenario->end();
}

int scn_main(int argc, char **argv, const struct scenario *what)
{
	scenario = what;
	scn = mmap(NULL, sizeof(*scn), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (scn == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	pthread_mutex_init(&scn->mutex, NULL);
	parse(argc, argv);
	choose_cpus();
	open_requests();
	open_orders();
	if (scenario->prepare)
		scenario->prepare();
	start_worker();
	become_coordinator();
	printf("ready %u\n", scn->worker);
	gate();
	if (scn_spin_open(scenario->timer ? SCN_SPIN_TIMER : SCN_SPIN_PLAIN))
		die("BPF: %s", strerror(errno));
	for (int i = 0; i < FIRST; i++) {
		ask_quick();
		sleep_ns(scenario->home == SCN_TIMER ? TIMER_PERIOD : MSEC);
	}
	printf("go\n");
	fflush(stdout);
	coordinate();
	stop_all();
	return 0;
}
