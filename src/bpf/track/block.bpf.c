// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* Requests to block devices: from the queue to the device, and until it has done them. */
#include "bpf/track/track.h"
#include "bpf/track/request.h"

/* The kernel's enum req_op, with the names of its tools. */
enum wl_block_op {
	read = 0,
	write = 1,
	flush = 2,
	discard = 3,
	secure_erase = 5,
	zone_append = 7,
	write_zeroes = 9,
	zone_open = 10,
	zone_close = 12,
	zone_finish = 14,
	zone_reset = 15,
	zone_reset_all = 17,
	driver_in = 34,
	driver_out = 35,
};

struct wl_block {
	char process[16]; /* who has asked; a kernel thread, where that is done for others */
	lt_tid tid;
	lt_dev dev;
	enum wl_block_op op;
	__u32 pad;
	__u64 sector;
	lt_bytes size;
	lt_ns queued; /* before it was issued; 0: it went straight to the device */
};

struct wl_block_row {
	lt_dev dev;
	enum wl_block_op op;
};

LATENCY_TRACKER(block, lt_hex, struct wl_block, 16384);
LATENCY_TRACKER_ROWS(block, struct wl_block_row, 256);
LATENCY_TRACKER(block_queue, lt_hex, struct wl_block, 16384);
LATENCY_TRACKER_ROWS(block_queue, struct wl_block_row, 256);

WL_INLINE void wl_block_fill(struct wl_block *b, struct request *rq, struct task_struct *task)
{
	b->dev = wl_request_dev(rq);
	b->op = wl_request_op(rq);
	b->sector = rq->__sector;
	b->size = rq->__data_len;
	b->tid = task->pid;
	b->pad = 0;
	b->queued = 0;
	wl_comm_of(b->process, task->group_leader);
}

SEC("tp_btf/block_rq_insert")
int BPF_PROG(wl_track_insert, struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	lt_hex key = (lt_hex)rq;
	struct wl_block b;

	if (!wl_track_wants(task)) { /* nor is it that of who had the same request before */
		latency_tracker_discard(block_queue, &key);
		return 0;
	}
	wl_block_fill(&b, rq, task);
	latency_tracker_event_in(block_queue, &key, &b);
	return 0;
}

/* It has become part of another one. */
SEC("?tp_btf/block_rq_merge")
int BPF_PROG(wl_track_merge, struct request *rq)
{
	lt_hex key = (lt_hex)rq;

	latency_tracker_discard(block_queue, &key);
	return 0;
}

/* One that was in the queue is issued by whoever runs the queue: it stays its owner's. */
SEC("tp_btf/block_rq_issue")
int BPF_PROG(wl_track_issue, struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	lt_hex key = (lt_hex)rq;
	struct lt1_event_block_queue *e = latency_tracker_find(block_queue, &key);
	__u64 now = bpf_ktime_get_ns();
	struct wl_block b;

	if (!e && !wl_track_wants(task))
		return 0;
	wl_block_fill(&b, rq, task);
	if (e) {
		struct wl_block_row row = { e->priv.dev, e->priv.op };

		__builtin_memcpy(b.process, e->priv.process, sizeof(b.process));
		b.tid = e->priv.tid;
		b.queued = now - e->head.start;
		latency_tracker_event_out_row(block_queue, &key, &row, now);
	}
	latency_tracker_event_in_at(block, &key, &b, now);
	return 0;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(wl_track_complete, struct request *rq, int error, unsigned int bytes)
{
	lt_hex key = (lt_hex)rq;
	struct lt1_event_block *e = latency_tracker_find(block, &key);
	struct wl_block_row row;

	if (!e || !wl_request_ends(rq, bytes))
		return 0;
	row.dev = e->priv.dev;
	row.op = e->priv.op;
	latency_tracker_event_out_row(block, &key, &row, bpf_ktime_get_ns());
	return 0;
}
