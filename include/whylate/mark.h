/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work marks: a program tells where its work items begin and end, and whylate measures each from
 * what asked for it (the interrupt, the packet) to its end, across threads:
 *
 *	whylate_work_begin(request->id);          the thread's present work is this item's
 *	whylate_work_step(request->id, "parsed"); the item goes on here, perhaps in another thread
 *	whylate_work_end(request->id);
 *
 *	whylate watch --until mark -p PID
 *
 * This header is all there is: no library, no dependency, no initialisation. While nobody watches,
 * a mark is a few instructions that do nothing. While somebody does, the kernel runs a probe there.
 *
 * cookie  Says which item: any integer (kept as 64 bits), or a string, of which 63 bytes count.
 *         Unique among the items that this process has begun and not ended.
 * name    Of a step: 23 bytes count. A string literal, usually.
 *
 * A string that is NULL is a crash, watched or not.
 *
 * Strings are read by the kernel, which does not wait for a page of them that is not in memory; a
 * mark with such a string is lost, and counted. The first byte is read here, so that it is there.
 *
 * Thread-safe, fork-safe and async-signal-safe: nothing is written anywhere, there is no state.
 * Errors: there are none.
 *
 * Other tools see the same marks as USDT probes of the provider "whylate": begin, end (cookie),
 * step (cookie, name), and begin_str, end_str, step_str with string cookies:
 *
 *	bpftrace -e 'usdt:./server:whylate:begin { printf("%lu\n", arg0); }'
 *	perf buildid-cache --add ./server && perf record -e sdt_whylate:begin ...
 *
 * Each site has a second probe, whose name ends in "5", on an instruction that newer kernels
 * (x86-64, Linux 6.18) patch with a call instead of a breakpoint, at about 60 % of the cost.
 * whylate uses it where that is so. Do not read both at once. -DWHYLATE_PLAIN leaves it out.
 *
 * -DWHYLATE_LTTNG: LTTng-UST events too, see mark-lttng.h.
 *
 * The note's format (ELF section .note.stapsdt) is that of SystemTap. x86-64 and arm64; elsewhere
 * marks do nothing, and WHYLATE_HAS_MARKS is 0.
 */
#ifndef WHYLATE_MARK_H
#define WHYLATE_MARK_H

#include <stdint.h>

#ifdef WHYLATE_LTTNG
#include <whylate/mark-lttng.h>
#define WHYLATE_UST(...) lttng_ust_tracepoint(whylate, __VA_ARGS__)
#else
#define WHYLATE_UST(...) ((void)0)
#endif

#if defined(__x86_64__) && !defined(__ILP32__) && defined(__GNUC__)
#define WHYLATE_HAS_MARKS 1
#define WHYLATE_ARG0 "D" /* %rdi */
#define WHYLATE_ARG1 "S" /* %rsi */
#define WHYLATE_ARGS1 "8@%%rdi"
#define WHYLATE_ARGS2 "8@%%rdi 8@%%rsi"
/*
 * A call pushes its return address: the stack pointer goes below the red zone of a leaf function
 * meanwhile. Bytes, because -masm=intel has other words for: lea -128(%rsp), %rsp; nopl
 * 0(%rax,%rax); lea 128(%rsp), %rsp.
 */
#define WHYLATE_SITE                                                                               \
	"990: nop\n"                                                                               \
	".byte 0x48, 0x8d, 0x64, 0x24, 0x80\n"                                                     \
	"989: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"                                                \
	".byte 0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00\n"
#define WHYLATE_NOTES(name, args)                                                                  \
	WHYLATE_NOTE(name, args, "990b") WHYLATE_NOTE(name "5", args, "989b")
#ifdef WHYLATE_PLAIN /* the first probe only */
#undef WHYLATE_SITE
#undef WHYLATE_NOTES
#define WHYLATE_SITE "990: nop\n"
#define WHYLATE_NOTES(name, args) WHYLATE_NOTE(name, args, "990b")
#endif
#elif defined(__aarch64__) && defined(__GNUC__)
#define WHYLATE_HAS_MARKS 1
#define WHYLATE_ARG0 "r"
#define WHYLATE_ARG1 "r"
#define WHYLATE_ARGS1 "8@%x0"
#define WHYLATE_ARGS2 "8@%x0 8@%x1"
#define WHYLATE_SITE "990: nop\n"
#define WHYLATE_NOTES(name, args) WHYLATE_NOTE(name, args, "990b")
#else
#define WHYLATE_HAS_MARKS 0
#endif

#if WHYLATE_HAS_MARKS
#define WHYLATE_NOTE(name, args, place)                                                            \
	".pushsection .note.stapsdt, \"?\", \"note\"\n"                                            \
	".balign 4\n"                                                                              \
	".4byte 992f - 991f, 994f - 993f, 3\n"                                                     \
	"991: .asciz \"stapsdt\"\n"                                                                \
	"992: .balign 4\n"                                                                         \
	"993: .8byte " place ", _.stapsdt.base, 0\n"                                               \
	".asciz \"whylate\"\n"                                                                     \
	".asciz \"" name "\"\n"                                                                    \
	".asciz \"" args "\"\n"                                                                    \
	"994: .balign 4\n"                                                                         \
	".popsection\n"
#define WHYLATE_BASE                                                                               \
	".ifndef _.stapsdt.base\n"                                                                 \
	".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"                \
	".weak _.stapsdt.base\n"                                                                   \
	".hidden _.stapsdt.base\n"                                                                 \
	"_.stapsdt.base: .space 1\n"                                                               \
	".size _.stapsdt.base, 1\n"                                                                \
	".popsection\n"                                                                            \
	".endif\n"
#define WHYLATE_MARK1(name, a)                                                                     \
	__asm__ __volatile__(WHYLATE_SITE WHYLATE_NOTES(name, WHYLATE_ARGS1) WHYLATE_BASE          \
			     :                                                                     \
			     : WHYLATE_ARG0(a)                                                     \
			     : "memory")
#define WHYLATE_MARK2(name, a, b)                                                                  \
	__asm__ __volatile__(WHYLATE_SITE WHYLATE_NOTES(name, WHYLATE_ARGS2) WHYLATE_BASE          \
			     :                                                                     \
			     : WHYLATE_ARG0(a), WHYLATE_ARG1(b)                                    \
			     : "memory")
#define WHYLATE_TOUCH(text) ((void)*(const volatile char *)(text))
#else
#define WHYLATE_MARK1(name, a) ((void)(a))
#define WHYLATE_MARK2(name, a, b) ((void)(a), (void)(b))
#define WHYLATE_TOUCH(text) ((void)(text))
#endif

#define WHYLATE_INLINE static inline __attribute__((always_inline, unused))

/* --- the same by type of cookie, for languages without overloading --- */

WHYLATE_INLINE void whylate_work_begin_u64(uint64_t cookie)
{
	WHYLATE_MARK1("begin", cookie);
	WHYLATE_UST(begin, cookie);
}

WHYLATE_INLINE void whylate_work_end_u64(uint64_t cookie)
{
	WHYLATE_MARK1("end", cookie);
	WHYLATE_UST(end, cookie);
}

WHYLATE_INLINE void whylate_work_step_u64(uint64_t cookie, const char *name)
{
	WHYLATE_TOUCH(name);
	WHYLATE_MARK2("step", cookie, name);
	WHYLATE_UST(step, cookie, name);
}

WHYLATE_INLINE void whylate_work_begin_str(const char *cookie)
{
	WHYLATE_TOUCH(cookie);
	WHYLATE_MARK1("begin_str", cookie);
	WHYLATE_UST(begin_str, cookie);
}

WHYLATE_INLINE void whylate_work_end_str(const char *cookie)
{
	WHYLATE_TOUCH(cookie);
	WHYLATE_MARK1("end_str", cookie);
	WHYLATE_UST(end_str, cookie);
}

WHYLATE_INLINE void whylate_work_step_str(const char *cookie, const char *name)
{
	WHYLATE_TOUCH(cookie);
	WHYLATE_TOUCH(name);
	WHYLATE_MARK2("step_str", cookie, name);
	WHYLATE_UST(step_str, cookie, name);
}

/* --- whylate_work_begin(cookie), whylate_work_step(cookie, name), whylate_work_end(cookie) --- */

#ifdef __cplusplus
template <typename T> WHYLATE_INLINE void whylate_work_begin(T cookie)
{
	whylate_work_begin_u64(static_cast<uint64_t>(cookie));
}
template <typename T> WHYLATE_INLINE void whylate_work_end(T cookie)
{
	whylate_work_end_u64(static_cast<uint64_t>(cookie));
}
template <typename T> WHYLATE_INLINE void whylate_work_step(T cookie, const char *name)
{
	whylate_work_step_u64(static_cast<uint64_t>(cookie), name);
}
WHYLATE_INLINE void whylate_work_begin(const char *cookie)
{
	whylate_work_begin_str(cookie);
}
WHYLATE_INLINE void whylate_work_begin(char *cookie)
{
	whylate_work_begin_str(cookie);
}
WHYLATE_INLINE void whylate_work_end(const char *cookie)
{
	whylate_work_end_str(cookie);
}
WHYLATE_INLINE void whylate_work_end(char *cookie)
{
	whylate_work_end_str(cookie);
}
WHYLATE_INLINE void whylate_work_step(const char *cookie, const char *name)
{
	whylate_work_step_str(cookie, name);
}
WHYLATE_INLINE void whylate_work_step(char *cookie, const char *name)
{
	whylate_work_step_str(cookie, name);
}
#else
#define WHYLATE_BY_COOKIE(cookie, function)                                                        \
	_Generic((cookie), char * : function##_str, const char * : function##_str,                 \
		 default : function##_u64)
#define whylate_work_begin(cookie) WHYLATE_BY_COOKIE(cookie, whylate_work_begin)(cookie)
#define whylate_work_end(cookie) WHYLATE_BY_COOKIE(cookie, whylate_work_end)(cookie)
#define whylate_work_step(cookie, name) WHYLATE_BY_COOKIE(cookie, whylate_work_step)(cookie, name)
#endif

#endif
