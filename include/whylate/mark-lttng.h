/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The marks of whylate/mark.h as LTTng-UST events, for a trace of user space that has the entry
 * points in it: provider "whylate", events begin, end, step (and begin_str, ... with string
 * cookies), and slow: a slow response, as `whylate watch --lttng` found it.
 *
 * A program that is compiled with -DWHYLATE_LTTNG emits them at its marks, beside the USDT probes;
 * it is linked with -lwhylate-ust -llttng-ust. Without a session that has enabled them, each costs
 * a load and a branch more.
 */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER whylate

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE <whylate/mark-lttng.h>

#if !defined(WHYLATE_MARK_LTTNG_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define WHYLATE_MARK_LTTNG_H

#include <stdint.h>

#include <lttng/tracepoint.h>

/* clang-format off: LTTng's own layout */
LTTNG_UST_TRACEPOINT_EVENT_CLASS(whylate, number, LTTNG_UST_TP_ARGS(uint64_t, cookie),
				 LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, cookie,
									     cookie)))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(whylate, number, whylate, begin,
				    LTTNG_UST_TP_ARGS(uint64_t, cookie))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(whylate, number, whylate, end,
				    LTTNG_UST_TP_ARGS(uint64_t, cookie))
LTTNG_UST_TRACEPOINT_EVENT(whylate, step, LTTNG_UST_TP_ARGS(uint64_t, cookie, const char *, name),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, cookie, cookie)
						       lttng_ust_field_string(name, name)))

LTTNG_UST_TRACEPOINT_EVENT_CLASS(whylate, text, LTTNG_UST_TP_ARGS(const char *, cookie),
				 LTTNG_UST_TP_FIELDS(lttng_ust_field_string(cookie, cookie)))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(whylate, text, whylate, begin_str,
				    LTTNG_UST_TP_ARGS(const char *, cookie))
LTTNG_UST_TRACEPOINT_EVENT_INSTANCE(whylate, text, whylate, end_str,
				    LTTNG_UST_TP_ARGS(const char *, cookie))
LTTNG_UST_TRACEPOINT_EVENT(whylate, step_str,
			   LTTNG_UST_TP_ARGS(const char *, cookie, const char *, name),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_string(cookie, cookie)
						       lttng_ust_field_string(name, name)))

/* Times are CLOCK_MONOTONIC ns, which is LTTng's clock too; cookie: as text, "" if there is none.
 */
LTTNG_UST_TRACEPOINT_EVENT(
	whylate, slow,
	LTTNG_UST_TP_ARGS(uint64_t, id, int32_t, tid, uint64_t, start, uint64_t, end, const char *,
			  cookie, const char *, cause),
	LTTNG_UST_TP_FIELDS(lttng_ust_field_integer(uint64_t, id, id) lttng_ust_field_integer(
		int32_t, response_tid, tid) lttng_ust_field_integer(uint64_t, start, start)
				    lttng_ust_field_integer(uint64_t, end, end)
					    lttng_ust_field_string(cookie, cookie)
						    lttng_ust_field_string(cause, cause)))
/* clang-format on */

#endif

#include <lttng/tracepoint-event.h>
