/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Maps and look-ups. live/ sets the sizes before loading. */
#ifndef WL_BPF_MAPS_H
#define WL_BPF_MAPS_H

#include "bpf/kernel.h"
#include "abi/config.h"
#include "abi/hist.h"
#include "abi/slow.h"
#include "chain/chain.h"

const volatile struct wl_config wl_cfg = {};
const volatile __u64 wl_key = 0; /* hashes kernel addresses, new for every run */

__u32 wl_on = 0;       /* set last, when everything is attached */
__u32 wl_agg_next = 1; /* aggregates in use; 0 collects what does not fit */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wl_cpu);
} wl_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wl_task);
} wl_tasks SEC(".maps");

/* Where task storage can't be had safely (6.1): everything allocated when we start. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct wl_task);
} wl_task_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wl_task);
} wl_task_zero SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WL_KEPT_SETS);
	__type(key, __u32);
	__type(value, struct wl_kept_set);
} wl_kept_sets SEC(".maps");

/* Row aggregate * number of CPUs + cpu. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wl_agg);
} wl_aggs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WL_AGGS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wl_agg_limits);
} wl_limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WL_AGGS);
	__type(key, struct wl_agg_key);
	__type(value, __u32);
} wl_agg_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} wl_slow_ring SEC(".maps");

/*
 * The address of the frozen config. The compiler must not know that: it would take the zeros of the
 * object file for its contents; the verifier does know them when it loads the program, and removes
 * what is off.
 */
WL_INLINE const struct wl_config *wl_config(void)
{
	const struct wl_config *cfg = (const struct wl_config *)&wl_cfg;

	asm("" : "+r"(cfg));
	return cfg;
}

WL_INLINE const struct wl_target_config *wl_targets(void)
{
	return &wl_config()->target;
}

WL_INLINE struct wl_cpu *wl_cpu_of(__u32 cpu)
{
	return bpf_map_lookup_elem(&wl_cpus, &cpu);
}

WL_INLINE struct wl_cpu *wl_this_cpu(void)
{
	struct wl_cpu *c = wl_cpu_of(bpf_get_smp_processor_id());

	return wl_on ? c : 0;
}

WL_INLINE struct wl_task *wl_task_lookup(struct task_struct *task)
{
	__u64 key = (__u64)task;

	if (wl_config()->task_storage)
		return bpf_task_storage_get(&wl_tasks, task, 0, 0);
	return bpf_map_lookup_elem(&wl_task_hash, &key);
}

/* Never the idle task's: it has none. */
WL_INLINE struct wl_task *wl_task_of(struct wl_cpu *c, struct task_struct *task)
{
	struct wl_task *t = wl_task_lookup(task);

	if (!t)
		wl_count_any(c, WL_CNT_STATE_MISSING);
	return t;
}

WL_INLINE struct wl_task *wl_task_create(struct task_struct *task)
{
	__u64 key = (__u64)task;
	__u32 zero = 0;
	struct wl_task *blank;

	if (wl_config()->task_storage)
		return bpf_task_storage_get(&wl_tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	blank = bpf_map_lookup_elem(&wl_task_zero, &zero);
	if (!blank || bpf_map_update_elem(&wl_task_hash, &key, blank, BPF_NOEXIST))
		return 0;
	return bpf_map_lookup_elem(&wl_task_hash, &key);
}

/*
 * Takes a number: the verifier allows no arithmetic on typed pointers. Programs that need one are
 * raw tracepoints, where arguments are numbers; a helper that turns one into the other costs 10 ns.
 * In a record wl_hash_pointer() does it.
 */
WL_INLINE __u64 wl_hash_address(__u64 address)
{
	return (address ^ wl_key) * 0x9e3779b97f4a7c15ull | 1;
}

/* Through memory: a pointer may be stored, and a number read where it is. The record that it lies
 * in is not committed yet. */
WL_INLINE void wl_hash_pointer(__u64 *place, const void *pointer)
{
	*(const void *volatile *)place = pointer;
	*place = pointer ? wl_hash_address(*(volatile __u64 *)place) : 0;
}

WL_INLINE struct wl_kept_set *wl_kept_set_of(__u64 key)
{
	__u32 index = wl_kept_index(key);

	return bpf_map_lookup_elem(&wl_kept_sets, &index);
}

/* The set of key, locked, or 0: somebody is at it. */
WL_INLINE struct wl_kept_set *wl_kept_claim(struct wl_cpu *c, __u64 key)
{
	struct wl_kept_set *set = wl_kept_set_of(key);

	return set && wl_kept_lock(set, c) ? set : 0;
}

#endif
