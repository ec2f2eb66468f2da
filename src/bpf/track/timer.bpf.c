// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * From the time that a high-resolution timer is programmed for until its handler runs: slack that
 * was asked for is in it.
 *
 * Before 6.17 or so the kernel says "cancelled" of a timer that is about to expire, too, and
 * "expires" right afterwards on that CPU: what is known of it is kept there in between.
 *
 * A handler may ask for another round, as that of the tick does: then the kernel starts its timer
 * again behind "expire_exit", still as the one that runs on its base.
 */
#include "bpf/track/track.h"

#define FIRST_SOFT_BASE 4 /* HRTIMER_BASE_MONOTONIC_SOFT */

struct wl_timer {
	char process[16]; /* who started it */
	char comm[16];
	lt_tid tid;
	__u32 pad;
	lt_ksym function;
};

struct wl_timer_row {
	struct wl_track_name name;
	lt_ksym function;
};

/* On each CPU, for timers that expire in interrupts and for those that do in softirqs. */
struct wl_timer_slot {
	__u64 timer;        /* the one that was cancelled, or runs */
	wl_ktime_t expires; /* as it was cancelled: started again it is another one */
	__u64 start;        /* when it should have run */
	__u64 id;           /* of its event */
	__u64 running;      /* timer whose handler runs; 0: none */
	__u64 last;         /* timer whose handler ran last */
	__u64 owned;        /* it is somebody's */
	struct wl_timer what;
	struct wl_timer whose; /* the last one's */
};

LATENCY_TRACKER(timer, lt_hex, struct wl_timer, 32768);
LATENCY_TRACKER_ROWS(timer, struct wl_timer_row, WL_TRACK_ROWS);

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wl_timer_slot);
} wl_timer_slots SEC(".maps");

WL_INLINE struct wl_timer_slot *wl_timer_slot(struct hrtimer *timer)
{
	__u32 soft = timer->base->index >= FIRST_SOFT_BASE;

	return bpf_map_lookup_elem(&wl_timer_slots, &soft);
}

/* A timer that its own handler starts again, or asks to be, stays its owner's; another one of a
 * handler is nobody's. */
WL_INLINE int wl_timer_owner(struct wl_timer *t, const struct wl_timer_slot *slot,
			     struct hrtimer *timer)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = (__u64)timer;

	if (slot->running) {
		*t = slot->what;
		return slot->running == key && slot->timer == key;
	}
	if (slot->last == key && (__u64)timer->base->running == key) {
		*t = slot->whose;
		return slot->owned;
	}
	wl_comm_of(t->process, task->group_leader);
	wl_comm_of(t->comm, task);
	t->tid = task->pid;
	t->pad = 0;
	return wl_track_wants(task);
}

SEC("tp_btf/hrtimer_start")
int BPF_PROG(wl_track_timer_start, struct hrtimer *timer)
{
	struct wl_timer_slot *slot = wl_timer_slot(timer);
	lt_hex key = (lt_hex)timer;
	struct wl_timer t;

	if (!slot || !wl_timer_owner(&t, slot, timer))
		return 0;
	t.function = (lt_ksym)timer->function;
	latency_tracker_event_in_at(timer, &key, &t, timer->_softexpires - timer->base->offset);
	return 0;
}

SEC("tp_btf/hrtimer_cancel")
int BPF_PROG(wl_track_timer_cancel, struct hrtimer *timer)
{
	struct wl_timer_slot *slot = wl_timer_slot(timer);
	lt_hex key = (lt_hex)timer;
	struct lt1_event_timer *e = latency_tracker_find(timer, &key);

	if (!slot || !e)
		return 0;
	if (!slot->running) { /* else a handler cancels another one */
		slot->expires = timer->_softexpires;
		slot->start = e->head.start;
		slot->id = e->head.id;
		slot->what = e->priv;
		slot->timer = key;
	}
	latency_tracker_discard(timer, &key);
	return 0;
}

WL_INLINE void wl_timer_row_of(struct wl_timer_row *row, const struct wl_timer *t)
{
	__builtin_memcpy(row->name.process, t->process, sizeof(row->name.process));
	__builtin_memcpy(row->name.comm, t->comm, sizeof(row->name.comm));
	row->function = t->function;
}

/* It was no cancellation: the event that was forgotten for it ends, under its own number. */
WL_INLINE void wl_timer_expired(struct wl_timer_slot *slot, __u64 now)
{
	struct lt1_control *control = lt1_switch_timer();
	lt_hex key = slot->timer;
	struct wl_timer_row row;

	if (!control)
		return;
	__sync_fetch_and_add(&control->discarded, -1);
	wl_timer_row_of(&row, &slot->what);
	lt1_count_timer(&lt1_rows_timer, &row, &key, &slot->what, slot->id, slot->start, now);
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(wl_track_timer_entry, struct hrtimer *timer)
{
	struct wl_timer_slot *slot = wl_timer_slot(timer);
	__u64 now = bpf_ktime_get_ns();
	lt_hex key = (lt_hex)timer;
	struct lt1_event_timer *e = latency_tracker_find(timer, &key);
	struct wl_timer_row row;

	if (!slot)
		return 0;
	slot->running = key;
	if (e) {
		slot->what = e->priv;
		slot->timer = key;
		wl_timer_row_of(&row, &slot->what);
		latency_tracker_event_out_row(timer, &key, &row, now);
	} else if (slot->timer == key && slot->expires == timer->_softexpires) {
		wl_timer_expired(slot, now);
	} else {
		slot->timer = 0;
	}
	return 0;
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(wl_track_timer_exit, struct hrtimer *timer)
{
	struct wl_timer_slot *slot = wl_timer_slot(timer);

	if (!slot)
		return 0;
	slot->last = (__u64)timer;
	slot->owned = slot->timer == (__u64)timer;
	if (slot->owned)
		slot->whose = slot->what;
	slot->running = 0;
	slot->timer = 0;
	return 0;
}
