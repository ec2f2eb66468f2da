/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate doctor: what this kernel and these privileges allow, and what an event costs here. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "cli/verbs.h"
#include "live/cost.h"
#include "live/probes.h"
#include "output/json.h"
#include "util/message.h"

#define CHECKS_MAX 40

/* One line of the report. */
struct check {
	const char *name;
	const char *without; /* what its absence costs */
	bool ok, needed;
	int missing; /* tracepoints of a group that are not there */
	char example[64];
};

struct doctor {
	struct wl_kernel kernel;
	struct check checks[CHECKS_MAX];
	size_t nchecks;
	bool json;
};

static struct check *add_check(struct doctor *d, const char *name, bool ok, bool needed,
			       const char *without)
{
	struct check *c = &d->checks[d->nchecks < CHECKS_MAX ? d->nchecks++ : CHECKS_MAX - 1];

	*c = (struct check){ .name = name, .without = without, .ok = ok, .needed = needed };
	return c;
}

/* Tracepoints whose absence costs the same are one line. */
static struct check *find_group(struct doctor *d, const struct wl_probe *p)
{
	for (size_t i = 0; i < d->nchecks; i++)
		if (!strcmp(d->checks[i].without, p->without))
			return &d->checks[i];
	return add_check(d, "tracepoints", true, p->need == WL_PROBE_CORE, p->without);
}

/* Vectors that only some processors have are no loss where they are not. */
static bool is_expected(const struct wl_probe *p)
{
	static const char *const rare[] = { "threshold_apic", "deferred_error_apic", "thermal_apic",
					    "x86_platform_ipi" };

	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (!strncmp(p->tracepoint, rare[i], strlen(rare[i])))
			return false;
	return true;
}

static void check_tracepoints(struct doctor *d)
{
	for (size_t i = 0; i < wl_nprobes; i++) {
		const struct wl_probe *p = &wl_probes[i];
		struct check *c;

		if (!p->tracepoint || !p->without[0] || !is_expected(p))
			continue;
		c = find_group(d, p);
		if (!c->example[0])
			snprintf(c->example, sizeof(c->example), "%s", p->tracepoint);
		if (wl_kernel_has_tracepoint(&d->kernel, p->tracepoint))
			continue;
		snprintf(c->example, sizeof(c->example), "%s", p->tracepoint);
		c->ok = false;
		c->missing++;
	}
}

static void check_kernel(struct doctor *d)
{
	const struct wl_kernel *k = &d->kernel;

	add_check(d, "BTF (/sys/kernel/btf/vmlinux)", k->btf != NULL, true,
		  "nothing works: build the kernel with CONFIG_DEBUG_INFO_BTF=y");
	add_check(d, "safe task storage", k->task_storage, false,
		  "tasks are kept in a hash of fixed size instead (kernels before 6.4)");
	add_check(d, "steal time of the run queue", k->steal, false,
		  "time that a hypervisor takes counts as running");
	add_check(d, "CPU quota of the run queue", k->throttled, false,
		  "time out of CPU quota counts as preempted");
	add_check(d, "kallsyms", !access("/proc/kallsyms", R_OK), false,
		  "stacks of unfinished work are numbers");
	add_check(d, "kprobes", !access("/sys/bus/event_source/devices/kprobe", F_OK), false,
		  "`track --in kprobe:...` is refused");
}

/* Loading needs privileges and a kernel that accepts the programs: only trying tells. */
static int check_loading(struct doctor *d, struct wl_costs *costs)
{
	int ret = d->kernel.btf ? wl_costs_measure(&d->kernel, costs) : -EOPNOTSUPP;

	add_check(d, "loading and attaching the programs", !ret, true,
		  ret == -EPERM ? "nothing works: run it as root, or with CAP_BPF and CAP_PERFMON"
				: "nothing works: whylate watch -v says why");
	return ret;
}

static void print_check(const struct check *c)
{
	const char *answer = c->ok ? "yes" : c->needed ? "NO " : "no ";

	if (c->example[0])
		printf("  %s  %s such as %s\n", answer, c->name, c->example);
	else
		printf("  %s  %s\n", answer, c->name);
	if (!c->ok)
		printf("         without: %s\n", c->without);
}

static const char *short_name(const char *program)
{
	return strncmp(program, "wl_", 3) ? program : program + 3;
}

static void print_costs(const struct wl_costs *costs)
{
	printf("\nns per event where nothing is followed, beyond an empty BPF program (%.0f ns);\n"
	       "a second's quick look, bench/run measures properly\n",
	       costs->empty_ns);
	for (size_t i = 0; i < costs->n; i++) {
		const struct wl_program_cost *p = &costs->programs[i];

		printf("  %-28s %6.0f  (%llu runs)\n", short_name(p->name),
		       (double)p->ns / (double)p->runs - costs->empty_ns,
		       (unsigned long long)p->runs);
	}
}

static void print_text(const struct doctor *d, const struct wl_costs *costs)
{
	printf("whylate %s on Linux %s%s, %u CPUs\n\nneeded\n", WL_VERSION, d->kernel.release,
	       d->kernel.rt ? " PREEMPT_RT" : "", d->kernel.ncpu);
	for (size_t i = 0; i < d->nchecks; i++)
		if (d->checks[i].needed)
			print_check(&d->checks[i]);
	printf("\nbetter with\n");
	for (size_t i = 0; i < d->nchecks; i++)
		if (!d->checks[i].needed)
			print_check(&d->checks[i]);
	if (costs->n)
		print_costs(costs);
}

static void json_checks(struct wl_json *j, const struct doctor *d)
{
	wl_json_array(j, "checks");
	for (size_t i = 0; i < d->nchecks; i++) {
		const struct check *c = &d->checks[i];

		wl_json_object(j, NULL);
		wl_json_string(j, "name", c->name);
		wl_json_string_or_null(j, "example", c->example);
		wl_json_bool(j, "ok", c->ok);
		wl_json_bool(j, "needed", c->needed);
		wl_json_string(j, "without", c->without);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void json_costs(struct wl_json *j, const struct wl_costs *costs)
{
	wl_json_double(j, "empty_ns", costs->empty_ns, 1);
	wl_json_array(j, "programs");
	for (size_t i = 0; i < costs->n; i++) {
		const struct wl_program_cost *p = &costs->programs[i];

		wl_json_object(j, NULL);
		wl_json_string(j, "name", short_name(p->name));
		wl_json_u64(j, "runs", p->runs);
		wl_json_double(j, "ns_over_empty",
			       (double)p->ns / (double)p->runs - costs->empty_ns, 1);
		wl_json_object_end(j);
	}
	wl_json_array_end(j);
}

static void print_json(const struct doctor *d, const struct wl_costs *costs)
{
	struct wl_json j;

	wl_json_init(&j, stdout);
	wl_json_object(&j, NULL);
	wl_json_string(&j, "type", "doctor");
	wl_json_u64(&j, "v", 1);
	wl_json_string(&j, "version", WL_VERSION);
	wl_json_string(&j, "kernel", d->kernel.release);
	wl_json_bool(&j, "rt", d->kernel.rt);
	wl_json_u64(&j, "cpus", d->kernel.ncpu);
	json_checks(&j, d);
	json_costs(&j, costs);
	wl_json_object_end(&j);
	wl_json_line_end(&j);
}

static bool all_needed(const struct doctor *d)
{
	for (size_t i = 0; i < d->nchecks; i++)
		if (d->checks[i].needed && !d->checks[i].ok)
			return false;
	return true;
}

static int parse(struct doctor *d, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			d->json = true;
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			puts("usage: whylate doctor [--json]\n\n"
			     "Says what this kernel and these privileges allow, what the absence of each\n"
			     "thing costs, and what an event costs on this machine (a second's load).\n"
			     "Exit status 3: something that is needed is missing.");
			return 1;
		} else {
			wl_error("doctor: '%s' is not an option (see whylate doctor --help)",
				 argv[i]);
			return -EINVAL;
		}
	}
	return 0;
}

int wl_doctor_main(int argc, char **argv)
{
	struct doctor d = { 0 };
	struct wl_costs costs = { 0 };
	int ret = parse(&d, argc, argv);

	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	ret = wl_kernel_open(&d.kernel);
	if (ret) {
		wl_error("cannot read this machine: %s", strerror(-ret));
		return WL_EXIT_FAILED;
	}
	check_kernel(&d);
	check_tracepoints(&d);
	check_loading(&d, &costs);
	if (d.json)
		print_json(&d, &costs);
	else
		print_text(&d, &costs);
	wl_kernel_close(&d.kernel);
	return all_needed(&d) ? WL_EXIT_OK : WL_EXIT_UNSUPPORTED;
}
