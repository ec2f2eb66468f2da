/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Lines about all responses: the table, what it comes to, what was lost. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain/names.h"
#include "output/text_parts.h"
#include "util/format.h"

#define SUMMARY_ROWS 20 /* more with -v */
#define NUMBERS 6       /* mean, p50, p90, p99, p99.9, max */
#define NUMBER_WIDTH 7  /* "12.4ms" and a space */
#define TARGET_LEAST 9
#define FROM_LEAST 6

/* Widths of the table's columns. */
struct columns {
	unsigned int target, from, count;
	bool short_from; /* "NET_RX" for "softirq NET_RX" */
};

struct totals {
	uint64_t count, worst;
	uint64_t p99; /* the largest one of a row */
	unsigned int rows;
};

static struct totals totals_of(const struct wl_stats *stats)
{
	struct totals t = { 0 };

	for (uint32_t i = 0; i < stats->nrows; i++) {
		const struct wl_row *row = &stats->rows[i];

		if (!row->count)
			continue;
		t.rows++;
		t.count += row->count;
		t.worst = row->max > t.worst ? row->max : t.worst;
		t.p99 = row->p99 > t.p99 ? row->p99 : t.p99;
	}
	return t;
}

/* ---- words ---- */

static const char *noun(const struct wl_stats *stats, uint64_t count)
{
	if (stats->busy_periods)
		return count == 1 ? "busy period" : "busy periods";
	return count == 1 ? "response" : "responses";
}

static void add_count(struct wl_phrase *p, uint64_t count)
{
	char text[WL_FORMAT_SIZE];

	wl_phrase_add(p, "%s", wl_format_count(count, text, sizeof(text)));
}

static void add_counted_noun(struct wl_phrase *p, const struct wl_stats *stats, uint64_t count)
{
	add_count(p, count);
	wl_phrase_add(p, " %s", noun(stats, count));
}

static void add_seconds(struct wl_phrase *p, uint64_t ns)
{
	uint64_t tenths = (ns + 50000000) / 100000000;

	if (tenths < 100 && tenths % 10)
		wl_phrase_add(p, "%" PRIu64 ".%" PRIu64 " s", tenths / 10, tenths % 10);
	else
		wl_phrase_add(p, "%" PRIu64 " s", (tenths + 5) / 10);
}

/* As the user would write it: "5ms", "1500us". */
static void add_plain_duration(struct wl_phrase *p, uint64_t ns)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns % units[i].ns && i + 1 < sizeof(units) / sizeof(units[0]))
			continue;
		wl_phrase_add(p, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
		return;
	}
}

/* "p99 410us, worst 1.20ms"; of several rows only a bound of the quantile is known. */
static void add_extremes(struct wl_phrase *p, const struct totals *t)
{
	wl_phrase_add(p, "p99 %s", t->rows > 1 ? "at most " : "");
	wl_phrase_add_duration(p, t->p99);
	wl_phrase_add(p, ", worst ");
	wl_phrase_add_duration(p, t->worst);
}

/* The largest of 1, 2, 5 times a power of ten below ns; 0: none worth trying. */
static uint64_t round_below(uint64_t ns)
{
	static const unsigned int steps[] = { 5, 2, 1 };
	uint64_t power = 1000;

	while (power <= ns / 10)
		power *= 10;
	for (; power >= 1000; power /= 10)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (steps[i] * power < ns)
				return steps[i] * power;
	return 0;
}

/* ---- table ---- */

static void row_target(const struct wl_row *row, char *text, size_t size)
{
	struct wl_phrase p;

	wl_phrase_init(&p, text, size);
	wl_text_add_target(&p, row->key.process, row->key.comm);
}

static void row_from(const struct wl_row *row, bool brief, char *text, size_t size)
{
	struct wl_phrase p;

	wl_phrase_init(&p, text, size);
	if (brief && row->key.stim_kind == WL_STIM_TIMER)
		wl_phrase_add(&p, "timer");
	else if (brief && row->stim_name[0])
		wl_phrase_add_name(&p, row->stim_name, sizeof(row->stim_name));
	else
		wl_text_add_stimulus(&p, row->key.stim_kind, row->key.stim_nr, row->stim_name);
}

static unsigned int larger(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

static void columns_measure(struct columns *c, const struct wl_stats *stats, unsigned int lines)
{
	char text[400];

	c->target = strlen("TARGET");
	c->from = strlen("FROM");
	c->count = strlen("COUNT");
	for (uint32_t i = 0; i < stats->nrows && i < lines; i++) {
		row_target(&stats->rows[i], text, sizeof(text));
		c->target = larger(c->target, wl_text_columns(text));
		row_from(&stats->rows[i], c->short_from, text, sizeof(text));
		c->from = larger(c->from, wl_text_columns(text));
		wl_format_count(stats->rows[i].count, text, sizeof(text));
		c->count = larger(c->count, wl_text_columns(text));
	}
}

static unsigned int columns_numbers(const struct columns *c)
{
	return 1 + 1 + c->count + NUMBERS * NUMBER_WIDTH;
}

/* Makes the names fit in what the numbers leave: shorter stimuli first, then cut names. */
static void columns_fit(struct columns *c, const struct wl_stats *stats, unsigned int lines,
			unsigned int width)
{
	unsigned int room, over;

	c->short_from = false;
	columns_measure(c, stats, lines);
	if (columns_numbers(c) + c->target + c->from <= width)
		return;
	c->short_from = true;
	columns_measure(c, stats, lines);
	room = width > columns_numbers(c) ? width - columns_numbers(c) : 0;
	room = larger(room, TARGET_LEAST + FROM_LEAST);
	if (c->target + c->from <= room)
		return;
	over = c->target + c->from - room;
	if (c->from > FROM_LEAST) {
		unsigned int cut = c->from - FROM_LEAST < over / 2 ? c->from - FROM_LEAST
								   : over / 2;

		c->from -= cut;
		over -= cut;
	}
	c->target = c->target > over + TARGET_LEAST ? c->target - over : TARGET_LEAST;
	c->from = room - c->target;
}

/* Exactly width columns: padded, or cut with a mark that names don't have. */
static void put_cell(FILE *out, const char *text, unsigned int width)
{
	unsigned int columns = wl_text_columns(text), left = width;

	if (columns > width)
		left--;
	for (; *text; text++) {
		if (((unsigned char)*text & 0xc0) != 0x80 && !left--)
			break;
		fputc(*text, out);
	}
	if (columns > width)
		fputc('~', out);
	else
		fprintf(out, "%*s", (int)(width - columns), "");
}

static void put_table_head(FILE *out, const struct wl_style *style, const struct columns *c)
{
	static const char *const heads[NUMBERS] = { "MEAN", "P50", "P90", "P99", "P99.9", "MAX" };

	wl_text_paint(out, style, WL_PAINT_HEAD);
	put_cell(out, "TARGET", c->target);
	fputc(' ', out);
	put_cell(out, "FROM", c->from);
	fprintf(out, " %*s", (int)c->count, "COUNT");
	for (unsigned int i = 0; i < NUMBERS; i++)
		fprintf(out, "%*s", NUMBER_WIDTH, heads[i]);
	wl_text_paint(out, style, WL_PAINT_OFF);
	fputc('\n', out);
}

static void put_row(FILE *out, const struct columns *c, const struct wl_row *row)
{
	const uint64_t numbers[NUMBERS] = {
		row->mean, row->p50, row->p90, row->p99, row->p999, row->max,
	};
	char text[400];

	row_target(row, text, sizeof(text));
	put_cell(out, text, c->target);
	fputc(' ', out);
	row_from(row, c->short_from, text, sizeof(text));
	put_cell(out, text, c->from);
	fprintf(out, " %*s", (int)c->count, wl_format_count(row->count, text, sizeof(text)));
	for (unsigned int i = 0; i < NUMBERS; i++)
		fprintf(out, " %*s", NUMBER_WIDTH - 1,
			wl_format_duration(numbers[i], text, sizeof(text)));
	fputc('\n', out);
}

void wl_text_table(FILE *out, const struct wl_style *style, const struct wl_stats *stats,
		   unsigned int lines)
{
	unsigned int shown = stats->nrows;
	struct columns c;

	if (shown > lines)
		shown = lines ? lines - 1 : 0;
	columns_fit(&c, stats, shown, style->width);
	put_table_head(out, style, &c);
	for (unsigned int i = 0; i < shown; i++)
		put_row(out, &c, &stats->rows[i]);
	if (shown < stats->nrows && lines)
		fprintf(out, "and %u more\n", stats->nrows - shown);
}

/* ---- typical responses ---- */

struct portion {
	unsigned int kind;
	uint64_t ns;
};

static int compare_portions(const void *a, const void *b)
{
	const struct portion *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* "running 71%, wakeup 24%": the largest first, without what is below half a percent. */
static void add_budget(struct wl_phrase *p, const uint64_t budget[WL_SEG_MAX])
{
	struct portion portions[WL_SEG_MAX] = { 0 };
	const char *comma = "";
	uint64_t sum = 0;

	for (unsigned int i = 1; i < WL_SEG_MAX; i++) {
		portions[i] = (struct portion){ i, budget[i] };
		sum += budget[i];
	}
	qsort(portions, WL_SEG_MAX, sizeof(portions[0]), compare_portions);
	for (unsigned int i = 0; i < WL_SEG_MAX && portions[i].ns; i++) {
		double percent = 100.0 * (double)portions[i].ns / (double)sum;

		if (percent < 0.5)
			break;
		wl_phrase_add(p, "%s%s" WL_TEXT_GLUE "%.0f%%", comma, wl_seg_name(portions[i].kind),
			      percent);
		comma = ", ";
	}
}

static void put_row_typical(FILE *out, const struct wl_style *style, const struct wl_row *row)
{
	struct wl_phrase p;
	char text[700];

	wl_phrase_init(&p, text, sizeof(text));
	if (row->typical.known) {
		wl_phrase_add_duration(&p, row->typical.ns);
		wl_phrase_add(&p, ": ");
		add_budget(&p, row->typical.budget);
	}
	if (row->merged) {
		wl_phrase_add(&p, "%s", p.len ? "; " : "");
		add_count(&p, row->merged);
		wl_phrase_add(&p, " more requests merged into %s",
			      row->merged > 1 ? "them" : "one");
	}
	if (p.len)
		wl_text_field(out, style, row->typical.known ? "typical" : "merged", text);
}

static void put_summary_table(FILE *out, const struct wl_style *style, const struct wl_stats *stats)
{
	unsigned int shown = stats->nrows;
	struct columns c;

	if (shown > SUMMARY_ROWS && !style->verbose)
		shown = SUMMARY_ROWS;
	columns_fit(&c, stats, shown, style->width);
	put_table_head(out, style, &c);
	for (unsigned int i = 0; i < shown; i++) {
		put_row(out, &c, &stats->rows[i]);
		put_row_typical(out, style, &stats->rows[i]);
	}
	if (shown < stats->nrows)
		fprintf(out, "and %u more (-v shows them)\n", stats->nrows - shown);
}

/* ---- result ---- */

static void add_nothing_slow(struct wl_phrase *p, const struct wl_style *style,
			     const struct wl_stats *stats, const struct totals *t)
{
	uint64_t try = round_below(t->worst);

	wl_phrase_add(p, "no %s", style->over_ns || !t->count ? "" : "slow ");
	wl_phrase_add(p, "%s", noun(stats, 1));
	if (style->over_ns && t->count) {
		wl_phrase_add(p, " over ");
		add_plain_duration(p, style->over_ns);
	}
	wl_phrase_add(p, " in ");
	add_seconds(p, stats->duration_ns);
	if (!t->count)
		return;
	wl_phrase_add(p, " (");
	add_counted_noun(p, stats, t->count);
	wl_phrase_add(p, ", ");
	add_extremes(p, t);
	wl_phrase_add(p, ")");
	if (try && (!style->over_ns || try < style->over_ns)) {
		wl_phrase_add(p, "; try --over ");
		add_plain_duration(p, try);
	}
}

static void add_slow(struct wl_phrase *p, const struct wl_style *style,
		     const struct wl_stats *stats, const struct totals *t)
{
	add_count(p, stats->slow);
	wl_phrase_add(p, " slow of ");
	add_counted_noun(p, stats, t->count);
	wl_phrase_add(p, " in ");
	add_seconds(p, stats->duration_ns);
	if (t->count) {
		wl_phrase_add(p, ", ");
		add_extremes(p, t);
	}
	if (stats->timeouts) {
		wl_phrase_add(p, "; ");
		add_count(p, stats->timeouts);
		wl_phrase_add(p, " seen stuck");
	}
	if (stats->suppressed) {
		wl_phrase_add(p, "; ");
		add_count(p, stats->suppressed);
		wl_phrase_add(p, " without a capture (limits)");
	}
}

static void put_result(FILE *out, const struct wl_style *style, const struct wl_stats *stats)
{
	struct totals t = totals_of(stats);
	struct wl_phrase p;
	char text[400];

	wl_phrase_init(&p, text, sizeof(text));
	if (stats->slow || stats->timeouts)
		add_slow(&p, style, stats, &t);
	else
		add_nothing_slow(&p, style, stats, &t);
	fprintf(out, "%s\n", text);
}

void wl_text_progress(FILE *out, const struct wl_stats *stats)
{
	struct totals t = totals_of(stats);
	struct wl_phrase p;
	char text[200];

	wl_phrase_init(&p, text, sizeof(text));
	add_seconds(&p, stats->duration_ns);
	wl_phrase_add(&p, ": ");
	add_counted_noun(&p, stats, t.count);
	if (t.count) {
		wl_phrase_add(&p, ", ");
		add_extremes(&p, &t);
	}
	wl_phrase_add(&p, ", ");
	add_count(&p, stats->slow);
	wl_phrase_add(&p, " slow");
	if (stats->timeouts) {
		wl_phrase_add(&p, ", ");
		add_count(&p, stats->timeouts);
		wl_phrase_add(&p, " seen stuck");
	}
	fprintf(out, "%s", text);
}

/* ---- losses ---- */

/* Two sides of an account, and what is normal: no loss. */
static bool is_account(enum wl_counter counter)
{
	switch (counter) {
	case WL_CNT_STARTED:
	case WL_CNT_RAN:
	case WL_CNT_ENDED:
	case WL_CNT_SLOW_SENT:
	case WL_CNT_NEXT_DROPPED:
	case WL_CNT_RESYNC:
	case WL_CNT_MERGED:
		return true;
	default:
		return false;
	}
}

static void put_counter(FILE *out, const char *what, uint64_t count, const char *name,
			const char *text)
{
	char number[WL_FORMAT_SIZE];

	fprintf(out, "%s: %s %s (%s)\n", what, wl_format_count(count, number, sizeof(number)), name,
		text);
}

static void put_losses(FILE *out, const struct wl_style *style, const struct wl_stats *stats)
{
	bool zeros = style->verbose > 1;

	if (stats->lost_events || zeros)
		put_counter(out, "lost", stats->lost_events, "events",
			    "record that the flight recorder had no room for");
	if (stats->skipped || zeros)
		put_counter(out, "lost", stats->skipped, "skipped",
			    "event inside of another that the kernel did not show us");
	for (unsigned int i = 0; i < WL_CNT_MAX; i++)
		if (!is_account(i) && (stats->counters[i] || zeros))
			put_counter(out, "lost", stats->counters[i], wl_counter_name(i),
				    wl_counter_text(i));
	for (unsigned int i = 0; i < WL_CNT_MAX && style->verbose; i++)
		if (is_account(i) && (stats->counters[i] || zeros))
			put_counter(out, "counted", stats->counters[i], wl_counter_name(i),
				    wl_counter_text(i));
}

void wl_text_summary(FILE *out, const struct wl_style *style, const struct wl_stats *stats)
{
	if (stats->nrows)
		put_summary_table(out, style, stats);
	put_result(out, style, stats);
	put_losses(out, style, stats);
}

/* ---- start ---- */

void wl_text_start(FILE *out, const struct wl_style *style, const struct wl_start_info *info)
{
	struct wl_phrase p;
	char text[1200];

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "watching ");
	wl_phrase_add_name(&p, info->target, 300);
	wl_phrase_add(&p, ", until ");
	wl_phrase_add_name(&p, info->until, 100);
	wl_phrase_add(&p, ", slow is over ");
	wl_phrase_add_name(&p, info->over, 200);
	wl_phrase_add(&p, " (%" PRIu64 " KiB of kernel memory); Ctrl-C ends",
		      (info->memory_bytes + 1023) / 1024);
	fprintf(out, "%s\n", text);
}
