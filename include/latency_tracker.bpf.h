/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * latency_tracker for BPF programs: how long is it from an event to the one that ends it, and which
 * ones took too long? See latency_tracker.bpf(7). A tracker is a few lines:
 *
 *	#include "vmlinux.h"
 *	#include <bpf/bpf_tracing.h>
 *	#include "latency_tracker.bpf.h"
 *
 *	struct who { char comm[16]; };
 *	LATENCY_TRACKER(wakeup, lt_tid, struct who, 4096);
 *
 *	SEC("tp_btf/sched_waking")
 *	int BPF_PROG(waking, struct task_struct *p)
 *	{
 *		lt_tid tid = p->pid;
 *		struct who who;
 *
 *		bpf_get_current_comm(who.comm, sizeof(who.comm));
 *		latency_tracker_event_in(wakeup, &tid, &who);
 *		return 0;
 *	}
 *
 *	SEC("tp_btf/sched_switch")
 *	int BPF_PROG(in, bool preempt, struct task_struct *prev, struct task_struct *next)
 *	{
 *		lt_tid tid = next->pid;
 *
 *		latency_tracker_event_out(wakeup, &tid);
 *		return 0;
 *	}
 *
 *	char LICENSE[] SEC("license") = "GPL";
 *
 * and `whylate track FILE.bpf.o` loads it and shows it. Compile with
 * clang -g -O2 -target bpf -mcpu=v3 -c (-g: types are read from BTF; v3: 64-bit compare-and-swap).
 *
 * Any context: task, softirq, interrupt, NMI. Everything is allocated when the object is loaded;
 * nothing sleeps or waits. What there was no room for is counted (struct lt1_control).
 * An in and an out of the same key must not run at the same time on two CPUs: the out might take
 * the new event with it. Any other calls may.
 *
 * For each tracker NAME there are, in this version ("lt1") of the convention:
 *
 *	map lt1_events_NAME   hash, key: the key type, value: struct lt1_event_head, private
 *	map lt1_rows_NAME     per-CPU hash, key: the row type, value: struct lt1_row;
 *	                      only with LATENCY_TRACKER_ROWS()
 *	map lt1_total_NAME    per-CPU array of one row: events that are in no row of their own
 *	map lt1_slow_NAME     ring buffer of struct lt1_record, key, private (each from a multiple
 *	                      of 8 on): what was over the threshold, or late
 *	map lt1_control_NAME  array of one struct lt1_control, mapped by user space
 *	program lt1_walk_NAME (syscall) finds events past the timeout: user space runs it now and
 *	                      then
 *
 * Fields of key, private and row are shown by their names, by the types below; bit fields, and
 * what is named pad..., are not.
 */
#ifndef LATENCY_TRACKER_BPF_H
#define LATENCY_TRACKER_BPF_H

#include "latency_tracker_hist.h"
#include "latency_tracker_ret.h"

/* --- types that are shown as what they mean --- */

typedef __u32 lt_tid;     /* a thread */
typedef __u32 lt_pid;     /* a process */
typedef __u32 lt_cpu;     /* a CPU */
typedef __u64 lt_ns;      /* a duration */
typedef __u64 lt_bytes;   /* a size */
typedef __u64 lt_hex;     /* shown in hexadecimal */
typedef __u64 lt_ksym;    /* address of a kernel function */
typedef __s32 lt_syscall; /* number of a system call */
typedef __u32 lt_irq;     /* number of an interrupt line */
typedef __u32 lt_softirq; /* number of a softirq */
typedef __u32 lt_dev;     /* block device: major << 20 | minor */

#define LATENCY_TRACKER_STACK 16

typedef struct {
	__u64 ip[LATENCY_TRACKER_STACK]; /* of the kernel, innermost first; 0 behind the last */
} lt_stack;

typedef struct {
	__u8 ip[16];  /* IPv4: in the first 4 bytes */
	__u16 port;   /* of this machine's byte order */
	__u16 family; /* AF_INET 2, AF_INET6 10, 0: none */
} lt_addr;

/* --- shared with user space --- */

/* Set and read by user space; mapped. */
struct lt1_control {
	__u64 threshold; /* a longer delay is slow, ns; ~0: none is */
	__u64 timeout;   /* an event that is open for longer is told of, ns; 0: never */
	__u64 expire;    /* and given up after this time, ns; 0: never */
	__u32 on;
	__u32 worst; /* 1: the threshold rises to each new worst */
	__u64 next_id;
	__u64 full;     /* events skipped: no room */
	__u64 lost;     /* events skipped: table busy (an interrupt in the middle of it) */
	__u64 replaced; /* events that another in of their key has replaced */
	__u64 discarded;
	__u64 untold; /* slow ones that the ring buffer had no room for */
	__u64 late;   /* events past the timeout */
	__u64 expired;
	__u64 backwards; /* ends before their begin: counted as 0 */
	__u64 rows_full; /* events counted in the total, for want of a row */
	__u64 in_flight; /* open, as of the last walk */
};

/* Delays of one row on one CPU. */
struct lt1_row {
	__u64 sum, max;
	__u64 slow;
	__u64 pad;
	__u64 bucket[LATENCY_TRACKER_HIST_BUCKETS];
};

enum latency_tracker_state {
	LATENCY_TRACKER_LIVE = 0,
	LATENCY_TRACKER_DONE = 1,
	LATENCY_TRACKER_DEAD = 2,
};

/* One that has begun; the private data follows. */
struct lt1_event_head {
	__u64 start; /* CLOCK_MONOTONIC, ns */
	__u64 id;    /* 0: it has not been told of */
	__u64 state; /* enum latency_tracker_state */
};

#define LATENCY_TRACKER_TIMEOUT 1u /* not over yet, or told of before it was over */
#define LATENCY_TRACKER_OPEN 2u    /* not over yet */

/* What user space is told. */
struct lt1_record {
	__u64 id;         /* the same for a timeout and its end */
	__u64 start, end; /* CLOCK_MONOTONIC, ns; end: until now, if it is still open */
	__u64 threshold;
	__u32 flags;
	__u32 cpu; /* who ended it, and where */
	__u32 pid, tid;
	char comm[16];
};

#ifdef __bpf__

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#endif
#include <bpf/bpf_helpers.h>

#define LATENCY_TRACKER_INLINE static inline __attribute__((always_inline, unused))
#define LATENCY_TRACKER_RING (1 << 18)

/* What a new row begins with: too large for the stack. */
static const volatile struct lt1_row latency_tracker_no_row = {};

LATENCY_TRACKER_INLINE void latency_tracker_count(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Interrupts of this CPU count in the same row. */
LATENCY_TRACKER_INLINE void latency_tracker_row_add(struct lt1_row *row, __u64 delay, int slow)
{
	__u32 bucket = latency_tracker_hist_bucket(delay);

	asm volatile("" : "+r"(bucket));
	if (bucket < LATENCY_TRACKER_HIST_BUCKETS)
		latency_tracker_count(&row->bucket[bucket]);
	__sync_fetch_and_add(&row->sum, delay);
	if (slow)
		latency_tracker_count(&row->slow);
	for (int i = 0; i < 4; i++) {
		__u64 max = *(volatile __u64 *)&row->max;

		if (delay <= max || __sync_val_compare_and_swap(&row->max, max, delay) == max)
			break;
	}
}

/* The row of a key in a map of rows, or the total's. */
LATENCY_TRACKER_INLINE struct lt1_row *
latency_tracker_row_find(void *rows, void *total, const void *key, struct lt1_control *control)
{
	struct lt1_row *row;
	__u32 zero = 0;

	if (rows) {
		row = bpf_map_lookup_elem(rows, key);
		if (row)
			return row;
		bpf_map_update_elem(rows, key, (const void *)&latency_tracker_no_row, BPF_NOEXIST);
		row = bpf_map_lookup_elem(rows, key);
		if (row)
			return row;
		latency_tracker_count(&control->rows_full);
	}
	return bpf_map_lookup_elem(total, &zero);
}

LATENCY_TRACKER_INLINE int latency_tracker_insert(void *events, const void *key, const void *event,
						  struct lt1_control *control)
{
	long ret = bpf_map_update_elem(events, key, event, BPF_NOEXIST);

	if (ret == -17 /* EEXIST */) {
		latency_tracker_count(&control->replaced);
		ret = bpf_map_update_elem(events, key, event, BPF_ANY);
	}
	if (!ret)
		return LATENCY_TRACKER_OK;
	if (ret == -7 /* E2BIG */ || ret == -12 /* ENOMEM */) {
		latency_tracker_count(&control->full);
		return LATENCY_TRACKER_FULL;
	}
	latency_tracker_count(&control->lost); /* EBUSY; since 6.15 EDEADLK, ETIMEDOUT */
	return LATENCY_TRACKER_LOST;
}

/* Is this delay slow? Raises the threshold, if it is to follow the worst. */
LATENCY_TRACKER_INLINE int latency_tracker_judge(struct lt1_control *control, __u64 delay,
						 __u64 *threshold)
{
	for (int i = 0; i < 4; i++) {
		*threshold = *(volatile __u64 *)&control->threshold;
		if (delay <= *threshold)
			return 0;
		if (!control->worst || __sync_val_compare_and_swap(&control->threshold, *threshold,
								   delay) == *threshold)
			return 1;
	}
	return 0;
}

LATENCY_TRACKER_INLINE __u64 latency_tracker_new_id(struct lt1_control *control)
{
	return __sync_fetch_and_add(&control->next_id, 1) + 1;
}

LATENCY_TRACKER_INLINE void latency_tracker_fill(struct lt1_record *record, __u64 start, __u64 end,
						 __u64 threshold)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	record->start = start;
	record->end = end;
	record->threshold = threshold;
	record->cpu = bpf_get_smp_processor_id();
	record->pid = pid_tgid >> 32;
	record->tid = (__u32)pid_tgid;
	bpf_get_current_comm(record->comm, sizeof(record->comm));
}

/* Private data of a tracker without any. */
struct latency_tracker_none {
};

struct bpf_map;

struct latency_tracker_walk {
	__u64 now, in_flight;
	struct lt1_control *control;
};

/*
 * A tracker: key type (what an out must have in common with its in; no padding that is not
 * zeroed), private type (what is carried along and shown; struct latency_tracker_none: nothing; at
 * most some 300 bytes, an in builds it on the stack), how many may be open at once.
 */
#define LATENCY_TRACKER(name, key_type, private_type, size)                                        \
	struct lt1_event_##name {                                                                  \
		struct lt1_event_head head;                                                        \
		private_type priv;                                                                 \
	};                                                                                         \
	struct lt1_record_##name {                                                                 \
		struct lt1_record head;                                                            \
		key_type key __attribute__((aligned(8)));                                          \
		private_type priv __attribute__((aligned(8)));                                     \
	};                                                                                         \
	typedef key_type lt1_key_##name;                                                           \
	typedef private_type lt1_private_##name;                                                   \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_HASH);                                                   \
		__uint(max_entries, size);                                                         \
		__type(key, lt1_key_##name);                                                       \
		__type(value, struct lt1_event_##name);                                            \
	} lt1_events_##name SEC(".maps");                                                          \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                           \
		__uint(max_entries, 1);                                                            \
		__type(key, __u32);                                                                \
		__type(value, struct lt1_row);                                                     \
	} lt1_total_##name SEC(".maps");                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                \
		__uint(max_entries, LATENCY_TRACKER_RING);                                         \
	} lt1_slow_##name SEC(".maps");                                                            \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                  \
		__uint(max_entries, 1);                                                            \
		__uint(map_flags, BPF_F_MMAPABLE);                                                 \
		__type(key, __u32);                                                                \
		__type(value, struct lt1_control);                                                 \
	} lt1_control_##name SEC(".maps");                                                         \
	LATENCY_TRACKER_INLINE struct lt1_control *lt1_switch_##name(void)                         \
	{                                                                                          \
		__u32 zero = 0;                                                                    \
                                                                                                   \
		return bpf_map_lookup_elem(&lt1_control_##name, &zero);                            \
	}                                                                                          \
	/* start and end: of the event; priv: its private data */                                  \
	static __attribute__((noinline, unused)) int lt1_tell_##name(                              \
		struct lt1_control *control, const key_type *key, const private_type *priv,        \
		const struct lt1_record *head)                                                     \
	{                                                                                          \
		struct lt1_record_##name *r =                                                      \
			bpf_ringbuf_reserve(&lt1_slow_##name, sizeof(*r), 0);                      \
                                                                                                   \
		if (!r) {                                                                          \
			latency_tracker_count(&control->untold);                                   \
			return 0;                                                                  \
		}                                                                                  \
		r->head.id = head->id;                                                             \
		r->head.flags = head->flags;                                                       \
		latency_tracker_fill(&r->head, head->start, head->end, head->threshold);           \
		r->key = *key;                                                                     \
		r->priv = *priv;                                                                   \
		bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);                                           \
		return 0;                                                                          \
	}                                                                                          \
	LATENCY_TRACKER_INLINE int lt1_in_##name(const key_type *key, const private_type *priv,    \
						 __u64 start)                                      \
	{                                                                                          \
		struct lt1_control *control = lt1_switch_##name();                                 \
		struct lt1_event_##name event = { .head.start = start };                           \
                                                                                                   \
		if (!control || !control->on)                                                      \
			return LATENCY_TRACKER_DISABLED;                                           \
		event.priv = *priv;                                                                \
		return latency_tracker_insert(&lt1_events_##name, key, &event, control);           \
	}                                                                                          \
	LATENCY_TRACKER_INLINE int lt1_count_##name(void *rows, const void *row,                   \
						    const key_type *key, const private_type *priv, \
						    __u64 id, __u64 start, __u64 end)              \
	{                                                                                          \
		struct lt1_control *control = lt1_switch_##name();                                 \
		struct lt1_record head = { .start = start, .end = end };                           \
		__u64 delay = end > start ? end - start : 0;                                       \
		struct lt1_row *r;                                                                 \
		int slow;                                                                          \
                                                                                                   \
		if (!control || !control->on)                                                      \
			return LATENCY_TRACKER_DISABLED;                                           \
		if (end < start)                                                                   \
			latency_tracker_count(&control->backwards);                                \
		slow = latency_tracker_judge(control, delay, &head.threshold);                     \
		r = latency_tracker_row_find(rows, &lt1_total_##name, row, control);               \
		if (r)                                                                             \
			latency_tracker_row_add(r, delay, slow);                                   \
		if (!slow && !id)                                                                  \
			return LATENCY_TRACKER_OK;                                                 \
		head.id = id ? id : latency_tracker_new_id(control);                               \
		head.flags = id ? LATENCY_TRACKER_TIMEOUT : 0;                                     \
		lt1_tell_##name(control, key, priv, &head);                                        \
		return LATENCY_TRACKER_OK;                                                         \
	}                                                                                          \
	LATENCY_TRACKER_INLINE struct lt1_event_##name *lt1_find_##name(const key_type *key)       \
	{                                                                                          \
		struct lt1_event_##name *e = bpf_map_lookup_elem(&lt1_events_##name, key);         \
                                                                                                   \
		return e && e->head.state == LATENCY_TRACKER_LIVE ? e : 0;                         \
	}                                                                                          \
	/* whoever moves the state ends it: two outs count once */                                 \
	LATENCY_TRACKER_INLINE int lt1_claim_##name(struct lt1_event_##name *e)                    \
	{                                                                                          \
		return e &&                                                                        \
		       __sync_val_compare_and_swap(&e->head.state, LATENCY_TRACKER_LIVE,           \
						   LATENCY_TRACKER_DONE) == LATENCY_TRACKER_LIVE;  \
	}                                                                                          \
	LATENCY_TRACKER_INLINE int lt1_out_##name(const key_type *key, void *rows,                 \
						  const void *row, __u64 end)                      \
	{                                                                                          \
		struct lt1_event_##name *e = bpf_map_lookup_elem(&lt1_events_##name, key);         \
		int ret;                                                                           \
                                                                                                   \
		if (!lt1_claim_##name(e))                                                          \
			return LATENCY_TRACKER_NOT_FOUND;                                          \
		ret = lt1_count_##name(rows, row, key, &e->priv, e->head.id, e->head.start, end);  \
		bpf_map_delete_elem(&lt1_events_##name, key);                                      \
		return ret;                                                                        \
	}                                                                                          \
	LATENCY_TRACKER_INLINE void lt1_discard_##name(const key_type *key)                        \
	{                                                                                          \
		struct lt1_control *control = lt1_switch_##name();                                 \
                                                                                                   \
		if (control && lt1_claim_##name(bpf_map_lookup_elem(&lt1_events_##name, key))) {   \
			bpf_map_delete_elem(&lt1_events_##name, key);                              \
			latency_tracker_count(&control->discarded);                                \
		}                                                                                  \
	}                                                                                          \
	/* ended, and the walk before has seen it so: its deletion failed */                       \
	LATENCY_TRACKER_INLINE int lt1_is_dead_##name(struct lt1_event_##name *e)                  \
	{                                                                                          \
		return __sync_val_compare_and_swap(&e->head.state, LATENCY_TRACKER_DONE,           \
						   LATENCY_TRACKER_DEAD) == LATENCY_TRACKER_DEAD;  \
	}                                                                                          \
	static long lt1_late_##name(struct bpf_map *map, const key_type *key,                      \
				    struct lt1_event_##name *e, struct latency_tracker_walk *w)    \
	{                                                                                          \
		struct lt1_control *control = lt1_switch_##name();                                 \
		struct lt1_record head = {                                                         \
			.flags = LATENCY_TRACKER_TIMEOUT | LATENCY_TRACKER_OPEN,                   \
			.start = e->head.start,                                                    \
			.end = w->now,                                                             \
		};                                                                                 \
		__u64 age = w->now > head.start ? w->now - head.start : 0;                         \
                                                                                                   \
		if (!control)                                                                      \
			return 1;                                                                  \
		if (e->head.state != LATENCY_TRACKER_LIVE) {                                       \
			if (lt1_is_dead_##name(e))                                                 \
				bpf_map_delete_elem(map, key);                                     \
			return 0;                                                                  \
		}                                                                                  \
		w->in_flight++;                                                                    \
		if (control->timeout && age > control->timeout && !e->head.id) {                   \
			head.id = latency_tracker_new_id(control);                                 \
			head.threshold = control->threshold;                                       \
			if (e->head.start == head.start &&                                         \
			    e->head.state == LATENCY_TRACKER_LIVE) {                               \
				e->head.id = head.id;                                              \
				latency_tracker_count(&control->late);                             \
				lt1_tell_##name(control, key, &e->priv, &head);                    \
			}                                                                          \
		}                                                                                  \
		if (control->expire && age > control->expire && lt1_claim_##name(e)) {             \
			latency_tracker_count(&control->expired);                                  \
			bpf_map_delete_elem(map, key);                                             \
		}                                                                                  \
		return 0;                                                                          \
	}                                                                                          \
	SEC("syscall") int lt1_walk_##name(void *ctx)                                              \
	{                                                                                          \
		struct lt1_control *control = lt1_switch_##name();                                 \
		struct latency_tracker_walk w = { .now = bpf_ktime_get_ns() };                     \
                                                                                                   \
		bpf_for_each_map_elem(&lt1_events_##name, lt1_late_##name, &w, 0);                 \
		if (control)                                                                       \
			control->in_flight = w.in_flight;                                          \
		return 0;                                                                          \
	}                                                                                          \
	struct lt1_event_##name

/*
 * The rows of a tracker's table: what its delays are counted by, and how many rows there may be.
 * Events that find no room are counted in the total.
 */
#define LATENCY_TRACKER_ROWS(name, row_type, size)                                                 \
	typedef row_type lt1_row_##name;                                                           \
	struct {                                                                                   \
		__uint(type, BPF_MAP_TYPE_PERCPU_HASH);                                            \
		__uint(max_entries, size);                                                         \
		__type(key, lt1_row_##name);                                                       \
		__type(value, struct lt1_row);                                                     \
	} lt1_rows_##name SEC(".maps")

/* --- what programs call; all of them give an enum latency_tracker_ret, if anything --- */

/* Begins now, or at start (CLOCK_MONOTONIC ns; may lie ahead). An event of the same key that is
 * still open is replaced. */
#define latency_tracker_event_in(name, key, priv) lt1_in_##name(key, priv, bpf_ktime_get_ns())
#define latency_tracker_event_in_at(name, key, priv, start) lt1_in_##name(key, priv, start)

/* Ends now, or at end; counted in a row, or in the total. */
#define latency_tracker_event_out(name, key) lt1_out_##name(key, 0, 0, bpf_ktime_get_ns())
#define latency_tracker_event_out_at(name, key, end) lt1_out_##name(key, 0, 0, end)
#define latency_tracker_event_out_row(name, key, row, end)                                         \
	lt1_out_##name(key, &lt1_rows_##name, row, end)

/* A delay that needs no key to be found by: both ends are known. */
#define latency_tracker_sample(name, key, priv, row, start, end)                                   \
	lt1_count_##name(&lt1_rows_##name, row, key, priv, 0, start, end)

/* The open event of a key, or NULL: e->head.start, e->priv. */
#define latency_tracker_find(name, key) lt1_find_##name(key)

/* Will it be slow, if it ends now? Then it is worth adding to its private data. */
#define latency_tracker_is_slow(name, event, now)                                                  \
	({                                                                                         \
		struct lt1_control *lt1_c = lt1_switch_##name();                                   \
		__u64 lt1_s = (event)->head.start;                                                 \
		lt1_c && (now) > lt1_s && (now)-lt1_s > lt1_c->threshold;                          \
	})

/* It will not end: forget it. */
#define latency_tracker_discard(name, key) lt1_discard_##name(key)

/* Switched on? What is only worth doing for the tracker can be left undone. */
#define latency_tracker_is_on(name)                                                                \
	({                                                                                         \
		struct lt1_control *lt1_c = lt1_switch_##name();                                   \
		lt1_c && lt1_c->on;                                                                \
	})

#endif /* __bpf__ */

#endif
