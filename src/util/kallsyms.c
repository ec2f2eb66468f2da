/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/kallsyms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX (4u << 20)
#define FUNCTION_MAX (1u << 20) /* bytes: what is further behind a symbol is not of it */

struct symbol {
	uint64_t address;
	uint32_t name, module; /* offsets in text */
};

struct wl_kallsyms {
	struct symbol *all;
	size_t n, room;
	char *text; /* begins with "[kernel]" */
	size_t len, size;
};

/* Appends a string with its NUL; its offset or, without memory, 0. */
static uint32_t add_text(struct wl_kallsyms *k, const char *text)
{
	size_t need = strlen(text) + 1, at = k->len;

	if (at + need > k->size) {
		size_t size = k->size ? 2 * k->size : 1u << 20;
		char *bigger = realloc(k->text, size);

		if (!bigger)
			return 0;
		k->text = bigger;
		k->size = size;
	}
	memcpy(k->text + at, text, need);
	k->len += need;
	return (uint32_t)at;
}

/* Modules come in groups. */
static uint32_t module_of(struct wl_kallsyms *k, const char *module)
{
	uint32_t last = k->n ? k->all[k->n - 1].module : 0;

	if (!module)
		return 0;
	return last && !strcmp(k->text + last, module) ? last : add_text(k, module);
}

static int add_symbol(struct wl_kallsyms *k, uint64_t address, const char *name, const char *module)
{
	struct symbol *s;

	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : 1u << 16;
		struct symbol *bigger = realloc(k->all, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		k->all = bigger;
		k->room = room;
	}
	s = &k->all[k->n];
	s->address = address;
	s->module = module_of(k, module);
	s->name = add_text(k, name);
	k->n++;
	return s->name ? 0 : -ENOMEM;
}

/* "ffffffff81000000 T name\t[module]" */
static int take_line(struct wl_kallsyms *k, char *line)
{
	char *rest, *name, *module, *save;
	uint64_t address = strtoull(line, &rest, 16);

	if (!address || rest[0] != ' ' || !rest[1] || !strchr("tTwW", rest[1]))
		return 0;
	name = strtok_r(rest + 2, " \t\n", &save);
	module = name ? strtok_r(NULL, " \t\n", &save) : NULL;
	return name ? add_symbol(k, address, name, module) : 0;
}

static int read_all(struct wl_kallsyms *k, FILE *f)
{
	char line[1024];
	int ret = 0;

	while (!ret && k->n < SYMBOLS_MAX && fgets(line, sizeof(line), f))
		ret = take_line(k, line);
	if (ret)
		return ret;
	return k->n ? 0 : -EPERM;
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

int wl_kallsyms_open(struct wl_kallsyms **symbols, const char *path)
{
	struct wl_kallsyms *k = calloc(1, sizeof(*k));
	FILE *f = fopen(path ? path : "/proc/kallsyms", "re");
	int ret = f ? 0 : -errno;

	if (!k)
		ret = -ENOMEM;
	if (!ret) {
		add_text(k, "[kernel]");
		ret = read_all(k, f);
	}
	if (f)
		fclose(f);
	if (ret) {
		wl_kallsyms_close(k);
		return ret;
	}
	qsort(k->all, k->n, sizeof(*k->all), by_address);
	*symbols = k;
	return 0;
}

void wl_kallsyms_close(struct wl_kallsyms *k)
{
	if (!k)
		return;
	free(k->all);
	free(k->text);
	free(k);
}

const char *wl_kallsyms_find(const struct wl_kallsyms *k, uint64_t address, const char **module)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (k->all[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address - k->all[low - 1].address > FUNCTION_MAX)
		return NULL;
	*module = k->text + k->all[low - 1].module;
	return k->text + k->all[low - 1].name;
}
