/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "util/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/escape.h"

/* An unbuffered stream writes what one call formats with one system call: lines don't mix. */
__attribute__((format(printf, 2, 0))) static void print_message(const char *prefix,
								const char *format, va_list args)
{
	char text[WL_MESSAGE_MAX], safe[WL_ESCAPE_SIZE(WL_MESSAGE_MAX)];
	int saved = errno;
	int len = vsnprintf(text, sizeof(text), format, args);

	if (len < 0)
		text[0] = '\0';
	else if ((size_t)len >= sizeof(text))
		memcpy(text + sizeof(text) - 4, "...", 4);
	wl_escape_text(text, sizeof(text), safe, sizeof(safe));
	fprintf(stderr, "whylate: %s%s\n", prefix, safe);
	errno = saved;
}

void wl_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message("", format, args);
	va_end(args);
}

void wl_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message("", format, args);
	va_end(args);
}

void wl_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_message("warning: ", format, args);
	va_end(args);
}
