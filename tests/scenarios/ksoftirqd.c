// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Softirqs have taken longer than the kernel allows them (2 ms), so that ksoftirqd has to do the
 * rest. It is at a long one when the request's packet arrives: the packet's softirq is pending and
 * waits for ksoftirqd, though the worker's CPU has nothing else to do.
 *
 * A hog that keeps ksoftirqd from the CPU is not worth a scenario: since Linux 6.4 the end of any
 * interrupt, at the latest the next tick, does what is pending, too.
 */
#include "scenario.h"

#include <dirent.h>

#define NET_RX 3
#define FIRST (3 * MSEC)
#define KSOFTIRQD_PRIO 50
#define TIMEOUT (50 * MSEC)

static pid_t ksoftirqd;

static bool is_named(const char *pid, const char *name)
{
	char path[300], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = 0;
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	return !strcmp(comm, name);
}

static void prepare(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char name[32];

	snprintf(name, sizeof(name), "ksoftirqd/%u", scn->cpu);
	while (proc && !ksoftirqd && (entry = readdir(proc)))
		if (is_named(entry->d_name, name))
			ksoftirqd = atoi(entry->d_name);
	if (proc)
		closedir(proc);
	if (!ksoftirqd)
		scn_skip("no %s", name);
}

/*
 * For the length of a round: beside normal tasks of others it might have to wait for the CPU, and
 * the next tick would do its work.
 */
static void set_policy(int policy, int prio)
{
	struct sched_param param = { .sched_priority = prio };

	if (sched_setscheduler(ksoftirqd, policy, &param))
		scn_skip("ksoftirqd: %s", strerror(errno));
}

/* The timer belongs to the CPU that starts it. Back when ksoftirqd is at the long one. */
static void start_storm(void)
{
	uint64_t end = now_ns() + TIMEOUT;
	int err;

	pin_to((int)scn->cpu);
	err = scn_spin_timer(FIRST, scn->ns);
	pin_to((int)scn->other);
	if (err) {
		set_policy(SCHED_OTHER, 0);
		scn_skip("BPF timer: %s", strerror(-err));
	}
	while (!scn_spin_timer_again() && now_ns() < end)
		;
}

/* It lasts from the request's packet to where ksoftirqd begins with it. */
static void make_late(void)
{
	struct scn_softirqs receive = { .cpu = scn->cpu, .nr = NET_RX, .times = 1 };
	struct scn_span begun;

	if (scn->ns) {
		set_policy(SCHED_FIFO, KSOFTIRQD_PRIO);
		start_storm();
	}
	scn_spin_arm_softirqs(&receive);
	scn_ask();
	while (scn->answered < scn->asked && now_ns() < scn->asked_at + SCN_PATIENCE)
		sleep_ns(100000);
	set_policy(SCHED_OTHER, 0);
	if (!scn_spin_softirq_took(&begun) && scn_spin_softirq_deferred())
		scn->span = (struct scn_span){ scn->asked_at, begun.from };
}

static void expect(void)
{
	printf("softirq");
}

static const struct scenario scenario = {
	.why = "softirq",
	.home = SCN_UDP_THERE,
	.timer = true,
	.min_ns = 10 * MSEC,
	.max_ns = 15 * MSEC,
	.prepare = prepare,
	.make_late = make_late,
	.expect = expect,
};

int main(int argc, char **argv)
{
	return scn_main(argc, argv, &scenario);
}
