/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * libFuzzer: the JSON files of a capture. Input: a byte that says which file, then its text. What
 * could be read is written, and read again: it must be the same.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/config_file.h"
#include "capture/entry.h"
#include "capture/machine_file.h"
#include "capture/response_file.h"
#include "capture/tasks_file.h"
#include "fuzz.h"
#include "output/sink.h"
#include "util/file.h"

static void try_tasks(int dir)
{
	struct wl_task_dump *tasks = NULL, *again = NULL;
	size_t n = 0, m = 0;
	char why[256];

	if (wl_tasks_load(dir, &tasks, &n, why, sizeof(why)))
		return;
	unlinkat(dir, WL_TASKS_FILE, 0);
	fuzz_check(!wl_tasks_save(dir, tasks, n));
	fuzz_check(!wl_tasks_load(dir, &again, &m, why, sizeof(why)));
	fuzz_check(m == n);
	for (size_t i = 0; i < n; i++) {
		fuzz_check(again[i].tid == tasks[i].tid && again[i].seq == tasks[i].seq);
		fuzz_check(again[i].arg == tasks[i].arg && again[i].since == tasks[i].since);
		fuzz_check(again[i].call == tasks[i].call && again[i].nhomes == tasks[i].nhomes);
		fuzz_check(!strncmp(again[i].comm, tasks[i].comm, sizeof(tasks[i].comm)));
		fuzz_check(again[i].cur_chain.id == tasks[i].cur_chain.id);
	}
	free(tasks);
	free(again);
}

static void write_response(int dir, const struct wl_report *report)
{
	struct wl_sink *sink;
	FILE *f;

	unlinkat(dir, WL_ENTRY_RESPONSE, 0);
	fuzz_check(!wl_file_create_at(dir, WL_ENTRY_RESPONSE, &f));
	fuzz_check(!wl_json_sink_open(&sink, f));
	fuzz_check(!sink->ops->slow(sink, report));
	sink->ops->close(sink);
	fclose(f);
}

static void try_response(int dir)
{
	struct wl_report report, again;
	char why[256];

	if (!wl_response_load(dir, &report, why, sizeof(why))) {
		write_response(dir, &report);
		fuzz_check(!wl_response_load(dir, &again, why, sizeof(why)));
		fuzz_check(!memcmp(&report.slow.path, &again.slow.path, sizeof(report.slow.path)));
		fuzz_check(!memcmp(report.budget, again.budget, sizeof(report.budget)));
		fuzz_check(report.slow.end == again.slow.end && report.id == again.id);
		fuzz_check(!strcmp(report.cause.text, again.cause.text));
		wl_response_free(&again);
	}
	wl_response_free(&report);
}

static void try_entry(int dir)
{
	struct wl_entry entry = { 0 };

	try_response(dir);
	if (wl_entry_read(dir, "name", &entry))
		return;
	fuzz_check(strnlen(entry.name, sizeof(entry.name)) < sizeof(entry.name));
	fuzz_check(strnlen(entry.cause, sizeof(entry.cause)) < sizeof(entry.cause));
	fuzz_check(strnlen(entry.time, sizeof(entry.time)) < sizeof(entry.time));
	fuzz_check(strnlen(entry.process, sizeof(entry.process)) < sizeof(entry.process));
	fuzz_check(strnlen(entry.comm, sizeof(entry.comm)) < sizeof(entry.comm));
}

static void try_config(int dir)
{
	struct wl_config config = { 0 };
	struct wl_machine_file *machine = NULL;
	struct wl_machine_names names;
	char why[256];

	wl_config_load(dir, &config, why, sizeof(why));
	if (wl_machine_file_load(dir, &machine, why, sizeof(why)))
		return;
	wl_machine_file_names(machine, &names);
	names.irq(names.ctx, 1);
	names.device(names.ctx, 1);
	names.cgroup(names.ctx, 1);
	wl_machine_file_free(machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *file;
		void (*try)(int dir);
	} kinds[] = {
		{ WL_TASKS_FILE, try_tasks },
		{ WL_ENTRY_RESPONSE, try_entry },
		{ WL_MACHINE_FILE, try_config },
	};
	struct fuzz_input input = { data, size };
	unsigned kind = (unsigned)fuzz_number(&input, 1) % 3;
	int dir = fuzz_dir("json");

	unlinkat(dir, kinds[kind].file, 0);
	fuzz_append(dir, kinds[kind].file, input.at, input.left);
	kinds[kind].try(dir);
	return 0;
}
