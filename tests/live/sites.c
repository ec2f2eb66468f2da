// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * A USDT probe in two places, of which one has an argument less: sites N passes both of them N
 * times, the longer one with i as its second argument. Says "ready" and begins when it reads a
 * line.
 */
#include <stdio.h>
#include <stdlib.h>

#define PROBE(name, args, first, second)                                                           \
	__asm__ volatile("990: nop\n"                                                              \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"                              \
			 ".balign 4\n"                                                             \
			 ".4byte 992f-991f, 994f-993f, 3\n"                                        \
			 "991: .asciz \"stapsdt\"\n"                                               \
			 "992: .balign 4\n"                                                        \
			 "993: .8byte 990b, 0, 0\n"                                                \
			 ".asciz \"sites\"\n"                                                      \
			 ".asciz \"" name "\"\n"                                                   \
			 ".asciz \"" args "\"\n"                                                   \
			 "994: .balign 4\n"                                                        \
			 ".popsection\n" ::"D"((long)(first)),                                     \
			 "S"((long)(second)))

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	char line[64];

	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	for (int i = 0; i < n; i++) {
		PROBE("begin", "-8@%%rdi", 7, i);
		PROBE("begin", "-8@%%rdi -8@%%rsi", 7, i);
		PROBE("end", "-8@%%rdi -8@%%rsi", 7, i);
		PROBE("end", "-8@%%rdi", 7, i);
	}
	puts("done");
	return 0;
}
