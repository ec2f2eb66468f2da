/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Events of another tracer (LTTng-modules) as our kernel side would have recorded them: with the
 * inputs of the state machine filled in as well as they can be known from what came before. Which
 * task is on a CPU, what process and kind it is of, how and in which system call it sleeps, what a
 * softirq was raised for, when a timer was due. Every task that is none of the kernel's is a
 * target.
 *
 * Likewise of ours, recorded while the state machine was off: those know the tasks and their
 * sleeps, and only miss what it would have done with them.
 *
 * One thread. Memory grows with the number of tasks. Names are hostile: a task is taken for the
 * kernel's by its name only until it makes a system call.
 */
#ifndef WL_EXPLAIN_FOREIGN_H
#define WL_EXPLAIN_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/trace.h"

struct wl_foreign;

/*
 * ncpu: more than the highest CPU number. rt: a PREEMPT_RT kernel's. trace: whose events these are,
 * asked only for what it describes; may be NULL. 0 or -ENOMEM.
 */
int wl_foreign_new(struct wl_foreign **foreign, uint32_t ncpu, bool rt,
		   const struct wl_trace *trace);
/* NULL is fine. */
void wl_foreign_free(struct wl_foreign *foreign);

/*
 * All events of the trace, in the order of time. *out is *in with the inputs filled in; its payload
 * is valid until the next call, or as long as that of *in. 1; 0: nothing can be made of it, because
 * it is not known who runs on that CPU yet; -ENOMEM.
 */
int wl_foreign_event(struct wl_foreign *foreign, const struct wl_event *in, struct wl_event *out);

/*
 * What the trace does not tell, for people: sentences (static). Complete when the trace was read to
 * its end. Returns how many there are, at most max.
 */
size_t wl_foreign_missing(const struct wl_foreign *foreign, const char *texts[], size_t max);

#endif
