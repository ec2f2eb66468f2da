/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef WL_EXPLAIN_JOINED_H
#define WL_EXPLAIN_JOINED_H

#include "abi/path.h"

/* Running before and after a send is two segments to the kernel side, and one to people. */
void wl_path_join(struct wl_path *path);

#endif
