/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The demo's own load: a server, its client, and those who make the server late on request. All
 * are children of this process; they die with it, and by themselves they know nothing of whylate.
 * Not thread safe.
 */
#ifndef WL_CLI_DEMO_LOAD_H
#define WL_CLI_DEMO_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WL_DEMO_SERVER "demo-server"
#define WL_DEMO_WORKER "demo-worker"
#define WL_DEMO_CLIENT "demo-client"
#define WL_DEMO_HOG "demo-hog"
#define WL_DEMO_HOLDER "demo-holder"
#define WL_DEMO_BACKEND "demo-backend"

#define WL_DEMO_WORKERS 2
#define WL_DEMO_PERIOD_NS 2000000ull /* between two requests */
#define WL_DEMO_HOG_PRIORITY 50

/* Ways to be late. */
enum wl_demo_kind {
	WL_DEMO_ACT_HOG,     /* a real-time process has the workers' CPU */
	WL_DEMO_ACT_LOCK,    /* a thread of the server holds the mutex that each request needs */
	WL_DEMO_ACT_DISK,    /* a request saves data and waits for the disk */
	WL_DEMO_ACT_BACKEND, /* a request needs another process's answer */
	WL_DEMO_ACTS,
};

/* One request, by the clocks of client and worker. CLOCK_MONOTONIC, ns. */
struct wl_demo_request {
	uint64_t sent, received;       /* the client's */
	uint64_t begun, done;          /* the worker's, between these */
	uint64_t waited[WL_DEMO_ACTS]; /* of that, for the mutex, in fdatasync, for the backend */
};

/* What is done to the server. */
struct wl_demo_act {
	enum wl_demo_kind kind;
	uint64_t ns;           /* how long; not of the disk */
	uint64_t bytes;        /* the disk: how much */
	uint64_t began, ended; /* when it was done, by the clock of who did it */
	uint64_t cpu_ns;       /* the disk: how long the worker ran or waited for a CPU meanwhile */
	int error;             /* -errno of the disk */
};

struct wl_demo_load;

/* Starts everything and waits until the first request has its answer. 0 or -errno (said). */
int wl_demo_load_open(struct wl_demo_load **load);
/* Ends all children. NULL is fine. */
void wl_demo_load_close(struct wl_demo_load *load);

/* 0, or -ECANCELED (said) if a child has ended, which none does by itself. */
int wl_demo_load_check(struct wl_demo_load *load);

pid_t wl_demo_load_server(const struct wl_demo_load *load);
/* The CPU that the workers are bound to. */
unsigned int wl_demo_load_cpu(const struct wl_demo_load *load);
/* Who is to blame for this kind of act: name (NULL: nobody) and thread id. */
const char *wl_demo_load_culprit(const struct wl_demo_load *load, enum wl_demo_kind kind,
				 uint32_t *tid);
/* Why this kind of act can't be had here, or NULL. */
const char *wl_demo_load_lacks(const struct wl_demo_load *load, enum wl_demo_kind kind);

/* Begins an act; one at a time. 0 or -errno. */
int wl_demo_load_act(struct wl_demo_load *load, const struct wl_demo_act *act);
/* Has the act ended, and has each worker answered a request since? Then *act is what was done. */
bool wl_demo_load_acted(const struct wl_demo_load *load, struct wl_demo_act *act);

/* The request that the act held up longest; false: none. */
bool wl_demo_load_worst(const struct wl_demo_load *load, const struct wl_demo_act *act,
			struct wl_demo_request *worst);

/* Requests answered so far, and how long the client waited for the later ones of them. */
struct wl_demo_usual {
	uint64_t count, median, longest;
};
void wl_demo_load_usual(const struct wl_demo_load *load, struct wl_demo_usual *usual);

#endif
