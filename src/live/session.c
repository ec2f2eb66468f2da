/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/session.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "live/machine.h"
#include "live/maps.h"
#include "live/marks.h"
#include "live/object.h"
#include "live/probes.h"
#include "live/reports.h"
#include "live/ring_maps.h"
#include "live/stacks.h"
#include "util/message.h"
#include "util/syscall_fields.h"
#include "whylate.skel.h"

#define NAME "whylate" /* whose programs they are, in messages */
#define STUCK_PERIOD_NS 250000000ull
#define CHECK_PERIOD_NS 1000000000ull
#define POLL_RECORDS                                                                               \
	1024 /* at most in one poll: the kernel side may be faster than we are for ever */
#define PROBES_MAX 96
#define TASKS_MIN 4096 /* entries of the preallocated hash, where it is used */

struct wl_session {
	struct whylate_bpf *bpf;
	struct wl_config config;
	struct wl_maps maps;
	struct wl_reports *reports;
	struct wl_ring_maps *rings;
	struct ring_buffer *ring;
	struct wl_stacks *stacks;           /* NULL: none */
	struct wl_marks *marks;             /* NULL: marks are not asked for */
	struct bpf_link *links[PROBES_MAX]; /* as in wl_probes[] */
	struct bpf_link *iter_create, *iter_check, *iter_stuck, *iter_dump, *iter_marks;
	uint64_t started, stopped, next_stuck, next_check, missing;
	/* only inside wl_session_poll() */
	wl_report_fn fn;
	void *ctx;
	unsigned int budget;
};

/* --- open --- */

static void adapt_config(struct wl_config *config, const struct wl_kernel *kernel)
{
	config->ncpu = kernel->ncpu;
	config->task_storage = kernel->task_storage;
	config->chain.rt = kernel->rt;
	config->target.self = (uint32_t)getpid();
	if (!config->record)
		config->follow = 1;
	config->tcp_turns = wl_probes_follow_sockets(config) && !wl_probes_can_turn(kernel) &&
			    wl_probes_can_turn_tcp(kernel);
	if (config->chain.until == WL_UNTIL_TURN && !config->tcp_turns &&
	    !wl_probes_can_turn(kernel)) {
		wl_warn("this kernel does not say when a socket is read (tcp_rcv_space_adjust): "
			"--until idle instead of turn");
		config->chain.until = WL_UNTIL_IDLE;
	}
}

static bool is_wanted(const struct wl_session *s, const struct wl_probe *probe,
		      const struct wl_kernel *kernel, unsigned int flags)
{
	if (flags & WL_SESSION_SCHED)
		return !strcmp(probe->program, "wl_sched_switch") ||
		       !strcmp(probe->program, "wl_sched_waking");
	return wl_probe_wanted(probe, kernel, &s->config);
}

static int choose_programs(struct wl_session *s, const struct wl_kernel *kernel, unsigned int flags)
{
	if (wl_nprobes > PROBES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < wl_nprobes; i++) {
		struct bpf_program *p =
			bpf_object__find_program_by_name(s->bpf->obj, wl_probes[i].program);

		if (!p)
			return -ENOENT;
		bpf_program__set_autoload(p, is_wanted(s, &wl_probes[i], kernel, flags));
	}
	bpf_program__set_autoload(s->bpf->progs.wl_empty, flags & WL_SESSION_EMPTY);
	return 0;
}

/* Tasks there may be at once, where they must be allocated beforehand. */
static uint32_t task_room(void)
{
	long max = sysconf(_SC_NPROCESSORS_CONF) * 1024;

	return max > TASKS_MIN ? (uint32_t)max : TASKS_MIN;
}

static int size_maps(struct wl_session *s)
{
	struct whylate_bpf *b = s->bpf;
	uint32_t ncpu = s->config.ncpu;
	int ret = bpf_map__set_max_entries(b->maps.wl_cpus, ncpu);

	if (!ret)
		ret = bpf_map__set_max_entries(b->maps.wl_aggs, ncpu * WL_AGGS);
	if (!ret && !s->bpf->rodata->wl_stacks) /* the least that there can be */
		ret = bpf_map__set_max_entries(b->maps.wl_stack_ring,
					       (uint32_t)sysconf(_SC_PAGESIZE));
	if (!ret && s->config.chain.until == WL_UNTIL_MARK)
		ret = bpf_map__set_max_entries(b->maps.wl_mark_sets, WL_MARK_SETS);
	if (!ret)
		ret = wl_ring_maps_prepare(s->rings, b->maps.wl_ring_maps);
	if (!ret && s->config.task_storage)
		return bpf_map__set_autocreate(b->maps.wl_task_hash, false);
	if (!ret)
		ret = bpf_map__set_autocreate(b->maps.wl_tasks, false);
	return ret ? ret : bpf_map__set_max_entries(b->maps.wl_task_hash, task_room());
}

static void *map_memory(int fd, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Which arguments of which system call are recorded. */
static int fill_layouts(struct wl_session *s)
{
	size_t size = 2 * WL_SYSCALL_LAYOUTS * sizeof(struct wl_syscall_layout);
	struct wl_syscall_layout *layouts;

	if (!s->config.record || !s->config.syscalls)
		return 0;
	layouts = map_memory(bpf_map__fd(s->bpf->maps.wl_syscall_layouts), size,
			     PROT_READ | PROT_WRITE);
	if (!layouts)
		return -ENOMEM;
	wl_syscall_layouts(layouts, WL_SYSCALL_LAYOUTS, false);
	wl_syscall_layouts(layouts + WL_SYSCALL_LAYOUTS, WL_SYSCALL_LAYOUTS, true);
	munmap(layouts, size);
	return 0;
}

static int load(struct wl_session *s, const struct wl_kernel *kernel, unsigned int flags)
{
	int ret;

	s->bpf = whylate_bpf__open();
	if (!s->bpf)
		return wl_object_load_error(NAME, -errno);
	s->bpf->rodata->wl_cfg = s->config;
	s->bpf->rodata->wl_stable_clock = kernel->stable_clock ? 1 : 0;
	s->bpf->rodata->wl_stacks = flags & WL_SESSION_STACKS ? 1 : 0;
	if (s->config.record) {
		ret = wl_ring_maps_new(&s->rings, s->config.ncpu, s->config.ring_size);
		if (ret)
			return ret;
	}
	if (getrandom((void *)&s->bpf->rodata->wl_key, sizeof(s->bpf->rodata->wl_key), 0) < 0)
		return -errno;
	ret = choose_programs(s, kernel, flags);
	if (!ret)
		ret = size_maps(s);
	if (!ret)
		ret = whylate_bpf__load(s->bpf);
	if (ret)
		return wl_object_load_error(NAME, ret);
	ret = fill_layouts(s);
	return ret ? ret
		   : wl_ring_maps_fill(s->rings, s->bpf->maps.wl_ring_maps, &s->bpf->bss->wl_pin);
}

static int map_maps(struct wl_session *s)
{
	struct wl_maps *m = &s->maps;
	size_t page = (size_t)sysconf(_SC_PAGESIZE) - 1;

	m->ncpu = s->config.ncpu;
	m->cpus_size = (sizeof(struct wl_cpu) * m->ncpu + page) & ~page;
	m->aggs_size = (sizeof(struct wl_agg) * m->ncpu * WL_AGGS + page) & ~page;
	m->limits_size = (sizeof(struct wl_agg_limits) * WL_AGGS + page) & ~page;
	m->cpus = map_memory(bpf_map__fd(s->bpf->maps.wl_cpus), m->cpus_size, PROT_READ);
	m->aggs = map_memory(bpf_map__fd(s->bpf->maps.wl_aggs), m->aggs_size, PROT_READ);
	m->limits = map_memory(bpf_map__fd(s->bpf->maps.wl_limits), m->limits_size,
			       PROT_READ | PROT_WRITE);
	m->index_fd = bpf_map__fd(s->bpf->maps.wl_agg_index);
	return m->cpus && m->aggs && m->limits ? 0 : -ENOMEM;
}

/* Each CPU's state knows its number. */
static int number_cpus(struct wl_session *s)
{
	struct wl_cpu *c = map_memory(bpf_map__fd(s->bpf->maps.wl_cpus), s->maps.cpus_size,
				      PROT_READ | PROT_WRITE);

	if (!c)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->config.ncpu; i++)
		c[i].cpu = i;
	munmap(c, s->maps.cpus_size);
	return 0;
}

static int on_slow(void *ctx, void *data, size_t size)
{
	struct wl_session *s = ctx;
	struct wl_report report;
	int ret = 0;

	if (size < WL_SLOW_SHORT || !s->fn)
		return 0;
	if (wl_reports_make(s->reports, data, &report))
		ret = s->fn(s->ctx, &report);
	wl_report_release(&report);
	if (!ret && !--s->budget)
		ret = -EAGAIN;
	return ret;
}

/* Exits first: a context whose entry we have seen must not miss its exit. */
static bool attaches_early(const char *name)
{
	size_t len = strlen(name);

	return strstr(name, "_exit_") || (len > 5 && !strcmp(name + len - 5, "_exit"));
}

static int attach_some(struct wl_session *s, bool early)
{
	for (size_t i = 0; i < wl_nprobes; i++) {
		struct bpf_program *p =
			bpf_object__find_program_by_name(s->bpf->obj, wl_probes[i].program);

		if (!wl_probes[i].tracepoint || !bpf_program__autoload(p) ||
		    attaches_early(wl_probes[i].program) != early)
			continue;
		s->links[i] = bpf_program__attach(p);
		if (!s->links[i]) {
			wl_error("cannot attach to tracepoint %s: %s", wl_probes[i].tracepoint,
				 strerror(errno));
			return -errno;
		}
	}
	return 0;
}

/* Programs that the config does not want are not loaded: no link. */
static int attach_iter(struct bpf_program *p, struct bpf_link **link)
{
	if (!bpf_program__autoload(p))
		return 0;
	*link = bpf_program__attach_iter(p, NULL);
	return *link ? 0 : -errno;
}

static int attach_iter_marks(struct wl_session *s)
{
	struct bpf_program *p = s->bpf->progs.wl_iter_marks;
	union bpf_iter_link_info info = { .map.map_fd =
						  (__u32)bpf_map__fd(s->bpf->maps.wl_mark_sets) };
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));

	if (!bpf_program__autoload(p))
		return 0;
	s->iter_marks = bpf_program__attach_iter(p, &opts);
	return s->iter_marks ? 0 : -errno;
}

static int attach(struct wl_session *s)
{
	int ret = attach_some(s, true);

	if (!ret)
		ret = attach_some(s, false);
	if (ret)
		return ret;
	ret = attach_iter(s->bpf->progs.wl_iter_create, &s->iter_create);
	if (!ret)
		ret = attach_iter(s->bpf->progs.wl_iter_check, &s->iter_check);
	if (!ret)
		ret = attach_iter(s->bpf->progs.wl_iter_stuck, &s->iter_stuck);
	if (!ret)
		ret = attach_iter_marks(s);
	return ret ? ret : attach_iter(s->bpf->progs.wl_iter_dump, &s->iter_dump);
}

static int open_all(struct wl_session *s, const struct wl_kernel *kernel, unsigned int flags)
{
	int ret = load(s, kernel, flags);

	if (!ret)
		ret = map_maps(s);
	if (!ret)
		ret = number_cpus(s);
	if (!ret)
		ret = wl_reports_new(&s->reports, &s->maps);
	if (ret)
		return ret;
	s->ring = ring_buffer__new(bpf_map__fd(s->bpf->maps.wl_slow_ring), on_slow, s, NULL);
	if (!s->ring)
		return -errno;
	if (flags & WL_SESSION_STACKS)
		ret = wl_stacks_new(&s->stacks, bpf_map__fd(s->bpf->maps.wl_stack_ring));
	if (!ret && bpf_program__autoload(s->bpf->progs.wl_mark_usdt))
		ret = wl_marks_new(&s->marks, s->bpf->progs.wl_mark_usdt,
				   s->bpf->progs.wl_mark_uprobe, wl_kernel_patches_marks(kernel));
	return ret ? ret : attach(s);
}

int wl_session_open(struct wl_session **session, const struct wl_config *config,
		    const struct wl_kernel *kernel, unsigned int flags)
{
	const char *missing = wl_probes_missing(kernel);
	struct wl_session *s;
	int ret;

	ret = wl_object_prepare(kernel, flags & WL_SESSION_VERBOSE);
	if (ret)
		return ret;
	if (missing) {
		wl_error("this kernel has no tracepoint %s; see whylate doctor", missing);
		return -EOPNOTSUPP;
	}
	if (config->chain.until == WL_UNTIL_MARK && !wl_kernel_can_mark(kernel)) {
		wl_error("--until mark: this kernel (%s) can't take marks: a probe in user space "
			 "can't turn interrupts off for that (since 6.15)",
			 kernel->release);
		return -EOPNOTSUPP;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->config = *config;
	adapt_config(&s->config, kernel);
	ret = open_all(s, kernel, flags);
	if (ret) {
		wl_session_close(s);
		return ret;
	}
	*session = s;
	return 0;
}

static void unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)p, size);
}

void wl_session_close(struct wl_session *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < PROBES_MAX; i++)
		bpf_link__destroy(s->links[i]);
	bpf_link__destroy(s->iter_create);
	bpf_link__destroy(s->iter_check);
	bpf_link__destroy(s->iter_stuck);
	bpf_link__destroy(s->iter_dump);
	bpf_link__destroy(s->iter_marks);
	ring_buffer__free(s->ring);
	wl_marks_free(s->marks);
	wl_stacks_free(s->stacks);
	wl_reports_free(s->reports);
	unmap(s->maps.cpus, s->maps.cpus_size);
	unmap(s->maps.aggs, s->maps.aggs_size);
	unmap(s->maps.limits, s->maps.limits_size);
	whylate_bpf__destroy(s->bpf);
	wl_ring_maps_free(s->rings);
	free(s);
}

/* --- run --- */

/* Reads an iterator to its end: that is what runs it. */
static int walk(struct bpf_link *link)
{
	int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
	char buf[64];
	ssize_t n;

	if (!link)
		return 0;
	if (fd < 0)
		return fd;
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0 || (n < 0 && errno == EINTR));
	close(fd);
	return n < 0 ? -errno : 0;
}

static int scan_marks(struct wl_session *s)
{
	return s->marks ? wl_marks_scan(s->marks, s->bpf->bss->wl_reach,
					sizeof(s->bpf->bss->wl_reach))
			: 0;
}

/* Tasks that an iterator is not shown can still be asked for, by process id or all together. */
static void preset_reach(struct wl_session *s)
{
	const struct wl_target_config *t = &s->config.target;
	__u8 *reach = s->bpf->bss->wl_reach;
	size_t size = sizeof(s->bpf->bss->wl_reach);

	if (!(t->npids + t->ntids + t->nnames + t->ngroups + t->nusers + t->rt_only + t->spawn))
		memset(reach, 1, size);
	for (uint32_t i = 0; i < t->npids; i++)
		reach[t->pids[i] & (size - 1)] = 1;
}

int wl_session_start(struct wl_session *s)
{
	int ret;

	preset_reach(s);
	ret = walk(s->iter_create);
	if (ret)
		return ret;
	s->started = wl_machine_now();
	__atomic_store_n(&s->bpf->bss->wl_on, 1, __ATOMIC_SEQ_CST);
	/* tasks born between the walk and the switch */
	ret = walk(s->iter_create);
	if (!ret)
		ret = walk(s->iter_check);
	return ret ? ret : scan_marks(s);
}

void wl_session_stop(struct wl_session *s)
{
	__atomic_store_n(&s->bpf->bss->wl_on, 0, __ATOMIC_SEQ_CST);
	s->stopped = wl_machine_now();
}

const struct wl_maps *wl_session_maps(const struct wl_session *s)
{
	return &s->maps;
}

struct wl_marks *wl_session_marks(const struct wl_session *s)
{
	return s->marks;
}

const struct wl_reports *wl_session_reports(const struct wl_session *s)
{
	return s->reports;
}

const struct wl_rings *wl_session_rings(const struct wl_session *s)
{
	return wl_ring_maps_rings(s->rings);
}

struct wl_stacks *wl_session_stacks(const struct wl_session *s)
{
	return s->stacks;
}

bool wl_session_trigger(const struct wl_session *s, struct wl_slow *slow)
{
	const struct wl_pin *pin = &s->bpf->bss->wl_pin;

	if (!__atomic_load_n(&pin->until, __ATOMIC_ACQUIRE) || !pin->id)
		return false;
	memcpy(slow, &s->bpf->bss->wl_trigger, sizeof(*slow));
	return true;
}

/* A seq file gives whole records, unless the reader's buffer ends inside one. */
static int read_tasks(int fd, int (*fn)(void *ctx, const struct wl_task_dump *task), void *ctx)
{
	struct wl_task_dump tasks[16];
	size_t have = 0;
	int ret = 0;

	while (!ret) {
		ssize_t n = read(fd, (char *)tasks + have, sizeof(tasks) - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		have += (size_t)n;
		for (size_t i = 0; !ret && i < have / sizeof(*tasks); i++)
			ret = fn(ctx, &tasks[i]);
		memmove(tasks, (char *)tasks + have / sizeof(*tasks) * sizeof(*tasks),
			have % sizeof(*tasks));
		have %= sizeof(*tasks);
	}
	return ret;
}

int wl_session_dump_tasks(const struct wl_session *s,
			  int (*fn)(void *ctx, const struct wl_task_dump *task), void *ctx)
{
	int fd, ret;

	if (!s->iter_dump)
		return -EINVAL;
	fd = bpf_iter_create(bpf_link__fd(s->iter_dump));
	if (fd < 0)
		return fd;
	ret = read_tasks(fd, fn, ctx);
	close(fd);
	return ret;
}

const struct wl_config *wl_session_config(const struct wl_session *s)
{
	return &s->config;
}

/* Threads that no fork event announces (io_uring's): their state is made at the next walk. */
static void create_missing(struct wl_session *s)
{
	uint64_t missing = wl_maps_counter(&s->maps, WL_CNT_STATE_MISSING);

	if (missing == s->missing)
		return;
	s->missing = missing;
	walk(s->iter_create);
}

/* Users, cgroups and priorities change without an event. */
static void check_targets(struct wl_session *s, uint64_t now)
{
	const struct wl_target_config *t = &s->config.target;

	if (!(t->ngroups || t->nusers || t->rt_only) || now < s->next_check)
		return;
	s->next_check = now + CHECK_PERIOD_NS;
	walk(s->iter_check);
}

int wl_session_poll(struct wl_session *s, wl_report_fn fn, void *ctx)
{
	uint64_t now = wl_machine_now();
	int ret;

	s->fn = fn;
	s->ctx = ctx;
	s->budget = POLL_RECORDS;
	ret = s->stacks ? wl_stacks_poll(s->stacks) : 0;
	if (!ret)
		ret = ring_buffer__consume(s->ring);
	if (now >= s->next_stuck) {
		s->next_stuck = now + STUCK_PERIOD_NS;
		create_missing(s);
		check_targets(s, now);
		if (ret >= 0 && !s->stopped && scan_marks(s))
			ret = -ENOMEM;
		if (s->iter_stuck && ret >= 0 && !s->stopped)
			ret = walk(s->iter_stuck);
		if (s->iter_marks && ret >= 0 && !s->stopped)
			ret = walk(s->iter_marks);
	}
	s->fn = NULL;
	if (ret == -EAGAIN)
		return 1;
	return ret < 0 ? ret : 0;
}

void wl_session_update(struct wl_session *s, double quantile)
{
	wl_maps_update_limits(&s->maps, s->bpf->data->wl_agg_next, quantile, s->config.over_ns);
}

int wl_session_stats(struct wl_session *s, struct wl_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (s->started)
		stats->duration_ns = (s->stopped ? s->stopped : wl_machine_now()) - s->started;
	stats->slow = wl_reports_slow(s->reports);
	stats->timeouts = wl_reports_timeouts(s->reports);
	stats->skipped = wl_object_skipped_runs(s->bpf->obj);
	if (wl_maps_stats(&s->maps, stats))
		return -ENOMEM;
	stats->busy_periods = s->config.chain.until == WL_UNTIL_IDLE &&
			      stats->counters[WL_CNT_MERGED] > 0;
	return 0;
}

void wl_stats_free(struct wl_stats *stats)
{
	free(stats->rows);
	memset(stats, 0, sizeof(*stats));
}

/* Task storage grows and shrinks with the tasks there are. */
static uint64_t task_memory(const struct wl_session *s)
{
	struct sysinfo info;

	if (!s->config.task_storage || sysinfo(&info))
		return 0;
	return (uint64_t)info.procs * sizeof(struct wl_task);
}

uint64_t wl_session_memory(const struct wl_session *s)
{
	struct bpf_map *map;
	uint64_t sum = task_memory(s);

	bpf_object__for_each_map(map, s->bpf->obj) {
		uint64_t entries = bpf_map__max_entries(map);

		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			sum += entries;
		else if (bpf_map__autocreate(map) &&
			 bpf_map__type(map) != BPF_MAP_TYPE_TASK_STORAGE)
			sum += entries * bpf_map__value_size(map);
	}
	return sum + wl_ring_maps_memory(s->rings);
}

size_t wl_session_costs(const struct wl_session *s, struct wl_program_cost *costs, size_t n)
{
	struct bpf_program *p;
	size_t count = 0;

	bpf_object__for_each_program(p, s->bpf->obj) {
		struct bpf_prog_info info;

		if (wl_object_program_info(p, &info))
			continue;
		if (count < n) {
			snprintf(costs[count].name, sizeof(costs[count].name), "%s",
				 bpf_program__name(p));
			costs[count].runs = info.run_cnt;
			costs[count].ns = info.run_time_ns;
		}
		count++;
	}
	return count;
}
