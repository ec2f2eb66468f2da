/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Names of a process's addresses: function, source line, file that is mapped there. All of it is
 * read from files that the process chose: hostile.
 */
#ifndef WL_UTIL_SYMBOLS_H
#define WL_UTIL_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cut to fit; "": not known. */
struct wl_symbol {
	uint32_t line; /* 0: not known */
	char function[256];
	char file[256];
	char module[96]; /* "libc.so.6", without a function "libc.so.6+0x1234" */
};

/*
 * Names all functions that can be named in budget_ns, the first ones first; then, for 15 ms, their
 * lines. A child process does it, of limited memory and ordinary priority: files may be large, on a
 * slow disk, or made to crash who reads them. 0, or -errno: there is no
 * child. Thread safe.
 */
int wl_symbols_find(uint32_t pid, const uint64_t *addresses, size_t n, uint64_t budget_ns,
		    struct wl_symbol *symbols);

#endif
