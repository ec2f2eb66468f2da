/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/tasks_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/config_file.h"
#include "capture/json_file.h"

#define FILE_MAX (512u << 20)

static const struct wl_field task_fields[] = {
	WL_FIELD(wl_task_dump, WL_U32, "tid", tid),
	WL_FIELD(wl_task_dump, WL_U32, "pid", tgid),
	WL_FIELD(wl_task_dump, WL_U32, "ppid", ppid),
	WL_FIELD(wl_task_dump, WL_U32, "state", state),
	WL_FIELD(wl_task_dump, WL_U64, "cgroup", cgroup),
	WL_FIELD(wl_task_dump, WL_U64, "since", since),
	WL_FIELD(wl_task_dump, WL_U64, "arg", arg),
	WL_FIELD(wl_task_dump, WL_S32, "call", call),
	WL_FIELD(wl_task_dump, WL_U32, "seq", seq),
	WL_FIELD(wl_task_dump, WL_U8, "policy", policy),
	WL_FIELD(wl_task_dump, WL_S8, "prio", prio),
	WL_FIELD(wl_task_dump, WL_U8, "known", known),
	WL_FIELD(wl_task_dump, WL_U8, "status", status),
	WL_FIELD(wl_task_dump, WL_U8, "flags", flags),
	WL_FIELD(wl_task_dump, WL_U8, "next", next),
	WL_FIELD(wl_task_dump, WL_U8, "kthread", kthread),
	WL_FIELD(wl_task_dump, WL_U32, "cpu", cpu),
	{ NULL },
};

static const struct wl_field chain_fields[] = {
	WL_FIELD(wl_chain, WL_U64, "id", id),
	WL_FIELD(wl_chain, WL_U64, "start", start),
	WL_FIELD(wl_chain, WL_U64, "last", last),
	WL_FIELD(wl_chain, WL_U64, "left", left),
	WL_FIELD(wl_chain, WL_U64, "sent", sent),
	WL_FIELD(wl_chain, WL_U32, "owner", owner),
	WL_FIELD(wl_chain, WL_U32, "stim_tid", stim_tid),
	WL_FIELD(wl_chain, WL_U16, "stim_nr", stim_nr),
	WL_FIELD(wl_chain, WL_U16, "stim_cpu", stim_cpu),
	WL_FIELD(wl_chain, WL_U16, "left_nr", left_nr),
	WL_FIELD(wl_chain, WL_U8, "merged", merged),
	WL_FIELD(wl_chain, WL_U8, "stim_kind", stim_kind),
	WL_FIELD(wl_chain, WL_U8, "left_kind", left_kind),
	WL_FIELD(wl_chain, WL_U8, "state", state),
	WL_FIELD(wl_chain, WL_U8, "hops", hops),
	WL_FIELD(wl_chain, WL_U8, "nseg", nseg),
	WL_FIELD(wl_chain, WL_U8, "left_seg", left_seg),
	WL_FIELD(wl_chain, WL_U8, "period_seg", period_seg),
	WL_FIELD(wl_chain, WL_U8, "sent_seg", sent_seg),
	WL_FIELD(wl_chain, WL_U8, "folded", folded),
	{ NULL },
};

/* --- write --- */

static void put_chain(struct wl_json *j, const char *key, const struct wl_chain *chain)
{
	if (!chain->id)
		return;
	wl_json_object(j, key);
	wl_fields_put(j, chain_fields, chain);
	wl_json_object_end(j);
}

static void put_task(struct wl_json *j, const struct wl_task_dump *task)
{
	size_t nhomes = task->nhomes < WL_HOMES ? task->nhomes : WL_HOMES;

	wl_json_object(j, NULL);
	wl_json_name(j, "comm", task->comm, sizeof(task->comm));
	wl_fields_put(j, task_fields, task);
	if (nhomes)
		wl_homes_put(j, "homes", task->homes, nhomes);
	put_chain(j, "cur_chain", &task->cur_chain);
	put_chain(j, "next_chain", &task->next_chain);
	wl_json_object_end(j);
}

int wl_tasks_save(int dirfd, const struct wl_task_dump *tasks, size_t n)
{
	struct wl_json j;
	int ret = wl_json_file_begin(&j, dirfd, WL_TASKS_FILE, "tasks");

	if (ret)
		return ret;
	wl_json_array(&j, "tasks");
	for (size_t i = 0; i < n; i++)
		put_task(&j, &tasks[i]);
	wl_json_array_end(&j);
	return wl_json_file_end(&j);
}

/* --- read --- */

static int get_chain(const struct wl_place *p, const char *key, const json_t *task,
		     struct wl_chain *chain)
{
	const json_t *value = json_object_get(task, key);
	struct wl_place inside = *p;

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return wl_place_refuse(p, key, "not an object");
	snprintf(inside.path, sizeof(inside.path), "%.40s%s.", p->path, key);
	return wl_fields_get(&inside, chain_fields, value, chain);
}

static int get_task(const struct wl_place *p, const json_t *object, struct wl_task_dump *task)
{
	__u32 nhomes = 0;
	int ret;

	if (!json_is_object(object))
		return wl_place_refuse(p, "", "not an object");
	ret = wl_comm_get(p, "comm", object, task->comm);
	if (!ret)
		ret = wl_fields_get(p, task_fields, object, task);
	if (!ret)
		ret = wl_homes_get(p, "homes", object, task->homes, WL_HOMES, &nhomes);
	task->nhomes = (__u8)nhomes;
	if (!ret)
		ret = get_chain(p, "cur_chain", object, &task->cur_chain);
	if (!ret)
		ret = get_chain(p, "next_chain", object, &task->next_chain);
	return ret;
}

static int get_tasks(struct wl_place *p, const json_t *root, struct wl_task_dump **tasks, size_t *n)
{
	const json_t *array = json_object_get(root, "tasks");
	int ret = 0;

	if (!json_is_array(array))
		return wl_place_refuse(p, "tasks", "there is no such array");
	*n = json_array_size(array);
	*tasks = calloc(*n ? *n : 1, sizeof(**tasks));
	if (!*tasks) {
		wl_place_refuse(p, "tasks", "no memory for so many");
		return -ENOMEM;
	}
	for (size_t i = 0; !ret && i < *n; i++) {
		snprintf(p->path, sizeof(p->path), "tasks[%zu].", i);
		ret = get_task(p, json_array_get(array, i), &(*tasks)[i]);
	}
	return ret;
}

int wl_tasks_load(int dirfd, struct wl_task_dump **tasks, size_t *n, char *why, size_t size)
{
	struct wl_place place = { .file = WL_TASKS_FILE, .why = why, .size = size };
	json_t *root;
	int ret;

	*tasks = NULL;
	*n = 0;
	ret = wl_place_load(&place, dirfd, FILE_MAX, &root);
	if (!ret)
		ret = get_tasks(&place, root, tasks, n);
	json_decref(root);
	if (ret) {
		free(*tasks);
		*tasks = NULL;
		*n = 0;
	}
	return ret;
}
