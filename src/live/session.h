/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A running measurement: the BPF object loaded, attached and read. One thread. Everything in the
 * kernel hangs on file descriptors of this process: it is gone when the process is, however it
 * ends.
 */
#ifndef WL_LIVE_SESSION_H
#define WL_LIVE_SESSION_H

#include "abi/slow.h"
#include "abi/tasks.h"
#include "explain/report.h"
#include "live/kernel.h"
#include "live/maps.h"
#include "live/rings.h"

struct wl_session;

/* Called for each slow response; a result other than 0 ends the call that it came from. */
typedef int (*wl_report_fn)(void *ctx, struct wl_report *report);

#define WL_SESSION_VERBOSE 1u /* libbpf's warnings go to stderr */
#define WL_SESSION_EMPTY 2u   /* beside the others, a program that does nothing: what one costs */
#define WL_SESSION_SCHED 4u   /* only switches and wake-ups: what bench compares with peers */

#define WL_SESSION_STACKS 8u /* stacks of late responses: wl_session_stacks() */

/*
 * Loads and attaches; nothing is measured yet. config must be complete but for ncpu, task_storage,
 * chain.rt and chain.until, which are adapted to the kernel. Errors are said on stderr. -EPERM: not
 * allowed; -EOPNOTSUPP: this kernel can't; else -errno.
 */
int wl_session_open(struct wl_session **session, const struct wl_config *config,
		    const struct wl_kernel *kernel, unsigned int flags);
void wl_session_close(struct wl_session *session);

/* Starts and stops measuring; what was measured can still be read. */
int wl_session_start(struct wl_session *session);
void wl_session_stop(struct wl_session *session);

/* The shared memory; valid as long as the session. */
const struct wl_maps *wl_session_maps(const struct wl_session *session);

struct wl_reports;

/* What it makes its reports with, for wl_reports_new_beside(). */
const struct wl_reports *wl_session_reports(const struct wl_session *session);

/* The flight recorder's memory, or NULL: nothing is recorded. Valid as long as the session. */
const struct wl_rings *wl_session_rings(const struct wl_session *session);

struct wl_stacks;

/* Stacks of late responses, or NULL: they were not asked for. Valid as long as the session. */
struct wl_stacks *wl_session_stacks(const struct wl_session *session);

struct wl_marks;

/* Probes in user space, or NULL: marks were not asked for. Valid as long as the session. */
struct wl_marks *wl_session_marks(const struct wl_session *session);

/*
 * The slow response that has taken the pin (rings->pin->id), copied to slow; false: none has. One
 * thread may call this while another uses the session.
 */
bool wl_session_trigger(const struct wl_session *session, struct wl_slow *slow);

/*
 * Hands every task that there is now to fn, whose result other than 0 ends it and is returned.
 * -EINVAL: nothing is recorded. One thread at a time, beside another that uses the session.
 */
int wl_session_dump_tasks(const struct wl_session *session,
			  int (*fn)(void *ctx, const struct wl_task_dump *task), void *ctx);

/* What was made of the config. */
const struct wl_config *wl_session_config(const struct wl_session *session);

/*
 * Hands over slow responses and finds unfinished ones: call it about every 10 ms. 0, 1: there is
 * more, call it again soon, or -errno.
 */
int wl_session_poll(struct wl_session *session, wl_report_fn fn, void *ctx);

/*
 * Updates quartiles and, if quantile is not 0, thresholds from the histograms: call it a few times
 * a second.
 */
void wl_session_update(struct wl_session *session, double quantile);

/* Fills stats; free it with wl_stats_free(). 0 or -ENOMEM. */
int wl_session_stats(struct wl_session *session, struct wl_stats *stats);
void wl_stats_free(struct wl_stats *stats);

/* Memory of the maps, with the state of the tasks that there are now; bytes. */
uint64_t wl_session_memory(const struct wl_session *session);

/* Run statistics of one program: what doctor and bench read. */
struct wl_program_cost {
	char name[64];
	uint64_t runs, ns;
};

/* Fills at most n entries; returns how many programs there are. */
size_t wl_session_costs(const struct wl_session *session, struct wl_program_cost *costs, size_t n);

#endif
