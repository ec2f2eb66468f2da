/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* One value of a tracker, for people and for JSON. Not thread safe per names. */
#ifndef WL_OUTPUT_VALUE_H
#define WL_OUTPUT_VALUE_H

#include "explain/phrase.h"
#include "explain/tracked.h"
#include "output/json.h"

struct wl_kallsyms;

/* What this machine calls numbers; read when first needed. Zero it, then free what it has. */
struct wl_value_names {
	struct wl_kallsyms *symbols;
	bool tried;
};

void wl_value_names_free(struct wl_value_names *names);

/* Is there anything in it but zeros? */
bool wl_value_is_set(const struct wl_field *field, const void *bytes);

/* "12.4ms", "openat", "127.0.0.1:80", escaped. A stack: its functions, innermost first. */
void wl_value_text(struct wl_phrase *p, const struct wl_field *field, const void *bytes,
		   struct wl_value_names *names);

/* A member named after the field: its name where the number has one, else the number. */
void wl_value_json(struct wl_json *json, const struct wl_field *field, const void *bytes,
		   struct wl_value_names *names);

#endif
