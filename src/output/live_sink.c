/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Response times as a table that redraws itself, verdicts above it: see screen.h. */
#include <errno.h>
#include <stdlib.h>

#include "output/screen.h"
#include "output/text_parts.h"

#define FRAME_LINES 2 /* status and head of the table */
#define LEAST_LINES 5

struct live_sink {
	struct wl_sink sink;
	struct wl_screen screen;
};

static struct wl_screen *screen(struct wl_sink *sink)
{
	return &((struct live_sink *)sink)->screen;
}

static int live_render(struct wl_screen *s, const struct wl_stats *stats, char **table)
{
	unsigned int room = s->lines < LEAST_LINES ? LEAST_LINES : s->lines;
	struct wl_frame f;
	int err;

	err = wl_frame_open(&f);
	if (err)
		return err;
	wl_text_table(f.out, &s->style, stats, room - 2 - FRAME_LINES);
	wl_text_progress(f.out, stats);
	fputc('\n', f.out);
	err = wl_frame_finish(&f);
	if (err) {
		free(f.text);
		return err;
	}
	*table = f.text;
	return 0;
}

static int live_sink_start(struct wl_sink *sink, const struct wl_start_info *info)
{
	struct wl_screen *s = screen(sink);

	wl_screen_measure(s);
	if (s->options.quiet)
		return 0;
	wl_text_start(s->out, &s->style, info);
	return wl_text_flush(s->out);
}

static int live_sink_slow(struct wl_sink *sink, const struct wl_report *report)
{
	struct wl_screen *s = screen(sink);
	struct wl_frame f;
	int err;

	err = wl_screen_begin(s, &f);
	if (err)
		return err;
	wl_text_verdict(f.out, &s->style, report);
	return wl_screen_end(s, &f);
}

static int live_sink_explained(struct wl_sink *sink, const struct wl_explained *x)
{
	struct wl_screen *s = screen(sink);
	struct wl_frame f;
	int err = wl_screen_begin(s, &f);

	if (err)
		return err;
	wl_text_explained(f.out, &s->style, x);
	return wl_screen_end(s, &f);
}

static int live_sink_refresh(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct wl_screen *s = screen(sink);
	char *table = NULL;
	struct wl_frame f;
	int err;

	if (s->options.quiet)
		return 0;
	err = wl_screen_begin(s, &f);
	if (err)
		return err;
	err = live_render(s, stats, &table);
	if (!err)
		wl_screen_set_table(s, table);
	/* Without memory the old one is drawn again: begun is begun. */
	return wl_screen_end(s, &f);
}

static int live_sink_note(struct wl_sink *sink, const char *note)
{
	struct wl_screen *s = screen(sink);
	struct wl_phrase p;
	struct wl_frame f;
	char text[1024];
	int err;

	if (s->options.quiet)
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, note, sizeof(text));
	err = wl_screen_begin(s, &f);
	if (err)
		return err;
	fprintf(f.out, "%s\n", text);
	return wl_screen_end(s, &f);
}

/* The summary takes the table's place for good. */
static int live_sink_stats(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct wl_screen *s = screen(sink);
	struct wl_frame f;
	int err;

	err = wl_screen_begin(s, &f);
	if (err)
		return err;
	wl_screen_set_table(s, NULL);
	wl_text_summary(f.out, &s->style, stats);
	return wl_screen_end(s, &f);
}

static void live_sink_close(struct wl_sink *sink)
{
	wl_screen_close(screen(sink));
	free(sink);
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
	s->screen.out = out;
	s->screen.options = *o;
	wl_screen_measure(&s->screen);
	*sink = &s->sink;
	return 0;
}
