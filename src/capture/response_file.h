/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * response.json read back into the report that it was written from: the inverse of
 * wl_json_report(). Thread safe.
 */
#ifndef WL_CAPTURE_RESPONSE_FILE_H
#define WL_CAPTURE_RESPONSE_FILE_H

#include <stddef.h>

#include "explain/report.h"

/*
 * Reads it from a directory; wl_response_free() the report, also after an error. What the file does
 * not have is 0: members of the chain that only the state machine needs, the call's argument,
 * the cause's CPU, addresses of the stack. Members that are missing or unknown are ignored, but
 * what is there must fit: segments sum to the response time. On an error, why says which file and
 * member, and what was wrong with it: -ENOENT: there is no such file; -ENODATA: the capture was
 * taken on demand, without a response; -EINVAL: damaged; else -errno of reading.
 */
int wl_response_load(int dirfd, struct wl_report *report, char *why, size_t size);
void wl_response_free(struct wl_report *report);

#endif
