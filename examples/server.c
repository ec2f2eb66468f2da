/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A small instrumented server: one line in, the same line in capitals out. A thread reads requests
 * and queues them, 64 at most, two others answer; every 500th request syncs a file first, and is
 * late.
 *
 *	cc -O2 -pthread -I../include -o server server.c && ./server 7777 &
 *	whylate watch --until mark --over 2ms -n server
 *	(in a third terminal)  yes hello | nc -N 127.0.0.1 7777 >/dev/null
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <whylate/mark.h>

#define WORKERS 2
#define SYNC_EVERY 500
#define QUEUE_MAX 64 /* then the client has to wait: its socket is full */

struct request {
	struct request *next;
	uint64_t id;
	int client;
	char line[512];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more, fewer;
	struct request *first, **last;
	unsigned open; /* requests that have no answer yet */
} queue = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.more = PTHREAD_COND_INITIALIZER,
	.fewer = PTHREAD_COND_INITIALIZER,
	.last = &queue.first,
};

static void push(struct request *r)
{
	r->next = NULL;
	pthread_mutex_lock(&queue.lock);
	while (queue.open == QUEUE_MAX)
		pthread_cond_wait(&queue.fewer, &queue.lock);
	*queue.last = r;
	queue.last = &r->next;
	queue.open++;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

static struct request *pop(void)
{
	struct request *r;

	pthread_mutex_lock(&queue.lock);
	while (!queue.first)
		pthread_cond_wait(&queue.more, &queue.lock);
	r = queue.first;
	queue.first = r->next;
	if (!queue.first)
		queue.last = &queue.first;
	pthread_mutex_unlock(&queue.lock);
	return r;
}

static void finished(struct request *r)
{
	free(r);
	pthread_mutex_lock(&queue.lock);
	queue.open--;
	pthread_cond_signal(&queue.fewer);
	pthread_mutex_unlock(&queue.lock);
}

static void wait_for_all(void)
{
	pthread_mutex_lock(&queue.lock);
	while (queue.open)
		pthread_cond_wait(&queue.fewer, &queue.lock);
	pthread_mutex_unlock(&queue.lock);
}

static void save(const struct request *r, int file)
{
	whylate_work_step(r->id, "save");
	if (pwrite(file, r->line, strlen(r->line), 0) < 0 || fsync(file))
		perror("server: saving");
}

static void answer(struct request *r)
{
	for (char *c = r->line; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (send(r->client, r->line, strlen(r->line), MSG_NOSIGNAL) < 0)
		perror("server: answering");
}

static void *work(void *arg)
{
	int file = open("/var/tmp/whylate-example", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	(void)arg;
	for (;;) {
		struct request *r = pop();

		whylate_work_step(r->id, "worker"); /* it goes on in this thread */
		if (r->id % SYNC_EVERY == 0 && file >= 0)
			save(r, file);
		answer(r);
		whylate_work_end(r->id);
		finished(r);
	}
	return NULL;
}

/* One client at a time: this is about marks. */
static void serve(int fd)
{
	FILE *client = fdopen(fd, "r");
	static uint64_t ids;

	while (client) {
		struct request *r = malloc(sizeof(*r));

		if (!r || !fgets(r->line, sizeof(r->line), client)) {
			free(r);
			wait_for_all();
			fclose(client);
			return;
		}
		r->id = ++ids;
		r->client = fd;
		whylate_work_begin(r->id); /* from the packet that brought it */
		push(r);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	pthread_t t;

	a.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 7777));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 8)) {
		perror("server");
		return 1;
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_create(&t, NULL, work, NULL);
	for (;;)
		serve(accept(fd, NULL, NULL));
}
