/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "explain/joined.h"

#include <stddef.h>

void wl_path_join(struct wl_path *p)
{
	__u8 n = 0;

	for (__u8 i = 0; i < p->h.nseg && i < WL_PATH_SEGS; i++) {
		struct wl_seg *s = &p->seg[i], *prev = n ? &p->seg[n - 1] : NULL;

		if (prev && s->kind == WL_SEG_RUNNING && prev->kind == s->kind &&
		    prev->cpu == s->cpu) {
			prev->ns += s->ns;
			prev->pieces += s->pieces - 1; /* one more only if something was folded */
			continue;
		}
		p->seg[n++] = *s;
	}
	p->h.nseg = n;
}
