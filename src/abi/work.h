/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A work item, as the program itself names it (include/whylate/mark.h). */
#ifndef WL_ABI_WORK_H
#define WL_ABI_WORK_H

#include <linux/types.h>

#define WL_COOKIE_LEN 64 /* of a string cookie: 63 bytes count */
#define WL_STEP_LEN 24   /* of a step's name: 23 bytes count */
#define WL_WORK_STEPS 8  /* steps kept of an item: the first ones */

enum wl_cookie_kind {
	WL_COOKIE_NONE = 0,
	WL_COOKIE_NUMBER = 1,
	WL_COOKIE_TEXT = 2,
};

struct wl_work_step {
	__u64 at; /* CLOCK_MONOTONIC ns */
	__u32 tid;
	__u32 pad;
	char name[WL_STEP_LEN]; /* any bytes, zero-padded */
};

struct wl_work {
	__u64 cookie;             /* WL_COOKIE_NUMBER */
	char text[WL_COOKIE_LEN]; /* WL_COOKIE_TEXT: any bytes, zero-padded */
	__u64 begun;              /* CLOCK_MONOTONIC ns; 0: it has no begin mark */
	__u32 begun_tid;
	__u32 steps; /* taken, kept or not */
	__u8 kind;   /* enum wl_cookie_kind; NONE: not an item */
	__u8 pad[7];
	struct wl_work_step step[WL_WORK_STEPS];
};

#endif
