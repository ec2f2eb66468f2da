/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A response and a table as an ordinary machine makes them, for the tests of all outputs. */
#ifndef WL_TESTS_OUTPUT_SAMPLE_H
#define WL_TESTS_OUTPUT_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "explain/cause.h"

#define SAMPLE_HOSTILE "\x1b[2J\xff\n"

static inline void sample_seg(struct wl_report *r, unsigned int kind, uint64_t ns, unsigned int cpu,
			      const struct wl_who *who)
{
	struct wl_path *path = &r->slow.path;
	struct wl_seg *seg = &path->seg[path->h.nseg++];

	*seg = (struct wl_seg){ .ns = ns, .cpu = cpu, .kind = kind, .pieces = 1 };
	if (who)
		seg->who = *who;
	path->h.last += ns;
	r->slow.end = path->h.last;
}

static inline struct wl_typical sample_typical(void)
{
	struct wl_typical typical = { .count = 51234, .ns = 38000, .known = true };

	typical.budget[WL_SEG_SOFTIRQ] = 2100;
	typical.budget[WL_SEG_WAKEUP] = 9000;
	typical.budget[WL_SEG_RUNNING] = 26900;
	return typical;
}

/* Start of a response of memcached's worker, without segments. */
static inline struct wl_report sample_begin(void)
{
	struct wl_report r = {
		.id = 17,
		.time = { .sec = 1795290067, .nsec = 123456789 },
		.slow = {
			.threshold_ns = 5000000, .end_call = 232, .tid = 1240, .tgid = 1234,
			.comm = "mc-worker", .process = "memcached", .end_cpu = 1,
			.end_kind = WL_END_IDLE,
			.path.h = {
				.id = 1, .start = 81106437283881, .last = 81106437283881,
				.stim_kind = WL_STIM_IRQ, .stim_nr = 36, .owner = 1234,
			},
		},
		.names = { .stimulus = "virtio1-req.0", .syscall = "epoll_wait" },
		.typical = sample_typical(),
	};

	return r;
}

static inline struct wl_report sample_report(void)
{
	static const struct wl_who logger = {
		.ctx = WL_WHO_TASK,
		.tid = 812,
		.tgid = 812,
		.comm = "logger",
		.policy = 1,
		.prio = -51,
	};
	struct wl_report r = sample_begin();

	sample_seg(&r, WL_SEG_IRQ, 1800, 0, NULL);
	sample_seg(&r, WL_SEG_SOFTIRQ_DELAY, 12000, 0, NULL);
	sample_seg(&r, WL_SEG_SOFTIRQ, 20100, 0, NULL);
	sample_seg(&r, WL_SEG_WAKEUP, 11920000, 1, &logger);
	sample_seg(&r, WL_SEG_RUNNING, 38000, 1, NULL);
	wl_cause_find(&r);
	return r;
}

/* Its item: begun in another thread, with two steps; text NULL: item 4711. */
static inline void sample_work(struct wl_report *r, const char *text)
{
	struct wl_work *work = &r->slow.work;
	uint64_t start = r->slow.path.h.start;

	*work = (struct wl_work){
		.kind = text ? WL_COOKIE_TEXT : WL_COOKIE_NUMBER,
		.cookie = text ? 0 : 4711,
		.begun = start + 34000,
		.begun_tid = 1239,
		.steps = 2,
		.step = { { .at = start + 1000000, .tid = 1239, .name = "parsed" },
			  { .at = start + 2000000, .tid = 1240, .name = "stored" } },
	};
	if (text)
		memcpy(work->text, text, strnlen(text, sizeof(work->text)));
	r->slow.end_kind = WL_END_MARK;
	r->slow.end_call = -2;
}

static inline void sample_rows(struct wl_row rows[2])
{
	rows[0] = (struct wl_row){
		.key = { .process = "memcached",
			 .comm = "mc-worker",
			 .stim_nr = 3,
			 .stim_kind = WL_STIM_SOFTIRQ },
		.stim_name = "NET_RX",
		.count = 51234,
		.merged = 12,
		.max = 12410000,
		.mean = 38000,
		.p50 = 35000,
		.p90 = 52000,
		.p99 = 410000,
		.p999 = 1200000,
		.typical = sample_typical(),
	};
	rows[1] = (struct wl_row){
		.key = { .process = "memcached",
			 .comm = "memcached",
			 .stim_nr = 1,
			 .stim_kind = WL_STIM_TIMER },
		.stim_name = "CLOCK_MONOTONIC",
		.count = 60,
		.max = 88000,
		.mean = 51000,
		.p50 = 50000,
		.p90 = 61000,
		.p99 = 87000,
		.p999 = 88000,
		.typical = { .count = 60 },
	};
}

/* Names as an attacker would choose them. */
static inline void sample_make_hostile(struct wl_report *r)
{
	static char cgroup[] = "/\x1b]0;owned\x07";

	memcpy(r->slow.comm, SAMPLE_HOSTILE, sizeof(SAMPLE_HOSTILE));
	memcpy(r->slow.process, SAMPLE_HOSTILE, sizeof(SAMPLE_HOSTILE));
	memset(r->slow.path.seg[3].who.comm, '\x9b', WL_COMM_LEN);
	snprintf(r->names.stimulus, sizeof(r->names.stimulus), "%s", SAMPLE_HOSTILE);
	snprintf(r->names.syscall, sizeof(r->names.syscall), "%s", SAMPLE_HOSTILE);
	snprintf(r->idle_hint, sizeof(r->idle_hint), "%s", SAMPLE_HOSTILE);
	r->names.cgroup = cgroup;
	wl_cause_find(r);
}

#endif
