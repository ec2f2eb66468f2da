/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Names and members of the events of abi/event.h, as tables. Thread safe. */
#ifndef WL_TRACE_EVENTS_H
#define WL_TRACE_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"

enum wl_member_kind {
	WL_MEMBER_UNSIGNED,
	WL_MEMBER_SIGNED,
	WL_MEMBER_TEXT, /* zero-padded */
	WL_MEMBER_IDS,  /* one s32, of a sequence */
};

struct wl_member {
	const char *name; /* without LTTng's leading underscore */
	uint16_t offset;
	uint16_t size; /* bytes */
	uint8_t kind;  /* enum wl_member_kind */
};

struct wl_event_def {
	const char *name;
	uint16_t size; /* bytes of the payload: exact */
};

#define WL_EVENT_NAME_MAX 64

/* Of a fixed number; NULL: there is none, or it is a system call's. */
const struct wl_event_def *wl_event_def(unsigned id);

/* Likewise; they end with a name that is NULL. */
const struct wl_member *wl_event_members(unsigned id);

/* Bytes of the payload that an event of any number that there is has, if our version wrote it. */
unsigned wl_event_size(unsigned id);

/* Name of any number, as LTTng calls it, in buf or static; NULL: there is none. */
const char *wl_event_name(unsigned id, char *buf, size_t size);

/* Number of a fixed event's name (older LTTng's too); 0: there is none. */
unsigned wl_event_number(const char *name);

#endif
