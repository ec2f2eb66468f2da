/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The USDT notes of an ELF file (section .note.stapsdt), and which of them are marks of
 * whylate/mark.h. */
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

/* A place of a probe in the file; valid while the function that is given it runs. */
struct wl_note {
	const char *provider, *name;
	const char *args; /* "-4@%eax 8@-16(%rbp)" */
};

typedef void (*wl_note_fn)(void *ctx, const struct wl_note *note);

/*
 * Calls fn for each note. 0 (also for a file without any), or -errno: it can't be read; -ENOEXEC:
 * it is no 64-bit ELF file of this machine, or a broken one.
 */
int wl_notes_each(const char *path, wl_note_fn fn, void *ctx);

/* How many arguments it says that there are. */
unsigned int wl_note_count_args(const struct wl_note *note);

/*
 * Bit i of marks: wl_note_names[i] is there; of a twin: at every place that has the plain one (a
 * part of the file may be compiled with WHYLATE_PLAIN). As wl_notes_each().
 */
int wl_notes_read(const char *path, uint32_t *marks);

#endif
