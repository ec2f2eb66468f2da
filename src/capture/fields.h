/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Structures as JSON objects: one table of members serves writing and reading. Members of 64 bits
 * are decimal strings, the others integers. Thread safe.
 */
#ifndef WL_CAPTURE_FIELDS_H
#define WL_CAPTURE_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "abi/kinds.h"
#include "output/json.h"

enum wl_field_type { WL_U8, WL_S8, WL_U16, WL_U32, WL_S32, WL_U64 };

/* A table of these ends with one whose name is NULL. */
struct wl_field {
	const char *name;
	enum wl_field_type type;
	size_t offset;
};

#define WL_FIELD(structure, type, name, member)                                                    \
	{                                                                                          \
		name, type, offsetof(struct structure, member)                                     \
	}

/* All members, inside an object that is open. */
void wl_fields_put(struct wl_json *json, const struct wl_field *fields, const void *structure);

/* Where a reader is, and what it says if it can't go on. */
struct wl_place {
	const char *file;
	char path[64]; /* of the object that is read: "tasks[3]." */
	char *why;     /* room for the message */
	size_t size;
};

/* "tasks.json: tasks[3].since: not an integer". Always -EINVAL. */
int wl_place_refuse(const struct wl_place *place, const char *name, const char *what);

/*
 * Reads the whole file; json_decref() it. max: bytes. 0 or -errno, and then place->why says why.
 */
int wl_place_load(const struct wl_place *place, int dirfd, size_t max, json_t **root);

/*
 * Sets the members that object has; null, and what the table does not have, is ignored. 0 or
 * -EINVAL, said.
 */
int wl_fields_get(const struct wl_place *place, const struct wl_field *fields, const json_t *object,
		  void *structure);

/*
 * A name as wl_json_name() writes it: KEY, or the bytes of KEY_hex; left alone if there is none. 0
 * or -EINVAL, said.
 */
int wl_name_get(const struct wl_place *place, const char *key, const json_t *object, char *name,
		size_t max);
int wl_comm_get(const struct wl_place *place, const char *key, const json_t *object,
		char comm[WL_COMM_LEN]);

#endif
