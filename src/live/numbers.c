/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/numbers.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#define OPEN_MAX 4096   /* unfinished chains remembered; the oldest is forgotten */
#define RECENT_MAX 4096 /* ended ones that the other thread may ask about */
#define ASKED_MAX 16    /* those that it asked about first */

/* A response and its number. */
struct number {
	uint64_t chain; /* 0: free */
	uint64_t end;   /* of an unfinished one: 0 */
	uint64_t whose;
	uint64_t id;
};

struct ring {
	struct number *all;
	size_t size, next; /* next: ever */
};

struct wl_numbers {
	pthread_mutex_t mutex; /* inherits priority: the other thread may be a real-time one */
	uint64_t last;
	struct ring open, recent, asked;
	struct number room[OPEN_MAX + RECENT_MAX + ASKED_MAX];
};

static int init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int ret = pthread_mutexattr_init(&attr);

	if (ret)
		return -ret;
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	ret = pthread_mutex_init(mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return -ret;
}

int wl_numbers_new(struct wl_numbers **numbers)
{
	struct wl_numbers *n = calloc(1, sizeof(*n));
	int ret;

	if (!n)
		return -ENOMEM;
	n->open = (struct ring){ n->room, OPEN_MAX, 0 };
	n->recent = (struct ring){ n->room + OPEN_MAX, RECENT_MAX, 0 };
	n->asked = (struct ring){ n->room + OPEN_MAX + RECENT_MAX, ASKED_MAX, 0 };
	ret = init_mutex(&n->mutex);
	if (ret)
		free(n);
	else
		*numbers = n;
	return ret;
}

void wl_numbers_free(struct wl_numbers *n)
{
	if (!n)
		return;
	pthread_mutex_destroy(&n->mutex);
	free(n);
}

/* Of one chain: the thread, or the work item, which may end in another thread. */
static uint64_t whose(const struct wl_slow *slow)
{
	return slow->work.kind != WL_COOKIE_NONE ? slow->work.begun : slow->tid;
}

/* 0: it is not there. */
static uint64_t find(const struct ring *r, const struct wl_slow *slow, uint64_t end)
{
	for (size_t i = 0; i < r->next && i < r->size; i++) {
		const struct number *n = &r->all[i];

		if (n->chain == slow->path.h.id && n->whose == whose(slow) && n->end == end)
			return n->id;
	}
	return 0;
}

static void put(struct ring *r, const struct wl_slow *slow, uint64_t end, uint64_t id)
{
	struct number *n = &r->all[r->next++ % r->size];

	n->chain = slow->path.h.id;
	n->whose = whose(slow);
	n->end = end;
	n->id = id;
}

static uint64_t give_unfinished(struct wl_numbers *n, const struct wl_slow *slow)
{
	if (find(&n->open, slow, 0))
		return 0;
	put(&n->open, slow, 0, ++n->last);
	return n->last;
}

static uint64_t give_ended(struct wl_numbers *n, const struct wl_slow *slow)
{
	uint64_t id = find(&n->asked, slow, slow->end);

	if (!id)
		id = find(&n->open, slow, 0);
	if (!id)
		id = ++n->last;
	put(&n->recent, slow, slow->end, id);
	return id;
}

uint64_t wl_numbers_give(struct wl_numbers *n, const struct wl_slow *slow)
{
	uint64_t id;

	pthread_mutex_lock(&n->mutex);
	if (slow->reason == WL_REASON_TIMEOUT)
		id = give_unfinished(n, slow);
	else
		id = give_ended(n, slow);
	pthread_mutex_unlock(&n->mutex);
	return id;
}

uint64_t wl_numbers_ask(struct wl_numbers *n, const struct wl_slow *slow)
{
	uint64_t id;

	pthread_mutex_lock(&n->mutex);
	id = find(&n->recent, slow, slow->end);
	if (!id)
		id = find(&n->open, slow, 0);
	if (!id)
		id = ++n->last;
	put(&n->asked, slow, slow->end, id);
	pthread_mutex_unlock(&n->mutex);
	return id;
}
