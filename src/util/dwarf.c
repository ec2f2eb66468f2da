/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/dwarf.h"

#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct wl_dwarf {
	Dwfl *dwfl;
	Dwfl_Callbacks callbacks;
	char *path; /* where debug info is that is not in the file itself */
	char path_text[32];
};

/*
 * By the mapping itself: it is the file that runs, also if it was replaced, deleted, or lies in a
 * container.
 */
static void report_module(Dwfl *dwfl, uint32_t pid, const struct wl_module *m)
{
	char name[96];

	if (!strcmp(m->name, "[vdso]"))
		snprintf(name, sizeof(name), "[vdso: %u]", pid);
	else
		snprintf(name, sizeof(name), "/proc/%u/map_files/%llx-%llx", pid,
			 (unsigned long long)m->start, (unsigned long long)m->first_end);
	dwfl_report_module(dwfl, name, m->start, m->end);
}

struct wl_dwarf *wl_dwarf_open(const struct wl_modules *modules)
{
	struct wl_dwarf *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	snprintf(d->path_text, sizeof(d->path_text), "/usr/lib/debug");
	d->path = d->path_text;
	d->callbacks.find_elf = dwfl_linux_proc_find_elf;
	/* not the standard one: that asks servers on the network */
	d->callbacks.find_debuginfo = dwfl_build_id_find_debuginfo;
	d->callbacks.debuginfo_path = &d->path;
	d->dwfl = dwfl_begin(&d->callbacks);
	if (!d->dwfl) {
		wl_dwarf_close(d);
		return NULL;
	}
	dwfl_report_begin(d->dwfl);
	for (size_t i = 0; i < modules->n; i++)
		report_module(d->dwfl, modules->pid, &modules->all[i]);
	dwfl_report_end(d->dwfl, NULL, NULL);
	return d;
}

void wl_dwarf_close(struct wl_dwarf *d)
{
	if (!d)
		return;
	if (d->dwfl)
		dwfl_end(d->dwfl);
	free(d);
}

void wl_dwarf_function(struct wl_dwarf *d, uint64_t address, struct wl_symbol *symbol)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d->dwfl, address) : NULL;
	const char *name = m ? dwfl_module_addrname(m, address) : NULL;

	/* "read@@GLIBC_2.2.5": no version */
	if (name)
		snprintf(symbol->function, sizeof(symbol->function), "%.*s",
			 (int)strcspn(name, "@"), name);
}

bool wl_dwarf_is_apart(struct wl_dwarf *d, uint64_t address)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d->dwfl, address) : NULL;
	const char *main = NULL, *debug = NULL;
	Dwarf_Addr bias;

	if (!m || !dwfl_module_getdwarf(m, &bias))
		return false;
	dwfl_module_info(m, NULL, NULL, NULL, NULL, NULL, &main, &debug);
	return main && debug && strcmp(main, debug);
}

void wl_dwarf_line(struct wl_dwarf *d, uint64_t address, struct wl_symbol *symbol)
{
	Dwfl_Module *m = d ? dwfl_addrmodule(d->dwfl, address) : NULL;
	Dwfl_Line *line = m ? dwfl_module_getsrc(m, address) : NULL;
	int number = 0;
	const char *file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;

	if (!file)
		return;
	snprintf(symbol->file, sizeof(symbol->file), "%s", file);
	symbol->line = number > 0 ? (uint32_t)number : 0;
}
