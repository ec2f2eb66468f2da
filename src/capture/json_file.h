/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A file that is one JSON object: {"type":…,"v":1,…}. Functions return 0 or -errno. Thread safe. */
#ifndef WL_CAPTURE_JSON_FILE_H
#define WL_CAPTURE_JSON_FILE_H

#include "output/json.h"

/* Creates it (0600, not there yet) and begins the object; end it in any case but an error. */
int wl_json_file_begin(struct wl_json *json, int dirfd, const char *name, const char *type);
/* Ends the object and the file; the first error since the beginning. */
int wl_json_file_end(struct wl_json *json);

#endif
