/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Functions and source lines of a process's code, from its files' symbol tables and DWARF. */
#ifndef WL_UTIL_DWARF_H
#define WL_UTIL_DWARF_H

#include "util/modules.h"
#include "util/symbols.h"

struct wl_dwarf;

/* NULL: without libdw, without memory. */
struct wl_dwarf *wl_dwarf_open(const struct wl_modules *modules);
void wl_dwarf_close(struct wl_dwarf *dwarf);

/* Sets what is known, leaves the rest alone. dwarf may be NULL. */
void wl_dwarf_function(struct wl_dwarf *dwarf, uint64_t address, struct wl_symbol *symbol);
/* Is its debug info in a file of its own? A distribution's, of whole libraries: reading lines is
 * slow.
 */
bool wl_dwarf_is_apart(struct wl_dwarf *dwarf, uint64_t address);
void wl_dwarf_line(struct wl_dwarf *dwarf, uint64_t address, struct wl_symbol *symbol);

#endif
