/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where a target was seen: stacks of a slow response, taken while it ran (from the timer's tick,
 * once it was past its threshold) or when a wait of it ended. All texts are hostile.
 */
#ifndef WL_EXPLAIN_SAMPLES_H
#define WL_EXPLAIN_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wl_sample_frame {
	uint64_t address;
	char *function; /* NULL: not known */
	char *file;     /* source file, NULL: not known */
	uint32_t line;  /* 0: not known */
	char *module;   /* "memcached", "libc.so.6", "[kernel]"; NULL: not known */
};

struct wl_sample {
	uint64_t ts; /* CLOCK_MONOTONIC ns */
	uint32_t tid;
	uint16_t cpu;
	bool blocked; /* the stack it was blocked with; else where it ran */
	bool in_user; /* it ran in user space; false: in the kernel, or it was blocked */
	struct wl_sample_frame *kernel, *user; /* innermost first; of the tick's interrupt nothing
						*/
	size_t nkernel, nuser;
};

struct wl_samples {
	struct wl_sample *all; /* by time */
	size_t n;
};

void wl_samples_free(struct wl_samples *samples);

#endif
