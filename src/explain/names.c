/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/names.h"

#include <stddef.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *name_at(const char *const *names, size_t count, size_t nr)
{
	if (nr >= count || !names[nr])
		return nr ? "unknown" : "none";
	return names[nr];
}

const char *wl_seg_name(unsigned int kind)
{
	static const char *const names[WL_SEG_MAX] = {
#define X(name, nr, json) [nr] = json,
		WL_SEG_KINDS(X)
#undef X
	};

	return name_at(names, COUNT_OF(names), kind);
}

const char *wl_stim_name(unsigned int kind)
{
	static const char *const names[WL_STIM_MAX] = {
#define X(name, nr, json) [nr] = json,
		WL_STIM_KINDS(X)
#undef X
	};

	return name_at(names, COUNT_OF(names), kind);
}

const char *wl_end_name(unsigned int kind)
{
	static const char *const names[WL_END_MAX] = {
#define X(name, nr, json) [nr] = json,
		WL_END_KINDS(X)
#undef X
	};

	return name_at(names, COUNT_OF(names), kind);
}

const char *wl_counter_name(unsigned int counter)
{
	static const char *const names[WL_CNT_MAX] = {
#define X(name, nr, json, text) [nr] = json,
		WL_COUNTERS(X)
#undef X
	};

	return name_at(names, COUNT_OF(names), counter);
}

const char *wl_counter_text(unsigned int counter)
{
	static const char *const texts[WL_CNT_MAX] = {
#define X(name, nr, json, text) [nr] = text,
		WL_COUNTERS(X)
#undef X
	};

	return name_at(texts, COUNT_OF(texts), counter);
}

const char *wl_vector_name(unsigned int nr)
{
	static const char *const names[WL_VEC_MAX] = {
#define X(name, nr, json) [nr] = json,
		WL_VECTORS(X)
#undef X
	};

	if (nr < WL_VEC_BASE)
		return NULL;
	return nr - WL_VEC_BASE < WL_VEC_MAX ? names[nr - WL_VEC_BASE] : "other_vector";
}

const char *wl_softirq_name(unsigned int nr)
{
	/* The kernel's own order, fixed since 2009. */
	static const char *const names[WL_NR_SOFTIRQS] = {
		"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
		"IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU",
	};

	return nr < WL_NR_SOFTIRQS ? names[nr] : NULL;
}

const char *wl_policy_name(unsigned int policy)
{
	static const char *const names[] = {
		"other", "fifo", "rr", "batch", NULL, "idle", "deadline", "ext",
	};

	if (policy >= COUNT_OF(names) || !names[policy])
		return "unknown";
	return names[policy];
}
