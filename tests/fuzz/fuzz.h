/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the fuzzers share: a directory in memory, and input that is taken apart. */
#ifndef WL_FUZZ_H
#define WL_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What must hold, or the input is kept as a finding. */
#define fuzz_check(condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* A little-endian number of that many bytes; what is missing is 0. */
uint64_t fuzz_number(struct fuzz_input *input, unsigned bytes);
/* Up to size bytes: how many. */
size_t fuzz_take(struct fuzz_input *input, void *out, size_t size);

/* A number into bytes, little-endian. */
void fuzz_set(uint8_t *bytes, size_t offset, uint64_t value, unsigned size);

/* The process's own directory; removed with it. */
const char *fuzz_path(void);
/* A descriptor of it, or of a directory in it (made once); stays open. */
int fuzz_dir(const char *name);
void fuzz_append(int dir, const char *name, const void *bytes, size_t size);

/* The compiler must not leave out what led to this. */
static inline void fuzz_use(uint64_t value)
{
	__asm__ volatile("" ::"r"(value));
}

#endif
