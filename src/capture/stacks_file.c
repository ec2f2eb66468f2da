/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/stacks_file.h"

#include <errno.h>
#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#include "capture/fields.h"
#include "capture/json_file.h"

#define FILE_MAX (64u << 20)

static const struct wl_field sample_fields[] = {
	WL_FIELD(wl_sample, WL_U64, "ts", ts),
	WL_FIELD(wl_sample, WL_U32, "tid", tid),
	WL_FIELD(wl_sample, WL_U16, "cpu", cpu),
	{ NULL },
};

static const struct wl_field frame_fields[] = {
	WL_FIELD(wl_sample_frame, WL_U64, "address", address),
	WL_FIELD(wl_sample_frame, WL_U32, "line", line),
	{ NULL },
};

/* --- write --- */

static void put_text(struct wl_json *j, const char *key, const char *text)
{
	if (text)
		wl_json_string(j, key, text);
}

static void put_frame(struct wl_json *j, const struct wl_sample_frame *f)
{
	wl_json_object(j, NULL);
	if (f->address)
		wl_json_decimal(j, "address", f->address);
	put_text(j, "function", f->function);
	put_text(j, "file", f->file);
	if (f->line)
		wl_json_u64(j, "line", f->line);
	put_text(j, "module", f->module);
	wl_json_object_end(j);
}

static void put_frames(struct wl_json *j, const char *key, const struct wl_sample_frame *frames,
		       size_t n)
{
	wl_json_array(j, key);
	for (size_t i = 0; i < n; i++)
		put_frame(j, &frames[i]);
	wl_json_array_end(j);
}

static void put_sample(struct wl_json *j, const struct wl_sample *s)
{
	wl_json_object(j, NULL);
	wl_fields_put(j, sample_fields, s);
	wl_json_bool(j, "blocked", s->blocked);
	wl_json_bool(j, "in_user", s->in_user);
	put_frames(j, "kernel", s->kernel, s->nkernel);
	put_frames(j, "user", s->user, s->nuser);
	wl_json_object_end(j);
}

int wl_samples_save(int dirfd, const struct wl_samples *samples)
{
	struct wl_json j;
	int ret = wl_json_file_begin(&j, dirfd, WL_STACKS_FILE, "stacks");

	if (ret)
		return ret;
	wl_json_array(&j, "stacks");
	for (size_t i = 0; i < samples->n; i++)
		put_sample(&j, &samples->all[i]);
	wl_json_array_end(&j);
	return wl_json_file_end(&j);
}

/* --- read --- */

static int no_memory(const struct wl_place *p, const char *key)
{
	wl_place_refuse(p, key, "no memory");
	return -ENOMEM;
}

static int get_text(const struct wl_place *p, const char *key, const json_t *object, char **text)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return wl_place_refuse(p, key, "not a string");
	*text = strdup(json_string_value(value));
	return *text ? 0 : no_memory(p, key);
}

static int get_bool(const struct wl_place *p, const char *key, const json_t *object, bool *flag)
{
	const json_t *value = json_object_get(object, key);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return wl_place_refuse(p, key, "not true or false");
	*flag = json_is_true(value);
	return 0;
}

static int get_frame(const struct wl_place *p, const json_t *object, struct wl_sample_frame *f)
{
	int ret;

	if (!json_is_object(object))
		return wl_place_refuse(p, "", "not an object");
	ret = wl_fields_get(p, frame_fields, object, f);
	if (!ret)
		ret = get_text(p, "function", object, &f->function);
	if (!ret)
		ret = get_text(p, "file", object, &f->file);
	return ret ? ret : get_text(p, "module", object, &f->module);
}

/* *n counts what there is to be freed, also after an error. */
static int get_frames(const struct wl_place *p, const char *key, const json_t *sample,
		      struct wl_sample_frame **frames, size_t *n)
{
	const json_t *array = json_object_get(sample, key);
	struct wl_place inside = *p;
	int ret = 0;

	if (!array || json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return wl_place_refuse(p, key, "not an array");
	*frames = calloc(json_array_size(array) + 1, sizeof(**frames));
	if (!*frames)
		return no_memory(p, key);
	*n = json_array_size(array);
	for (size_t i = 0; !ret && i < *n; i++) {
		snprintf(inside.path, sizeof(inside.path), "%.30s%s[%zu].", p->path, key, i);
		ret = get_frame(&inside, json_array_get(array, i), &(*frames)[i]);
	}
	return ret;
}

static int get_sample(const struct wl_place *p, const json_t *object, struct wl_sample *s)
{
	int ret;

	if (!json_is_object(object))
		return wl_place_refuse(p, "", "not an object");
	ret = wl_fields_get(p, sample_fields, object, s);
	if (!ret)
		ret = get_bool(p, "blocked", object, &s->blocked);
	if (!ret)
		ret = get_bool(p, "in_user", object, &s->in_user);
	if (!ret)
		ret = get_frames(p, "kernel", object, &s->kernel, &s->nkernel);
	return ret ? ret : get_frames(p, "user", object, &s->user, &s->nuser);
}

static int get_samples(struct wl_place *p, const json_t *root, struct wl_samples *samples)
{
	const json_t *array = json_object_get(root, "stacks");
	int ret = 0;

	if (!json_is_array(array))
		return wl_place_refuse(p, "stacks", "there is no such array");
	samples->all = calloc(json_array_size(array) + 1, sizeof(*samples->all));
	if (!samples->all)
		return no_memory(p, "stacks");
	samples->n = json_array_size(array);
	for (size_t i = 0; !ret && i < samples->n; i++) {
		snprintf(p->path, sizeof(p->path), "stacks[%zu].", i);
		ret = get_sample(p, json_array_get(array, i), &samples->all[i]);
	}
	return ret;
}

int wl_samples_load(int dirfd, struct wl_samples *samples, char *why, size_t size)
{
	struct wl_place place = { .file = WL_STACKS_FILE, .why = why, .size = size };
	json_t *root;
	int ret;

	memset(samples, 0, sizeof(*samples));
	ret = wl_place_load(&place, dirfd, FILE_MAX, &root);
	if (!ret)
		ret = get_samples(&place, root, samples);
	json_decref(root);
	if (ret)
		wl_samples_free(samples);
	return ret;
}
