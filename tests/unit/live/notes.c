/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* USDT notes: of this very program, and of files that are broken in any way. */
#include "../test.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../include/whylate/mark.h"
#include "live/notes.h"

#define BEGIN 0
#define END 1
#define STEP_STR 5
#define FAST (WL_NOTE_MARKS / 2)

static void marked(void)
{
	whylate_work_begin(1u);
	whylate_work_step("cookie", "name");
}

/* One place of "end" without a twin: its twin is not at all places. */
static void ended_here_and_there(void)
{
	whylate_work_end(1u);
#ifdef __x86_64__
	__asm__ __volatile__("990: nop\n" WHYLATE_NOTE("end", WHYLATE_ARGS1, "990b") : : "D"(1ul));
#endif
}

static void test_this_program(void **state)
{
	uint32_t marks, wanted = 1u << BEGIN | 1u << STEP_STR;

	marked();
	ended_here_and_there();
	assert_int_equal(wl_notes_read("/proc/self/exe", &marks), 0);
#ifdef __x86_64__
	wanted |= wanted << FAST;
#endif
	wanted |= 1u << END;
	assert_int_equal(marks, wanted);
}

/* Places of step, and their arguments. */
struct steps {
	unsigned int n, args;
};

static void count_step(void *ctx, const struct wl_note *note)
{
	struct steps *s = ctx;

	if (strcmp(note->provider, "whylate") || strcmp(note->name, "step_str"))
		return;
	s->n++;
	s->args += wl_note_count_args(note);
}

static void test_each(void **state)
{
	struct steps s = { 0 };

	marked();
	assert_int_equal(wl_notes_each("/proc/self/exe", count_step, &s), 0);
	assert_true(s.n >= 1);
	assert_int_equal(s.args, 2 * s.n);
	assert_int_equal(wl_notes_each("/dev/null", count_step, &s), -ENOEXEC);
}

static void test_args(void **state)
{
	static const struct {
		const char *args;
		unsigned int n;
	} cases[] = {
		{ "", 0 },
		{ "-4@%eax", 1 },
		{ "8@-16(%rbp) -4@$-5 8@(%rax,%rbx,4)", 3 },
		{ "  2@%ax  1@%al ", 2 },
		{ "8f@%xmm0", 1 },
		{ "-8@[sp, 12] -4@x0 8@[x0, x1]", 3 },
		{ "8@place@GOTPCREL(%rip)", 1 },
		{ "what is this @ for", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wl_note note = { .args = cases[i].args };

		assert_int_equal(wl_note_count_args(&note), cases[i].n);
	}
}

static void test_no_file(void **state)
{
	uint32_t marks = 1;

	assert_int_equal(wl_notes_read("/nonexistent", &marks), -ENOENT);
	assert_int_equal(marks, 0);
	assert_int_equal(wl_notes_read("/dev/null", &marks), -ENOEXEC);
	assert_int_equal(wl_notes_read("/", &marks), -ENOEXEC);
}

/* A copy of this program in memory, and its path. */
struct copy {
	int fd;
	size_t size;
	uint8_t *bytes;
	char path[32];
};

static void copy_open(struct copy *c)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	c->size = (size_t)st.st_size;
	c->bytes = malloc(c->size);
	assert_non_null(c->bytes);
	assert_int_equal(read(fd, c->bytes, c->size), c->size);
	close(fd);
	c->fd = memfd_create("copy", MFD_CLOEXEC);
	assert_true(c->fd >= 0);
	assert_int_equal(write(c->fd, c->bytes, c->size), c->size);
	snprintf(c->path, sizeof(c->path), "/proc/self/fd/%d", c->fd);
}

static void copy_close(struct copy *c)
{
	close(c->fd);
	free(c->bytes);
}

static void turn_over(struct copy *c, size_t at, uint8_t bits)
{
	c->bytes[at] ^= bits;
	assert_int_equal(pwrite(c->fd, c->bytes + at, 1, (off_t)at), 1);
}

/* Every byte of the headers and notes turned over, and every length: nothing but an answer. */
static void test_broken(void **state)
{
	uint32_t marks, seed = 1;
	struct copy c;

	copy_open(&c);
	for (size_t i = 0; i < sizeof(Elf64_Ehdr); i++) {
		turn_over(&c, i, 0xff);
		wl_notes_read(c.path, &marks);
		turn_over(&c, i, 0xff);
	}
	for (int i = 0; i < 3000; i++) {
		size_t at = c.size - 1 - (seed = seed * 1103515245u + 12345u) % 4096;

		turn_over(&c, at, (uint8_t)(1 + seed % 255));
		wl_notes_read(c.path, &marks);
	}
	for (size_t size = c.size; size > 997; size -= 997) {
		assert_int_equal(ftruncate(c.fd, (off_t)size), 0);
		wl_notes_read(c.path, &marks);
	}
	copy_close(&c);
}

/* Somebody else's process shortens its file while we read it. */
static void test_shortened(void **state)
{
	uint32_t marks, wanted;
	struct copy c;
	pid_t pid;

	copy_open(&c);
	assert_int_equal(wl_notes_read(c.path, &wanted), 0);
	pid = fork();
	while (!pid) {
		if (ftruncate(c.fd, sizeof(Elf64_Ehdr)) ||
		    pwrite(c.fd, c.bytes, c.size, 0) != (ssize_t)c.size || getppid() == 1)
			_exit(1);
	}
	for (int i = 0; i < 5000; i++)
		if (!wl_notes_read(c.path, &marks))
			assert_int_equal(marks & ~wanted, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	copy_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_program), cmocka_unit_test(test_each),
		cmocka_unit_test(test_args),         cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_broken),       cmocka_unit_test(test_shortened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
