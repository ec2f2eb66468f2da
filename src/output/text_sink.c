/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Plain lines: verdicts and the summary to out, what is only of the moment to err. */
#include <errno.h>
#include <stdlib.h>

#include "output/text_parts.h"

#define PROGRESS_NS 10000000000ull

struct text_sink {
	struct wl_sink sink;
	struct wl_style style;
	FILE *out, *err;
	bool quiet;
	bool started;         /* out has a line: the summary is set off from it */
	uint64_t progress_at; /* duration of the run at the next progress line */
};

static struct text_sink *text_sink(struct wl_sink *sink)
{
	return (struct text_sink *)sink;
}

/* What goes to err is not worth stopping for: errors there are not looked at. */
static int text_sink_start(struct wl_sink *sink, const struct wl_start_info *info)
{
	struct text_sink *s = text_sink(sink);

	if (!s->quiet) {
		wl_text_start(s->err, &s->style, info);
		fflush(s->err);
	}
	return 0;
}

static int text_sink_slow(struct wl_sink *sink, const struct wl_report *report)
{
	struct text_sink *s = text_sink(sink);

	wl_text_verdict(s->out, &s->style, report);
	s->started = true;
	return wl_text_flush(s->out);
}

static int text_sink_explained(struct wl_sink *sink, const struct wl_explained *x)
{
	struct text_sink *s = text_sink(sink);

	wl_text_explained(s->out, &s->style, x);
	return wl_text_flush(s->out);
}

static int text_sink_refresh(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct text_sink *s = text_sink(sink);

	if (s->quiet || stats->duration_ns < s->progress_at)
		return 0;
	while (s->progress_at <= stats->duration_ns)
		s->progress_at += PROGRESS_NS;
	wl_text_progress(s->err, stats);
	fputc('\n', s->err);
	fflush(s->err);
	return 0;
}

static int text_sink_note(struct wl_sink *sink, const char *note)
{
	struct text_sink *s = text_sink(sink);
	struct wl_phrase p;
	char text[1024];

	if (s->quiet)
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, note, sizeof(text));
	fprintf(s->err, "%s\n", text);
	fflush(s->err);
	return 0;
}

static int text_sink_stats(struct wl_sink *sink, const struct wl_stats *stats)
{
	struct text_sink *s = text_sink(sink);

	if (s->started)
		fputc('\n', s->out);
	wl_text_summary(s->out, &s->style, stats);
	return wl_text_flush(s->out);
}

static void text_sink_close(struct wl_sink *sink)
{
	free(sink);
}

static const struct wl_sink_ops text_sink_ops = {
	.start = text_sink_start,
	.slow = text_sink_slow,
	.explained = text_sink_explained,
	.refresh = text_sink_refresh,
	.note = text_sink_note,
	.stats = text_sink_stats,
	.close = text_sink_close,
};

int wl_text_sink_open(struct wl_sink **sink, FILE *out, FILE *err, const struct wl_text_options *o)
{
	struct text_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &text_sink_ops;
	s->out = out;
	s->err = err;
	s->quiet = o->quiet;
	s->progress_at = PROGRESS_NS;
	wl_style_init(&s->style, out, o);
	*sink = &s->sink;
	return 0;
}
