/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/entry.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/file.h"

#define RESPONSE_MAX (1u << 20)

void wl_entries_free(struct wl_entries *entries)
{
	free(entries->all);
	memset(entries, 0, sizeof(*entries));
}

static void copy_text(char *to, size_t size, const json_t *value, const char *otherwise)
{
	const char *text = json_string_value(value);

	snprintf(to, size, "%s", text ? text : otherwise);
}

static uint64_t number(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n > 0 ? (uint64_t)n : 0;
}

static int fill_entry(const json_t *root, struct wl_entry *e)
{
	const char *type = json_string_value(json_object_get(root, "type"));
	const json_t *target = json_object_get(root, "target");

	if (!type || (strcmp(type, "slow") && strcmp(type, "now")))
		return -EINVAL;
	e->now = !strcmp(type, "now");
	copy_text(e->time, sizeof(e->time), json_object_get(root, "time"), "");
	copy_text(e->process, sizeof(e->process), json_object_get(target, "process"), "");
	copy_text(e->comm, sizeof(e->comm), json_object_get(target, "comm"), "");
	e->pid = (uint32_t)number(json_object_get(target, "pid"));
	e->tid = (uint32_t)number(json_object_get(target, "tid"));
	e->response_ns = number(json_object_get(root, "response_ns"));
	copy_text(e->cause, sizeof(e->cause),
		  json_object_get(json_object_get(root, "cause"), "kind"), e->now ? "now" : "none");
	return 0;
}

int wl_entry_read(int dirfd, const char *name, struct wl_entry *entry)
{
	char *text = NULL;
	size_t len = 0;
	json_t *root;
	int ret = wl_file_read_at(dirfd, WL_ENTRY_RESPONSE, RESPONSE_MAX, &text, &len);

	if (ret)
		return ret;
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	root = json_loadb(text, len, 0, NULL);
	ret = root ? fill_entry(root, entry) : -EINVAL;
	json_decref(root);
	free(text);
	return ret;
}
