/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/trackers.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "live/machine.h"
#include "live/object.h"
#include "live/tracker_layout.h"
#include "util/grow.h"
#include "util/message.h"

#define PREFIX "lt1_"
#define CONTROL PREFIX "control_"
#define WALK PREFIX "walk_"
#define EXPIRE_NS 600000000000ull /* what is open for so long will hardly end */
#define POLL_RECORDS 1024
#define ROWS_BYTES (64u << 20) /* of one table, */
#define ROWS_LEAST 128         /* unless that is too short to be of use */

struct tracker {
	struct wl_tracked tracked;
	const char *name; /* in the names of its maps; tracked.name is for people */
	struct wl_trackers *all;
	struct lt1_control *control; /* mapped */
	int rows, total, walk;       /* file descriptors; rows -1: none */
	size_t priv_at;              /* of a record; its key is behind the head */
};

struct wl_trackers {
	struct bpf_object *object;
	struct tracker *all;
	size_t n;
	uint32_t ncpu;
	struct ring_buffer *ring;
	struct bpf_link **links;
	size_t nlinks, links_room;
	uint64_t memory;
	/* only inside wl_trackers_poll() */
	wl_tracked_fn fn;
	void *ctx;
	unsigned int budget;
};

static size_t aligned(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* --- open --- */

void *wl_trackers_rodata(struct bpf_object *object, const char *name, size_t size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	int id = btf ? btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC) : -1;
	const struct btf_type *section = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_var_secinfo *v = section ? btf_var_secinfos(section) : NULL;
	size_t room;
	char *base = map ? (char *)bpf_map__initial_value(map, &room) : NULL;

	for (int i = 0; base && v && i < btf_vlen(section); i++) {
		const struct btf_type *var = btf__type_by_id(btf, v[i].type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name) && v[i].size == size &&
		    v[i].offset + size <= room)
			return base + v[i].offset;
	}
	return NULL;
}

static int refuse(const struct wl_trackers_options *o, const char *what)
{
	wl_error("'%s' %s (see latency_tracker.bpf(7))", o->name, what);
	return -EINVAL;
}

static int open_object(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wl_track");

	t->object = o->object ? bpf_object__open_mem(o->object, o->size, &opts)
			      : bpf_object__open_file(o->name, &opts);
	if (t->object)
		return bpf_object__btf(t->object)
			       ? 0
			       : refuse(o,
					"has no BTF: compile it with clang -g, and don't strip .BTF");
	if (!o->object && access(o->name, R_OK))
		wl_error("cannot read '%s': %s", o->name, strerror(errno));
	else
		wl_error("'%s' is not a BPF object that can be loaded (make one with clang -g -O2 "
			 "-target bpf -c; -v says more)",
			 o->name);
	return -EINVAL;
}

static struct bpf_map *find_map(const struct wl_trackers *t, const char *kind, const char *name)
{
	char full[128];

	snprintf(full, sizeof(full), PREFIX "%s_%s", kind, name);
	return bpf_object__find_map_by_name(t->object, full);
}

static bool is_map(const struct bpf_map *map, enum bpf_map_type type, size_t key, size_t value)
{
	return map && bpf_map__type(map) == type && bpf_map__key_size(map) == key &&
	       bpf_map__value_size(map) == value;
}

/* The kernel fills our memory with values of these sizes, and we map one of them. */
static bool has_our_sizes(const struct wl_trackers *t, const char *name)
{
	const struct bpf_map *control = find_map(t, "control", name);
	const struct bpf_map *rows = find_map(t, "rows", name);
	const struct bpf_map *slow = find_map(t, "slow", name);
	const size_t row = sizeof(struct lt1_row);

	return is_map(control, BPF_MAP_TYPE_ARRAY, sizeof(__u32), sizeof(struct lt1_control)) &&
	       bpf_map__map_flags(control) & BPF_F_MMAPABLE &&
	       is_map(find_map(t, "total", name), BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(__u32), row) &&
	       (!rows || is_map(rows, BPF_MAP_TYPE_PERCPU_HASH, bpf_map__key_size(rows), row)) &&
	       bpf_map__type(slow) == BPF_MAP_TYPE_RINGBUF;
}

/* The private data stands in the events' values, behind the head. */
static int add_private(struct wl_tracked *d, const struct btf *btf, const struct bpf_map *events)
{
	const struct btf_type *t = btf__type_by_id(btf, bpf_map__btf_value_type_id(events));
	const struct btf_member *m;

	if (!t || !btf_is_struct(t) || btf_vlen(t) != 2)
		return -EINVAL;
	m = btf_members(t);
	if (btf__resolve_size(btf, m[0].type) != sizeof(struct lt1_event_head))
		return -EINVAL;
	return wl_layout_add(&d->priv, btf, m[1].type);
}

static int add_key(struct wl_layout *layout, const struct btf *btf, const struct bpf_map *map)
{
	int ret = wl_layout_add(layout, btf, bpf_map__btf_key_type_id(map));

	return !ret && layout->size != bpf_map__key_size(map) ? -EINVAL : ret;
}

static int add_layouts(struct tracker *k, const char *name)
{
	const struct btf *btf = bpf_object__btf(k->all->object);
	const struct bpf_map *events = find_map(k->all, "events", name);
	const struct bpf_map *rows = find_map(k->all, "rows", name);
	int ret = add_key(&k->tracked.key, btf, events);

	if (!ret)
		ret = add_private(&k->tracked, btf, events);
	if (!ret && rows)
		ret = add_key(&k->tracked.row, btf, rows);
	k->priv_at = sizeof(struct lt1_record) + aligned(k->tracked.key.size);
	return ret;
}

static int describe(struct tracker *k, const struct wl_trackers_options *o, const char *name)
{
	int ret;

	k->name = name;
	k->tracked.name = name;
	if (!find_map(k->all, "control", name) || !find_map(k->all, "events", name) ||
	    !find_map(k->all, "total", name) || !find_map(k->all, "slow", name))
		return refuse(o, "has maps of a tracker, but not all that it needs");
	if (!has_our_sizes(k->all, name))
		return refuse(o, "was compiled with another version of latency_tracker.bpf.h");
	ret = add_layouts(k, name);
	if (!ret && o->describe)
		ret = o->describe(o->ctx, &k->tracked);
	return ret ? refuse(o, "has types that can't be read") : 0;
}

static int find_trackers(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	struct bpf_map *map;
	size_t room = 0;

	bpf_object__for_each_map(map, t->object) {
		const char *name = bpf_map__name(map);

		if (strncmp(name, CONTROL, strlen(CONTROL)))
			continue;
		if (wl_grow(&t->all, t->n, &room, sizeof(*t->all)))
			return -ENOMEM;
		t->all[t->n++] = (struct tracker){ .rows = -1, .walk = -1, .all = t };
	}
	if (!t->n)
		return refuse(o, "has no tracker in it: no map named " CONTROL "NAME");
	room = 0;
	bpf_object__for_each_map(map, t->object) {
		const char *name = bpf_map__name(map);

		if (strncmp(name, CONTROL, strlen(CONTROL)))
			continue;
		if (describe(&t->all[room++], o, name + strlen(CONTROL)))
			return -EINVAL;
	}
	return 0;
}

static bool is_walk(const struct bpf_program *p)
{
	return !strncmp(bpf_program__name(p), WALK, strlen(WALK));
}

/* What the object says may be missing ("?tp_btf/…") is loaded where the kernel has it. */
static int choose_programs(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, t->object) {
		const char *name = bpf_program__section_name(p);

		if (strncmp(name, "tp_btf/", 7))
			continue;
		name += 7;
		if (wl_kernel_has_tracepoint(o->kernel, name) ||
		    wl_kernel_modules_have_tracepoint(WL_KERNEL_BTF, name)) {
			bpf_program__set_autoload(p, true);
		} else if (bpf_program__autoload(p)) {
			wl_error("'%s' needs the tracepoint %s, which this kernel does not have",
				 o->name, name);
			return -EOPNOTSUPP;
		}
	}
	return 0;
}

static int set_target(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	struct wl_target_config *target =
		wl_trackers_rodata(t->object, "wl_target", sizeof(*target));

	if (target) {
		*target = *o->target;
		target->self = (uint32_t)getpid();
		return 0;
	}
	if (!o->targeted)
		return 0;
	wl_error("'%s' does not know tasks: -p, -n and their like mean nothing for it", o->name);
	return -EINVAL;
}

/* A row has a copy for each CPU that there might be: tables get shorter where these are many. */
static int limit_rows(const struct tracker *k)
{
	struct bpf_map *rows = find_map(k->all, "rows", k->name);
	uint64_t copies = (uint64_t)k->all->ncpu * sizeof(struct lt1_row);
	uint64_t most = ROWS_BYTES / copies > ROWS_LEAST ? ROWS_BYTES / copies : ROWS_LEAST;

	if (!rows || bpf_map__max_entries(rows) <= most)
		return 0;
	return bpf_map__set_max_entries(rows, (uint32_t)most);
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct tracker *k = ctx;
	struct wl_trackers *t = k->all;
	const char *bytes = data;
	struct wl_tracked_event event = {
		.tracked = &k->tracked,
		.record = data,
		.key = bytes + sizeof(struct lt1_record),
		.priv = bytes + k->priv_at,
	};
	int ret;

	if (size < k->priv_at + k->tracked.priv.size || !t->fn)
		return 0;
	event.real_ns = (int64_t)event.record->end + wl_machine_real_offset();
	ret = t->fn(t->ctx, &event);
	if (!ret && !--t->budget)
		ret = -EAGAIN;
	return ret;
}

static void set_control(struct tracker *k, const struct wl_trackers_options *o)
{
	k->control->threshold = o->over_ns;
	k->control->worst = o->worst;
	k->control->timeout = o->timeout_ns;
	k->control->expire = 10 * o->timeout_ns > EXPIRE_NS ? 10 * o->timeout_ns : EXPIRE_NS;
}

static int open_maps(struct tracker *k, const struct wl_trackers_options *o)
{
	struct wl_trackers *t = k->all;
	const char *name = k->name;
	int slow = bpf_map__fd(find_map(t, "slow", name));
	char walk[128];
	struct bpf_program *p;
	void *memory = mmap(NULL, sizeof(*k->control), PROT_READ | PROT_WRITE, MAP_SHARED,
			    bpf_map__fd(find_map(t, "control", name)), 0);

	if (memory == MAP_FAILED)
		return -errno;
	k->control = memory;
	set_control(k, o);
	k->total = bpf_map__fd(find_map(t, "total", name));
	if (find_map(t, "rows", name))
		k->rows = bpf_map__fd(find_map(t, "rows", name));
	snprintf(walk, sizeof(walk), WALK "%s", name);
	p = bpf_object__find_program_by_name(t->object, walk);
	k->walk = p ? bpf_program__fd(p) : -1;
	if (t->ring)
		return ring_buffer__add(t->ring, slow, on_record, k);
	t->ring = ring_buffer__new(slow, on_record, k, NULL);
	return t->ring ? 0 : -errno;
}

static int add_link(struct wl_trackers *t, struct bpf_link *link)
{
	if (wl_grow(&t->links, t->nlinks, &t->links_room, sizeof(struct bpf_link *))) {
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	t->links[t->nlinks++] = link;
	return 0;
}

static int attach_asked(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	struct bpf_link *links[WL_TRACKERS_LINKS] = { NULL };
	int ret = o->attach(o->ctx, t->object, links);

	for (size_t i = 0; i < WL_TRACKERS_LINKS; i++)
		if (links[i] && add_link(t, links[i]))
			ret = -ENOMEM;
	return ret;
}

static int attach(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, t->object) {
		struct bpf_link *link;

		if (!bpf_program__autoload(p) || is_walk(p))
			continue;
		link = bpf_program__attach(p);
		if (!link) {
			wl_error("cannot attach %s of '%s' (%s): %s", bpf_program__name(p), o->name,
				 bpf_program__section_name(p), strerror(errno));
			return -EOPNOTSUPP;
		}
		if (add_link(t, link))
			return -ENOMEM;
	}
	return 0;
}

static void count_memory(struct wl_trackers *t)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, t->object) {
		enum bpf_map_type type = bpf_map__type(map);
		uint64_t copies = type == BPF_MAP_TYPE_PERCPU_HASH ||
						  type == BPF_MAP_TYPE_PERCPU_ARRAY
					  ? t->ncpu
					  : 1;

		if (type == BPF_MAP_TYPE_RINGBUF)
			t->memory += bpf_map__max_entries(map);
		else
			t->memory += (uint64_t)bpf_map__max_entries(map) *
				     (bpf_map__key_size(map) + copies * bpf_map__value_size(map));
	}
}

static int open_all(struct wl_trackers *t, const struct wl_trackers_options *o)
{
	int ret = open_object(t, o);

	if (!ret)
		ret = find_trackers(t, o);
	if (!ret)
		ret = choose_programs(t, o);
	if (!ret)
		ret = set_target(t, o);
	for (size_t i = 0; i < t->n && !ret; i++)
		ret = limit_rows(&t->all[i]);
	if (!ret && o->prepare)
		ret = o->prepare(o->ctx, t->object);
	if (ret)
		return ret;
	ret = bpf_object__load(t->object);
	if (ret)
		return wl_object_load_error(o->name, ret);
	count_memory(t);
	for (size_t i = 0; i < t->n && !ret; i++)
		ret = open_maps(&t->all[i], o);
	if (ret)
		return ret;
	return o->attach ? attach_asked(t, o) : attach(t, o);
}

int wl_trackers_open(struct wl_trackers **trackers, const struct wl_trackers_options *o)
{
	struct wl_trackers *t;
	int ret;

	ret = wl_object_prepare(o->kernel, o->verbose);
	if (ret)
		return ret;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->ncpu = o->kernel->ncpu;
	ret = open_all(t, o);
	if (ret)
		wl_trackers_close(t);
	else
		*trackers = t;
	return ret;
}

void wl_trackers_close(struct wl_trackers *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nlinks; i++)
		bpf_link__destroy(t->links[i]);
	free(t->links);
	ring_buffer__free(t->ring);
	for (size_t i = 0; i < t->n; i++) {
		if (t->all[i].control)
			munmap(t->all[i].control, sizeof(*t->all[i].control));
		wl_layout_free(&t->all[i].tracked.key);
		wl_layout_free(&t->all[i].tracked.priv);
		wl_layout_free(&t->all[i].tracked.row);
	}
	free(t->all);
	bpf_object__close(t->object);
	free(t);
}

/* --- run --- */

static void set_on(struct wl_trackers *t, __u32 on)
{
	for (size_t i = 0; i < t->n; i++)
		__atomic_store_n(&t->all[i].control->on, on, __ATOMIC_RELEASE);
}

void wl_trackers_start(struct wl_trackers *t)
{
	set_on(t, 1);
}

void wl_trackers_stop(struct wl_trackers *t)
{
	set_on(t, 0);
}

size_t wl_trackers_n(const struct wl_trackers *t)
{
	return t->n;
}

uint64_t wl_trackers_memory(const struct wl_trackers *t)
{
	return t->memory;
}

void wl_trackers_set_over(struct wl_trackers *t, size_t i, uint64_t over_ns)
{
	__atomic_store_n(&t->all[i].control->threshold, over_ns, __ATOMIC_RELAXED);
}

int wl_trackers_poll(struct wl_trackers *t, wl_tracked_fn fn, void *ctx)
{
	int ret;

	t->fn = fn;
	t->ctx = ctx;
	t->budget = POLL_RECORDS;
	ret = ring_buffer__consume(t->ring);
	t->fn = NULL;
	if (ret == -EAGAIN)
		return 1;
	return ret < 0 ? ret : 0;
}

void wl_trackers_walk(struct wl_trackers *t)
{
	for (size_t i = 0; i < t->n; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts);

		if (t->all[i].walk >= 0)
			bpf_prog_test_run_opts(t->all[i].walk, &opts);
	}
}

/* --- read --- */

static uint64_t add_copy(struct wl_agg *agg, const struct lt1_row *row)
{
	agg->sum += row->sum;
	if (row->max > agg->max)
		agg->max = row->max;
	for (unsigned int i = 0; i < WL_HIST_BUCKETS; i++) {
		agg->bucket[i] += row->bucket[i];
		agg->count += row->bucket[i];
	}
	return row->slow;
}

/* The sum of all CPUs' copies of one row. */
static int read_row(const struct wl_trackers *t, int fd, const void *key, struct lt1_row *copies,
		    struct wl_tracked_row *row)
{
	memset(row, 0, sizeof(*row));
	if (bpf_map_lookup_elem(fd, key, copies))
		return -errno;
	for (uint32_t cpu = 0; cpu < t->ncpu; cpu++)
		row->slow += add_copy(&row->agg, &copies[cpu]);
	return 0;
}

static int keep_row(struct wl_tracked_stats *stats, size_t *room, struct wl_tracked_row *row,
		    const void *key, size_t size)
{
	if (!row->agg.count)
		return 0;
	if (wl_grow(&stats->rows, stats->n, room, sizeof(*row)))
		return -ENOMEM;
	if (key) {
		void *copy = malloc(size);

		if (!copy)
			return -ENOMEM;
		row->key = memcpy(copy, key, size);
	}
	stats->rows[stats->n++] = *row;
	stats->total.count += row->agg.count;
	stats->total.sum += row->agg.sum;
	if (row->agg.max > stats->total.max)
		stats->total.max = row->agg.max;
	for (unsigned int i = 0; i < WL_HIST_BUCKETS; i++)
		stats->total.bucket[i] += row->agg.bucket[i];
	stats->slow += row->slow;
	return 0;
}

static int by_sum(const void *a, const void *b)
{
	const struct wl_tracked_row *x = a, *y = b;

	return x->agg.sum < y->agg.sum ? 1 : x->agg.sum > y->agg.sum ? -1 : 0;
}

static int read_rows(struct wl_trackers *t, const struct tracker *k, struct lt1_row *copies,
		     struct wl_tracked_stats *stats)
{
	size_t size = k->tracked.row.size, room = 0;
	struct wl_tracked_row row;
	char *key = calloc(2, aligned(size) + 8), *next = key + aligned(size) + 8;
	const void *last = NULL;
	__u32 zero = 0;
	int ret = key ? 0 : -ENOMEM;

	while (!ret && k->rows >= 0 && !bpf_map_get_next_key(k->rows, last, next)) {
		memcpy(key, next, size);
		last = key;
		if (!read_row(t, k->rows, key, copies, &row))
			ret = keep_row(stats, &room, &row, key, size);
	}
	if (!ret)
		ret = read_row(t, k->total, &zero, copies, &row);
	if (!ret)
		ret = keep_row(stats, &room, &row, NULL, 0);
	free(key);
	return ret;
}

int wl_trackers_stats(struct wl_trackers *t, size_t i, struct wl_tracked_stats *stats)
{
	struct lt1_row *copies = calloc(t->ncpu, sizeof(*copies));
	int ret = copies ? 0 : -ENOMEM;

	memset(stats, 0, sizeof(*stats));
	stats->tracked = &t->all[i].tracked;
	stats->control = *t->all[i].control;
	stats->skipped = wl_object_skipped_runs(t->object);
	if (!ret)
		ret = read_rows(t, &t->all[i], copies, stats);
	if (stats->n)
		qsort(stats->rows, stats->n, sizeof(*stats->rows), by_sum);
	free(copies);
	return ret;
}

void wl_tracked_stats_free(struct wl_tracked_stats *stats)
{
	for (size_t i = 0; i < stats->n; i++)
		free((void *)stats->rows[i].key);
	free(stats->rows);
	memset(stats, 0, sizeof(*stats));
}
