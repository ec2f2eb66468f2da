/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/notes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE_TYPE 3       /* of SystemTap's notes */
#define NOTE_ADDRESSES 24 /* place, base, semaphore */
#define PROVIDER "whylate"

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

static uint32_t mark_of(const char *name)
{
	for (uint32_t i = 0; i < WL_NOTE_MARKS; i++)
		if (!strcmp(name, wl_note_names[i]))
			return 1u << i;
	return 0;
}

/* A note's text: provider and name, each with its 0, then arguments. */
static uint32_t mark_in(const char *text, size_t size)
{
	size_t provider = strnlen(text, size), name;

	if (provider == size || strcmp(text, PROVIDER))
		return 0;
	text += provider + 1;
	size -= provider + 1;
	name = strnlen(text, size);
	return name < size ? mark_of(text) : 0;
}

static size_t aligned(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static uint32_t marks_in(const struct bytes *notes)
{
	uint32_t marks = 0;
	uint64_t at = 0;

	for (;;) {
		const Elf64_Nhdr *head = part(notes, at, sizeof(*head));
		Elf64_Nhdr n;
		const char *text;

		if (!head)
			return marks;
		memcpy(&n, head, sizeof(n));
		at += sizeof(n) + aligned(n.n_namesz);
		text = part(notes, at, n.n_descsz);
		if (!text)
			return marks;
		if (n.n_type == NOTE_TYPE && n.n_descsz > NOTE_ADDRESSES)
			marks |= mark_in(text + NOTE_ADDRESSES, n.n_descsz - NOTE_ADDRESSES);
		at += aligned(n.n_descsz);
	}
}

static bool section(const struct bytes *file, const Elf64_Ehdr *e, uint32_t index, Elf64_Shdr *s)
{
	const void *p = part(file, e->e_shoff + (uint64_t)index * sizeof(*s), sizeof(*s));

	if (p)
		memcpy(s, p, sizeof(*s));
	return p && e->e_shoff < file->size;
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

int wl_notes_find(const void *memory, size_t size, uint32_t *marks)
{
	const struct bytes file = { memory, size };
	struct bytes names, notes;
	Elf64_Shdr s;
	Elf64_Ehdr e;

	*marks = 0;
	if (size < sizeof(e))
		return -ENOEXEC;
	memcpy(&e, memory, sizeof(e));
	if (!is_ours(&e) || !section(&file, &e, e.e_shstrndx, &s))
		return -ENOEXEC;
	names = (struct bytes){ part(&file, s.sh_offset, s.sh_size), s.sh_size };
	for (uint32_t i = 0; names.p && i < e.e_shnum && section(&file, &e, i, &s); i++) {
		notes = (struct bytes){ part(&file, s.sh_offset, s.sh_size), s.sh_size };
		if (notes.p && is_notes(&names, &s))
			*marks |= marks_in(&notes);
	}
	return 0;
}

/* Not from a pipe or device, which a path of somebody else's process may be. */
static int read_marks(int fd, uint32_t *marks)
{
	struct stat st;
	void *p;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return -ENOEXEC;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	ret = wl_notes_find(p, (size_t)st.st_size, marks);
	munmap(p, (size_t)st.st_size);
	return ret;
}

int wl_notes_read(const char *path, uint32_t *marks)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int ret;

	*marks = 0;
	if (fd < 0)
		return -errno;
	ret = read_marks(fd, marks);
	close(fd);
	return ret;
}
