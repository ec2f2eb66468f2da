/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The metadata of a trace: TSDL (CTF 1.8) that describes the packets of packet.h, the events of
 * abi/event.h and, if they are recorded, the system calls of util/syscall_fields.h. To readers the
 * trace is one of LTTng-modules 2.13, with fields of its own: names begin with `_`, as LTTng's do,
 * and ours with `_wl_`. Thread safe.
 */
#ifndef WL_CAPTURE_METADATA_H
#define WL_CAPTURE_METADATA_H

#include <stdint.h>
#include <stdio.h>

#include "abi/config.h"

/* What differs from trace to trace. Texts may be anything: they are made safe when written. */
struct wl_metadata {
	uint8_t uuid[16];    /* of the trace: new for each one */
	int64_t real_offset; /* CLOCK_REALTIME - CLOCK_MONOTONIC, ns */
	int64_t created;     /* CLOCK_REALTIME, s */
	uint32_t syscalls;   /* enum wl_record_syscalls */
	const char *kind;    /* "capture" or "recording" */
	char boot_id[40];    /* "": unknown */
	char hostname[65];
	char release[65];
	char version[65];
};

/* Fills all of it: a random uuid, this machine. 0 or -errno. */
int wl_metadata_init(struct wl_metadata *metadata, const char *kind, int64_t real_offset,
		     uint32_t syscalls);

/* Writes the text; out's error flag tells whether it failed. */
void wl_metadata_write(const struct wl_metadata *metadata, FILE *out);

/* "d728e1a1-1da7-574b-9ad3-ee1789a2ad2d"; returns text. */
#define WL_UUID_TEXT 37
const char *wl_uuid_format(const uint8_t uuid[16], char text[WL_UUID_TEXT]);

#endif
