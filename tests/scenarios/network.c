// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "network.h"

#include "scenario.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#define RPS_FILE "/sys/class/net/lo/queues/rx-0/rps_cpus"
#define MASK_BITS 32

static int lo_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int err = fd < 0 ? -errno : 0;

	if (!err && ioctl(fd, SIOCSIFFLAGS, &request))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* The kernel reads a mask as words of 32 bits, the highest one first. */
static int receive_on(unsigned cpu)
{
	FILE *f = fopen(RPS_FILE, "we");

	if (!f)
		return -errno;
	fprintf(f, "%x", 1u << cpu % MASK_BITS);
	for (unsigned i = 0; i < cpu / MASK_BITS; i++)
		fprintf(f, ",0");
	return fclose(f) ? -errno : 0;
}

void scn_network_make(unsigned cpu)
{
	int err;

	/* sysfs shows the network of who has mounted it */
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		scn_skip("network namespace: %s", strerror(errno));
	err = lo_up();
	if (!err)
		err = receive_on(cpu);
	if (err)
		scn_skip("%s: %s", RPS_FILE, strerror(-err));
}
