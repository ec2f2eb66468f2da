/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wl_problem_add(struct wl_problems *problems, const char *format, ...)
{
	char text[WL_PROBLEM_SIZE];
	char *copy = NULL;
	va_list args;

	if (problems->n < WL_PROBLEMS_MAX) {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		copy = strdup(text);
	}
	if (copy)
		problems->text[problems->n++] = copy;
	else
		problems->more++;
}

const char *wl_problem_get(struct wl_problems *problems, size_t i)
{
	if (i < problems->n)
		return problems->text[i];
	if (i > problems->n || !problems->more)
		return NULL;
	snprintf(problems->last, sizeof(problems->last), "%zu more", problems->more);
	return problems->last;
}

void wl_problems_free(struct wl_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		free(problems->text[i]);
	memset(problems, 0, sizeof(*problems));
}
