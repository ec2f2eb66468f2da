/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "output/screen.h"
#include "output/text_parts.h"
#include "output/track.h"
#include "output/track_table.h"
#include "util/format.h"

#define PROGRESS_NS 10000000000ull
#define LIVE_LEAST 6 /* lines of a tracker's table */

/* A copy of one of the worst. */
struct worst {
	struct wl_tracked_event event;
	uint64_t delay;
	void *bytes;
};

struct track_text {
	struct wl_track_sink sink;
	struct wl_screen screen; /* of out; not drawn to unless live */
	FILE *err;
	bool live;
	uint64_t progress_at;
	struct wl_value_names names;
	struct worst *worst; /* longest first */
	size_t nworst, worst_room;
};

static struct track_text *self(struct wl_track_sink *sink)
{
	return (struct track_text *)sink;
}

/* --- the table of the worst --- */

static void drop(struct worst *w)
{
	free(w->bytes);
	memset(w, 0, sizeof(*w));
}

static int copy_event(struct worst *w, const struct wl_tracked_event *e)
{
	size_t head = sizeof(*e->record), key = (e->tracked->key.size + 7u) & ~7u;
	char *bytes = malloc(head + key + e->tracked->priv.size + 1);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, e->record, head);
	memcpy(bytes + head, e->key, e->tracked->key.size);
	memcpy(bytes + head + key, e->priv, e->tracked->priv.size);
	w->event = *e;
	w->event.record = (const void *)bytes;
	w->event.key = bytes + head;
	w->event.priv = bytes + head + key;
	w->bytes = bytes;
	w->delay = e->record->end > e->record->start ? e->record->end - e->record->start : 0;
	return 0;
}

/* One that was told of while it was open takes its own place again. */
static size_t forget_open(struct track_text *s, const struct wl_tracked_event *e)
{
	for (size_t i = 0; i < s->nworst; i++) {
		if (s->worst[i].event.tracked != e->tracked ||
		    s->worst[i].event.record->id != e->record->id)
			continue;
		drop(&s->worst[i]);
		memmove(&s->worst[i], &s->worst[i + 1], (--s->nworst - i) * sizeof(*s->worst));
	}
	return s->nworst;
}

static void keep_worst(struct track_text *s, const struct wl_tracked_event *e)
{
	struct worst w = { .bytes = NULL };
	size_t at = forget_open(s, e);

	if (!s->worst_room || copy_event(&w, e))
		return;
	while (at && s->worst[at - 1].delay < w.delay)
		at--;
	if (at == s->worst_room) {
		drop(&w);
		return;
	}
	if (s->nworst == s->worst_room)
		drop(&s->worst[--s->nworst]);
	memmove(&s->worst[at + 1], &s->worst[at], (s->nworst - at) * sizeof(*s->worst));
	s->worst[at] = w;
	s->nworst++;
}

static void print_worst(struct track_text *s, FILE *out, size_t most)
{
	if (!s->nworst)
		return;
	wl_text_paint(out, &s->screen.style, WL_PAINT_HEAD);
	fputs("the worst\n", out);
	wl_text_paint(out, &s->screen.style, WL_PAINT_OFF);
	for (size_t i = 0; i < s->nworst && i < most; i++)
		wl_track_worst_line(out, &s->screen.style, &s->worst[i].event, &s->names);
}

/* --- lines --- */

static int text_start(struct wl_track_sink *sink, const struct wl_track_start *start)
{
	struct track_text *s = self(sink);
	char text[1024];
	struct wl_phrase p;

	if (s->screen.options.quiet)
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "tracking ");
	wl_phrase_add_name(&p, start->kind, strlen(start->kind));
	wl_phrase_add(&p, " of ");
	wl_phrase_add_name(&p, start->target, strlen(start->target));
	wl_phrase_add(&p, "; slow: over %s; %" PRIu64 " KiB of memory; Ctrl-C ends it", start->over,
		      start->memory_bytes >> 10);
	fprintf(s->err, "%s\n", text);
	fflush(s->err);
	return 0;
}

static int begin(struct track_text *s, struct wl_frame *f)
{
	if (s->live)
		return wl_screen_begin(&s->screen, f);
	f->out = s->screen.out;
	return 0;
}

static int end(struct track_text *s, struct wl_frame *f)
{
	return s->live ? wl_screen_end(&s->screen, f) : wl_text_flush(s->screen.out);
}

static int text_slow(struct wl_track_sink *sink, const struct wl_tracked_event *e)
{
	struct track_text *s = self(sink);
	struct wl_frame f;
	int ret = begin(s, &f);

	if (ret)
		return ret;
	keep_worst(s, e);
	wl_track_event(f.out, &s->screen.style, e, &s->names);
	return end(s, &f);
}

static int text_note(struct wl_track_sink *sink, const char *note)
{
	struct track_text *s = self(sink);
	struct wl_phrase p;
	struct wl_frame f;
	char text[1024];
	int ret;

	if (s->screen.options.quiet)
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, note, sizeof(text));
	ret = s->live ? begin(s, &f) : 0;
	if (ret)
		return ret;
	fprintf(s->live ? f.out : s->err, "%s\n", text);
	return s->live ? end(s, &f) : 0;
}

static int text_capture(struct wl_track_sink *sink, uint64_t id, const char *path,
			const char *error)
{
	char text[1024];

	snprintf(text, sizeof(text), path ? "capture: %s" : "no capture: %s", path ? path : error);
	return text_note(sink, text);
}

/* --- tables --- */

static void add_seconds(struct wl_phrase *p, uint64_t ns)
{
	wl_phrase_add(p, "%" PRIu64 ".%" PRIu64 " s", ns / 1000000000, ns % 1000000000 / 100000000);
}

static void print_progress(FILE *out, const struct wl_tracked_stats *stats, size_t n,
			   uint64_t duration_ns)
{
	char text[512], a[WL_FORMAT_SIZE], b[WL_FORMAT_SIZE], c[WL_FORMAT_SIZE];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	add_seconds(&p, duration_ns);
	for (size_t i = 0; i < n; i++) {
		wl_phrase_add(&p, "%s ", i ? ";" : ":");
		wl_phrase_add_name(&p, stats[i].tracked->name, strlen(stats[i].tracked->name));
		wl_phrase_add(&p, " %s, worst %s, %s slow",
			      wl_format_count(stats[i].total.count, a, sizeof(a)),
			      wl_format_duration(stats[i].total.max, b, sizeof(b)),
			      wl_format_count(stats[i].slow, c, sizeof(c)));
	}
	fprintf(out, "%s\n", text);
}

static void print_title(FILE *out, const struct wl_style *style,
			const struct wl_tracked_stats *stats)
{
	char text[128];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add_name(&p, stats->tracked->name, strlen(stats->tracked->name));
	wl_text_paint(out, style, WL_PAINT_LABEL);
	fputs(text, out);
	wl_text_paint(out, style, WL_PAINT_OFF);
	fputc('\n', out);
}

static void print_live(struct track_text *s, FILE *out, const struct wl_tracked_stats *stats,
		       size_t n, uint64_t duration_ns)
{
	unsigned int room = s->screen.lines > 4 ? s->screen.lines - 3 : 4;
	unsigned int worst = s->nworst ? (unsigned int)(s->nworst < 5 ? s->nworst : 5) + 1 : 0;
	unsigned int each =
		(room > worst + LIVE_LEAST ? room - worst : room) / (unsigned int)(n ? n : 1);

	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			print_title(out, &s->screen.style, &stats[i]);
		wl_track_rows(out, &s->screen.style, &stats[i], each > 3 ? each - (n > 1) : 3,
			      &s->names);
	}
	if (room > worst + LIVE_LEAST)
		print_worst(s, out, 5);
	print_progress(out, stats, n, duration_ns);
}

static int redraw(struct track_text *s, const struct wl_tracked_stats *stats, size_t n,
		  uint64_t duration_ns)
{
	struct wl_frame f, table;
	int ret = wl_screen_begin(&s->screen, &f);

	if (ret)
		return ret;
	if (!wl_frame_open(&table)) {
		print_live(s, table.out, stats, n, duration_ns);
		if (wl_frame_finish(&table))
			free(table.text);
		else
			wl_screen_set_table(&s->screen, table.text);
	}
	return wl_screen_end(&s->screen, &f);
}

static int text_refresh(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
			uint64_t duration_ns)
{
	struct track_text *s = self(sink);

	if (s->screen.options.quiet)
		return 0;
	if (s->live)
		return redraw(s, stats, n, duration_ns);
	if (duration_ns < s->progress_at)
		return 0;
	s->progress_at = duration_ns + PROGRESS_NS;
	print_progress(s->err, stats, n, duration_ns);
	fflush(s->err);
	return 0;
}

static int text_stats(struct wl_track_sink *sink, const struct wl_tracked_stats *stats, size_t n,
		      uint64_t duration_ns)
{
	struct track_text *s = self(sink);
	struct wl_frame f;
	int ret = begin(s, &f);

	if (ret)
		return ret;
	if (s->live)
		wl_screen_set_table(&s->screen, NULL);
	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			print_title(f.out, &s->screen.style, &stats[i]);
		wl_track_rows(f.out, &s->screen.style, &stats[i], s->screen.style.verbose ? 0 : 22,
			      &s->names);
		wl_track_histogram(f.out, &s->screen.style, &stats[i].total);
		wl_track_losses(f.out, &s->screen.style, &stats[i]);
	}
	print_worst(s, f.out, s->nworst);
	print_progress(f.out, stats, n, duration_ns);
	return end(s, &f);
}

static void text_close(struct wl_track_sink *sink)
{
	struct track_text *s = self(sink);

	for (size_t i = 0; i < s->nworst; i++)
		drop(&s->worst[i]);
	free(s->worst);
	wl_value_names_free(&s->names);
	if (s->live)
		wl_screen_close(&s->screen);
	free(s);
}

static const struct wl_track_sink_ops text_ops = {
	.start = text_start,
	.slow = text_slow,
	.refresh = text_refresh,
	.stats = text_stats,
	.capture = text_capture,
	.note = text_note,
	.close = text_close,
};

int wl_track_text_open(struct wl_track_sink **sink, FILE *out, FILE *err,
		       const struct wl_text_options *o, bool live, unsigned int worst)
{
	struct track_text *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->sink.ops = &text_ops;
	s->screen.out = out;
	s->screen.options = *o;
	s->err = err;
	s->live = live;
	s->progress_at = PROGRESS_NS;
	s->worst = calloc(worst + 1u, sizeof(*s->worst));
	s->worst_room = s->worst ? worst : 0;
	wl_screen_measure(&s->screen);
	*sink = &s->sink;
	return 0;
}
