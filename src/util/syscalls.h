/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Names and numbers of system calls: of this machine, and of 32-bit x86 (compat). Thread safe. */
#ifndef WL_UTIL_SYSCALLS_H
#define WL_UTIL_SYSCALLS_H

#include <stdbool.h>

/* "epoll_wait"; NULL if there is none of that number. */
const char *wl_syscall_name(int nr, bool compat);

/* -1 if there is none of that name. */
int wl_syscall_number(const char *name, bool compat);

/* The native name that is most like this one; NULL if none is near. */
const char *wl_syscall_nearest(const char *name);

#endif
