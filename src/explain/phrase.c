/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/phrase.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#include "explain/names.h"
#include "util/escape.h"
#include "util/format.h"

/* Scheduling policies, as sched.h has them; not all of its versions have all of them. */
#define POLICY_FIFO 1
#define POLICY_RR 2
#define POLICY_BATCH 3
#define POLICY_IDLE 5
#define POLICY_DEADLINE 6
#define POLICY_EXT 7

void wl_phrase_init(struct wl_phrase *phrase, char *buf, size_t size)
{
	*phrase = (struct wl_phrase){ .buf = buf, .size = size };
	buf[0] = '\0';
}

/* Length without a last UTF-8 character that was cut. Only valid UTF-8 comes in here. */
static size_t whole_characters(const char *text, size_t len)
{
	size_t start = len;
	unsigned char lead;

	while (start && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (!start)
		return len;
	lead = (unsigned char)text[start - 1];
	if (lead >= 0xc0 && start + (lead >= 0xe0) + (lead >= 0xf0) + 1 > len)
		return start - 1;
	return len;
}

void wl_phrase_add(struct wl_phrase *phrase, const char *format, ...)
{
	size_t room = phrase->size - phrase->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(phrase->buf + phrase->len, room, format, args);
	va_end(args);
	if (n < 0)
		phrase->buf[phrase->len] = '\0';
	else if ((size_t)n < room)
		phrase->len += (size_t)n;
	else
		phrase->len = whole_characters(phrase->buf, phrase->size - 1);
	phrase->buf[phrase->len] = '\0';
}

void wl_phrase_add_duration(struct wl_phrase *phrase, uint64_t ns)
{
	char text[32];

	wl_format_duration(ns, text, sizeof(text));
	wl_phrase_add(phrase, "%s", text);
}

void wl_phrase_add_name(struct wl_phrase *phrase, const char *bytes, size_t max)
{
	phrase->len +=
		wl_escape_text(bytes, max, phrase->buf + phrase->len, phrase->size - phrase->len);
}

void wl_phrase_add_irq(struct wl_phrase *phrase, unsigned int nr, const char *name)
{
	const char *vector = wl_vector_name(nr);

	if (vector) {
		wl_phrase_add(phrase, "the %s interrupt", vector);
		return;
	}
	wl_phrase_add(phrase, "interrupt %u", nr);
	if (name && name[0]) {
		wl_phrase_add(phrase, " ");
		wl_phrase_add_name(phrase, name, 64);
	}
}

void wl_phrase_add_softirq(struct wl_phrase *phrase, unsigned int nr)
{
	const char *name = wl_softirq_name(nr);

	if (name)
		wl_phrase_add(phrase, "softirq %s", name);
	else
		wl_phrase_add(phrase, "softirq %u", nr);
}

void wl_phrase_add_task(struct wl_phrase *phrase, const struct wl_who *who)
{
	wl_phrase_add_name(phrase, who->comm, sizeof(who->comm));
	wl_phrase_add(phrase, "/%u", who->tid);
}

int wl_who_rt_priority(const struct wl_who *who)
{
	return who->prio < 0 ? -1 - who->prio : 0;
}

int wl_who_nice(const struct wl_who *who)
{
	return who->prio < 0 ? 0 : who->prio - 20;
}

static void phrase_add_policy(struct wl_phrase *phrase, const struct wl_who *who)
{
	switch (who->policy) {
	case POLICY_FIFO:
		wl_phrase_add(phrase, "SCHED_FIFO %d", wl_who_rt_priority(who));
		return;
	case POLICY_RR:
		wl_phrase_add(phrase, "SCHED_RR %d", wl_who_rt_priority(who));
		return;
	case POLICY_IDLE:
		wl_phrase_add(phrase, "SCHED_IDLE");
		return;
	case POLICY_DEADLINE:
		wl_phrase_add(phrase, "SCHED_DEADLINE");
		return;
	case POLICY_BATCH:
		wl_phrase_add(phrase, "SCHED_BATCH, ");
		break;
	case POLICY_EXT:
		wl_phrase_add(phrase, "SCHED_EXT, ");
		break;
	}
	/* The policy stays while a real-time task lends its priority through a lock. */
	if (who->prio < 0)
		wl_phrase_add(phrase, "boosted to real-time priority %d", wl_who_rt_priority(who));
	else
		wl_phrase_add(phrase, "nice %d", wl_who_nice(who));
}

static void phrase_add_task_and_policy(struct wl_phrase *phrase, const struct wl_who *who)
{
	wl_phrase_add_task(phrase, who);
	wl_phrase_add(phrase, " (%s", who->flags & WL_WHO_F_KTHREAD ? "kernel thread, " : "");
	phrase_add_policy(phrase, who);
	wl_phrase_add(phrase, ")");
}

void wl_phrase_add_who(struct wl_phrase *phrase, const struct wl_who *who, const char *irq_name)
{
	switch (who->ctx) {
	case WL_WHO_TASK:
		phrase_add_task_and_policy(phrase, who);
		return;
	case WL_WHO_IDLE:
		wl_phrase_add(phrase, "the idle task");
		return;
	case WL_WHO_IRQ:
		wl_phrase_add_irq(phrase, who->nr, irq_name);
		return;
	case WL_WHO_SOFTIRQ:
		wl_phrase_add_softirq(phrase, who->nr);
		if (who->tid) {
			wl_phrase_add(phrase, " run by ");
			phrase_add_task_and_policy(phrase, who);
		}
		return;
	case WL_WHO_TIMER:
		wl_phrase_add(phrase, "a timer");
		return;
	default:
		wl_phrase_add(phrase, "somebody unknown");
	}
}
