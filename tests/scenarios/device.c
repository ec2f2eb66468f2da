// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "device.h"

#include <fcntl.h>
#include <linux/aio_abi.h>

#define BLOCK 4096
#define CHUNK (1 << 20)
#define MOST 64          /* requests at once */
#define BYTES_PER_NS 0.7 /* of a usual disk here; what it took is measured */

static int cached, direct;

int scn_file_fd(void)
{
	return cached;
}

void scn_file_read_block(void)
{
	off_t block = (off_t)(rng_next(&scn->rng) % (SCN_FILE_SIZE / BLOCK));
	static char *buffer;

	if (!buffer && posix_memalign((void **)&buffer, BLOCK, BLOCK))
		die("no memory");
	if (pread(direct, buffer, BLOCK, block * BLOCK) != BLOCK)
		die("pread: %s", strerror(errno));
}

void scn_file_forget(void)
{
	posix_fadvise(cached, 0, 0, POSIX_FADV_DONTNEED);
}

static void fill(void)
{
	char *buffer = malloc(CHUNK);

	memset(buffer, 'x', CHUNK);
	for (off_t at = 0; at < SCN_FILE_SIZE; at += CHUNK)
		if (pwrite(cached, buffer, CHUNK, at) != CHUNK)
			scn_skip("%s: %s", scn->dir, strerror(errno));
	free(buffer);
	if (fsync(cached))
		scn_skip("%s: %s", scn->dir, strerror(errno));
	scn_file_forget();
}

void scn_file_make(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/wl-scenario-%d", scn->dir, getpid());
	cached = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unlink(path);
	if (cached < 0 || direct < 0)
		scn_skip("%s: %s", path, strerror(errno));
	fill();
}

static void submit(aio_context_t ctx, char *buffer, unsigned n)
{
	struct iocb blocks[MOST], *list[MOST];

	for (unsigned i = 0; i < n; i++) {
		blocks[i] = (struct iocb){ .aio_fildes = (uint32_t)direct,
					   .aio_lio_opcode = IOCB_CMD_PREAD,
					   .aio_buf = (uint64_t)(uintptr_t)buffer,
					   .aio_nbytes = CHUNK,
					   .aio_offset = (off_t)i * CHUNK % SCN_FILE_SIZE };
		list[i] = &blocks[i];
	}
	if (n && syscall(SYS_io_submit, ctx, n, list) != (long)n)
		die("io_submit: %s", strerror(errno));
}

void scn_work_disk(struct scn_helper *helper)
{
	unsigned n = (unsigned)((double)scn->ns * BYTES_PER_NS / CHUNK);
	struct io_event events[MOST];
	static aio_context_t ctx;
	static char *buffer;

	if (!ctx &&
	    (syscall(SYS_io_setup, MOST, &ctx) || posix_memalign((void **)&buffer, BLOCK, CHUNK)))
		die("io_setup: %s", strerror(errno));
	n = n < MOST ? n : MOST;
	submit(ctx, buffer, n);
	scn_begin(helper);
	if (n && syscall(SYS_io_getevents, ctx, n, n, events, NULL) != (long)n)
		die("io_getevents: %s", strerror(errno));
	scn_end(helper);
}
