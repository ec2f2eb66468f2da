/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A user-defined tracker, as its BPF program is told of it: never changes once loaded. */
#ifndef WL_ABI_USER_TRACKER_H
#define WL_ABI_USER_TRACKER_H

#include <linux/types.h>

#define WL_USER_KEYS 4
#define WL_USER_TERMS 8
#define WL_USER_TEXT 16 /* bytes of a text that are looked at */
#define WL_USER_ARGS 6

enum wl_user_source {
	WL_USER_NONE = 0,
	WL_USER_FIELD = 1,      /* bytes of a tracepoint's record */
	WL_USER_TEXT_FIELD = 2, /* the same, a text */
	WL_USER_TEXT_LOC = 3,   /* a text that the record says the place of (__data_loc) */
	WL_USER_ARG = 4,        /* of a function or a USDT probe */
	WL_USER_RESULT = 5,
	WL_USER_TID = 6,
	WL_USER_PID = 7,
	WL_USER_CPU = 8,
	WL_USER_COMM = 9,
};

struct wl_user_expr {
	__u32 source; /* enum wl_user_source */
	__u32 at;     /* offset in the record, or number of the argument */
	__u32 size;   /* bytes */
	__u32 sign;
};

enum wl_user_compare {
	WL_USER_EQ = 0,
	WL_USER_NE = 1,
	WL_USER_LT = 2,
	WL_USER_LE = 3,
	WL_USER_GT = 4,
	WL_USER_GE = 5,
	WL_USER_AND = 6, /* has any of these bits */
};

/* A number, extended to 64 bits, or a text, filled up with zeros. */
struct wl_user_value {
	__u64 v[WL_USER_TEXT / 8];
};

struct wl_user_term {
	struct wl_user_expr left;
	struct wl_user_value right;
	__u32 compare; /* enum wl_user_compare */
	__u32 begins;  /* 1: or … : what is before it is an alternative to it */
};

struct wl_user_config {
	__u32 nkeys, nterms;
	struct wl_user_expr key[2][WL_USER_KEYS]; /* of the begin, of the end */
	struct wl_user_expr by;                   /* of the begin */
	struct wl_user_term where[WL_USER_TERMS]; /* of the begin */
};

#endif
