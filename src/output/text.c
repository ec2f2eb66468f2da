/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Lines about one response. Lines about all of them are in summary.c. */
#include "output/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "explain/names.h"
#include "explain/phrase.h"
#include "output/text_parts.h"
#include "output/work.h"
#include "util/format.h"

#define DEFAULT_WIDTH 80
#define LEAST_WIDTH 20
#define INDENT 4
#define LABEL_WIDTH 8

void wl_text_terminal_size(FILE *out, unsigned int *columns, unsigned int *lines)
{
	struct winsize size;
	int fd = fileno(out);

	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &size))
		return;
	if (size.ws_col)
		*columns = size.ws_col;
	if (size.ws_row)
		*lines = size.ws_row;
}

static bool wants_color(FILE *out, enum wl_color color)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	int fd = fileno(out);

	if (color != WL_COLOR_AUTO)
		return color == WL_COLOR_ALWAYS;
	if ((no_color && no_color[0]) || !term || !strcmp(term, "dumb"))
		return false;
	return fd >= 0 && isatty(fd);
}

void wl_style_init(struct wl_style *style, FILE *out, const struct wl_text_options *options)
{
	unsigned int lines = 0;

	*style = (struct wl_style){
		.color = wants_color(out, options->color),
		.width = options->width,
		.verbose = options->verbose,
		.over_ns = options->over_ns,
	};
	if (!style->width) {
		style->width = DEFAULT_WIDTH;
		wl_text_terminal_size(out, &style->width, &lines);
	}
	if (style->width < LEAST_WIDTH)
		style->width = LEAST_WIDTH;
}

unsigned int wl_text_columns(const char *text)
{
	unsigned int columns = 0;

	for (; *text; text++)
		columns += ((unsigned char)*text & 0xc0) != 0x80;
	return columns;
}

int wl_text_flush(FILE *out)
{
	errno = 0;
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

void wl_text_paint(FILE *out, const struct wl_style *style, enum wl_paint paint)
{
	static const char *const codes[] = {
		[WL_PAINT_OFF] = "\x1b[0m",     [WL_PAINT_HEAD] = "\x1b[1m",
		[WL_PAINT_SLOW] = "\x1b[1;31m", [WL_PAINT_STUCK] = "\x1b[1;33m",
		[WL_PAINT_LABEL] = "\x1b[2m",
	};

	if (style->color)
		fputs(codes[paint], out);
}

/* ---- wrapped text ---- */

static void put_word(FILE *out, const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fputc(word[i] == WL_TEXT_GLUE[0] ? ' ' : word[i], out);
}

static unsigned int word_columns(const char *word, size_t len)
{
	unsigned int columns = 0;

	for (size_t i = 0; i < len; i++)
		columns += ((unsigned char)word[i] & 0xc0) != 0x80;
	return columns;
}

void wl_text_wrap(FILE *out, const struct wl_style *style, unsigned int at, const char *margin,
		  const char *text)
{
	unsigned int column = at;

	while (*text) {
		size_t len = strcspn(text, " ");
		unsigned int columns = word_columns(text, len);

		if (column > at && column + 1 + columns > style->width) {
			fprintf(out, "\n%*s", margin ? 0 : (int)at, "");
			fputs(margin ? margin : "", out);
			column = at;
		} else if (column > at) {
			fputc(' ', out);
			column++;
		}
		put_word(out, text, len);
		column += columns;
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void wl_text_field(FILE *out, const struct wl_style *style, const char *label, const char *text)
{
	wl_text_paint(out, style, WL_PAINT_LABEL);
	fprintf(out, "%*s%-*s", INDENT, "", LABEL_WIDTH, label);
	wl_text_paint(out, style, WL_PAINT_OFF);
	wl_text_wrap(out, style, INDENT + LABEL_WIDTH, NULL, text);
}

/* ---- names ---- */

void wl_text_add_target(struct wl_phrase *p, const char process[WL_COMM_LEN],
			const char comm[WL_COMM_LEN])
{
	if (process[0] && strncmp(process, comm, WL_COMM_LEN)) {
		wl_phrase_add_name(p, process, WL_COMM_LEN);
		wl_phrase_add(p, "/");
	}
	wl_phrase_add_name(p, comm, WL_COMM_LEN);
}

void wl_text_add_stimulus(struct wl_phrase *p, unsigned int kind, unsigned int nr, const char *name)
{
	bool numbered = kind == WL_STIM_IRQ && nr < WL_VEC_BASE;

	wl_phrase_add(p, "%s", wl_stim_name(kind));
	if (numbered)
		wl_phrase_add(p, " %u", nr);
	if (!name[0] && kind == WL_STIM_IRQ)
		name = wl_vector_name(nr);
	if (!name || !name[0])
		return;
	wl_phrase_add(p, " ");
	wl_phrase_add_name(p, name, 64);
}

/* ---- one response ---- */

static void add_time(struct wl_phrase *p, const struct wl_wall *wall)
{
	time_t sec = (time_t)wall->sec;
	struct tm tm = { 0 };

	localtime_r(&sec, &tm);
	wl_phrase_add(p, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
		      wall->nsec / 1000000 % 1000);
}

static const char *verdict_word(const struct wl_report *report)
{
	switch (report->slow.reason) {
	case WL_REASON_TIMEOUT:
		return "stuck";
	case WL_REASON_WORST:
		return "worst";
	default:
		return "slow";
	}
}

static void add_head(struct wl_phrase *p, const struct wl_report *report)
{
	const struct wl_slow *slow = &report->slow;
	const struct wl_chain *h = &slow->path.h;

	wl_text_add_target(p, slow->process, slow->comm);
	wl_phrase_add(p, "/%u", slow->tid);
	if (slow->reason == WL_REASON_TIMEOUT) {
		wl_phrase_add(p, ", not finished");
	} else if (report->typical.known) {
		wl_phrase_add(p, ", typical ");
		wl_phrase_add_duration(p, report->typical.ns);
	}
	wl_phrase_add(p, ", from ");
	wl_text_add_stimulus(p, h->stim_kind, h->stim_nr, report->names.stimulus);
}

static void put_head(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	bool stuck = report->slow.reason == WL_REASON_TIMEOUT;
	char text[700], duration[WL_FORMAT_SIZE];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	add_time(&p, &report->time);
	fprintf(out, "%s ", text);
	wl_text_paint(out, style, stuck ? WL_PAINT_STUCK : WL_PAINT_SLOW);
	fprintf(out, "%s %s", verdict_word(report),
		wl_format_duration(wl_slow_response_ns(&report->slow), duration, sizeof(duration)));
	wl_text_paint(out, style, WL_PAINT_OFF);
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, " ");
	add_head(&p, report);
	fprintf(out, "%s (#%llu)\n", text, (unsigned long long)report->id);
}

/* A sentence about two causes has their shares in it. */
static void put_cause(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	const struct wl_cause *cause = &report->cause;
	struct wl_phrase p;
	char text[WL_CAUSE_TEXT + 16];

	wl_phrase_init(&p, text, sizeof(text));
	if (cause->share >= 0.4)
		wl_phrase_add(&p, "%.0f%% ", 100 * cause->share);
	wl_phrase_add(&p, "%s", cause->text);
	wl_text_field(out, style, "cause", text);
}

static void put_path(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	const struct wl_path *path = &report->slow.path;
	unsigned int n = path->h.nseg < WL_PATH_SEGS ? path->h.nseg : WL_PATH_SEGS;
	bool stuck = report->slow.reason == WL_REASON_TIMEOUT;
	struct wl_phrase p;
	char text[1024];

	wl_phrase_init(&p, text, sizeof(text));
	for (unsigned int i = 0; i < n; i++) {
		wl_phrase_add(&p, "%s" WL_TEXT_GLUE, wl_seg_name(path->seg[i].kind));
		wl_phrase_add_duration(&p, path->seg[i].ns);
		wl_phrase_add(&p, "%s",
			      i + 1 < n ? WL_TEXT_GLUE "> "
			      : stuck   ? WL_TEXT_GLUE "so" WL_TEXT_GLUE "far"
					: "");
	}
	if (n)
		wl_text_field(out, style, "path", text);
}

static void put_segment(FILE *out, const struct wl_style *style, const struct wl_seg *seg,
			const char *label)
{
	char duration[WL_FORMAT_SIZE], text[300];
	struct wl_phrase p;

	wl_format_duration(seg->ns, duration, sizeof(duration));
	wl_phrase_init(&p, text, sizeof(text));
	if (seg->pieces > 1)
		wl_phrase_add(&p, " in %u pieces", seg->pieces);
	if (seg->who.ctx != WL_WHO_NONE && seg->who.ctx < WL_WHO_MAX) {
		wl_phrase_add(&p, "  ");
		wl_phrase_add_who(&p, &seg->who, NULL);
	}
	wl_text_paint(out, style, WL_PAINT_LABEL);
	fprintf(out, "%*s%-*s", INDENT, "", LABEL_WIDTH, label);
	wl_text_paint(out, style, WL_PAINT_OFF);
	fprintf(out, "%-13s %7s  cpu%-2u%s\n", wl_seg_name(seg->kind), duration, seg->cpu, text);
}

/* One line each, with who had a part in it. */
static void put_segments(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	const struct wl_path *path = &report->slow.path;

	for (unsigned int i = 0; i < path->h.nseg && i < WL_PATH_SEGS; i++)
		put_segment(out, style, &path->seg[i], i ? "" : "path");
}

static void put_end(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	struct wl_phrase p;
	char text[300];

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "%s", wl_end_name(report->slow.end_kind));
	if (report->names.syscall[0]) {
		wl_phrase_add(&p, " in ");
		wl_phrase_add_name(&p, report->names.syscall, sizeof(report->names.syscall));
	}
	wl_phrase_add(&p, " on cpu%u", report->slow.end_cpu);
	wl_text_field(out, style, "end", text);
}

static void put_escaped(FILE *out, const struct wl_style *style, const char *label,
			const char *before, const char *name, size_t max)
{
	struct wl_phrase p;
	char text[1024];

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "%s", before);
	wl_phrase_add_name(&p, name, max);
	wl_text_field(out, style, label, text);
}

static void put_stack(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	struct wl_phrase p;
	char text[4096];

	if (!report->stack || !report->slow.nstack)
		return;
	wl_phrase_init(&p, text, sizeof(text));
	for (unsigned int i = 0; i < report->slow.nstack && i < WL_STACK_DEPTH; i++) {
		wl_phrase_add(&p, "%s", i ? WL_TEXT_GLUE "< " : "");
		wl_phrase_add_name(&p, report->stack[i], sizeof(report->stack[i]));
	}
	wl_text_field(out, style, "stack", text);
}

static void put_work(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	struct wl_phrase p;
	char text[1024];

	if (report->slow.work.kind == WL_COOKIE_NONE)
		return;
	wl_phrase_init(&p, text, sizeof(text));
	wl_work_add(&p, &report->slow);
	wl_text_field(out, style, "work", text);
}

static void put_counts(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	unsigned int merged = report->slow.path.h.merged;
	struct wl_phrase p;
	char text[200];

	wl_phrase_init(&p, text, sizeof(text));
	if (merged) {
		wl_phrase_add(&p, "%u more request%s answered in it", merged,
			      merged > 1 ? "s" : "");
		wl_text_field(out, style, "merged", text);
	}
	wl_phrase_init(&p, text, sizeof(text));
	if (report->lost) {
		wl_phrase_add(&p, "%llu events meanwhile: the path may be wrong",
			      (unsigned long long)report->lost);
		wl_text_field(out, style, "lost", text);
	}
}

void wl_text_explained(FILE *out, const struct wl_style *style, const struct wl_explained *x)
{
	static const char *const trust[] = {
		[WL_SURE] = "",
		[WL_LIKELY] = "likely: ",
		[WL_GUESS] = "a guess: ",
	};
	char text[WL_CAUSE_TEXT + 16];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "%s%s", trust[x->confidence % 3], x->report.cause.text);
	wl_text_field(out, style, "why", text);
	if (x->advice[0])
		wl_text_field(out, style, "advice", x->advice);
}

void wl_text_verdict(FILE *out, const struct wl_style *style, const struct wl_report *report)
{
	put_head(out, style, report);
	put_cause(out, style, report);
	put_work(out, style, report);
	if (style->verbose)
		put_segments(out, style, report);
	else
		put_path(out, style, report);
	if (style->verbose)
		put_end(out, style, report);
	put_counts(out, style, report);
	put_stack(out, style, report);
	if (report->idle_hint[0])
		put_escaped(out, style, "hint",
			    "if this is where the thread waits for work: --idle ",
			    report->idle_hint, sizeof(report->idle_hint));
	if (report->capture)
		put_escaped(out, style, "capture", "", report->capture, strlen(report->capture));
}
