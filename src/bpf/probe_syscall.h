/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * System calls with their arguments, for the flight recorder: of targets, or of everybody if asked
 * for. What of them is recorded, abi/syscall_fields.h says; user space fills the table in.
 */
#ifndef WL_BPF_PROBE_SYSCALL_H
#define WL_BPF_PROBE_SYSCALL_H

#include "bpf/probe_trace.h"
#include "abi/syscall_fields.h"

/* The native table's calls, then those of the 32-bit one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * WL_SYSCALL_LAYOUTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wl_syscall_layout);
} wl_syscall_layouts SEC(".maps");

/* 6 fields, 2 of them strings of 8 slots, and a result: 21 slots at most. */
#define WL_SLOT_LIMIT_MASK 31

struct wl_syscall {
	__u64 args[8]; /* 6, rounded up for masking */
	const struct wl_syscall_layout *layout;
	__u32 id; /* of the entry's event */
};

WL_INLINE void wl_syscall_args(__u64 *args, struct pt_regs *regs, __u32 compat)
{
	args[0] = compat ? (__u32)regs->bx : regs->di;
	args[1] = compat ? (__u32)regs->cx : regs->si;
	args[2] = compat ? (__u32)regs->dx : regs->dx;
	args[3] = compat ? (__u32)regs->si : regs->r10;
	args[4] = compat ? (__u32)regs->di : regs->r8;
	args[5] = compat ? (__u32)regs->bp : regs->r9;
	args[6] = 0;
	args[7] = 0;
}

/* 0: not of interest. */
WL_INLINE int wl_syscall_of(struct wl_syscall *call, struct pt_regs *regs, long nr)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 compat = task->thread_info.status & TS_COMPAT ? 1 : 0;
	__u32 index;

	if (!wl_on || nr < 0 || nr >= WL_SYSCALL_LAYOUTS)
		return 0;
	if (wl_config()->syscalls != WL_SYSCALLS_ALL && !wl_is_shown(task))
		return 0;
	index = (__u32)nr + compat * WL_SYSCALL_LAYOUTS;
	call->layout = bpf_map_lookup_elem(&wl_syscall_layouts, &index);
	if (!call->layout)
		return 0;
	call->id = (compat ? WL_EV_COMPAT_ENTRY : WL_EV_SYSCALL_ENTRY) + (__u32)nr;
	wl_syscall_args(call->args, regs, compat);
	return 1;
}

WL_INLINE __u64 wl_syscall_arg(const struct wl_syscall *call, __u32 arg)
{
	wl_opaque(arg);
	return call->args[arg & 7];
}

/* Slots of an entry's payload. */
WL_INLINE __u32 wl_syscall_slots(const struct wl_syscall_layout *l)
{
	__u32 text = l->entry_text;
	__u32 texts = (text & 1) + (text >> 1 & 1) + (text >> 2 & 1) + (text >> 3 & 1) +
		      (text >> 4 & 1) + (text >> 5 & 1);

	return l->nentry + texts * (WL_SYSCALL_TEXT / WL_SYSCALL_SLOT - 1);
}

WL_INLINE __u64 *wl_syscall_slot(void *payload, __u32 slot)
{
	wl_opaque(slot);
	return (__u64 *)payload + (slot & WL_SLOT_LIMIT_MASK);
}

/*
 * A page that is not in memory can't be read: nothing here may sleep. (Never all zeros: babeltrace2
 * shows the text of the record before then.)
 */
WL_INLINE void wl_syscall_text(__u64 *slot, __u64 address)
{
	__builtin_memset(slot, 0, WL_SYSCALL_TEXT);
	if (bpf_probe_read_user_str(slot, WL_SYSCALL_TEXT, (const void *)address) < 0)
		*slot = '?';
}

static __noinline void wl_syscall_fill(void *payload, const struct wl_syscall *call)
{
	const struct wl_syscall_layout *l = call->layout;
	__u32 slot = 0;

	for (__u32 i = 0; i < WL_SYSCALL_ARGS; i++) {
		__u64 value = wl_syscall_arg(call, l->entry_arg[i]);

		if (i >= l->nentry)
			break;
		if (l->entry_text >> i & 1) {
			wl_syscall_text(wl_syscall_slot(payload, slot), value);
			slot += WL_SYSCALL_TEXT / WL_SYSCALL_SLOT;
		} else {
			*wl_syscall_slot(payload, slot) = value;
			slot++;
		}
	}
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(wl_sys_enter, struct pt_regs *regs, long nr)
{
	struct wl_syscall call;
	struct wl_rec rec;
	__u32 slots;
	void *e;

	if (!wl_syscall_of(&call, regs, nr))
		return 0;
	slots = wl_syscall_slots(call.layout);
	e = wl_record_begin(&rec, call.id,
			    sizeof(struct wl_record) +
				    WL_SYSCALL_BYTES(slots, WL_SYSCALL_ENTRY_TAIL(call.layout)));
	if (!e)
		return 0;
	wl_syscall_fill(e, &call);
	wl_record_commit(&rec);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(wl_sys_exit, struct pt_regs *regs, long ret)
{
	struct wl_syscall call;
	struct wl_rec rec;
	__u32 nexit;
	void *e;

	if (wl_stacks)
		wl_stack_returns(ctx);
	if (!wl_syscall_of(&call, regs, (long)regs->orig_ax))
		return 0;
	nexit = call.layout->nexit;
	e = wl_record_begin(&rec, call.id + WL_EV_SYSCALL_EXIT - WL_EV_SYSCALL_ENTRY,
			    sizeof(struct wl_record) +
				    WL_SYSCALL_BYTES(nexit + 1, WL_SYSCALL_EXIT_TAIL(call.layout)));
	if (!e)
		return 0;
	*wl_syscall_slot(e, 0) = (__u64)ret;
	for (__u32 i = 0; i < WL_SYSCALL_ARGS; i++) {
		if (i >= nexit)
			break;
		*wl_syscall_slot(e, i + 1) = wl_syscall_arg(&call, call.layout->exit_arg[i]);
	}
	wl_record_commit(&rec);
	return 0;
}

#endif
