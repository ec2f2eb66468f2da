/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What we know about one slow response and about all of them: the form that every output reads. */
#ifndef WL_EXPLAIN_REPORT_H
#define WL_EXPLAIN_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/config.h"
#include "abi/hist.h"
#include "abi/slow.h"

/* The typical response of a target: mean over the middle half (first to third quartile). */
struct wl_typical {
	uint64_t count; /* responses of that target and stimulus so far; below 100: not known */
	uint64_t ns;    /* mean response time */
	uint64_t budget[WL_SEG_MAX]; /* mean time per segment kind */
	bool known;
};

#define WL_CAUSE_TEXT 320

#define WL_CAUSE_DOMINATES 0.4 /* share; below, two causes are told and nobody is named */

struct wl_cause {
	enum wl_seg_kind kind;
	uint64_t ns;       /* excess over the typical time in that kind (all of it if not known) */
	double share;      /* of the excess of the whole response, 0..1 */
	struct wl_who who; /* culprit; ctx WL_WHO_NONE: none is named */
	uint16_t cpu;      /* where */
	char text[WL_CAUSE_TEXT]; /* one sentence, safe for a terminal, no newline */
};

/* Names that only the machine knows; all of them hostile, escape them on output. */
struct wl_names {
	char stimulus[64]; /* "virtio1-req.0", "NET_RX", "local_timer", "CLOCK_MONOTONIC" */
	char syscall[32];  /* "epoll_wait", "" if none */
	char *cgroup;      /* path or NULL */
};

struct wl_report {
	uint64_t id; /* counts from 1; a timeout and its later end share one */
	struct wl_wall {
		int64_t sec;
		uint32_t nsec;
	} time; /* wall clock of the end, UTC */
	struct wl_slow slow;
	struct wl_names names;
	struct wl_typical typical;
	uint64_t budget[WL_SEG_MAX];
	struct wl_cause cause;
	uint64_t lost;      /* events lost during the response */
	char *capture;      /* NULL: none */
	char idle_hint[96]; /* timeouts: the --idle text that would make this wait a home, or "" */
	char (*stack)[64];  /* symbols of slow.stack, or NULL */
};

/* One row of the table: a target and a stimulus. Quantiles are interpolated inside their bucket. */
struct wl_row {
	struct wl_agg_key key;
	char stim_name[64];
	uint64_t count, merged, sum, max;
	uint64_t mean, p50, p90, p99, p999;
	struct wl_typical typical;
};

/* Captures of slow responses, and why others have none. */
struct wl_capture_stats {
	bool on;
	uint64_t taken, on_demand;
	uint64_t late;        /* taken, but not in time to be shown with the response */
	uint64_t too_soon;    /* less than a second after another */
	uint64_t not_worse;   /* than those kept of their cause */
	uint64_t no_room;     /* among worse ones that fill the size */
	uint64_t not_written; /* the disk */
};

struct wl_stats {
	uint64_t duration_ns;
	struct wl_row *rows; /* sorted by count, largest first */
	uint32_t nrows;
	uint64_t slow, suppressed, timeouts; /* suppressed: without a capture */
	struct wl_capture_stats captures;
	uint64_t counters[WL_CNT_MAX];
	uint64_t lost_events; /* records that the flight recorder had no room for */
	uint64_t skipped;     /* runs of our programs that the kernel left out (recursion) */
	bool busy_periods;    /* no boundary between requests is visible for some target */
};

static inline uint64_t wl_slow_response_ns(const struct wl_slow *s)
{
	return s->path.h.last - s->path.h.start;
}

#endif
