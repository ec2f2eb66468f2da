/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* A file on the disk, and somebody who keeps that disk busy. */
#ifndef WL_SCENARIOS_DEVICE_H
#define WL_SCENARIOS_DEVICE_H

#include "scenario.h"

#define SCN_FILE_SIZE (64 << 20)

/* Makes the file in scn->dir, unlinked; none of it is left in memory. */
void scn_file_make(void);
int scn_file_fd(void);          /* through the page cache */
void scn_file_read_block(void); /* one at random, around it */
void scn_file_forget(void);     /* its pages in memory */

/* Work: reads that fill the device's queue for about scn->ns. It has begun when they are queued. */
void scn_work_disk(struct scn_helper *helper);

#endif
