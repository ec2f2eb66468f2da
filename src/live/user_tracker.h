/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A tracker without a compiler: two events, what they have in common, and a condition. */
#ifndef WL_LIVE_USER_TRACKER_H
#define WL_LIVE_USER_TRACKER_H

#include "live/trackers.h"
#include "live/user_event.h"

struct wl_user_tracker {
	struct wl_user_event event[2]; /* begin, end */
	struct wl_user_config config;
	char keys[WL_USER_KEYS][32], by[32]; /* as they are shown */
	char name[256];
	bool filtered; /* -p, -n and their like */
};

/* Reads what the user wrote; where and by may be NULL. 0 or -errno, said. Free it in any case. */
int wl_user_tracker_parse(struct wl_user_tracker *u, const char *begin, const char *end,
			  const char *key, const char *where, const char *by,
			  const struct btf *btf);
void wl_user_tracker_free(struct wl_user_tracker *u);

/* Makes options load and attach it; u must outlive what they open. */
void wl_user_tracker_fill(struct wl_user_tracker *u, struct wl_trackers_options *options);

#endif
