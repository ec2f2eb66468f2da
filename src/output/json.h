/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Writes JSON to a stream, one value after the other, nothing kept in memory. The first error
 * (wrong nesting, a key that is missing or too many, a failed write) sticks, the rest is not
 * written, and wl_json_line_end() returns it: calls between need no checks. Not thread safe per
 * writer.
 */
#ifndef WL_OUTPUT_JSON_H
#define WL_OUTPUT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WL_JSON_DEPTH 60

struct wl_json {
	FILE *out;
	int error;          /* 0 or -errno */
	unsigned int depth; /* objects and arrays that are open */
	uint64_t arrays;    /* bit n: level n is an array */
	uint64_t used;      /* bit n: level n has a member already */
};

void wl_json_init(struct wl_json *json, FILE *out);

/*
 * key: name of the member inside an object, NULL inside an array and at the top: anything else is
 * -EINVAL. Deeper than WL_JSON_DEPTH is -E2BIG.
 */
void wl_json_object(struct wl_json *json, const char *key);
void wl_json_object_end(struct wl_json *json);
void wl_json_array(struct wl_json *json, const char *key);
void wl_json_array_end(struct wl_json *json);

void wl_json_u64(struct wl_json *json, const char *key, uint64_t value);
void wl_json_i64(struct wl_json *json, const char *key, int64_t value);
/* Fixed decimals (at most 9); null if it isn't finite. */
void wl_json_double(struct wl_json *json, const char *key, double value, unsigned int decimals);
void wl_json_bool(struct wl_json *json, const char *key, bool value);
void wl_json_null(struct wl_json *json, const char *key);
/* "81106437283881": numbers beyond 2^53, which many readers would round. */
void wl_json_decimal(struct wl_json *json, const char *key, uint64_t value);
/* "2026-11-21T19:41:07.123456789Z": since the epoch, UTC; null if there is no such time. */
void wl_json_time(struct wl_json *json, const char *key, int64_t sec, uint32_t nsec);
/* Any bytes up to a NUL; ill-formed UTF-8 becomes U+FFFD. NULL: null. */
void wl_json_string(struct wl_json *json, const char *key, const char *text);
/* The same, but "" also is null. */
void wl_json_string_or_null(struct wl_json *json, const char *key, const char *text);
/*
 * At most max bytes, not always terminated, as the kernel has names; if ill-formed, a member
 * KEY_hex with all of the bytes follows. Only inside an object.
 */
void wl_json_name(struct wl_json *json, const char *key, const char *bytes, size_t max);

/* "01ff": all of the bytes. */
void wl_json_hex(struct wl_json *json, const char *key, const void *bytes, size_t len);

/* Ends the line and flushes: readers follow it. Returns the first error since the line began. */
int wl_json_line_end(struct wl_json *json);

#endif
