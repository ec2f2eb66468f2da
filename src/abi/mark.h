/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a probe in user space is told when it is attached: what it marks, and where the cookie is.
 */
#ifndef WL_ABI_MARK_H
#define WL_ABI_MARK_H

#include "work.h"

enum wl_mark_op {
	WL_MARK_NONE = 0,
	WL_MARK_BEGIN = 1,
	WL_MARK_END = 2,
	WL_MARK_STEP = 3,
};

#define WL_MARK_SETS 4096 /* of places for items, see chain/mark.h */

/* Where a cookie is: 0 to 11 are arguments of the probe (a function has 6). */
#define WL_MARK_ARGS 12
#define WL_MARK_FUNCTION_ARGS 6
#define WL_MARK_AT_TID 64    /* the thread's id */
#define WL_MARK_AT_RESULT 65 /* of a function that returns */
#define WL_MARK_NO_NAME 255  /* no argument has a step's name */

struct wl_mark_site {
	__u8 op;   /* enum wl_mark_op */
	__u8 kind; /* enum wl_cookie_kind */
	__u8 key;  /* where the cookie is */
	__u8 name; /* argument that has a step's name, or WL_MARK_NO_NAME */
	__u32 pad;
};
_Static_assert(sizeof(struct wl_mark_site) == sizeof(__u64), "it is an attach cookie");

#endif
