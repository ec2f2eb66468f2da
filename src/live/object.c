/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/message.h"

static int __attribute__((format(printf, 2, 0)))
print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

static int __attribute__((format(printf, 2, 0)))
print_warnings(enum libbpf_print_level level, const char *format, va_list args)
{
	return level <= LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

int wl_object_prepare(const struct wl_kernel *kernel, bool verbose)
{
	libbpf_set_print(verbose ? print_warnings : print_nothing);
	if (kernel->btf)
		return 0;
	wl_error("this kernel has no BTF (/sys/kernel/btf/vmlinux): it needs "
		 "CONFIG_DEBUG_INFO_BTF=y");
	return -EOPNOTSUPP;
}

/* A verifier that refuses a program says EACCES, E2BIG or EINVAL; only EPERM is about privileges.
 */
int wl_object_load_error(const char *name, int err)
{
	if (err == -EPERM && geteuid()) {
		wl_error("not allowed to load BPF programs: run it as root, or with CAP_BPF and "
			 "CAP_PERFMON");
		return err;
	}
	if (err == -EPERM)
		wl_error("this kernel does not allow the BPF programs of '%s' (run with -v to see "
			 "why)",
			 name);
	else
		wl_error("the kernel refused the BPF programs of '%s': %s (run with -v to see why, "
			 "and whylate doctor)",
			 name, strerror(-err));
	return -EOPNOTSUPP;
}

int wl_object_program_info(const struct bpf_program *p, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_program__fd(p) < 0 ? -EBADF
				      : bpf_obj_get_info_by_fd(bpf_program__fd(p), info, &len);
}

uint64_t wl_object_skipped_runs(const struct bpf_object *object)
{
	struct bpf_prog_info info;
	struct bpf_program *p;
	uint64_t sum = 0;

	bpf_object__for_each_program(p, object) {
		if (!wl_object_program_info(p, &info))
			sum += info.recursion_misses;
	}
	return sum;
}
