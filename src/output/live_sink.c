/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A table that redraws itself at the end of what a terminal shows. Everything else is printed where
 * the table was, and the table again below it: so verdicts stay in the scrollback, and no alternate
 * screen has to be left when we are killed. Each change is one write: the cursor is hidden only
 * inside of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/text_parts.h"

#define DEFAULT_LINES 24
#define FRAME_LINES 2 /* status and head of the table */
#define LEAST_LINES 5

#define CURSOR_HIDE "\x1b[?25l"
#define CURSOR_SHOW "\x1b[?25h"
#define ERASE_BELOW "\r\x1b[J"

struct live_sink {
	struct wl_sink sink;
	struct wl_text_options options;
	struct wl_style style;
	FILE *out;
	char *table;        /* what is drawn now, or NULL */
	unsigned int lines; /* of the terminal */
};

/* A change of the screen: text that will be written at once. */
struct frame {
	FILE *out;
	char *text;
	size_t size;
};

static struct live_sink *live_sink(struct wl_sink *sink)
{
	return (struct live_sink *)sink;
}

/* The window may have another size each time. */
static void live_measure(struct live_sink *s)
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
static unsigned int live_height(const struct live_sink *s)
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

static int frame_open(struct frame *f)
{
	*f = (struct frame){ 0 };
	f->out = open_memstream(&f->text, &f->size);
	return f->out ? 0 : -ENOMEM;
}

/* Ends the text; the caller frees it. */
static int frame_finish(struct frame *f)
{
	FILE *out = f->out;

	f->out = NULL;
	return fclose(out) ? -ENOMEM : 0;
}

/* A change begins where the table began. */
static int live_begin(struct live_sink *s, struct frame *f)
{
	unsigned int height;
	int err;

	live_measure(s);
	err = frame_open(f);
	if (err)
		return err;
	height = live_height(s);
	if (!height)
		return 0;
	fprintf(f->out, CURSOR_HIDE "\x1b[%uA" ERASE_BELOW, height);
	return 0;
}

/* Ends a change with the table, if there is one. */
static int live_end(struct live_sink *s, struct frame *f)
{
	int err;

	if (s->table)
		fputs(s->table, f->out);
	fputs(CURSOR_SHOW, f->out);
	err = frame_finish(f);
	if (!err) {
		fwrite(f->text, 1, f->size, s->out);
		err = wl_text_flush(s->out);
	}
	free(f->text);
	return err;
}

static int live_render(struct live_sink *s, const struct wl_stats *stats, char **table)
{
	unsigned int room = s->lines < LEAST_LINES ? LEAST_LINES : s->lines;
	struct frame f;
	int err;

	err = frame_open(&f);
	if (err)
		return err;
	wl_text_table(f.out, &s->style, stats, room - 2 - FRAME_LINES);
	wl_text_progress(f.out, stats);
	fputc('\n', f.out);
	err = frame_finish(&f);
	if (err) {
		free(f.text);
		return err;
	}
	*table = f.text;
	return 0;
}

static int live_sink_start(struct wl_sink *sink, const struct wl_start_info *info)
{
	struct live_sink *s = live_sink(sink);

	live_measure(s);
	if (s->options.quiet)
		return 0;
	wl_text_start(s->out, &s->style, info);
	return wl_text_flush(s->out);
}

static int live_sink_slow(struct wl_sink *sink, const struct wl_report *report)
{
	struct live_sink *s = live_sink(sink);
	struct frame f;
	int err;

	err = live_begin(s, &f);
	if (err)
		return err;
	wl_text_verdict(f.out, &s->style, report);
	return live_end(s, &f);
}

static int live_sink_explained(struct wl_sink *sink, const struct wl_explained *x)
{
	struct live_sink *s = live_sink(sink);
	struct frame f;
	int err = live_begin(s, &f);

	if (err)
		return err;
	wl_text_explained(f.out, &s->style, x);
	return live_end(s, &f);
}

static int live_sink_refresh(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct live_sink *s = live_sink(sink);
	char *table = NULL;
	struct frame f;
	int err;

	if (s->options.quiet)
		return 0;
	err = live_begin(s, &f);
	if (err)
		return err;
	err = live_render(s, stats, &table);
	if (!err) {
		free(s->table);
		s->table = table;
	}
	/* Without memory the old one is drawn again: begun is begun. */
	return live_end(s, &f);
}

static int live_sink_note(struct wl_sink *sink, const char *note)
{
	struct live_sink *s = live_sink(sink);
	struct wl_phrase p;
	struct frame f;
	char text[1024];
	int err;

	if (s->options.quiet)
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, note, sizeof(text));
	err = live_begin(s, &f);
	if (err)
		return err;
	fprintf(f.out, "%s\n", text);
	return live_end(s, &f);
}

/* The summary takes the table's place for good. */
static int live_sink_stats(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct live_sink *s = live_sink(sink);
	struct frame f;
	int err;

	err = live_begin(s, &f);
	if (err)
		return err;
	free(s->table);
	s->table = NULL;
	wl_text_summary(f.out, &s->style, stats);
	return live_end(s, &f);
}

static void live_sink_close(struct wl_sink *sink)
{
	struct live_sink *s = live_sink(sink);

	fputs(CURSOR_SHOW, s->out);
	fflush(s->out);
	free(s->table);
	free(s);
}

static const struct wl_sink_ops live_sink_ops = {
	.start = live_sink_start,
	.slow = live_sink_slow,
	.explained = live_sink_explained,
	.refresh = live_sink_refresh,
	.note = live_sink_note,
	.stats = live_sink_stats,
	.close = live_sink_close,
};

int wl_live_sink_open(struct wl_sink **sink, FILE *out, const struct wl_text_options *o)
{
	struct live_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &live_sink_ops;
	s->out = out;
	s->options = *o;
	live_measure(s);
	*sink = &s->sink;
	return 0;
}
