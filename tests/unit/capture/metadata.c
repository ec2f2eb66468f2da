/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The TSDL is read by a small parser of its own, and compared with what C makes of the lists. */
#include "capture/metadata.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/packet.h"
#include "capture/snapshot.h"
#include "test.h"
#include "directory.h"
#include "rings.h"
#include "util/syscall_fields.h"

/* --- what C says --- */

struct member {
	const char *name;
	size_t offset, size;
};

#define SIZE_u8 1
#define SIZE_u16 2
#define SIZE_u32 4
#define SIZE_u64 8
#define SIZE_s32 4
#define SIZE_s64 8
#define SIZE_x8 1
#define SIZE_x64 8
#define SIZE_text16 16
#define SIZE_text24 24
#define SIZE_text64 64
#define SIZE_tids 4

#define MEMBER(type, name) { #name, offsetof(this_event, name), SIZE_##type },
#define X(enumerator, fields, nr, event)                                                           \
	static const struct member *members_##enumerator(void)                                     \
	{                                                                                          \
		typedef struct wl_ev_##fields this_event;                                          \
		static const struct member members[] = { WL_EV_##fields(MEMBER){ 0 } };            \
		return members;                                                                    \
	}
WL_EVENTS(X)
#undef X

static const struct {
	unsigned int id;
	const char *name;
	uint16_t size; /* of the record */
	const struct member *(*members)(void);
} events[] = {
#define X(enumerator, fields, nr, name) { nr, name, WL_EVENT_SIZE(fields), members_##enumerator },
	WL_EVENTS(X)
#undef X
};

/* --- parser --- */

struct type {
	char name[16];
	size_t size, align; /* bytes */
	bool is_signed;
	int base;
};

struct metadata {
	char *text;
	struct type types[40];
	size_t ntypes;
	const char *events[WL_EV_MAX];
};

static void parse_types(struct metadata *m)
{
	for (const char *p = m->text; (p = strstr(p, "typealias integer {")); p++) {
		struct type *t = &m->types[m->ntypes++];
		const char *end = strstr(p, "} := ");
		char is_signed[8];
		int n;

		assert_true(m->ntypes <= ARRAY_SIZE(m->types));
		assert_non_null(end);
		n = sscanf(
			p,
			"typealias integer { size = %zu; align = %zu; signed = %7[a-z]; base = %d",
			&t->size, &t->align, is_signed, &t->base);
		assert_true(n >= 3);
		assert_int_equal(sscanf(end, "} := %15[a-z0-9_]", t->name), 1);
		t->size /= 8;
		t->align /= 8;
		t->is_signed = !strcmp(is_signed, "true");
	}
}

/* Events as multi-line text, by id; those of one line are found by their text. */
static void parse_events(struct metadata *m)
{
	unsigned int id;

	for (const char *p = m->text; (p = strstr(p, "\nevent {\n")); p++) {
		assert_int_equal(sscanf(p, "\nevent {\n\tname = \"%*[^\"]\";\n\tid = %u;", &id), 1);
		assert_true(id < WL_EV_MAX);
		assert_null(m->events[id]);
		m->events[id] = p;
	}
}

static void metadata_read(struct metadata *m, uint32_t syscalls)
{
	struct wl_metadata example;
	size_t size;
	FILE *f;

	memset(m, 0, sizeof(*m));
	metadata_example(&example, syscalls);
	f = open_memstream(&m->text, &size);
	assert_non_null(f);
	wl_metadata_write(&example, f);
	assert_int_equal(fclose(f), 0);
	parse_types(m);
	parse_events(m);
}

static const struct type *find_type(const struct metadata *m, const char *name)
{
	for (size_t i = 0; i < m->ntypes; i++)
		if (!strcmp(m->types[i].name, name))
			return &m->types[i];
	fail_msg("no type %s", name);
	return NULL;
}

/* The fields of an event, as text: from "struct {" on. */
static const char *find_event(const struct metadata *m, unsigned int id, char name[64])
{
	const char *p = m->events[id];

	assert_non_null(p);
	assert_int_equal(sscanf(p, "\nevent {\n\tname = \"%63[^\"]\"", name), 1);
	p = strstr(p, "struct {\n");
	return p + strlen("struct {\n");
}

struct field {
	char name[64];
	size_t offset, size;
	const struct type *type; /* NULL: padding or special */
	bool end;
};

/* Only what metadata.c writes: one field a line. */
static const char *next_field(const struct metadata *m, const char *p, size_t *at,
			      struct field *field)
{
	char type[64], count[64] = "1";
	unsigned int bits;

	memset(field, 0, sizeof(*field));
	if (!strncmp(p, "\t} align(64);", 13)) {
		field->end = true;
		return p;
	}
	if (sscanf(p, "\t\tinteger { size = %u; align = 8; signed = false; } %63[a-z0-9_]", &bits,
		   field->name) == 2) {
		field->offset = *at;
		field->size = bits / 8;
	} else if (!strncmp(p, "\t\tenum : uint8_t", 16) || !strncmp(p, "\t\tvariant", 9)) {
		bool variant = p[2] == 'v';

		snprintf(field->name, sizeof(field->name), "%s",
			 variant ? "_network_header" : "_network_header_type");
		field->offset = *at;
		field->size = variant ? 0 : 1;
	} else {
		assert_true(sscanf(p, "\t\t%63[a-z0-9_] %63[a-z0-9_][%63[a-z0-9_]", type,
				   field->name, count) >= 2);
		field->type = find_type(m, type);
		*at = (*at + field->type->align - 1) / field->type->align * field->type->align;
		field->offset = *at;
		/* the sequences that there are: of ids, one long; of the filler's bytes */
		field->size = field->type->size * (count[0] == '_' ? !strcmp(field->name, "_vtids")
								   : strtoul(count, NULL, 10));
	}
	*at += field->size;
	return strchr(p, '\n') + 1;
}

/* --- tests --- */

static void check_event(const struct metadata *m, unsigned int id, const char *name,
			const struct member *member)
{
	struct field field;
	char found[64];
	const char *p = find_event(m, id, found);
	size_t at = 0;

	assert_string_equal(found, name);
	for (; member->name; member++) {
		p = next_field(m, p, &at, &field);
		assert_false(field.end);
		assert_int_equal(field.name[0], '_');
		assert_string_equal(field.name + 1, member->name);
		assert_int_equal(field.offset, member->offset);
		assert_int_equal(field.size, member->size);
	}
	do {
		p = next_field(m, p, &at, &field); /* variants, the filler's bytes: nothing */
		assert_int_equal(field.size, 0);
	} while (!field.end);
}

static void test_fields_lie_where_c_has_them(void **state)
{
	struct metadata m;

	metadata_read(&m, WL_SYSCALLS_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		check_event(&m, events[i].id, events[i].name, events[i].members());
	assert_null(strstr(m.text, "syscall_entry"));
	free(m.text);
}

static void test_types(void **state)
{
	struct metadata m;
	const struct type *t;

	metadata_read(&m, WL_SYSCALLS_ALL);
	for (size_t i = 0; i < m.ntypes; i++) {
		t = &m.types[i];
		if (!strncmp(t->name, "slot_", 5))
			assert_int_equal(t->align, 8);
		else
			assert_int_equal(t->align, t->size);
	}
	t = find_type(&m, "hex64_t");
	assert_int_equal(t->base, 16);
	assert_int_equal(t->size, 8);
	t = find_type(&m, "slot_s32x");
	assert_true(t->is_signed);
	assert_int_equal(t->size, 4);
	assert_int_equal(t->base, 16);
	free(m.text);
}

/* Every slot begins at a multiple of 8; the record ends with the last field. */
static void check_slots(const struct metadata *m, unsigned int id, size_t at, size_t expected,
			const struct wl_syscall_field *fields, size_t n)
{
	struct field field;
	char name[64];
	const char *p = find_event(m, id, name);
	size_t seen = 0;

	if (at) {
		at = 0;
		p = next_field(m, p, &at, &field);
		assert_string_equal(field.name, "_ret");
		assert_int_equal(field.offset, 0);
	}
	for (;;) {
		p = next_field(m, p, &at, &field);
		if (field.end)
			break;
		if (!strncmp(field.name, "_wl_pad", 7))
			continue;
		assert_true(seen < n);
		assert_string_equal(field.name + 1, fields[seen].name);
		assert_int_equal(field.offset % WL_SYSCALL_SLOT, 0);
		assert_int_equal(field.size, wl_syscall_field_width(fields[seen].type));
		assert_int_equal(field.type->is_signed, !!(fields[seen].type & WL_FIELD_SIGNED) ||
								fields[seen].type & WL_FIELD_TEXT);
		seen++;
	}
	assert_int_equal(seen, n);
	assert_int_equal(at, expected);
}

/* Each text stands somewhere behind the one before. */
static void expect_next(const char **at, const char *text)
{
	const char *found = strstr(*at, text);

	assert_non_null(found);
	*at = found;
}

static void check_calls(const struct metadata *m, bool compat)
{
	unsigned int entry = compat ? WL_EV_COMPAT_ENTRY : WL_EV_SYSCALL_ENTRY;
	unsigned int leave = compat ? WL_EV_COMPAT_EXIT : WL_EV_SYSCALL_EXIT;
	const char *at = m->text;

	for (unsigned int nr = 0; nr < WL_EV_SYSCALLS; nr++) {
		struct wl_syscall_fields f;
		char key[64];

		wl_syscall_fields((int)nr, compat, &f);
		if (f.name) {
			check_slots(m, entry + nr, 0, wl_syscall_entry_size(&f), f.entry, f.nentry);
			check_slots(m, leave + nr, 8, wl_syscall_exit_size(&f), f.exit, f.nexit);
			continue;
		}
		/* any number can be called: none may make a trace unreadable */
		snprintf(key, sizeof(key),
			 " id = %u; stream_id = 0; fields := struct unknown_entry", entry + nr);
		expect_next(&at, key);
		snprintf(key, sizeof(key), " id = %u; stream_id = 0; fields := struct unknown_exit",
			 leave + nr);
		expect_next(&at, key);
	}
}

static void test_system_calls(void **state)
{
	struct metadata m;
	char name[64];

	metadata_read(&m, WL_SYSCALLS_TARGETS);
	check_calls(&m, false);
	check_calls(&m, true);
	find_event(&m, WL_EV_SYSCALL_ENTRY, name);
	assert_string_equal(name, "syscall_entry_read");
	find_event(&m, WL_EV_COMPAT_EXIT + 3, name);
	assert_string_equal(name, "compat_syscall_exit_read");
	free(m.text);
}

static void test_environment(void **state)
{
	struct metadata m;

	metadata_read(&m, WL_SYSCALLS_NONE);
	assert_memory_equal(m.text, "/* CTF 1.8 */", 13);
	assert_non_null(strstr(m.text, "uuid = \"00112233-4455-6677-8899-aabbccddeeff\";"));
	assert_non_null(strstr(m.text, "tracer_name = \"lttng-modules\";"));
	assert_non_null(strstr(m.text, "hostname = \"guest\";"));
	assert_non_null(strstr(m.text, "trace_creation_datetime = \"20261121T202225+0000\";"));
	assert_non_null(strstr(m.text, "offset = 1795292545749269113;"));
	assert_non_null(strstr(m.text, "absolute = TRUE;"));
	/* what would need an escape, or do something to a terminal */
	assert_non_null(strstr(m.text, "\"#1 SMP ?quoted? back?slash ?[31m?\""));
	free(m.text);
}

static void test_machine(void **state)
{
	struct wl_metadata a, b;
	char text[WL_UUID_TEXT];

	assert_int_equal(wl_metadata_init(&a, "recording", 5, WL_SYSCALLS_ALL), 0);
	assert_int_equal(wl_metadata_init(&b, "recording", 5, WL_SYSCALLS_ALL), 0);
	assert_memory_not_equal(a.uuid, b.uuid, sizeof(a.uuid));
	assert_int_equal(wl_uuid_format(a.uuid, text)[14], '4');
	assert_int_equal(strlen(text), 36);
	assert_int_equal(strlen(a.boot_id), 36);
	assert_string_equal(a.boot_id, b.boot_id);
	assert_true(a.release[0] != '\0');
	assert_int_equal(a.real_offset, 5);
	assert_int_equal(a.syscalls, WL_SYSCALLS_ALL);
}

static uint16_t size_of(uint16_t id)
{
	struct wl_syscall_fields f;
	bool compat = id >= WL_EV_COMPAT_ENTRY;
	bool entry = id / WL_EV_SYSCALLS % 2;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].id == id)
			return events[i].size;
	wl_syscall_fields(id % WL_EV_SYSCALLS, compat, &f);
	return (uint16_t)(sizeof(struct wl_record) +
			  (entry ? wl_syscall_entry_size(&f) : wl_syscall_exit_size(&f)));
}

/* One event of every id that there is, with all bytes set. */
static size_t put_all(struct rings *r)
{
	size_t n = 0;

	for (uint16_t id = 0; id < WL_EV_MAX; id++) {
		struct pending p;
		void *payload;

		if (!wl_event_is_written(id))
			continue;
		r->clock++;
		payload = rings_reserve(r, 0, id, size_of(id), &p);
		assert_non_null(payload);
		memset(payload, 'a', size_of(id) - sizeof(struct wl_record));
		if (id == WL_EVID_SCHED_FORK)
			((struct wl_ev_sched_process_fork *)payload)->_vtids_length = 1;
		if (id == WL_EVID_NET_QUEUE || id == WL_EVID_NET_RECEIVE)
			((struct wl_ev_net_skb *)payload)->network_header_type = 0;
		rings_commit(&p);
		n++;
	}
	return n;
}

/* Both readers take every event there is. */
static void test_babeltrace_reads_all_events(void **state)
{
	struct wl_metadata example;
	struct wl_snapshot *s;
	uint64_t seen, discarded;
	struct rings r;
	struct directory dir;
	size_t n;

	directory_make(&dir);
	rings_open(&r, 1, 4 << 20);
	r.clock = 1000000000;
	rings_switch(&r, 0, 0);
	n = put_all(&r) + 1;
	r.clock = 0;
	metadata_example(&example, WL_SYSCALLS_ALL);
	assert_int_equal(wl_snapshot_open(&s, &r.rings), 0);
	wl_snapshot_take(s, 0);
	wl_snapshot_finish(s);
	assert_int_equal(wl_snapshot_write(s, dir.fd, &example, NULL), 0);
	if (babeltrace_count("babeltrace2", dir.path, &seen, &discarded)) {
		assert_int_equal(seen, n);
		assert_int_equal(discarded, 0);
	}
	if (babeltrace_count("babeltrace", dir.path, &seen, &discarded)) {
		assert_int_equal(seen, n);
		assert_int_equal(discarded, 0);
	}
	wl_snapshot_close(s);
	rings_close(&r);
	directory_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_lie_where_c_has_them),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_system_calls),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_babeltrace_reads_all_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
