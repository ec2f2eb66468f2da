/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Numbers of abi/kinds.h as strings. All are constants, never NULL unless it says so. Thread safe.
 */
#ifndef WL_EXPLAIN_NAMES_H
#define WL_EXPLAIN_NAMES_H

#include "abi/kinds.h"

const char *wl_seg_name(unsigned int kind); /* JSON name; "none" for 0, "unknown" beyond the list */
const char *wl_stim_name(unsigned int kind); /* "none" for 0, "unknown" beyond the list */
const char *wl_end_name(unsigned int kind);
const char *wl_counter_name(unsigned int counter); /* JSON name */
const char *wl_counter_text(unsigned int counter); /* for people */
const char *wl_vector_name(unsigned int nr);       /* NULL: nr is an irq number, not a vector */
const char *wl_softirq_name(unsigned int nr);      /* "NET_RX"; NULL: no such softirq */
const char *wl_policy_name(unsigned int policy);   /* "other", "fifo", … */

#endif
