/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_CLI_IDLE_CALLS_H
#define WL_CLI_IDLE_CALLS_H

#include "abi/config.h"

/*
 * Fills the bitmaps of system calls (idle_calls, idle_calls32, futex_calls, sync_calls)
 * from the lists of names in idle_calls.c, and restart_call. The last two lists only know native
 * calls.
 */
void wl_idle_calls_fill(struct wl_chain_config *chain);

#endif
