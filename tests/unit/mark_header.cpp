/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate/mark.h in C++, with every kind of cookie: it compiles. */
#include <string>
#include <whylate/mark.h>

enum kind { KIND = 3 };

/* One item each; a string literal, an array and a std::string are strings, the rest numbers. */
int mark_header(int n, std::string text, char array[]);

int mark_header(int n, std::string text, char array[])
{
	whylate_work_begin(n);
	whylate_work_step(n, "step");
	whylate_work_end(n);
	whylate_work_begin(1ull << 63);
	whylate_work_end(-1L);
	whylate_work_begin(KIND);
	whylate_work_end('c');
	whylate_work_begin("literal");
	whylate_work_step("literal", text.c_str());
	whylate_work_end("literal");
	whylate_work_begin(text.c_str());
	whylate_work_end(text.c_str());
	whylate_work_begin(array);
	whylate_work_step(array, "step");
	whylate_work_end(array);
	return n;
}
