/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Writes traces in our own layout, for tests of the reader: from the layout's description alone,
 * sharing no code with src/capture/ or src/trace/.
 */
#ifndef WL_TEST_MAKER_H
#define WL_TEST_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAKER_PACKET 65536u
#define MAKER_HEADER 88u

/* A packet that is being filled. */
struct maker_packet {
	uint64_t bytes[MAKER_PACKET / 8];
	unsigned at;      /* where the next record goes */
	unsigned content; /* exact end of the last one */
	uint32_t base;    /* position in the ring, units of 8 bytes */
	uint64_t begin, end;
	uint64_t seq, discarded;
	uint32_t cpu;
	unsigned n;
};

/* Starts a packet; what is behind its content is not 0: old records and rubbish, as in a ring. */
void maker_begin(struct maker_packet *packet, uint32_t cpu, uint64_t seq);
/* Is there room for a record with so much payload? */
bool maker_fits(const struct maker_packet *packet, unsigned payload);
/* Appends a record; returns its offset. */
unsigned maker_add(struct maker_packet *packet, uint64_t ts, uint16_t id, const void *payload,
		   unsigned size);
/* Writes the header; times are those of the records unless the caller has changed them. */
void maker_end(struct maker_packet *packet);

/* Header fields of bytes in a file. */
void maker_set32(void *bytes, size_t offset, uint32_t value);
void maker_set64(void *bytes, size_t offset, uint64_t value);

/* A temporary directory with kernel/ and, if metadata is set, kernel/metadata (a few events). */
char *maker_dir(bool metadata);
/* kernel/NAME with these bytes. */
void maker_file(const char *dir, const char *name, const void *bytes, size_t size);
void maker_append(const char *dir, const char *name, const void *bytes, size_t size);
/* Removes the directory and frees the name. */
void maker_remove(char *dir);

/* The metadata's text: events sched_switch, sched_waking, softirq raise, read(). */
const char *maker_metadata(void);
extern const uint8_t maker_uuid[16];

/* Whole streams: n records of the kind `maker_record` gives, from ts on, `step` ns apart. */
struct maker_stream {
	uint32_t cpu;
	uint64_t ts, step;
	unsigned n;
	unsigned discarded_every; /* packets: each of them has lost 5 more; 0: none */
};
void maker_write_stream(const char *dir, const struct maker_stream *stream);

/* The i-th record of a stream: its id and payload. */
unsigned maker_record(unsigned i, uint32_t cpu, uint16_t *id, void *payload);

#endif
