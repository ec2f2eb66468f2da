/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/packet.h"

#include <string.h>

#define GAP_MIN 16    /* a record without a payload: the least that can be missing */
#define FILLER_MIN 24 /* with its length */

bool wl_event_is_written(uint32_t id)
{
#define X(enumerator, fields, nr, name) [nr] = 1,
	static const uint8_t known[WL_EV_FIXED_MAX] = { WL_EVENTS(X) };
#undef X

	if (id < WL_EV_FIXED_MAX)
		return known[id] && (id < WL_EVID_FILLER || id > WL_EVID_STATEDUMP_END);
	return id >= WL_EV_SYSCALLS && id < WL_EV_MAX;
}

bool wl_packet_mark_valid(const struct wl_packet_mark *mark, uint32_t base)
{
	/* the packet before ended inside of it or at its end; the first one had none before */
	return mark->seal == ~mark->word && base - wl_word_position(mark->word) < WL_PACKET_UNITS;
}

/* --- walking --- */

static const struct wl_record *record_at(const uint8_t *data, uint32_t offset)
{
	return (const struct wl_record *)(const void *)(data + offset);
}

static bool is_record(const struct wl_packet_walk *walk, uint32_t offset)
{
	const struct wl_record *r = record_at(walk->data, offset);

	return r->check == walk->base + offset / 8 && r->size >= sizeof(*r) &&
	       r->size <= walk->limit - offset && r->size <= WL_RECORD_MAX &&
	       wl_event_is_written(r->id) && r->ts >= walk->last;
}

const struct wl_record *wl_packet_walk_next(struct wl_packet_walk *walk)
{
	walk->hole = walk->at;
	walk->hole_size = 0;
	for (uint32_t at = walk->at; at + sizeof(struct wl_record) <= walk->limit; at += 8) {
		const struct wl_record *r = record_at(walk->data, at);

		/* no record is shorter than a gap: this would be one by chance */
		if (at - walk->hole == GAP_MIN - 8 || !is_record(walk, at))
			continue;
		walk->hole_size = at - walk->hole;
		walk->at = at + wl_record_room(r->size);
		walk->last = r->ts;
		return r;
	}
	if (walk->limit > walk->hole)
		walk->hole_size = walk->limit - walk->hole;
	return NULL;
}

/* --- repairing --- */

/* Size of the next filler, so that what is left can still be covered. */
static uint32_t filler_size(uint32_t left)
{
	if (left <= WL_RECORD_MAX)
		return left;
	return left - WL_RECORD_MAX < GAP_MIN ? WL_RECORD_MAX - GAP_MIN : WL_RECORD_MAX;
}

static void put_filler(uint8_t *data, uint32_t base, uint32_t offset, uint32_t size, uint64_t ts)
{
	struct wl_record *r = (struct wl_record *)(void *)(data + offset);
	uint32_t length;

	memset(r, 0, size);
	r->ts = ts;
	r->id = size < FILLER_MIN ? WL_EVID_GAP : WL_EVID_FILLER;
	r->size = (uint16_t)size;
	r->check = base + offset / 8;
	if (size < FILLER_MIN)
		return;
	length = size - (uint32_t)(sizeof(*r) + sizeof(length));
	memcpy(r + 1, &length, sizeof(length));
}

static void cover_hole(uint8_t *data, uint32_t base, uint32_t hole, uint32_t size, uint64_t ts)
{
	while (size) {
		uint32_t part = filler_size(size);

		put_filler(data, base, hole, part, ts);
		hole += part;
		size -= part;
	}
}

static void note_switch(struct wl_packet_repair *p, const struct wl_record *r, uint32_t offset)
{
	if (r->ts < p->from) {
		p->before = offset;
		p->before_records = p->records;
	} else if (!p->after) {
		p->after = offset;
		p->after_records = p->records;
	}
}

static void note_record(struct wl_packet_repair *p, const struct wl_record *r, uint32_t offset)
{
	if (r->id == WL_EVID_SCHED_SWITCH)
		note_switch(p, r, offset);
	if (!p->window && r->ts >= p->from)
		p->window = offset;
	if (!p->records++)
		p->first = r->ts;
	p->last = r->ts;
	p->content = offset + r->size;
}

void wl_packet_repair(uint8_t *data, struct wl_packet_repair *p)
{
	struct wl_packet_walk walk = { .data = data,
				       .base = p->base,
				       .limit = p->limit,
				       .at = WL_PACKET_HEADER,
				       .last = p->last };
	const struct wl_record *r;

	p->records = p->late = p->holes = 0;
	p->window = p->before = p->after = 0;
	p->content = WL_PACKET_HEADER;
	while ((r = wl_packet_walk_next(&walk))) {
		p->holes += walk.hole_size != 0;
		if (r->ts > p->until) {
			p->late++;
			continue;
		}
		if (walk.hole_size)
			cover_hole(data, p->base, walk.hole, walk.hole_size,
				   p->records ? p->last : r->ts);
		note_record(p, r, (uint32_t)((const uint8_t *)r - data));
	}
	p->holes += walk.hole_size != 0;
	memset(data + p->content, 0, WL_PACKET - p->content);
}

uint32_t wl_packet_cut(uint8_t *data, uint32_t base, uint32_t start, uint32_t content)
{
	uint32_t end = WL_PACKET_HEADER + content - start;

	if (start == WL_PACKET_HEADER)
		return content;
	memmove(data + WL_PACKET_HEADER, data + start, content - start);
	memset(data + end, 0, content - end);
	for (uint32_t at = WL_PACKET_HEADER; at < end;) {
		struct wl_record *r = (struct wl_record *)(void *)(data + at);

		r->check = base + at / 8;
		at += wl_record_room(r->size);
	}
	return end;
}

uint64_t wl_packet_first_time(const uint8_t *data)
{
	return record_at(data, WL_PACKET_HEADER)->ts;
}

void wl_packet_header_init(struct wl_packet_header *header, const uint8_t uuid[16], uint32_t cpu,
			   uint64_t seq, uint32_t content)
{
	/* readers would take the padding behind an empty packet's header for an event */
	if (content == WL_PACKET_HEADER)
		content = offsetof(struct wl_packet_header, pad);
	memset(header, 0, sizeof(*header));
	header->magic = WL_PACKET_MAGIC;
	memcpy(header->uuid, uuid, sizeof(header->uuid));
	header->stream_instance_id = cpu;
	header->content_size = content * 8ull;
	header->packet_size = WL_PACKET * 8ull;
	header->packet_seq_num = seq;
	header->cpu_id = cpu;
}
