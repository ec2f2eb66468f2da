/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/packet_view.h"

#include <string.h>

#include "abi/event.h"
#include "trace/events.h"

#define NO_BASE 1u /* never a base: not a multiple of WL_PACKET_UNITS */

/* --- header --- */

static uint32_t load32(const void *bytes, unsigned offset)
{
	uint32_t value;

	memcpy(&value, (const char *)bytes + offset, sizeof(value));
	return value;
}

static uint64_t load64(const void *bytes, unsigned offset)
{
	uint64_t value;

	memcpy(&value, (const char *)bytes + offset, sizeof(value));
	return value;
}

static unsigned header_check(const void *bytes, const uint8_t *uuid,
			     const struct wl_packet_head *header)
{
	uint64_t content = load64(bytes, 48);
	unsigned bad = 0;

	if (load32(bytes, 0) != WL_CTF_MAGIC)
		bad |= WL_PACKET_BAD_MAGIC;
	if (uuid && memcmp((const char *)bytes + 4, uuid, 16))
		bad |= WL_PACKET_BAD_UUID;
	if (load32(bytes, 20) || load64(bytes, 24) != header->cpu)
		bad |= WL_PACKET_BAD_STREAM;
	if (load64(bytes, 56) != WL_PACKET * 8ull)
		bad |= WL_PACKET_BAD_SIZE;
	if (content % 8 || content < WL_PACKET_HEADER_USED * 8 || content > WL_PACKET * 8ull)
		bad |= WL_PACKET_BAD_CONTENT;
	if (header->begin > header->end)
		bad |= WL_PACKET_BAD_TIMES;
	return bad;
}

void wl_packet_head_read(const void *bytes, const uint8_t *uuid, struct wl_packet_head *header)
{
	header->begin = load64(bytes, 32);
	header->end = load64(bytes, 40);
	header->content = load64(bytes, 48) / 8;
	header->seq = load64(bytes, 64);
	header->discarded = load64(bytes, 72);
	header->cpu = load32(bytes, 80);
	header->bad = header_check(bytes, uuid, header);
}

/* --- records --- */

static const struct wl_record *record_at(const void *data, unsigned offset)
{
	return (const void *)((const char *)data + offset);
}

static unsigned round_up(unsigned size)
{
	return (size + 7) & ~7u;
}

static bool is_filler(unsigned id)
{
	return id == WL_EVID_FILLER || id == WL_EVID_GAP;
}

static bool is_known(unsigned id)
{
	static const bool known[WL_EV_FIXED_MAX] = {
#define X(enumerator, fields, nr, name) [nr] = true,
		WL_EVENTS(X)
#undef X
			[WL_EVID_GAP] = true,
	};

	return id < WL_EV_FIXED_MAX ? known[id] : id >= WL_EV_SYSCALL_ENTRY && id < WL_EV_MAX;
}

static bool is_described(const struct wl_packet_rules *rules, unsigned id)
{
	if (!rules->described)
		return true;
	return id < WL_EV_MAX && rules->described[id / 64] >> id % 64 & 1;
}

static bool id_fits(const struct wl_packet_rules *rules, unsigned id)
{
	return is_known(id) || is_described(rules, id);
}

#define NOT_YET UINT16_MAX
#define NO_EVENT (UINT16_MAX - 1) /* fillers, too: more than any record has */

unsigned wl_packet_rules_size(const struct wl_packet_rules *rules, unsigned id)
{
	if (rules->sizes[id] == NOT_YET)
		rules->sizes[id] = is_known(id) && !is_filler(id) ? (uint16_t)wl_event_size(id)
								  : NO_EVENT;
	return rules->sizes[id] == NO_EVENT ? wl_event_size(id) : rules->sizes[id];
}

/* Nearly every record: an event, as our version writes it. False also if it was not looked up. */
static bool is_usual(const struct wl_packet_rules *rules, const struct wl_record *record)
{
	return record->id < WL_EV_MAX && rules->sizes[record->id] == record->size - sizeof(*record);
}

/* Bytes of a record of this id, if our version wrote it; of a gap's filler, too. */
static unsigned usual_size(const struct wl_packet_rules *rules, unsigned id)
{
	return (unsigned)sizeof(struct wl_record) +
	       (id < WL_EV_MAX ? wl_packet_rules_size(rules, id) : 0);
}

/* Does a record verify here, and end at or before limit? */
static bool record_fits(const void *data, unsigned offset, unsigned limit, uint32_t base)
{
	const struct wl_record *record;

	if (offset + sizeof(*record) > limit)
		return false;
	record = record_at(data, offset);
	return record->check == base + offset / 8 && record->size >= sizeof(*record) &&
	       offset + record->size <= limit;
}

/* A size that was damaged may lead right to a later record: does one begin inside this one? */
static bool hides_record(const void *data, unsigned offset, const struct wl_packet_rules *rules,
			 uint32_t base)
{
	const struct wl_record *record = record_at(data, offset);
	unsigned usual = usual_size(rules, record->id);

	return record->size > usual &&
	       record_fits(data, offset + round_up(usual), offset + round_up(record->size), base);
}

/* --- the common case: a packet without any fault, in one pass --- */

struct walk {
	const void *data;
	const struct wl_packet_rules *rules;
	struct wl_packet_view *packet;
	uint64_t last;
	unsigned gap; /* WL_PACKET_GAP for the next record */
};

static inline void walk_event(struct walk *walk, unsigned offset)
{
	walk->packet->index[walk->packet->n++] = (uint16_t)(offset | walk->gap);
	walk->gap = 0;
}

/* Takes a record that verifies into the index, unless it is none for readers. */
static void walk_take(struct walk *walk, unsigned offset, const struct wl_record *record)
{
	struct wl_packet_view *packet = walk->packet;

	if (is_filler(record->id)) {
		packet->fillers++;
		walk->gap = WL_PACKET_GAP;
		return;
	}
	if (!is_known(record->id)) {
		if (!packet->unknown++)
			packet->first_unknown = record->id;
		/* Perhaps damage: nobody says that there are such events. */
		if (!walk->rules->described)
			walk->gap = WL_PACKET_GAP;
		return;
	}
	walk_event(walk, offset);
}

/*
 * Is there a record of the packet's own time behind its content? Then content_size is damaged. (Of
 * a later time: records that came after the snapshot.)
 */
static bool goes_on(const void *data, unsigned content, uint32_t base, uint64_t end)
{
	unsigned at = round_up(content);

	return record_fits(data, at, WL_PACKET, base) && record_at(data, at)->ts <= end;
}

/* A record that verifies but is not a usual one. False: there is something wrong with it. */
static bool walk_odd(struct walk *walk, unsigned offset, uint32_t base)
{
	const struct wl_record *record = record_at(walk->data, offset);

	if (!id_fits(walk->rules, record->id) ||
	    hides_record(walk->data, offset, walk->rules, base))
		return false;
	walk_take(walk, offset, record);
	return true;
}

static bool walk_clean(struct walk *walk, unsigned content)
{
	unsigned offset = WL_PACKET_HEADER, end = content;
	uint32_t base = record_at(walk->data, offset)->check - offset / 8;

	if (content > WL_PACKET_HEADER && base % WL_PACKET_UNITS)
		return false;
	while (offset < content) {
		const struct wl_record *record = record_at(walk->data, offset);

		if (!record_fits(walk->data, offset, content, base) || record->ts < walk->last)
			return false;
		if (is_usual(walk->rules, record))
			walk_event(walk, offset);
		else if (!walk_odd(walk, offset, base))
			return false;
		walk->last = record->ts;
		end = offset + record->size;
		offset = round_up(end);
	}
	return end == content && !goes_on(walk->data, content, base, walk->packet->header.end);
}

static bool times_fit(const struct walk *walk)
{
	const struct wl_packet_view *packet = walk->packet;
	uint64_t first;

	if (!packet->n)
		return true;
	first = record_at(walk->data, packet->index[0] & ~7u)->ts;
	return first >= packet->header.begin && walk->last <= packet->header.end;
}

/* Nothing but what should be there. */
static bool read_clean(struct wl_packet_view *packet, const void *data, size_t len,
		       const struct wl_packet_rules *rules, uint64_t last)
{
	struct walk walk = { data, rules, packet, last, 0 };

	if (packet->header.bad || packet->header.content > len)
		return false;
	if (!walk_clean(&walk, (unsigned)packet->header.content) || !times_fit(&walk))
		return false;
	packet->gap_behind = walk.gap;
	packet->last = walk.last;
	return true;
}

/* --- all others --- */

struct repair {
	const void *data;
	struct wl_packet_view *packet;
	unsigned limit; /* bytes that may be records */
	uint32_t base;
	struct walk walk;
};

/*
 * Where the packet lay in the ring: what the first record says whose successor says the same, or
 * that is the last one; else the first one alone, if it has the size that its id has.
 */
static uint32_t find_base(const void *data, unsigned limit, const struct wl_packet_rules *rules)
{
	uint32_t alone = NO_BASE;

	for (unsigned at = WL_PACKET_HEADER; at + sizeof(struct wl_record) <= limit; at += 8) {
		const struct wl_record *record = record_at(data, at);
		uint32_t base = record->check - at / 8;
		unsigned next = at + round_up(record->size);

		if (base % WL_PACKET_UNITS || !record_fits(data, at, limit, base))
			continue;
		if (next >= limit || record_fits(data, next, limit, base))
			return base;
		if (alone == NO_BASE && record->size == usual_size(rules, record->id))
			alone = base;
	}
	return alone;
}

static bool has_usual_size(const struct repair *r, unsigned at)
{
	const struct wl_record *record = record_at(r->data, at);

	return record->size == usual_size(r->walk.rules, record->id);
}

/*
 * A record that verifies but after which none follows has the wrong size, unless it has the size
 * that its id has: then what follows is damaged.
 */
static bool is_record(const struct repair *r, unsigned at)
{
	const struct wl_record *record = record_at(r->data, at);
	unsigned next;

	if (!record_fits(r->data, at, r->limit, r->base) || !id_fits(r->walk.rules, record->id) ||
	    hides_record(r->data, at, r->walk.rules, r->base))
		return false;
	next = at + round_up(record->size);
	return next >= r->limit || record_fits(r->data, next, r->limit, r->base) ||
	       has_usual_size(r, at);
}

static void add_damage(struct repair *r, unsigned from, unsigned to)
{
	if (!r->packet->damaged++)
		r->packet->damaged_at = from;
	r->packet->damaged_bytes += to - from;
	r->walk.gap = WL_PACKET_GAP;
}

/* The next record at or after `at`; limit: none. */
static unsigned find_record(struct repair *r, unsigned at)
{
	unsigned from = at;

	while (at < r->limit && !is_record(r, at))
		at += 8;
	if (at > r->limit)
		at = r->limit;
	/* Where the content's end is not known, what lies behind it looks like damage. */
	if (at > from && (at < r->limit || !(r->packet->header.bad & WL_PACKET_BAD_CONTENT)))
		add_damage(r, from, at);
	return at;
}

/* Every record of the packet into the index, whatever its time stamp. Returns where they end. */
static unsigned collect(struct repair *r)
{
	unsigned at = find_record(r, WL_PACKET_HEADER), end = at;

	while (at < r->limit) {
		const struct wl_record *record = record_at(r->data, at);

		walk_take(&r->walk, at, record);
		end = at + record->size;
		at = find_record(r, round_up(end));
	}
	return end;
}

static uint64_t ts_of(const struct repair *r, unsigned i)
{
	return record_at(r->data, r->packet->index[i] & ~7u)->ts;
}

/* Without a content_size, records that came after the snapshot are told by their time. */
static void cut_end(struct repair *r)
{
	const struct wl_packet_head *header = &r->packet->header;

	/* With more faults than that its times are worth nothing. */
	if (header->bad != WL_PACKET_BAD_CONTENT)
		return;
	while (r->packet->n && ts_of(r, r->packet->n - 1) > header->end)
		r->packet->n--;
}

/*
 * The header's times against those of the first and last records. Who is wrong if the end does not
 * fit? If it is one record, leave it out: kept, it could make all that follow it look late. If it
 * are more, they bear each other out.
 */
static void check_times(struct repair *r)
{
	struct wl_packet_view *packet = r->packet;
	struct wl_packet_head *header = &packet->header;
	unsigned late = 0;

	if (header->bad & ~WL_PACKET_BAD_CONTENT)
		return;
	while (late < packet->n && ts_of(r, packet->n - 1 - late) > header->end)
		late++;
	if (packet->n && ts_of(r, 0) < header->begin)
		header->bad |= WL_PACKET_BAD_TIMES;
	if (late > 1)
		header->bad |= WL_PACKET_BAD_TIMES;
	if (late == 1) {
		packet->n--;
		packet->disordered++;
		packet->gap_behind = true;
	}
}

/* Which records are in order: as many as possible. */
struct order {
	unsigned n;
	/* tail[k]: the record that the best sequence of k + 1 ends with, before[i]: its last but
	 * one */
	uint16_t tail[WL_PACKET_RECORDS], before[WL_PACKET_RECORDS];
};

/* How many sequences end at or before ts. */
static unsigned order_find(const struct repair *r, const struct order *order, uint64_t ts)
{
	unsigned low = 0, high = order->n;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (ts_of(r, order->tail[middle]) <= ts)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The longest sequence of records whose times do not go back, all of them in [last, end]. */
static void find_order(const struct repair *r, struct order *order, uint64_t last, uint64_t end)
{
	order->n = 0;
	for (unsigned i = 0; i < r->packet->n; i++) {
		uint64_t ts = ts_of(r, i);
		unsigned k;

		if (ts < last || ts > end)
			continue;
		k = order_find(r, order, ts);
		order->before[i] = k ? order->tail[k - 1] : 0;
		order->tail[k] = (uint16_t)i;
		if (k == order->n)
			order->n++;
	}
	/* From its end back: tail becomes the sequence itself. */
	for (unsigned k = order->n; k > 1; k--)
		order->tail[k - 2] = order->before[order->tail[k - 1]];
}

/* The index keeps only what is in order. */
static void take_order(struct wl_packet_view *packet, const struct order *order)
{
	unsigned i = 0;

	for (unsigned k = 0; k < order->n; k++) {
		unsigned gap = 0;

		/* What is left out may itself have been behind a gap. */
		for (; i < order->tail[k]; i++)
			gap = WL_PACKET_GAP;
		packet->index[k] = (uint16_t)(packet->index[i++] | gap);
	}
	packet->gap_behind |= i < packet->n;
	packet->disordered += packet->n - order->n;
	packet->n = order->n;
}

static void put_in_order(struct repair *r, uint64_t last)
{
	struct wl_packet_view *packet = r->packet;
	struct order order;

	cut_end(r);
	check_times(r);
	find_order(r, &order, last,
		   packet->header.bad & ~WL_PACKET_BAD_CONTENT ? UINT64_MAX : packet->header.end);
	take_order(packet, &order);
	packet->last = packet->n ? ts_of(r, packet->n - 1) : last;
}

static void forget(struct wl_packet_view *packet)
{
	struct wl_packet_head header = packet->header;

	memset(packet, 0, offsetof(struct wl_packet_view, index));
	packet->header = header;
}

/* Is content_size too small: in the middle of a record, or with more of them behind it? */
static bool is_cut(const struct repair *r, unsigned end, unsigned len)
{
	unsigned at = round_up(end);

	if (r->limit >= len || r->base == NO_BASE)
		return false;
	if (at < r->limit)
		return !record_fits(r->data, at, r->limit, r->base) &&
		       record_fits(r->data, at, len, r->base) && has_usual_size(r, at);
	return goes_on(r->data, end, r->base, r->packet->header.end);
}

static void read_records(struct repair *r, unsigned len)
{
	struct wl_packet_view *packet = r->packet;
	uint64_t last = packet->last;
	unsigned end;

	r->base = find_base(r->data, r->limit, r->walk.rules);
	end = collect(r);
	if (is_cut(r, end, len)) {
		forget(packet);
		packet->header.bad |= WL_PACKET_BAD_CONTENT;
		r->limit = len;
		r->walk.gap = 0;
		collect(r);
	}
	packet->gap_behind = r->walk.gap != 0;
	put_in_order(r, last);
	/* Whether the last record was there can only be told by its time. */
	if (packet->header.bad & WL_PACKET_BAD_CONTENT && packet->last != packet->header.end)
		packet->gap_behind = true;
}

static void read_damaged(struct wl_packet_view *packet, const void *data, unsigned len,
			 const struct wl_packet_rules *rules, uint64_t last)
{
	const struct wl_packet_head *header = &packet->header;
	struct repair r = { .data = data, .packet = packet, .walk = { data, rules, packet, 0, 0 } };
	unsigned limit = WL_PACKET;

	if (!(header->bad & WL_PACKET_BAD_CONTENT))
		limit = (unsigned)header->content;
	packet->last = last;
	r.limit = limit < len ? limit : len;
	if (r.limit > WL_PACKET_HEADER)
		read_records(&r, len);
	packet->short_read = limit > len;
	packet->gap_behind |= packet->short_read;
}

void wl_packet_view_read(const void *data, size_t len, const struct wl_packet_rules *rules,
			 uint64_t last, struct wl_packet_view *packet)
{
	wl_packet_head_read(data, rules->uuid, &packet->header);
	forget(packet);
	if (read_clean(packet, data, len, rules, last))
		return;
	forget(packet);
	read_damaged(packet, data, (unsigned)len, rules, last);
}
