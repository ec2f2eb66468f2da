/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* In place of through.c where libbabeltrace2 was left out (-Dbabeltrace=disabled). */
#include <errno.h>
#include <stdio.h>

#include "trace/source.h"

int wl_through_open(struct wl_trace *trace, char *why, size_t size)
{
	snprintf(why, size,
		 "'%s' is no trace of ours: this program was built without libbabeltrace2, which "
		 "reads others",
		 trace->dir);
	return -EOPNOTSUPP;
}
