/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * How the payload of a system call's event is made up of the call's arguments, for the BPF
 * programs that write it; util/syscall_fields.h has the names and types.
 *
 * Entry: its fields in order, each in a slot of 8 bytes (little numbers are cut when they are read:
 * a slot holds the whole argument), a string in 8 slots. Exit: the result in a slot, then its
 * fields; never a string. A record ends where the last field does (tail), not where its slot ends:
 * readers of CTF take what lies behind for the next record.
 */
#ifndef WL_ABI_SYSCALL_FIELDS_H
#define WL_ABI_SYSCALL_FIELDS_H

#include <linux/types.h>

#define WL_SYSCALL_ARGS 6       /* most arguments of a call, and most fields of an event */
#define WL_SYSCALL_SLOT 8       /* bytes */
#define WL_SYSCALL_TEXT 64      /* bytes of a string, zero-padded, not always terminated */
#define WL_SYSCALL_TEXTS 2      /* most strings in one event */
#define WL_SYSCALL_LAYOUTS 1024 /* numbers in a table: WL_EV_SYSCALLS */

struct wl_syscall_layout {
	__u8 nentry, nexit;              /* fields; the result is not counted */
	__u8 entry_arg[WL_SYSCALL_ARGS]; /* number of the argument: 0 to 5 */
	__u8 exit_arg[WL_SYSCALL_ARGS];
	__u8 entry_text; /* bit i: field i is a string in user space's memory */
	__u8 tail;       /* bytes of the last slot that count: low 4 bits entry, high 4 exit */
};
_Static_assert(sizeof(struct wl_syscall_layout) == 16, "shared with BPF programs");

/* Bytes of the payload that ends in slot number `slots` - 1; 0 for none. */
#define WL_SYSCALL_BYTES(slots, tail) ((slots) ? ((slots)-1) * WL_SYSCALL_SLOT + (tail) : 0)
#define WL_SYSCALL_ENTRY_TAIL(layout) ((layout)->tail & 15)
#define WL_SYSCALL_EXIT_TAIL(layout) ((layout)->tail >> 4)

#endif
