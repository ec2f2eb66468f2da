// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * User-defined trackers: what their expressions say is read from .rodata, which the verifier knows
 * when it loads the programs: of each event that is what is left of them. One program per kind of
 * event and end; user space loads two.
 */
#define __VMLINUX_H__ /* registers have the kernel's names in bpf/kernel.h */
#include "bpf/track/track.h"
#include "abi/user_tracker.h"
#include <bpf/usdt.bpf.h>

enum wl_user_kind {
	USER_TRACEPOINT,
	USER_PROBE,
	USER_USDT,
	USER_TRAMPOLINE,
};

enum wl_user_end {
	USER_BEGIN,
	USER_END,
};

const volatile struct wl_user_config wl_user = {};
const volatile __u32 wl_user_filtered = 0; /* -p, -n and their like */

struct wl_user_key {
	struct wl_user_value part[WL_USER_KEYS];
};

struct wl_user_private {
	char process[16];
	char comm[16];
	lt_pid pid;
	lt_tid tid;
	struct wl_user_value by;
};

LATENCY_TRACKER(user, struct wl_user_key, struct wl_user_private, 65536);
LATENCY_TRACKER_ROWS(user, struct wl_user_value, 1024);

WL_INLINE const struct wl_user_config *wl_user_config(void)
{
	const struct wl_user_config *cfg = (const struct wl_user_config *)&wl_user;

	asm("" : "+r"(cfg)); /* see wl_config() */
	return cfg;
}

/* --- one value --- */

/* Only the lower bytes count. */
WL_INLINE void wl_user_extend(struct wl_user_value *v, const struct wl_user_expr *e)
{
	__u32 shift = 64 - 8 * e->size;

	if (!e->size || e->size >= 8)
		return;
	v->v[0] <<= shift;
	v->v[0] = e->sign ? (__u64)((__s64)v->v[0] >> shift) : v->v[0] >> shift;
}

WL_INLINE void wl_user_field(struct wl_user_value *v, const struct wl_user_expr *e, void *ctx)
{
	__u32 size = e->size;

	if (!size || size > WL_USER_TEXT)
		return;
	bpf_probe_read_kernel(v, size, ctx + e->at);
	wl_user_extend(v, e);
}

WL_INLINE void wl_user_text(struct wl_user_value *v, const void *from)
{
	__u64 copy[3] = {}; /* a text of the whole length has no NUL */

	bpf_probe_read_kernel_str(copy, WL_USER_TEXT + 1, from);
	v->v[0] = copy[0];
	v->v[1] = copy[1];
}

WL_INLINE void wl_user_text_loc(struct wl_user_value *v, const struct wl_user_expr *e, void *ctx)
{
	__u32 place = 0;

	bpf_probe_read_kernel(&place, sizeof(place), ctx + e->at);
	wl_user_text(v, ctx + (place & 0xffff));
}

WL_INLINE __u64 wl_user_register(struct pt_regs *regs, __u32 nr)
{
	switch (nr) {
	case 0:
		return PT_REGS_PARM1_CORE(regs);
	case 1:
		return PT_REGS_PARM2_CORE(regs);
	case 2:
		return PT_REGS_PARM3_CORE(regs);
	case 3:
		return PT_REGS_PARM4_CORE(regs);
	case 4:
		return PT_REGS_PARM5_CORE(regs);
	default:
		return BPF_CORE_READ(regs, r9);
	}
}

/* 0, or it can't be read: this place of a probe doesn't have it, or its memory is not there. */
WL_INLINE int wl_user_arg(struct wl_user_value *v, enum wl_user_kind kind,
			  const struct wl_user_expr *e, void *ctx)
{
	long value = 0;
	int ret = 0;

	if (kind == USER_PROBE)
		value = wl_user_register(ctx, e->at);
	if (kind == USER_USDT)
		ret = bpf_usdt_arg(ctx, e->at, &value);
	if (kind == USER_TRAMPOLINE && e->at < 12)
		bpf_probe_read_kernel(&value, sizeof(value), ctx + 8 * e->at);
	v->v[0] = value;
	wl_user_extend(v, e);
	return ret;
}

/* 0, or it has no value. */
WL_INLINE int wl_user_eval(struct wl_user_value *v, enum wl_user_kind kind,
			   const struct wl_user_expr *e, void *ctx)
{
	v->v[0] = 0;
	v->v[1] = 0;
	switch (e->source) {
	case WL_USER_FIELD:
		if (kind == USER_TRACEPOINT)
			wl_user_field(v, e, ctx);
		return 0;
	case WL_USER_TEXT_FIELD:
		if (kind == USER_TRACEPOINT)
			wl_user_text(v, ctx + e->at);
		return 0;
	case WL_USER_TEXT_LOC:
		if (kind == USER_TRACEPOINT)
			wl_user_text_loc(v, e, ctx);
		return 0;
	case WL_USER_ARG:
		return wl_user_arg(v, kind, e, ctx);
	case WL_USER_RESULT:
		if (kind == USER_PROBE)
			v->v[0] = PT_REGS_RC_CORE((struct pt_regs *)ctx);
		return 0;
	case WL_USER_TID:
		v->v[0] = (__u32)bpf_get_current_pid_tgid();
		return 0;
	case WL_USER_PID:
		v->v[0] = bpf_get_current_pid_tgid() >> 32;
		return 0;
	case WL_USER_CPU:
		v->v[0] = bpf_get_smp_processor_id();
		return 0;
	case WL_USER_COMM:
		bpf_get_current_comm(v, sizeof(*v));
		return 0;
	default:
		return 0;
	}
}

/* An event that can't be told from others is not one of ours: it is among the skipped ones. */
WL_INLINE int wl_user_skip(void)
{
	struct lt1_control *control = lt1_switch_user();

	if (control && control->on)
		latency_tracker_count(&control->lost);
	return 0;
}

/* --- --where --- */

WL_INLINE int wl_user_compare(const struct wl_user_value *a, const struct wl_user_term *t)
{
	__u64 l = a->v[0], r = t->right.v[0];
	int less = t->left.sign ? (__s64)l < (__s64)r : l < r;
	int same = l == r && a->v[1] == t->right.v[1];

	switch (t->compare) {
	case WL_USER_EQ:
		return same;
	case WL_USER_NE:
		return !same;
	case WL_USER_LT:
		return less;
	case WL_USER_LE:
		return less || same;
	case WL_USER_GT:
		return !less && !same;
	case WL_USER_GE:
		return !less;
	default:
		return (l & r) != 0;
	}
}

/* Does it hold? Below 0: it can't be said. */
WL_INLINE int wl_user_wants(enum wl_user_kind kind, void *ctx)
{
	const struct wl_user_config *cfg = wl_user_config();
	int all = 1;

	for (__u32 i = 0; i < WL_USER_TERMS; i++) {
		struct wl_user_value value;

		if (i >= cfg->nterms)
			break;
		if (cfg->where[i].begins) {
			if (all)
				return 1;
			all = 1;
		}
		if (!all)
			continue; /* what can't be read does not matter any more */
		if (wl_user_eval(&value, kind, &cfg->where[i].left, ctx))
			return -1;
		all = wl_user_compare(&value, &cfg->where[i]);
	}
	return all;
}

/* --- the two ends --- */

WL_INLINE int wl_user_key(struct wl_user_key *key, enum wl_user_kind kind, enum wl_user_end end,
			  void *ctx)
{
	const struct wl_user_config *cfg = wl_user_config();
	int ret = 0;

	for (__u32 i = 0; i < WL_USER_KEYS; i++)
		ret |= wl_user_eval(&key->part[i], kind, &cfg->key[end][i], ctx);
	return ret;
}

WL_INLINE int wl_user_begin(enum wl_user_kind kind, void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wl_user_private p = { .pid = task->tgid, .tid = task->pid };
	struct wl_user_key key;
	int wants;

	if ((__u32)task->tgid == wl_targets()->self)
		return 0;
	wants = wl_user_wants(kind, ctx);
	if (!wants || (wl_user_filtered && !wl_track_wants(task)))
		return 0;
	if (wants < 0 || wl_user_key(&key, kind, USER_BEGIN, ctx) ||
	    wl_user_eval(&p.by, kind, &wl_user_config()->by, ctx))
		return wl_user_skip();
	wl_comm_of(p.process, task->group_leader);
	wl_comm_of(p.comm, task);
	latency_tracker_event_in(user, &key, &p);
	return 0;
}

WL_INLINE int wl_user_finish(enum wl_user_kind kind, void *ctx)
{
	__u64 now = bpf_ktime_get_ns();
	struct lt1_event_user *e;
	struct wl_user_value row;
	struct wl_user_key key;

	if (wl_user_key(&key, kind, USER_END, ctx))
		return wl_user_skip();
	e = latency_tracker_find(user, &key);
	if (!e)
		return 0;
	row = e->priv.by;
	latency_tracker_event_out_row(user, &key, &row, now);
	return 0;
}

#define USER_PROGRAMS(kind, section, end)                                                          \
	SEC("?" section)                                                                           \
	int wl_user_begin_##end(void *ctx)                                                         \
	{                                                                                          \
		return wl_user_begin(kind, ctx);                                                   \
	}                                                                                          \
	SEC("?" section)                                                                           \
	int wl_user_end_##end(void *ctx)                                                           \
	{                                                                                          \
		return wl_user_finish(kind, ctx);                                                  \
	}

USER_PROGRAMS(USER_TRACEPOINT, "tracepoint", tp)
USER_PROGRAMS(USER_PROBE, "kprobe", probe)
USER_PROGRAMS(USER_USDT, "usdt", usdt)
USER_PROGRAMS(USER_TRAMPOLINE, "fentry", fentry)
USER_PROGRAMS(USER_TRAMPOLINE, "fexit", fexit)
