/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The fields of system call events: the scalars and file names that LTTng-modules 2.13's events
 * have (its names, widths, signs, bases and order), and which argument of the call each one is.
 * Arrays and structures that LTTng finds behind pointers are left out. Calls that LTTng does not
 * know have the arguments that Linux 6.18 describes; all others six arguments, arg0 to arg5.
 * x86-64, and its 32-bit table (compat). Thread safe.
 */
#ifndef WL_UTIL_SYSCALL_FIELDS_H
#define WL_UTIL_SYSCALL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/syscall_fields.h"

/* Bits of wl_syscall_field.type. */
#define WL_FIELD_LOG2 0x03 /* log2 of the bytes of an integer */
#define WL_FIELD_SIGNED 0x04
#define WL_FIELD_HEX 0x08  /* shown in base 16 */
#define WL_FIELD_TEXT 0x10 /* WL_SYSCALL_TEXT bytes, UTF-8 */

struct wl_syscall_field {
	const char *name;
	uint8_t type;
	uint8_t arg; /* 0 to 5 */
};

struct wl_syscall_fields {
	const char *name;  /* of the call: "stat"; NULL: there is none of that number */
	const char *event; /* what LTTng calls it: "newstat"; NULL: none */
	uint8_t ret;       /* type of the result */
	uint8_t nentry, nexit;
	struct wl_syscall_field entry[WL_SYSCALL_ARGS];
	struct wl_syscall_field exit[WL_SYSCALL_ARGS]; /* after the result */
};

/* Fills *out whatever the number is. */
void wl_syscall_fields(int nr, bool compat, struct wl_syscall_fields *out);

/* Bytes that the field's value takes: 1, 2, 4, 8 or WL_SYSCALL_TEXT. It begins a slot. */
unsigned wl_syscall_field_width(uint8_t type);

/* Bytes of the payload: exact, the last slot's unused bytes don't count. */
size_t wl_syscall_entry_size(const struct wl_syscall_fields *fields);
size_t wl_syscall_exit_size(const struct wl_syscall_fields *fields);

/* The layouts of the calls 0 to n - 1. */
void wl_syscall_layouts(struct wl_syscall_layout *out, size_t n, bool compat);

#endif
