/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Values as people write them. All of them take the whole text, without spaces, and return 0,
 * -EINVAL (not such a value) or -ERANGE (one, but out of range); the result is set only on success.
 * Independent of the locale. Thread safe.
 */
#ifndef WL_UTIL_PARSE_H
#define WL_UTIL_PARSE_H

#include <stdint.h>

/*
 * `100ns`, `250us`, `5ms`, `1.5s`, `2m`, `1h`: a number with a unit, to ns, rounded down; a number
 * that is not 0 and rounds to 0 ns is -ERANGE. A bare number is refused, also 0. Zero (`0s`) is
 * valid: callers that don't want it must say so.
 */
int wl_parse_duration(const char *text, uint64_t *ns);

/* `4096`, `512K`, `4M`, `1G`: bytes; the units are powers of 1024. */
int wl_parse_size(const char *text, uint64_t *bytes);

/* Decimal digits only. */
int wl_parse_uint32(const char *text, uint32_t *value);

/* Decimal digits, or 0x and hexadecimal ones. */
int wl_parse_uint64(const char *text, uint64_t *value);

/* `p99.9` -> 0.999. More than 0 and less than 100. */
int wl_parse_quantile(const char *text, double *quantile);

#endif
