/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Control groups (v1) of our own, and using up a group's CPU time. */
#ifndef WL_SCENARIOS_GROUP_H
#define WL_SCENARIOS_GROUP_H

#include "scenario.h"

/* Skips the scenario if there is no such controller. */
void scn_group_make(const char *controller);
void scn_group_set(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
void scn_group_join(void); /* the calling thread */
void scn_group_remove(void);

/* Work: uses the group's CPU time up, until it gets some again; nothing if scn->ns is 0. */
void scn_work_use_up(struct scn_helper *helper);

/* Orders that, and asks when the group has no time left; sets the span. */
void scn_ask_used_up(struct scn_helper *helper);

#endif
