/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The kernel's functions by address (/proc/kallsyms), read once. Thread safe. */
#ifndef WL_UTIL_KALLSYMS_H
#define WL_UTIL_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

struct wl_kallsyms;

/* Some 5 MiB and 60 ms. path: NULL is /proc/kallsyms. 0 or -errno; -EPERM: its addresses are
 * hidden from us. */
int wl_kallsyms_open(struct wl_kallsyms **symbols, const char *path);
void wl_kallsyms_close(struct wl_kallsyms *symbols);

/*
 * The function at an address, NULL: none is known; valid until closed. module: "[kernel]" or
 * "[nf_tables]".
 */
const char *wl_kallsyms_find(const struct wl_kallsyms *symbols, uint64_t address,
			     const char **module);

#endif
