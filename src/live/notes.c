/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/notes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_TYPE 3       /* of SystemTap's notes */
#define NOTE_ADDRESSES 24 /* place, base, semaphore */
#define PROVIDER "whylate"
#define PART_MAX (4u << 20) /* of a file that we read: 65,535 sections have no larger table */

const char *const wl_note_names[WL_NOTE_MARKS] = {
	"begin",  "end",  "step",  "begin_str",  "end_str",  "step_str",
	"begin5", "end5", "step5", "begin_str5", "end_str5", "step_str5",
};

struct bytes {
	const uint8_t *p;
	size_t size;
};

/* NULL: it is not all there. */
static const void *part(const struct bytes *b, uint64_t offset, uint64_t size)
{
	return offset <= b->size && size <= b->size - offset ? b->p + offset : NULL;
}

/* What is done with each note. */
struct reader {
	wl_note_fn fn;
	void *ctx;
};

/* The text behind s and its 0, which leaves *size bytes of them; NULL: s has no end. */
static const char *next_text(const char *s, size_t *size)
{
	size_t len = strnlen(s, *size);

	if (len == *size)
		return NULL;
	*size -= len + 1;
	return s + len + 1;
}

/* A note's text: provider, name and arguments, each with its 0. */
static void read_note(const struct reader *r, const char *text, size_t size)
{
	struct wl_note note = { .provider = text };

	note.name = next_text(note.provider, &size);
	note.args = note.name ? next_text(note.name, &size) : NULL;
	if (!note.args)
		return;
	if (!next_text(note.args, &size))
		note.args = "";
	r->fn(r->ctx, &note);
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static void read_notes(const struct reader *r, const struct bytes *notes)
{
	uint64_t at = 0;

	for (;;) {
		const Elf64_Nhdr *head = part(notes, at, sizeof(*head));
		Elf64_Nhdr n;
		const char *text;

		if (!head)
			return;
		memcpy(&n, head, sizeof(n));
		at += sizeof(n) + aligned(n.n_namesz);
		text = part(notes, at, n.n_descsz);
		if (!text)
			return;
		if (n.n_type == NOTE_TYPE && n.n_descsz > NOTE_ADDRESSES)
			read_note(r, text + NOTE_ADDRESSES, n.n_descsz - NOTE_ADDRESSES);
		at += aligned(n.n_descsz);
	}
}

/*
 * A part of a file. Read, not mapped: a file that somebody else shortens meanwhile would be a
 * SIGBUS. Empty if it is not all there.
 */
static struct bytes load(int fd, uint64_t offset, uint64_t size)
{
	struct bytes b = { NULL, 0 };
	uint8_t *p;

	if (!size || size > PART_MAX || offset > INT64_MAX)
		return b;
	p = malloc(size);
	if (p && pread(fd, p, size, (off_t)offset) == (ssize_t)size)
		return (struct bytes){ p, size };
	free(p);
	return b;
}

static bool is_notes(const struct bytes *names, const Elf64_Shdr *s)
{
	static const char wanted[] = ".note.stapsdt";
	const char *name = part(names, s->sh_name, sizeof(wanted));

	return s->sh_type == SHT_NOTE && name && !memcmp(name, wanted, sizeof(wanted));
}

static bool is_ours(const Elf64_Ehdr *e)
{
	return !memcmp(e->e_ident, ELFMAG, SELFMAG) && e->e_ident[EI_CLASS] == ELFCLASS64 &&
	       e->e_ident[EI_DATA] == ELFDATA2LSB && e->e_shentsize == sizeof(Elf64_Shdr);
}

static void read_note_sections(const struct reader *r, int fd, const struct bytes *table,
			       const struct bytes *names)
{
	Elf64_Shdr s;

	for (uint64_t at = 0; at < table->size; at += sizeof(s)) {
		struct bytes notes;

		memcpy(&s, table->p + at, sizeof(s));
		if (!is_notes(names, &s))
			continue;
		notes = load(fd, s.sh_offset, s.sh_size);
		read_notes(r, &notes);
		free((void *)notes.p);
	}
}

static int read_sections(const struct reader *r, int fd, const Elf64_Ehdr *e)
{
	struct bytes table = load(fd, e->e_shoff, (uint64_t)e->e_shnum * sizeof(Elf64_Shdr)), names;
	Elf64_Shdr s;

	if (!table.p || e->e_shstrndx >= e->e_shnum) {
		free((void *)table.p);
		return -ENOEXEC;
	}
	memcpy(&s, table.p + e->e_shstrndx * sizeof(s), sizeof(s));
	names = load(fd, s.sh_offset, s.sh_size);
	read_note_sections(r, fd, &table, &names);
	free((void *)names.p);
	free((void *)table.p);
	return 0;
}

/* Not from a pipe or device, which a path of somebody else's process may be. */
static int read_file(const struct reader *r, int fd)
{
	struct stat st;
	Elf64_Ehdr e;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || pread(fd, &e, sizeof(e), 0) != sizeof(e) || !is_ours(&e))
		return -ENOEXEC;
	return read_sections(r, fd, &e);
}

int wl_notes_each(const char *path, wl_note_fn fn, void *ctx)
{
	const struct reader reader = { fn, ctx };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int ret;

	if (fd < 0)
		return -errno;
	ret = read_file(&reader, fd);
	close(fd);
	return ret;
}

/* --- marks --- */

/* How many places have each mark. */
struct places {
	uint64_t of[WL_NOTE_MARKS];
};

static void count_mark(void *ctx, const struct wl_note *note)
{
	struct places *places = ctx;

	if (strcmp(note->provider, PROVIDER))
		return;
	for (uint32_t i = 0; i < WL_NOTE_MARKS; i++)
		places->of[i] += !strcmp(note->name, wl_note_names[i]);
}

static uint32_t marks_at(const struct places *places)
{
	uint32_t marks = 0;

	for (uint32_t i = 0; i < WL_NOTE_MARKS; i++) {
		uint64_t plain = places->of[i % (WL_NOTE_MARKS / 2)];

		if (places->of[i] && places->of[i] >= plain)
			marks |= 1u << i;
	}
	return marks;
}

int wl_notes_read(const char *path, uint32_t *marks)
{
	struct places places = { 0 };
	int ret = wl_notes_each(path, count_mark, &places);

	*marks = ret ? 0 : marks_at(&places);
	return ret;
}

/* --- arguments --- */

/* Each begins with its size: "-4@%eax 8@-16(%rbp)"; arm64 has spaces inside of them, too. */
unsigned int wl_note_count_args(const struct wl_note *note)
{
	unsigned int n = 0;

	for (const char *s = note->args + strspn(note->args, " "); *s; s += strspn(s, " ")) {
		size_t size = strspn(s, "-0123456789f");

		n += size && s[size] == '@';
		s += strcspn(s, " ");
	}
	return n;
}
