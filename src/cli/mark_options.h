/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* --begin, --end and their keys: probes of programs that have no marks of ours. */
#ifndef WL_CLI_MARK_OPTIONS_H
#define WL_CLI_MARK_OPTIONS_H

#include "cli/options.h"

/* usdt:PATH:PROVIDER:NAME, uprobe:PATH:FUNCTION, uretprobe:PATH:FUNCTION. 0 or -EINVAL, said. */
int wl_mark_option_add(struct wl_options *options, const char *label, const char *value,
		       enum wl_mark_op op);

/* argN, argN:str, retval, retval:str, tid: of the last probe of that kind. 0 or -EINVAL, said. */
int wl_mark_option_key(struct wl_options *options, const char *label, const char *value,
		       enum wl_mark_op op);

#endif
