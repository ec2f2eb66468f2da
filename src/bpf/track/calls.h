/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* System calls that trackers know by number, and the files that their arguments stand for. */
#ifndef WL_BPF_TRACK_CALLS_H
#define WL_BPF_TRACK_CALLS_H

#include "bpf/kernel.h"

/* Not from <asm/unistd.h>: for the target bpf it has another machine's. */
#ifdef __TARGET_ARCH_x86
enum wl_call {
	WL_CALL_READ = 0,
	WL_CALL_WRITE = 1,
	WL_CALL_CLOSE = 3,
	WL_CALL_PREAD64 = 17,
	WL_CALL_PWRITE64 = 18,
	WL_CALL_READV = 19,
	WL_CALL_WRITEV = 20,
	WL_CALL_SENDFILE = 40,
	WL_CALL_ACCEPT = 43,
	WL_CALL_SENDTO = 44,
	WL_CALL_RECVFROM = 45,
	WL_CALL_SENDMSG = 46,
	WL_CALL_RECVMSG = 47,
	WL_CALL_FSYNC = 74,
	WL_CALL_FDATASYNC = 75,
	WL_CALL_FUTEX = 202,
	WL_CALL_ACCEPT4 = 288,
	WL_CALL_PREADV = 295,
	WL_CALL_PWRITEV = 296,
	WL_CALL_RECVMMSG = 299,
	WL_CALL_SENDMMSG = 307,
	WL_CALL_PREADV2 = 327,
	WL_CALL_PWRITEV2 = 328,
	WL_CALL_IO_URING_ENTER = 426,
};
#define WL_ARG0(regs) ((regs)->di)
#define WL_ARG1(regs) ((regs)->si)
#define WL_ARG2(regs) ((regs)->dx)
#define WL_CALL_NR(regs) ((long)(regs)->orig_ax)
#else
#error "system call numbers: add this architecture"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct inode {
	unsigned short i_mode;
};

struct file {
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_struct___files {
	struct files_struct *files;
};

#pragma clang attribute pop

/* A 32-bit program has other numbers. */
WL_INLINE int wl_call_is_compat(struct task_struct *task)
{
	return bpf_core_field_exists(task->thread_info.status) &&
	       task->thread_info.status & TS_COMPAT;
}

/* The current task's open file; 0: there is none. */
WL_INLINE struct file *wl_file_of(__u32 fd)
{
	struct task_struct___files *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = 0;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

#endif
