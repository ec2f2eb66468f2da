/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Numbers for people. Thread safe. */
#ifndef WL_UTIL_FORMAT_H
#define WL_UTIL_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define WL_FORMAT_SIZE 32 /* enough for every result of these */

/*
 * Three significant digits and a unit, ns, us, ms or s, rounded half up: "0ns", "999ns", "1.80us",
 * "12.4ms", "410us", "1.20s". From 1000 s on all digits of the seconds: "3600s". Returns buf.
 */
const char *wl_format_duration(uint64_t ns, char *buf, size_t size);

/* With commas between thousands: "1,234,567". Returns buf. */
const char *wl_format_count(uint64_t count, char *buf, size_t size);

#endif
