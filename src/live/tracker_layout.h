/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* From the types in an object's BTF to the fields that are shown. */
#ifndef WL_LIVE_TRACKER_LAYOUT_H
#define WL_LIVE_TRACKER_LAYOUT_H

#include "explain/tracked.h"

struct btf;

/*
 * Adds the fields of a type: the members of a struct, nested ones too, or one field for anything
 * else. The BTF is anybody's: what is added lies inside of the type and has the size of its kind,
 * else it is -EINVAL. 0 or -errno. Free the layout in any case.
 */
int wl_layout_add(struct wl_layout *layout, const struct btf *btf, uint32_t type);
void wl_layout_free(struct wl_layout *layout);

#endif
