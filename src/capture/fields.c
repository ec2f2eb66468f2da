/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/fields.h"

#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"
#include "util/parse.h"

static size_t type_size(enum wl_field_type type)
{
	static const size_t sizes[] = {
		[WL_U8] = 1, [WL_S8] = 1, [WL_U16] = 2, [WL_U32] = 4, [WL_S32] = 4, [WL_U64] = 8,
	};

	return sizes[type];
}

static bool type_is_signed(enum wl_field_type type)
{
	return type == WL_S8 || type == WL_S32;
}

/* Members as numbers, whatever their size: host order, two's complement. */
static int64_t field_get(const void *structure, const struct wl_field *f)
{
	const char *at = (const char *)structure + f->offset;
	__s8 s8;
	__s32 s32;
	__u16 u16;
	__u32 u32;
	__u64 u64;

	switch (f->type) {
	case WL_S8:
		return memcpy(&s8, at, sizeof(s8)), s8;
	case WL_U16:
		return memcpy(&u16, at, sizeof(u16)), u16;
	case WL_U32:
		return memcpy(&u32, at, sizeof(u32)), u32;
	case WL_S32:
		return memcpy(&s32, at, sizeof(s32)), s32;
	case WL_U64:
		return memcpy(&u64, at, sizeof(u64)), (int64_t)u64;
	default:
		return *(const unsigned char *)at;
	}
}

static void field_set(void *structure, const struct wl_field *f, int64_t value)
{
	char *at = (char *)structure + f->offset;
	__u16 u16 = (__u16)value;
	__u32 u32 = (__u32)value;

	if (f->type == WL_U64)
		memcpy(at, &value, sizeof(value));
	else if (f->type == WL_U32 || f->type == WL_S32)
		memcpy(at, &u32, sizeof(u32));
	else if (f->type == WL_U16)
		memcpy(at, &u16, sizeof(u16));
	else
		*(unsigned char *)at = (unsigned char)value;
}

void wl_fields_put(struct wl_json *j, const struct wl_field *fields, const void *structure)
{
	for (const struct wl_field *f = fields; f->name; f++) {
		int64_t value = field_get(structure, f);

		if (f->type == WL_U64)
			wl_json_decimal(j, f->name, (uint64_t)value);
		else
			wl_json_i64(j, f->name, value);
	}
}

int wl_place_refuse(const struct wl_place *p, const char *name, const char *what)
{
	snprintf(p->why, p->size, "%s: %s%s: %s", p->file, p->path, name, what);
	return -EINVAL;
}

static int parse(const struct wl_place *p, const char *text, size_t len, json_t **root)
{
	json_error_t error;

	*root = json_loadb(text, len, 0, &error);
	if (*root)
		return 0;
	snprintf(p->why, p->size, "%s: byte %d: %s", p->file, error.position, error.text);
	return -EINVAL;
}

int wl_place_load(const struct wl_place *p, int dirfd, size_t max, json_t **root)
{
	char *text = NULL;
	size_t len = 0;
	int ret = wl_file_read_at(dirfd, p->file, max, &text, &len);

	*root = NULL;
	if (ret) {
		snprintf(p->why, p->size, "%s: %s", p->file, strerror(-ret));
		return ret;
	}
	ret = parse(p, text, len, root);
	free(text);
	return ret;
}

static int get_decimal(const struct wl_place *p, const struct wl_field *f, const json_t *value,
		       void *structure)
{
	const char *text = json_string_value(value);
	uint64_t number;

	if (!text || wl_parse_uint64(text, &number))
		return wl_place_refuse(p, f->name, "not a decimal string of 64 bits");
	field_set(structure, f, (int64_t)number);
	return 0;
}

static int get_integer(const struct wl_place *p, const struct wl_field *f, const json_t *value,
		       void *structure)
{
	unsigned int bits = 8 * (unsigned int)type_size(f->type);
	json_int_t low = 0, high = (json_int_t)((1ull << bits) - 1), n;

	if (type_is_signed(f->type)) {
		high >>= 1;
		low = -high - 1;
	}
	if (json_is_boolean(value)) {
		field_set(structure, f, json_is_true(value));
		return 0;
	}
	if (!json_is_integer(value))
		return wl_place_refuse(p, f->name, "not an integer");
	n = json_integer_value(value);
	if (n < low || n > high)
		return wl_place_refuse(p, f->name, "out of range");
	field_set(structure, f, n);
	return 0;
}

int wl_fields_get(const struct wl_place *p, const struct wl_field *fields, const json_t *object,
		  void *structure)
{
	for (const struct wl_field *f = fields; f->name; f++) {
		const json_t *value = json_object_get(object, f->name);
		int ret;

		if (!value || json_is_null(value))
			continue;
		ret = f->type == WL_U64 ? get_decimal(p, f, value, structure)
					: get_integer(p, f, value, structure);
		if (ret)
			return ret;
	}
	return 0;
}

/* --- names --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes that are not UTF-8. */
static int get_hex(const struct wl_place *p, const char *key, const char *text, char *name,
		   size_t max)
{
	size_t len = strlen(text) / 2;

	if (strlen(text) % 2 || len > max)
		return wl_place_refuse(p, key, "not the bytes of a name");
	for (size_t i = 0; i < len; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return wl_place_refuse(p, key, "not hexadecimal");
		name[i] = (char)(high << 4 | low);
		if (!name[i])
			break;
	}
	return 0;
}

int wl_name_get(const struct wl_place *p, const char *key, const json_t *object, char *name,
		size_t max)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value), *hex;
	char hex_key[32];

	snprintf(hex_key, sizeof(hex_key), "%s_hex", key);
	hex = json_string_value(json_object_get(object, hex_key));
	if (hex)
		return get_hex(p, hex_key, hex, name, max);
	if (!value || json_is_null(value))
		return 0;
	if (!text || json_string_length(value) > max) {
		char why[48];

		snprintf(why, sizeof(why), "not a name of at most %zu bytes", max);
		return wl_place_refuse(p, key, why);
	}
	memcpy(name, text, json_string_length(value));
	return 0;
}

int wl_comm_get(const struct wl_place *p, const char *key, const json_t *object,
		char comm[WL_COMM_LEN])
{
	return wl_name_get(p, key, object, comm, WL_COMM_LEN);
}
