/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/syscall_fields.h"

#include <string.h>

#include "util/syscalls.h"

#define U8 0
#define U16 1
#define U32 2
#define U64 3
#define S8 (WL_FIELD_SIGNED | U8)
#define S16 (WL_FIELD_SIGNED | U16)
#define S32 (WL_FIELD_SIGNED | U32)
#define S64 (WL_FIELD_SIGNED | U64)
#define U32X (WL_FIELD_HEX | U32)
#define U64X (WL_FIELD_HEX | U64)
#define S32X (WL_FIELD_HEX | S32)
#define TEXT WL_FIELD_TEXT

#define F(type_, name_, arg_)                                                                      \
	{                                                                                          \
		.type = type_, .arg = arg_, .name = #name_                                         \
	}
#define L(...)                                                                                     \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define NONE                                                                                       \
	{                                                                                          \
		{                                                                                  \
			.name = NULL                                                               \
		}                                                                                  \
	}
#define ROW(name, event, ret, nentry, nexit, entry, leave)                                         \
	{ name, event, ret, nentry, nexit, entry, leave },
#define SKIP(...)

/* Native rows first: what a compat call shares, it shares with one of them. */
#define NATIVE ROW
#define COMPAT SKIP
#define SHARED SKIP
#define PLAIN SKIP
static const struct wl_syscall_fields native_rows[] = {
#include "util/syscall_fields.inc"
	{ 0 }
};
#undef NATIVE
#undef COMPAT

#define NATIVE SKIP
#define COMPAT ROW
static const struct wl_syscall_fields compat_rows[] = {
#include "util/syscall_fields.inc"
	{ 0 }
};
#undef COMPAT
#undef SHARED
#undef PLAIN

/* Calls of the 32-bit table with another name than the native call that they are like. */
struct shared {
	const char *name;
	const char *event;
	const char *native; /* NULL: none, though the name exists there */
};
#define COMPAT SKIP
#define SHARED(name, event, native) { name, event, native },
#define PLAIN(name) { name, name, NULL },
static const struct shared shared_rows[] = {
#include "util/syscall_fields.inc"
	{ NULL, NULL, NULL }
};

static const struct wl_syscall_fields plain_fields = { NULL,
						       NULL,
						       S64,
						       6,
						       0,
						       L(F(U64X, arg0, 0), F(U64X, arg1, 1),
							 F(U64X, arg2, 2), F(U64X, arg3, 3),
							 F(U64X, arg4, 4), F(U64X, arg5, 5)),
						       NONE };

static const struct wl_syscall_fields *find_row(const struct wl_syscall_fields *rows,
						const char *name)
{
	for (; rows->name; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

static const struct shared *find_shared(const char *name)
{
	for (const struct shared *row = shared_rows; row->name; row++)
		if (!strcmp(row->name, name))
			return row;
	return NULL;
}

/* The row whose fields a call has; *event stays as it is where the row's own is right. */
static const struct wl_syscall_fields *find_compat(const char *name, const char **event)
{
	const struct wl_syscall_fields *own = find_row(compat_rows, name);
	const struct shared *shared;

	if (own)
		return own;
	shared = find_shared(name);
	if (!shared)
		return find_row(native_rows, name);
	*event = shared->event;
	return shared->native ? find_row(native_rows, shared->native) : NULL;
}

void wl_syscall_fields(int nr, bool compat, struct wl_syscall_fields *out)
{
	const char *name = wl_syscall_name(nr, compat);
	const struct wl_syscall_fields *row = NULL;
	const char *event = NULL;

	if (name)
		row = compat ? find_compat(name, &event) : find_row(native_rows, name);
	*out = row ? *row : plain_fields;
	out->name = name;
	if (event)
		out->event = event;
	else if (!out->event)
		out->event = name;
}

unsigned wl_syscall_field_width(uint8_t type)
{
	return type & WL_FIELD_TEXT ? WL_SYSCALL_TEXT : 1u << (type & WL_FIELD_LOG2);
}

static size_t payload_size(size_t at, const struct wl_syscall_field *fields, unsigned n)
{
	size_t end = at;

	for (unsigned i = 0; i < n; i++) {
		at = (end + WL_SYSCALL_SLOT - 1) / WL_SYSCALL_SLOT * WL_SYSCALL_SLOT;
		end = at + wl_syscall_field_width(fields[i].type);
	}
	return end;
}

size_t wl_syscall_entry_size(const struct wl_syscall_fields *fields)
{
	return payload_size(0, fields->entry, fields->nentry);
}

size_t wl_syscall_exit_size(const struct wl_syscall_fields *fields)
{
	return payload_size(sizeof(int64_t), fields->exit, fields->nexit);
}

/* Bytes used of the last slot of a payload, 1 to 8. */
static uint8_t tail(size_t size)
{
	return size % WL_SYSCALL_SLOT ? size % WL_SYSCALL_SLOT : WL_SYSCALL_SLOT;
}

static void fill_layout(struct wl_syscall_layout *out, const struct wl_syscall_fields *fields)
{
	memset(out, 0, sizeof(*out));
	out->nentry = fields->nentry;
	out->nexit = fields->nexit;
	for (unsigned i = 0; i < fields->nentry; i++) {
		out->entry_arg[i] = fields->entry[i].arg;
		if (fields->entry[i].type & WL_FIELD_TEXT)
			out->entry_text |= 1u << i;
	}
	for (unsigned i = 0; i < fields->nexit; i++)
		out->exit_arg[i] = fields->exit[i].arg;
	out->tail = tail(wl_syscall_entry_size(fields)) | tail(wl_syscall_exit_size(fields)) << 4;
}

void wl_syscall_layouts(struct wl_syscall_layout *out, size_t n, bool compat)
{
	struct wl_syscall_fields fields;

	for (size_t nr = 0; nr < n; nr++) {
		wl_syscall_fields((int)nr, compat, &fields);
		fill_layout(&out[nr], &fields);
	}
}
