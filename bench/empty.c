/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "empty.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <linux/bpf.h>

#include "bench.h"

static int tracepoint_type(const struct wl_kernel *kernel, const char *tracepoint)
{
	char name[80];

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	return btf__find_by_name_kind(kernel->btf, name, BTF_KIND_TYPEDEF);
}

static void attach_one(struct empty *e, const struct wl_kernel *kernel, const char *tracepoint)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = (__u32)tracepoint_type(kernel, tracepoint));

	e->program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "wl_bench_empty", "Dual BSD/GPL", code,
				   sizeof(code) / sizeof(code[0]), &opts);
	if (e->program < 0)
		die("no empty program for %s: %s", tracepoint, strerror(errno));
	e->link = bpf_raw_tracepoint_open(NULL, e->program);
	if (e->link < 0)
		die("no empty program on %s: %s", tracepoint, strerror(errno));
}

int empty_attach(struct empty empties[EMPTY_MAX], const struct wl_kernel *kernel,
		 const struct wl_config *config)
{
	int n = 0;

	for (size_t i = 0; i < EMPTY_MAX; i++) {
		empties[i] = (struct empty){ -1, -1 };
		if (i >= wl_nprobes || !wl_probes[i].tracepoint ||
		    !wl_probe_wanted(&wl_probes[i], kernel, config))
			continue;
		attach_one(&empties[i], kernel, wl_probes[i].tracepoint);
		n++;
	}
	return n;
}

void empty_detach(struct empty empties[EMPTY_MAX])
{
	for (size_t i = 0; i < EMPTY_MAX; i++) {
		if (empties[i].link >= 0)
			close(empties[i].link);
		if (empties[i].program >= 0)
			close(empties[i].program);
	}
}
