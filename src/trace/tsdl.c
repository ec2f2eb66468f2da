/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/tsdl.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/events.h"

#define NSEC 1000000000ull
#define TOKEN_MAX 96 /* longer words and strings are cut */

struct scanner {
	const char *at, *end;
	char token[TOKEN_MAX];
	bool quoted; /* token was a string */
};

/* What the block that the scanner is in says. */
struct block {
	char kind[16];
	char name[TOKEN_MAX];
	uint64_t id, offset, offset_s;
	bool has_id;
};

static bool at_comment(const struct scanner *s, char second)
{
	return s->end - s->at >= 2 && s->at[0] == '/' && s->at[1] == second;
}

static void skip_comment(struct scanner *s)
{
	s->at += 2;
	while (s->at < s->end && !(s->at[0] == '*' && s->end - s->at >= 2 && s->at[1] == '/'))
		s->at++;
	s->at += s->end - s->at >= 2 ? 2 : s->end - s->at;
}

static void skip_line(struct scanner *s)
{
	while (s->at < s->end && *s->at != '\n')
		s->at++;
}

static void skip_blanks(struct scanner *s)
{
	while (s->at < s->end) {
		if (isspace((unsigned char)*s->at))
			s->at++;
		else if (at_comment(s, '*'))
			skip_comment(s);
		else if (at_comment(s, '/'))
			skip_line(s);
		else
			return;
	}
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static void scan_string(struct scanner *s)
{
	size_t n = 0;

	for (s->at++; s->at < s->end && *s->at != '"' && *s->at != '\n'; s->at++) {
		if (*s->at == '\\' && s->end - s->at >= 2)
			s->at++;
		if (n < TOKEN_MAX - 1)
			s->token[n++] = *s->at;
	}
	s->at += s->at < s->end;
	s->token[n] = '\0';
	s->quoted = true;
}

static void scan_word(struct scanner *s)
{
	size_t n = 0;

	for (; s->at < s->end && is_word(*s->at); s->at++)
		if (n < TOKEN_MAX - 1)
			s->token[n++] = *s->at;
	s->token[n] = '\0';
}

/* The next token: a word, a string's text or one other character. false: the end. */
static bool scan_token(struct scanner *s)
{
	skip_blanks(s);
	s->quoted = false;
	if (s->at >= s->end)
		return false;
	if (*s->at == '"') {
		scan_string(s);
	} else if (is_word(*s->at)) {
		scan_word(s);
	} else {
		s->token[0] = *s->at++;
		s->token[1] = '\0';
	}
	return true;
}

static bool is_mark(const struct scanner *s, char mark)
{
	return !s->quoted && s->token[0] == mark && !s->token[1];
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* With dashes anywhere between bytes. */
static bool parse_uuid(const char *text, uint8_t uuid[16])
{
	uint8_t bytes[16];
	unsigned n = 0;

	while (*text) {
		int high, low;

		if (*text == '-') {
			text++;
			continue;
		}
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0 || n == sizeof(bytes))
			return false;
		bytes[n++] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (n != sizeof(bytes))
		return false;
	memcpy(uuid, bytes, sizeof(bytes));
	return true;
}

/* Two's complement: a negative offset comes out right when it is read as signed. */
static uint64_t parse_number(const char *text)
{
	return text[0] == '-' ? (uint64_t)strtoll(text, NULL, 0) : strtoull(text, NULL, 0);
}

static void set_env(struct wl_tsdl *out, const char *key, const char *value)
{
	if (!strcmp(key, "hostname"))
		copy_text(out->hostname, sizeof(out->hostname), value);
	else if (!strcmp(key, "kernel_release"))
		copy_text(out->release, sizeof(out->release), value);
	else if (!strcmp(key, "whylate_version"))
		copy_text(out->version, sizeof(out->version), value);
	else if (!strcmp(key, "whylate_layout"))
		out->layout = parse_number(value);
}

static void set_trace(struct wl_tsdl *out, const char *key, const char *value)
{
	if (!strcmp(key, "byte_order"))
		copy_text(out->byte_order, sizeof(out->byte_order), value);
	else if (!strcmp(key, "uuid"))
		out->has_uuid |= parse_uuid(value, out->uuid);
}

static void set_clock(struct wl_tsdl *out, struct block *block, const char *key, const char *value)
{
	if (!strcmp(key, "uuid"))
		copy_text(out->clock_uuid, sizeof(out->clock_uuid), value);
	else if (!strcmp(key, "freq"))
		out->frequency = parse_number(value);
	else if (!strcmp(key, "offset"))
		block->offset = parse_number(value);
	else if (!strcmp(key, "offset_s"))
		block->offset_s = parse_number(value);
}

static void set_event(struct block *block, const char *key, const char *value)
{
	if (!strcmp(key, "name"))
		copy_text(block->name, sizeof(block->name), value);
	if (!strcmp(key, "id")) {
		block->id = parse_number(value);
		block->has_id = true;
	}
}

static void set_value(struct wl_tsdl *out, struct block *block, const char *key, const char *value)
{
	if (!strcmp(block->kind, "env"))
		set_env(out, key, value);
	else if (!strcmp(block->kind, "trace"))
		set_trace(out, key, value);
	else if (!strcmp(block->kind, "clock"))
		set_clock(out, block, key, value);
	else if (!strcmp(block->kind, "event"))
		set_event(block, key, value);
}

/* Only our own clock, of nanoseconds, has an offset that can be used. */
static void end_clock(struct wl_tsdl *out, const struct block *block)
{
	if (!out->frequency || out->frequency == NSEC)
		out->offset = (int64_t)(block->offset + block->offset_s * NSEC);
}

static void end_event(struct wl_tsdl *out, const struct block *block)
{
	const struct wl_event_def *def;

	if (!block->has_id || block->id >= WL_EV_MAX)
		return;
	def = wl_event_def((unsigned)block->id);
	if (def && strcmp(def->name, block->name))
		out->renamed++;
	else
		out->described[block->id / 64] |= 1ull << block->id % 64;
}

static void end_block(struct wl_tsdl *out, const struct block *block)
{
	if (!strcmp(block->kind, "clock"))
		end_clock(out, block);
	else if (!strcmp(block->kind, "event"))
		end_event(out, block);
}

/* One level deep: `key = value;`. Deeper levels (types) are passed over. */
static void scan_block(struct scanner *s, struct wl_tsdl *out, struct block *block)
{
	char key[TOKEN_MAX] = "", previous[TOKEN_MAX] = "";
	unsigned depth = 1;

	while (depth && scan_token(s)) {
		if (is_mark(s, '{'))
			depth++;
		else if (is_mark(s, '}'))
			depth--;
		if (depth != 1) {
			key[0] = '\0';
			continue;
		}
		if (is_mark(s, '='))
			memcpy(key, previous, sizeof(key));
		else if (is_mark(s, ';'))
			key[0] = '\0';
		else if (key[0]) {
			set_value(out, block, key, s->token);
			key[0] = '\0';
		}
		memcpy(previous, s->token, sizeof(previous));
	}
	end_block(out, block);
}

int wl_tsdl_scan(const char *text, size_t len, struct wl_tsdl *out)
{
	static const char begin[] = "/* CTF 1.8 */";
	struct scanner s = { .at = text, .end = text + len };
	char first[16] = "";

	memset(out, 0, sizeof(*out));
	if (len < sizeof(begin) - 1 || memcmp(text, begin, sizeof(begin) - 1))
		return -EINVAL;
	/* The first word of a statement is the kind of the block in it. */
	while (scan_token(&s)) {
		if (is_mark(&s, '{')) {
			struct block block = { 0 };

			copy_text(block.kind, sizeof(block.kind), first);
			scan_block(&s, out, &block);
		} else if (is_mark(&s, ';')) {
			first[0] = '\0';
		} else if (!first[0]) {
			copy_text(first, sizeof(first), s.token);
		}
	}
	return 0;
}
