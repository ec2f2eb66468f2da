/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/work.h"

#include <string.h>

/* A quote inside is not the end. */
static void add_quoted(struct wl_phrase *p, const char *text, size_t max)
{
	size_t len = strnlen(text, max), n;

	wl_phrase_add(p, "\"");
	for (; len; text += n, len -= n) {
		const char *quote = memchr(text, '"', len);

		if (quote == text) {
			wl_phrase_add(p, "\\x22");
			n = 1;
			continue;
		}
		n = quote ? (size_t)(quote - text) : len;
		wl_phrase_add_name(p, text, n);
	}
	wl_phrase_add(p, "\"");
}

void wl_work_add_cookie(struct wl_phrase *p, const struct wl_work *work)
{
	if (work->kind == WL_COOKIE_NUMBER)
		wl_phrase_add(p, "%llu", (unsigned long long)work->cookie);
	else
		add_quoted(p, work->text, sizeof(work->text));
}

static uint32_t steps_kept(const struct wl_work *work)
{
	return work->steps < WL_WORK_STEPS ? work->steps : WL_WORK_STEPS;
}

static uint64_t since(const struct wl_slow *slow, uint64_t at)
{
	return at > slow->path.h.start ? at - slow->path.h.start : 0;
}

static void add_place(struct wl_phrase *p, const struct wl_slow *slow, uint64_t at, uint32_t tid,
		      uint32_t *before)
{
	wl_phrase_add(p, " at +");
	wl_phrase_add_duration(p, since(slow, at));
	if (tid != *before)
		wl_phrase_add(p, " in thread %u", tid);
	*before = tid;
}

void wl_work_add(struct wl_phrase *p, const struct wl_slow *slow)
{
	const struct wl_work *work = &slow->work;
	uint32_t kept = steps_kept(work), tid = 0;

	wl_work_add_cookie(p, work);
	wl_phrase_add(p, ": ");
	if (work->begun) {
		wl_phrase_add(p, "begin");
		add_place(p, slow, work->begun, work->begun_tid, &tid);
	} else {
		wl_phrase_add(p, "no begin mark");
	}
	for (uint32_t i = 0; i < kept; i++) {
		wl_phrase_add(p, ", ");
		wl_phrase_add_name(p, work->step[i].name, sizeof(work->step[i].name));
		add_place(p, slow, work->step[i].at, work->step[i].tid, &tid);
	}
	if (work->steps > kept)
		wl_phrase_add(p, ", and %u more", work->steps - kept);
	if (slow->end_kind == WL_END_MARK && tid && slow->tid != tid)
		wl_phrase_add(p, ", end in thread %u", slow->tid);
}

static void put_step(struct wl_json *j, const struct wl_slow *slow, const struct wl_work_step *step)
{
	wl_json_object(j, NULL);
	wl_json_name(j, "name", step->name, sizeof(step->name));
	wl_json_u64(j, "tid", step->tid);
	wl_json_u64(j, "ns", since(slow, step->at));
	wl_json_object_end(j);
}

void wl_work_json(struct wl_json *j, const struct wl_slow *slow)
{
	const struct wl_work *work = &slow->work;
	uint32_t kept = steps_kept(work);

	if (work->kind == WL_COOKIE_NONE) {
		wl_json_null(j, "work");
		return;
	}
	wl_json_object(j, "work");
	wl_json_string(j, "kind", work->kind == WL_COOKIE_TEXT ? "text" : "number");
	if (work->kind == WL_COOKIE_TEXT)
		wl_json_name(j, "cookie", work->text, sizeof(work->text));
	else
		wl_json_decimal(j, "cookie", work->cookie);
	if (work->begun) {
		wl_json_u64(j, "begin_tid", work->begun_tid);
		wl_json_u64(j, "begin_ns", since(slow, work->begun));
	}
	wl_json_array(j, "steps");
	for (uint32_t i = 0; i < kept; i++)
		put_step(j, slow, &work->step[i]);
	wl_json_array_end(j);
	wl_json_u64(j, "steps_dropped", work->steps - kept);
	wl_json_object_end(j);
}
