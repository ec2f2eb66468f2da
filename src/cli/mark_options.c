/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/mark_options.h"

#include <errno.h>
#include <string.h>

#include "cli/option.h"
#include "util/parse.h"

static const struct {
	const char *prefix;
	enum wl_mark_means means;
} means[] = {
	{ "usdt:", WL_MARK_USDT },
	{ "uprobe:", WL_MARK_FUNCTION },
	{ "uretprobe:", WL_MARK_RETURN },
};

/* Up to the next colon, or (last) all the rest: a C++ name has colons. NULL: empty or too long. */
static const char *take_part(const char *text, char *part, size_t size, bool last)
{
	size_t len = last ? strlen(text) : strcspn(text, ":");

	if (!len || len >= size || (!last && !text[len]))
		return NULL;
	memcpy(part, text, len);
	part[len] = '\0';
	return text + len + !last;
}

static int refuse_probe(const char *label, const char *value)
{
	if (strlen(value) >= sizeof(((struct wl_mark_probe *)0)->name))
		return wl_option_refuse(label, "'%.40s...' is too long (%zu bytes)", value,
					strlen(value));
	return wl_option_refuse(label,
				"'%s' is not a probe (try usdt:/path/server:provider:name, "
				"uprobe:/path/server:function or uretprobe:/path/server:function)",
				value);
}

static int parse_probe(struct wl_mark_probe *p, const char *label, const char *value)
{
	const char *rest = NULL;

	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]) && !rest; i++) {
		size_t len = strlen(means[i].prefix);

		if (strncmp(value, means[i].prefix, len) != 0)
			continue;
		p->means = means[i].means;
		rest = take_part(value + len, p->path, sizeof(p->path), false);
		if (!rest)
			return refuse_probe(label, value);
	}
	if (rest && p->means == WL_MARK_USDT)
		rest = take_part(rest, p->provider, sizeof(p->provider), false);
	if (!rest || !take_part(rest, p->name, sizeof(p->name), true))
		return refuse_probe(label, value);
	return 0;
}

int wl_mark_option_add(struct wl_options *options, const char *label, const char *value,
		       enum wl_mark_op op)
{
	struct wl_mark_probe *p = &options->marks[options->nmarks];

	if (options->nmarks == WL_MARK_PROBES)
		return wl_option_refuse(label, "'%s' is one too many (at most %d)", value,
					WL_MARK_PROBES);
	if (parse_probe(p, label, value))
		return -EINVAL;
	p->site = (struct wl_mark_site){ .op = (__u8)op,
					 .kind = WL_COOKIE_NUMBER,
					 .key = WL_MARK_AT_TID,
					 .name = WL_MARK_NO_NAME };
	options->nmarks++;
	return 0;
}

static struct wl_mark_probe *last_probe(struct wl_options *options, enum wl_mark_op op)
{
	for (uint32_t i = options->nmarks; i > 0; i--)
		if (options->marks[i - 1].site.op == op)
			return &options->marks[i - 1];
	return NULL;
}

/* -1: it is no place of a cookie. */
static int key_place(const struct wl_mark_probe *p, const char *text)
{
	uint32_t n, max = p->means == WL_MARK_USDT ? WL_MARK_ARGS : WL_MARK_FUNCTION_ARGS;

	if (!strcmp(text, "tid"))
		return WL_MARK_AT_TID;
	if (!strcmp(text, "retval"))
		return p->means == WL_MARK_RETURN ? WL_MARK_AT_RESULT : -1;
	if (strncmp(text, "arg", 3) != 0 || wl_parse_uint32(text + 3, &n) || n >= max)
		return -1;
	return p->means == WL_MARK_RETURN ? -1 : (int)n;
}

int wl_mark_option_key(struct wl_options *options, const char *label, const char *value,
		       enum wl_mark_op op)
{
	struct wl_mark_probe *p = last_probe(options, op);
	const char *kind = strchr(value, ':');
	char text[16];
	int place;

	if (!p)
		return wl_option_refuse(label, "the probe it belongs to comes first (%s)",
					op == WL_MARK_BEGIN ? "--begin" : "--end");
	snprintf(text, sizeof(text), "%.*s", (int)(kind ? kind - value : 15), value);
	place = key_place(p, text);
	if (place < 0 || (kind && strcmp(kind, ":str") != 0) || (kind && place == WL_MARK_AT_TID))
		return wl_option_refuse(label,
					"'%s' is no place of a cookie there (try arg0, arg1:str, "
					"tid%s)",
					value,
					p->means == WL_MARK_RETURN
						? ", and retval: a function that "
						  "returns has no arguments"
						: "");
	p->site.key = (__u8)place;
	p->site.kind = kind ? WL_COOKIE_TEXT : WL_COOKIE_NUMBER;
	return 0;
}
