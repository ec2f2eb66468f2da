/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A command that is started under watch: it exists before we measure, and runs once we do. */
#ifndef WL_LIVE_SPAWN_H
#define WL_LIVE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct wl_spawn {
	pid_t pid;  /* 0: none */
	int go;     /* write end: closed, the child gives up */
	int status; /* as from waitpid(), valid once ended */
	bool ended;
};

/* Forks a child that waits. 0 or -errno. */
int wl_spawn_prepare(struct wl_spawn *spawn, char **command);
/* Lets it run the command; -errno of the exec. */
int wl_spawn_run(struct wl_spawn *spawn);
/* Has it ended? Never blocks. */
bool wl_spawn_poll(struct wl_spawn *spawn);
/* What a shell would make of how it ended: its status, or 128 + signal. */
int wl_spawn_status(const struct wl_spawn *spawn);
/* Ends a child that is still there. */
void wl_spawn_close(struct wl_spawn *spawn);

#endif
