/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the JSON outputs share: parts of their objects. Each is written inside an object. */
#ifndef WL_OUTPUT_JSON_PARTS_H
#define WL_OUTPUT_JSON_PARTS_H

#include "explain/explained.h"
#include "output/json.h"

/* {"type":"slow","v":1, */
void wl_json_begin_line(struct wl_json *json, const char *type);
/* } and the end of the line: the first error since it began. */
int wl_json_end_line(struct wl_json *json);

/* All members of a slow response but type and v. names may be NULL. */
void wl_json_report(struct wl_json *json, const struct wl_report *report,
		    const struct wl_machine_names *names);
/* An object: who it was; null: nobody is known. names may be NULL. */
void wl_json_who(struct wl_json *json, const char *key, const struct wl_who *who,
		 const struct wl_report *report, const struct wl_machine_names *names);
/* What stands in such an object, for objects that have more. */
void wl_json_who_members(struct wl_json *json, const struct wl_who *who,
			 const struct wl_report *report, const struct wl_machine_names *names);
/* What stands between "stimulus":{ and } in responses and in rows of the table. */
void wl_json_stimulus_name(struct wl_json *json, unsigned int kind, unsigned int nr,
			   const char *name);
void wl_json_typical(struct wl_json *json, const struct wl_typical *typical);

#endif
