/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "output/html_data.h"

/* page_head and page_tail, made from html/ by scripts/gen-html: what stands around the data. */
#include "html_page.inc"

#define LANE_STEPS 4000 /* in the whole window, outside of the response */
#define TRIES 20
#define AROUND 3 /* tries that leave the response whole */

struct text {
	char *bytes;
	size_t len;
};

/* How many bytes at the start need another form, 0: none. JSON has all of them in strings only. */
static size_t needs_escape(const char *at, size_t len, unsigned int *code)
{
	const unsigned char *b = (const unsigned char *)at;

	*code = b[0];
	if (b[0] == '<' || b[0] == '>' || b[0] == '&')
		return 1;
	*code = 0x2028 + (len > 2 && b[2] == 0xa9);
	return len > 2 && b[0] == 0xe2 && b[1] == 0x80 && (b[2] & 0xfe) == 0xa8 ? 3 : 0;
}

/* No byte of it can end the script element, begin another or end a line of JavaScript. */
static int put_escaped(FILE *out, const struct text *json)
{
	size_t from = 0, at = 0, skip;
	unsigned int code;

	while (at < json->len) {
		skip = needs_escape(json->bytes + at, json->len - at, &code);
		if (!skip) {
			at++;
			continue;
		}
		fwrite(json->bytes + from, 1, at - from, out);
		fprintf(out, "\\u%04x", code);
		at += skip;
		from = at;
	}
	fwrite(json->bytes + from, 1, at - from, out);
	return ferror(out) ? -ENOMEM : 0;
}

static int escape(const struct text *json, struct text *data)
{
	FILE *mem = open_memstream(&data->bytes, &data->len);
	int error;

	if (!mem)
		return -ENOMEM;
	error = put_escaped(mem, json);
	return fclose(mem) && !error ? -ENOMEM : error;
}

static int make_json(const struct wl_explained *x, const struct wl_html_detail *detail,
		     struct text *json)
{
	FILE *mem = open_memstream(&json->bytes, &json->len);
	struct wl_json writer;
	int error;

	if (!mem)
		return -ENOMEM;
	wl_json_init(&writer, mem);
	error = wl_html_data(&writer, x, detail);
	return fclose(mem) && !error ? -ENOMEM : error;
}

static int make_data(const struct wl_explained *x, const struct wl_html_detail *detail,
		     struct text *data)
{
	struct text json = { 0 };
	int error = make_json(x, detail, &json);

	if (!error)
		error = escape(&json, data);
	free(json.bytes);
	return error;
}

/* Less with every try, and first of what is not the response's. */
static void set_detail(struct wl_html_detail *detail, const struct wl_explained *x,
		       unsigned int try)
{
	uint64_t begin, end, response = wl_slow_response_ns(&x->report.slow);
	unsigned int coarser = try < AROUND ?
	try : AROUND
		;

	wl_html_window(x, &begin, &end);
	if (try > TRIES / 2)
		coarser += try - TRIES / 2;
	detail->outside = (end - begin) / LANE_STEPS << coarser;
	detail->inside = try > AROUND ? response >> (TRIES - try) : 0;
}

static int write_all(FILE *out, const char *bytes, size_t len)
{
	if (fwrite(bytes, 1, len, out) == len)
		return 0;
	return errno ? -errno : -EIO;
}

static int write_page(FILE *out, const struct text *data)
{
	int error;

	errno = 0;
	error = write_all(out, page_head, sizeof(page_head) - 1);
	if (!error)
		error = write_all(out, data->bytes, data->len);
	if (!error)
		error = write_all(out, page_tail, sizeof(page_tail) - 1);
	if (!error && fflush(out))
		error = errno ? -errno : -EIO;
	return error;
}

int wl_html_write(FILE *out, const struct wl_explained *x)
{
	const size_t room = WL_HTML_MAX - sizeof(page_head) - sizeof(page_tail);
	struct wl_html_detail detail;
	struct text data = { 0 };
	int error = 0;

	for (unsigned int try = 0; try < TRIES && !error && (!try || data.len > room); try++) {
		free(data.bytes);
		data = (struct text){ 0 };
		set_detail(&detail, x, try);
		error = make_data(x, &detail, &data);
	}
	if (!error)
		error = write_page(out, &data);
	free(data.bytes);
	return error;
}
