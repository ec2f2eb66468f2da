/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What this kernel offers: read from its BTF, without loading anything. */
#ifndef WL_LIVE_KERNEL_H
#define WL_LIVE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/config.h"

struct btf;

struct wl_kernel {
	struct btf *btf;   /* NULL: this kernel has none */
	char release[65];  /* uname -r */
	bool rt;           /* PREEMPT_RT */
	bool task_storage; /* allocated safely in any context, look-ups can't fail on contention */
	bool steal, throttled;
	bool stable_clock; /* the scheduler's clock keeps step with CLOCK_MONOTONIC */
	uint32_t ncpu;     /* possible CPUs */
};

/* 0, or -errno if the machine can't be read at all; no BTF is not an error here. */
int wl_kernel_open(struct wl_kernel *kernel);
void wl_kernel_close(struct wl_kernel *kernel);

/* Has the kernel itself a tracepoint of this name that BPF programs can attach to? */
bool wl_kernel_has_tracepoint(const struct wl_kernel *kernel, const char *name);

/*
 * The same of its modules: what they have is not in the kernel's own BTF. dir: WL_KERNEL_BTF, or
 * another one with files like those. Reads all of them.
 */
#define WL_KERNEL_BTF "/sys/kernel/btf"
bool wl_kernel_modules_have_tracepoint(const char *dir, const char *name);

/* Has the structure this member? */
bool wl_kernel_has_member(const struct wl_kernel *kernel, const char *type, const char *member);

/* Can probes in user space do what marks need with interrupts off (6.15)? */
bool wl_kernel_can_mark(const struct wl_kernel *kernel);

/* Does it patch a call into a probe's place instead of a breakpoint (x86, 6.18)? */
bool wl_kernel_patches_marks(const struct wl_kernel *kernel);

/* Value of an enumerator of an enum: -ENOENT if there is none. */
int wl_kernel_enumerator(const struct wl_kernel *kernel, const char *type, const char *name);

#endif
