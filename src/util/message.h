/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Messages for the person at the terminal: `whylate: ...` on stderr, one line each. */
#ifndef WL_UTIL_MESSAGE_H
#define WL_UTIL_MESSAGE_H

#define WL_MESSAGE_MAX 1024 /* longer ones are cut, and end in "..." */

/*
 * All print `whylate: ` and the text and a newline with a single write, and keep errno. What is
 * not printable (file names, arguments, names of tasks) is escaped, see wl_escape_text(). Thread
 * safe.
 */
void wl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, for what is no error: what was done. */
void wl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same with `whylate: warning: `: it goes on. */
void wl_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
