/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/syscalls.h"

#include <stddef.h>
#include <string.h>

#include "syscall_table.inc"
#include "util/distance.h"

struct call {
	int nr;
	const char *name;
};

#define X(nr, name) { nr, name },
static const struct call native_calls[] = { WL_NATIVE_CALLS(X){ -1, NULL } };
static const struct call compat_calls[] = { WL_COMPAT_CALLS(X){ -1, NULL } };
#undef X

static const struct call *calls(bool compat)
{
	return compat ? compat_calls : native_calls;
}

const char *wl_syscall_name(int nr, bool compat)
{
	for (const struct call *call = calls(compat); call->name; call++)
		if (call->nr == nr)
			return call->name;
	return NULL;
}

int wl_syscall_number(const char *name, bool compat)
{
	for (const struct call *call = calls(compat); call->name; call++)
		if (!strcmp(call->name, name))
			return call->nr;
	return -1;
}

const char *wl_syscall_nearest(const char *name)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (const struct call *call = native_calls; call->name; call++)
		wl_nearest_offer(&nearest, call->name);
	return nearest.best;
}
