/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Probes in user space: the marks of whylate/mark.h in whatever the targets have mapped, and
 * existing probes and functions that the user named.
 */
#ifndef WL_LIVE_MARKS_H
#define WL_LIVE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/mark.h"

struct bpf_program;

enum wl_mark_means {
	WL_MARK_USDT = 0,
	WL_MARK_FUNCTION = 1, /* where it begins */
	WL_MARK_RETURN = 2,   /* where it returns */
};

#define WL_MARK_PROBES 8

/* A probe that the user named: --begin, --end. */
struct wl_mark_probe {
	struct wl_mark_site site;
	enum wl_mark_means means;
	char path[1024];
	char provider[64]; /* USDT */
	char name[1024];   /* of the USDT probe or the function: C++ and Rust have long ones */
};

struct wl_marks;

/*
 * fast: this kernel patches calls where a file has the instructions for it. Raises the process's
 * limit of open files. 0 or -ENOMEM.
 */
int wl_marks_new(struct wl_marks **marks, struct bpf_program *usdt, struct bpf_program *function,
		 bool fast);
void wl_marks_free(struct wl_marks *marks);

/* Attaches to what the user named. Errors are said on stderr. */
int wl_marks_attach(struct wl_marks *marks, const struct wl_mark_probe *probe);

/*
 * Attaches to a file's own marks, if it has any and they are not attached yet; what was attached to
 * an earlier content of it is detached. 0 or -errno: nothing is attached then.
 */
int wl_marks_file(struct wl_marks *marks, const char *path);

/*
 * Attaches to the marks of what processes have mapped: all those whose byte in reach[] (indexed by
 * process id, size a power of two) is set. Call it a few times a second: a process is looked at
 * when it is new, and ever more rarely after that. 0 or -ENOMEM.
 */
int wl_marks_scan(struct wl_marks *marks, const uint8_t *reach, size_t size);

/* Probes attached; files that have marks. */
size_t wl_marks_probes(const struct wl_marks *marks);
size_t wl_marks_files(const struct wl_marks *marks);

#endif
