/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Numbers of slow responses, from 1: a timeout and its later end share one, and two threads that
 * look at the same response give it the same one, whoever comes first. Thread safe.
 */
#ifndef WL_LIVE_NUMBERS_H
#define WL_LIVE_NUMBERS_H

#include <stdint.h>

#include "abi/slow.h"

struct wl_numbers;

/* 0 or -ENOMEM. */
int wl_numbers_new(struct wl_numbers **numbers);
void wl_numbers_free(struct wl_numbers *numbers);

/* For the thread that sees every report once, in order. 0: an unfinished one that it had before. */
uint64_t wl_numbers_give(struct wl_numbers *numbers, const struct wl_slow *slow);

/* For another thread, that looks at a few that have ended. */
uint64_t wl_numbers_ask(struct wl_numbers *numbers, const struct wl_slow *slow);

#endif
