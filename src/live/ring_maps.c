/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/ring_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/message.h"

struct wl_ring_maps {
	struct wl_rings rings;
	const struct wl_ring **ring;
	int *fd;
};

/* Bytes of one ring's map. */
static size_t map_size(size_t size)
{
	return WL_RING_PAGE + size + WL_RING_SLACK;
}

/* The memory node of a CPU; -1: the machine has one node, or does not say. */
static int node_of(uint32_t cpu)
{
	char path[64];
	struct dirent *entry;
	int node = -1;
	DIR *dir;

	if (access("/sys/devices/system/node/node1", F_OK))
		return -1;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u", cpu);
	dir = opendir(path);
	if (!dir)
		return -1;
	while (node < 0 && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "node%d", &node) != 1)
			node = -1;
	closedir(dir);
	return node;
}

/*
 * A CPU that is not there (yet) gets memory of any node; all maps must have the same flags to be
 * exchangeable.
 */
static int create_map(uint32_t cpu, size_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	bool nodes = !access("/sys/devices/system/node/node1", F_OK);
	int node = nodes ? node_of(cpu) : -1;

	if (nodes) {
		opts.map_flags |= BPF_F_NUMA_NODE;
		opts.numa_node = node < 0 ? 0 : (uint32_t)node;
	}
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "wl_ring", sizeof(uint32_t),
			      (uint32_t)map_size(size), 1, &opts);
}

static int refused(const struct wl_ring_maps *maps, int err)
{
	if (err == -EPERM)
		wl_error(
			"not allowed to make BPF maps: run it as root, or with CAP_BPF and CAP_PERFMON");
	else
		wl_error(
			"no memory for the flight recorder, %zu KiB for each of %u CPUs: %s (try a smaller --ring, or raise the limit of this process's memory cgroup)",
			maps->rings.size >> 10, maps->rings.ncpu, strerror(-err));
	return err;
}

static int make_one(struct wl_ring_maps *m, uint32_t cpu)
{
	void *p;

	m->fd[cpu] = create_map(cpu, m->rings.size);
	if (m->fd[cpu] < 0)
		return m->fd[cpu];
	p = mmap(NULL, map_size(m->rings.size), PROT_READ, MAP_SHARED, m->fd[cpu], 0);
	if (p == MAP_FAILED)
		return -errno;
	m->ring[cpu] = p;
	return 0;
}

int wl_ring_maps_new(struct wl_ring_maps **maps, uint32_t ncpu, size_t size)
{
	struct wl_ring_maps *m = calloc(1, sizeof(*m));
	int ret = 0;

	if (!m)
		return -ENOMEM;
	m->rings.ncpu = ncpu;
	m->rings.size = size;
	m->ring = calloc(ncpu, sizeof(void *));
	m->fd = calloc(ncpu, sizeof(*m->fd));
	m->rings.ring = m->ring;
	if (!m->ring || !m->fd) {
		wl_ring_maps_free(m);
		return -ENOMEM;
	}
	for (uint32_t cpu = 0; cpu < ncpu; cpu++)
		m->fd[cpu] = -1;
	for (uint32_t cpu = 0; !ret && cpu < ncpu; cpu++)
		ret = make_one(m, cpu);
	if (ret) {
		refused(m, ret);
		wl_ring_maps_free(m);
		return ret;
	}
	*maps = m;
	return 0;
}

void wl_ring_maps_free(struct wl_ring_maps *m)
{
	if (!m)
		return;
	for (uint32_t cpu = 0; m->ring && m->fd && cpu < m->rings.ncpu; cpu++) {
		if (m->ring[cpu])
			munmap((void *)m->ring[cpu], map_size(m->rings.size));
		if (m->fd[cpu] >= 0)
			close(m->fd[cpu]);
	}
	free(m->ring);
	free(m->fd);
	free(m);
}

int wl_ring_maps_prepare(struct wl_ring_maps *m, struct bpf_map *outer)
{
	int ret;

	if (!m)
		return bpf_map__set_autocreate(outer, false);
	ret = bpf_map__set_max_entries(outer, m->rings.ncpu);
	return ret ? ret : bpf_map__set_inner_map_fd(outer, m->fd[0]);
}

int wl_ring_maps_fill(struct wl_ring_maps *m, struct bpf_map *outer, struct wl_pin *pin)
{
	int ret = 0;

	if (!m)
		return 0;
	m->rings.pin = pin;
	for (uint32_t cpu = 0; !ret && cpu < m->rings.ncpu; cpu++)
		ret = bpf_map_update_elem(bpf_map__fd(outer), &cpu, &m->fd[cpu], BPF_ANY);
	return ret;
}

const struct wl_rings *wl_ring_maps_rings(const struct wl_ring_maps *m)
{
	return m ? &m->rings : NULL;
}

uint64_t wl_ring_maps_memory(const struct wl_ring_maps *m)
{
	return m ? (uint64_t)m->rings.ncpu * map_size(m->rings.size) : 0;
}
