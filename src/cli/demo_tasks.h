/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the demo's children run, and the memory through which they tell what they did. */
#ifndef WL_CLI_DEMO_TASKS_H
#define WL_CLI_DEMO_TASKS_H

#include <stdatomic.h>
#include <sched.h>
#include <netinet/in.h>

#include "cli/demo_load.h"

#define WL_DEMO_REQUESTS 4096 /* the last ones are kept: some seconds */

/* Whose turn it is to touch wl_demo_shared.act. */
enum wl_demo_turn {
	WL_DEMO_TURN_PARENT,
	WL_DEMO_TURN_SERVER,  /* the server's first thread: it has to write the data */
	WL_DEMO_TURN_ORDERED, /* who is to do it, once it sees it */
	WL_DEMO_TURN_TAKEN,
};

struct wl_demo_shared {
	atomic_uint ready; /* threads and processes that wait for orders */
	atomic_uint worker_tids[WL_DEMO_WORKERS], holder_tid;
	atomic_int hog_error; /* -errno of its SCHED_FIFO */
	atomic_uint turn;     /* enum wl_demo_turn */
	struct wl_demo_act act;
	/* A slot is its client's and worker's until the request is counted. */
	atomic_ullong answered;
	struct wl_demo_request requests[WL_DEMO_REQUESTS];
};

/* Everything a child inherits. */
struct wl_demo_world {
	struct wl_demo_shared *shared;

	/* CPUs of the server and of everybody else. */
	cpu_set_t servers, others;
	bool one_cpu; /* it is for all of them: no request arrives while the hog runs */

	int listener;               /* socket */
	struct sockaddr_in address; /* of that */
	int file;                   /* on a disk, without a name; -1: none */

	/* Pipes: a byte is an order, a question, an answer. */
	int hog[2], holder[2], writer[2];
	int question[2], answer[2];
};

/* How many of these count themselves in shared.ready: workers, holder, hog, backend. */
#define WL_DEMO_READY (WL_DEMO_WORKERS + 3)

uint64_t wl_demo_now(void);

/* Bodies of the children: they return only if something fails, after saying it. */
void wl_demo_server(const struct wl_demo_world *world);
void wl_demo_client(const struct wl_demo_world *world);
void wl_demo_hog(const struct wl_demo_world *world);
void wl_demo_backend(const struct wl_demo_world *world);

#endif
