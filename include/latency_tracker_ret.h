/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What event_in() and event_out() say, in programs (latency_tracker.h) and in BPF
 * (latency_tracker.bpf.h). Numbers never change; 3 was an error of the kernel module of 2014 that
 * can't be here.
 */
#ifndef LATENCY_TRACKER_RET_H
#define LATENCY_TRACKER_RET_H

enum latency_tracker_ret {
	LATENCY_TRACKER_OK = 0,
	LATENCY_TRACKER_FULL = 1,      /* every event is used: skipped, and counted */
	LATENCY_TRACKER_ERR = 2,       /* bad argument: no tracker, no key, a key that is too long,
					  an event of another tracker (programs only) */
	LATENCY_TRACKER_DISABLED = 4,  /* switched off, or in a child of fork() */
	LATENCY_TRACKER_NOT_FOUND = 5, /* nothing to end: no such key, or somebody ended it */
	LATENCY_TRACKER_LOST = 6,      /* somebody else was at that part of the table: skipped, and
					  counted (BPF only) */
};

#endif
