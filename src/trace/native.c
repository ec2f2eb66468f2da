/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reader of our own layout: kernel/metadata and one stream of 64 KiB packets per CPU (abi/ring.h).
 *
 * Packets are copied (pread) into one buffer a stream, not mapped: a file that shrinks while it is
 * mapped kills the reader with SIGBUS, and what changes between a check and its use is unchecked.
 * bench/run read tells what the copy costs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/ring.h"
#include "trace/gap.h"
#include "trace/locate.h"
#include "trace/native_say.h"
#include "trace/packet_view.h"
#include "trace/source.h"
#include "trace/tsdl.h"

#define LAYOUT 1              /* whylate_layout that this reader knows; not said: the same */
#define HEADERS_TRIED 16      /* from either end of a stream, until one is good */
#define LOST_MAX (1ull << 40) /* between two packets; more is not believed */

struct stream {
	int fd;
	uint32_t cpu;
	uint64_t number;  /* packets read */
	uint64_t *data;   /* WL_PACKET bytes: the packet that is being given */
	uint64_t *filled; /* payload of a record that is too short, filled up */
	unsigned next;    /* entry of the packet's index */
	bool ended;
	struct wl_gap gap; /* before the next record */
	bool lossy;        /* losses lie anywhere in the packet, or right behind it */
	uint64_t given;    /* time stamp of the last event */
	bool counted;      /* a packet before had counters: */
	uint64_t seq, discarded;
	struct wl_native_told told;
	struct wl_packet_view packet;
};

struct native {
	struct wl_trace *trace;
	unsigned n;
	struct stream **streams; /* in order of CPUs */
	uint8_t uuid[16];
	struct wl_packet_rules rules;
	uint16_t sizes[WL_EV_MAX]; /* of rules */
};

/* --- files --- */

/* Reads up to size bytes. Their number, less at the end of the file, or -errno. */
static ssize_t read_at(int fd, void *buf, size_t size, uint64_t offset)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = pread(fd, (char *)buf + n, size - n, (off_t)(offset + n));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* Never waits for a pipe's writer. A descriptor or -errno. */
static int open_file(const char *dir, const char *name, struct stat *st)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd, ret = 0;

	if (dirfd < 0)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st))
		ret = -errno;
	else if (!S_ISREG(st->st_mode))
		ret = -EINVAL;
	close(dirfd);
	if (ret && fd >= 0)
		close(fd);
	return ret ? ret : fd;
}

/* The metadata's text: *text is the caller's to free. 0 or -errno. */
static int read_metadata(const char *dir, char **text, size_t *len)
{
	struct stat st = { 0 };
	int fd = open_file(dir, "metadata", &st);
	size_t size;
	ssize_t n;

	if (fd < 0)
		return fd;
	size = st.st_size < WL_TSDL_MAX ? (size_t)st.st_size : WL_TSDL_MAX;
	*text = malloc(size + 1);
	n = *text ? read_at(fd, *text, size, 0) : -ENOMEM;
	close(fd);
	if (n < 0) {
		free(*text);
		return (int)n;
	}
	*len = (size_t)n;
	return 0;
}

/* --- streams --- */

static void stream_free(struct stream *stream)
{
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream->data);
	free(stream->filled);
	free(stream);
}

static struct stream *stream_new(uint32_t cpu, int fd)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->cpu = cpu;
	stream->fd = fd;
	stream->told.cpu = cpu;
	stream->data = malloc(WL_PACKET);
	stream->filled = malloc(WL_RECORD_MAX);
	if (stream->data && stream->filled)
		return stream;
	stream->fd = -1;
	stream_free(stream);
	return NULL;
}

/* The stream's file is of no more use. */
static void stream_end(struct native *native, struct stream *stream, size_t rest)
{
	struct wl_trace *trace = native->trace;

	wl_native_tell_end(&stream->told, stream->number, rest, &trace->problems);
	trace->stats.lost += stream->gap.lost;
	stream->gap.lost = 0;
	stream->ended = true;
	close(stream->fd);
	stream->fd = -1;
}

/*
 * What the counters of two packets in a row say. The losses may lie anywhere between the last
 * record of the packet before and the first one of the next.
 */
static void compare_counters(struct native *native, struct stream *stream)
{
	const struct wl_packet_head *header = &stream->packet.header;
	uint64_t lost = header->discarded - stream->discarded;
	uint64_t missing = header->seq - stream->seq - 1;
	struct wl_trace *trace = native->trace;

	if (lost && lost < LOST_MAX) {
		stream->gap.lost += lost;
		stream->lossy = true;
		wl_gap_add(&stream->gap, stream->given);
	}
	if (missing && missing < LOST_MAX) {
		wl_gap_add(&stream->gap, stream->given);
		wl_native_tell_missing(&stream->told, stream->number, missing, &trace->stats,
				       &trace->problems);
	}
}

/* Counters of a header with other faults prove nothing. */
static bool has_counters(const struct wl_packet_head *header)
{
	return !(header->bad & ~(WL_PACKET_BAD_TIMES | WL_PACKET_BAD_CONTENT));
}

static void take_counters(struct native *native, struct stream *stream)
{
	const struct wl_packet_head *header = &stream->packet.header;

	if (!has_counters(header)) {
		stream->seq++;
		return;
	}
	if (stream->counted)
		compare_counters(native, stream);
	stream->counted = true;
	stream->seq = header->seq;
	stream->discarded = header->discarded;
}

static const struct wl_record *record_at(const struct stream *stream, unsigned offset)
{
	return (const void *)((const char *)stream->data + offset);
}

/* The packet in data. */
static void stream_take(struct native *native, struct stream *stream, size_t len)
{
	struct wl_packet_view *packet = &stream->packet;
	bool gap_behind = packet->gap_behind;
	struct wl_trace *trace = native->trace;

	wl_packet_view_read(stream->data, len, &native->rules, packet->last, packet);
	if (!(packet->header.bad & WL_PACKET_BAD_STREAM) && packet->header.cpu != stream->cpu)
		packet->header.bad |= WL_PACKET_BAD_STREAM;
	if (gap_behind || stream->lossy)
		wl_gap_add(&stream->gap, stream->given);
	stream->lossy = false;
	take_counters(native, stream);
	wl_native_tell_packet(&stream->told, packet, stream->number, &trace->stats,
			      &trace->problems);
	stream->next = 0;
}

/* The next packet: 1, or 0 at the end. */
static int stream_load(struct native *native, struct stream *stream)
{
	struct wl_trace *trace = native->trace;
	ssize_t n = read_at(stream->fd, stream->data, WL_PACKET, stream->number * WL_PACKET);

	if (n < 0)
		wl_problem_add(&trace->problems, "'cpu_%u': %s: left out from byte %llu on",
			       stream->cpu, strerror((int)-n),
			       (unsigned long long)stream->number * WL_PACKET);
	if (n < WL_PACKET_HEADER_USED) {
		stream_end(native, stream, n < 0 ? 0 : (size_t)n);
		return 0;
	}
	memset((char *)stream->data + n, 0, WL_PACKET - (size_t)n);
	stream_take(native, stream, (size_t)n);
	if (n < WL_PACKET) {
		/* What follows a partial packet would not be at the place of one. */
		stream_end(native, stream, (size_t)n);
		return 1;
	}
	stream->number++;
	return 1;
}

/* --- events --- */

/* Records of an older writer lack the members that came later. */
static const void *fill_up(struct stream *stream, const struct wl_record *record, unsigned size)
{
	memset(stream->filled, 0, WL_RECORD_MAX);
	memcpy(stream->filled, record + 1, size);
	return stream->filled;
}

static void fill_event(struct native *native, struct stream *stream, struct wl_event *event,
		       unsigned offset)
{
	const struct wl_record *record = record_at(stream, offset);
	unsigned size = record->size - (unsigned)sizeof(*record);

	event->ts = record->ts;
	event->id = record->id;
	event->size = (uint16_t)size;
	event->payload = record + 1;
	if (size < wl_packet_rules_size(&native->rules, record->id))
		event->payload = fill_up(stream, record, size);
	event->flags = record->id >= WL_EVID_STATEDUMP_START && record->id <= WL_EVID_STATEDUMP_END
			       ? WL_EVENT_SYNTHETIC
			       : 0;
}

static int native_step(void *ctx, unsigned i, struct wl_event *event)
{
	struct native *native = ctx;
	struct stream *stream = native->streams[i];
	unsigned entry;

	event->cpu = stream->cpu;
	event->tid = -1;
	event->pid = -1;
	while (stream->next >= stream->packet.n)
		if (stream->ended || !stream_load(native, stream))
			return 0;
	entry = stream->packet.index[stream->next++];
	fill_event(native, stream, event, entry & ~7u);
	event->lost = 0;
	event->lost_since = 0;
	if (entry & WL_PACKET_GAP || stream->lossy)
		wl_gap_add(&stream->gap, stream->given);
	if (stream->gap.open)
		wl_gap_close(&stream->gap, event);
	stream->given = event->ts;
	return 1;
}

/* --- open --- */

static void native_close(void *ctx)
{
	struct native *native = ctx;

	for (unsigned i = 0; i < native->n; i++)
		stream_free(native->streams[i]);
	free(native->streams);
	free(native);
}

static int by_cpu(const void *a, const void *b)
{
	uint32_t x = (*(struct stream *const *)a)->cpu, y = (*(struct stream *const *)b)->cpu;

	return (x > y) - (x < y);
}

/* A stream that can't be opened is told of; but without descriptors nothing can be merged. */
static int refuse_stream(struct native *native, const char *dir, const char *name, int error,
			 char *why, size_t size)
{
	if (error != -EMFILE && error != -ENFILE) {
		wl_problem_add(&native->trace->problems, "'%s': %s: left out", name,
			       error == -EINVAL ? "not a file" : strerror(-error));
		return 0;
	}
	snprintf(why, size, "'%s/%s': %s (see ulimit -n)", dir, name, strerror(-error));
	return error;
}

static int add_stream(struct native *native, const char *dir, const char *name, char *why,
		      size_t size)
{
	struct stat st = { 0 };
	struct stream **streams;
	int fd = open_file(dir, name, &st);

	if (fd < 0)
		return refuse_stream(native, dir, name, fd, why, size);
	streams = reallocarray(native->streams, native->n + 1, sizeof(struct stream *));
	if (streams) {
		native->streams = streams;
		streams[native->n] = stream_new((uint32_t)wl_stream_name_cpu(name), fd);
	}
	if (!streams || !streams[native->n]) {
		close(fd);
		return -ENOMEM;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	native->n++;
	return 0;
}

static int add_entry(struct native *native, const char *dir, const struct dirent *entry, char *why,
		     size_t size)
{
	const char *name = entry->d_name;

	if (name[0] == '.' || !strcmp(name, "metadata"))
		return 0;
	if (wl_stream_name_cpu(name) >= 0)
		return add_stream(native, dir, name, why, size);
	wl_problem_add(&native->trace->problems, "'%s' is no stream ('cpu_N'): left out", name);
	return 0;
}

static int open_streams(struct native *native, const char *path, char *why, size_t size)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int ret = 0;

	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir)))
		ret = add_entry(native, path, entry, why, size);
	closedir(dir);
	if (!ret && native->n)
		qsort(native->streams, native->n, sizeof(struct stream *), by_cpu);
	return ret;
}

static void tell_missing_streams(struct native *native)
{
	uint32_t expected = 0;

	for (unsigned i = 0; i < native->n; i++) {
		uint32_t cpu = native->streams[i]->cpu;

		if (cpu == expected + 1)
			wl_problem_add(&native->trace->problems,
				       "the stream of CPU %u ('cpu_%u') is missing", expected,
				       expected);
		else if (cpu > expected)
			wl_problem_add(&native->trace->problems,
				       "the streams of CPUs %u to %u ('cpu_N') are missing",
				       expected, cpu - 1);
		expected = cpu + 1;
	}
}

/* A good header among the first or last ones of the stream. */
static bool find_header(const struct native *native, const struct stream *stream, bool from_end,
			struct wl_packet_head *header)
{
	char bytes[WL_PACKET_HEADER_USED];
	struct stat st = { 0 };
	uint64_t n;

	if (fstat(stream->fd, &st))
		return false;
	n = ((uint64_t)st.st_size + WL_PACKET - 1) / WL_PACKET;
	for (uint64_t i = 0; i < n && i < HEADERS_TRIED; i++) {
		uint64_t number = from_end ? n - 1 - i : i;

		if (read_at(stream->fd, bytes, sizeof(bytes), number * WL_PACKET) !=
		    (ssize_t)sizeof(bytes))
			continue;
		wl_packet_head_read(bytes, native->rules.uuid, header);
		if (!header->bad)
			return true;
	}
	return false;
}

static void add_window(struct wl_trace_info *info, const struct wl_packet_head *first,
		       const struct wl_packet_head *last)
{
	if (!info->last || first->begin < info->first)
		info->first = first->begin;
	if (last->end > info->last)
		info->last = last->end;
	if (last->discarded > first->discarded)
		info->lost += last->discarded - first->discarded;
}

/* 1 if none of the streams looks like one of ours. */
static int look_at_streams(struct native *native)
{
	struct wl_packet_head first, last;
	int ret = 1;

	for (unsigned i = 0; i < native->n; i++) {
		const struct stream *stream = native->streams[i];

		if (!find_header(native, stream, false, &first))
			continue;
		ret = 0;
		if (find_header(native, stream, true, &last))
			add_window(&native->trace->info, &first, &last);
	}
	return ret;
}

static void set_info(struct wl_trace *trace, const struct wl_tsdl *tsdl)
{
	struct wl_trace_info *info = &trace->info;

	info->kind = WL_TRACE_NATIVE;
	info->foreign = false;
	snprintf(info->tracer, sizeof(info->tracer), "whylate%s%s", tsdl->version[0] ? " " : "",
		 tsdl->version);
	snprintf(info->hostname, sizeof(info->hostname), "%s", tsdl->hostname);
	snprintf(info->kernel, sizeof(info->kernel), "%s", tsdl->release);
	snprintf(info->clock_uuid, sizeof(info->clock_uuid), "%s", tsdl->clock_uuid);
	memcpy(info->uuid, tsdl->uuid, sizeof(info->uuid));
	info->clock_offset = tsdl->offset;
}

/* Without metadata everything may be there. */
static void set_described(struct wl_trace *trace, const struct wl_tsdl *tsdl)
{
	if (trace->info.metadata)
		memcpy(trace->described, tsdl->described, sizeof(trace->described));
	else
		memset(trace->described, 0xff, sizeof(trace->described));
}

static struct native *native_new(struct wl_trace *trace, const struct wl_tsdl *tsdl)
{
	struct native *native = calloc(1, sizeof(*native));

	if (!native)
		return NULL;
	native->trace = trace;
	memcpy(native->uuid, tsdl->uuid, sizeof(native->uuid));
	if (tsdl->has_uuid)
		native->rules.uuid = native->uuid;
	if (trace->info.metadata)
		native->rules.described = trace->described;
	memset(native->sizes, 0xff, sizeof(native->sizes));
	native->rules.sizes = native->sizes;
	return native;
}

/* The directory is taken for one of ours. 1 if its streams say otherwise and `sure` is not set. */
static int open_as_native(struct wl_trace *trace, const struct wl_tsdl *tsdl, bool sure, char *why,
			  size_t size)
{
	struct native *native = native_new(trace, tsdl);
	int ret;

	if (!native)
		return -ENOMEM;
	ret = open_streams(native, trace->dir, why, size);
	if (!ret && !native->n && sure) {
		snprintf(why, size, "'%s': no streams ('cpu_N') beside 'metadata'", trace->dir);
		ret = -ENOENT;
	}
	if (!ret && look_at_streams(native) && !sure)
		ret = 1;
	if (ret) {
		native_close(native);
		return ret;
	}
	set_info(trace, tsdl);
	set_described(trace, tsdl);
	tell_missing_streams(native);
	trace->source = (struct wl_source){ native, native->n, native_step, native_close };
	return 0;
}

static bool is_our_order(const char *byte_order)
{
	return !strcmp(byte_order, __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? "le" : "be");
}

/* What to make of a metadata file: 1: nothing of ours. */
static int open_described(struct wl_trace *trace, const struct wl_tsdl *tsdl, char *why,
			  size_t size)
{
	trace->info.metadata = true;
	if (!tsdl->version[0])
		return 1;
	if (tsdl->layout > LAYOUT || !is_our_order(tsdl->byte_order) || tsdl->renamed) {
		wl_problem_add(&trace->problems,
			       "recorded by whylate %s in layout %llu: read through libbabeltrace2",
			       tsdl->version, (unsigned long long)tsdl->layout);
		return 1;
	}
	return open_as_native(trace, tsdl, true, why, size);
}

/* Metadata that is not there, or whose beginning is no plain text of ours. */
static int open_undescribed(struct wl_trace *trace, int error, char *why, size_t size)
{
	const struct wl_tsdl nothing = { .version = "" };
	int ret;

	trace->info.metadata = false;
	ret = open_as_native(trace, &nothing, false, why, size);
	/* What was odd about it is of interest only if it is ours. */
	if (ret)
		wl_problems_free(&trace->problems);
	if (ret == 1 && error != -EINVAL) {
		snprintf(why, size, "'%s/metadata': %s", trace->dir, strerror(-error));
		return error;
	}
	if (!ret)
		wl_problem_add(&trace->problems,
			       "'metadata': %s: read without it; names and the clock are unknown",
			       error == -EINVAL ? "it is damaged" : strerror(-error));
	return ret;
}

int wl_native_open(struct wl_trace *trace, char *why, size_t size)
{
	struct wl_tsdl tsdl;
	size_t len = 0;
	char *text = NULL;
	int ret = read_metadata(trace->dir, &text, &len);

	if (!ret) {
		ret = wl_tsdl_scan(text, len, &tsdl);
		free(text);
	}
	if (ret == -ENOMEM)
		return ret;
	if (ret)
		return open_undescribed(trace, ret, why, size);
	return open_described(trace, &tsdl, why, size);
}
