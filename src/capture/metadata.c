/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

#include "capture/packet.h"
#include "util/file.h"
#include "util/syscall_fields.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "a slot's number is in its first bytes only on little-endian machines"
#endif

#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define LTTNG_MAJOR 2
#define LTTNG_MINOR 13
#define LTTNG_PATCH 9

/* --- what differs --- */

const char *wl_uuid_format(const uint8_t uuid[16], char text[WL_UUID_TEXT])
{
	char *p = text;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", uuid[i]);
	return text;
}

static int random_uuid(uint8_t uuid[16])
{
	if (getrandom(uuid, 16, 0) != 16)
		return -EIO;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 4122: random */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

int wl_metadata_init(struct wl_metadata *m, const char *kind, int64_t real_offset,
		     uint32_t syscalls)
{
	struct utsname name;

	memset(m, 0, sizeof(*m));
	m->kind = kind;
	m->real_offset = real_offset;
	m->syscalls = syscalls;
	m->created = (int64_t)time(NULL);
	if (wl_file_read_line(BOOT_ID, m->boot_id, sizeof(m->boot_id)))
		m->boot_id[0] = '\0';
	if (uname(&name))
		return -errno;
	snprintf(m->hostname, sizeof(m->hostname), "%s", name.nodename);
	snprintf(m->release, sizeof(m->release), "%s", name.release);
	snprintf(m->version, sizeof(m->version), "%s", name.version);
	return random_uuid(m->uuid);
}

/* --- the trace --- */

/* Readers disagree about escapes: what would need one becomes a question mark. */
static void put_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\t%s = \"", key);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		fputc(c < ' ' || c > '~' || c == '"' || c == '\\' ? '?' : c, out);
	}
	fputs("\";\n", out);
}

static void put_types(FILE *out)
{
	static const char integer[] = "typealias integer { size = %u; align = %u; signed = %s; "
				      "base = %u; } := %s;\n";
	static const struct {
		unsigned int size, base;
		const char *is_signed, *name;
	} types[] = {
		{ 8, 10, "false", "uint8_t" },   { 16, 10, "false", "uint16_t" },
		{ 32, 10, "false", "uint32_t" }, { 64, 10, "false", "uint64_t" },
		{ 32, 10, "true", "int32_t" },   { 64, 10, "true", "int64_t" },
		{ 8, 16, "false", "hex8_t" },    { 64, 16, "false", "hex64_t" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		fprintf(out, integer, types[i].size, types[i].size, types[i].is_signed,
			types[i].base, types[i].name);
	fputs("typealias integer { size = 8; align = 8; signed = true; encoding = UTF8; } := "
	      "text_t;\n\n",
	      out);
}

static void put_trace(const struct wl_metadata *m, FILE *out)
{
	char uuid[WL_UUID_TEXT];

	fprintf(out,
		"trace {\n"
		"\tmajor = 1;\n"
		"\tminor = 8;\n"
		"\tuuid = \"%s\";\n"
		"\tbyte_order = le;\n"
		"\tpacket.header := struct {\n"
		"\t\tuint32_t magic;\n"
		"\t\tuint8_t uuid[16];\n"
		"\t\tuint32_t stream_id;\n"
		"\t\tuint64_t stream_instance_id;\n"
		"\t};\n"
		"};\n\n",
		wl_uuid_format(m->uuid, uuid));
}

static void put_env(const struct wl_metadata *m, FILE *out)
{
	time_t created = (time_t)m->created;
	struct tm tm = { 0 };
	char text[32];

	gmtime_r(&created, &tm);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S+0000", &tm);
	fputs("env {\n", out);
	put_text(out, "hostname", m->hostname);
	put_text(out, "domain", "kernel");
	put_text(out, "sysname", "Linux");
	put_text(out, "kernel_release", m->release);
	put_text(out, "kernel_version", m->version);
	put_text(out, "tracer_name", "lttng-modules");
	fprintf(out, "\ttracer_major = %d;\n\ttracer_minor = %d;\n\ttracer_patchlevel = %d;\n",
		LTTNG_MAJOR, LTTNG_MINOR, LTTNG_PATCH);
	put_text(out, "trace_buffering_scheme", "global");
	put_text(out, "trace_name", "whylate");
	put_text(out, "trace_creation_datetime", text);
	put_text(out, "whylate_version", WL_VERSION);
	fprintf(out, "\twhylate_layout = 1;\n"); /* of records and packets; readers check it */
	put_text(out, "whylate_kind", m->kind);
	fprintf(out, "\twhylate_syscalls = %" PRIu32 ";\n};\n\n", m->syscalls);
}

static void put_clock(const struct wl_metadata *m, FILE *out)
{
	fputs("clock {\n", out);
	put_text(out, "name", "monotonic");
	if (m->boot_id[0])
		put_text(out, "uuid", m->boot_id);
	put_text(out, "description", "Monotonic Clock");
	fprintf(out,
		"\tfreq = 1000000000;\n"
		"\tabsolute = TRUE;\n"
		"\toffset = %" PRId64 ";\n"
		"};\n\n"
		"typealias integer { size = 64; align = 64; signed = false; "
		"map = clock.monotonic.value; } := clock64_t;\n\n",
		m->real_offset);
}

static void put_stream(FILE *out)
{
	fputs("struct packet_context {\n"
	      "\tclock64_t timestamp_begin;\n"
	      "\tclock64_t timestamp_end;\n"
	      "\tuint64_t content_size;\n"
	      "\tuint64_t packet_size;\n"
	      "\tuint64_t packet_seq_num;\n"
	      "\tuint64_t events_discarded;\n"
	      "\tuint32_t cpu_id;\n"
	      "};\n\n"
	      /* the six bytes of size and check are alignment to readers */
	      "struct event_header {\n"
	      "\tclock64_t timestamp;\n"
	      "\tuint16_t id;\n"
	      "} align(64);\n\n"
	      "stream {\n"
	      "\tid = 0;\n"
	      "\tevent.header := struct event_header;\n"
	      "\tpacket.context := struct packet_context;\n"
	      "};\n\n",
	      out);
}

/* --- events --- */

struct field {
	const char *type, *name, *suffix;
};

#define TSDL_u8(name) "uint8_t", #name, ""
#define TSDL_u16(name) "uint16_t", #name, ""
#define TSDL_u32(name) "uint32_t", #name, ""
#define TSDL_u64(name) "uint64_t", #name, ""
#define TSDL_s32(name) "int32_t", #name, ""
#define TSDL_s64(name) "int64_t", #name, ""
#define TSDL_x8(name) "hex8_t", #name, ""
#define TSDL_x64(name) "hex64_t", #name, ""
#define TSDL_text16(name) "text_t", #name, "[16]"
#define TSDL_text24(name) "text_t", #name, "[24]"
#define TSDL_text64(name) "text_t", #name, "[64]"
#define TSDL_tids(name) "int32_t", #name, "[__" #name "_length]"

#define FIELD(type, name) { TSDL_##type(name) },
#define FIELDS(fields)                                                                             \
	(const struct field[])                                                                     \
	{                                                                                          \
		WL_EV_##fields(FIELD)                                                              \
		{                                                                                  \
			NULL, NULL, NULL                                                           \
		}                                                                                  \
	}

static void begin_event(FILE *out, const char *prefix, const char *name, unsigned int id)
{
	fprintf(out,
		"event {\n\tname = \"%s%s\";\n\tid = %u;\n\tstream_id = 0;\n\tfields := ", prefix,
		name, id);
}

static void begin_fields(FILE *out)
{
	fputs("struct {\n", out);
}

static void end_fields(FILE *out)
{
	fputs("\t} align(64);\n};\n\n", out);
}

/* LTTng has the headers themselves behind it; we never record them. */
static void put_header_type(FILE *out)
{
	fputs("\t\tenum : uint8_t { \"_unknown\" = 0 } _network_header_type;\n"
	      "\t\tvariant <_network_header_type> { struct { } _unknown; } _network_header;\n",
	      out);
}

static void put_event(FILE *out, const char *name, unsigned int id, const struct field *field)
{
	begin_event(out, "", name, id);
	begin_fields(out);
	for (; field->name; field++) {
		if (!strcmp(field->name, "network_header_type"))
			put_header_type(out);
		else
			fprintf(out, "\t\t%s _%s%s;\n", field->type, field->name, field->suffix);
	}
	if (id == WL_EVID_FILLER) /* so many bytes: see packet.h */
		fputs("\t\tuint8_t _wl_bytes[_wl_length];\n", out);
	end_fields(out);
}

static void put_events(FILE *out)
{
	static const struct field none = { NULL, NULL, NULL };

#define X(enumerator, fields, nr, name) put_event(out, name, nr, FIELDS(fields));
	WL_EVENTS(X)
#undef X
	put_event(out, "whylate_filler", WL_EVID_GAP, &none);
}

/* --- system calls --- */

/* A slot's numbers: slot_u32, slot_s64x, … by the bits of wl_syscall_field.type. */
static const char *slot_type(uint8_t type, char *text, size_t size)
{
	snprintf(text, size, "slot_%c%u%s", type & WL_FIELD_SIGNED ? 's' : 'u',
		 8 * wl_syscall_field_width(type), type & WL_FIELD_HEX ? "x" : "");
	return text;
}

static void put_slot_types(FILE *out)
{
	char name[16];

	for (uint8_t type = 0; type < WL_FIELD_TEXT; type++)
		fprintf(out,
			"typealias integer { size = %u; align = 64; signed = %s; base = %u; } := "
			"%s;\n",
			8 * wl_syscall_field_width(type), type & WL_FIELD_SIGNED ? "true" : "false",
			type & WL_FIELD_HEX ? 16 : 10, slot_type(type, name, sizeof(name)));
	fputc('\n', out);
}

/*
 * Text has no alignment of its own in TSDL (it would be that of each character): where it follows a
 * small number, the rest of that number's slot needs a name.
 */
static void put_slots(FILE *out, const struct wl_syscall_field *fields, unsigned int n)
{
	unsigned int used = 0; /* bytes of the last slot */
	unsigned int pads = 0;
	char type[16];

	for (unsigned int i = 0; i < n; i++) {
		bool text = fields[i].type & WL_FIELD_TEXT;

		if (text && used)
			fprintf(out,
				"\t\tinteger { size = %u; align = 8; signed = false; } "
				"_wl_pad%u;\n",
				8 * (WL_SYSCALL_SLOT - used), pads++);
		if (text)
			fprintf(out, "\t\ttext_t _%s[%d];\n", fields[i].name, WL_SYSCALL_TEXT);
		else
			fprintf(out, "\t\t%s _%s;\n", slot_type(fields[i].type, type, sizeof(type)),
				fields[i].name);
		used = wl_syscall_field_width(fields[i].type) % WL_SYSCALL_SLOT;
	}
}

static void put_entry(FILE *out, unsigned int id, const char *prefix,
		      const struct wl_syscall_fields *fields)
{
	begin_event(out, prefix, fields->event, id);
	begin_fields(out);
	put_slots(out, fields->entry, fields->nentry);
	end_fields(out);
}

static void put_exit(FILE *out, unsigned int id, const char *prefix,
		     const struct wl_syscall_fields *fields)
{
	char type[16];

	begin_event(out, prefix, fields->event, id);
	begin_fields(out);
	fprintf(out, "\t\t%s _ret;\n", slot_type(fields->ret, type, sizeof(type)));
	put_slots(out, fields->exit, fields->nexit);
	end_fields(out);
}

/* Any number may be called: those without a name are one line each, of the same structures. */
static void put_unknown(FILE *out, unsigned int id, const char *prefix, int nr, const char *type)
{
	fprintf(out,
		"event { name = \"%sunknown_%d\"; id = %u; stream_id = 0; fields := struct %s; "
		"};\n",
		prefix, nr, id, type);
}

static void put_unknown_types(FILE *out)
{
	struct wl_syscall_fields fields;

	wl_syscall_fields(-1, false, &fields);
	fputs("struct unknown_entry {\n", out);
	put_slots(out, fields.entry, fields.nentry);
	fputs("} align(64);\n\nstruct unknown_exit {\n\t\tslot_s64 _ret;\n} align(64);\n\n", out);
}

static void put_calls(FILE *out, bool compat)
{
	const char *entry = compat ? "compat_syscall_entry_" : "syscall_entry_";
	const char *leave = compat ? "compat_syscall_exit_" : "syscall_exit_";
	unsigned int entries = compat ? WL_EV_COMPAT_ENTRY : WL_EV_SYSCALL_ENTRY;
	unsigned int exits = compat ? WL_EV_COMPAT_EXIT : WL_EV_SYSCALL_EXIT;

	for (int nr = 0; nr < WL_EV_SYSCALLS; nr++) {
		struct wl_syscall_fields fields;

		wl_syscall_fields(nr, compat, &fields);
		if (fields.event) {
			put_entry(out, entries + (unsigned int)nr, entry, &fields);
			put_exit(out, exits + (unsigned int)nr, leave, &fields);
		} else {
			put_unknown(out, entries + (unsigned int)nr, entry, nr, "unknown_entry");
			put_unknown(out, exits + (unsigned int)nr, leave, nr, "unknown_exit");
		}
	}
}

static void put_syscalls(FILE *out)
{
	put_slot_types(out);
	put_unknown_types(out);
	put_calls(out, false);
	put_calls(out, true);
}

void wl_metadata_write(const struct wl_metadata *m, FILE *out)
{
	fputs("/* CTF 1.8 */\n\n", out); /* readers look for these very bytes */
	put_types(out);
	put_trace(m, out);
	put_env(m, out);
	put_clock(m, out);
	put_stream(out);
	put_events(out);
	if (m->syscalls != WL_SYSCALLS_NONE)
		put_syscalls(out);
}
