/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/track_kinds.h"

#include <stdio.h>
#include <string.h>

#include "util/distance.h"

#include "track_objects.inc"

static const struct wl_track_kind kinds[] = {
	{ "wakeup", "woken until it runs", wl_object_wakeup },
	{ "offcpu", "off the CPU: blocked and preempted apart, with stacks",
	  wl_object_offcpu },
	{ "irq", "how long interrupts are handled", wl_object_irq },
	{ "softirq", "softirqs: raised until they run, and how long they run",
	  wl_object_softirq },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct wl_track_kind *wl_track_kind(const char *name)
{
	for (size_t i = 0; i < NKINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

const char *wl_track_kind_nearest(const char *name)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (size_t i = 0; i < NKINDS; i++)
		wl_nearest_offer(&nearest, kinds[i].name);
	return nearest.best;
}

void wl_track_print_intro(void)
{
	printf("usage: whylate track KIND [OPTIONS] [-- COMMAND...]\n"
	       "       whylate track FILE.bpf.o [OPTIONS]\n"
	       "       whylate track --in EVENT --out EVENT --key EXPR [OPTIONS]\n"
	       "\n"
	       "How long something takes, from an event to the one that ends it: a table, a\n"
	       "histogram, a line for each one that was slow. FILE.bpf.o: see\n"
	       "latency_tracker.bpf(7).\n"
	       "\n"
	       "KIND:\n");
	for (size_t i = 0; i < NKINDS; i++)
		printf("  %-10s %s\n", kinds[i].name, kinds[i].help);
}
