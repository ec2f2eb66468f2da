/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Words put together in a buffer of fixed size: what does not fit is cut, between characters, and
 * the buffer always is a string. Nothing in it can move a terminal's cursor, whatever the names
 * are. Not thread safe per phrase.
 */
#ifndef WL_EXPLAIN_PHRASE_H
#define WL_EXPLAIN_PHRASE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/path.h"

struct wl_phrase {
	char *buf;
	size_t size; /* at least 1 */
	size_t len;  /* without the NUL */
};

void wl_phrase_init(struct wl_phrase *phrase, char *buf, size_t size);

/* Trusted text only: constants and numbers. */
void wl_phrase_add(struct wl_phrase *phrase, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "12.4ms" */
void wl_phrase_add_duration(struct wl_phrase *phrase, uint64_t ns);

/* Bytes from anywhere, up to the first NUL, escaped. */
void wl_phrase_add_name(struct wl_phrase *phrase, const char *bytes, size_t max);

/* "interrupt 36", "the reschedule interrupt". name may be NULL or "". */
void wl_phrase_add_irq(struct wl_phrase *phrase, unsigned int nr, const char *name);

/* "softirq NET_RX" */
void wl_phrase_add_softirq(struct wl_phrase *phrase, unsigned int nr);

/* "logger/812" */
void wl_phrase_add_task(struct wl_phrase *phrase, const struct wl_who *who);

/*
 * Anybody: "logger/812 (SCHED_FIFO 50)", "interrupt 36", "softirq NET_RX run by sshd/7 (nice 0)",
 * "a timer", "the idle task", and "somebody unknown" for WL_WHO_NONE. irq_name as for _add_irq.
 */
void wl_phrase_add_who(struct wl_phrase *phrase, const struct wl_who *who, const char *irq_name);

/* Real-time priority (1..99) of a wl_who.prio below 0, else 0. */
int wl_who_rt_priority(const struct wl_who *who);

/* Nice value (-20..19), 0 for real-time priorities. */
int wl_who_nice(const struct wl_who *who);

#endif
