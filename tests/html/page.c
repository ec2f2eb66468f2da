/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Writes a page from a made-up response: html-page plain|hostile|big > FILE */
#include <stdio.h>
#include <string.h>

#include "output/html.h"
#include "sample.h"

static const struct {
	const char *name;
	struct sample_options options;
} pages[] = {
	{ "plain", { 0 } },
	{ "hostile",
	  { .culprit = "<script>alert(1",
	    .other = "</script><b>",
	    .target = "\"'&\xff\xe2\x80\xa8<!--" } },
	/* 150,000 states in a second that nearly all belongs to the response. */
	{ "big", { .stretch = 30, .before = 100000000, .after = 100000000, .period = 22000 } },
	{ "unknown", { .unknown = true } },
};

static int write_page(const struct sample_options *options)
{
	struct wl_explained *x = sample_new(options);
	int error = x ? wl_html_write(stdout, x) : -1;

	sample_free(x);
	return error ? 1 : 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(pages) / sizeof(pages[0]); i++)
		if (!strcmp(argv[1], pages[i].name))
			return write_page(&pages[i].options);
	fprintf(stderr, "usage: html-page plain|hostile|big|unknown\n");
	return 2;
}
