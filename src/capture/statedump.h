/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * State that was there before the trace began, as synthetic records (LTTng's state dump) in leading
 * packets of cpu_0's stream. Their base is 0. Readers must not count or replay them.
 */
#ifndef WL_CAPTURE_STATEDUMP_H
#define WL_CAPTURE_STATEDUMP_H

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"

struct wl_statedump {
	const struct wl_ev_statedump_process *processes;
	size_t nprocesses;
	const struct wl_ev_statedump_fd *fds;
	size_t nfds;
};

/*
 * Appends the packets to a file; nothing if dump is NULL. ts: the trace's begin. *seq: number of
 * the next packet, moved on. 0 or -errno. Thread safe.
 */
int wl_statedump_write(const struct wl_statedump *dump, int fd, const uint8_t uuid[16], uint64_t ts,
		       uint64_t *seq);

#endif
