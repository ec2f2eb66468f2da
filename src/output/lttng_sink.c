/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/lttng_sink.h"

#include <dlfcn.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output/work.h"
#include "ust/ust.h"

#define LIBRARY "libwhylate-ust.so.0"

struct wl_lttng {
	void *library;
	wl_ust_emit_slow_fn emit;
};

/* Beside the program, as in a build directory, or where the loader looks. */
static void *load(void)
{
	char exe[PATH_MAX], path[PATH_MAX + sizeof(LIBRARY) + 1];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	void *library = NULL;

	if (n > 0) {
		exe[n] = '\0';
		snprintf(path, sizeof(path), "%s/" LIBRARY, dirname(exe));
		library = access(path, R_OK) ? NULL : dlopen(path, RTLD_NOW);
	}
	return library ? library : dlopen(LIBRARY, RTLD_NOW);
}

int wl_lttng_open(struct wl_lttng **lttng, char *why, size_t size)
{
	struct wl_lttng *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->library = load();
	if (l->library)
		l->emit = (wl_ust_emit_slow_fn)dlsym(l->library, "wl_ust_emit_slow");
	if (!l->emit) {
		snprintf(why, size, "%s (built with liblttng-ust-dev installed, it is there)",
			 dlerror());
		wl_lttng_close(l);
		return -ENOENT;
	}
	*lttng = l;
	return 0;
}

/* The library stays: its threads are in it. */
void wl_lttng_close(struct wl_lttng *l)
{
	free(l);
}

void wl_lttng_slow(const struct wl_lttng *l, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;
	char cookie[4 * WL_COOKIE_LEN + 3] = "";
	struct wl_phrase p;

	if (!l)
		return;
	wl_phrase_init(&p, cookie, sizeof(cookie));
	if (slow->work.kind != WL_COOKIE_NONE)
		wl_work_add_cookie(&p, &slow->work);
	l->emit(report->id, (int32_t)slow->tid, slow->path.h.start, slow->end, cookie,
		report->cause.text);
}
