/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The response of sample.h, explained, for the tests of all outputs. */
#ifndef WL_TESTS_OUTPUT_EXPLAINED_H
#define WL_TESTS_OUTPUT_EXPLAINED_H

#include "explain/explained.h"
#include "output/sample.h"

#define EXPLAINED_NODES 64

struct sample_explained {
	struct wl_explained x;
	struct wl_timeline timeline;
	struct wl_tl_request request;
	struct wl_node nodes[EXPLAINED_NODES];
};

static inline struct wl_node *explained_node(struct sample_explained *s, uint32_t parent,
					     unsigned role, unsigned kind, uint64_t at, uint64_t ns)
{
	uint64_t start = s->x.report.slow.path.h.start;
	uint32_t i = (uint32_t)s->x.nnodes++, *link;

	s->nodes[i] = (struct wl_node){
		.from = start + at,
		.to = start + at + ns,
		.ns = ns,
		.parent = parent,
		.first = WL_NODE_NONE,
		.next = WL_NODE_NONE,
		.task = WL_NOBODY,
		.role = (uint8_t)role,
		.kind = (uint8_t)kind,
		.cpu = 1,
		.call = -2,
	};
	if (parent == WL_NODE_NONE)
		return &s->nodes[i];
	s->nodes[i].depth = (uint8_t)(s->nodes[parent].depth + 1);
	for (link = &s->nodes[parent].first; *link != WL_NODE_NONE; link = &s->nodes[*link].next)
		;
	*link = i;
	return &s->nodes[i];
}

static inline const char *explained_irq(const void *ctx, unsigned nr)
{
	return nr == 36 ? "virtio1-req.0" : NULL;
}

static inline const char *explained_device(const void *ctx, uint32_t dev)
{
	return dev == 254u << 20 ? "vda" : NULL;
}

/*
 * irq, softirq_delay, softirq, wakeup (held by logger, the root cause, who waited for a disk),
 * running.
 */
static inline void sample_explain(struct sample_explained *s)
{
	struct wl_who logger;
	struct wl_node *n;

	memset(s, 0, sizeof(*s));
	s->x.report = sample_report();
	logger = s->x.report.cause.who;
	s->x.timeline = &s->timeline;
	s->x.nodes = s->nodes;
	s->timeline.begin = s->x.report.slow.path.h.start - 100000000;
	s->timeline.end = s->x.report.slow.end + 5000000;
	s->timeline.requests = &s->request;
	s->timeline.nrequests = 1;
	s->request = (struct wl_tl_request){
		.queued = s->timeline.begin,
		.issued = s->timeline.begin + 1000000,
		.done = s->timeline.begin + 3000000,
		.sector = 1ull << 40,
		.nsectors = 8,
		.dev = 254u << 20,
		.write = true,
	};
	s->x.names.irq = explained_irq;
	s->x.names.device = explained_device;
	explained_node(s, WL_NODE_NONE, WL_NODE_ROOT, 0, 0, 11991900);
	n = explained_node(s, 0, WL_NODE_PATH, WL_SEG_IRQ, 0, 1800);
	n->who = (struct wl_who){ .ctx = WL_WHO_IRQ, .nr = 36 };
	explained_node(s, 0, WL_NODE_PATH, WL_SEG_SOFTIRQ_DELAY, 1800, 12000);
	explained_node(s, 0, WL_NODE_PATH, WL_SEG_SOFTIRQ, 13800, 20100);
	n = explained_node(s, 0, WL_NODE_PATH, WL_SEG_WAKEUP, 33900, 11920000);
	n->flags = WL_NODE_F_CAUSE;
	n = explained_node(s, 4, WL_NODE_HELD, WL_SEG_RUNNING, 33900, 11000000);
	n->who = logger;
	n->flags = WL_NODE_F_CAUSE | WL_NODE_F_ROOT;
	n = explained_node(s, 5, WL_NODE_REQUEST, WL_SEG_IO, 40000, 3000000);
	n->flags = WL_NODE_F_OTHERS;
	n->count = 2;
	n = explained_node(s, 0, WL_NODE_PATH, WL_SEG_RUNNING, 11953900, 38000);
	n->call = 0;
	n = explained_node(s, 7, WL_NODE_FUNCTION, WL_SEG_RUNNING, 11953900, 0);
	n->text = "spin";
	n->count = 3;
	n->flags = WL_NODE_F_USER;
	s->x.why = WL_WHY_CPU_RT;
	s->x.root = logger;
	s->x.root_cause = 5;
	s->x.root_ns = 11000000;
	s->x.confidence = WL_LIKELY;
	s->x.ncaveats = 1;
	snprintf(s->x.caveats[0], sizeof(s->x.caveats[0]), "12 events of the trace were lost");
	snprintf(s->x.advice, sizeof(s->x.advice), "give it another CPU");
}

/* Every name that comes from the machine, as an attacker would choose it. */
static inline const char *explained_hostile_name(const void *ctx, unsigned nr)
{
	return SAMPLE_HOSTILE;
}

static inline void explained_make_hostile(struct sample_explained *s)
{
	sample_make_hostile(&s->x.report);
	s->x.names = (struct wl_machine_names){
		.irq = explained_hostile_name,
		.device = explained_hostile_name,
		.cgroup = explained_hostile_name,
	};
	for (size_t i = 0; i < s->x.nnodes; i++) {
		if (s->nodes[i].role == WL_NODE_FUNCTION)
			s->nodes[i].text = SAMPLE_HOSTILE;
		memcpy(s->nodes[i].who.comm, SAMPLE_HOSTILE "\x9b\x85", 9);
	}
	memcpy(s->x.root.comm, SAMPLE_HOSTILE, sizeof(SAMPLE_HOSTILE));
	s->x.via = s->x.root;
}

#endif
