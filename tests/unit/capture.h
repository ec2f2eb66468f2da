/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a function prints to stderr or stdout, for a test to look at. */
#ifndef WL_TEST_CAPTURE_H
#define WL_TEST_CAPTURE_H

#include <stdio.h>
#include <unistd.h>

struct captured {
	int fd, saved;
	FILE *file;
};

static inline void capture_begin(struct captured *captured, int fd)
{
	fflush(NULL);
	captured->fd = fd;
	captured->saved = dup(fd);
	captured->file = tmpfile();
	assert_non_null(captured->file);
	assert_true(captured->saved >= 0 && dup2(fileno(captured->file), fd) >= 0);
}

static inline void capture_end(struct captured *captured, char *text, size_t size)
{
	size_t len;

	fflush(NULL);
	assert_true(dup2(captured->saved, captured->fd) >= 0);
	close(captured->saved);
	rewind(captured->file);
	len = fread(text, 1, size - 1, captured->file);
	text[len] = '\0';
	fclose(captured->file);
}

#endif
