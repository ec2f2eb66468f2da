/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/user_tracker.h"

#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/tracker_layout.h"
#include "util/grow.h"
#include "util/message.h"
#include "util/parse.h"

/* --- --key and --by --- */

/* "a", or "a=b": a at the begin, b at the end. */
static int add_key(struct wl_user_tracker *u, char *text)
{
	uint32_t i = u->config.nkeys;
	char *end = strchr(text, '=');

	if (i == WL_USER_KEYS) {
		wl_error("--key: '%s' is one too many (at most %d)", text, WL_USER_KEYS);
		return -EINVAL;
	}
	if (end)
		*end++ = '\0';
	snprintf(u->keys[i], sizeof(u->keys[i]), "%s", text);
	if (wl_user_event_find(&u->event[0], "--key", text, &u->config.key[0][i]) ||
	    wl_user_event_find(&u->event[1], "--key", end ? end : text, &u->config.key[1][i]))
		return -EINVAL;
	u->config.nkeys++;
	if (wl_user_expr_is_text(&u->config.key[0][i]) ==
	    wl_user_expr_is_text(&u->config.key[1][i]))
		return 0;
	wl_error("--key: '%s' is a text at one end and a number at the other: they would never be "
		 "equal",
		 text);
	return -EINVAL;
}

static int parse_keys(struct wl_user_tracker *u, const char *text)
{
	char *copy = strdup(text), *save, *part;
	int ret = copy ? 0 : -ENOMEM;

	for (part = ret ? NULL : strtok_r(copy, ",", &save); part && !ret;
	     part = strtok_r(NULL, ",", &save))
		ret = add_key(u, part);
	free(copy);
	if (!ret && !u->config.nkeys) {
		wl_error("--key: '%s' names nothing (try tid, or a field of both events)", text);
		return -EINVAL;
	}
	return ret;
}

static int parse_by(struct wl_user_tracker *u, const char *by)
{
	snprintf(u->by, sizeof(u->by), "%s", by ? by : "comm");
	return wl_user_event_find(&u->event[0], "--by", u->by, &u->config.by);
}

/* --- --where --- */

static const struct {
	const char *text;
	enum wl_user_compare compare;
} operators[] = {
	{ "==", WL_USER_EQ }, { "!=", WL_USER_NE }, { "<=", WL_USER_LE }, { ">=", WL_USER_GE },
	{ "<", WL_USER_LT },  { ">", WL_USER_GT },  { "&", WL_USER_AND },
};

static int bad_where(const char *at, const char *what)
{
	wl_error("--where: %s at '%s' (try: nr_sector > 8 && rwbs == 'W')", what, at);
	return -EINVAL;
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

static const char *read_name(const char *s, char *name, size_t size)
{
	size_t len = 0;

	while (isalnum((unsigned char)s[len]) || s[len] == '_')
		len++;
	if (!len || len >= size)
		return NULL;
	memcpy(name, s, len);
	name[len] = '\0';
	return s + len;
}

static const char *read_operator(const char *s, struct wl_user_term *t)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t len = strlen(operators[i].text);

		if (strncmp(s, operators[i].text, len))
			continue;
		t->compare = operators[i].compare;
		return s + len;
	}
	return NULL;
}

/* 'text', "text", or a word. */
static const char *read_text(const char *s, struct wl_user_term *t)
{
	char quote = *s == '\'' || *s == '"' ? *s : 0;
	size_t len = quote ? strcspn(++s, quote == '"' ? "\"" : "'") : strcspn(s, " \t&|");

	if (len > WL_USER_TEXT || (quote && !s[len]))
		return NULL;
	memcpy(t->right.v, s, len);
	return s + len + (quote != 0);
}

static const char *read_number(const char *s, struct wl_user_term *t)
{
	bool negative = *s == '-';
	char digits[32];
	const char *end = read_name(s + negative, digits, sizeof(digits));
	uint64_t value;

	if (!end || wl_parse_uint64(digits, &value))
		return NULL;
	t->right.v[0] = negative ? (uint64_t) - (int64_t)value : value;
	return end;
}

static const char *read_term(struct wl_user_tracker *u, const char *s, struct wl_user_term *t)
{
	const char *begin = s, *next;
	char name[64];
	bool text;

	next = read_name(s, name, sizeof(name));
	if (!next) {
		bad_where(begin, "a name is missing");
		return NULL;
	}
	if (wl_user_event_find(&u->event[0], "--where", name, &t->left))
		return NULL;
	text = wl_user_expr_is_text(&t->left);
	s = skip_space(next);
	next = read_operator(s, t);
	if (!next || (text && t->compare != WL_USER_EQ && t->compare != WL_USER_NE)) {
		bad_where(s, text ? "== or != is missing" : "a comparison is missing");
		return NULL;
	}
	s = skip_space(next);
	next = text ? read_text(s, t) : read_number(s, t);
	if (!next)
		bad_where(s,
			  text ? "a text of at most 16 bytes is missing" : "a number is missing");
	return next;
}

static int parse_where(struct wl_user_tracker *u, const char *s)
{
	bool begins = false;

	for (;;) {
		struct wl_user_term *t = &u->config.where[u->config.nterms];

		if (u->config.nterms == WL_USER_TERMS)
			return bad_where(s, "too many comparisons (at most 8)");
		t->begins = begins;
		s = read_term(u, skip_space(s), t);
		if (!s)
			return -EINVAL;
		u->config.nterms++;
		s = skip_space(s);
		if (!*s)
			return 0;
		if (strncmp(s, "&&", 2) && strncmp(s, "||", 2))
			return bad_where(s, "&& or || is missing");
		begins = *s == '|';
		s += 2;
	}
}

int wl_user_tracker_parse(struct wl_user_tracker *u, const char *begin, const char *end,
			  const char *key, const char *where, const char *by, const struct btf *btf)
{
	int ret;

	memset(u, 0, sizeof(*u));
	snprintf(u->name, sizeof(u->name), "%s -> %s", begin, end);
	ret = wl_user_event_open(&u->event[0], "--in", begin, btf);
	if (!ret)
		ret = wl_user_event_open(&u->event[1], "--out", end, btf);
	if (!ret)
		ret = parse_keys(u, key);
	if (!ret)
		ret = parse_by(u, by);
	if (!ret && where)
		ret = parse_where(u, where);
	return ret;
}

void wl_user_tracker_free(struct wl_user_tracker *u)
{
	wl_user_event_free(&u->event[0]);
	wl_user_event_free(&u->event[1]);
}

/* --- load and attach --- */

static struct bpf_program *program_of(const struct wl_user_tracker *u, struct bpf_object *object,
				      int end)
{
	char name[64];

	snprintf(name, sizeof(name), "wl_user_%s_%s", end ? "end" : "begin",
		 wl_user_event_program(&u->event[end]));
	return bpf_object__find_program_by_name(object, name);
}

static int prepare_program(const struct wl_user_tracker *u, struct bpf_object *object, int end)
{
	struct bpf_program *p = program_of(u, object, end);
	const struct wl_user_event *e = &u->event[end];
	int ret = 0;

	if (!p)
		return -ENOENT;
	bpf_program__set_autoload(p, true);
	if (e->kind == WL_EVENT_FENTRY || e->kind == WL_EVENT_FEXIT)
		ret = bpf_program__set_attach_target(p, 0, e->part[0]);
	if (ret)
		wl_error("%s: cannot attach to '%s': %s", e->label, e->text, strerror(-ret));
	return ret;
}

static int prepare(void *ctx, struct bpf_object *object)
{
	struct wl_user_tracker *u = ctx;
	struct wl_user_config *config = wl_trackers_rodata(object, "wl_user", sizeof(*config));
	__u32 *filtered = wl_trackers_rodata(object, "wl_user_filtered", sizeof(*filtered));
	bool usdt = u->event[0].kind == WL_EVENT_USDT || u->event[1].kind == WL_EVENT_USDT;
	struct bpf_map *map;
	int ret;

	if (!config || !filtered)
		return -ENOENT;
	*config = u->config;
	*filtered = u->filtered;
	bpf_object__for_each_map(map, object) {
		if (!usdt && !strncmp(bpf_map__name(map), "__bpf_usdt", 10))
			bpf_map__set_autocreate(map, false);
	}
	ret = prepare_program(u, object, 0);
	return ret ? ret : prepare_program(u, object, 1);
}

static int attach(void *ctx, struct bpf_object *object, struct bpf_link **links)
{
	struct wl_user_tracker *u = ctx;
	int ret = wl_user_event_attach(&u->event[1], program_of(u, object, 1), &links[0]);

	return ret ? ret : wl_user_event_attach(&u->event[0], program_of(u, object, 0), &links[1]);
}

/* --- how it is shown --- */

static int show(struct wl_layout *layout, const char *name, const struct wl_user_expr *expr,
		uint32_t offset)
{
	struct wl_field *f;

	if (wl_grow(&layout->fields, layout->n, &layout->room, sizeof(*f)))
		return -ENOMEM;
	f = &layout->fields[layout->n++];
	memset(f, 0, sizeof(*f));
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->offset = offset;
	f->size = wl_user_expr_is_text(expr) ? WL_USER_TEXT : 8;
	f->kind = wl_user_expr_is_text(expr)    ? WL_VALUE_TEXT
		  : expr->source == WL_USER_CPU ? WL_VALUE_CPU
		  : expr->size == 8             ? WL_VALUE_HEX
		  : expr->sign                  ? WL_VALUE_INT
						: WL_VALUE_UINT;
	return 0;
}

/* The values are bytes to BTF: only we know what they are. */
static int describe(void *ctx, struct wl_tracked *d)
{
	struct wl_user_tracker *u = ctx;
	uint32_t key = d->key.size, row = d->row.size;
	int ret = 0;

	d->name = u->name;
	wl_layout_free(&d->key);
	wl_layout_free(&d->row);
	for (uint32_t i = 0; i < u->config.nkeys && !ret; i++)
		ret = show(&d->key, u->keys[i], &u->config.key[0][i],
			   i * (uint32_t)sizeof(struct wl_user_value));
	if (!ret)
		ret = show(&d->row, u->by, &u->config.by, 0);
	d->key.size = key;
	d->row.size = row;
	if (d->priv.n) /* the row's value, once more */
		d->priv.n--;
	return ret;
}

void wl_user_tracker_fill(struct wl_user_tracker *u, struct wl_trackers_options *options)
{
	options->name = u->name;
	u->filtered = options->targeted;
	options->prepare = prepare;
	options->attach = attach;
	options->describe = describe;
	options->ctx = u;
}
