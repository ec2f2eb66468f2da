/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

static const struct {
	uint64_t ns;
	const char *name;
} units[] = { { 1000, "us" }, { 1000000, "ms" }, { 1000000000, "s" } };

#define NUNITS (sizeof(units) / sizeof(units[0]))

static uint64_t divide_rounded(uint64_t value, uint64_t by)
{
	return value / by + (value % by >= by - by / 2);
}

/* Writes the duration if three digits with so many decimals hold it. */
static bool format_scaled(uint64_t ns, size_t unit, int decimals, char *buf, size_t size)
{
	static const uint64_t powers[] = { 1, 10, 100 };
	uint64_t power = powers[decimals];
	uint64_t scaled = divide_rounded(ns, units[unit].ns / power);
	bool last = unit == NUNITS - 1 && !decimals;

	if (scaled > 999 && !last)
		return false;
	if (decimals)
		snprintf(buf, size, "%" PRIu64 ".%0*" PRIu64 "%s", scaled / power, decimals,
			 scaled % power, units[unit].name);
	else
		snprintf(buf, size, "%" PRIu64 "%s", scaled, units[unit].name);
	return true;
}

const char *wl_format_duration(uint64_t ns, char *buf, size_t size)
{
	if (ns < 1000) {
		snprintf(buf, size, "%" PRIu64 "ns", ns);
		return buf;
	}
	for (size_t unit = 0; unit < NUNITS; unit++)
		for (int decimals = 2; decimals >= 0; decimals--)
			if (format_scaled(ns, unit, decimals, buf, size))
				return buf;
	return buf;
}

const char *wl_format_count(uint64_t count, char *buf, size_t size)
{
	char text[WL_FORMAT_SIZE];
	char *end = text + sizeof(text) - 1, *at = end;
	unsigned digits = 0;

	*end = '\0';
	do {
		if (digits && digits % 3 == 0)
			*--at = ',';
		*--at = (char)('0' + count % 10);
		count /= 10;
		digits++;
	} while (count);
	snprintf(buf, size, "%s", at);
	return buf;
}
