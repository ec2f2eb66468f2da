/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/escape.h"

#include <string.h>

/*
 * Characters that a terminal does not show as themselves: controls, format characters, fillers,
 * variation selectors, what has no agreed look (private use, noncharacters). Own table instead of
 * iswprint(): the answer must not depend on the locale. Sorted.
 */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ 0x00000, 0x0001f },  { 0x0007f, 0x0009f }, /* C0, DEL, C1 */
	{ 0x000ad, 0x000ad },                        /* soft hyphen */
	{ 0x0034f, 0x0034f },  { 0x0061c, 0x0061c }, /* joiner, arabic letter mark */
	{ 0x0115f, 0x01160 },  { 0x017b4, 0x017b5 }, /* fillers */
	{ 0x0180b, 0x0180f },                        /* mongolian selectors */
	{ 0x0200b, 0x0200f },                        /* zero width, direction marks */
	{ 0x02028, 0x0202e },                        /* separators, bidi embeddings and overrides */
	{ 0x02060, 0x0206f },                        /* word joiner, bidi isolates, deprecated */
	{ 0x03164, 0x03164 },                        /* hangul filler */
	{ 0x0d800, 0x0f8ff },                        /* surrogates, private use */
	{ 0x0fdd0, 0x0fdef },                        /* noncharacters */
	{ 0x0fe00, 0x0fe0f },  { 0x0feff, 0x0feff }, /* variation selectors, byte order mark */
	{ 0x0ffa0, 0x0ffa0 },  { 0x0fff0, 0x0fffb }, /* filler, annotations */
	{ 0x0fffe, 0x0ffff },                        /* noncharacters */
	{ 0x1bca0, 0x1bca3 },  { 0x1d173, 0x1d17a }, /* shorthand and music controls */
	{ 0xe0000, 0x10ffff },                       /* tags, more selectors, private use */
};

static bool printable(uint32_t code)
{
	if ((code & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < sizeof(unprintable) / sizeof(unprintable[0]); i++)
		if (code <= unprintable[i].last)
			return code < unprintable[i].first;
	return true;
}

/* The second byte's limits tell overlong forms, surrogates and what is above U+10FFFF. */
static size_t sequence_length(uint8_t lead, uint8_t *lo, uint8_t *hi)
{
	*lo = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*hi = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

static size_t ill_formed(size_t *skip, size_t length)
{
	if (skip)
		*skip = length;
	return 0;
}

/* Unicode standard, table 3-7 (well-formed sequences) and D93b (maximal subparts). */
size_t wl_utf8_decode(const char *bytes, size_t len, uint32_t *code, size_t *skip)
{
	const uint8_t *b = (const uint8_t *)bytes;
	uint8_t lo, hi;
	size_t length = sequence_length(b[0], &lo, &hi);
	uint32_t value;

	if (!length)
		return ill_formed(skip, 1);
	value = length == 1 ? b[0] : b[0] & (0x7fu >> length);
	for (size_t i = 1; i < length; i++) {
		if (i >= len || b[i] < lo || b[i] > hi)
			return ill_formed(skip, i);
		value = value << 6 | (b[i] & 0x3f);
		lo = 0x80;
		hi = 0xbf;
	}
	*code = value;
	return length;
}

static void write_escape(char *out, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'x';
	out[2] = digits[byte >> 4];
	out[3] = digits[byte & 0xf];
}

size_t wl_escape_text(const char *bytes, size_t len, char *out, size_t size)
{
	size_t used = 0;

	if (!size)
		return 0;
	len = strnlen(bytes, len);
	while (len) {
		uint32_t code;
		size_t n = wl_utf8_decode(bytes, len, &code, NULL);
		bool keep = n && printable(code);
		size_t take = keep ? n : 1, need = keep ? n : 4;

		if (need > size - 1 - used)
			break;
		if (keep)
			memcpy(out + used, bytes, n);
		else
			write_escape(out + used, (uint8_t)*bytes);
		used += need;
		bytes += take;
		len -= take;
	}
	out[used] = '\0';
	return used;
}

bool wl_utf8_sanitize(const char *bytes, size_t len, char *out, size_t size)
{
	static const char replacement[] = "\xef\xbf\xbd";
	bool invalid = false;
	size_t used = 0;

	len = strnlen(bytes, len);
	while (len) {
		uint32_t code;
		size_t take, n = wl_utf8_decode(bytes, len, &code, &take);
		const char *from = n ? bytes : replacement;
		size_t need = n ? n : sizeof(replacement) - 1;

		if (n)
			take = n;
		else
			invalid = true;
		if (used + need < size) {
			memcpy(out + used, from, need);
			used += need;
		} else {
			size = used + 1 < size ? used + 1 : size; /* nothing more after a gap */
		}
		bytes += take;
		len -= take;
	}
	if (size)
		out[used] = '\0';
	return invalid;
}
