/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a trace alone does not tell: machine.json (kernel, CPUs, clocks, interrupts, cgroups,
 * options and config, window and counts). What doesn't change is read once. Functions return 0 or
 * -errno; one thread per state.
 *
 *   {"type":"machine","v":1,"version":"0.1.0","kind":"capture","hostname":"…",
 *    "kernel":{"release":…,"version":…,"machine":…,"preempt_rt":false},
 *    "cpus":{"possible":"0-1","online":"0-1"},"nodes":[{"node":0,"cpus":"0-1"}],
 *    "clock":{"name":"monotonic","boot_id":"…","source":"tsc","to_realtime_ns":"…"},
 *    "irqs":[{"irq":36,"name":"virtio1-req.0","affinity":"0"}],
 *    "devices":[{"major":254,"minor":0,"name":"vda"}],
 *    "cgroups":[{"pid":1234,"hierarchy":"cpu,cpuacct","path":"/…","quota_us":null,
 *     "period_us":100000}],
 *    "options":{"command_line":"…","target":"…","post_ns":5000000},"config":{…},
 *    "window":{"from":"…","begin":"…","end":"…"},
 *    "streams":[{"cpu":0,"begin":"…","end":"…","written":…,"read":…,"lost":…,"left_out":…,
 *     "refused":…,"packets":…,"holes":…}]}
 */
#ifndef WL_CAPTURE_STATE_H
#define WL_CAPTURE_STATE_H

#include <stddef.h>

#include "abi/config.h"
#include "capture/packet.h"

struct wl_state;

/* Reads the machine. */
int wl_state_new(struct wl_state **state);
void wl_state_free(struct wl_state *state);

/* What differs from one trace to the next. Texts may be NULL, and are hostile. */
struct wl_state_info {
	const char *kind;         /* "capture", "recording" */
	const char *command_line; /* of whylate */
	const char *target;       /* who is watched, for people */
	const struct wl_config *config;
	uint64_t post_ns;
	int64_t real_offset;  /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	uint64_t from;        /* where the window was asked to begin; CLOCK_MONOTONIC ns */
	uint64_t begin, end;  /* of the trace */
	const uint32_t *pids; /* processes whose cgroups are told */
	size_t npids;
	const struct wl_cpu_counts *const *counts; /* per CPU */
	uint32_t ncpu;
};

/* Writes machine.json into a directory where it is not yet. */
int wl_state_save(const struct wl_state *state, int dirfd, const struct wl_state_info *info);

#endif
