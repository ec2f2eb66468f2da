/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From addresses that the kernel side sent to the stacks.json of one response. */
#ifndef WL_CAPTURE_STACKS_H
#define WL_CAPTURE_STACKS_H

#include "abi/slow.h"
#include "explain/samples.h"
#include "live/stacks.h"
#include "util/kallsyms.h"

/* The stacks of a slow response's process while it went on, saved. 0 or -errno. One thread. */
int wl_stacks_write(struct wl_stacks *stacks, const struct wl_kallsyms *kernel,
		    const struct wl_slow *slow, int dirfd);

/*
 * The samples without names of user space: stacks are sorted by time; kernel may be NULL. 0 or
 * -ENOMEM.
 */
int wl_stacks_samples(const struct wl_stack *stacks, size_t n, const struct wl_kallsyms *kernel,
		      struct wl_samples *samples);

#endif
