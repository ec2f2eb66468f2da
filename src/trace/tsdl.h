/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What a reader of our own layout needs of a metadata file: a scanner for TSDL as we write it, not
 * a parser of the language. The file may be damaged or hostile. Thread safe.
 */
#ifndef WL_TRACE_TSDL_H
#define WL_TRACE_TSDL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/event.h"

#define WL_TSDL_MAX (16u << 20) /* bytes of a metadata file; ours has a few hundred KiB */

struct wl_tsdl {
	bool has_uuid;
	uint8_t uuid[16];
	char byte_order[8]; /* "le" or "be" */
	char hostname[80];
	char release[80];
	char version[32]; /* whylate_version; empty: not one of ours */
	uint64_t layout;  /* whylate_layout; 0: none */
	char clock_uuid[40];
	uint64_t frequency;                 /* Hz; 0: not said */
	int64_t offset;                     /* of the clock, ns; 0 if not said */
	unsigned renamed;                   /* events whose number is another one's here */
	uint64_t described[WL_EV_MAX / 64]; /* events: bit per number */
};

/* Fills *out with what is there. 0, or -EINVAL: it does not begin as a plain text one does. */
int wl_tsdl_scan(const char *text, size_t len, struct wl_tsdl *out);

#endif
