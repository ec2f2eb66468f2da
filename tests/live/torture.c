/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The flight recorder under torture: snapshots as fast as they can be taken, every one of them
 * written and read back, and beside them copies of the rings' memory that the program's own code
 * has no part in. What the bytes must look like is written down here once more, on purpose.
 *
 *   torture seconds=30 interval_ms=50 ring=4194304 out=DIR keep=3 follow=0
 *
 * It prints "ready", waits for a line, and in the end prints figures as one JSON object. The last
 * snapshots (keep) stay in DIR/N.
 */
#include "common.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "capture/snapshot.h"
#include "cli/options.h"
#include "live/session.h"

#define MAX_CPUS 64
#define PACKET 65536u
#define UNITS (PACKET / 8)
#define FIRST 88u /* offset of a packet's first record */
#define SEEN 4096 /* packets remembered per CPU, to see whether they change */

/* Everything that is counted; the names are those of the JSON object. */
#define FIGURES(F)                                                                                 \
	F(snapshots)                                                                               \
	F(late)    /* begun more than half an interval late */                                     \
	F(packets) /* of snapshots */                                                              \
	F(records)                                                                                 \
	F(fillers)                                                                                 \
	F(written)                                                                                 \
	F(read)                                                                                    \
	F(lost)                                                                                    \
	F(left_out)                                                                                \
	F(refused)                                                                                 \
	F(holes)                                                                                   \
	F(wrong_sum)       /* written != read + lost + left_out */                                 \
	F(wrong_read)      /* records in the file != read */                                       \
	F(wrong_discarded) /* events_discarded != lost + refused */                                \
	F(wrong_end)       /* of a stream */                                                       \
	F(excess)                                                                                  \
	F(bad_header)                                                                              \
	F(bad_content)                                                                             \
	F(torn)                                                                                    \
	F(disorder)                                                                                \
	F(bad_base)    /* a packet that is not behind the one before */                            \
	F(raw_packets) /* of the rings */                                                          \
	F(raw_records)                                                                             \
	F(raw_torn)                                                                                \
	F(raw_disorder)                                                                            \
	F(raw_wrong_count)                                                                         \
	F(raw_wrong_mark)                                                                          \
	F(raw_changed) /* a whole packet that was other bytes the last time */                     \
	F(raw_same)    /* that was the same */                                                     \
	F(total)       /* records by the writers' count, all CPUs, all the time */                 \
	F(no_room)                                                                                 \
	F(pinned)                                                                                  \
	F(retries)

struct figures {
#define F(name) uint64_t name;
	FIGURES(F)
#undef F
};

struct seen {
	uint32_t base;
	uint64_t hash;
};

struct torture {
	uint64_t seconds, interval, ring, keep, follow;
	const char *out;
	const struct wl_rings *rings;
	struct wl_snapshot *snapshot;
	struct figures n;
	struct seen *seen[MAX_CPUS];
	uint32_t count[MAX_CPUS]; /* of records, low 32 bits */
	uint8_t *copy;
};

/* --- records --- */

struct walk {
	uint64_t last, records, fillers, torn, disorder;
	uint32_t end; /* exact end of the last one */
};

/* Records from FIRST to `end` (exact). A record that is not one ends the walk: it is torn. */
static void walk_records(const uint8_t *packet, uint32_t base, uint32_t end, struct walk *w)
{
	w->end = FIRST;
	for (uint32_t at = FIRST; at < end;) {
		uint64_t ts;
		uint16_t id, size;
		uint32_t check;

		memcpy(&ts, packet + at, 8);
		memcpy(&id, packet + at + 8, 2);
		memcpy(&size, packet + at + 10, 2);
		memcpy(&check, packet + at + 12, 4);
		if (check != base + at / 8 || size < 16 || size > 512 || !id || id >= 5120 ||
		    at + size > end) {
			w->torn++;
			return;
		}
		w->disorder += ts < w->last;
		w->last = ts;
		if (id == 60 || id == 37)
			w->fillers++;
		else
			w->records++;
		w->end = at + size;
		at = (w->end + 7) & ~7u;
	}
}

/* --- snapshots, as files --- */

struct header {
	uint32_t magic;
	uint8_t uuid[16];
	uint32_t stream;
	uint64_t instance, begin, end, content, size, seq, discarded;
	uint32_t cpu, pad;
};
_Static_assert(sizeof(struct header) == FIRST, "the format's header");

struct stream {
	struct header before;
	uint32_t base;
	uint64_t packets, ring_packets;
	struct walk walk;
};

static bool header_fits(const struct header *h, const struct stream *s, uint32_t cpu)
{
	if (h->magic != 0xC1FC1FC1u || h->stream || h->instance != cpu || h->cpu != cpu ||
	    h->size != PACKET * 8 || h->content % 8 || h->content > h->size ||
	    h->content < 84 * 8 || h->begin > h->end || h->seq != s->packets)
		return false;
	if (!s->packets)
		return !h->discarded || !s->ring_packets;
	return h->begin >= s->before.end && h->discarded >= s->before.discarded &&
	       !memcmp(h->uuid, s->before.uuid, sizeof(h->uuid));
}

static void check_packet(struct torture *t, struct stream *s, const uint8_t *packet, uint32_t cpu)
{
	struct walk *w = &s->walk;
	struct header h;
	uint32_t content, check, base;

	memcpy(&h, packet, sizeof(h));
	if (!header_fits(&h, s, cpu)) {
		t->n.bad_header++;
		return;
	}
	content = (uint32_t)(h.content / 8);
	memcpy(&check, packet + FIRST + 12, 4);
	base = check - FIRST / 8;
	w->last = h.begin;
	walk_records(packet, base, content, w);
	t->n.bad_content += content > FIRST && (w->end != content || w->last > h.end);
	if (content > FIRST) {
		t->n.bad_base += base % UNITS != 0;
		/* a snapshot has no gaps: it takes packets that lie one behind the other */
		t->n.bad_base += s->ring_packets && base != s->base + UNITS;
		s->ring_packets++;
	}
	s->base = base;
	s->before = h;
	s->packets++;
}

static void check_counts(struct torture *t, const struct stream *s, uint32_t cpu)
{
	const struct wl_cpu_counts *c = wl_snapshot_counts(t->snapshot, cpu);

	t->n.packets += s->packets;
	t->n.records += s->walk.records;
	t->n.fillers += s->walk.fillers;
	t->n.torn += s->walk.torn;
	t->n.disorder += s->walk.disorder;
	t->n.written += c->written;
	t->n.read += c->read;
	t->n.lost += c->lost;
	t->n.left_out += c->left_out;
	t->n.refused += c->refused;
	t->n.holes += c->holes;
	t->n.excess += c->excess;
	t->n.wrong_sum += c->written != c->read + c->lost + c->left_out;
	t->n.wrong_read += c->read != s->walk.records;
	t->n.wrong_discarded += s->before.discarded != c->lost + c->refused;
	t->n.wrong_end += s->before.end != wl_snapshot_end(t->snapshot);
}

static void check_file(struct torture *t, const char *dir, uint32_t cpu)
{
	struct stream s = { 0 };
	char path[512];
	struct stat st;
	uint8_t *data;
	int fd;

	snprintf(path, sizeof(path), "%s/kernel/cpu_%u", dir, cpu);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	if (!st.st_size || st.st_size % PACKET)
		die("%s has %ld bytes", path, (long)st.st_size);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	for (size_t at = 0; at < (size_t)st.st_size; at += PACKET)
		check_packet(t, &s, data + at, cpu);
	check_counts(t, &s, cpu);
	munmap(data, (size_t)st.st_size);
	close(fd);
}

static void remove_snapshot(const struct torture *t, const char *dir)
{
	char path[512];

	for (uint32_t cpu = 0; cpu < t->rings->ncpu; cpu++) {
		snprintf(path, sizeof(path), "%s/kernel/cpu_%u", dir, cpu);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/kernel/metadata", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/kernel", dir);
	rmdir(path);
	rmdir(dir);
}

static void name_snapshot(const struct torture *t, uint64_t i, char *dir, size_t size)
{
	snprintf(dir, size, "%s/%llu", t->out, (unsigned long long)i);
}

static void take_snapshot(struct torture *t, uint64_t from)
{
	struct wl_metadata metadata;
	char dir[400];
	int fd;

	wl_snapshot_take(t->snapshot, from);
	wl_snapshot_finish(t->snapshot);
	name_snapshot(t, t->n.snapshots, dir, sizeof(dir));
	if (mkdir(dir, 0700) || (fd = open(dir, O_DIRECTORY | O_CLOEXEC)) < 0)
		die("%s: %s", dir, strerror(errno));
	if (wl_metadata_init(&metadata, "capture", 0, WL_SYSCALLS_ALL) ||
	    wl_snapshot_write(t->snapshot, fd, &metadata, NULL))
		die("%s: cannot write", dir);
	close(fd);
	for (uint32_t cpu = 0; cpu < t->rings->ncpu; cpu++)
		check_file(t, dir, cpu);
	if (t->n.snapshots >= t->keep) {
		name_snapshot(t, t->n.snapshots - t->keep, dir, sizeof(dir));
		remove_snapshot(t, dir);
	}
	t->n.snapshots++;
}

/* --- the rings' memory --- */

static uint64_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull, word;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		memcpy(&word, p + i, 8);
		h = (h ^ word) * 0x100000001b3ull;
		h ^= h >> 29;
	}
	return h;
}

/* The same packet, seen twice, must be the same bytes: nobody writes to it any more. */
static void remember(struct torture *t, uint32_t cpu, uint32_t base, uint64_t hash)
{
	struct seen *seen = &t->seen[cpu][base / UNITS % SEEN];

	if (seen->hash && seen->base == base) {
		t->n.raw_changed += seen->hash != hash;
		t->n.raw_same += seen->hash == hash;
	}
	*seen = (struct seen){ base, hash };
}

/* What the writer that entered it has put into a packet's first bytes. False: it is not whole. */
static bool read_mark(const uint8_t *packet, uint64_t *word)
{
	uint64_t seal;

	memcpy(word, packet, 8);
	memcpy(&seal, packet + 16, 8);
	return seal == ~*word;
}

/* A packet that writers had left before it was copied; next is the one behind it. */
static void check_raw(struct torture *t, uint32_t cpu, const uint8_t *packet, const uint8_t *next,
		      uint32_t base)
{
	struct walk w = { 0 };
	uint64_t word, after;
	uint32_t end;

	if (!read_mark(packet, &word) || !read_mark(next, &after)) {
		t->n.raw_wrong_mark++;
		return;
	}
	end = ((uint32_t)after - base) * 8;
	if (end > PACKET || end <= FIRST) {
		t->n.raw_wrong_mark++;
		return;
	}
	/* the mark tells the end in whole units: the last record's own end may be 7 bytes before */
	walk_records(packet, base, end, &w);
	t->n.raw_torn += w.torn || ((w.end + 7) & ~7u) != end;
	t->n.raw_disorder += w.disorder;
	t->n.raw_wrong_count += w.records != (uint32_t)(after >> 32) - (uint32_t)(word >> 32);
	t->n.raw_packets++;
	t->n.raw_records += w.records;
	remember(t, cpu, base, hash_bytes(packet, end));
}

static void check_ring(struct torture *t, uint32_t cpu)
{
	const struct wl_ring *ring = t->rings->ring[cpu];
	uint32_t mask = (uint32_t)t->rings->size - 1, lap = (uint32_t)(t->rings->size / 8);
	uint64_t before = __atomic_load_n(&ring->head.word, __ATOMIC_ACQUIRE), after;
	uint32_t left, first;

	memcpy(t->copy, ring->data, t->rings->size);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	after = __atomic_load_n(&ring->head.word, __ATOMIC_ACQUIRE);
	t->n.total += (uint32_t)((uint32_t)(after >> 32) - t->count[cpu]);
	t->count[cpu] = (uint32_t)(after >> 32);
	/* Whole: all before the packet that was written to when we began, that is not a lap old. */
	left = ((uint32_t)before - 1) & ~(UNITS - 1);
	first = (((uint32_t)after - 1) & ~(UNITS - 1)) - lap + UNITS;
	if ((uint32_t)after < lap)
		first = 0;
	for (uint32_t base = first; (int32_t)(left - base) > 0; base += UNITS)
		check_raw(t, cpu, t->copy + (base * 8 & mask),
			  t->copy + ((base + UNITS) * 8 & mask), base);
}

/* --- the run --- */

static void read_heads(struct torture *t)
{
	for (uint32_t cpu = 0; cpu < t->rings->ncpu; cpu++) {
		const struct wl_ring_head *head = &t->rings->ring[cpu]->head;

		t->n.no_room += head->lost;
		t->n.pinned += head->pinned;
		t->n.retries += head->retries;
	}
}

static void print_figures(const struct figures *n)
{
	const char *comma = "{";

#define F(name)                                                                                    \
	printf("%s\"" #name "\": %llu", comma, (unsigned long long)n->name);                       \
	comma = ", ";
	FIGURES(F)
#undef F
	puts("}");
}

static void run(struct torture *t)
{
	uint64_t start = now_ns(), end = start + t->seconds * NSEC;

	for (uint64_t next = start + t->interval; next < end; next += t->interval) {
		uint64_t now;

		sleep_until(next);
		now = now_ns();
		t->n.late += now > next + t->interval / 2;
		/* half of them whole, half of them a window */
		take_snapshot(t, t->n.snapshots % 2 ? now - t->interval / 2 : 0);
		for (uint32_t cpu = 0; cpu < t->rings->ncpu; cpu++)
			check_ring(t, cpu);
		while (next + t->interval < now_ns())
			next += t->interval;
	}
}

static void prepare(struct torture *t)
{
	struct sched_param param = { .sched_priority = 2 };

	t->copy = malloc(t->rings->size);
	for (uint32_t cpu = 0; cpu < t->rings->ncpu && cpu < MAX_CPUS; cpu++)
		t->seen[cpu] = calloc(SEEN, sizeof(struct seen));
	if (!t->copy || t->rings->ncpu > MAX_CPUS || wl_snapshot_open(&t->snapshot, t->rings))
		die("no memory");
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler: %s", strerror(errno));
}

static void open_session(struct torture *t, struct wl_session **session)
{
	char words[][24] = { "record", "--syscalls=all", "--ring", "", "-o", "none" };
	char *args[] = { words[0], words[1], words[2], words[3], words[4], words[5], NULL };
	struct wl_options options = { 0 };
	struct wl_kernel kernel;

	snprintf(words[3], sizeof(words[3]), "%lluK", (unsigned long long)(t->ring >> 10));
	if (wl_options_parse(&options, 6, args))
		die("options");
	options.config.follow = t->follow != 0;
	if (wl_kernel_open(&kernel))
		die("this machine");
	if (wl_session_open(session, &options.config, &kernel, 0))
		exit(1);
	t->rings = wl_session_rings(*session);
	if (!t->rings)
		die("nothing is recorded");
}

static uint64_t *figure(struct torture *t, const char *name, size_t n)
{
	const struct {
		const char *name;
		uint64_t *value;
	} all[] = { { "seconds", &t->seconds },
		    { "interval_ms", &t->interval },
		    { "ring", &t->ring },
		    { "keep", &t->keep },
		    { "follow", &t->follow } };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strlen(all[i].name) == n && !strncmp(all[i].name, name, n))
			return all[i].value;
	die("what is %s?", name);
}

static void parse(struct torture *t, char **argv)
{
	while (*++argv) {
		const char *equals = strchr(*argv, '=');

		if (!equals)
			die("what is %s?", *argv);
		if (!strncmp(*argv, "out=", 4))
			t->out = equals + 1;
		else
			*figure(t, *argv, (size_t)(equals - *argv)) =
				strtoull(equals + 1, NULL, 10);
	}
	t->interval *= NSEC / 1000;
}

int main(int argc, char **argv)
{
	struct torture t = { .seconds = 30, .interval = 50, .ring = 4 << 20, .keep = 3 };
	struct wl_session *session;

	parse(&t, argv);
	if (!t.out)
		die("out=DIR is missing");
	open_session(&t, &session);
	prepare(&t);
	puts("ready");
	gate();
	if (wl_session_start(session))
		exit(1);
	run(&t);
	wl_session_stop(session);
	for (uint32_t cpu = 0; cpu < t.rings->ncpu; cpu++)
		check_ring(&t, cpu);
	read_heads(&t);
	print_figures(&t.n);
	wl_snapshot_close(t.snapshot);
	wl_session_close(session);
	return 0;
}
