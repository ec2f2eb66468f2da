/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "capture/cgroups.h"
#include "capture/config_file.h"
#include "capture/json_file.h"
#include "util/file.h"
#include "util/parse.h"

#define IRQS_MAX 4096
#define NODES_MAX 256

struct irq {
	uint32_t nr;
	char name[64];      /* its handlers */
	char affinity[128]; /* "0-3,8" */
};

struct node {
	uint32_t nr;
	char cpus[128];
};

struct wl_state {
	struct utsname uname;
	char boot_id[64], source[64];
	char possible[128], online[128];
	struct wl_cgroups *cgroups;
	struct irq *irqs;
	struct node *nodes;
	size_t nirqs, nnodes;
};

/* --- read --- */

/* "" if it can't be read. */
static void read_text(const char *path, char *text, size_t size)
{
	if (wl_file_read_line(path, text, size))
		text[0] = '\0';
}

/* A line without a handler is not used. */
static bool read_irq(struct irq *irq, uint32_t nr)
{
	char path[64];

	irq->nr = nr;
	snprintf(path, sizeof(path), "/sys/kernel/irq/%u/actions", nr);
	read_text(path, irq->name, sizeof(irq->name));
	if (!irq->name[0])
		return false;
	snprintf(path, sizeof(path), "/proc/irq/%u/smp_affinity_list", nr);
	read_text(path, irq->affinity, sizeof(irq->affinity));
	return true;
}

static int compare_irqs(const void *a, const void *b)
{
	const struct irq *x = a, *y = b;

	return (x->nr > y->nr) - (x->nr < y->nr);
}

static int read_irqs(struct wl_state *s)
{
	DIR *dir = opendir("/sys/kernel/irq");
	struct dirent *e;
	uint32_t nr;

	s->irqs = calloc(IRQS_MAX, sizeof(*s->irqs));
	while (s->irqs && dir && s->nirqs < IRQS_MAX && (e = readdir(dir)))
		if (!wl_parse_uint32(e->d_name, &nr))
			s->nirqs += read_irq(&s->irqs[s->nirqs], nr);
	if (dir)
		closedir(dir);
	if (!s->irqs)
		return -ENOMEM;
	qsort(s->irqs, s->nirqs, sizeof(*s->irqs), compare_irqs);
	return 0;
}

static int read_nodes(struct wl_state *s)
{
	char path[64];

	s->nodes = calloc(NODES_MAX, sizeof(*s->nodes));
	if (!s->nodes)
		return -ENOMEM;
	for (uint32_t nr = 0; nr < NODES_MAX; nr++) {
		struct node *node = &s->nodes[s->nnodes];

		node->nr = nr;
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", nr);
		s->nnodes += !wl_file_read_line(path, node->cpus, sizeof(node->cpus));
	}
	return 0;
}

int wl_state_new(struct wl_state **state)
{
	struct wl_state *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	uname(&s->uname);
	read_text("/proc/sys/kernel/random/boot_id", s->boot_id, sizeof(s->boot_id));
	read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource", s->source,
		  sizeof(s->source));
	read_text("/sys/devices/system/cpu/possible", s->possible, sizeof(s->possible));
	read_text("/sys/devices/system/cpu/online", s->online, sizeof(s->online));
	ret = read_irqs(s);
	if (!ret)
		ret = read_nodes(s);
	if (!ret)
		ret = wl_cgroups_new(&s->cgroups);
	if (ret)
		wl_state_free(s);
	else
		*state = s;
	return ret;
}

void wl_state_free(struct wl_state *s)
{
	if (!s)
		return;
	wl_cgroups_free(s->cgroups);
	free(s->irqs);
	free(s->nodes);
	free(s);
}

/* --- write --- */

static void put_kernel(struct wl_json *j, const struct wl_state *s,
		       const struct wl_state_info *info)
{
	wl_json_string(j, "hostname", s->uname.nodename);
	wl_json_object(j, "kernel");
	wl_json_string(j, "release", s->uname.release);
	wl_json_string(j, "version", s->uname.version);
	wl_json_string(j, "machine", s->uname.machine);
	wl_json_bool(j, "preempt_rt", info->config->chain.rt);
	wl_json_object_end(j);
	wl_json_object(j, "cpus");
	wl_json_string(j, "possible", s->possible);
	wl_json_string(j, "online", s->online);
	wl_json_object_end(j);
	wl_json_array(j, "nodes");
	for (size_t i = 0; i < s->nnodes; i++) {
		wl_json_object(j, NULL);
		wl_json_u64(j, "node", s->nodes[i].nr);
		wl_json_string(j, "cpus", s->nodes[i].cpus);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void put_clock(struct wl_json *j, const struct wl_state *s, const struct wl_state_info *info)
{
	wl_json_object(j, "clock");
	wl_json_string(j, "name", "monotonic");
	wl_json_string_or_null(j, "boot_id", s->boot_id);
	wl_json_string_or_null(j, "source", s->source);
	wl_json_decimal(j, "to_realtime_ns", (uint64_t)info->real_offset);
	wl_json_object_end(j);
}

static void put_irqs(struct wl_json *j, const struct wl_state *s)
{
	wl_json_array(j, "irqs");
	for (size_t i = 0; i < s->nirqs; i++) {
		wl_json_object(j, NULL);
		wl_json_u64(j, "irq", s->irqs[i].nr);
		wl_json_string(j, "name", s->irqs[i].name);
		wl_json_string_or_null(j, "affinity", s->irqs[i].affinity);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

/* Read now: disks come and go. */
static void put_devices(struct wl_json *j)
{
	FILE *f = fopen("/proc/partitions", "re");
	unsigned major, minor;
	char line[256], name[64];

	wl_json_array(j, "devices");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%u %u %*u %63s", &major, &minor, name) != 3)
			continue;
		wl_json_object(j, NULL);
		wl_json_u64(j, "major", major);
		wl_json_u64(j, "minor", minor);
		wl_json_string(j, "name", name);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
	if (f)
		fclose(f);
}

static void put_cgroups(struct wl_json *j, const struct wl_state *s,
			const struct wl_state_info *info)
{
	wl_json_array(j, "cgroups");
	for (size_t i = 0; i < info->npids; i++)
		wl_cgroups_put(s->cgroups, j, info->pids[i]);
	wl_json_array_end(j);
}

static void put_options(struct wl_json *j, const struct wl_state_info *info)
{
	wl_json_object(j, "options");
	wl_json_string(j, "command_line", info->command_line);
	wl_json_string(j, "target", info->target);
	wl_json_u64(j, "post_ns", info->post_ns);
	wl_json_object_end(j);
	wl_json_object(j, "config");
	wl_config_put(j, info->config);
	wl_json_object_end(j);
}

static void put_counts(struct wl_json *j, uint32_t cpu, const struct wl_cpu_counts *c)
{
	wl_json_object(j, NULL);
	wl_json_u64(j, "cpu", cpu);
	wl_json_decimal(j, "begin", c->begin);
	wl_json_decimal(j, "end", c->end);
	wl_json_u64(j, "written", c->written);
	wl_json_u64(j, "read", c->read);
	wl_json_u64(j, "lost", c->lost);
	wl_json_u64(j, "left_out", c->left_out);
	wl_json_u64(j, "refused", c->refused);
	wl_json_u64(j, "packets", c->packets);
	wl_json_u64(j, "holes", c->holes);
	wl_json_object_end(j);
}

static void put_window(struct wl_json *j, const struct wl_state_info *info)
{
	wl_json_object(j, "window");
	wl_json_decimal(j, "from", info->from);
	wl_json_decimal(j, "begin", info->begin);
	wl_json_decimal(j, "end", info->end);
	wl_json_object_end(j);
	wl_json_array(j, "streams");
	for (uint32_t cpu = 0; cpu < info->ncpu; cpu++)
		put_counts(j, cpu, info->counts[cpu]);
	wl_json_array_end(j);
}

int wl_state_save(const struct wl_state *s, int dirfd, const struct wl_state_info *info)
{
	struct wl_json j;
	int ret = wl_json_file_begin(&j, dirfd, WL_MACHINE_FILE, "machine");

	if (ret)
		return ret;
	wl_json_string(&j, "version", WL_VERSION);
	wl_json_string(&j, "kind", info->kind);
	put_kernel(&j, s, info);
	put_clock(&j, s, info);
	put_irqs(&j, s);
	put_devices(&j);
	put_cgroups(&j, s, info);
	put_options(&j, info);
	put_window(&j, info);
	return wl_json_file_end(&j);
}
