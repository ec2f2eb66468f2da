/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Bytes that somebody else chose (names of tasks, files), made safe to print. Thread safe. */
#ifndef WL_UTIL_ESCAPE_H
#define WL_UTIL_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest that wl_escape_text() and wl_utf8_sanitize() make of len bytes, with the NUL. */
#define WL_ESCAPE_SIZE(len) (4 * (len) + 1)
#define WL_SANITIZE_SIZE(len) (3 * (len) + 1)

/*
 * For a terminal. Printable UTF-8 stays; every byte of anything else (control characters, invalid
 * UTF-8, characters that are invisible or change the direction of text) becomes \xNN. Stops at a
 * NUL or after len bytes. out is always terminated if size is not 0, and what does not fit is left
 * off: never half an escape or half a character. Returns the length written. Escaping escaped text
 * again changes nothing: a backslash stays, systemd's names of cgroups are full of them.
 */
size_t wl_escape_text(const char *bytes, size_t len, char *out, size_t size);

/*
 * For JSON: well-formed UTF-8 stays as it is (control characters too: quoting them is the JSON
 * writer's work), every maximal part of an ill-formed sequence becomes U+FFFD. Stops at a NUL or
 * after len bytes. Returns true if anything was ill-formed; fits in WL_SANITIZE_SIZE(len).
 */
bool wl_utf8_sanitize(const char *bytes, size_t len, char *out, size_t size);

/*
 * Length of the well-formed UTF-8 character at the start of bytes and its code point; 0 if there is
 * none, and then *skip (if not NULL) is the length of the maximal ill-formed part, at least 1.
 * len is at least 1.
 */
size_t wl_utf8_decode(const char *bytes, size_t len, uint32_t *code, size_t *skip);

#endif
