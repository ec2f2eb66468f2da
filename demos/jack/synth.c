// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A client of jackd with a known amount of work in each cycle, and its own record of when it began
 * and ended.
 *
 *   demo-synth SERVER CPU WORK_US POLICY OUT
 *
 * POLICY: rt (as jackd made it), or one of two classic mistakes: normal (its process thread has
 * lost its real-time priority), locks (the process thread takes a mutex that a window's thread of
 * normal policy takes, too).
 *
 * Prints "ready TID WINDOW" (thread ids; WINDOW is 0 but for locks) once jackd calls it. The window
 * opens at the first line on stdin; all ends at the end of stdin. OUT then holds {u64 begin, u64
 * end} for each cycle, CLOCK_MONOTONIC ns.
 */
#include "../../tests/live/common.h"

#include <jack/jack.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#define MOST_CYCLES (1 << 20)
#define USEC 1000ull
#define HOLD_US 1000  /* the window's thread has the mutex */
#define PAUSE_US 1000 /* and has not */

struct cycle {
	uint64_t begin, end;
};

static struct synth {
	jack_client_t *client;
	int cpu;
	uint64_t work_ns;
	bool normal, locks;
	pthread_mutex_t mutex;
	atomic_uint tid, window;
	atomic_bool drawing;
	struct cycle *cycles;
	atomic_size_t ncycles;
} synth = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* A fixed amount of work, not a time: interrupted or preempted, it takes longer. */
static void work(uint64_t ns)
{
	uint64_t end = cpu_ns() + ns;

	while (cpu_ns() < end)
		;
}

static void first_cycle(void)
{
	struct sched_param none = { 0 };

	prctl(PR_SET_NAME, "demo-synth");
	pin_to(synth.cpu);
	if (synth.normal)
		sched_setscheduler(0, SCHED_OTHER, &none);
	synth.tid = (unsigned)my_tid();
}

static int process(jack_nframes_t frames, void *arg)
{
	struct cycle c = { .begin = now_ns() };

	if (!synth.tid)
		first_cycle();
	if (synth.locks)
		pthread_mutex_lock(&synth.mutex);
	work(synth.work_ns);
	if (synth.locks)
		pthread_mutex_unlock(&synth.mutex);
	if (synth.ncycles == MOST_CYCLES)
		return 0;
	c.end = now_ns();
	synth.cycles[synth.ncycles] = c;
	synth.ncycles++;
	return 0;
}

/* Draws what the synthesizer plays, and locks it meanwhile. */
static void *window(void *arg)
{
	prctl(PR_SET_NAME, "demo-window");
	pin_to(synth.cpu);
	synth.window = (unsigned)my_tid();
	while (!synth.drawing)
		sleep_ns(PAUSE_US * USEC);
	for (;;) {
		pthread_mutex_lock(&synth.mutex);
		work(HOLD_US * USEC);
		pthread_mutex_unlock(&synth.mutex);
		sleep_ns(PAUSE_US * USEC);
	}
	return NULL;
}

/* jackd -v makes its clients talk, too, on stdout. */
static void say_nothing(const char *text)
{
}

static void open_client(const char *server)
{
	jack_status_t status;
	jack_port_t *port;

	jack_set_info_function(say_nothing);
	synth.client =
		jack_client_open("demo-synth", JackNoStartServer | JackServerName, &status, server);
	if (!synth.client)
		die("jack_client_open(%s): status 0x%x", server, (unsigned)status);
	port = jack_port_register(synth.client, "out", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput,
				  0);
	if (!port || jack_set_process_callback(synth.client, process, NULL) ||
	    jack_activate(synth.client) ||
	    jack_connect(synth.client, jack_port_name(port), "system:playback_1"))
		die("jackd refuses the client's port or its connection");
}

static void start(const char *server)
{
	pthread_t thread;

	/* mapped before the first cycle: no page fault in real time */
	synth.cycles = mmap(NULL, MOST_CYCLES * sizeof(*synth.cycles), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (synth.cycles == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (synth.locks && pthread_create(&thread, NULL, window, NULL))
		die("no thread");
	open_client(server);
	for (int i = 0; i < 1000 && (!synth.tid || (synth.locks && !synth.window)); i++)
		sleep_ns(5000 * USEC);
	if (!synth.tid)
		die("jackd does not call the client");
}

static void write_cycles(const char *path)
{
	FILE *f = fopen(path, "we");
	size_t n = synth.ncycles;

	if (!f || fwrite(synth.cycles, sizeof(*synth.cycles), n, f) != n || fclose(f))
		die("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc != 6)
		die("usage: demo-synth SERVER CPU WORK_US rt|normal|locks OUT");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	synth.cpu = atoi(argv[2]);
	synth.work_ns = strtoull(argv[3], NULL, 10) * USEC;
	synth.normal = !strcmp(argv[4], "normal");
	synth.locks = !strcmp(argv[4], "locks");
	start(argv[1]);
	printf("ready %u %u\n", synth.tid, synth.window);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		synth.drawing = true;
	jack_deactivate(synth.client);
	write_cycles(argv[5]);
	jack_client_close(synth.client);
	return 0;
}
