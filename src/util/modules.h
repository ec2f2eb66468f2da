/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The files that a process has mapped (/proc/PID/maps). */
#ifndef WL_UTIL_MODULES_H
#define WL_UTIL_MODULES_H

#include <stddef.h>
#include <stdint.h>

#define WL_MODULES_MAX 4096

struct wl_module {
	uint64_t start, end;
	uint64_t first_end; /* of its first mapping */
	char name[64];      /* without its directory; hostile */
};

struct wl_modules {
	uint32_t pid;
	struct wl_module *all; /* by address */
	size_t n;
};

/* 0 or -errno: -ESRCH or -ENOENT if the process has gone. */
int wl_modules_read(struct wl_modules *modules, uint32_t pid);
void wl_modules_free(struct wl_modules *modules);

/* NULL: no file is mapped there. */
const struct wl_module *wl_modules_find(const struct wl_modules *modules, uint64_t address);

#endif
