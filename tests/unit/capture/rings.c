/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "rings.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/metadata.h"

#define RESERVE_TRIES 4

/* --- memory --- */

static size_t map_size(size_t size)
{
	return WL_RING_PAGE + size + WL_RING_SLACK;
}

void rings_open(struct rings *r, uint32_t ncpu, size_t size)
{
	memset(r, 0, sizeof(*r));
	r->rings.ncpu = ncpu;
	r->rings.size = size;
	r->rings.ring = r->ring;
	r->rings.pin = &r->pin;
	for (uint32_t cpu = 0; cpu < ncpu; cpu++) {
		int fd = memfd_create("ring", MFD_CLOEXEC);

		assert_true(fd >= 0 && !ftruncate(fd, (off_t)map_size(size)));
		r->ring[cpu] = mmap(NULL, map_size(size), PROT_READ, MAP_SHARED, fd, 0);
		r->writable[cpu] =
			mmap(NULL, map_size(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		assert_true(r->ring[cpu] != MAP_FAILED && r->writable[cpu] != MAP_FAILED);
		close(fd);
	}
}

void rings_close(struct rings *r)
{
	for (uint32_t cpu = 0; cpu < r->rings.ncpu; cpu++) {
		munmap((void *)r->ring[cpu], map_size(r->rings.size));
		munmap(r->writable[cpu], map_size(r->rings.size));
	}
}

/* --- trap --- */

static struct {
	char *page; /* NULL: none */
	void (*fn)(void *ctx);
	void *ctx;
} trap;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	char *at = info->si_addr, *page = trap.page;

	if (!page || at < page || at >= page + WL_RING_PAGE)
		_exit(1); /* a fault of its own */
	trap.page = NULL;
	mprotect(page, WL_RING_PAGE, PROT_READ);
	trap.fn(trap.ctx);
}

void rings_trap(struct rings *r, uint32_t cpu, size_t offset, void (*fn)(void *ctx), void *ctx)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
	trap.fn = fn;
	trap.ctx = ctx;
	trap.page = (char *)r->ring[cpu] + WL_RING_PAGE + offset / WL_RING_PAGE * WL_RING_PAGE;
	assert_int_equal(mprotect(trap.page, WL_RING_PAGE, PROT_NONE), 0);
}

bool rings_trapped(void)
{
	return !trap.page;
}

/* --- writer --- */

static uint64_t clock_now(const struct rings *r)
{
	struct timespec ts;

	if (r->clock)
		return r->clock;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void *place(const struct rings *r, uint32_t cpu, uint32_t unit)
{
	return r->writable[cpu]->data + ((uint64_t)unit * 8 & (r->rings.size - 1));
}

/* Where a record of so many units goes; in a new packet if this one is full or has not begun. */
static uint32_t find_start(uint32_t position, uint32_t units)
{
	uint32_t used = position % WL_PACKET_UNITS;

	if (used && used + units <= WL_PACKET_UNITS)
		return position;
	if (used)
		position += WL_PACKET_UNITS - used;
	return position + WL_PACKET_HEADER_UNITS;
}

static bool is_pinned(const struct rings *r, uint32_t cpu, uint32_t start, uint64_t now)
{
	uint64_t until = __atomic_load_n(&r->pin.until, __ATOMIC_ACQUIRE);
	const struct wl_record *after = place(r, cpu, start + WL_PACKET_UNITS);

	return !r->ignore_pin && until && now < until &&
	       after->ts >= __atomic_load_n(&r->pin.from, __ATOMIC_RELAXED);
}

static void enter_packet(struct rings *r, uint32_t cpu, uint32_t start, uint64_t word)
{
	struct wl_packet_mark *mark = place(r, cpu, start - WL_PACKET_HEADER_UNITS);

	mark->word = word;
	mark->lost = r->writable[cpu]->head.lost;
	__atomic_store_n(&mark->seal, ~word, __ATOMIC_RELEASE);
}

void *rings_reserve(struct rings *r, uint32_t cpu, uint16_t id, uint16_t size,
		    struct pending *pending)
{
	struct wl_ring_head *head = &r->writable[cpu]->head;
	uint32_t units = wl_record_room(size) / 8;

	pending->record = NULL;
	for (int i = 0; i < RESERVE_TRIES; i++) {
		__u64 old = __atomic_load_n(&head->word, __ATOMIC_RELAXED);
		uint32_t start = find_start((uint32_t)old, units);
		__u64 new = ((old >> 32) + 1) << 32 | (uint32_t)(start + units);
		bool enters = start != (uint32_t)old;

		pending->ts = clock_now(r);
		if (enters && is_pinned(r, cpu, start, pending->ts)) {
			__atomic_fetch_add(&head->pinned, 1, __ATOMIC_RELAXED);
			break;
		}
		if (!__atomic_compare_exchange_n(&head->word, &old, new, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST)) {
			__atomic_fetch_add(&head->retries, 1, __ATOMIC_RELAXED);
			continue;
		}
		if (enters)
			enter_packet(r, cpu, start, old);
		pending->record = place(r, cpu, start);
		pending->record->ts = pending->ts;
		pending->word = id | (uint64_t)size << 16 | (uint64_t)start << 32;
		return pending->record + 1;
	}
	__atomic_fetch_add(&head->lost, 1, __ATOMIC_RELAXED);
	return NULL;
}

void rings_commit(struct pending *pending)
{
	if (pending->record)
		__atomic_store_n((uint64_t *)(void *)&pending->record->id, pending->word,
				 __ATOMIC_RELEASE);
}

uint16_t rings_record_size(uint16_t id)
{
	if (id == WL_EVID_SCHED_SWITCH)
		return WL_EVENT_SIZE(sched_switch);
	/* a call without a name has six arguments */
	return sizeof(struct wl_record) + (id == RINGS_CALL ? 48 : 8);
}

static char name_of(uint64_t number)
{
	return (char)('a' + number % 26);
}

void rings_set_number(uint16_t id, void *payload, uint64_t number)
{
	if (id == WL_EVID_SCHED_SWITCH) {
		struct wl_ev_sched_switch *e = payload;

		memset(e, 0, offsetof(struct wl_ev_sched_switch, end));
		memset(e->prev_comm, name_of(number), sizeof(e->prev_comm));
		e->wl_steal = number;
		e->wl_prev_arg = ~number;
		e->wl_next_end = (__u8)number;
	} else {
		for (size_t i = 0; i < rings_record_size(id) - sizeof(struct wl_record); i += 8)
			memcpy((char *)payload + i, &number, sizeof(number));
	}
}

uint64_t rings_number(const struct wl_record *record)
{
	const void *payload = record + 1;
	uint64_t number;

	assert_int_equal(record->size, rings_record_size(record->id));
	if (record->id == WL_EVID_SCHED_SWITCH) {
		const struct wl_ev_sched_switch *e = payload;

		number = e->wl_steal;
		assert_int_equal(e->prev_comm[0], name_of(number));
		assert_memory_equal(e->prev_comm, e->prev_comm + 1, sizeof(e->prev_comm) - 1);
		assert_int_equal(e->wl_prev_arg, ~number);
		assert_int_equal(e->wl_next_end, (__u8)number);
	} else {
		memcpy(&number, payload, sizeof(number));
		for (size_t i = 0; i + sizeof(*record) < record->size; i += 8)
			assert_memory_equal((const char *)payload + i, &number, sizeof(number));
	}
	return number;
}

bool rings_put(struct rings *r, uint32_t cpu, uint16_t id, uint64_t number)
{
	struct pending pending;
	void *payload = rings_reserve(r, cpu, id, rings_record_size(id), &pending);

	if (payload)
		rings_set_number(id, payload, number);
	rings_commit(&pending);
	return payload != NULL;
}

/* --- files --- */

static void check_header(const struct stream_file *file, size_t i, uint32_t cpu)
{
	const struct wl_packet_header *h = stream_header(file, i), *before = i ? h : NULL;
	const struct wl_record *first;

	assert_int_equal(h->magic, 0xC1FC1FC1);
	assert_int_equal(h->stream_id, 0);
	assert_int_equal(h->stream_instance_id, cpu);
	assert_int_equal(h->cpu_id, cpu);
	assert_int_equal(h->packet_size, WL_PACKET * 8);
	if (h->content_size != 84 * 8) /* the end of cpu_id */
		assert_in_range(h->content_size, (WL_PACKET_HEADER + 16) * 8, WL_PACKET * 8);
	assert_int_equal(h->packet_seq_num, i);
	assert_true(h->timestamp_begin <= h->timestamp_end);
	if (h->content_size > WL_PACKET_HEADER * 8) {
		first = (const void *)(h + 1);
		assert_true(h->timestamp_begin <= first->ts);
	}
	if (!before) {
		assert_int_equal(h->events_discarded, 0);
		return;
	}
	before = stream_header(file, i - 1);
	assert_true(h->events_discarded >= before->events_discarded);
	assert_true(h->timestamp_begin >= before->timestamp_end);
	assert_memory_equal(h->uuid, before->uuid, sizeof(h->uuid));
}

/* Records fill the content, one behind the other, in order. */
static void check_content(const struct stream_file *file, size_t i)
{
	const struct wl_packet_header *h = stream_header(file, i);
	const uint8_t *data = file->data + i * WL_PACKET;
	uint32_t end = (uint32_t)(h->content_size / 8), base = 0;
	uint64_t last = h->timestamp_begin;

	for (uint32_t at = WL_PACKET_HEADER; at < end;) {
		const struct wl_record *r = (const void *)(data + at);

		if (at == WL_PACKET_HEADER)
			base = r->check - WL_PACKET_HEADER / 8;
		assert_int_equal(r->check, base + at / 8);
		assert_in_range(r->size, sizeof(*r), end - at);
		assert_true(r->ts >= last && r->ts <= h->timestamp_end);
		last = r->ts;
		at += r->size;
		assert_true(at <= end);
		at = at < end ? wl_record_room(at) : at;
	}
	assert_int_equal(base % WL_PACKET_UNITS, 0);
	while (end < WL_PACKET && !data[end])
		end++;
	assert_int_equal(end, WL_PACKET); /* zeros behind it */
}

void stream_read(struct stream_file *file, const char *dir, uint32_t cpu)
{
	char path[128];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path), "%s/kernel/cpu_%u", dir, cpu);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size % WL_PACKET, 0);
	file->npackets = (size_t)st.st_size / WL_PACKET;
	file->data = malloc((size_t)st.st_size + 1);
	assert_non_null(file->data);
	assert_int_equal(fread(file->data, WL_PACKET, file->npackets, f), file->npackets);
	fclose(f);
	assert_true(file->npackets >= 1);
	for (size_t i = 0; i < file->npackets; i++) {
		check_header(file, i, cpu);
		check_content(file, i);
	}
}

void stream_free(struct stream_file *file)
{
	free(file->data);
	file->data = NULL;
}

const struct wl_packet_header *stream_header(const struct stream_file *file, size_t packet)
{
	return (const void *)(file->data + packet * WL_PACKET);
}

const struct wl_record *stream_next(const struct stream_file *file, size_t *packet, uint32_t *at)
{
	const struct wl_record *r;

	while (*packet < file->npackets) {
		uint32_t end = (uint32_t)(stream_header(file, *packet)->content_size / 8);

		if (!*at)
			*at = WL_PACKET_HEADER;
		if (*at < end) {
			r = (const void *)(file->data + *packet * WL_PACKET + *at);
			*at += wl_record_room(r->size);
			return r;
		}
		++*packet;
		*at = 0;
	}
	return NULL;
}

size_t stream_count(const struct stream_file *file)
{
	const struct wl_record *r;
	size_t packet = 0, n = 0;
	uint32_t at = 0;

	while ((r = stream_next(file, &packet, &at)))
		n += wl_event_is_written(r->id);
	return n;
}

/* --- metadata --- */

void metadata_example(struct wl_metadata *m, uint32_t syscalls)
{
	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < sizeof(m->uuid); i++)
		m->uuid[i] = (uint8_t)(0x11 * i);
	m->kind = "capture";
	m->real_offset = 1795292545749269113;
	m->created = 1795292545;
	m->syscalls = syscalls;
	snprintf(m->boot_id, sizeof(m->boot_id), "49dab2d5-162b-4ee9-b300-ae7aa362471f");
	snprintf(m->hostname, sizeof(m->hostname), "guest");
	snprintf(m->release, sizeof(m->release), "6.1.0-56-amd64");
	snprintf(m->version, sizeof(m->version), "#1 SMP \"quoted\" back\\slash \x1b[31m\n");
}

/* --- babeltrace --- */

static bool is_installed(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s > /dev/null", program);
	return system(command) == 0;
}

/* Fillers and state dump are not events of ours. */
static uint64_t count_events(FILE *out)
{
	char *line = NULL;
	size_t size = 0;
	uint64_t n = 0;

	while (getline(&line, &size, out) > 0)
		n += !strstr(line, "whylate_filler") && !strstr(line, "_statedump_");
	free(line);
	return n;
}

/* "WARNING: Tracer discarded 3 events between …" is all that may be said. */
static uint64_t count_discarded(const char *program, const char *path)
{
	unsigned long long n;
	char *line = NULL;
	uint64_t sum = 0;
	size_t size = 0;
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		const char *p = strstr(line, "Tracer discarded ");

		if (!p || sscanf(p, "Tracer discarded %llu event", &n) != 1)
			fail_msg("%s says: %s", program, line);
		sum += n;
	}
	free(line);
	fclose(f);
	return sum;
}

bool babeltrace_count(const char *program, const char *dir, uint64_t *events, uint64_t *discarded)
{
	char command[512], said[128];
	int status;
	FILE *f;

	if (!is_installed(program))
		return false;
	snprintf(said, sizeof(said), "%s/%s.stderr", dir, program);
	snprintf(command, sizeof(command), "%s %s/kernel 2> %s", program, dir, said);
	f = popen(command, "re");
	assert_non_null(f);
	*events = count_events(f);
	status = pclose(f);
	*discarded = count_discarded(program, said);
	assert_int_equal(status, 0);
	return true;
}
