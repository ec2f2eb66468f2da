/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Work marks: probes in user space (whylate/mark.h, any USDT probe, any function). Unlike
 * tracepoints these programs can be preempted: what changes state or records runs with interrupts
 * off, so that nobody waits long for an item's place, and no interrupt comes between the time of a
 * mark and what it does. Strings are read before that.
 */
#ifndef WL_BPF_PROBE_MARK_H
#define WL_BPF_PROBE_MARK_H

#include "bpf/probe_irq.h"
#include "chain/mark.h"
#include <bpf/usdt.bpf.h>

extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak; /* since 6.14 */
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wl_mark_set);
} wl_mark_sets SEC(".maps");

/* Of an end mark without a begin: what its response says it was about. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wl_work);
} wl_mark_unbegun SEC(".maps");

WL_INLINE int wl_marking(void)
{
	return WL_CHAIN_CFG->until == WL_UNTIL_MARK;
}

WL_INLINE struct wl_mark_set *wl_mark_set_of(__u64 key)
{
	__u32 index = wl_mark_index(key);

	return bpf_map_lookup_elem(&wl_mark_sets, &index);
}

/* The task, which is the current one, carries an item. */
WL_GLOBAL int wl_mark_leave_now(struct wl_task *t, __u32 tid, __u32 release)
{
	struct wl_cpu *c = wl_this_cpu();
	struct wl_ev_mark_leave *e;
	struct wl_mark_set *set;
	struct wl_rec rec;
	int locked;

	if (!c || !t)
		return 0;
	set = wl_mark_set_of(t->mark);
	if (!set)
		return 0;
	locked = wl_mark_lock(set, c, release ? WL_MARK_TRIES : WL_MARK_SWITCH_TRIES);
	e = WL_RECORD_BEGIN(&rec, MARK_LEAVE, mark_leave);
	if (e) {
		e->wl_key = t->mark;
		e->wl_tid = tid;
		e->wl_flags = (locked ? WL_EV_F_DONE : 0) | WL_EV_F_CUR |
			      (release ? WL_EV_F_RELEASE : 0);
	}
	wl_mark_leave(c, locked ? set : 0, t, tid, release != 0, rec.ts);
	if (locked)
		wl_mark_unlock(set);
	if (e)
		wl_record_commit(&rec);
	return 0;
}

/* Before the switch is recorded: its time is later. */
WL_INLINE void wl_mark_switch(struct task_struct *prev)
{
	struct wl_task *t = wl_task_lookup(prev);

	if (t && t->mark)
		wl_mark_leave_now(t, prev->pid, 0);
}

/* What a mark did, for its record. */
struct wl_marked {
	__u64 now;
	__u32 flags; /* WL_EV_F_* */
	__u8 end;
};

/* m: the item, or 0 if it has not begun: then the response says what the mark says. */
WL_INLINE void wl_mark_complete(struct wl_cpu *c, struct wl_mark *m, struct wl_task *t,
				struct wl_path *p, const struct wl_mark_in *in)
{
	struct wl_end end = { .now = p->h.last, .call = -2, .kind = WL_END_MARK };
	__u32 zero = 0;

	end.work = m ? &m->work : bpf_map_lookup_elem(&wl_mark_unbegun, &zero);
	if (!end.work)
		return;
	if (!m)
		wl_mark_name(end.work, in);
	wl_complete(c, t, bpf_get_current_task_btf(), p, &end);
}

WL_INLINE void wl_mark_ends(struct wl_cpu *c, struct wl_mark *m, struct wl_task *t,
			    const struct wl_mark_in *in, struct wl_marked *did)
{
	struct wl_path *p = wl_mark_end(c, m, t, in, did->now);

	if (p) {
		did->end = WL_END_MARK;
		wl_mark_complete(c, m, t, p, in);
		did->flags |= t->flags & WL_TASK_TARGET ? WL_EV_F_TARGET : 0;
	}
	wl_mark_ended(m, t, p);
}

/* set: locked. */
static __noinline void wl_mark_apply(struct wl_cpu *c, struct wl_mark_set *set, struct wl_task *t,
				     const struct wl_mark_in *in, struct wl_marked *did)
{
	struct wl_mark *m;

	if (in->op == WL_MARK_BEGIN) {
		did->flags |= wl_mark_begin(c, set, t, in, did->now) ? WL_EV_F_FOUND : 0;
		return;
	}
	m = wl_mark_find(set, in->key);
	did->flags |= m ? WL_EV_F_FOUND : 0;
	if (in->op == WL_MARK_END)
		wl_mark_ends(c, m, t, in, did);
	else if (m)
		wl_mark_step(c, m, t, in, did->now);
	else
		wl_count_any(c, WL_CNT_MARK_UNBEGUN);
}

WL_INLINE void wl_mark_record_number(struct wl_ev_mark *e, const struct wl_mark_in *in,
				     const struct wl_marked *did)
{
	e->wl_cookie = in->cookie;
	__builtin_memcpy(e->wl_name, in->name, sizeof(e->wl_name));
	e->wl_flags = did->flags;
	e->wl_tid = in->tid;
	e->wl_op = in->op;
	e->wl_end = did->end;
}

WL_INLINE void wl_mark_record_text(struct wl_ev_mark_text *e, const struct wl_mark_in *in,
				   const struct wl_marked *did)
{
	__builtin_memcpy(e->wl_cookie, in->text, sizeof(e->wl_cookie));
	__builtin_memcpy(e->wl_name, in->name, sizeof(e->wl_name));
	e->wl_flags = did->flags;
	e->wl_tid = in->tid;
	e->wl_op = in->op;
	e->wl_end = did->end;
}

WL_INLINE void *wl_mark_record(struct wl_rec *rec, const struct wl_mark_in *in)
{
	if (in->kind == WL_COOKIE_TEXT)
		return WL_RECORD_BEGIN(rec, MARK_TEXT, mark_text);
	return WL_RECORD_BEGIN(rec, MARK, mark);
}

/* Interrupts are off. */
WL_INLINE void wl_mark_event(struct wl_cpu *c, struct wl_task *t, struct wl_mark_in *in)
{
	struct wl_mark_set *set = wl_mark_set_of(in->key);
	struct wl_marked did = { .flags = WL_EV_F_CUR };
	struct wl_rec rec;
	int locked;
	void *e;

	if (!set)
		return;
	if (t->mark && (in->op == WL_MARK_BEGIN || (in->op == WL_MARK_STEP && t->mark != in->key)))
		wl_mark_leave_now(t, in->tid, 1);
	locked = wl_mark_lock(set, c, WL_MARK_TRIES);
	e = wl_mark_record(&rec, in);
	if (locked) {
		did.flags |= WL_EV_F_DONE;
		did.now = rec.ts;
		wl_mark_apply(c, set, t, in, &did);
		wl_mark_unlock(set);
	}
	if (!e)
		return;
	did.flags |= wl_task_cur(t)->h.id ? 0 : WL_EV_F_FREE;
	if (in->kind == WL_COOKIE_TEXT)
		wl_mark_record_text(e, in, &did);
	else
		wl_mark_record_number(e, in, &did);
	wl_record_commit(&rec);
}

/* A mark has been read: in->op, kind, cookie, text, name. */
static __noinline void wl_mark_made(struct wl_mark_in *in)
{
	struct task_struct *task = bpf_get_current_task_btf();
	unsigned long flags;
	struct wl_cpu *c;
	struct wl_task *t;

	in->tid = task->pid;
	in->tgid = task->tgid;
	in->key = wl_mark_key(WL_CHAIN_CFG, in);
	bpf_local_irq_save(&flags);
	c = wl_this_cpu();
	t = wl_current();
	if (c && t)
		wl_mark_event(c, t, in);
	bpf_local_irq_restore(&flags);
}

WL_INLINE int wl_mark_lost(void)
{
	struct wl_cpu *c = wl_this_cpu();

	if (c)
		wl_count_any(c, WL_CNT_MARK_LOST);
	return 0;
}

/* Text of user space that is not in memory is not waited for. */
WL_INLINE int wl_mark_read(char *to, __u32 size, __u64 address)
{
	return bpf_probe_read_user_str(to, size, (const void *)address) >= 0 ? 1 : wl_mark_lost();
}

/* value: of the cookie; name: of the step's name, or 0. */
WL_INLINE void wl_mark_site(const struct wl_mark_site *site, __u64 value, __u64 name)
{
	struct wl_mark_in in = {};

	in.op = site->op;
	in.kind = site->kind;
	if (site->kind == WL_COOKIE_NUMBER)
		in.cookie = value;
	else if (!wl_mark_read(in.text, sizeof(in.text), value))
		return;
	if (name && !wl_mark_read(in.name, sizeof(in.name), name))
		in.name[0] = '?';
	wl_mark_made(&in);
}

WL_INLINE void wl_mark_site_of(struct wl_mark_site *site, __u64 cookie)
{
	__builtin_memcpy(site, &cookie, sizeof(*site));
}

SEC("?usdt")
int wl_mark_usdt(struct pt_regs *ctx)
{
	long value = 0, name = 0;
	struct wl_mark_site site;

	if (!wl_on || !wl_task_reaches(bpf_get_current_task_btf()))
		return 0;
	wl_mark_site_of(&site, bpf_usdt_cookie(ctx));
	if (site.key == WL_MARK_AT_TID)
		value = bpf_get_current_task_btf()->pid;
	else if (bpf_usdt_arg(ctx, site.key, &value))
		return wl_mark_lost();
	if (site.name != WL_MARK_NO_NAME && bpf_usdt_arg(ctx, site.name, &name))
		return wl_mark_lost();
	wl_mark_site(&site, value, name);
	return 0;
}

WL_INLINE __u64 wl_mark_function_arg(const struct pt_regs *regs, __u8 n)
{
	switch (n) {
	case 0:
		return regs->di;
	case 1:
		return regs->si;
	case 2:
		return regs->dx;
	case 3:
		return regs->cx;
	case 4:
		return regs->r8;
	case 5:
		return regs->r9;
	case WL_MARK_AT_RESULT:
		return regs->ax;
	default:
		return (__u32)bpf_get_current_task_btf()->pid;
	}
}

/* Any function, where it begins or returns. */
SEC("?uprobe")
int wl_mark_uprobe(struct pt_regs *ctx)
{
	struct wl_mark_site site;

	if (!wl_on || !wl_task_reaches(bpf_get_current_task_btf()))
		return 0;
	wl_mark_site_of(&site, bpf_get_attach_cookie(ctx));
	wl_mark_site(&site, wl_mark_function_arg(ctx, site.key), 0);
	return 0;
}

#endif
