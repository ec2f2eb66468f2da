/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/stacks_file.h"
#include "util/symbols.h"

#define NAMES_MAX 1024        /* different addresses of one capture */
#define NAMES_NS 300000000ull /* for their names */

/* --- kernel --- */

/* What every wait begins with says nothing about it. */
static bool is_scheduler(const char *function)
{
	static const char *const names[] = { "__schedule", "schedule", "preempt_schedule",
					     "io_schedule" };

	for (size_t i = 0; function && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(function, names[i], strlen(names[i])))
			return true;
	return false;
}

/* An address that is returned to may be behind the end of its function. */
static uint64_t called_from(uint64_t address, bool exact)
{
	return exact ? address : address - 1;
}

static int set_kernel_frame(struct wl_sample_frame *f, const char *function, const char *module)
{
	f->function = strdup(function);
	f->module = strdup(module);
	return f->function && f->module ? 0 : -ENOMEM;
}

static const char *kernel_function(const struct wl_kallsyms *kernel, uint64_t address, bool exact,
				   const char **module)
{
	return kernel ? wl_kallsyms_find(kernel, called_from(address, exact), module) : NULL;
}

static size_t count_kernel(const struct wl_stack *s)
{
	return s->nkernel < WL_STACK_KERNEL ? s->nkernel : WL_STACK_KERNEL;
}

/* Where the stack begins that is meant: behind the entry of the interrupt that has taken it. */
static size_t first_frame(const struct wl_stack *s, const struct wl_kallsyms *kernel)
{
	static const char entry[] = "asm_sysvec_";
	const char *module;

	if (s->kind != WL_STACK_RUNNING)
		return 0;
	for (size_t i = 0; i < count_kernel(s); i++) {
		const char *function = kernel_function(kernel, s->kernel[i], false, &module);

		if (function && !strncmp(function, entry, sizeof(entry) - 1))
			return i + 1;
	}
	return SIZE_MAX;
}

static int add_kernel(struct wl_sample *sample, const struct wl_stack *s,
		      const struct wl_kallsyms *kernel)
{
	size_t first = first_frame(s, kernel);
	int ret = 0;

	sample->in_user = s->kind == WL_STACK_RUNNING && first == count_kernel(s);
	sample->kernel = calloc(WL_STACK_KERNEL, sizeof(*sample->kernel));
	if (!sample->kernel)
		return -ENOMEM;
	for (size_t i = first; !ret && i < count_kernel(s); i++) {
		bool exact = s->kind == WL_STACK_RUNNING && i == first;
		const char *module,
			*function = kernel_function(kernel, s->kernel[i], exact, &module);

		if (!function || (!sample->nkernel && sample->blocked && is_scheduler(function)))
			continue;
		ret = set_kernel_frame(&sample->kernel[sample->nkernel++], function, module);
	}
	return ret;
}

/* --- user: addresses --- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* The user stack that the task had in that very call; waits of one call may be many. */
static const struct wl_stack *find_caller(const struct wl_stack *stacks, size_t n,
					  const struct wl_stack *waited)
{
	const struct wl_stack *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct wl_stack *s = &stacks[i];

		if (s->kind == WL_STACK_CALLER && s->nuser && s->tid == waited->tid &&
		    s->ip == waited->ip && s->sp == waited->sp &&
		    (!best || distance(s->ts, waited->ts) < distance(best->ts, waited->ts)))
			best = s;
	}
	return best;
}

static int add_user(struct wl_sample *sample, const struct wl_stack *stacks, size_t n,
		    const struct wl_stack *s)
{
	const struct wl_stack *from = s->kind == WL_STACK_WAITED ? find_caller(stacks, n, s) : s;

	sample->user = calloc(WL_STACK_USER, sizeof(*sample->user));
	if (!sample->user)
		return -ENOMEM;
	if (!from) {
		sample->user[0].address = s->ip;
		sample->nuser = s->ip ? 1 : 0;
		return 0;
	}
	sample->nuser = from->nuser < WL_STACK_USER ? from->nuser : WL_STACK_USER;
	for (size_t i = 0; i < sample->nuser; i++)
		sample->user[i].address = from->user[i];
	return 0;
}

static int add_sample(struct wl_sample *sample, const struct wl_stack *stacks, size_t n,
		      const struct wl_stack *s, const struct wl_kallsyms *kernel)
{
	int ret;

	sample->ts = s->ts;
	sample->tid = s->tid;
	sample->cpu = s->cpu;
	sample->blocked = s->kind == WL_STACK_WAITED;
	ret = add_kernel(sample, s, kernel);
	return ret ? ret : add_user(sample, stacks, n, s);
}

int wl_stacks_samples(const struct wl_stack *stacks, size_t n, const struct wl_kallsyms *kernel,
		      struct wl_samples *samples)
{
	int ret = 0;

	samples->n = 0;
	samples->all = calloc(n + 1, sizeof(*samples->all));
	if (!samples->all)
		return -ENOMEM;
	for (size_t i = 0; !ret && i < n; i++)
		if (stacks[i].kind != WL_STACK_CALLER)
			ret = add_sample(&samples->all[samples->n++], stacks, n, &stacks[i],
					 kernel);
	if (ret)
		wl_samples_free(samples);
	return ret;
}

/* --- user: names --- */

/* An address to be named, and how far from the innermost frame it was seen at best. */
struct wanted {
	uint64_t address;
	size_t depth;
	size_t index; /* among the names */
};

struct wanted_list {
	struct wanted *all;
	size_t n;
};

static int by_address(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	if (x->address != y->address)
		return x->address > y->address ? 1 : -1;
	return (x->depth > y->depth) - (x->depth < y->depth);
}

static int by_depth(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return (x->depth > y->depth) - (x->depth < y->depth);
}

static size_t count_user(const struct wl_samples *samples)
{
	size_t n = 0;

	for (size_t i = 0; i < samples->n; i++)
		n += samples->all[i].nuser;
	return n;
}

static void drop_doubles(struct wanted_list *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (!kept || list->all[kept - 1].address != list->all[i].address)
			list->all[kept++] = list->all[i];
	list->n = kept;
}

/* Every address once; if there are too many, those nearest to where the target was. */
static int list_wanted(const struct wl_samples *samples, struct wanted_list *list)
{
	list->n = 0;
	list->all = calloc(count_user(samples) + 1, sizeof(*list->all));
	if (!list->all)
		return -ENOMEM;
	for (size_t i = 0; i < samples->n; i++) {
		const struct wl_sample *s = &samples->all[i];

		for (size_t k = 0; k < s->nuser; k++)
			list->all[list->n++] =
				(struct wanted){ .address = called_from(s->user[k].address, !k),
						 .depth = k };
	}
	qsort(list->all, list->n, sizeof(*list->all), by_address);
	drop_doubles(list);
	qsort(list->all, list->n, sizeof(*list->all), by_depth);
	if (list->n > NAMES_MAX)
		list->n = NAMES_MAX;
	for (size_t i = 0; i < list->n; i++)
		list->all[i].index = i;
	return 0;
}

static int set_text(char **text, const char *from)
{
	*text = from[0] ? strdup(from) : NULL;
	return from[0] && !*text ? -ENOMEM : 0;
}

static int name_frame(struct wl_sample_frame *f, const struct wl_symbol *symbol)
{
	f->line = symbol->line;
	return set_text(&f->function, symbol->function) || set_text(&f->file, symbol->file) ||
			       set_text(&f->module, symbol->module)
		       ? -ENOMEM
		       : 0;
}

/* list is by address here. */
static int name_frames(struct wl_sample *s, const struct wanted_list *list,
		       const struct wl_symbol *symbols)
{
	int ret = 0;

	for (size_t k = 0; !ret && k < s->nuser; k++) {
		uint64_t address = called_from(s->user[k].address, !k);
		size_t low = 0, high = list->n;

		while (low < high) {
			size_t middle = low + (high - low) / 2;

			if (list->all[middle].address < address)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < list->n && list->all[low].address == address)
			ret = name_frame(&s->user[k], &symbols[list->all[low].index]);
	}
	return ret;
}

/* Names that are not found are no reason to lose the stacks. */
static int name_samples(struct wl_samples *samples, uint32_t pid)
{
	struct wl_symbol *symbols = NULL;
	struct wanted_list list;
	int ret = list_wanted(samples, &list);
	uint64_t *addresses = NULL;

	if (!ret && list.n) {
		symbols = calloc(list.n, sizeof(*symbols));
		addresses = calloc(list.n, sizeof(*addresses));
		ret = symbols && addresses ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !ret && i < list.n; i++)
		addresses[i] = list.all[i].address;
	if (!ret && list.n && !wl_symbols_find(pid, addresses, list.n, NAMES_NS, symbols)) {
		qsort(list.all, list.n, sizeof(*list.all), by_address);
		for (size_t i = 0; !ret && i < samples->n; i++)
			ret = name_frames(&samples->all[i], &list, symbols);
	}
	free(symbols);
	free(addresses);
	free(list.all);
	return ret;
}

int wl_stacks_write(struct wl_stacks *stacks, const struct wl_kallsyms *kernel,
		    const struct wl_slow *slow, int dirfd)
{
	struct wl_samples samples = { 0 };
	struct wl_stack *picked;
	size_t n;
	int ret = wl_stacks_pick(stacks, slow->tgid, slow->path.h.start, slow->end, &picked, &n);

	if (!ret)
		ret = wl_stacks_samples(picked, n, kernel, &samples);
	if (!ret)
		ret = name_samples(&samples, slow->tgid);
	if (!ret)
		ret = wl_samples_save(dirfd, &samples);
	wl_samples_free(&samples);
	free(picked);
	return ret;
}
