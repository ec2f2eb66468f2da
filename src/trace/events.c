/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/events.h"

#include <stdio.h>
#include <string.h>

#include "util/syscall_fields.h"

#define KIND_u8 WL_MEMBER_UNSIGNED
#define KIND_u16 WL_MEMBER_UNSIGNED
#define KIND_u32 WL_MEMBER_UNSIGNED
#define KIND_u64 WL_MEMBER_UNSIGNED
#define KIND_x8 WL_MEMBER_UNSIGNED
#define KIND_x64 WL_MEMBER_UNSIGNED
#define KIND_s32 WL_MEMBER_SIGNED
#define KIND_s64 WL_MEMBER_SIGNED
#define KIND_text16 WL_MEMBER_TEXT
#define KIND_text24 WL_MEMBER_TEXT
#define KIND_text64 WL_MEMBER_TEXT
#define KIND_tids WL_MEMBER_IDS

/* WL_EV_* lists don't say whose members they are: a typedef in a scope of its own does. */
#define MEMBER(type, name)                                                                         \
	{ #name, offsetof(this_event, name), sizeof(((this_event *)0)->name), KIND_##type },
#define X(enumerator, fields, nr, name)                                                            \
	static const struct wl_member *members_##enumerator(void)                                  \
	{                                                                                          \
		typedef struct wl_ev_##fields this_event;                                          \
		static const struct wl_member members[] = { WL_EV_##fields(MEMBER){ NULL } };      \
		return members;                                                                    \
	}
WL_EVENTS(X)
WL_EV_FOREIGN_EVENTS(X)
#undef X

const struct wl_event_def *wl_event_def(unsigned id)
{
	static const struct wl_event_def defs[WL_EV_FIXED_MAX] = {
#define X(enumerator, fields, nr, name) [nr] = { name, WL_EVENT_SIZE(fields) - 16 },
		WL_EVENTS(X) WL_EV_FOREIGN_EVENTS(X)
#undef X
	};

	return id < WL_EV_FIXED_MAX && defs[id].name ? &defs[id] : NULL;
}

const struct wl_member *wl_event_members(unsigned id)
{
	switch (id) {
#define X(enumerator, fields, nr, name)                                                            \
	case nr:                                                                                   \
		return members_##enumerator();
		WL_EV_FOREIGN_EVENTS(X)
		WL_EVENTS(X)
#undef X
	default:
		return NULL;
	}
}

static unsigned syscall_event_size(unsigned id)
{
	unsigned range = (id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields fields;

	wl_syscall_fields((int)(id % WL_EV_SYSCALLS), range >= 2, &fields);
	return (unsigned)(range % 2 ? wl_syscall_exit_size(&fields)
				    : wl_syscall_entry_size(&fields));
}

unsigned wl_event_size(unsigned id)
{
	const struct wl_event_def *def = wl_event_def(id);

	if (def)
		return def->size;
	return id >= WL_EV_SYSCALL_ENTRY && id < WL_EV_MAX ? syscall_event_size(id) : 0;
}

static const char *syscall_event_name(unsigned id, char *buf, size_t size)
{
	static const char *const prefixes[] = { "syscall_entry_", "syscall_exit_",
						"compat_syscall_entry_", "compat_syscall_exit_" };
	unsigned range = (id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields fields;

	wl_syscall_fields((int)(id % WL_EV_SYSCALLS), range >= 2, &fields);
	if (!fields.name)
		return NULL;
	snprintf(buf, size, "%s%s", prefixes[range], fields.event);
	return buf;
}

const char *wl_event_name(unsigned id, char *buf, size_t size)
{
	const struct wl_event_def *def = wl_event_def(id);

	if (def)
		return def->name;
	if (id < WL_EV_SYSCALL_ENTRY || id >= WL_EV_MAX)
		return NULL;
	return syscall_event_name(id, buf, size);
}

/* What LTTng-modules before 2.7 called them. */
static const char *modern_name(const char *name)
{
	static const char *const renamed[][2] = {
		{ "hrtimer_start", "timer_hrtimer_start" },
		{ "hrtimer_expire_entry", "timer_hrtimer_expire_entry" },
		{ "hrtimer_expire_exit", "timer_hrtimer_expire_exit" },
		{ "netif_receive_skb", "net_if_receive_skb" },
		{ "softirq_entry", "irq_softirq_entry" },
		{ "softirq_exit", "irq_softirq_exit" },
		{ "softirq_raise", "irq_softirq_raise" },
	};

	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (!strcmp(name, renamed[i][0]))
			return renamed[i][1];
	return name;
}

unsigned wl_event_number(const char *name)
{
	name = modern_name(name);
	for (unsigned id = 0; id < WL_EV_FIXED_MAX; id++) {
		const struct wl_event_def *def = wl_event_def(id);

		if (def && !strcmp(def->name, name))
			return id;
	}
	return WL_EV_NONE;
}
