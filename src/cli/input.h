/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What lies beside the trace that is to be explained: all that a capture has, or nothing. */
#ifndef WL_CLI_INPUT_H
#define WL_CLI_INPUT_H

#include <limits.h>

#include "capture/machine_file.h"
#include "explain/explain.h"

/* All that is read of it but its trace. */
struct wl_input {
	char path[PATH_MAX]; /* of the directory */
	struct wl_report report;
	struct wl_config config;
	struct wl_task_dump *tasks;
	size_t ntasks;
	struct wl_samples samples;       /* none: n is 0 */
	struct wl_machine_file *machine; /* NULL: it is not one of ours */
	bool has_report;
};

/*
 * Reads what there is in the directory in->path. 0 or -errno; what is damaged is said. Free it in
 * any case.
 */
int wl_input_read(struct wl_input *in);
void wl_input_free(struct wl_input *in);

/* options that refer to it, of its own response if it has one. */
void wl_input_options(const struct wl_input *in, struct wl_explain_options *options);

#endif
