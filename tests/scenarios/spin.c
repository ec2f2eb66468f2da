// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "spin.h"

#include <errno.h>
#include <sched.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "spin.skel.h"

static struct spin_bpf *skel;

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int scn_spin_open(unsigned more)
{
	int err;

	libbpf_set_print(silent);
	skel = spin_bpf__open();
	if (!skel)
		return -errno;
	bpf_program__set_autoload(skel->progs.scn_timer, more & SCN_SPIN_TIMER);
	bpf_program__set_autoload(skel->progs.scn_line, more & SCN_SPIN_LINE);
	err = spin_bpf__load(skel);
	return err ? err : spin_bpf__attach(skel);
}

static int run_on(struct bpf_program *program, unsigned cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

	return bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
}

static void take(struct scn_span *span)
{
	*span = (struct scn_span){ skel->bss->spin_from, skel->bss->spin_to };
}

int scn_spin_irq(unsigned cpu, uint64_t ns, struct scn_span *span)
{
	int err;

	skel->bss->spin_ns = ns;
	err = run_on(skel->progs.scn_spin, cpu);
	take(span);
	return err;
}

void scn_spin_arm_line(unsigned nr, uint64_t ns)
{
	skel->bss->spin_ns = ns;
	skel->bss->spin_to = 0;
	skel->bss->line_nr = nr;
	__atomic_store_n(&skel->bss->line_left, 1, __ATOMIC_RELEASE);
}

/* One that is armed and taken may not be over yet. */
int scn_spin_line_took(struct scn_span *span, unsigned *cpu)
{
	if (__atomic_exchange_n(&skel->bss->line_left, 0, __ATOMIC_ACQUIRE))
		return -ETIME;
	while (!skel->bss->spin_to)
		;
	take(span);
	*cpu = skel->bss->line_cpu;
	return 0;
}

static void set_left(unsigned times)
{
	__atomic_store_n(&skel->bss->softirq_left, times, __ATOMIC_RELEASE);
}

void scn_spin_arm_softirqs(const struct scn_softirqs *softirqs)
{
	skel->bss->spin_ns = softirqs->ns;
	skel->bss->softirq_cpu = softirqs->cpu;
	skel->bss->softirq_nr = softirqs->nr;
	skel->bss->softirq_tid = softirqs->tid;
	skel->bss->softirq_sum = 0;
	set_left(softirqs->times);
}

void scn_spin_disarm_softirqs(void)
{
	set_left(0);
}

unsigned scn_spin_softirq_runs(void)
{
	return skel->bss->softirq_runs;
}

uint64_t scn_spin_softirq_sum(void)
{
	return skel->bss->softirq_sum;
}

bool scn_spin_softirq_deferred(void)
{
	return skel->bss->softirq_deferred;
}

int scn_spin_softirq_took(struct scn_span *span)
{
	take(span);
	return __atomic_exchange_n(&skel->bss->softirq_left, 0, __ATOMIC_ACQUIRE) ? -ETIME : 0;
}

int scn_spin_timer(uint64_t first_ns, uint64_t ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err;

	skel->bss->timer_first_ns = first_ns;
	skel->bss->timer_ns = ns;
	err = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.scn_timer), &opts);
	return err ? err : opts.retval ? -ENOTSUP : 0;
}

bool scn_spin_timer_again(void)
{
	return skel->bss->timer_runs == 2;
}

uint64_t scn_stolen_ns(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < sizeof(skel->bss->stolen) / sizeof(skel->bss->stolen[0]);
	     cpu++) {
		if (run_on(skel->progs.scn_stolen, cpu))
			break;
		sum += skel->bss->stolen[cpu];
	}
	return sum;
}
