/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The flight recorder's memory, mapped. Plain data: whoever reads it needs no session. */
#ifndef WL_LIVE_RINGS_H
#define WL_LIVE_RINGS_H

#include <stddef.h>
#include <stdint.h>

#include "abi/ring.h"

struct wl_rings {
	uint32_t ncpu;               /* possible CPUs */
	size_t size;                 /* bytes of data per ring, a power of two */
	const struct wl_ring **ring; /* by CPU; written by the kernel side all the time */
	struct wl_pin *pin;          /* shared with the kernel side */
};

#endif
