/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The thread that measures polls, and the one that takes captures picks: it cannot rely on the
 * other having polled, which may be waiting for it.
 */
#include "live/stacks.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 512

struct wl_stacks {
	pthread_mutex_t mutex;
	struct ring_buffer *ring;
	struct wl_stack kept[KEPT];
	size_t count; /* ever */
};

static int keep(void *ctx, void *data, size_t size)
{
	struct wl_stacks *s = ctx;

	if (size >= sizeof(s->kept[0]))
		memcpy(&s->kept[s->count++ % KEPT], data, sizeof(s->kept[0]));
	return 0;
}

static int init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (ret)
		return -ret;
	/* a real-time thread waits for it */
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	ret = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return -ret;
}

int wl_stacks_new(struct wl_stacks **stacks, int fd)
{
	struct wl_stacks *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	ret = init_mutex(&s->mutex);
	if (ret) {
		free(s);
		return ret;
	}
	s->ring = ring_buffer__new(fd, keep, s, NULL);
	if (!s->ring) {
		ret = -errno;
		wl_stacks_free(s);
		return ret;
	}
	*stacks = s;
	return 0;
}

void wl_stacks_free(struct wl_stacks *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

int wl_stacks_poll(struct wl_stacks *s)
{
	int ret;

	pthread_mutex_lock(&s->mutex);
	ret = ring_buffer__consume(s->ring);
	pthread_mutex_unlock(&s->mutex);
	return ret < 0 ? ret : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct wl_stack *x = a, *y = b;

	return (x->ts > y->ts) - (x->ts < y->ts);
}

int wl_stacks_pick(struct wl_stacks *s, uint32_t tgid, uint64_t from, uint64_t to,
		   struct wl_stack **picked, size_t *n)
{
	int ret = wl_stacks_poll(s);

	*n = 0;
	*picked = ret ? NULL : malloc(sizeof(s->kept));
	if (!*picked)
		return ret ? ret : -ENOMEM;
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->count && i < KEPT; i++) {
		const struct wl_stack *one = &s->kept[i];

		if (one->tgid == tgid && one->ts >= from && one->ts <= to)
			(*picked)[(*n)++] = *one;
	}
	pthread_mutex_unlock(&s->mutex);
	qsort(*picked, *n, sizeof(**picked), by_time);
	return 0;
}
