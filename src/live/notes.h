/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Which marks of whylate/mark.h an ELF file has: its USDT notes (section .note.stapsdt). */
#ifndef WL_LIVE_NOTES_H
#define WL_LIVE_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WL_NOTE_MARKS 12

/* The marks' names: the first half plain, the second half their twins for patched calls. */
extern const char *const wl_note_names[WL_NOTE_MARKS];

/* Those that end an item. */
#define WL_NOTE_ENDS (0x12u | 0x12u << (WL_NOTE_MARKS / 2))

/*
 * Bit i of marks: wl_note_names[i] is there; of a twin: at every place that has the plain one (a
 * part of the file may be compiled with WHYLATE_PLAIN). 0 (also for a file without any), or -errno:
 * it can't be read; -ENOEXEC: it is no 64-bit ELF file of this machine, or a broken one.
 */
int wl_notes_read(const char *path, uint32_t *marks);

#endif
