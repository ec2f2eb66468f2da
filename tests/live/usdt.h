/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* USDT probes of the helpers, x86-64: what sys/sdt.h would write, with arguments of our choice. */
#ifndef WL_TEST_USDT_H
#define WL_TEST_USDT_H

/* args: of the note, such as "-8@%%rdi -8@%%rsi": first is in %rdi, second in %rsi. */
#define PROBE(provider, name, args, first, second)                                                 \
	__asm__ volatile("990: nop\n"                                                              \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"                              \
			 ".balign 4\n"                                                             \
			 ".4byte 992f-991f, 994f-993f, 3\n"                                        \
			 "991: .asciz \"stapsdt\"\n"                                               \
			 "992: .balign 4\n"                                                        \
			 "993: .8byte 990b, 0, 0\n"                                                \
			 ".asciz \"" provider "\"\n"                                               \
			 ".asciz \"" name "\"\n"                                                   \
			 ".asciz \"" args "\"\n"                                                   \
			 "994: .balign 4\n"                                                        \
			 ".popsection\n" ::"D"((long)(first)),                                     \
			 "S"((long)(second)))

#endif
