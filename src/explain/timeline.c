/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/timeline.h"

const struct wl_tl_cpu *wl_timeline_cpu(const struct wl_timeline *tl, uint32_t cpu)
{
	for (size_t i = 0; i < tl->ncpus; i++)
		if (tl->cpus[i].cpu == cpu)
			return &tl->cpus[i];
	return NULL;
}

uint32_t wl_timeline_task(const struct wl_timeline *tl, uint32_t tid)
{
	for (size_t i = tl->ntasks; tid && i > 0; i--)
		if (tl->tasks[i - 1].tid == tid)
			return (uint32_t)(i - 1);
	return WL_NOBODY;
}

/* The first of n elements whose time, at that offset in it, is `at` or later. */
static size_t first_from(const void *all, size_t n, size_t size, size_t offset, uint64_t at)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const char *element = (const char *)all + mid * size;

		if (*(const uint64_t *)(const void *)(element + offset) < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct wl_tl_state *wl_timeline_state(const struct wl_tl_task *task, uint64_t at)
{
	size_t i = first_from(task->states, task->n, sizeof(*task->states),
			      offsetof(struct wl_tl_state, to), at);

	return i < task->n && task->states[i].from < at ? &task->states[i] : NULL;
}

size_t wl_timeline_next_state(const struct wl_tl_task *task, uint64_t at)
{
	return first_from(task->states, task->n, sizeof(*task->states),
			  offsetof(struct wl_tl_state, to), at + 1);
}

size_t wl_timeline_run(const struct wl_tl_cpu *cpu, uint64_t at)
{
	return first_from(cpu->runs, cpu->nruns, sizeof(*cpu->runs), offsetof(struct wl_tl_run, to),
			  at + 1);
}

size_t wl_timeline_frame(const struct wl_tl_cpu *cpu, uint64_t at)
{
	return first_from(cpu->frames, cpu->nframes, sizeof(*cpu->frames),
			  offsetof(struct wl_tl_frame, from), at);
}
