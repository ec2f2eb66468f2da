/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/escape.h"

void wl_json_init(struct wl_json *json, FILE *out)
{
	*json = (struct wl_json){ .out = out };
}

static void json_fail(struct wl_json *json, int error)
{
	if (!json->error)
		json->error = error;
}

static void json_write(struct wl_json *json, const char *bytes, size_t len)
{
	if (json->error || fwrite(bytes, 1, len, json->out) == len)
		return;
	json_fail(json, errno ? -errno : -EIO);
}

static void json_puts(struct wl_json *json, const char *text)
{
	json_write(json, text, strlen(text));
}

static void json_char_escaped(struct wl_json *json, unsigned char c)
{
	char text[8];

	switch (c) {
	case '"':
		json_puts(json, "\\\"");
		return;
	case '\\':
		json_puts(json, "\\\\");
		return;
	case '\n':
		json_puts(json, "\\n");
		return;
	case '\t':
		json_puts(json, "\\t");
		return;
	}
	snprintf(text, sizeof(text), "\\u%04x", c);
	json_puts(json, text);
}

/* DEL is allowed in JSON, but a terminal that shows the line needn't. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

/* text is well-formed UTF-8. */
static void json_quoted(struct wl_json *json, const char *text)
{
	json_puts(json, "\"");
	while (*text) {
		size_t plain = 0;

		while (text[plain] && is_plain((unsigned char)text[plain]))
			plain++;
		json_write(json, text, plain);
		text += plain;
		if (*text)
			json_char_escaped(json, (unsigned char)*text++);
	}
	json_puts(json, "\"");
}

/* Comma and key before a value. */
static void json_begin(struct wl_json *json, const char *key)
{
	uint64_t level = 1ull << json->depth;
	bool in_object = json->depth && !(json->arrays & level);

	if (in_object != (key != NULL))
		json_fail(json, -EINVAL);
	if (!json->depth && json->used & level)
		json_fail(json, -EINVAL); /* two values in one line */
	if (json->used & level)
		json_puts(json, ",");
	json->used |= level;
	if (!key)
		return;
	json_quoted(json, key);
	json_puts(json, ":");
}

static void json_open(struct wl_json *json, const char *key, bool array)
{
	uint64_t level;

	json_begin(json, key);
	if (json->depth >= WL_JSON_DEPTH)
		json_fail(json, -E2BIG);
	if (json->error)
		return;
	level = 1ull << ++json->depth;
	json->used &= ~level;
	json->arrays = array ? json->arrays | level : json->arrays & ~level;
	json_puts(json, array ? "[" : "{");
}

static void json_close(struct wl_json *json, bool array)
{
	if (!json->depth || array != !!(json->arrays & 1ull << json->depth))
		json_fail(json, -EINVAL);
	if (json->error)
		return;
	json->depth--;
	json_puts(json, array ? "]" : "}");
}

void wl_json_object(struct wl_json *json, const char *key)
{
	json_open(json, key, false);
}

void wl_json_object_end(struct wl_json *json)
{
	json_close(json, false);
}

void wl_json_array(struct wl_json *json, const char *key)
{
	json_open(json, key, true);
}

void wl_json_array_end(struct wl_json *json)
{
	json_close(json, true);
}

static void json_literal(struct wl_json *json, const char *key, const char *text)
{
	json_begin(json, key);
	json_puts(json, text);
}

void wl_json_u64(struct wl_json *json, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_literal(json, key, text);
}

void wl_json_i64(struct wl_json *json, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	json_literal(json, key, text);
}

void wl_json_double(struct wl_json *json, const char *key, double value, unsigned int decimals)
{
	char text[400], *comma;

	if (!isfinite(value)) {
		wl_json_null(json, key);
		return;
	}
	snprintf(text, sizeof(text), "%.*f", decimals < 9 ? (int)decimals : 9, value);
	/* printf writes the locale's decimal point. */
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	json_literal(json, key, text);
}

void wl_json_bool(struct wl_json *json, const char *key, bool value)
{
	json_literal(json, key, value ? "true" : "false");
}

void wl_json_null(struct wl_json *json, const char *key)
{
	json_literal(json, key, "null");
}

void wl_json_decimal(struct wl_json *json, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "\"%" PRIu64 "\"", value);
	json_literal(json, key, text);
}

void wl_json_time(struct wl_json *json, const char *key, int64_t sec, uint32_t nsec)
{
	time_t time = (time_t)sec;
	char day[40], text[64];
	struct tm tm;

	if (!gmtime_r(&time, &tm) || !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm)) {
		wl_json_null(json, key);
		return;
	}
	snprintf(text, sizeof(text), "%s.%09uZ", day, nsec % 1000000000);
	wl_json_string(json, key, text);
}

void wl_json_string(struct wl_json *json, const char *key, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	char *clean;

	if (!text) {
		wl_json_null(json, key);
		return;
	}
	clean = malloc(WL_SANITIZE_SIZE(len));
	if (!clean) {
		json_fail(json, -ENOMEM);
		return;
	}
	wl_utf8_sanitize(text, len, clean, WL_SANITIZE_SIZE(len));
	json_begin(json, key);
	json_quoted(json, clean);
	free(clean);
}

void wl_json_string_or_null(struct wl_json *json, const char *key, const char *text)
{
	wl_json_string(json, key, text && text[0] ? text : NULL);
}

void wl_json_hex(struct wl_json *json, const char *key, const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	char digits[3];

	json_begin(json, key);
	json_puts(json, "\"");
	for (size_t i = 0; i < len; i++) {
		snprintf(digits, sizeof(digits), "%02x", b[i]);
		json_puts(json, digits);
	}
	json_puts(json, "\"");
}

static void json_name_hex(struct wl_json *json, const char *key, const char *bytes, size_t len)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_hex", key);
	wl_json_hex(json, name, bytes, len);
}

/* The kernel's names are short; fields of somebody's object may have any length. */
void wl_json_name(struct wl_json *json, const char *key, const char *bytes, size_t max)
{
	char small[WL_SANITIZE_SIZE(64)];
	size_t len = strnlen(bytes, max), size = WL_SANITIZE_SIZE(len);
	char *clean = size <= sizeof(small) ? small : malloc(size);
	bool damaged;

	if (!clean) {
		json_fail(json, -ENOMEM);
		return;
	}
	damaged = wl_utf8_sanitize(bytes, len, clean, size);
	json_begin(json, key);
	json_quoted(json, clean);
	if (damaged && key)
		json_name_hex(json, key, bytes, len);
	if (clean != small)
		free(clean);
}

int wl_json_line_end(struct wl_json *json)
{
	int error;

	if (json->depth || !json->used)
		json_fail(json, -EINVAL);
	json_puts(json, "\n");
	errno = 0;
	if (fflush(json->out) || ferror(json->out))
		json_fail(json, errno ? -errno : -EIO);
	error = json->error;
	wl_json_init(json, json->out);
	return error;
}
