/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a session and trackers have in common: a BPF object that is loaded. Errors are said. */
#ifndef WL_LIVE_OBJECT_H
#define WL_LIVE_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "live/kernel.h"

struct bpf_object;
struct bpf_program;
struct bpf_prog_info;

/* Call it before anything of libbpf: its warnings go to stderr, or nowhere. -EOPNOTSUPP: no BTF. */
int wl_object_prepare(const struct wl_kernel *kernel, bool verbose);

/* Says why the kernel did not take the programs of name; -EPERM or -EOPNOTSUPP. */
int wl_object_load_error(const char *name, int err);

/* Fails where the program is not loaded. */
int wl_object_program_info(const struct bpf_program *program, struct bpf_prog_info *info);

/* Runs that the kernel skipped because the same program was running on that CPU already. */
uint64_t wl_object_skipped_runs(const struct bpf_object *object);

#endif
