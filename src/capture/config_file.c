/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/parse.h"

#define MACHINE_MAX (16u << 20)

static const struct wl_field home_fields[] = {
	WL_FIELD(wl_home, WL_S32, "call", syscall),
	WL_FIELD(wl_home, WL_U32, "any_arg", any_arg),
	WL_FIELD(wl_home, WL_U64, "arg", arg),
	{ NULL },
};

static const struct wl_field config_fields[] = {
	WL_FIELD(wl_config, WL_U32, "follow", follow),
	WL_FIELD(wl_config, WL_U32, "over", over),
	WL_FIELD(wl_config, WL_U64, "over_ns", over_ns),
	WL_FIELD(wl_config, WL_U64, "timeout_ns", timeout_ns),
	WL_FIELD(wl_config, WL_U32, "ncpu", ncpu),
	WL_FIELD(wl_config, WL_U32, "task_storage", task_storage),
	WL_FIELD(wl_config, WL_U32, "tcp_turns", tcp_turns),
	WL_FIELD(wl_config, WL_U32, "syscalls", syscalls),
	WL_FIELD(wl_config, WL_U64, "ring_size", ring_size),
	WL_FIELD(wl_config, WL_U8, "until", chain.until),
	WL_FIELD(wl_config, WL_U8, "follow_all", chain.follow_all),
	WL_FIELD(wl_config, WL_U8, "rt", chain.rt),
	WL_FIELD(wl_config, WL_U8, "max_hops", chain.max_hops),
	WL_FIELD(wl_config, WL_S32, "restart_call", chain.restart_call),
	WL_FIELD(wl_config, WL_S32, "restart_call32", chain.restart_call32),
	WL_FIELD(wl_config, WL_U32, "stim_any", stim.any),
	WL_FIELD(wl_config, WL_U32, "stim_timer", stim.timer),
	WL_FIELD(wl_config, WL_U32, "stim_softirqs", stim.softirqs),
	{ NULL },
};

/* Bitmaps of system calls. */
static const struct {
	const char *name;
	size_t offset;
} bitmaps[] = {
	{ "idle_calls", offsetof(struct wl_chain_config, idle_calls) },
	{ "idle_calls32", offsetof(struct wl_chain_config, idle_calls32) },
	{ "futex_calls", offsetof(struct wl_chain_config, futex_calls) },
	{ "sync_calls", offsetof(struct wl_chain_config, sync_calls) },
};

#define NBITMAPS (sizeof(bitmaps) / sizeof(bitmaps[0]))

void wl_homes_put(struct wl_json *j, const char *key, const struct wl_home *homes, size_t n)
{
	wl_json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		wl_json_object(j, NULL);
		wl_fields_put(j, home_fields, &homes[i]);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

/* The array of that name, or NULL if there is none. 0 or -EINVAL, said. */
static int get_array(const struct wl_place *p, const char *key, const json_t *object, size_t max,
		     const json_t **array)
{
	*array = json_object_get(object, key);
	if (!*array || json_is_null(*array)) {
		*array = NULL;
		return 0;
	}
	if (!json_is_array(*array))
		return wl_place_refuse(p, key, "not an array");
	return json_array_size(*array) > max ? wl_place_refuse(p, key, "too many") : 0;
}

int wl_homes_get(const struct wl_place *p, const char *key, const json_t *object,
		 struct wl_home *homes, size_t max, __u32 *n)
{
	struct wl_place inside = *p;
	const json_t *array;
	int ret = get_array(p, key, object, max, &array);

	*n = ret || !array ? 0 : (__u32)json_array_size(array);
	for (size_t i = 0; !ret && i < *n; i++) {
		snprintf(inside.path, sizeof(inside.path), "%.40s%.10s[%zu].", p->path, key, i);
		ret = wl_fields_get(&inside, home_fields, json_array_get(array, i), &homes[i]);
	}
	return ret;
}

static void put_words(struct wl_json *j, const char *key, const __u64 *words)
{
	wl_json_array(j, key);
	for (int i = 0; i < WL_SYSCALL_WORDS; i++)
		wl_json_decimal(j, NULL, words[i]);
	wl_json_array_end(j);
}

static int get_words(const struct wl_place *p, const char *key, const json_t *object, __u64 *words)
{
	const json_t *array;
	int ret = get_array(p, key, object, WL_SYSCALL_WORDS, &array);

	for (size_t i = 0; !ret && array && i < json_array_size(array); i++) {
		uint64_t word;

		if (wl_parse_uint64(json_string_value(json_array_get(array, i)), &word))
			return wl_place_refuse(p, key, "not decimal strings of 64 bits");
		words[i] = word;
	}
	return ret;
}

static int get_irqs(const struct wl_place *p, const json_t *object, struct wl_stim_config *stim)
{
	const json_t *array;
	int ret = get_array(p, "stim_irqs", object, WL_MAX_IRQS, &array);

	if (ret || !array)
		return ret;
	stim->nirqs = (__u32)json_array_size(array);
	for (size_t i = 0; i < stim->nirqs; i++) {
		json_int_t nr = json_integer_value(json_array_get(array, i));

		if (nr < 0 || nr > UINT16_MAX)
			return wl_place_refuse(p, "stim_irqs", "not numbers of interrupts");
		stim->irqs[i] = (__u16)nr;
	}
	return 0;
}

void wl_config_put(struct wl_json *j, const struct wl_config *config)
{
	const struct wl_chain_config *chain = &config->chain;

	wl_fields_put(j, config_fields, config);
	wl_homes_put(j, "idle", chain->idle,
		     chain->nidle < WL_MAX_IDLE ? chain->nidle : WL_MAX_IDLE);
	for (size_t i = 0; i < NBITMAPS; i++)
		put_words(j, bitmaps[i].name,
			  (const __u64 *)(const void *)((const char *)chain + bitmaps[i].offset));
	wl_json_array(j, "stim_irqs");
	for (__u32 i = 0; i < config->stim.nirqs && i < WL_MAX_IRQS; i++)
		wl_json_u64(j, NULL, config->stim.irqs[i]);
	wl_json_array_end(j);
}

static int get_config(const struct wl_place *p, const json_t *object, struct wl_config *config)
{
	struct wl_chain_config *chain = &config->chain;
	int ret;

	if (!json_is_object(object))
		return wl_place_refuse(p, "", "there is no such object");
	ret = wl_fields_get(p, config_fields, object, config);
	if (!ret)
		ret = wl_homes_get(p, "idle", object, chain->idle, WL_MAX_IDLE, &chain->nidle);
	for (size_t i = 0; !ret && i < NBITMAPS; i++)
		ret = get_words(p, bitmaps[i].name, object,
				(__u64 *)(void *)((char *)chain + bitmaps[i].offset));
	return ret ? ret : get_irqs(p, object, &config->stim);
}

int wl_config_load(int dirfd, struct wl_config *config, char *why, size_t size)
{
	struct wl_place place = {
		.file = WL_MACHINE_FILE, .path = "config.", .why = why, .size = size
	};
	json_t *root;
	int ret = wl_place_load(&place, dirfd, MACHINE_MAX, &root);

	memset(config, 0, sizeof(*config));
	if (!ret)
		ret = get_config(&place, json_object_get(root, "config"), config);
	json_decref(root);
	return ret;
}
