/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/track_capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/control.h"

#define PERIOD_NS 1000000000ull
#define ANSWER_MS 10000

bool wl_track_capture_possible(void)
{
	pid_t pid;

	return wl_control_find(WL_CONTROL_DIR, &pid, 1) > 0;
}

static void *ask(void *arg)
{
	struct wl_track_capture *c = arg;
	pid_t pid;
	int n = wl_control_find(WL_CONTROL_DIR, &pid, 1);

	if (n <= 0) {
		c->ret = -ESRCH;
		snprintf(c->text, sizeof(c->text), "no whylate watch is running here");
	} else {
		c->ret = wl_control_now(WL_CONTROL_DIR, pid, ANSWER_MS, c->text, sizeof(c->text));
		if (c->ret && c->ret != -EREMOTEIO)
			snprintf(c->text, sizeof(c->text), "whylate watch %d: %s", (int)pid,
				 strerror(-c->ret));
	}
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void wl_track_capture_ask(struct wl_track_capture *c, uint64_t id, uint64_t now)
{
	if (c->busy || now < c->next) {
		c->skipped++;
		return;
	}
	c->next = now + PERIOD_NS;
	c->id = id;
	c->done = false;
	c->text[0] = '\0';
	c->busy = !pthread_create(&c->thread, NULL, ask, c);
}

bool wl_track_capture_answer(struct wl_track_capture *c, bool wait)
{
	if (!c->busy || (!wait && !__atomic_load_n(&c->done, __ATOMIC_ACQUIRE)))
		return false;
	pthread_join(c->thread, NULL);
	c->busy = false;
	return true;
}
