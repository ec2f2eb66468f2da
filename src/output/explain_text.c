/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/explain_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "explain/names.h"
#include "output/explain_tree.h"
#include "output/text_parts.h"
#include "output/work.h"
#include "util/format.h"

#define BAR_MIN 5
#define BAR_MAX 40

struct page {
	FILE *out;
	const struct wl_style *style;
	const struct wl_explained *x;
	bool unicode;
};

static void put_heading(const struct page *page, const char *text)
{
	fputc('\n', page->out);
	wl_text_paint(page->out, page->style, WL_PAINT_HEAD);
	fputs(text, page->out);
	wl_text_paint(page->out, page->style, WL_PAINT_OFF);
	fputc('\n', page->out);
}

static void put_field(const struct page *page, const char *label, const char *text)
{
	wl_text_field(page->out, page->style, label, text);
}

static void add_who(struct wl_phrase *p, const struct wl_explained *x, const struct wl_who *who)
{
	bool named = who->ctx == WL_WHO_IRQ && x->names.irq;

	wl_phrase_add_who(p, who, named ? x->names.irq(x->names.ctx, who->nr) : NULL);
}

/* --- verdict --- */

static void add_late(struct wl_phrase *p, const struct wl_report *r)
{
	uint64_t ns = wl_slow_response_ns(&r->slow);

	wl_phrase_add(p, r->slow.reason == WL_REASON_TIMEOUT ? " has taken " : " took ");
	wl_phrase_add_duration(p, ns);
	if (r->slow.reason == WL_REASON_TIMEOUT)
		wl_phrase_add(p, " so far, and had not finished");
	if (!r->typical.known || !r->typical.ns || ns <= r->typical.ns)
		return;
	wl_phrase_add(p, ", %s", ns / r->typical.ns >= 2 ? "" : "a little more than ");
	if (ns / r->typical.ns >= 2)
		wl_phrase_add(p, "%" PRIu64 " times ", ns / r->typical.ns);
	wl_phrase_add(p, "the usual ");
	wl_phrase_add_duration(p, r->typical.ns);
}

static void put_verdict(const struct page *page)
{
	const struct wl_report *r = &page->x->report;
	char text[1024];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_text_add_target(&p, r->slow.process, r->slow.comm);
	wl_phrase_add(&p, "/%u", r->slow.tid);
	add_late(&p, r);
	if (r->cause.text[0])
		wl_phrase_add(&p, ": %s", r->cause.text);
	wl_phrase_add(&p, ".");
	wl_text_paint(page->out, page->style, WL_PAINT_HEAD);
	wl_text_wrap(page->out, page->style, 0, NULL, text);
	wl_text_paint(page->out, page->style, WL_PAINT_OFF);
	fputc('\n', page->out);
}

/* --- facts --- */

static void put_who(const struct page *page)
{
	const struct wl_explained *x = page->x;
	const struct wl_slow *slow = &x->report.slow;
	const char *cgroup = x->report.names.cgroup;
	char text[1024];
	struct wl_phrase p;

	if (!cgroup && x->names.cgroup)
		cgroup = x->names.cgroup(x->names.ctx, slow->tgid);
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "thread ");
	wl_phrase_add_name(&p, slow->comm, sizeof(slow->comm));
	wl_phrase_add(&p, " (%u)", slow->tid);
	if (slow->tgid) {
		wl_phrase_add(&p, " of process ");
		wl_phrase_add_name(&p, slow->process, sizeof(slow->process));
		wl_phrase_add(&p, " (%u)", slow->tgid);
	}
	if (cgroup && cgroup[0]) {
		wl_phrase_add(&p, ", cgroup ");
		wl_phrase_add_name(&p, cgroup, 512);
	}
	put_field(page, "who", text);
}

/* The stimulus on the local wall clock, if the report has its end there. */
static void add_wall(struct wl_phrase *p, const struct wl_report *r)
{
	int64_t ns = r->time.sec * 1000000000 + r->time.nsec;
	struct tm tm = { 0 };
	time_t sec;

	ns -= (int64_t)(r->slow.end - r->slow.path.h.start);
	sec = (time_t)(ns / 1000000000);
	if (r->time.sec <= 0 || ns <= 0 || !localtime_r(&sec, &tm))
		return;
	wl_phrase_add(p, "%04d-%02d-%02d %02d:%02d:%02d.%06d, ", tm.tm_year + 1900, tm.tm_mon + 1,
		      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ns % 1000000000 / 1000));
}

static void put_when(const struct page *page)
{
	const struct wl_report *r = &page->x->report;
	const struct wl_chain *h = &r->slow.path.h;
	char text[512];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	add_wall(&p, r);
	wl_phrase_add(&p, "%" PRIu64 ".%09" PRIu64 " on the trace's clock",
		      (uint64_t)(h->start / 1000000000), (uint64_t)(h->start % 1000000000));
	put_field(page, "when", text);
	wl_phrase_init(&p, text, sizeof(text));
	wl_text_add_stimulus(&p, h->stim_kind, h->stim_nr, r->names.stimulus);
	wl_phrase_add(&p, " on cpu%u", h->stim_cpu);
	put_field(page, "from", text);
}

static void put_end(const struct page *page)
{
	const struct wl_report *r = &page->x->report;
	bool timeout = r->slow.reason == WL_REASON_TIMEOUT;
	char text[256];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "%s", wl_end_name(timeout ? WL_END_TIMEOUT : r->slow.end_kind));
	if (r->names.syscall[0]) {
		wl_phrase_add(&p, " in ");
		wl_phrase_add_name(&p, r->names.syscall, sizeof(r->names.syscall));
	}
	wl_phrase_add(&p, " on cpu%u, ", r->slow.end_cpu);
	wl_phrase_add_duration(&p, wl_slow_response_ns(&r->slow));
	wl_phrase_add(&p, " later");
	put_field(page, "to", text);
}

static void put_work(const struct page *page)
{
	const struct wl_slow *slow = &page->x->report.slow;
	struct wl_phrase p;
	char text[1024];

	if (slow->work.kind == WL_COOKIE_NONE)
		return;
	wl_phrase_init(&p, text, sizeof(text));
	wl_work_add(&p, slow);
	put_field(page, "work", text);
}

static void put_usual(const struct page *page)
{
	const struct wl_report *r = &page->x->report;
	char text[256], count[WL_FORMAT_SIZE];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	if (r->typical.known) {
		wl_phrase_add_duration(&p, r->typical.ns);
		wl_phrase_add(&p, ", of %s responses",
			      wl_format_count(r->typical.count, count, sizeof(count)));
	} else {
		wl_phrase_add(&p, "not known: fewer than 100 responses");
	}
	if (r->slow.threshold_ns) {
		wl_phrase_add(&p, "; slow was over ");
		wl_phrase_add_duration(&p, r->slow.threshold_ns);
	}
	put_field(page, "usual", text);
}

/* --- budget --- */

/* Kinds by excess, the largest first. */
static unsigned sort_kinds(const struct wl_report *r, unsigned kinds[WL_SEG_MAX])
{
	unsigned n = 0;

	for (unsigned k = 1; k < WL_SEG_MAX; k++) {
		int64_t excess = (int64_t)(r->budget[k] - r->typical.budget[k]);
		unsigned i = n;

		if (!r->budget[k] && !r->typical.budget[k])
			continue;
		for (; i && (int64_t)(r->budget[kinds[i - 1]] - r->typical.budget[kinds[i - 1]]) <
				    excess;
		     i--)
			kinds[i] = kinds[i - 1];
		kinds[i] = k;
		n++;
	}
	return n;
}

static unsigned bar_width(const struct page *page)
{
	unsigned others = page->x->report.typical.known ? 50 : 30;

	if (page->style->width < others + BAR_MIN)
		return BAR_MIN;
	return page->style->width - others < BAR_MAX ? page->style->width - others : BAR_MAX;
}

/* Eighths of a column where there are such characters. What is not nothing has some. */
static void put_bar(const struct page *page, uint64_t ns, uint64_t all)
{
	static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned width = bar_width(page), unit = page->unicode ? 8 : 1;
	double share = all ? (double)ns / (double)all : 0;
	unsigned long n = (unsigned long)(share * width * unit + 0.5), columns;

	if (n > (unsigned long)width * unit)
		n = (unsigned long)width * unit;
	if (!n && ns)
		n = 1;
	columns = (n + unit - 1) / unit;
	for (unsigned long i = 0; i < n / unit; i++)
		fputs(page->unicode ? "█" : "#", page->out);
	fputs(parts[n % unit], page->out);
	if (page->x->report.typical.known) /* a column follows */
		fprintf(page->out, "%*s", (int)(width - columns), "");
}

static void put_row(const struct page *page, const char *name, uint64_t ns, uint64_t typical,
		    bool bar)
{
	const struct wl_report *r = &page->x->report;
	char time[WL_FORMAT_SIZE], usual[WL_FORMAT_SIZE], more[WL_FORMAT_SIZE + 1];

	fprintf(page->out, "    %-13s %8s", name, wl_format_duration(ns, time, sizeof(time)));
	if (bar) {
		fputs("  ", page->out);
		put_bar(page, ns, wl_slow_response_ns(&r->slow));
	} else if (r->typical.known) {
		fprintf(page->out, "  %*s", (int)bar_width(page), "");
	}
	more[0] = ns >= typical ? '+' : '-';
	wl_format_duration(ns >= typical ? ns - typical : typical - ns, more + 1, sizeof(more) - 1);
	if (r->typical.known)
		fprintf(page->out, "  %8s  %8s", wl_format_duration(typical, usual, sizeof(usual)),
			more);
	fputc('\n', page->out);
}

/* Less than a thousandth, here and usually: only told if all is asked for. */
static bool is_row(const struct page *page, unsigned kind)
{
	const struct wl_report *r = &page->x->report;

	return page->style->verbose || r->budget[kind] > wl_slow_response_ns(&r->slow) / 1000 ||
	       r->typical.budget[kind] > r->typical.ns / 1000;
}

static void put_budget(const struct page *page)
{
	const struct wl_report *r = &page->x->report;
	unsigned kinds[WL_SEG_MAX], n = sort_kinds(r, kinds);

	put_heading(page, "Where the time went");
	if (r->typical.known) {
		wl_text_paint(page->out, page->style, WL_PAINT_LABEL);
		fprintf(page->out, "%26s  %*s  %8s  %8s\n", "time", (int)bar_width(page), "",
			"usual", "excess");
		wl_text_paint(page->out, page->style, WL_PAINT_OFF);
	}
	for (unsigned i = 0; i < n; i++)
		if (is_row(page, kinds[i]))
			put_row(page, wl_seg_name(kinds[i]), r->budget[kinds[i]],
				r->typical.budget[kinds[i]], true);
	put_row(page, "in all", wl_slow_response_ns(&r->slow), r->typical.ns, false);
}

/* --- what comes of it --- */

static void put_root(const struct page *page)
{
	const struct wl_explained *x = page->x;
	char text[512];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	if (x->root.ctx != WL_WHO_NONE) {
		add_who(&p, x, &x->root);
		wl_phrase_add(&p, ", for ");
		wl_phrase_add_duration(&p, x->root_ns);
		wl_phrase_add(&p, " of it");
		put_field(page, "root", text);
	}
	wl_phrase_init(&p, text, sizeof(text));
	if (x->via.ctx != WL_WHO_NONE) {
		add_who(&p, x, &x->via);
		put_field(page, "via", text);
	}
}

static void put_trust(const struct page *page)
{
	static const char *const words[] = {
		[WL_SURE] = "sure",
		[WL_LIKELY] = "likely",
		[WL_GUESS] = "a guess",
	};
	const struct wl_explained *x = page->x;
	char text[WL_CAVEATS * 170 + 32];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "%s", words[x->confidence <= WL_GUESS ? x->confidence : WL_GUESS]);
	for (unsigned i = 0; i < x->ncaveats && i < WL_CAVEATS; i++)
		wl_phrase_add(&p, "%s %s", i ? ";" : ":", x->caveats[i]);
	put_field(page, "trust", text);
	if (x->advice[0])
		put_field(page, "advice", x->advice);
}

int wl_explain_text(FILE *out, const struct wl_style *style, bool unicode,
		    const struct wl_explained *x)
{
	struct page page = { .out = out, .style = style, .x = x, .unicode = unicode };

	put_verdict(&page);
	put_who(&page);
	put_when(&page);
	put_end(&page);
	put_work(&page);
	put_usual(&page);
	put_budget(&page);
	put_heading(&page, "How it went");
	wl_explain_tree(out, style, unicode, x);
	put_heading(&page, "Verdict");
	put_root(&page);
	put_trust(&page);
	return wl_text_flush(out);
}
