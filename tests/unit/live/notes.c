/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* USDT notes: of this very program, and of files that are broken in any way. */
#include "../test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../include/whylate/mark.h"
#include "live/notes.h"

#define BEGIN 0
#define STEP_STR 5
#define FAST (WL_NOTE_MARKS / 2)

static void marked(void)
{
	whylate_work_begin(1u);
	whylate_work_step("cookie", "name");
}

static void test_this_program(void **state)
{
	uint32_t marks, wanted = 1u << BEGIN | 1u << STEP_STR;

	marked();
	assert_int_equal(wl_notes_read("/proc/self/exe", &marks), 0);
#ifdef __x86_64__
	wanted |= wanted << FAST;
#endif
	assert_int_equal(marks, wanted);
}

static void test_no_file(void **state)
{
	uint32_t marks = 1;

	assert_int_equal(wl_notes_read("/nonexistent", &marks), -ENOENT);
	assert_int_equal(marks, 0);
	assert_int_equal(wl_notes_read("/dev/null", &marks), -ENOEXEC);
	assert_int_equal(wl_notes_read("/", &marks), -ENOEXEC);
}

/* Every byte of the headers and notes turned over, and every length: nothing but an answer. */
static void test_broken(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint32_t marks, seed = 1;
	struct stat st;
	uint8_t *p;

	assert_int_equal(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size);
	assert_non_null(p);
	assert_int_equal(read(fd, p, (size_t)st.st_size), st.st_size);
	close(fd);
	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++) {
		p[i] ^= 0xff;
		wl_notes_find(p, (size_t)st.st_size, &marks);
		p[i] ^= 0xff;
	}
	for (size_t size = 0; size < (size_t)st.st_size; size += 997)
		wl_notes_find(p, size, &marks);
	for (int i = 0; i < 3000; i++) {
		size_t at = (size_t)st.st_size - 1 - (seed = seed * 1103515245u + 12345u) % 4096;

		p[at] ^= (uint8_t)(1 + seed % 255);
		wl_notes_find(p, (size_t)st.st_size, &marks);
	}
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_program),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
