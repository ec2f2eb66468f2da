/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The control socket of a running watch: DIR/watch-PID.sock, mode 0600 in a directory 0700 of the
 * effective user's; root and that user are heard. A connection is one request and one answer, each
 * a line of JSON:
 *
 *   {"cmd":"now"}  ->  {"ok":true,"capture":"/…/2026-11-21T194107.123-now"}
 *                      {"ok":false,"error":"…"}
 *
 * Whoever connects can't delay or exhaust us: few connections, short requests, a few seconds each;
 * nothing blocks. Functions return 0 or -errno; one thread per control.
 */
#ifndef WL_CAPTURE_CONTROL_H
#define WL_CAPTURE_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WL_CONTROL_DIR "/run/whylate"
#define WL_CONTROL_CONNECTIONS 8
#define WL_CONTROL_FDS (WL_CONTROL_CONNECTIONS + 1)
#define WL_CONTROL_REQUEST 512 /* bytes of the longest request */

struct wl_control;

/*
 * Makes the directory (not what lies above it) and the socket; those of processes that have gone
 * are removed. -EPERM: the directory can't be trusted.
 */
int wl_control_open(struct wl_control **control, const char *dir);
/* Closes all connections and removes the socket. NULL is allowed. */
void wl_control_close(struct wl_control *control);

/* What to poll for: at most WL_CONTROL_FDS; how many. */
size_t wl_control_fds(const struct wl_control *control, struct pollfd *fds);

/*
 * Accepts, reads and refuses what there is; now: CLOCK_MONOTONIC ns. True: somebody asks for a
 * capture; call wl_control_answer() before this again.
 */
bool wl_control_serve(struct wl_control *control, uint64_t now);
/* Answers whoever asked: the path of a capture, or what was wrong (error not NULL). */
void wl_control_answer(struct wl_control *control, const char *capture, const char *error);

/* --- the other side --- */

/* Processes that listen: at most n; how many there are, or -errno. */
int wl_control_find(const char *dir, pid_t *pids, size_t n);

/*
 * Asks a process for a capture, and waits for it: at most timeout_ms. 0: text is the capture's
 * path; -EREMOTEIO: text is what it said was wrong; else -errno.
 */
int wl_control_now(const char *dir, pid_t pid, int timeout_ms, char *text, size_t size);

#endif
