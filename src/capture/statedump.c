/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/statedump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/kernel_dir.h"
#include "capture/packet.h"

struct writer {
	uint8_t *packet;
	const uint8_t *uuid;
	uint64_t ts;
	uint64_t *seq;
	uint32_t at; /* where the next record goes */
	uint32_t content;
	int fd;
	int error; /* the first one */
};

static void begin_packet(struct writer *w)
{
	memset(w->packet, 0, WL_PACKET);
	w->at = w->content = WL_PACKET_HEADER;
}

static void end_packet(struct writer *w)
{
	struct wl_packet_header *header = (struct wl_packet_header *)(void *)w->packet;

	if (w->content == WL_PACKET_HEADER)
		return;
	wl_packet_header_init(header, w->uuid, 0, (*w->seq)++, w->content);
	header->timestamp_begin = header->timestamp_end = w->ts;
	if (!w->error)
		w->error = wl_kernel_dir_append(w->fd, w->packet, WL_PACKET);
	begin_packet(w);
}

static void put(struct writer *w, uint16_t id, const void *payload, uint32_t size)
{
	struct wl_record r = { .ts = w->ts, .id = id };

	r.size = (uint16_t)(sizeof(r) + size);
	if (w->at + wl_record_room(r.size) > WL_PACKET)
		end_packet(w);
	r.check = w->at / 8;
	memcpy(w->packet + w->at, &r, sizeof(r));
	memcpy(w->packet + w->at + sizeof(r), payload, size);
	w->content = w->at + r.size;
	w->at += wl_record_room(r.size);
}

#define PUT(w, event, fields, payload)                                                             \
	put(w, WL_EVID_##event, payload, offsetof(struct wl_ev_##fields, end))

int wl_statedump_write(const struct wl_statedump *dump, int fd, const uint8_t uuid[16], uint64_t ts,
		       uint64_t *seq)
{
	static const struct wl_ev_statedump_none none = { 0 };
	struct writer w = { .fd = fd, .uuid = uuid, .ts = ts, .seq = seq };

	if (!dump)
		return 0;
	w.packet = malloc(WL_PACKET);
	if (!w.packet)
		return -ENOMEM;
	begin_packet(&w);
	PUT(&w, STATEDUMP_START, statedump_none, &none);
	for (size_t i = 0; i < dump->nprocesses; i++)
		PUT(&w, STATEDUMP_PROCESS, statedump_process, &dump->processes[i]);
	for (size_t i = 0; i < dump->nfds; i++)
		PUT(&w, STATEDUMP_FD, statedump_fd, &dump->fds[i]);
	PUT(&w, STATEDUMP_END, statedump_none, &none);
	end_packet(&w);
	free(w.packet);
	return w.error;
}
