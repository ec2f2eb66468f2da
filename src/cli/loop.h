/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A measurement that runs: its session, where results go, what ends it. One thread. */
#ifndef WL_CLI_LOOP_H
#define WL_CLI_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/capturer.h"
#include "cli/setup.h"

struct wl_loop {
	struct wl_setup setup; /* options must be filled before anything is opened */
	struct wl_sink *sink;
	struct wl_lttng *lttng;               /* NULL: not asked for */
	struct wl_capturer *capturer;         /* NULL: no captures are taken */
	char command_line[1024], target[512]; /* for people */
	int signals;                          /* signalfd of Ctrl-C and its like; -1: not open */
	uint64_t started, next_update, next_refresh;
	uint64_t slow;    /* reports so far */
	bool interrupted; /* a signal came */
	bool more;        /* reports are waiting: no time to wait */
	/* Told of each report after the sink; may be NULL. */
	wl_report_fn seen;
	void *ctx;
};

/*
 * From here on SIGINT, SIGTERM and SIGHUP only end the loop, and SIGPIPE nothing; children that
 * are forked afterwards inherit that. 0 or -errno, as for the following ones.
 */
int wl_loop_open_signals(struct wl_loop *loop);
/* The sink that the options ask for. live: a table that redraws itself, if there is a terminal. */
int wl_loop_open_sink(struct wl_loop *loop, bool live);
/*
 * Prepares captures if the options ask for them, once wl_setup_open() has succeeded. What goes
 * wrong is said.
 */
int wl_loop_open_capturer(struct wl_loop *loop, int argc, char **argv);
/* Closes everything, also what has not been opened. */
void wl_loop_close(struct wl_loop *loop);

/* Fills command_line and target, once the options are parsed. */
void wl_loop_describe(struct wl_loop *loop, int argc, char **argv);

/* Starts to measure, once wl_setup_open() has succeeded, and says so. */
int wl_loop_start(struct wl_loop *loop, int argc, char **argv);
/* Hands on what there is and does what is due; never waits. */
int wl_loop_step(struct wl_loop *loop);
/* Waits a moment, or until a signal comes: call it between steps. */
void wl_loop_wait(struct wl_loop *loop);
/* Stops measuring, and if ret is 0, hands on the last reports and the summary. ret or -errno. */
int wl_loop_finish(struct wl_loop *loop, int ret);

#endif
