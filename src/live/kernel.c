/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "util/file.h"

bool wl_kernel_has_tracepoint(const struct wl_kernel *kernel, const char *name)
{
	char type[80];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return kernel->btf && btf__find_by_name_kind(kernel->btf, type, BTF_KIND_TYPEDEF) > 0;
}

#define MODULE_MAX (64u << 20)

/* Its name is one of the strings: reading all types of all modules takes a second. */
static bool has_string(int dirfd, const char *module, const char *string, size_t len)
{
	char *text;
	size_t size;
	bool found;

	if (wl_file_read_at(dirfd, module, MODULE_MAX, &text, &size))
		return false;
	found = memmem(text, size, string, len) != NULL;
	free(text);
	return found;
}

bool wl_kernel_modules_have_tracepoint(const char *dir, const char *name)
{
	char string[82] = ""; /* between the NULs of its neighbours */
	size_t len = 2 + (size_t)snprintf(string + 1, sizeof(string) - 1, "btf_trace_%s", name);
	DIR *d = len < sizeof(string) ? opendir(dir) : NULL;
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)))
		found = strcmp(entry->d_name, "vmlinux") &&
			has_string(dirfd(d), entry->d_name, string, len);
	if (d)
		closedir(d);
	return found;
}

/* Looks into anonymous structs and unions too. */
static bool has_member(const struct btf *btf, const struct btf_type *t, const char *member,
		       int depth)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *inner = btf__type_by_id(btf, m[i].type);
		const char *name = btf__name_by_offset(btf, m[i].name_off);

		if (name && !strcmp(name, member))
			return true;
		if ((!name || !*name) && depth && inner && btf_is_composite(inner) &&
		    has_member(btf, inner, member, depth - 1))
			return true;
	}
	return false;
}

bool wl_kernel_has_member(const struct wl_kernel *kernel, const char *type, const char *member)
{
	int id = kernel->btf ? btf__find_by_name_kind(kernel->btf, type, BTF_KIND_STRUCT) : -1;

	return id > 0 && has_member(kernel->btf, btf__type_by_id(kernel->btf, id), member, 4);
}

static bool has_function(const struct wl_kernel *kernel, const char *name)
{
	return kernel->btf && btf__find_by_name_kind(kernel->btf, name, BTF_KIND_FUNC) > 0;
}

bool wl_kernel_can_mark(const struct wl_kernel *kernel)
{
	/* 6.14; and 6.15: before that no global function may be called there */
	return has_function(kernel, "bpf_local_irq_save") &&
	       wl_kernel_has_member(kernel, "bpf_subprog_info", "might_sleep");
}

bool wl_kernel_patches_marks(const struct wl_kernel *kernel)
{
	return has_function(kernel, "arch_uprobe_optimize");
}

int wl_kernel_enumerator(const struct wl_kernel *kernel, const char *type, const char *name)
{
	int id = kernel->btf ? btf__find_by_name_kind(kernel->btf, type, BTF_KIND_ENUM) : -1;
	const struct btf_type *t = id > 0 ? btf__type_by_id(kernel->btf, id) : NULL;
	const struct btf_enum *e = t ? btf_enum(t) : NULL;

	for (int i = 0; t && i < btf_vlen(t); i++) {
		const char *s = btf__name_by_offset(kernel->btf, e[i].name_off);

		if (s && !strcmp(s, name))
			return e[i].val;
	}
	return -ENOENT;
}

/*
 * The scheduler's clock counts what the clock source counts, unless that had to be replaced: then
 * it may be a tick off (kernel/sched/clock.c), differently on each CPU.
 */
static bool clock_is_stable(void)
{
	static const char *const counters[] = {
		"tsc",
		"kvm-clock",
		"xen",
		"hyperv_clocksource_tsc_page",
		"arch_sys_counter",
		"riscv_clocksource",
		"timebase",
		"tod",
	};
	char name[64];

	if (wl_file_read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			      name, sizeof(name)) < 0)
		return false;
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		if (!strcmp(name, counters[i]))
			return true;
	}
	return false;
}

int wl_kernel_open(struct wl_kernel *kernel)
{
	struct utsname u;
	int n;

	memset(kernel, 0, sizeof(*kernel));
	if (uname(&u))
		return -errno;
	snprintf(kernel->release, sizeof(kernel->release), "%s", u.release);
	kernel->rt = strstr(u.version, "PREEMPT_RT") != NULL;
	n = libbpf_num_possible_cpus();
	if (n < 0)
		return n;
	kernel->ncpu = (uint32_t)n;
	kernel->btf = btf__load_vmlinux_btf();
	if (libbpf_get_error(kernel->btf))
		kernel->btf = NULL;
	/* 6.4 gave local storage an allocator of its own: before, it is kmalloc in a tracepoint */
	kernel->task_storage = wl_kernel_has_member(kernel, "bpf_local_storage_map", "selem_ma");
	kernel->steal = wl_kernel_has_member(kernel, "rq", "prev_steal_time_rq");
	kernel->throttled = wl_kernel_has_member(kernel, "task_struct", "throttled") ||
			    wl_kernel_has_member(kernel, "cfs_rq", "throttle_count");
	kernel->stable_clock = clock_is_stable();
	return 0;
}

void wl_kernel_close(struct wl_kernel *kernel)
{
	btf__free(kernel->btf);
	kernel->btf = NULL;
}
