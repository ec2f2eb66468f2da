/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Built without libdw: addresses have no names but those of their files. */
#include "util/dwarf.h"

struct wl_dwarf *wl_dwarf_open(const struct wl_modules *modules)
{
	(void)modules;
	return NULL;
}

void wl_dwarf_close(struct wl_dwarf *dwarf)
{
	(void)dwarf;
}

void wl_dwarf_function(struct wl_dwarf *dwarf, uint64_t address, struct wl_symbol *symbol)
{
	(void)dwarf;
	(void)address;
	(void)symbol;
}

bool wl_dwarf_is_apart(struct wl_dwarf *dwarf, uint64_t address)
{
	(void)dwarf;
	(void)address;
	return false;
}

void wl_dwarf_line(struct wl_dwarf *dwarf, uint64_t address, struct wl_symbol *symbol)
{
	(void)dwarf;
	(void)address;
	(void)symbol;
}
