/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the demo says of itself, between the verdicts: sentences, or JSON lines of type "demo".
 * All return 0 or -errno of the write (-EPIPE: the reader has gone).
 */
#ifndef WL_CLI_DEMO_SAY_H
#define WL_CLI_DEMO_SAY_H

#include <stdio.h>

#include "cli/demo_judge.h"

struct wl_demo_say {
	FILE *out;
	bool json;        /* results only, as lines of JSON */
	bool quiet;       /* results only */
	const char *over; /* the threshold, for people */
};

/* What the demo's acts came to. */
struct wl_demo_score {
	unsigned int acted, right; /* acts that made a request late; of these, explained */
	uint64_t others;           /* verdicts on what the demo did not cause */
	bool early;                /* ended before all acts were done */
};

int wl_demo_say_intro(const struct wl_demo_say *say, const struct wl_demo_load *load);
int wl_demo_say_usual(const struct wl_demo_say *say, const struct wl_demo_usual *usual);
/* Before the acts of a kind: number counts from 1. */
int wl_demo_say_kind(const struct wl_demo_say *say, const struct wl_demo_load *load,
		     enum wl_demo_kind kind, unsigned int number);
/* Before each act. */
int wl_demo_say_act(const struct wl_demo_say *say, const struct wl_demo_act *act);
/* After it. again: it will be repeated. */
int wl_demo_say_result(const struct wl_demo_say *say, const struct wl_demo_truth *truth,
		       const struct wl_demo_verdict *verdict, enum wl_demo_result result,
		       bool again);
/* Before the summary, and after it. */
int wl_demo_say_score(const struct wl_demo_say *say, const struct wl_demo_score *score);
int wl_demo_say_hint(const struct wl_demo_say *say);

#endif
