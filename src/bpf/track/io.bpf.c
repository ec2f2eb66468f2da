// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * One table over the levels that a file's data passes: the system call, the file system, the queue
 * of the device, the device. File systems have no tracepoints in common: direct I/O that goes
 * through iomap (6.6), and buffered writes and fsync of ext4, are what can be seen.
 */
#include "bpf/track/track.h"
#include "bpf/track/calls.h"
#include "bpf/track/request.h"

#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFBLK 0060000

enum wl_io_level {
	system_call,
	file_system,
	queue,
	device,
};

enum wl_io_op {
	read,
	write,
	sync,
	other,
};

struct wl_io_key {
	__u64 what; /* thread, or request */
	enum wl_io_level level;
	__u32 pad;
};

struct wl_io {
	char process[16];
	lt_tid tid;
	enum wl_io_op op;
	__u64 pad_direct; /* of a system call: control block of direct I/O that it waits for */
};

struct wl_io_row {
	enum wl_io_level level;
	enum wl_io_op op;
};

LATENCY_TRACKER(io, struct wl_io_key, struct wl_io, 32768);
LATENCY_TRACKER_ROWS(io, struct wl_io_row, 32);

WL_INLINE void wl_io_begin_as(const struct wl_io *io, __u64 what, enum wl_io_level level, __u64 now)
{
	struct wl_io_key key = { .what = what, .level = level };

	latency_tracker_event_in_at(io, &key, io, now);
}

WL_INLINE void wl_io_begin(__u64 what, enum wl_io_level level, enum wl_io_op op,
			   struct task_struct *task, __u64 now)
{
	struct wl_io io = { .tid = task->pid, .op = op };

	wl_comm_of(io.process, task->group_leader);
	wl_io_begin_as(&io, what, level, now);
}

WL_INLINE void wl_io_discard(__u64 what, enum wl_io_level level)
{
	struct wl_io_key key = { .what = what, .level = level };

	latency_tracker_discard(io, &key);
}

WL_INLINE void wl_io_end(__u64 what, enum wl_io_level level, __u64 now)
{
	struct wl_io_key key = { .what = what, .level = level };
	struct lt1_event_io *e = latency_tracker_find(io, &key);
	struct wl_io_row row = { .level = level };

	if (!e)
		return;
	row.op = e->priv.op;
	latency_tracker_event_out_row(io, &key, &row, now);
}

/* --- system calls --- */

WL_INLINE int wl_io_call_op(long nr)
{
	switch (nr) {
	case WL_CALL_READ:
	case WL_CALL_PREAD64:
	case WL_CALL_READV:
	case WL_CALL_PREADV:
	case WL_CALL_PREADV2:
		return read;
	case WL_CALL_WRITE:
	case WL_CALL_PWRITE64:
	case WL_CALL_WRITEV:
	case WL_CALL_PWRITEV:
	case WL_CALL_PWRITEV2:
		return write;
	case WL_CALL_FSYNC:
	case WL_CALL_FDATASYNC:
		return sync;
	default:
		return -1;
	}
}

WL_INLINE int wl_io_is_file(__u32 fd)
{
	struct file *file = wl_file_of(fd);
	unsigned int mode = file ? BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT : 0;

	return mode == S_IFREG || mode == S_IFBLK;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(wl_track_sys_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	int op = wl_io_call_op(nr);

	if (op < 0 || wl_call_is_compat(task) || !wl_track_wants(task) ||
	    !wl_io_is_file(WL_ARG0(regs)))
		return 0;
	wl_io_begin(task->pid, system_call, op, task, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wl_track_sys_exit, struct pt_regs *regs, long result)
{
	struct wl_io_key key = { .what = (lt_tid)bpf_get_current_pid_tgid(), .level = system_call };
	struct lt1_event_io *e;

	if (wl_io_call_op(WL_CALL_NR(regs)) < 0)
		return 0;
	e = latency_tracker_find(io, &key);
	if (e && e->priv.pad_direct) /* at the end of a file it is begun and never completed */
		wl_io_discard(e->priv.pad_direct, file_system);
	wl_io_end(key.what, system_call, bpf_ktime_get_ns());
	return 0;
}

/* --- file systems: nested calls of one thread are counted by the innermost --- */

WL_INLINE int wl_io_fs_begin(enum wl_io_op op)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (wl_track_wants(task))
		wl_io_begin(task->pid, file_system, op, task, bpf_ktime_get_ns());
	return 0;
}

WL_INLINE int wl_io_fs_end(void)
{
	wl_io_end((lt_tid)bpf_get_current_pid_tgid(), file_system, bpf_ktime_get_ns());
	return 0;
}

#define FILE_SYSTEM(begin, end, op)                                                                \
	SEC("?tp_btf/" #begin)                                                                     \
	int wl_track_##begin(void *ctx)                                                            \
	{                                                                                          \
		return wl_io_fs_begin(op);                                                         \
	}                                                                                          \
	SEC("?tp_btf/" #end)                                                                       \
	int wl_track_##end(void *ctx)                                                              \
	{                                                                                          \
		return wl_io_fs_end();                                                             \
	}

FILE_SYSTEM(ext4_sync_file_enter, ext4_sync_file_exit, sync)
FILE_SYSTEM(ext4_da_write_begin, ext4_da_write_end, write)
FILE_SYSTEM(ext4_write_begin, ext4_write_end, write)

/* Direct I/O may end in another thread: by its control block. */
struct kiocb {
	void *ki_complete; /* 0: it is waited for */
} __attribute__((preserve_access_index));

struct iov_iter {
	bool data_source;
} __attribute__((preserve_access_index));

WL_INLINE void wl_io_note_direct(struct task_struct *task, struct kiocb *iocb)
{
	struct wl_io_key key = { .what = task->pid, .level = system_call };
	struct lt1_event_io *e = latency_tracker_find(io, &key);

	if (e)
		e->priv.pad_direct = (__u64)iocb;
}

SEC("?tp_btf/iomap_dio_rw_begin")
int BPF_PROG(wl_track_dio_begin, struct kiocb *iocb, struct iov_iter *iter)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!wl_track_wants(task)) { /* nor is it that of who had the same control block before */
		wl_io_discard((__u64)iocb, file_system);
		return 0;
	}
	wl_io_begin((__u64)iocb, file_system, iter->data_source ? write : read, task,
		    bpf_ktime_get_ns());
	if (!iocb->ki_complete)
		wl_io_note_direct(task, iocb);
	return 0;
}

SEC("?tp_btf/iomap_dio_complete")
int BPF_PROG(wl_track_dio_complete, struct kiocb *iocb, int error, long result)
{
	wl_io_end((__u64)iocb, file_system, bpf_ktime_get_ns());
	return 0;
}

/* --- block devices --- */

WL_INLINE enum wl_io_op wl_io_request_op(struct request *rq)
{
	switch (wl_request_op(rq)) {
	case 0:
		return read;
	case 1:
		return write;
	case 2:
		return sync;
	default:
		return other;
	}
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(wl_track_insert, struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (wl_track_wants(task))
		wl_io_begin((__u64)rq, queue, wl_io_request_op(rq), task, bpf_ktime_get_ns());
	else /* nor is it that of who had the same request before */
		wl_io_discard((__u64)rq, queue);
	return 0;
}

/* It has become part of another one. */
SEC("?tp_btf/block_rq_merge")
int BPF_PROG(wl_track_merge, struct request *rq)
{
	wl_io_discard((__u64)rq, queue);
	return 0;
}

/* One that was in the queue is issued by whoever runs the queue: it stays its owner's. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(wl_track_issue, struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_io_key key = { .what = (__u64)rq, .level = queue };
	struct lt1_event_io *e = latency_tracker_find(io, &key);
	__u64 now = bpf_ktime_get_ns();

	if (e) {
		struct wl_io io = e->priv;

		wl_io_end((__u64)rq, queue, now);
		wl_io_begin_as(&io, (__u64)rq, device, now);
	} else if (wl_track_wants(task)) {
		wl_io_begin((__u64)rq, device, wl_io_request_op(rq), task, now);
	}
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(wl_track_complete, struct request *rq, int error, unsigned int bytes)
{
	if (wl_request_ends(rq, bytes))
		wl_io_end((__u64)rq, device, bpf_ktime_get_ns());
	return 0;
}
