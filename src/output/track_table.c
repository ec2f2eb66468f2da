/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/track_table.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "explain/quantile.h"
#include "output/text_parts.h"
#include "util/format.h"

#define NUMBER 8 /* columns of a duration and a space */
#define COUNT 11
#define CELL_MAX 40 /* columns of one field of a row */
#define FIELDS_MAX 12
#define BAR 40

/* --- one event --- */

/* The same text as in the field before: a thread and its process often have one name. */
static bool is_repeated(const struct wl_layout *layout, size_t i, const void *bytes)
{
	const struct wl_field *f = &layout->fields[i], *before = f - 1;

	return i && f->kind == WL_VALUE_TEXT && before->kind == WL_VALUE_TEXT &&
	       f->size == before->size &&
	       !strncmp((const char *)bytes + f->offset, (const char *)bytes + before->offset,
			f->size);
}

/* Fields of one event, and what tells of them what their zeros mean. */
struct fields {
	const struct wl_layout *layout;
	const void *bytes;
	bool is_key;
	bool is_open; /* it is not over: there is no result yet */
};

/* Does a 0 of it say that there is none? Of a CPU, a line, a priority it is a value as any other.
 */
static bool is_nothing(const struct fields *of, enum wl_value_kind kind)
{
	switch (kind) {
	case WL_VALUE_TEXT:
	case WL_VALUE_BYTES:
	case WL_VALUE_STACK:
	case WL_VALUE_ADDR:
		return true;
	case WL_VALUE_UINT:
	case WL_VALUE_NS:
	case WL_VALUE_BYTE_COUNT:
	case WL_VALUE_HEX:
	case WL_VALUE_KSYM:
		return !of->is_key;
	case WL_VALUE_INT:
		return of->is_open && !of->is_key;
	default:
		return false;
	}
}

static bool is_hidden(const struct fields *of, size_t i)
{
	const struct wl_field *f = &of->layout->fields[i];

	return (of->layout->n > 1 && is_nothing(of, f->kind) && !wl_value_is_set(f, of->bytes)) ||
	       is_repeated(of->layout, i, of->bytes);
}

/* All but stacks, which have lines of their own. */
static void add_fields(struct wl_phrase *p, const struct fields *of, struct wl_value_names *names)
{
	for (size_t i = 0; i < of->layout->n; i++) {
		const struct wl_field *f = &of->layout->fields[i];

		if (is_hidden(of, i) || f->kind == WL_VALUE_STACK)
			continue;
		wl_phrase_add(p, "%s", p->len ? ", " : "");
		wl_phrase_add_name(p, f->name, sizeof(f->name));
		wl_phrase_add(p, " ");
		wl_value_text(p, f, of->bytes, names);
	}
}

static void describe(struct wl_phrase *p, const struct wl_tracked_event *e,
		     struct wl_value_names *names)
{
	bool open = e->record->flags & LATENCY_TRACKER_OPEN;
	const struct fields key = { &e->tracked->key, e->key, true, open };
	const struct fields priv = { &e->tracked->priv, e->priv, false, open };

	add_fields(p, &key, names);
	add_fields(p, &priv, names);
}

static uint64_t delay_of(const struct wl_tracked_event *e)
{
	return e->record->end > e->record->start ? e->record->end - e->record->start : 0;
}

static void clock_text(int64_t ns, char *text, size_t size)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;

	localtime_r(&seconds, &tm);
	snprintf(text, size, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (int)(ns % 1000000000 / 1000000));
}

static void add_head(struct wl_phrase *p, const struct wl_tracked_event *e)
{
	const struct lt1_record *r = e->record;
	char number[WL_FORMAT_SIZE], at[32];

	clock_text(e->real_ns, at, sizeof(at));
	wl_phrase_add(p, "%s  ", at);
	wl_phrase_add_name(p, e->tracked->name, strlen(e->tracked->name));
	wl_phrase_add(p, " %s%s", r->flags & LATENCY_TRACKER_OPEN ? "open for " : "",
		      wl_format_duration(delay_of(e), number, sizeof(number)));
	if (!(r->flags & LATENCY_TRACKER_OPEN) && r->flags & LATENCY_TRACKER_TIMEOUT)
		wl_phrase_add(p, ", told of before");
}

static void print_stacks(FILE *out, const struct wl_style *style, const struct wl_tracked_event *e,
			 struct wl_value_names *names)
{
	const struct wl_layout *layout = &e->tracked->priv;
	char text[1024];

	for (size_t i = 0; i < layout->n; i++) {
		struct wl_phrase p;

		if (layout->fields[i].kind != WL_VALUE_STACK ||
		    !wl_value_is_set(&layout->fields[i], e->priv))
			continue;
		wl_phrase_init(&p, text, sizeof(text));
		wl_value_text(&p, &layout->fields[i], e->priv, names);
		wl_text_field(out, style, layout->fields[i].name, text);
	}
}

void wl_track_event(FILE *out, const struct wl_style *style, const struct wl_tracked_event *e,
		    struct wl_value_names *names)
{
	const struct lt1_record *r = e->record;
	char text[1024];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	add_head(&p, e);
	wl_text_paint(out, style, r->flags & LATENCY_TRACKER_OPEN ? WL_PAINT_STUCK : WL_PAINT_SLOW);
	fputs(text, out);
	wl_text_paint(out, style, WL_PAINT_OFF);
	fputc('\n', out);
	wl_phrase_init(&p, text, sizeof(text));
	describe(&p, e, names);
	wl_text_field(out, style, "what", text);
	wl_phrase_init(&p, text, sizeof(text));
	if (!(r->flags & LATENCY_TRACKER_OPEN)) {
		wl_phrase_add(&p, "on cpu %u, current task ", r->cpu);
		wl_phrase_add_name(&p, r->comm, sizeof(r->comm));
		wl_phrase_add(&p, "/%u", r->tid);
		wl_text_field(out, style, "ended", text);
	}
	print_stacks(out, style, e, names);
}

void wl_track_worst_line(FILE *out, const struct wl_style *style, const struct wl_tracked_event *e,
			 struct wl_value_names *names)
{
	char text[1024], number[WL_FORMAT_SIZE], at[32];
	struct wl_phrase p;

	clock_text(e->real_ns, at, sizeof(at));
	wl_phrase_init(&p, text, sizeof(text));
	describe(&p, e, names);
	fprintf(out, "  %-8s%s  %.*s\n", wl_format_duration(delay_of(e), number, sizeof(number)),
		at, style->width > 30 ? (int)style->width - 26 : 4, text);
}

/* --- tables --- */

struct table {
	const struct wl_tracked_stats *stats;
	struct wl_value_names *names;
	size_t shown[FIELDS_MAX]; /* fields of the row */
	unsigned int width[FIELDS_MAX];
	size_t n;
};

static void cell(const struct table *t, size_t column, const struct wl_tracked_row *row, char *text,
		 size_t size)
{
	struct wl_phrase p;

	wl_phrase_init(&p, text, size);
	if (row->key)
		wl_value_text(&p, &t->stats->tracked->row.fields[t->shown[column]], row->key,
			      t->names);
	else
		wl_phrase_add(&p, column ? "" : t->stats->tracked->row.n ? "(others)" : "(all)");
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static void add_column(struct table *t, size_t field)
{
	const struct wl_layout *layout = &t->stats->tracked->row;
	unsigned int width = layout->n ? (unsigned int)strlen(layout->fields[field].name) : 0;

	t->shown[t->n] = field;
	for (size_t i = 0; i < t->stats->n; i++) {
		char text[256];

		cell(t, t->n, &t->stats->rows[i], text, sizeof(text));
		if (wl_text_columns(text) > width)
			width = wl_text_columns(text);
	}
	t->width[t->n++] = least(width, CELL_MAX);
}

static void plan(struct table *t)
{
	size_t n = t->stats->tracked->row.n;

	for (size_t i = 0; i < n && t->n < FIELDS_MAX; i++)
		add_column(t, i);
	if (!n)
		add_column(t, 0);
}

/* Text in a cell of so many columns, and a space. */
static void put_cell(FILE *out, const char *text, unsigned int width)
{
	unsigned int columns = wl_text_columns(text);

	if (columns <= width)
		fprintf(out, "%s%*s", text, (int)(width - columns) + 2, "");
	else /* escaped: one byte is one column, or a character that is cut at worst */
		fprintf(out, "%.*s~ ", (int)width, text);
}

static void put_head(FILE *out, const struct wl_style *style, const struct table *t)
{
	const struct wl_layout *layout = &t->stats->tracked->row;

	wl_text_paint(out, style, WL_PAINT_HEAD);
	for (size_t c = 0; c < t->n; c++)
		put_cell(out, layout->n ? layout->fields[t->shown[c]].name : "", t->width[c]);
	fprintf(out, "%*s%*s%*s%*s%*s%*s%*s", COUNT, "count", NUMBER, "mean", NUMBER, "p50", NUMBER,
		"p90", NUMBER, "p99", NUMBER, "max", NUMBER, "slow");
	wl_text_paint(out, style, WL_PAINT_OFF);
	fputc('\n', out);
}

static void put_duration(FILE *out, uint64_t ns)
{
	char text[WL_FORMAT_SIZE];

	fprintf(out, "%*s", NUMBER, wl_format_duration(ns, text, sizeof(text)));
}

static void put_row(FILE *out, const struct table *t, const struct wl_tracked_row *row)
{
	const struct wl_agg *a = &row->agg;
	char text[256];

	for (size_t c = 0; c < t->n; c++) {
		cell(t, c, row, text, sizeof(text));
		put_cell(out, text, t->width[c]);
	}
	fprintf(out, "%*s", COUNT, wl_format_count(a->count, text, sizeof(text)));
	put_duration(out, a->sum / a->count);
	put_duration(out, wl_agg_quantile(a, 0.5));
	put_duration(out, wl_agg_quantile(a, 0.9));
	put_duration(out, wl_agg_quantile(a, 0.99));
	put_duration(out, a->max);
	fprintf(out, "%*s\n", NUMBER, wl_format_count(row->slow, text, sizeof(text)));
}

void wl_track_rows(FILE *out, const struct wl_style *style, const struct wl_tracked_stats *stats,
		   unsigned int lines, struct wl_value_names *names)
{
	struct table t = { .stats = stats, .names = names };
	size_t shown = stats->n;

	if (!stats->n) {
		fputs("nothing has ended\n", out);
		return;
	}
	if (lines && shown + 1 > lines)
		shown = lines > 2 ? lines - 2 : 1;
	plan(&t);
	put_head(out, style, &t);
	for (size_t i = 0; i < shown; i++)
		put_row(out, &t, &stats->rows[i]);
	if (shown < stats->n)
		fprintf(out, "… and %zu rows with less time\n", stats->n - shown);
}

/* --- histogram --- */

/* Buckets of one power of two: 8 from 8 ns on. */
static uint64_t octave(const struct wl_agg *agg, uint32_t i)
{
	uint64_t sum = 0;

	for (uint32_t b = 8 * i; b < 8 * i + 8; b++)
		sum += agg->bucket[b];
	return sum;
}

void wl_track_histogram(FILE *out, const struct wl_style *style, const struct wl_agg *agg)
{
	uint32_t first = WL_HIST_BUCKETS / 8, last = 0;
	uint64_t most = 0;

	for (uint32_t i = 0; i < WL_HIST_BUCKETS / 8; i++) {
		uint64_t n = octave(agg, i);

		if (!n)
			continue;
		first = i < first ? i : first;
		last = i;
		most = n > most ? n : most;
	}
	for (uint32_t i = first; most && i <= last; i++) {
		char from[WL_FORMAT_SIZE], to[WL_FORMAT_SIZE], count[WL_FORMAT_SIZE];
		uint64_t n = octave(agg, i);

		fprintf(out, "  %7s .. %-7s %*s |%.*s\n",
			wl_format_duration(wl_hist_lower(8 * i), from, sizeof(from)),
			wl_format_duration(wl_hist_lower(8 * i + 8), to, sizeof(to)), COUNT,
			wl_format_count(n, count, sizeof(count)),
			(int)((n * BAR + most - 1) / most),
			"****************************************");
	}
}

/* --- losses --- */

static void say(struct wl_phrase *p, uint64_t count, const char *what)
{
	char text[WL_FORMAT_SIZE];

	if (count)
		wl_phrase_add(p, "%s%s %s", p->len ? ", " : "",
			      wl_format_count(count, text, sizeof(text)), what);
}

void wl_track_losses(FILE *out, const struct wl_style *style, const struct wl_tracked_stats *stats)
{
	const struct lt1_control *c = &stats->control;
	char text[512];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	say(&p, c->full, "skipped (no room)");
	say(&p, c->lost, "skipped (table busy, or an argument could not be read)");
	say(&p, c->untold, "slow ones not told of (too many at once)");
	say(&p, stats->skipped, "runs skipped (in the middle of another one)");
	say(&p, c->rows_full, "counted with (others): no room for their row");
	say(&p, c->late, "were open past the timeout");
	say(&p, c->expired, "given up after a long time");
	if (style->verbose) {
		say(&p, c->in_flight, "open when last looked at");
		say(&p, c->replaced, "replaced by another begin");
		say(&p, c->discarded, "did not end and were forgotten");
		say(&p, c->backwards, "ended before they began (counted as 0)");
	}
	if (p.len)
		wl_text_field(out, style, "also", text);
}
