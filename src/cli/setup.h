/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From options to a session: what every verb that measures does first. */
#ifndef WL_CLI_SETUP_H
#define WL_CLI_SETUP_H

#include "cli/options.h"
#include "live/kernel.h"
#include "live/session.h"
#include "live/spawn.h"

struct wl_setup {
	struct wl_options options;
	struct wl_kernel kernel;
	struct wl_session *session;
	struct wl_spawn spawn;
};

/* The first part of it: users, cgroups, interrupts, what was named, the command. */
int wl_setup_resolve(struct wl_setup *setup);

/*
 * Resolves users, cgroups and interrupts, checks that what was named exists, prepares the command,
 * loads and attaches. options must be filled. Returns an exit status (WL_EXIT_*); errors are said.
 * Close it in either case.
 */
int wl_setup_open(struct wl_setup *setup);
void wl_setup_close(struct wl_setup *setup);

#endif
