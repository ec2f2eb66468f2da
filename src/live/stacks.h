/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stacks of late responses as the kernel side sends them: the last few hundred. Thread safe. */
#ifndef WL_LIVE_STACKS_H
#define WL_LIVE_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "abi/stack.h"

struct wl_stacks;

/* fd: of the map that they come through. 0 or -errno. */
int wl_stacks_new(struct wl_stacks **stacks, int fd);
void wl_stacks_free(struct wl_stacks *stacks);

/* Takes what has come; call it as often as the kernel side may fill its ring (10 ms). 0 or -errno.
 */
int wl_stacks_poll(struct wl_stacks *stacks);

/* Those of a process from `from` to `to` (CLOCK_MONOTONIC ns), by time; free() them. 0 or -errno.
 */
int wl_stacks_pick(struct wl_stacks *stacks, uint32_t tgid, uint64_t from, uint64_t to,
		   struct wl_stack **picked, size_t *n);

#endif
