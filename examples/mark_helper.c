/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Marks for programs that are not C: the header's functions as ordinary ones, in a library that any
 * language can call.
 *
 *	cc -O2 -shared -fPIC -I../include -o libmark.so mark_helper.c
 */
#include <whylate/mark.h>

void mark_begin(const char *cookie)
{
	whylate_work_begin(cookie);
}

void mark_step(const char *cookie, const char *name)
{
	whylate_work_step(cookie, name);
}

void mark_end(const char *cookie)
{
	whylate_work_end(cookie);
}
