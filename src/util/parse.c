/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits at the start of text; *end is what follows them. */
static int parse_digits(const char *text, uint64_t *value, const char **end)
{
	uint64_t sum = 0;
	int ret = 0;

	if (!text || !is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*text - '0'), &sum))
			ret = -ERANGE;
	*value = sum;
	*end = text;
	return ret;
}

/*
 * The digits after a point, as *value / *scale. Those beyond the 18th are read but don't count:
 * whatever the unit, they stand for less than a nanosecond.
 */
static int parse_fraction(const char *text, uint64_t *value, uint64_t *scale, const char **end)
{
	*value = 0;
	*scale = 1;
	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++) {
		if (*scale >= 1000000000000000000u)
			continue;
		*scale *= 10;
		*value = *value * 10 + (uint64_t)(*text - '0');
	}
	*end = text;
	return 0;
}

static const struct unit *find_unit(const struct unit *units, const char *name)
{
	for (; units->name; units++)
		if (!strcmp(units->name, name))
			return units;
	return NULL;
}

int wl_parse_duration(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000 },
		{ "h", 3600000000000 },
		{ NULL },
	};
	uint64_t whole, fraction = 0, scale = 1, total, part;
	const struct unit *unit;
	const char *end;
	int ret = parse_digits(text, &whole, &end);

	if (ret == -EINVAL)
		return ret;
	if (*end == '.' && parse_fraction(end + 1, &fraction, &scale, &end))
		return -EINVAL;
	unit = find_unit(units, end);
	if (!unit)
		return -EINVAL;
	part = (uint64_t)((unsigned __int128)fraction * unit->factor / scale);
	if (ret || __builtin_mul_overflow(whole, unit->factor, &total) ||
	    __builtin_add_overflow(total, part, &total))
		return -ERANGE;
	if (!total && fraction)
		return -ERANGE;
	*ns = total;
	return 0;
}

int wl_parse_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 },
		{ "K", 1ull << 10 },
		{ "k", 1ull << 10 },
		{ "M", 1ull << 20 },
		{ "G", 1ull << 30 },
		{ "T", 1ull << 40 },
		{ NULL },
	};
	const struct unit *unit;
	const char *end;
	uint64_t count;
	int ret = parse_digits(text, &count, &end);

	if (ret == -EINVAL)
		return ret;
	unit = find_unit(units, end);
	if (!unit)
		return -EINVAL;
	if (ret || __builtin_mul_overflow(count, unit->factor, &count))
		return -ERANGE;
	*bytes = count;
	return 0;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_hex(const char *text, uint64_t *value)
{
	uint64_t sum = 0;
	int ret = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		int digit = hex_digit(*text);

		if (digit < 0)
			return -EINVAL;
		if (sum >> 60)
			ret = -ERANGE;
		sum = sum << 4 | (uint64_t)digit;
	}
	if (!ret)
		*value = sum;
	return ret;
}

int wl_parse_uint64(const char *text, uint64_t *value)
{
	const char *end;
	uint64_t number;
	int ret;

	if (text && text[0] == '0' && (text[1] | 0x20) == 'x')
		return parse_hex(text + 2, value);
	ret = parse_digits(text, &number, &end);
	if (ret == -EINVAL || *end)
		return -EINVAL;
	if (!ret)
		*value = number;
	return ret;
}

int wl_parse_uint32(const char *text, uint32_t *value)
{
	const char *end;
	uint64_t number;
	int ret = parse_digits(text, &number, &end);

	if (ret == -EINVAL || *end)
		return -EINVAL;
	if (ret || number > UINT32_MAX)
		return -ERANGE;
	*value = (uint32_t)number;
	return 0;
}

int wl_parse_quantile(const char *text, double *quantile)
{
	uint64_t whole, fraction = 0, scale = 1;
	const char *end;
	int ret;

	if (!text || text[0] != 'p')
		return -EINVAL;
	ret = parse_digits(text + 1, &whole, &end);
	if (ret == -EINVAL)
		return ret;
	if (*end == '.' && parse_fraction(end + 1, &fraction, &scale, &end))
		return -EINVAL;
	if (*end)
		return -EINVAL;
	if (ret || whole >= 100)
		return -ERANGE;
	/* Nobody measures nine nines; fewer digits keep the product below exact. */
	while (scale > 1000000000) {
		scale /= 10;
		fraction /= 10;
	}
	if (!whole && !fraction)
		return -ERANGE;
	/* One division of exact numbers: p99.9 is the double nearest to 0.999, not a neighbour. */
	*quantile = (double)(whole * scale + fraction) / (double)(scale * 100);
	return 0;
}
