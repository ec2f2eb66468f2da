/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "tracker/wheel.h"

#include <errno.h>
#include <stdlib.h>

#define MIN_GRANULARITY 1000000ull /* 1 ms */

/* wheel_next: 0 off the wheel, 1 last of its list, else the next one's offset + 2. */
#define LAST 1u

int wl_wheel_init(struct wl_wheel *wheel, unsigned pools)
{
	wheel->pools = pools;
	wheel->head = calloc((size_t)WL_WHEEL_SLOTS * pools, sizeof(*wheel->head));
	return wheel->head ? 0 : -ENOMEM;
}

void wl_wheel_fini(struct wl_wheel *wheel)
{
	free(wheel->head);
}

void wl_wheel_start(struct wl_wheel *wheel, uint64_t now, uint64_t horizon)
{
	/* One slot is being worked off, and one may be cut by `now`. */
	uint64_t granularity = horizon / (WL_WHEEL_SLOTS - 2) + 1;

	wheel->granularity = granularity > MIN_GRANULARITY ? granularity : MIN_GRANULARITY;
	wheel->now = now - now % wheel->granularity;
}

static unsigned slot_at(const struct wl_wheel *wheel, uint64_t time)
{
	return (unsigned)(time / wheel->granularity % WL_WHEEL_SLOTS);
}

void wl_wheel_add(struct wl_wheel *wheel, struct latency_tracker_event *event, uint64_t deadline)
{
	uint64_t last = wheel->now + (WL_WHEEL_SLOTS - 1) * wheel->granularity;
	uint64_t time = deadline < wheel->now ? wheel->now : deadline > last ? last : deadline;
	unsigned slot = slot_at(wheel, time);
	uint32_t *head = &wheel->head[(size_t)slot * wheel->pools + wl_pool_of(event)->cpu];

	event->wheel_next = *head + 1;
	*head = event->offset + 1;
	wheel->slot_count[slot]++;
	wheel->count++;
}

static struct latency_tracker_event *take_from(struct wl_wheel *wheel, unsigned slot,
					       struct wl_pool *const *pools)
{
	uint32_t *head = &wheel->head[(size_t)slot * wheel->pools];
	struct latency_tracker_event *event;
	unsigned cpu = 0;

	while (!head[cpu])
		cpu++;
	event = wl_pool_at_offset(pools[cpu], head[cpu] - 1);
	head[cpu] = event->wheel_next - LAST;
	event->wheel_next = 0;
	wheel->slot_count[slot]--;
	wheel->count--;
	return event;
}

bool wl_wheel_take(struct wl_wheel *wheel, struct wl_pool *const *pools, uint64_t now,
		   struct latency_tracker_event **event)
{
	while (wheel->count && wheel->now + wheel->granularity <= now) {
		unsigned slot = slot_at(wheel, wheel->now);

		if (wheel->slot_count[slot]) {
			*event = take_from(wheel, slot, pools);
			return true;
		}
		wheel->now += wheel->granularity;
	}
	if (!wheel->count && wheel->now < now)
		wheel->now = now - now % wheel->granularity;
	return false;
}

void wl_wheel_clear(struct wl_wheel *wheel, struct wl_pool *const *pools)
{
	for (unsigned slot = 0; slot < WL_WHEEL_SLOTS; slot++)
		while (wheel->slot_count[slot])
			take_from(wheel, slot, pools);
}

uint64_t wl_wheel_next(const struct wl_wheel *wheel)
{
	uint64_t time = wheel->now;

	if (!wheel->count)
		return UINT64_MAX;
	while (!wheel->slot_count[slot_at(wheel, time)])
		time += wheel->granularity;
	return time + wheel->granularity;
}
