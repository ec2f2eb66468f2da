/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LINES 24

#define CURSOR_HIDE "\x1b[?25l"
#define CURSOR_SHOW "\x1b[?25h"
#define ERASE_BELOW "\r\x1b[J"

void wl_screen_measure(struct wl_screen *s)
{
	wl_style_init(&s->style, s->out, &s->options);
	s->lines = DEFAULT_LINES;
	if (!s->options.width)
		wl_text_terminal_size(s->out, &s->style.width, &s->lines);
}

/* Columns of a line on the screen: without escape sequences, which all end in a letter. */
static unsigned int shown_columns(const char *line, size_t len)
{
	unsigned int columns = 0;

	for (size_t i = 0; i < len; i++) {
		if (line[i] == '\x1b') {
			while (i < len && line[i] != 'm')
				i++;
			continue;
		}
		columns += ((unsigned char)line[i] & 0xc0) != 0x80;
	}
	return columns;
}

/* Lines that the table takes now: a window that became narrower has wrapped them. */
static unsigned int screen_height(const struct wl_screen *s)
{
	const char *line = s->table;
	unsigned int height = 0;

	while (line && *line) {
		size_t len = strcspn(line, "\n");
		unsigned int columns = shown_columns(line, len);

		height += columns ? (columns + s->style.width - 1) / s->style.width : 1;
		line += len + (line[len] == '\n');
	}
	/* Nothing above the window's first line can be reached. */
	return height < s->lines ? height : s->lines - 1;
}

int wl_frame_open(struct wl_frame *f)
{
	*f = (struct wl_frame){ 0 };
	f->out = open_memstream(&f->text, &f->size);
	return f->out ? 0 : -ENOMEM;
}

int wl_frame_finish(struct wl_frame *f)
{
	FILE *out = f->out;

	f->out = NULL;
	return fclose(out) ? -ENOMEM : 0;
}

int wl_screen_begin(struct wl_screen *s, struct wl_frame *f)
{
	unsigned int height;
	int err;

	wl_screen_measure(s);
	err = wl_frame_open(f);
	if (err)
		return err;
	height = screen_height(s);
	if (!height)
		return 0;
	fprintf(f->out, CURSOR_HIDE "\x1b[%uA" ERASE_BELOW, height);
	return 0;
}

int wl_screen_end(struct wl_screen *s, struct wl_frame *f)
{
	int err;

	if (s->table)
		fputs(s->table, f->out);
	fputs(CURSOR_SHOW, f->out);
	err = wl_frame_finish(f);
	if (!err) {
		fwrite(f->text, 1, f->size, s->out);
		err = wl_text_flush(s->out);
	}
	free(f->text);
	return err;
}

void wl_screen_set_table(struct wl_screen *s, char *table)
{
	free(s->table);
	s->table = table;
}

void wl_screen_close(struct wl_screen *s)
{
	fputs(CURSOR_SHOW, s->out);
	fflush(s->out);
	free(s->table);
	s->table = NULL;
}
