/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a request to a block device is about. */
#ifndef WL_BPF_TRACK_REQUEST_H
#define WL_BPF_TRACK_REQUEST_H

#include "bpf/kernel.h"
#include "latency_tracker.bpf.h"

#define WL_REQ_OP_MASK 0xff

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

WL_INLINE lt_dev wl_request_dev(struct request *rq)
{
	struct gendisk *disk = BPF_CORE_READ(rq, q, disk);

	return BPF_CORE_READ(disk, major) << 20 | BPF_CORE_READ(disk, first_minor);
}

/* Is this completion its last one? */
WL_INLINE int wl_request_ends(struct request *rq, unsigned int bytes)
{
	return bytes >= rq->__data_len;
}

#endif
