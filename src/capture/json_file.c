/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/json_file.h"

#include <errno.h>

#include "util/file.h"

#define FORMAT_VERSION 1
#define BUFFER (64u << 10)

int wl_json_file_begin(struct wl_json *json, int dirfd, const char *name, const char *type)
{
	FILE *f;
	int ret = wl_file_create_at(dirfd, name, &f);

	if (ret)
		return ret;
	setvbuf(f, NULL, _IOFBF, BUFFER);
	wl_json_init(json, f);
	wl_json_object(json, NULL);
	wl_json_string(json, "type", type);
	wl_json_u64(json, "v", FORMAT_VERSION);
	return 0;
}

int wl_json_file_end(struct wl_json *json)
{
	FILE *f = json->out;
	int ret;

	wl_json_object_end(json);
	ret = wl_json_line_end(json);
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}
