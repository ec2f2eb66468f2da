/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Was it what we did? Compares a verdict with what the demo's own clocks say. Thread safe. */
#ifndef WL_CLI_DEMO_JUDGE_H
#define WL_CLI_DEMO_JUDGE_H

#include "cli/demo_load.h"
#include "explain/report.h"

/* What is kept of a verdict. */
struct wl_demo_verdict {
	uint64_t id;
	uint64_t start, end; /* of the response, CLOCK_MONOTONIC ns */
	struct wl_cause cause;
};

/* What has been done, and what came of it. */
struct wl_demo_truth {
	struct wl_demo_act act;
	struct wl_demo_request request; /* that it delayed most; sent 0: none */
	const char *culprit;            /* name; NULL: nobody is to blame */
	uint32_t culprit_tid;           /* 0: not known by the kernel's first numbers */
};

enum wl_demo_result {
	WL_DEMO_RIGHT,
	WL_DEMO_NO_EFFECT,     /* the request was not late by this */
	WL_DEMO_FAILED,        /* it could not be done: act.error */
	WL_DEMO_DISTURBED,     /* something else delayed it as much, and the verdict is on that */
	WL_DEMO_NO_VERDICT,    /* late, and whylate said nothing */
	WL_DEMO_WRONG_KIND,    /* another cause */
	WL_DEMO_WRONG_CULPRIT, /* somebody else */
	WL_DEMO_WRONG_TIME,    /* far too little, or more than the request took */
};

/* How long act and request's time between sent and done overlap, ns. */
uint64_t wl_demo_overlap(const struct wl_demo_act *act, const struct wl_demo_request *request);

/* How long the act held the request up, by the demo's own clocks, ns. */
uint64_t wl_demo_effect(const struct wl_demo_act *act, const struct wl_demo_request *request);

/* The verdict on that request: of those that overlap it, the nearest one; NULL: none does. */
const struct wl_demo_verdict *wl_demo_find(const struct wl_demo_verdict *verdicts, size_t n,
					   const struct wl_demo_request *request);

/* verdict may be NULL. An effect below over_ns does not count. */
enum wl_demo_result wl_demo_judge(const struct wl_demo_truth *truth,
				  const struct wl_demo_verdict *verdict, uint64_t over_ns);

#endif
