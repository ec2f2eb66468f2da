/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/tracker_layout.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/escape.h"
#include "util/grow.h"

#define DEPTH 8  /* of structs in structs */
#define CHAIN 32 /* typedefs of typedefs: anybody's BTF may have a circle */
#define BITS 8

struct place {
	uint32_t offset;
	int64_t size;
};

/* An object may have types of these names that are not ours: those of another size are bytes. */
static const struct {
	const char *type;
	enum wl_value_kind kind;
	uint32_t size;
} meanings[] = {
	{ "lt_tid", WL_VALUE_UINT, sizeof(lt_tid) },
	{ "lt_pid", WL_VALUE_UINT, sizeof(lt_pid) },
	{ "lt_cpu", WL_VALUE_CPU, sizeof(lt_cpu) },
	{ "lt_ns", WL_VALUE_NS, sizeof(lt_ns) },
	{ "lt_bytes", WL_VALUE_BYTE_COUNT, sizeof(lt_bytes) },
	{ "lt_hex", WL_VALUE_HEX, sizeof(lt_hex) },
	{ "lt_ksym", WL_VALUE_KSYM, sizeof(lt_ksym) },
	{ "lt_syscall", WL_VALUE_SYSCALL, sizeof(lt_syscall) },
	{ "lt_irq", WL_VALUE_IRQ, sizeof(lt_irq) },
	{ "lt_softirq", WL_VALUE_SOFTIRQ, sizeof(lt_softirq) },
	{ "lt_dev", WL_VALUE_DEV, sizeof(lt_dev) },
	{ "lt_stack", WL_VALUE_STACK, sizeof(lt_stack) },
	{ "lt_addr", WL_VALUE_ADDR, sizeof(lt_addr) },
};

#define NMEANINGS (sizeof(meanings) / sizeof(meanings[0]))

static const char *name_at(const struct btf *btf, uint32_t offset)
{
	const char *name = btf__name_by_offset(btf, offset);

	return name ? name : "";
}

/* Somebody's name, made safe: it is a column's head and a label as it is. */
static void set_name(char *name, size_t size, const char *from)
{
	wl_escape_text(from, strlen(from), name, size);
}

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
	for (int i = 0; t && i < CHAIN; i++) {
		if (!btf_is_mod(t) && !btf_is_typedef(t))
			return t;
		if (btf_is_typedef(t) && *meaning < 0)
			*meaning = find_meaning(name_at(btf, t->name_off));
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

static int add_enums(struct wl_field *f, const struct btf *btf, const struct btf_type *t)
{
	const struct btf_enum *e = btf_enum(t);

	f->enums = calloc(btf_vlen(t) + 1u, sizeof(*f->enums));
	if (!f->enums)
		return -ENOMEM;
	for (int i = 0; i < btf_vlen(t); i++) {
		set_name(f->enums[i].name, sizeof(f->enums[i].name), name_at(btf, e[i].name_off));
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

static bool is_number(int64_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static enum wl_value_kind kind_of(const struct btf *btf, const struct btf_type *t, int meaning,
				  int64_t size)
{
	if (meaning >= 0)
		return meanings[meaning].size == size ? meanings[meaning].kind : WL_VALUE_BYTES;
	if (btf_is_array(t))
		return is_text(btf, t) ? WL_VALUE_TEXT : WL_VALUE_BYTES;
	if (!is_number(size))
		return WL_VALUE_BYTES;
	if (btf_is_int(t))
		return btf_int_encoding(t) & BTF_INT_SIGNED ? WL_VALUE_INT : WL_VALUE_UINT;
	return btf_is_ptr(t) ? WL_VALUE_HEX : btf_is_enum(t) ? WL_VALUE_ENUM : WL_VALUE_BYTES;
}

static int add_field(struct wl_layout *layout, const struct btf *btf, const struct btf_type *t,
		     int meaning, const char *name, struct place at)
{
	struct wl_field *f;

	if (wl_grow(&layout->fields, layout->n, &layout->room, sizeof(*f)))
		return -ENOMEM;
	f = &layout->fields[layout->n++];
	memset(f, 0, sizeof(*f));
	/* a key that is no struct has no name of its own: that of its meaning */
	set_name(f->name, sizeof(f->name),
		 name           ? name
		 : meaning >= 0 ? meanings[meaning].type + 3
				: "value");
	f->offset = at.offset;
	f->size = (uint32_t)at.size;
	f->kind = kind_of(btf, t, meaning, at.size);
	return f->kind == WL_VALUE_ENUM ? add_enums(f, btf, t) : 0;
}

static int add_type(struct wl_layout *layout, const struct btf *btf, uint32_t type,
		    const char *name, uint32_t offset, int depth)
{
	int meaning, ret = 0;
	const struct btf_type *t = strip(btf, type, &meaning);
	struct place at = { offset, btf__resolve_size(btf, type) };
	const struct btf_member *m;

	/* members may lie anywhere, in somebody's BTF */
	if (!t || !depth || at.size < 0 || offset > layout->size || at.size > layout->size - offset)
		return -EINVAL;
	if (meaning >= 0 || !btf_is_struct(t))
		return add_field(layout, btf, t, meaning, name, at);
	m = btf_members(t);
	for (int i = 0; i < btf_vlen(t) && !ret; i++) {
		const char *member = name_at(btf, m[i].name_off);

		if (btf_member_bitfield_size(t, (uint32_t)i) || !strncmp(member, "pad", 3))
			continue;
		ret = add_type(layout, btf, m[i].type, member,
			       offset + btf_member_bit_offset(t, (uint32_t)i) / BITS, depth - 1);
	}
	return ret;
}

int wl_layout_add(struct wl_layout *layout, const struct btf *btf, uint32_t type)
{
	int64_t size = btf__resolve_size(btf, type);

	if (size < 0)
		return (int)size;
	layout->size = (uint32_t)size;
	return add_type(layout, btf, type, NULL, 0, DEPTH);
}

void wl_layout_free(struct wl_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++)
		free(layout->fields[i].enums);
	free(layout->fields);
	memset(layout, 0, sizeof(*layout));
}
