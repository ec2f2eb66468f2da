/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/snapshot.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "capture/kernel_dir.h"
#include "capture/ring.h"

#define SETTLE_TRIES 5 /* for records that are being written */
#define SETTLE_NS 200000
#define BEFORE_WINDOW 1 /* packets that are taken for the switch before the window */

/* A packet that was taken. */
struct packet {
	uint8_t *data;
	struct wl_packet_repair repair; /* base and limit from the beginning */
	struct wl_packet_mark mark;     /* valid if `marked` */
	bool marked;
	bool open; /* something in it was still being written */
	uint64_t begin, end, discarded;
	uint32_t kept; /* records in the file */
};

struct cpu {
	struct packet *packets; /* the oldest first */
	size_t npackets;
	size_t start;     /* index of the first one in the file; npackets: none */
	uint64_t word;    /* where writers were at the end */
	uint64_t refused; /* by then */
	uint8_t *data;
	struct wl_cpu_counts counts;
};

struct wl_snapshot {
	const struct wl_rings *rings;
	uint64_t from, begin, end;
	struct cpu *cpus;
	uint8_t *memory; /* all copies, then one packet to copy again */
	size_t size;
	uint8_t *scratch;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static size_t packets_per_ring(const struct wl_rings *rings)
{
	return rings->size / WL_PACKET;
}

/* --- memory --- */

/* Page faults while copying would cost more than the copying. */
static void *locked_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)mlock(p, size);
	memset(p, 0, size); /* MAP_POPULATE does not say whether it could */
	return p;
}

int wl_snapshot_open(struct wl_snapshot **snapshot, const struct wl_rings *rings)
{
	size_t per_ring = packets_per_ring(rings);
	struct wl_snapshot *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->rings = rings;
	s->size = rings->ncpu * rings->size + WL_PACKET;
	s->memory = locked_memory(s->size);
	s->cpus = calloc(rings->ncpu, sizeof(*s->cpus));
	if (!s->memory || !s->cpus)
		goto no_memory;
	s->scratch = s->memory + rings->ncpu * rings->size;
	for (uint32_t cpu = 0; cpu < rings->ncpu; cpu++) {
		s->cpus[cpu].data = s->memory + cpu * rings->size;
		s->cpus[cpu].packets = calloc(per_ring, sizeof(struct packet));
		if (!s->cpus[cpu].packets)
			goto no_memory;
		(void)mlock(s->cpus[cpu].packets, per_ring * sizeof(struct packet));
	}
	*snapshot = s;
	return 0;

no_memory:
	wl_snapshot_close(s);
	return -ENOMEM;
}

void wl_snapshot_close(struct wl_snapshot *s)
{
	if (!s)
		return;
	for (uint32_t cpu = 0; s->cpus && cpu < s->rings->ncpu; cpu++)
		free(s->cpus[cpu].packets);
	free(s->cpus);
	if (s->memory)
		munmap(s->memory, s->size);
	free(s);
}

uint64_t wl_snapshot_memory(const struct wl_snapshot *s)
{
	return s->size + s->rings->ncpu * packets_per_ring(s->rings) * sizeof(struct packet);
}

/* --- the pin --- */

void wl_pin_arm(const struct wl_rings *rings)
{
	struct wl_pin *pin = rings->pin;

	__atomic_store_n(&pin->until, 0, __ATOMIC_RELEASE);
	pin->id = 0;
	__atomic_store_n(&pin->armed, 1, __ATOMIC_RELEASE);
}

static void hold_pin(struct wl_pin *pin, uint64_t from)
{
	uint64_t time = now();
	uint64_t until;

	__atomic_store_n(&pin->armed, 0, __ATOMIC_SEQ_CST);
	until = __atomic_load_n(&pin->until, __ATOMIC_ACQUIRE);
	if (until <= time || pin->from > from)
		__atomic_store_n(&pin->from, from, __ATOMIC_RELAXED);
	if (!until)
		pin->id = 0;
	__atomic_store_n(&pin->until, time + WL_PIN_NS, __ATOMIC_RELEASE);
}

static void release_pin(struct wl_pin *pin)
{
	__atomic_store_n(&pin->until, 0, __ATOMIC_RELEASE);
	pin->id = 0;
}

/* --- taking --- */

/* Where the writers are, of all CPUs at the same moment. */
static void read_words(struct wl_snapshot *s)
{
	s->end = now();
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		s->cpus[cpu].word = wl_ring_word(s->rings, cpu);
		s->cpus[cpu].refused = wl_ring_refused(s->rings, cpu);
	}
}

static bool never_entered(const struct wl_packet_mark *mark)
{
	return !__atomic_load_n(&mark->word, __ATOMIC_RELAXED) &&
	       !__atomic_load_n(&mark->seal, __ATOMIC_RELAXED);
}

/* Does the packet begin before the window? A guess: it may be being overwritten. */
static bool begins_before(const void *packet, uint32_t base, uint64_t from)
{
	const struct wl_record *r = (const void *)((const uint8_t *)packet + WL_PACKET_HEADER);

	return __atomic_load_n(&r->check, __ATOMIC_ACQUIRE) == base + WL_PACKET_HEADER_UNITS &&
	       __atomic_load_n(&r->ts, __ATOMIC_RELAXED) < from;
}

/* How many packets are wanted, back from the one that writers are in. */
static size_t count_packets(const struct wl_snapshot *s, uint32_t cpu, uint32_t newest)
{
	size_t max = packets_per_ring(s->rings);
	size_t n = 0;

	while (n < max) {
		uint32_t base = newest - (uint32_t)n * WL_PACKET_UNITS;
		const void *packet = wl_ring_packet(s->rings, cpu, base);

		if (never_entered(packet))
			break;
		n++;
		if (begins_before(packet, base, s->from) && max > n + BEFORE_WINDOW)
			max = n + BEFORE_WINDOW;
	}
	return n;
}

static void copy_packets(struct wl_snapshot *s, uint32_t cpu)
{
	struct cpu *c = &s->cpus[cpu];
	uint32_t newest = wl_ring_current(c->word);
	size_t n = c->word ? count_packets(s, cpu, newest) : 0;

	for (size_t i = 0; i < n; i++) {
		struct packet *p = &c->packets[i];

		p->data = c->data + i * WL_PACKET;
		p->repair.base = newest - (uint32_t)(n - 1 - i) * WL_PACKET_UNITS;
		memcpy(p->data, wl_ring_packet(s->rings, cpu, p->repair.base), WL_PACKET);
	}
	c->npackets = n;
}

/* The oldest ones may have been overwritten while we copied: no pin lasts for ever. */
static void drop_overwritten(struct wl_snapshot *s, uint32_t cpu)
{
	struct cpu *c = &s->cpus[cpu];
	size_t n = 0;

	while (n < c->npackets && !wl_ring_intact(s->rings, cpu, c->packets[n].repair.base))
		n++;
	c->npackets -= n;
	memmove(c->packets, c->packets + n, c->npackets * sizeof(*c->packets));
}

/* --- settling --- */

static void read_mark(struct packet *p)
{
	memcpy(&p->mark, p->data, sizeof(p->mark));
	p->marked = wl_packet_mark_valid(&p->mark, p->repair.base);
}

/* The word that writers found when they left packet i. False: not known. */
static bool end_word(const struct cpu *c, size_t i, uint64_t *word, uint64_t *refused)
{
	bool last = i + 1 == c->npackets;

	if (!last && !c->packets[i + 1].marked)
		return false;
	*word = last ? c->word : c->packets[i + 1].mark.word;
	*refused = last ? c->refused : c->packets[i + 1].mark.lost;
	return true;
}

static void set_limit(struct cpu *c, size_t i)
{
	struct packet *p = &c->packets[i];
	uint64_t word, refused;

	p->repair.limit = WL_PACKET;
	if (end_word(c, i, &word, &refused))
		p->repair.limit = (wl_word_position(word) - p->repair.base) * 8;
}

static bool has_hole(const struct packet *p)
{
	struct wl_packet_walk walk = { .data = p->data,
				       .base = p->repair.base,
				       .limit = p->repair.limit,
				       .at = WL_PACKET_HEADER };
	const struct wl_record *r;

	do {
		r = wl_packet_walk_next(&walk);
		if (walk.hole_size)
			return true;
	} while (r);
	return false;
}

static void look_at(struct cpu *c, size_t i)
{
	struct packet *p = &c->packets[i];

	read_mark(p);
	set_limit(c, i);
	p->open = !p->marked || has_hole(p);
}

/* Copies open packets again. Returns how many there are still. */
static size_t copy_again(struct wl_snapshot *s, uint32_t cpu)
{
	struct cpu *c = &s->cpus[cpu];
	size_t open = 0;

	/* from the newest: a packet's mark says how the one before ended */
	for (size_t i = c->npackets; i-- > 0;) {
		struct packet *p = &c->packets[i];

		if (!p->open)
			continue;
		if (wl_ring_copy(s->rings, cpu, p->repair.base, s->scratch, WL_PACKET))
			memcpy(p->data, s->scratch, WL_PACKET);
		look_at(c, i);
		open += p->open;
	}
	return open;
}

static void settle(struct wl_snapshot *s)
{
	const struct timespec moment = { .tv_nsec = SETTLE_NS };
	size_t open = 0;

	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		struct cpu *c = &s->cpus[cpu];

		for (size_t i = c->npackets; i-- > 0;) {
			look_at(c, i);
			open += c->packets[i].open;
		}
	}
	for (int i = 0; open && i < SETTLE_TRIES; i++) {
		open = 0;
		for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++)
			open += copy_again(s, cpu);
		if (open)
			nanosleep(&moment, NULL);
	}
}

void wl_snapshot_take(struct wl_snapshot *s, uint64_t from)
{
	s->from = from;
	hold_pin(s->rings->pin, from);
	read_words(s);
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++)
		copy_packets(s, cpu);
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++)
		drop_overwritten(s, cpu);
	release_pin(s->rings->pin);
	settle(s);
}

/* --- finishing --- */

static void repair_packets(struct wl_snapshot *s, struct cpu *c)
{
	uint64_t last = 0;

	for (size_t i = 0; i < c->npackets; i++) {
		struct packet *p = &c->packets[i];

		p->repair.from = s->from;
		p->repair.until = s->end;
		p->repair.last = last;
		wl_packet_repair(p->data, &p->repair);
		last = p->repair.last;
	}
}

/* What a stream's first packet begins with. */
struct start {
	size_t i;
	uint32_t offset, records; /* of its switch, and records before it */
	bool whole;               /* nothing of the window lies before it */
};

/* The last switch before the window, at or before packet i. */
static bool find_before(const struct cpu *c, size_t i, struct start *start)
{
	do {
		const struct wl_packet_repair *r = &c->packets[i].repair;

		if (r->before && c->packets[i].marked) {
			*start = (struct start){ i, r->before, r->before_records, true };
			return true;
		}
	} while (i-- > 0);
	return false;
}

/* The first switch of the window. */
static bool find_after(const struct cpu *c, size_t i, struct start *start)
{
	for (; i < c->npackets; i++) {
		const struct wl_packet_repair *r = &c->packets[i].repair;

		if (r->after && c->packets[i].marked) {
			*start = (struct start){ i, r->after, r->after_records, false };
			return true;
		}
	}
	return false;
}

static bool find_start(const struct cpu *c, struct start *start)
{
	size_t i = 0;

	while (i < c->npackets && !c->packets[i].repair.window)
		i++;
	if (i == c->npackets)
		return false;
	if (c->packets[i].repair.after != c->packets[i].repair.window && find_before(c, i, start))
		return true;
	if (!find_after(c, i, start))
		return false;
	start->whole = start->i == i && start->offset == c->packets[i].repair.window;
	return true;
}

static const struct wl_record *record_of(const struct packet *p, uint32_t offset)
{
	return (const void *)(p->data + offset);
}

/* From when on nothing is missing in the stream that begins there. */
static uint64_t stream_begin(const struct wl_snapshot *s, const struct cpu *c,
			     const struct start *start)
{
	const struct wl_packet_repair *oldest = &c->packets[0].repair;
	uint64_t ts = record_of(&c->packets[start->i], start->offset)->ts;

	if (start->whole && oldest->records && oldest->first < s->from && ts > s->from)
		return s->from;
	return ts;
}

/* Packet i, whose first `before` records are not in the file. */
static void count_packet(struct cpu *c, size_t i, uint32_t before)
{
	struct packet *p = &c->packets[i];
	const struct packet *first = &c->packets[c->start];
	struct wl_cpu_counts *n = &c->counts;
	uint32_t seen = p->repair.records + p->repair.late;
	uint64_t word, refused;

	p->kept = p->repair.records - before;
	n->read += p->kept;
	n->left_out += before + p->repair.late;
	n->holes += p->repair.holes;
	n->packets += p->kept != 0;
	p->discarded = i > c->start ? c->packets[i - 1].discarded : 0;
	if (!end_word(c, i, &word, &refused))
		return;
	n->written = wl_word_count(word) - wl_word_count(first->mark.word);
	n->refused = refused - first->mark.lost;
	if (p->marked && wl_word_count(word) - wl_word_count(p->mark.word) < seen)
		n->excess += seen - (wl_word_count(word) - wl_word_count(p->mark.word));
	p->discarded = n->written + n->excess - n->read - n->left_out + n->refused;
}

static void begin_stream(struct wl_snapshot *s, struct cpu *c, const struct start *start)
{
	struct packet *first = &c->packets[start->i];
	struct wl_cpu_counts *n = &c->counts;

	c->start = start->i;
	n->begin = stream_begin(s, c, start);
	for (size_t i = start->i; i < c->npackets; i++)
		count_packet(c, i, i == start->i ? start->records : 0);
	n->lost = n->written + n->excess - n->read - n->left_out;
	first->repair.content = wl_packet_cut(first->data, first->repair.base, start->offset,
					      first->repair.content);
}

/* The packet in front of which the stream ends; its times. */
static void time_packets(const struct wl_snapshot *s, struct cpu *c)
{
	struct packet *last = NULL;

	for (size_t i = c->start; i < c->npackets; i++) {
		struct packet *p = &c->packets[i];

		if (!p->kept)
			continue;
		p->begin = last ? wl_packet_first_time(p->data) : c->counts.begin;
		p->end = p->repair.last;
		last = p;
	}
	if (last) { /* what was lost behind it is told in it */
		last->end = s->end;
		last->discarded = c->packets[c->npackets - 1].discarded;
	}
}

static void finish_cpu(struct wl_snapshot *s, struct cpu *c)
{
	struct start start;

	memset(&c->counts, 0, sizeof(c->counts));
	c->counts.end = s->end;
	c->start = c->npackets;
	repair_packets(s, c);
	if (!find_start(c, &start))
		return;
	begin_stream(s, c, &start);
	time_packets(s, c);
	if (c->counts.begin < s->begin)
		s->begin = c->counts.begin;
}

/* Is there something in the window that could not be kept? */
static bool is_cut(const struct cpu *c)
{
	for (size_t i = 0; i < c->npackets; i++)
		if (c->packets[i].repair.window)
			return true;
	return false;
}

void wl_snapshot_finish(struct wl_snapshot *s)
{
	s->begin = s->from ? s->from : s->end;
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++)
		finish_cpu(s, &s->cpus[cpu]);
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		struct cpu *c = &s->cpus[cpu];

		if (c->start == c->npackets)
			c->counts.begin = is_cut(c) ? s->end : s->begin;
	}
}

uint64_t wl_snapshot_begin(const struct wl_snapshot *s)
{
	return s->begin;
}

uint64_t wl_snapshot_end(const struct wl_snapshot *s)
{
	return s->end;
}

const struct wl_cpu_counts *wl_snapshot_counts(const struct wl_snapshot *s, uint32_t cpu)
{
	return &s->cpus[cpu].counts;
}

/* --- writing --- */

static int write_packet(int fd, uint32_t cpu, struct packet *p, const uint8_t uuid[16],
			uint64_t seq)
{
	struct wl_packet_header *header = (struct wl_packet_header *)(void *)p->data;

	wl_packet_header_init(header, uuid, cpu, seq, p->repair.content);
	header->timestamp_begin = p->begin;
	header->timestamp_end = p->end;
	header->events_discarded = p->discarded;
	return wl_kernel_dir_append(fd, p->data, WL_PACKET);
}

static int write_empty(int fd, uint32_t cpu, uint64_t begin, uint64_t end, const uint8_t uuid[16],
		       uint64_t seq)
{
	struct wl_packet_header header;

	wl_packet_header_init(&header, uuid, cpu, seq, WL_PACKET_HEADER);
	header.timestamp_begin = begin;
	header.timestamp_end = end;
	return wl_kernel_dir_append_empty(fd, &header);
}

static int write_packets(const struct wl_snapshot *s, int fd, uint32_t cpu, const uint8_t uuid[16],
			 uint64_t seq)
{
	struct cpu *c = &s->cpus[cpu];
	int ret = 0;

	if (c->start == c->npackets)
		return write_empty(fd, cpu, c->counts.begin, c->counts.end, uuid, seq);
	/* readers count what was lost from packet to packet: not in the first one */
	if (!seq && c->packets[c->start].discarded)
		ret = write_empty(fd, cpu, c->counts.begin, c->counts.begin, uuid, seq++);
	for (size_t i = c->start; !ret && i < c->npackets; i++)
		if (c->packets[i].kept)
			ret = write_packet(fd, cpu, &c->packets[i], uuid, seq++);
	return ret;
}

static int write_stream(const struct wl_snapshot *s, int fd, uint32_t cpu, const uint8_t uuid[16],
			const struct wl_statedump *dump)
{
	uint64_t seq = 0;
	int ret = cpu ? 0 : wl_statedump_write(dump, fd, uuid, s->begin, &seq);

	return ret ? ret : write_packets(s, fd, cpu, uuid, seq);
}

static int write_cpu(const struct wl_snapshot *s, int kernel, uint32_t cpu, const uint8_t uuid[16],
		     const struct wl_statedump *dump)
{
	int fd, ret = wl_kernel_dir_stream(kernel, cpu, &fd);

	if (ret)
		return ret;
	ret = write_stream(s, fd, cpu, uuid, dump);
	if (!ret && fdatasync(fd))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

int wl_snapshot_write(struct wl_snapshot *s, int dirfd, const struct wl_metadata *metadata,
		      const struct wl_statedump *dump)
{
	int kernel, ret = wl_kernel_dir_create(dirfd, metadata, &kernel);

	if (ret)
		return ret;
	for (uint32_t cpu = 0; !ret && cpu < s->rings->ncpu; cpu++)
		ret = write_cpu(s, kernel, cpu, metadata->uuid, dump);
	if (!ret && fsync(kernel))
		ret = -errno;
	close(kernel);
	return ret;
}
