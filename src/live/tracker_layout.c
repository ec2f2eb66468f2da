/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/tracker_layout.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/grow.h"

#define DEPTH 8 /* of structs in structs */
#define BITS 8

static const struct {
	const char *type;
	enum wl_value_kind kind;
} meanings[] = {
	{ "lt_tid", WL_VALUE_UINT },         { "lt_pid", WL_VALUE_UINT },
	{ "lt_cpu", WL_VALUE_UINT },         { "lt_ns", WL_VALUE_NS },
	{ "lt_bytes", WL_VALUE_BYTE_COUNT }, { "lt_hex", WL_VALUE_HEX },
	{ "lt_ksym", WL_VALUE_KSYM },        { "lt_syscall", WL_VALUE_SYSCALL },
	{ "lt_irq", WL_VALUE_IRQ },          { "lt_softirq", WL_VALUE_SOFTIRQ },
	{ "lt_dev", WL_VALUE_DEV },          { "lt_stack", WL_VALUE_STACK },
	{ "lt_addr", WL_VALUE_ADDR },
};

#define NMEANINGS (sizeof(meanings) / sizeof(meanings[0]))

static int find_meaning(const char *type)
{
	for (size_t i = 0; i < NMEANINGS; i++)
		if (!strcmp(meanings[i].type, type))
			return (int)i;
	return -1;
}

/* What a type is, without typedefs and qualifiers; *meaning: the lt_ type on the way, or -1. */
static const struct btf_type *strip(const struct btf *btf, uint32_t id, int *meaning)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	*meaning = -1;
	while (t && (btf_is_mod(t) || btf_is_typedef(t))) {
		if (btf_is_typedef(t) && *meaning < 0)
			*meaning = find_meaning(btf__name_by_offset(btf, t->name_off));
		t = btf__type_by_id(btf, t->type);
	}
	return t;
}

static int add_enums(struct wl_field *f, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_enum *e = btf_enum(t);

	f->enums = calloc(btf_vlen(t) + 1u, sizeof(*f->enums));
	if (!f->enums)
		return -ENOMEM;
	for (int i = 0; i < btf_vlen(t); i++) {
		snprintf(f->enums[i].name, sizeof(f->enums[i].name), "%s",
			 btf__name_by_offset(btf, e[i].name_off));
		f->enums[i].value = e[i].val;
	}
	f->nenums = btf_vlen(t);
	return 0;
}

static bool is_text(const struct btf *btf, const struct btf_type *t)
{
	int ignored;
	const struct btf_type *of = strip(btf, btf_array(t)->type, &ignored);

	return of && btf_is_int(of) && of->size == 1;
}

static int add_field(struct wl_layout *layout, const struct btf *btf, const struct btf_type *t,
		     int meaning, const char *name, uint32_t type, uint32_t offset)
{
	int64_t size = btf__resolve_size(btf, type);
	struct wl_field *f;

	if (size < 0)
		return (int)size;
	if (wl_grow(&layout->fields, layout->n, &layout->room, sizeof(*f)))
		return -ENOMEM;
	f = &layout->fields[layout->n++];
	memset(f, 0, sizeof(*f));
	/* a key that is no struct has no name of its own: that of its meaning */
	snprintf(f->name, sizeof(f->name), "%s",
		 name           ? name
		 : meaning >= 0 ? meanings[meaning].type + 3
				: "value");
	f->offset = offset;
	f->size = (uint32_t)size;
	f->kind = WL_VALUE_BYTES;
	if (meaning >= 0)
		f->kind = meanings[meaning].kind;
	else if (btf_is_array(t) && is_text(btf, t))
		f->kind = WL_VALUE_TEXT;
	else if (btf_is_int(t) && size <= 8)
		f->kind = btf_int_encoding(t) & BTF_INT_SIGNED ? WL_VALUE_INT : WL_VALUE_UINT;
	else if (btf_is_ptr(t))
		f->kind = WL_VALUE_HEX;
	if (!btf_is_enum(t))
		return 0;
	f->kind = WL_VALUE_ENUM;
	return add_enums(f, btf, t);
}

static int add_type(struct wl_layout *layout, const struct btf *btf, uint32_t type,
		    const char *name, uint32_t offset, int depth)
{
	int meaning, ret = 0;
	const struct btf_type *t = strip(btf, type, &meaning);
	const struct btf_member *m;

	if (!t || !depth)
		return -EINVAL;
	if (meaning >= 0 || !btf_is_struct(t))
		return add_field(layout, btf, t, meaning, name, type, offset);
	m = btf_members(t);
	for (int i = 0; i < btf_vlen(t) && !ret; i++) {
		const char *member = btf__name_by_offset(btf, m[i].name_off);

		if (btf_member_bitfield_size(t, (uint32_t)i) || !strncmp(member, "pad", 3))
			continue;
		ret = add_type(layout, btf, m[i].type, member,
			       offset + btf_member_bit_offset(t, (uint32_t)i) / BITS, depth - 1);
	}
	return ret;
}

int wl_layout_add(struct wl_layout *layout, const struct btf *btf, uint32_t type, uint32_t offset)
{
	int64_t size = btf__resolve_size(btf, type);

	if (size < 0)
		return (int)size;
	layout->size = offset + (uint32_t)size;
	return add_type(layout, btf, type, NULL, offset, DEPTH);
}

void wl_layout_free(struct wl_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++)
		free(layout->fields[i].enums);
	free(layout->fields);
	memset(layout, 0, sizeof(*layout));
}
