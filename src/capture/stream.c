/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "capture/kernel_dir.h"
#include "capture/ring.h"

#define POLL_TRIES 4 /* that a packet with a hole is left for later */
#define SETTLE_TRIES 5
#define SETTLE_NS 200000

struct cpu {
	int fd;
	bool started;       /* its first packet is saved */
	bool whole;         /* nothing of the window was left out before that */
	unsigned tries;     /* that the next packet had a hole */
	uint32_t next;      /* position of the packet to save next */
	uint32_t count;     /* the writers' count as far as it is in counts.written */
	uint64_t refused;   /* ring's count when the first packet was entered */
	uint64_t packets;   /* in the file */
	uint64_t last;      /* time of the last record saved */
	uint64_t discarded; /* as the last packet says */
	/* the end: where writers were, and how many records had found no room */
	uint64_t end_word, end_refused;
	struct wl_cpu_counts counts;
};

struct wl_stream {
	const struct wl_rings *rings;
	uint64_t begin, end;
	int error; /* the first one */
	uint8_t uuid[16];
	struct cpu *cpus;
	uint8_t *data; /* the packet being saved */
};

/* The packet being saved. */
struct packet {
	struct wl_packet_repair repair;
	struct wl_packet_mark mark;
	bool marked;
	uint64_t word, refused; /* where writers were at its end; valid if `ended` */
	bool ended;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- opening --- */

static int open_cpu(struct wl_stream *s, int kernel, uint32_t cpu, const struct wl_statedump *dump)
{
	struct cpu *c = &s->cpus[cpu];
	uint64_t word = wl_ring_word(s->rings, cpu);
	int ret = wl_kernel_dir_stream(kernel, cpu, &c->fd);

	c->next = word ? wl_ring_current(word) : 0;
	c->whole = true;
	if (!ret && !cpu)
		ret = wl_statedump_write(dump, c->fd, s->uuid, s->begin, &c->packets);
	return ret;
}

static int open_files(struct wl_stream *s, int dirfd, const struct wl_metadata *metadata,
		      const struct wl_statedump *dump)
{
	int kernel, ret = wl_kernel_dir_create(dirfd, metadata, &kernel);

	if (ret)
		return ret;
	for (uint32_t cpu = 0; !ret && cpu < s->rings->ncpu; cpu++)
		ret = open_cpu(s, kernel, cpu, dump);
	if (!ret && fsync(kernel))
		ret = -errno;
	close(kernel);
	return ret;
}

int wl_stream_open(struct wl_stream **stream, const struct wl_rings *rings, int dirfd,
		   const struct wl_metadata *metadata, const struct wl_statedump *dump)
{
	struct wl_stream *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->rings = rings;
	s->begin = now();
	memcpy(s->uuid, metadata->uuid, sizeof(s->uuid));
	s->data = aligned_alloc(WL_RING_PAGE, WL_PACKET);
	s->cpus = calloc(rings->ncpu, sizeof(*s->cpus));
	for (uint32_t cpu = 0; s->cpus && cpu < rings->ncpu; cpu++)
		s->cpus[cpu].fd = -1;
	ret = s->data && s->cpus ? open_files(s, dirfd, metadata, dump) : -ENOMEM;
	if (ret) {
		wl_stream_close(s);
		return ret;
	}
	(void)mlock(s->data, WL_PACKET);
	*stream = s;
	return 0;
}

void wl_stream_close(struct wl_stream *s)
{
	if (!s)
		return;
	for (uint32_t cpu = 0; s->cpus && cpu < s->rings->ncpu; cpu++)
		if (s->cpus[cpu].fd >= 0)
			close(s->cpus[cpu].fd);
	free(s->cpus);
	free(s->data);
	free(s);
}

/* --- writing --- */

/* What is there of a packet that could not be written whole would be in every reader's way. */
static int append_packet(struct cpu *c, const struct wl_packet_header *header, bool empty)
{
	off_t end = (off_t)c->packets * WL_PACKET;
	int ret = empty ? wl_kernel_dir_append_empty(c->fd, header)
			: wl_kernel_dir_append(c->fd, header, WL_PACKET);

	if (!ret) {
		c->packets++;
		c->discarded = header->events_discarded;
	} else if (!ftruncate(c->fd, end)) {
		(void)lseek(c->fd, end, SEEK_SET);
	}
	return ret;
}

static int append_empty(struct wl_stream *s, uint32_t cpu, uint64_t begin, uint64_t end,
			uint64_t discarded)
{
	struct cpu *c = &s->cpus[cpu];
	struct wl_packet_header header;

	wl_packet_header_init(&header, s->uuid, cpu, c->packets, WL_PACKET_HEADER);
	header.timestamp_begin = begin;
	header.timestamp_end = end;
	header.events_discarded = discarded;
	return append_packet(c, &header, true);
}

/* What the writers have written and could not write since the stream's begin, up to a word. */
static void count_writers(const struct cpu *c, struct wl_cpu_counts *n, uint64_t word,
			  uint64_t refused)
{
	n->written += wl_word_count(word) - c->count;
	n->refused = refused - c->refused;
}

static uint64_t count_lost(const struct wl_cpu_counts *n)
{
	return n->written + n->excess - n->read - n->left_out;
}

/* before: records of it that are not to be in the file. */
static void count_packet(const struct cpu *c, struct wl_cpu_counts *n, const struct packet *p,
			 uint32_t before)
{
	uint32_t seen = p->repair.records + p->repair.late;

	n->read += p->repair.records - before;
	n->left_out += before + p->repair.late;
	n->holes += p->repair.holes;
	n->packets += p->repair.records > before;
	if (!p->ended)
		return;
	count_writers(c, n, p->word, p->refused);
	if (p->marked && wl_word_count(p->word) - wl_word_count(p->mark.word) < seen)
		n->excess += seen - (wl_word_count(p->word) - wl_word_count(p->mark.word));
	n->lost = count_lost(n);
}

static int write_packet(struct wl_stream *s, uint32_t cpu, const struct packet *p,
			const struct wl_cpu_counts *n, uint64_t begin)
{
	struct cpu *c = &s->cpus[cpu];
	struct wl_packet_header *header = (struct wl_packet_header *)(void *)s->data;
	uint64_t discarded = n->lost + n->refused;
	int ret = 0;

	/* readers count what was lost from packet to packet: not in the first one */
	if (!c->packets && discarded)
		ret = append_empty(s, cpu, begin, begin, 0);
	if (ret)
		return ret;
	wl_packet_header_init(header, s->uuid, cpu, c->packets, p->repair.content);
	header->timestamp_begin = begin;
	header->timestamp_end = p->repair.last;
	header->events_discarded = discarded;
	return append_packet(c, header, false);
}

/* --- packets --- */

/* The stream's first packet, if it has a switch to begin with. */
static bool start_stream(struct wl_stream *s, struct cpu *c, struct packet *p, uint32_t *before)
{
	struct wl_packet_repair *r = &p->repair;
	const struct wl_record *first = (const void *)(s->data + r->after);

	if (!r->after || !p->marked) {
		c->whole = c->whole && !r->window && !r->holes;
		return false;
	}
	*before = r->after_records;
	c->count = wl_word_count(p->mark.word);
	c->refused = p->mark.lost;
	c->counts.begin = c->whole && r->after == r->window ? s->begin : first->ts;
	r->content = wl_packet_cut(s->data, r->base, r->after, r->content);
	return true;
}

/* Saves a repaired packet, whole or up to the stream's end. */
static int save_packet(struct wl_stream *s, uint32_t cpu, struct packet *p)
{
	struct cpu *c = &s->cpus[cpu];
	bool first = !c->started;
	struct wl_cpu_counts n;
	uint32_t before = 0;
	int ret = 0;

	if (first && !start_stream(s, c, p, &before))
		return 0;
	n = c->counts;
	count_packet(c, &n, p, before);
	if (p->repair.records > before) {
		ret = write_packet(s, cpu, p, &n, first ? n.begin : wl_packet_first_time(s->data));
		c->last = p->repair.last;
	}
	if (ret)
		return ret;
	c->started = true;
	c->counts = n;
	if (p->ended)
		c->count = wl_word_count(p->word);
	return 0;
}

static void repair(struct wl_stream *s, const struct cpu *c, struct packet *p)
{
	p->repair.base = c->next;
	p->repair.limit = WL_PACKET;
	if (p->ended)
		p->repair.limit = (wl_word_position(p->word) - c->next) * 8;
	p->repair.from = s->begin;
	p->repair.until = s->end ? s->end : UINT64_MAX;
	p->repair.last = c->last;
	memcpy(&p->mark, s->data, sizeof(p->mark));
	p->marked = wl_packet_mark_valid(&p->mark, c->next);
	wl_packet_repair(s->data, &p->repair);
}

/* The next packet, which writers have left. False: it has been overwritten. */
static bool read_full(struct wl_stream *s, uint32_t cpu, struct packet *p)
{
	struct cpu *c = &s->cpus[cpu];
	struct wl_packet_mark after;

	memcpy(&after, wl_ring_packet(s->rings, cpu, c->next + WL_PACKET_UNITS), sizeof(after));
	if (!wl_ring_copy(s->rings, cpu, c->next, s->data, WL_PACKET))
		return false;
	p->ended = wl_packet_mark_valid(&after, c->next + WL_PACKET_UNITS);
	p->word = after.word;
	p->refused = after.lost;
	repair(s, c, p);
	return true;
}

/* The packet that writers are in, up to where they were. */
static bool read_partial(struct wl_stream *s, uint32_t cpu, struct packet *p)
{
	struct cpu *c = &s->cpus[cpu];

	if (!wl_ring_copy(s->rings, cpu, c->next, s->data, WL_PACKET))
		return false;
	p->ended = true;
	repair(s, c, p);
	return true;
}

static bool is_whole(const struct packet *p)
{
	return p->marked && p->ended && !p->repair.holes;
}

/* Is there time to wait for a record, before the packet is overwritten? */
static bool may_wait(const struct wl_stream *s, struct cpu *c, uint32_t current)
{
	return c->tries++ < POLL_TRIES && (current - c->next) < s->rings->size / 8 / 2;
}

/* The writers are about to overwrite what comes next: goes on behind that. Returns where they are.
 */
static uint32_t skip_overwritten(struct wl_stream *s, uint32_t cpu)
{
	uint32_t current = wl_ring_current(wl_ring_word(s->rings, cpu));
	struct cpu *c = &s->cpus[cpu];

	c->next = current - (uint32_t)(s->rings->size / 8) + 2 * WL_PACKET_UNITS;
	c->whole = false;
	c->tries = 0;
	return current;
}

static bool is_overwritten(const struct wl_stream *s, const struct cpu *c, uint32_t current)
{
	return current - c->next >= s->rings->size / 8;
}

/* Saves the packets before the current one; with `wait`, up to one that is not whole yet. */
static int save_full(struct wl_stream *s, uint32_t cpu, uint64_t word, bool wait)
{
	struct cpu *c = &s->cpus[cpu];
	uint32_t current = wl_ring_current(word);
	int ret = 0;

	while (!ret && c->next != current) {
		struct packet p;

		if (is_overwritten(s, c, current) || !read_full(s, cpu, &p)) {
			uint32_t newest = skip_overwritten(s, cpu);

			if (wait)
				current = newest;
			else if ((int32_t)(c->next - current) > 0)
				return 0; /* all that was to be saved */
			continue;
		}
		if (!is_whole(&p) && wait && may_wait(s, c, current))
			return 0;
		ret = save_packet(s, cpu, &p);
		c->tries = 0;
		c->next += WL_PACKET_UNITS;
	}
	return ret;
}

int wl_stream_poll(struct wl_stream *s)
{
	for (uint32_t cpu = 0; !s->error && cpu < s->rings->ncpu; cpu++) {
		uint64_t word = wl_ring_word(s->rings, cpu);

		if (word)
			s->error = save_full(s, cpu, word, true);
	}
	return s->error;
}

/* --- finishing --- */

static int save_partial(struct wl_stream *s, uint32_t cpu)
{
	const struct timespec moment = { .tv_nsec = SETTLE_NS };
	const struct cpu *c = &s->cpus[cpu];
	struct packet p = { .word = c->end_word, .refused = c->end_refused };

	for (int i = 0; i < SETTLE_TRIES; i++) {
		if (!read_partial(s, cpu, &p))
			return 0; /* lost, and counted as such at the end */
		if (is_whole(&p))
			break;
		nanosleep(&moment, NULL);
	}
	return save_packet(s, cpu, &p);
}

static int save_rest(struct wl_stream *s, uint32_t cpu)
{
	struct cpu *c = &s->cpus[cpu];
	int ret;

	if (!c->end_word)
		return 0;
	ret = save_full(s, cpu, c->end_word, false);
	if (!ret && c->next == wl_ring_current(c->end_word))
		ret = save_partial(s, cpu);
	return ret;
}

/* What was lost behind the last packet is told in one of its own. */
static int end_stream(struct wl_stream *s, uint32_t cpu)
{
	struct cpu *c = &s->cpus[cpu];
	struct wl_cpu_counts *n = &c->counts;

	n->end = s->end;
	if (!c->started) {
		n->begin = c->whole && !s->error ? s->begin : s->end;
		return append_empty(s, cpu, n->begin, s->end, 0);
	}
	count_writers(c, n, c->end_word, c->end_refused);
	n->lost = count_lost(n);
	if (n->lost + n->refused != c->discarded)
		return append_empty(s, cpu, c->last, s->end, n->lost + n->refused);
	return wl_kernel_dir_patch(c->fd, &s->end, sizeof(s->end),
				   (c->packets - 1) * WL_PACKET +
					   offsetof(struct wl_packet_header, timestamp_end));
}

static void keep_error(struct wl_stream *s, int ret)
{
	if (!s->error)
		s->error = ret;
}

int wl_stream_finish(struct wl_stream *s)
{
	wl_stream_poll(s); /* so that the end is not far away */
	s->end = now();
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		s->cpus[cpu].end_word = wl_ring_word(s->rings, cpu);
		s->cpus[cpu].end_refused = wl_ring_refused(s->rings, cpu);
	}
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		if (!s->error)
			s->error = save_rest(s, cpu);
		keep_error(s, end_stream(s, cpu));
		keep_error(s, fdatasync(s->cpus[cpu].fd) ? -errno : 0);
	}
	return s->error;
}

/* --- results --- */

void wl_stream_progress(const struct wl_stream *s, struct wl_stream_progress *progress)
{
	memset(progress, 0, sizeof(*progress));
	for (uint32_t cpu = 0; cpu < s->rings->ncpu; cpu++) {
		const struct cpu *c = &s->cpus[cpu];

		progress->events += c->counts.read;
		progress->bytes += c->packets * WL_PACKET;
		progress->lost += c->counts.lost + c->counts.refused;
	}
}

const struct wl_cpu_counts *wl_stream_counts(const struct wl_stream *s, uint32_t cpu)
{
	return &s->cpus[cpu].counts;
}

uint64_t wl_stream_begin(const struct wl_stream *s)
{
	return s->begin;
}

uint64_t wl_stream_end(const struct wl_stream *s)
{
	return s->end;
}
