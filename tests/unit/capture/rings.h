/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The recorder's rings without a kernel: a second writer, and a reader of the files made of them.
 */
#ifndef WL_TEST_CAPTURE_RINGS_H
#define WL_TEST_CAPTURE_RINGS_H

#include "capture/packet.h"
#include "live/rings.h"
#include "test.h"

#define RINGS_MAX 4

struct rings {
	struct wl_rings rings;
	struct wl_pin pin;
	const struct wl_ring *ring[RINGS_MAX]; /* what readers see */
	struct wl_ring *writable[RINGS_MAX];   /* the same memory, for writers */
	uint64_t clock;  /* 0: CLOCK_MONOTONIC; else the time, which only the test moves */
	bool ignore_pin; /* writers don't look at it */
};

void rings_open(struct rings *rings, uint32_t ncpu, size_t size);
void rings_close(struct rings *rings);

/*
 * Calls fn once, the moment the code under test reads the page of the ring's data that has this
 * offset: in the middle of a copy, for example. One at a time; fn may write records.
 */
void rings_trap(struct rings *rings, uint32_t cpu, size_t offset, void (*fn)(void *ctx), void *ctx);
/* Has it been read? */
bool rings_trapped(void);

/* A record on its way, as bpf/record.h has it. */
struct pending {
	uint64_t ts, word;
	struct wl_record *record; /* NULL: no room */
};

/*
 * Any number of nested writers of one CPU: signal handlers of one thread. size is that of the
 * record. Returns the payload, or NULL.
 */
void *rings_reserve(struct rings *rings, uint32_t cpu, uint16_t id, uint16_t size,
		    struct pending *pending);
void rings_commit(struct pending *pending);

#define RINGS_CALL (WL_EV_SYSCALL_ENTRY + 1000)

/* A record that carries a number: a switch, RINGS_CALL, or another event of 8 bytes. */
bool rings_put(struct rings *rings, uint32_t cpu, uint16_t id, uint64_t number);
#define rings_switch(rings, cpu, number) rings_put(rings, cpu, WL_EVID_SCHED_SWITCH, number)
uint16_t rings_record_size(uint16_t id);
void rings_set_number(uint16_t id, void *payload, uint64_t number);
/* Fails if the payload is not whole. */
uint64_t rings_number(const struct wl_record *record);

/* --- files --- */

struct stream_file {
	uint8_t *data;
	size_t npackets;
};

/* Reads DIR/kernel/cpu_N and checks every packet of it: headers, contents, checks, order. */
void stream_read(struct stream_file *file, const char *dir, uint32_t cpu);
void stream_free(struct stream_file *file);
const struct wl_packet_header *stream_header(const struct stream_file *file, size_t packet);

/*
 * The next record, fillers and synthetic ones included; NULL at the end. *packet and *at begin with
 * 0.
 */
const struct wl_record *stream_next(const struct stream_file *file, size_t *packet, uint32_t *at);
/* Records that are neither fillers nor synthetic. */
size_t stream_count(const struct stream_file *file);

struct wl_metadata;
/* Metadata of a machine that does not exist. */
void metadata_example(struct wl_metadata *metadata, uint32_t syscalls);

/*
 * What babeltrace2 and babeltrace say of DIR: events (without fillers and state dump) and discarded
 * ones. Anything else on stderr fails the test. False: it is not installed.
 */
bool babeltrace_count(const char *program, const char *dir, uint64_t *events, uint64_t *discarded);

#endif
