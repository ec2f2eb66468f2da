/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What the page html/ shows, as JSON. All times in it are ns since the stimulus, and those of lanes
 * WL_HTML_UNIT since the window's begin. Names are escaped as for a terminal, so that the page
 * shows what the other outputs show.
 */
#ifndef WL_OUTPUT_HTML_DATA_H
#define WL_OUTPUT_HTML_DATA_H

#include "explain/explained.h"
#include "output/html_table.h"
#include "output/json.h"

#define WL_HTML_UNIT 100 /* ns */
#define WL_HTML_NONE UINT32_MAX

/* What lanes and nodes refer to by number. */
struct wl_html_names {
	const struct wl_explained *x;
	struct wl_html_table tasks; /* uint32_t: index in the timeline */
	struct wl_html_table whos;  /* struct wl_who */
	struct wl_html_table looks; /* struct wl_html_look */
	struct wl_html_table calls; /* int32_t */
};

/* What the stretches of a thread's lane are told apart by. No padding. */
struct wl_html_look {
	uint32_t kind, cpu;
	int32_t call; /* of calls, -1: none */
	uint32_t who; /* of whos, WL_HTML_NONE: not blocked, or not known */
};

/* How much of the timeline is written: stretches below these are merged, ns. */
struct wl_html_detail {
	uint64_t inside;  /* of the response's own interval; 0: all are written */
	uint64_t outside; /* of it */
};

/* -1 or WL_HTML_NONE for what there is none of. */
int32_t wl_html_call(struct wl_html_names *names, int32_t call);
uint32_t wl_html_who(struct wl_html_names *names, const struct wl_who *who);
uint32_t wl_html_task(struct wl_html_names *names, uint32_t task);

/* One line. 0 or -errno. */
int wl_html_data(struct wl_json *json, const struct wl_explained *x,
		 const struct wl_html_detail *detail);

/* The member "timeline": see html_lanes.c. 0 or -ENOMEM. */
int wl_html_lanes(struct wl_json *json, struct wl_html_names *names,
		  const struct wl_html_detail *detail);

/* The window that is shown: the timeline's, and all of the response. */
void wl_html_window(const struct wl_explained *x, uint64_t *begin, uint64_t *end);

#endif
