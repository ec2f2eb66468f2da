/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A bounded list of sentences about what was wrong with a trace. One thread at a time. */
#ifndef WL_TRACE_PROBLEMS_H
#define WL_TRACE_PROBLEMS_H

#include <stddef.h>

#define WL_PROBLEMS_MAX 64
#define WL_PROBLEM_SIZE 512 /* bytes of a sentence: longer ones are cut */

struct wl_problems {
	char *text[WL_PROBLEMS_MAX];
	size_t n;
	size_t more; /* did not fit, or no memory for them */
	char last[32];
};

void wl_problem_add(struct wl_problems *problems, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* From 0; NULL behind the last one. Valid until the next one is added. */
const char *wl_problem_get(struct wl_problems *problems, size_t i);
void wl_problems_free(struct wl_problems *problems);

#endif
