/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/at_time.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "util/parse.h"

#define SECOND 1000000000ll
#define DAYS_MAX 3660

/* ".1234" -> 123400000; at most 9 digits, at least one. "": 0. */
static int parse_fraction(const char *text, uint64_t *ns)
{
	uint64_t unit = SECOND / 10;

	*ns = 0;
	if (!*text)
		return 0;
	if (*text++ != '.' || !*text || strlen(text) > 9)
		return -EINVAL;
	for (; *text; text++, unit /= 10) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		*ns += unit * (uint64_t)(*text - '0');
	}
	return 0;
}

/* Two digits. */
static int parse_pair(const char *text, unsigned max, uint64_t *value)
{
	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -EINVAL;
	*value = (uint64_t)(text[0] - '0') * 10 + (uint64_t)(text[1] - '0');
	return *value > max ? -EINVAL : 0;
}

static int parse_wall(const char *text, struct wl_at_time *at)
{
	uint64_t hour, minute, second, ns;

	if (strlen(text) < 8 || text[2] != ':' || text[5] != ':')
		return -EINVAL;
	if (parse_pair(text, 23, &hour) || parse_pair(text + 3, 59, &minute) ||
	    parse_pair(text + 6, 60, &second) || parse_fraction(text + 8, &ns))
		return -EINVAL;
	*at = (struct wl_at_time){
		.given = true,
		.wall = true,
		.ns = ((hour * 60 + minute) * 60 + second) * SECOND + ns,
	};
	return 0;
}

static int parse_seconds(const char *text, const char *dot, struct wl_at_time *at)
{
	char whole[24];
	uint64_t seconds, ns;

	if ((size_t)(dot - text) >= sizeof(whole))
		return -EINVAL;
	snprintf(whole, sizeof(whole), "%.*s", (int)(dot - text), text);
	if (strspn(whole, "0123456789") != strlen(whole) || wl_parse_uint64(whole, &seconds) ||
	    parse_fraction(dot, &ns))
		return -EINVAL;
	if (__builtin_mul_overflow(seconds, (uint64_t)SECOND, &seconds) ||
	    __builtin_add_overflow(seconds, ns, &ns))
		return -EINVAL;
	*at = (struct wl_at_time){ .given = true, .ns = ns };
	return 0;
}

int wl_at_time_parse(const char *text, struct wl_at_time *at)
{
	const char *dot = strchr(text, '.');
	uint64_t ns;

	if (strchr(text, ':'))
		return parse_wall(text, at);
	if (dot)
		return parse_seconds(text, dot, at);
	if (strspn(text, "0123456789") != strlen(text) || wl_parse_uint64(text, &ns))
		return -EINVAL;
	*at = (struct wl_at_time){ .given = true, .ns = ns };
	return 0;
}

/* That time of the day that is `days` after the one in which real is. */
static int64_t on_day(const struct wl_at_time *at, int64_t real, int days)
{
	uint64_t seconds = at->ns / SECOND;
	time_t sec = (time_t)(real / SECOND);
	struct tm tm = { 0 };

	localtime_r(&sec, &tm);
	tm.tm_mday += days;
	tm.tm_hour = (int)(seconds / 3600);
	tm.tm_min = (int)(seconds / 60 % 60);
	tm.tm_sec = (int)(seconds % 60);
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * SECOND + (int64_t)(at->ns % SECOND);
}

int wl_at_time_resolve(const struct wl_at_time *at, uint64_t first, uint64_t last, int64_t offset,
		       uint64_t *ns)
{
	int64_t begin = (int64_t)first + offset, end = (int64_t)last + offset, real;

	if (!at->wall) {
		*ns = at->ns;
		return 0;
	}
	if (!offset)
		return -ENODATA;
	for (int days = 0; days < DAYS_MAX; days++) {
		real = on_day(at, begin, days);
		if (real > end)
			return -ERANGE;
		if (real >= begin) {
			*ns = (uint64_t)(real - offset);
			return 0;
		}
	}
	return -ERANGE;
}
