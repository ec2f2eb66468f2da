/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An event that a user names: tp:SUBSYSTEM:EVENT, usdt:PATH:PROVIDER:NAME, uprobe:PATH:SYMBOL,
 * uretprobe:PATH:SYMBOL, kprobe:FUNCTION, kretprobe:FUNCTION, fentry:FUNCTION, fexit:FUNCTION; what
 * can be read of it, and how a program is attached to it. Functions return 0 or -errno: -EINVAL if
 * it is wrong, -EPERM, -EOPNOTSUPP; errors but -ENOMEM are said, with label before them.
 */
#ifndef WL_LIVE_USER_EVENT_H
#define WL_LIVE_USER_EVENT_H

#include <stdbool.h>
#include <stddef.h>

#include "abi/user_tracker.h"

struct bpf_program;
struct bpf_link;
struct btf;

#define WL_USER_PART 256

enum wl_user_event_kind {
	WL_EVENT_TRACEPOINT,
	WL_EVENT_UPROBE,
	WL_EVENT_URETPROBE,
	WL_EVENT_KPROBE,
	WL_EVENT_KRETPROBE,
	WL_EVENT_USDT,
	WL_EVENT_FENTRY,
	WL_EVENT_FEXIT,
};

struct wl_user_field {
	char name[64];
	struct wl_user_expr expr;
};

struct wl_user_event {
	const char *label; /* "--in" */
	const char *text;  /* as it was given */
	enum wl_user_event_kind kind;
	char part[3][WL_USER_PART]; /* behind the kind's name */
	int id;                     /* of a tracepoint */
	struct wl_user_field *fields;
	size_t n, room;
};

/* Reads text and what the event has. btf: of the kernel. Free it in any case. */
int wl_user_event_open(struct wl_user_event *e, const char *label, const char *text,
		       const struct btf *btf);
void wl_user_event_free(struct wl_user_event *e);

/* Adds the fields of a tracepoint's format, as tracefs has it; the text is taken apart. */
int wl_user_event_add_format(struct wl_user_event *event, char *text);

/* The expression of that name: a field, argN, ret, tid, pid, cpu or comm. label: whose name it is.
 */
int wl_user_event_find(const struct wl_user_event *e, const char *label, const char *name,
		       struct wl_user_expr *expr);

/* Is it a text, not a number? */
bool wl_user_expr_is_text(const struct wl_user_expr *expr);

/* Ending of its programs' names: "tp", "probe", "usdt", "fentry", "fexit". */
const char *wl_user_event_program(const struct wl_user_event *e);

int wl_user_event_attach(const struct wl_user_event *e, struct bpf_program *program,
			 struct bpf_link **link);

#endif
