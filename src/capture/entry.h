/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is known of a capture without reading its trace: its name, its size, its response.json. */
#ifndef WL_CAPTURE_ENTRY_H
#define WL_CAPTURE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WL_ENTRY_NAME 128 /* longest name of a capture, with its NUL */
#define WL_ENTRY_RESPONSE "response.json"

/* Texts are hostile: escape them on output. */
struct wl_entry {
	char name[WL_ENTRY_NAME]; /* in the directory of captures */
	char cause[24];           /* kind of the cause, "none"; "now": taken on demand */
	char time[40];            /* "2026-11-21T19:41:07.123456789Z": these sort by age */
	char process[64], comm[64];
	uint32_t pid, tid;    /* 0: taken on demand */
	uint64_t response_ns; /* 0: taken on demand */
	uint64_t size;        /* bytes of its files */
	bool now;             /* taken on demand */
};

struct wl_entries {
	struct wl_entry *all; /* by time, the oldest first */
	size_t n;
};

void wl_entries_free(struct wl_entries *entries);

/*
 * Fills all but the size from the response.json of a directory. -ENOENT: there is none; -EINVAL:
 * it does not begin a capture of ours; else -errno. Thread safe.
 */
int wl_entry_read(int dirfd, const char *name, struct wl_entry *entry);

#endif
