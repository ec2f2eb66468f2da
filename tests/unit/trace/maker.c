/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/maker.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

const uint8_t maker_uuid[16] = { 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x49, 0x78,
				 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2, 0xe1, 0xf0 };

void maker_set32(void *bytes, size_t offset, uint32_t value)
{
	memcpy((char *)bytes + offset, &value, sizeof(value));
}

void maker_set64(void *bytes, size_t offset, uint64_t value)
{
	memcpy((char *)bytes + offset, &value, sizeof(value));
}

/* --- packets --- */

void maker_begin(struct maker_packet *packet, uint32_t cpu, uint64_t seq)
{
	memset(packet, 0, sizeof(*packet));
	packet->cpu = cpu;
	packet->seq = seq;
	packet->at = MAKER_HEADER;
	packet->content = MAKER_HEADER;
	/* Wraps at 2^32 after a while. */
	packet->base = (uint32_t)(0xfffe0000u + (seq + cpu * 3) * (MAKER_PACKET / 8));
	memset(packet->bytes, 0xa5, sizeof(packet->bytes));
}

bool maker_fits(const struct maker_packet *packet, unsigned payload)
{
	return packet->at + 16 + payload <= MAKER_PACKET;
}

unsigned maker_add(struct maker_packet *packet, uint64_t ts, uint16_t id, const void *payload,
		   unsigned size)
{
	char *record = (char *)packet->bytes + packet->at;
	uint16_t whole = (uint16_t)(16 + size);
	uint32_t check = packet->base + packet->at / 8;
	unsigned offset = packet->at;

	assert_true(maker_fits(packet, size));
	memcpy(record, &ts, 8);
	memcpy(record + 8, &id, 2);
	memcpy(record + 10, &whole, 2);
	memcpy(record + 12, &check, 4);
	memcpy(record + 16, payload, size);
	if (!packet->n++)
		packet->begin = ts;
	packet->end = ts;
	packet->content = offset + whole;
	packet->at = (packet->content + 7) / 8 * 8;
	return offset;
}

void maker_end(struct maker_packet *packet)
{
	char *bytes = (char *)packet->bytes;

	memset(bytes, 0, MAKER_HEADER);
	maker_set32(bytes, 0, 0xc1fc1fc1);
	memcpy(bytes + 4, maker_uuid, 16);
	maker_set64(bytes, 24, packet->cpu);
	maker_set64(bytes, 32, packet->begin);
	maker_set64(bytes, 40, packet->end);
	/* Without records it ends where cpu_id does. */
	maker_set64(bytes, 48, (packet->n ? packet->content : 84) * 8ull);
	maker_set64(bytes, 56, MAKER_PACKET * 8ull);
	maker_set64(bytes, 64, packet->seq);
	maker_set64(bytes, 72, packet->discarded);
	maker_set32(bytes, 80, packet->cpu);
}

/* --- files --- */

void maker_append(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/kernel/%s", dir, name);
	f = fopen(path, "ae");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

void maker_file(const char *dir, const char *name, const void *bytes, size_t size)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/kernel/%s", dir, name);
	unlink(path);
	maker_append(dir, name, bytes, size);
}

char *maker_dir(bool metadata)
{
	char path[300], *dir = strdup("/tmp/whylate-trace-XXXXXX");

	assert_non_null(dir);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/kernel", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	if (metadata)
		maker_file(dir, "metadata", maker_metadata(), strlen(maker_metadata()));
	return dir;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

void maker_remove(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

/* --- content --- */

const char *maker_metadata(void)
{
	return "/* CTF 1.8 */\n"
	       "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
	       "typealias integer { size = 16; align = 16; signed = false; } := uint16_t;\n"
	       "typealias integer { size = 32; align = 32; signed = false; } := uint32_t;\n"
	       "typealias integer { size = 64; align = 64; signed = false; } := uint64_t;\n"
	       "typealias integer { size = 32; align = 32; signed = true; } := int32_t;\n"
	       "typealias integer { size = 64; align = 64; signed = true; } := int64_t;\n"
	       "typealias integer { size = 8; align = 8; signed = true; encoding = UTF8; } := "
	       "text_t;\n"
	       "trace { major = 1; minor = 8; uuid = \"0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0\"; "
	       "byte_order = le;\n"
	       "packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; "
	       "uint64_t stream_instance_id; }; };\n"
	       "env { hostname = \"maker\"; domain = \"kernel\"; sysname = \"Linux\"; "
	       "kernel_release = \"6.18.0-made\"; tracer_name = \"lttng-modules\"; "
	       "tracer_major = 2; tracer_minor = 13; tracer_patchlevel = 9; "
	       "whylate_version = \"0.0.1\"; whylate_layout = 1; };\n"
	       "clock { name = \"monotonic\"; uuid = \"c36fe4b6-9631-4fc1-92ef-db7011f68d1a\"; "
	       "freq = 1000000000; absolute = TRUE; offset = 1795292545749269113; };\n"
	       "typealias integer { size = 64; align = 64; signed = false; "
	       "map = clock.monotonic.value; } := clock64_t;\n"
	       "struct packet_context { clock64_t timestamp_begin; clock64_t timestamp_end; "
	       "uint64_t content_size; uint64_t packet_size; uint64_t packet_seq_num; "
	       "uint64_t events_discarded; uint32_t cpu_id; };\n"
	       "struct event_header { clock64_t timestamp; uint16_t id; } align(64);\n"
	       "stream { id = 0; event.header := struct event_header; "
	       "packet.context := struct packet_context; };\n"
	       "event { name = \"sched_switch\"; id = 1; stream_id = 0; fields := struct { "
	       "text_t _prev_comm[16]; int32_t _prev_tid; int32_t _prev_prio; "
	       "int64_t _prev_state; text_t _next_comm[16]; int32_t _next_tid; "
	       "int32_t _next_prio; uint32_t _wl_prev_seq; uint32_t _wl_next_seq; "
	       "uint64_t _wl_prev_arg; uint64_t _wl_steal; int32_t _wl_prev_call; "
	       "int32_t _wl_prev_pid; int32_t _wl_next_pid; uint32_t _wl_flags; "
	       "uint8_t _wl_prev_task; uint8_t _wl_next_task; uint8_t _wl_prev_policy; "
	       "uint8_t _wl_next_policy; uint8_t _wl_prev_end; uint8_t _wl_next_end; "
	       "} align(64); };\n"
	       "event { name = \"sched_waking\"; id = 2; stream_id = 0; fields := struct { "
	       "text_t _comm[16]; int32_t _tid; int32_t _prio; int32_t _target_cpu; "
	       "int32_t _wl_pid; int32_t _wl_cur_tid; uint32_t _wl_seq; uint32_t _wl_flags; "
	       "uint8_t _wl_task; } align(64); };\n"
	       "event { name = \"irq_softirq_raise\"; id = 10; stream_id = 0; "
	       "fields := struct { uint32_t _vec; uint32_t _wl_flags; } align(64); };\n"
	       "event { name = \"lttng_statedump_start\"; id = 61; stream_id = 0; "
	       "fields := struct { uint8_t _wl_none; } align(64); };\n"
	       "event { name = \"syscall_entry_read\"; id = 1024; stream_id = 0; "
	       "fields := struct { int32_t _fd; uint64_t _count; } align(64); };\n"
	       "event { name = \"syscall_exit_read\"; id = 2048; stream_id = 0; "
	       "fields := struct { int64_t _ret; uint64_t _buf; } align(64); };\n";
}

/* Offsets by hand: what the C structures must come to. */
unsigned maker_record(unsigned i, uint32_t cpu, uint16_t *id, void *payload)
{
	static const unsigned sizes[] = { 102, 45, 8, 16, 16 };
	static const uint16_t ids[] = { 1, 2, 10, 1024, 2048 };
	unsigned kind = i % 5;
	char *bytes = payload;

	memset(bytes, 0, 112);
	*id = ids[kind];
	switch (kind) {
	case 0:
		memcpy(bytes, "prev", 4);
		maker_set32(bytes, 16, 1000 + i);
		maker_set64(bytes, 24, (uint64_t)-1);
		memcpy(bytes + 32, "next-is-15-long", 15);
		maker_set32(bytes, 48, 2000 + i);
		maker_set64(bytes, 64, 0x1122334455667788 + i);
		maker_set32(bytes, 80, (uint32_t)-2);
		maker_set32(bytes, 92, 0x7ff);
		bytes[101] = 9;
		break;
	case 1:
		memcpy(bytes, "wakee", 5);
		maker_set32(bytes, 16, 3000 + i);
		maker_set32(bytes, 24, cpu);
		bytes[44] = 7;
		break;
	case 2:
		maker_set32(bytes, 0, i % 10);
		break;
	default:
		maker_set64(bytes, 0, kind == 3 ? 5 : (uint64_t)-11);
		maker_set64(bytes, 8, 4096 + i);
	}
	return sizes[kind];
}

void maker_write_stream(const char *dir, const struct maker_stream *stream)
{
	struct maker_packet *packet = malloc(sizeof(*packet));
	uint64_t ts = stream->ts, seq = 0, discarded = 0;
	char name[16], payload[112];
	unsigned i = 0;

	assert_non_null(packet);
	snprintf(name, sizeof(name), "cpu_%u", stream->cpu);
	while (i < stream->n) {
		maker_begin(packet, stream->cpu, seq);
		if (stream->discarded_every && seq && seq % stream->discarded_every == 0)
			discarded += 5;
		packet->discarded = discarded;
		seq++;
		for (; i < stream->n; i++, ts += stream->step) {
			uint16_t id;
			unsigned size = maker_record(i, stream->cpu, &id, payload);

			if (!maker_fits(packet, size))
				break;
			maker_add(packet, ts, id, payload, size);
		}
		maker_end(packet);
		maker_append(dir, name, packet->bytes, MAKER_PACKET);
	}
	free(packet);
}
