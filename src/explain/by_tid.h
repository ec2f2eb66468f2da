/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Structures by thread id: a tree of <search.h>. Inside explain/ only. */
#ifndef WL_EXPLAIN_BY_TID_H
#define WL_EXPLAIN_BY_TID_H

#include <stddef.h>
#include <stdint.h>

/*
 * Elements begin with their uint32_t tid. tdestroy(tree, free) ends it. NULL: there is none of that
 * id.
 */
void *wl_by_tid_find(void *const *tree, uint32_t tid);
/* A new one of that many bytes, all 0 but the id; there is none yet. NULL: no memory. */
void *wl_by_tid_add(void **tree, uint32_t tid, size_t size);

#endif
