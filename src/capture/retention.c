/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/retention.h"

#include <string.h>

const char *wl_ruling_text(enum wl_ruling kept)
{
	static const char *const texts[WL_RULING_MAX] = {
		[WL_RULING_KEEP] = "captured",
		[WL_RULING_SOON] = "too soon after another",
		[WL_RULING_MILD] = "not worse than those kept of their cause",
		[WL_RULING_ROOM] = "not worse than those that fill --keep-size",
		[WL_RULING_DISK] = "could not be written",
	};

	return kept < WL_RULING_MAX ? texts[kept] : "";
}

/* Is a worth less than b? Those taken on demand are worth more than any, and more when newer. */
static bool is_less(const struct wl_entry *a, const struct wl_entry *b)
{
	if (a->now != b->now)
		return b->now;
	if (!a->now && a->response_ns != b->response_ns)
		return a->response_ns < b->response_ns;
	return strcmp(a->time, b->time) < 0;
}

static bool same_cause(const struct wl_entry *a, const struct wl_entry *b)
{
	return a->now == b->now && !strcmp(a->cause, b->cause);
}

/* The least of those that remain; cause NULL: of any. kept->n: none. */
static size_t find_least(const struct wl_entries *kept, const bool *remove,
			 const struct wl_entry *cause)
{
	size_t least = kept->n;

	for (size_t i = 0; i < kept->n; i++) {
		if (remove[i] || (cause && !same_cause(&kept->all[i], cause)))
			continue;
		if (least == kept->n || is_less(&kept->all[i], &kept->all[least]))
			least = i;
	}
	return least;
}

/* Must entry give way to new? On demand is always kept. */
static bool gives_way(const struct wl_entry *entry, const struct wl_entry *new)
{
	return new->now || (!entry->now && entry->response_ns < new->response_ns);
}

static bool make_count(const struct wl_retention *r, const struct wl_entries *kept,
		       const struct wl_entry *new, bool *remove)
{
	size_t count = 0;

	for (size_t i = 0; i < kept->n; i++)
		count += same_cause(&kept->all[i], new);
	for (; count >= r->keep; count--) {
		size_t least = find_least(kept, remove, new);

		if (least == kept->n || !gives_way(&kept->all[least], new))
			return false;
		remove[least] = true;
	}
	return true;
}

static bool make_room(const struct wl_retention *r, const struct wl_entries *kept,
		      const struct wl_entry *new, bool *remove)
{
	uint64_t total = new->size;

	for (size_t i = 0; i < kept->n; i++)
		total += remove[i] ? 0 : kept->all[i].size;
	while (total > r->keep_size) {
		size_t least = find_least(kept, remove, NULL);

		if (least == kept->n || !gives_way(&kept->all[least], new))
			return false;
		remove[least] = true;
		total -= kept->all[least].size;
	}
	return true;
}

enum wl_ruling wl_retention_decide(const struct wl_retention *retention,
				   const struct wl_entries *kept, const struct wl_entry *new,
				   uint64_t since_ns, bool *remove)
{
	enum wl_ruling result = WL_RULING_KEEP;

	memset(remove, 0, kept->n * sizeof(*remove));
	if (!new->now && since_ns < WL_RETENTION_PERIOD_NS)
		return WL_RULING_SOON;
	if (!make_count(retention, kept, new, remove))
		result = WL_RULING_MILD;
	else if (!make_room(retention, kept, new, remove))
		result = WL_RULING_ROOM;
	if (result)
		memset(remove, 0, kept->n * sizeof(*remove));
	return result;
}
