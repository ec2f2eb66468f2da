/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/through_class.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "trace/events.h"
#include "util/syscall_fields.h"

_Static_assert(WL_EV_SYSCALLS == 1024, "struct wl_through_classes.calls");

#define NO_MEMBER UINT16_MAX
#define FILLS_MAX 40 /* more members than any event of ours has */

/* How the trace has a field. */
enum from { FROM_UNSIGNED, FROM_SIGNED, FROM_TEXT, FROM_ARRAY };

/* One field into one member. */
struct fill {
	uint16_t member; /* of the trace's payload */
	uint16_t offset; /* in ours */
	uint16_t size;
	uint8_t from; /* enum from */
};

struct wl_through_class {
	const bt_event_class *key;
	uint16_t id;   /* with `number`: of system call 0 */
	uint16_t size; /* of the payload */
	uint16_t nfills;
	uint16_t number;   /* member with the system call's number ("unknown" ones), or NO_MEMBER */
	uint16_t args;     /* member with its arguments, an array, or NO_MEMBER */
	uint16_t tid, pid; /* members of the common context, or NO_MEMBER */
	struct fill fills[];
};

/* --- classes by pointer --- */

void wl_through_classes_init(struct wl_through_classes *classes)
{
	struct wl_syscall_fields fields;

	memset(classes, 0, sizeof(*classes));
	for (unsigned compat = 0; compat < 2; compat++) {
		for (int nr = 0; nr < WL_EV_SYSCALLS; nr++) {
			wl_syscall_fields(nr, compat, &fields);
			classes->calls[compat][nr] = fields.name ? fields.event : NULL;
		}
	}
}

void wl_through_classes_free(struct wl_through_classes *classes)
{
	for (size_t i = 0; i < classes->size; i++)
		free(classes->slots[i]);
	free(classes->slots);
	memset(classes, 0, sizeof(*classes));
}

static size_t slot_of(const struct wl_through_classes *classes, const bt_event_class *key)
{
	size_t i = ((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15ull >> 32;

	for (i &= classes->size - 1; classes->slots[i] && classes->slots[i]->key != key;)
		i = (i + 1) & (classes->size - 1);
	return i;
}

/* At least half of the slots stay free. */
static int classes_grow(struct wl_through_classes *classes)
{
	struct wl_through_classes bigger = { .size = classes->size ? classes->size * 2 : 1024 };

	if (2 * (classes->n + 1) <= classes->size)
		return 0;
	bigger.slots = calloc(bigger.size, sizeof(struct wl_through_class *));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < classes->size; i++)
		if (classes->slots[i])
			bigger.slots[slot_of(&bigger, classes->slots[i]->key)] = classes->slots[i];
	free(classes->slots);
	classes->slots = bigger.slots;
	classes->size = bigger.size;
	return 0;
}

/* --- what a class is --- */

static uint16_t find_member(const bt_field_class *structure, const char *name)
{
	uint64_t n;

	if (!structure)
		return NO_MEMBER;
	n = bt_field_class_structure_get_member_count(structure);
	for (uint64_t i = 0; i < n && i < NO_MEMBER; i++) {
		const bt_field_class_structure_member *member =
			bt_field_class_structure_borrow_member_by_index_const(structure, i);

		if (!strcmp(bt_field_class_structure_member_get_name(member), name))
			return (uint16_t)i;
	}
	return NO_MEMBER;
}

static const bt_field_class *member_class(const bt_field_class *structure, uint16_t member)
{
	return bt_field_class_structure_member_borrow_field_class_const(
		bt_field_class_structure_borrow_member_by_index_const(structure, member));
}

/* -1: nothing that a member of ours can be made of. */
static int from_of(const bt_field_class *class)
{
	bt_field_class_type type = bt_field_class_get_type(class);

	if (bt_field_class_type_is(type, BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER))
		return FROM_UNSIGNED;
	if (bt_field_class_type_is(type, BT_FIELD_CLASS_TYPE_SIGNED_INTEGER))
		return FROM_SIGNED;
	if (type == BT_FIELD_CLASS_TYPE_STRING)
		return FROM_TEXT;
	if (bt_field_class_type_is(type, BT_FIELD_CLASS_TYPE_ARRAY))
		return FROM_ARRAY;
	return -1;
}

/* Is a field of this kind what a member of that kind takes? */
static bool can_fill(int from, enum wl_member_kind kind)
{
	switch (kind) {
	case WL_MEMBER_TEXT:
		return from == FROM_TEXT;
	case WL_MEMBER_IDS:
		return from == FROM_ARRAY;
	default:
		return from == FROM_UNSIGNED || from == FROM_SIGNED;
	}
}

static void add_fill(struct wl_through_class *class, const bt_field_class *payload,
		     const struct wl_member *member)
{
	uint16_t index = find_member(payload, member->name);
	int from = index == NO_MEMBER ? -1 : from_of(member_class(payload, index));

	if (from < 0 || !can_fill(from, member->kind) || class->nfills == FILLS_MAX)
		return;
	class->fills[class->nfills++] =
		(struct fill){ index, member->offset, member->size, (uint8_t)from };
}

static void learn_fixed(struct wl_through_class *class, const bt_field_class *payload)
{
	const struct wl_member *member = wl_event_members(class->id);

	for (; member->name; member++)
		add_fill(class, payload, member);
	class->size = wl_event_def(class->id)->size;
}

/* The fields of a system call's event, each at the start of a slot. Returns where they end. */
static void learn_slots(struct wl_through_class *class, const bt_field_class *payload,
			uint16_t offset, const struct wl_syscall_field *fields, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		bool text = fields[i].type & WL_FIELD_TEXT;
		struct wl_member member = {
			.name = fields[i].name,
			.offset = offset,
			.size = text ? WL_SYSCALL_TEXT : WL_SYSCALL_SLOT,
			.kind = text ? WL_MEMBER_TEXT : WL_MEMBER_UNSIGNED,
		};

		add_fill(class, payload, &member);
		offset = (uint16_t)(offset + member.size);
	}
}

static void learn_syscall(struct wl_through_class *class, const bt_field_class *payload)
{
	static const struct wl_member ret = { "ret", 0, WL_SYSCALL_SLOT, WL_MEMBER_SIGNED };
	unsigned range = (class->id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;
	struct wl_syscall_fields fields;

	wl_syscall_fields(class->id % WL_EV_SYSCALLS, range >= 2, &fields);
	if (range % 2) {
		add_fill(class, payload, &ret);
		learn_slots(class, payload, WL_SYSCALL_SLOT, fields.exit, fields.nexit);
		class->size = (uint16_t)wl_syscall_exit_size(&fields);
	} else {
		learn_slots(class, payload, 0, fields.entry, fields.nentry);
		class->size = (uint16_t)wl_syscall_entry_size(&fields);
	}
}

/* LTTng's events of calls that it has no event for: the number is a field. */
static void learn_unknown(struct wl_through_class *class, const bt_field_class *payload)
{
	static const struct wl_member ret = { "ret", 0, WL_SYSCALL_SLOT, WL_MEMBER_SIGNED };
	unsigned range = (class->id - WL_EV_SYSCALL_ENTRY) / WL_EV_SYSCALLS;

	if (range % 2) {
		add_fill(class, payload, &ret);
		class->size = WL_SYSCALL_SLOT;
		return;
	}
	class->args = find_member(payload, "args");
	if (class->args != NO_MEMBER && from_of(member_class(payload, class->args)) != FROM_ARRAY)
		class->args = NO_MEMBER;
	class->size = WL_SYSCALL_ARGS * WL_SYSCALL_SLOT;
}

static bool has_prefix(const char **name, const char *prefix)
{
	size_t len = strlen(prefix);

	if (strncmp(*name, prefix, len))
		return false;
	*name += len;
	return true;
}

static int find_call(const struct wl_through_classes *classes, const char *name, bool compat)
{
	for (int nr = 0; nr < WL_EV_SYSCALLS; nr++)
		if (classes->calls[compat][nr] && !strcmp(classes->calls[compat][nr], name))
			return nr;
	return -1;
}

/* "compat_syscall_exit_read" and so on. false: no system call's, or of none that we know. */
static bool learn_call_name(const struct wl_through_classes *classes,
			    struct wl_through_class *class, const char *name,
			    const bt_field_class *payload)
{
	bool compat = has_prefix(&name, "compat_");
	bool leave = !has_prefix(&name, "syscall_entry_");
	unsigned base = compat ? WL_EV_COMPAT_ENTRY : WL_EV_SYSCALL_ENTRY;
	int nr;

	if (leave && !has_prefix(&name, "syscall_exit_"))
		return false;
	base += leave ? WL_EV_SYSCALLS : 0;
	if (!strcmp(name, "unknown")) {
		class->id = (uint16_t)base;
		class->number = find_member(payload, "id");
		return class->number != NO_MEMBER;
	}
	nr = find_call(classes, name, compat);
	class->id = (uint16_t)(base + (unsigned)nr);
	return nr >= 0;
}

static void learn_payload(const struct wl_through_classes *classes, struct wl_through_class *class)
{
	const bt_field_class *payload = bt_event_class_borrow_payload_field_class_const(class->key);
	const char *name = bt_event_class_get_name(class->key);

	class->id = name ? (uint16_t)wl_event_number(name) : WL_EV_NONE;
	if (!name)
		return;
	if (class->id)
		learn_fixed(class, payload);
	else if (!learn_call_name(classes, class, name, payload))
		class->id = WL_EV_NONE;
	else if (class->number == NO_MEMBER)
		learn_syscall(class, payload);
	else
		learn_unknown(class, payload);
}

static uint16_t find_signed(const bt_field_class *structure, const char *name)
{
	uint16_t member = find_member(structure, name);

	if (member != NO_MEMBER && from_of(member_class(structure, member)) != FROM_SIGNED)
		return NO_MEMBER;
	return member;
}

static struct wl_through_class *class_new(const struct wl_through_classes *classes,
					  const bt_event_class *key, const bt_field_class *context)
{
	struct wl_through_class *class =
		calloc(1, sizeof(*class) + FILLS_MAX * sizeof(class->fills[0]));

	if (!class)
		return NULL;
	class->key = key;
	class->number = NO_MEMBER;
	class->args = NO_MEMBER;
	class->tid = find_signed(context, "tid");
	class->pid = find_signed(context, "pid");
	learn_payload(classes, class);
	return class;
}

/* "unknown" events may be any call's. */
static void describe(const struct wl_through_class *class, uint64_t *described)
{
	unsigned n = class->number == NO_MEMBER ? 1 : WL_EV_SYSCALLS;

	for (unsigned id = class->id; class->id && id < class->id + n; id++)
		described[id / 64] |= 1ull << id % 64;
}

int wl_through_classes_learn(struct wl_through_classes *classes,
			     const bt_stream_class *stream_class, uint64_t *described)
{
	const bt_field_class *context =
		bt_stream_class_borrow_event_common_context_field_class_const(stream_class);
	uint64_t n = bt_stream_class_get_event_class_count(stream_class);

	for (uint64_t i = 0; i < n; i++) {
		const bt_event_class *key =
			bt_stream_class_borrow_event_class_by_index_const(stream_class, i);
		size_t slot;

		if (classes_grow(classes))
			return -ENOMEM;
		slot = slot_of(classes, key);
		if (classes->slots[slot])
			continue;
		classes->slots[slot] = class_new(classes, key, context);
		if (!classes->slots[slot])
			return -ENOMEM;
		classes->n++;
		describe(classes->slots[slot], described);
	}
	return 0;
}

/* --- events --- */

static void store(void *at, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = value;
	}
}

static void store_text(void *at, unsigned size, const bt_field *field)
{
	size_t len = bt_field_string_get_length(field);

	memcpy(at, bt_field_string_get_value(field), len < size ? len : size);
}

static uint64_t integer_of(const bt_field *field)
{
	if (bt_field_class_type_is(bt_field_get_class_type(field),
				   BT_FIELD_CLASS_TYPE_SIGNED_INTEGER))
		return (uint64_t)bt_field_integer_signed_get_value(field);
	return bt_field_integer_unsigned_get_value(field);
}

static bool is_integer(const bt_field *field)
{
	return bt_field_class_type_is(bt_field_get_class_type(field), BT_FIELD_CLASS_TYPE_INTEGER);
}

/* The first one: the id in the initial namespace. */
static void store_first(void *at, unsigned size, const bt_field *field)
{
	const bt_field *element;

	if (!bt_field_array_get_length(field))
		return;
	element = bt_field_array_borrow_element_field_by_index_const(field, 0);
	if (is_integer(element))
		store(at, size, integer_of(element));
}

static void fill_member(const struct fill *fill, const bt_field *payload, char *out)
{
	const bt_field *field =
		bt_field_structure_borrow_member_field_by_index_const(payload, fill->member);

	switch ((enum from)fill->from) {
	case FROM_UNSIGNED:
		store(out + fill->offset, fill->size, bt_field_integer_unsigned_get_value(field));
		break;
	case FROM_SIGNED:
		store(out + fill->offset, fill->size,
		      (uint64_t)bt_field_integer_signed_get_value(field));
		break;
	case FROM_TEXT:
		store_text(out + fill->offset, fill->size, field);
		break;
	case FROM_ARRAY:
		store_first(out + fill->offset, fill->size, field);
		break;
	}
}

static void fill_args(const bt_field *array, uint64_t *out)
{
	uint64_t n = bt_field_array_get_length(array);

	for (uint64_t i = 0; i < n && i < WL_SYSCALL_ARGS; i++) {
		const bt_field *element =
			bt_field_array_borrow_element_field_by_index_const(array, i);

		if (is_integer(element))
			out[i] = integer_of(element);
	}
}

/* false: a number that is none. */
static bool decode_unknown(const struct wl_through_class *class, const bt_field *payload, void *out,
			   struct wl_through_event *event)
{
	const bt_field *number =
		bt_field_structure_borrow_member_field_by_index_const(payload, class->number);
	uint64_t nr = is_integer(number) ? integer_of(number) : UINT64_MAX;

	if (nr >= WL_EV_SYSCALLS)
		return false;
	event->id = (uint16_t)(class->id + nr);
	if (class->args != NO_MEMBER)
		fill_args(bt_field_structure_borrow_member_field_by_index_const(payload,
										class->args),
			  out);
	return true;
}

static int32_t context_id(const bt_field *context, uint16_t member)
{
	if (!context || member == NO_MEMBER)
		return -1;
	return (int32_t)bt_field_integer_signed_get_value(
		bt_field_structure_borrow_member_field_by_index_const(context, member));
}

/* LTTng has one id per nested namespace, we have the outermost one. */
static void cut_ids(struct wl_ev_sched_process_fork *fork)
{
	fork->_vtids_length = fork->_vtids_length != 0;
}

static void decode_known(const struct wl_through_class *class, const bt_event *bt_event, void *out,
			 struct wl_through_event *event)
{
	const bt_field *payload = bt_event_borrow_payload_field_const(bt_event);
	const bt_field *context = bt_event_borrow_common_context_field_const(bt_event);

	event->id = class->id;
	event->size = class->size;
	event->tid = context_id(context, class->tid);
	event->pid = context_id(context, class->pid);
	memset(out, 0, (class->size + 15u) & ~7u);
	if (!payload)
		return;
	if (class->number != NO_MEMBER && !decode_unknown(class, payload, out, event))
		event->id = WL_EV_NONE;
	for (unsigned i = 0; i < class->nfills; i++)
		fill_member(&class->fills[i], payload, out);
	if (class->id == WL_EVID_SCHED_FORK)
		cut_ids(out);
}

void wl_through_decode(const struct wl_through_classes *classes, const bt_event *bt_event,
		       void *payload, struct wl_through_event *event)
{
	const struct wl_through_class *class =
		classes->size
			? classes->slots[slot_of(classes, bt_event_borrow_class_const(bt_event))]
			: NULL;

	event->id = WL_EV_NONE;
	if (class && class->id)
		decode_known(class, bt_event, payload, event);
}
