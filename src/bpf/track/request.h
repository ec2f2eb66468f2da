/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a request to a block device is about. */
#ifndef WL_BPF_TRACK_REQUEST_H
#define WL_BPF_TRACK_REQUEST_H

#include "bpf/kernel.h"
#include "latency_tracker.bpf.h"

/* The kernel's enum req_op. */
WL_INLINE unsigned int wl_request_op(struct request *rq)
{
	return rq->cmd_flags & 0xff;
}

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
