/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A work item in a response: its cookie, and where it was begun and went on. */
#ifndef WL_OUTPUT_WORK_H
#define WL_OUTPUT_WORK_H

#include "abi/slow.h"
#include "explain/phrase.h"
#include "output/json.h"

/* 4711, or "GET /index" */
void wl_work_add_cookie(struct wl_phrase *phrase, const struct wl_work *work);

/*
 * "4711: begin at +12us in thread 812, parsed at +1.2ms, stored at +3ms in thread 814": times since
 * the stimulus; the thread where it is another one than before.
 */
void wl_work_add(struct wl_phrase *phrase, const struct wl_slow *slow);

/* A member "work": an object, or null if the response is of no item. */
void wl_work_json(struct wl_json *json, const struct wl_slow *slow);

#endif
