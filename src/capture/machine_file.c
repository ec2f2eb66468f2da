/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/machine_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/config_file.h"
#include "capture/fields.h"

#define MACHINE_MAX (16u << 20)

struct wl_machine_file {
	json_t *root;
	const json_t *irqs, *cgroups, *devices; /* arrays in it, or NULL */
	int64_t real_offset;
};

/* --- load --- */

static int get_array(const struct wl_place *p, const json_t *root, const char *key,
		     const json_t **array)
{
	*array = json_object_get(root, key);
	if (json_is_null(*array))
		*array = NULL;
	return !*array || json_is_array(*array) ? 0 : wl_place_refuse(p, key, "not an array");
}

static int get_clock(struct wl_place *p, struct wl_machine_file *f)
{
	const struct wl_field fields[] = {
		WL_FIELD(wl_machine_file, WL_U64, "to_realtime_ns", real_offset),
		{ NULL },
	};
	const json_t *clock = json_object_get(f->root, "clock");

	if (!clock || json_is_null(clock))
		return 0;
	if (!json_is_object(clock))
		return wl_place_refuse(p, "clock", "not an object");
	snprintf(p->path, sizeof(p->path), "clock.");
	return wl_fields_get(p, fields, clock, f);
}

int wl_machine_file_load(int dirfd, struct wl_machine_file **file, char *why, size_t size)
{
	struct wl_place place = { .file = WL_MACHINE_FILE, .why = why, .size = size };
	struct wl_machine_file *f = calloc(1, sizeof(*f));
	int ret;

	*file = NULL;
	if (!f) {
		snprintf(why, size, "%s: no memory for it", WL_MACHINE_FILE);
		return -ENOMEM;
	}
	ret = wl_place_load(&place, dirfd, MACHINE_MAX, &f->root);
	if (!ret)
		ret = get_array(&place, f->root, "irqs", &f->irqs);
	if (!ret)
		ret = get_array(&place, f->root, "cgroups", &f->cgroups);
	if (!ret)
		ret = get_array(&place, f->root, "devices", &f->devices);
	if (!ret)
		ret = get_clock(&place, f);
	if (ret)
		wl_machine_file_free(f);
	else
		*file = f;
	return ret;
}

void wl_machine_file_free(struct wl_machine_file *f)
{
	if (!f)
		return;
	json_decref(f->root);
	free(f);
}

/* --- names --- */

/* The object of an array whose member of that name is that number. */
static const json_t *find_number(const json_t *array, const char *key, json_int_t number)
{
	const json_t *value;
	size_t i;

	json_array_foreach(array, i, value) {
		const json_t *n = json_object_get(value, key);

		if (json_is_integer(n) && json_integer_value(n) == number)
			return value;
	}
	return NULL;
}

static const char *irq_name(const void *ctx, unsigned nr)
{
	const struct wl_machine_file *f = ctx;

	return json_string_value(json_object_get(find_number(f->irqs, "irq", nr), "name"));
}

static const char *device_name(const void *ctx, uint32_t dev)
{
	const struct wl_machine_file *f = ctx;

	const json_t *value;
	size_t i;

	json_array_foreach(f->devices, i, value) {
		json_int_t major = json_integer_value(json_object_get(value, "major"));
		json_int_t minor = json_integer_value(json_object_get(value, "minor"));

		if (major == dev >> 20 && minor == (dev & 0xfffff))
			return json_string_value(json_object_get(value, "name"));
	}
	return NULL;
}

/* In the hierarchy of v2 if the process is in one that says more than "/", else the first. */
static const char *cgroup_name(const void *ctx, uint32_t pid)
{
	const struct wl_machine_file *f = ctx;
	const char *first = NULL;
	const json_t *value;
	size_t i;

	json_array_foreach(f->cgroups, i, value) {
		const char *hierarchy = json_string_value(json_object_get(value, "hierarchy"));
		const char *path = json_string_value(json_object_get(value, "path"));

		if (json_integer_value(json_object_get(value, "pid")) != pid || !path)
			continue;
		if (hierarchy && !hierarchy[0] && strcmp(path, "/") != 0)
			return path;
		if (!first)
			first = path;
	}
	return first;
}

void wl_machine_file_names(const struct wl_machine_file *file, struct wl_machine_names *names)
{
	*names = (struct wl_machine_names){
		.irq = irq_name, .device = device_name, .cgroup = cgroup_name, .ctx = file
	};
}

int64_t wl_machine_file_real_offset(const struct wl_machine_file *file)
{
	return file->real_offset;
}
