/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The few fields of kernel structures that we read, relocated at load time (CO-RE). Variants are
 * named after what changed. Sources:
 * include/linux/{sched,interrupt,hrtimer,cgroup-defs,smp_types}.h, kernel/sched/sched.h of
 * Linux 6.1 to 6.18.
 */
#ifndef WL_BPF_KERNEL_H
#define WL_BPF_KERNEL_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>

#define __VMLINUX_H__ /* for libbpf: registers have the names of the kernel (below) */
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

typedef __s64 wl_ktime_t;

#define PF_IO_WORKER 0x00000010
#define PF_USER_WORKER 0x00004000 /* 6.4; before: PF_WQ_WORKER is 0x20, this bit was unused */
#define PF_KTHREAD 0x00200000

#define TASK_INTERRUPTIBLE 0x0001
#define TASK_STOPPED_BITS 0x000c /* __TASK_STOPPED | __TASK_TRACED */
#define TASK_REPORT_BITS 0x007f
#define TASK_REPORT_IDLE 0x0080
#define TASK_DEAD 0x0080
#define TASK_IDLE_BITS 0x0402 /* TASK_UNINTERRUPTIBLE | TASK_NOLOAD */
#define TASK_NOLOAD 0x0400
#define TASK_RTLOCK_WAIT 0x1000

#define TS_COMPAT 0x0002 /* thread_info.status: 32-bit system call */

#define CSD_TYPE_MASK 0xf0
#define CSD_TYPE_TTWU 0x30 /* a remote wake-up: sched_waking has handed the chain over already */

#define AF_UNIX_FAMILY 1
#define PROTO_TCP 6
#define TCP_CLOSE 7

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	__u32 status;
	__u32 cpu;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[];
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

typedef struct {
	__u32 val;
} wl_kuid_t;

struct cred {
	wl_kuid_t euid;
};

struct rq {
	__u64 prev_steal_time_rq;
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
	int throttle_count;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	unsigned int flags;
	int on_cpu;
	int prio;
	unsigned int policy;
	struct sched_entity se;
	unsigned int in_iowait : 1;
	int exit_state;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	struct task_struct *group_leader;
	const struct cred *real_cred;
	char comm[16];
	struct css_set *cgroups;
};

/* 6.18: a task is throttled by itself. */
struct task_struct___throttled {
	bool throttled;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[];
};

struct irqaction {
	struct task_struct *thread;
	const char *name;
};

struct timerqueue_node {
	wl_ktime_t expires;
};

struct hrtimer_clock_base {
	unsigned int index;
	int clockid;
	struct hrtimer *running;
	wl_ktime_t offset;
};

struct hrtimer {
	struct timerqueue_node node;
	wl_ktime_t _softexpires;
	void *function;
	struct hrtimer_clock_base *base;
};

struct work_struct {
	void *func;
};

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	__u64 __sector;
};

enum req_flag_bits {
	__REQ_SYNC = 11,
	__REQ_META = 12,
	__REQ_FUA = 17,
	__REQ_PREFLUSH = 18,
	__REQ_RAHEAD = 19,
};

struct net_device {
	char name[16];
};

struct sk_buff {
	unsigned int len;
	unsigned char *head;
	unsigned char *data;
	__u16 transport_header; /* from head */
	struct sock *sk;
	struct net_device *dev;
};

struct __call_single_node {
	unsigned int u_flags;
};

struct __call_single_data {
	struct __call_single_node node;
};

struct sock_common {
	unsigned short skc_family;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
};

#ifdef __TARGET_ARCH_x86
struct pt_regs {
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long bp;
	unsigned long bx;
	unsigned long dx;
	unsigned long cx;
	unsigned long si;
	unsigned long di;
	unsigned long ip;
	unsigned long sp;
	unsigned long orig_ax;
};
#else
#error "the system call that a task blocks in is read from the saved registers: add this architecture"
#endif

struct linux_binprm {
	const char *filename;
};

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_map;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

#pragma clang attribute pop

struct pool_workqueue;

#endif
