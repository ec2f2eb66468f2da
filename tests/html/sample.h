/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * An explained response, made up: memcached's worker waited for a lock whose holder had been
 * preempted by a real-time task. For the tests of the page.
 */
#ifndef WL_TESTS_HTML_SAMPLE_H
#define WL_TESTS_HTML_SAMPLE_H

#include "explain/explained.h"

struct sample_options {
	const char *culprit;  /* comm of who is to blame; NULL: "backup" */
	const char *other;    /* comm of a bystander; NULL: "nginx" */
	const char *target;   /* comm of the target; NULL: "mc-worker" */
	uint64_t before;      /* ns of window before the stimulus; 0: 40 ms */
	uint64_t after;       /* ns of window after the response; 0: 35 ms */
	unsigned int period;  /* mean ns of a bystander's run; 0: 180 us */
	unsigned int stretch; /* every time of the response is that much longer; 0: 1 */
	bool unknown;         /* no typical response, no typical budget */
};

/* NULL: no memory. */
struct wl_explained *sample_new(const struct sample_options *options);
void sample_free(struct wl_explained *x);

#endif
