// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Closed-loop memcached client on loopback: C connections over T threads, each connection has one
 * request under way, then thinks. Writes {u64 send, u64 receive, u32 connection, u32 is_set} per
 * request, in the client's own clock: send is read before the system call, receive after it.
 *
 *   mcclient PORT OUT connections=C threads=T total=N think_us=U seconds=S seed=X bytes=B heavy=K
 *
 * heavy: a request is K gets of 100 keys that are not there: work for the server, next to none for
 * the network.
 *
 * Prints "ready" once connected, starts at the first line on stdin, prints "done N SECONDS".
 */
#include "common.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define KEYS 64

struct record {
	uint64_t send, receive;
	uint32_t connection, is_set;
};

struct connection {
	int fd;
	uint32_t nr;
	uint64_t due; /* when to send next; 0: a request is under way */
	uint64_t sent;
	uint32_t is_set, have;
	char tail[8]; /* last bytes received */
};

struct worker {
	pthread_t thread;
	struct connection *conn;
	int nconn, epoll;
	uint64_t seed;
	struct record *record;
	char *request; /* of opt.bytes and its head */
	size_t nrecord, max;
};

static struct {
	uint64_t connections, threads, total, think_us, seconds, seed;
	uint64_t bytes; /* a value's, at most */
	uint64_t heavy;
} opt = { 1, 1, 1000, 0, 60, 1, 2048, 0 };
static uint16_t port;
static uint64_t deadline;
static pthread_barrier_t barrier;

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

#define HEAVY_KEYS 100
#define HEAVY_SIZE (4 + HEAVY_KEYS * 8 + 2)

static int heavy_request(char *b)
{
	char *start = b;

	for (uint64_t i = 0; i < opt.heavy; i++) {
		b += sprintf(b, "get");
		for (int k = 0; k < HEAVY_KEYS; k++)
			b += sprintf(b, " none%03d", k);
		b += sprintf(b, "\r\n");
	}
	return (int)(b - start);
}

static void request(struct worker *w, struct connection *c)
{
	char *b = w->request;
	unsigned key = (unsigned)(rng_next(&w->seed) % KEYS);
	int n;

	c->is_set = !opt.heavy && rng_next(&w->seed) % 4 == 0;
	if (opt.heavy) {
		n = heavy_request(b);
	} else if (c->is_set) {
		int size = (int)rng_between(&w->seed, 1, opt.bytes);

		n = snprintf(b, 128, "set k%u 0 0 %d\r\n", key, size);
		memset(b + n, 'v', (size_t)size);
		memcpy(b + n + size, "\r\n", 2);
		n += size + 2;
	} else {
		n = snprintf(b, 128, "get k%u\r\n", key);
	}
	c->have = 0;
	c->due = 0;
	c->sent = now_ns();
	if (send(c->fd, b, (size_t)n, MSG_NOSIGNAL) != n)
		die("send: %s", strerror(errno));
}

/* 1: the answer is complete. */
static int receive(struct connection *c)
{
	const char *end = c->is_set ? "STORED\r\n" : "END\r\n";
	size_t len = strlen(end);
	char b[65536];
	ssize_t n = recv(c->fd, b, sizeof(b), 0);

	if (n <= 0)
		die("receive: %s", n ? strerror(errno) : "closed");
	for (ssize_t i = n > 8 ? n - 8 : 0; i < n; i++) {
		memmove(c->tail, c->tail + 1, 7);
		c->tail[7] = b[i];
	}
	c->have += (uint32_t)n;
	if (opt.heavy)
		return c->have >= opt.heavy * 5; /* END, new line */
	return c->have >= len && !memcmp(c->tail + 8 - len, end, len);
}

static void finish(struct worker *w, struct connection *c)
{
	uint64_t t = now_ns();

	if (w->nrecord < w->max)
		w->record[w->nrecord++] = (struct record){ c->sent, t, c->nr, c->is_set };
	c->due = t;
	if (opt.think_us) /* spread by a quarter either way */
		c->due = t + opt.think_us * 750 + rng_next(&w->seed) % (opt.think_us * 500);
}

/* Sends what is due; returns when the next one is. 0: none is waiting for its time. */
static uint64_t send_due(struct worker *w, size_t *started)
{
	uint64_t next = 0;

	for (int i = 0; i < w->nconn; i++) {
		struct connection *c = &w->conn[i];

		if (!c->due)
			continue;
		if (*started >= w->max || now_ns() >= deadline) {
			c->due = 0;
			c->have = UINT32_MAX; /* done */
		} else if (now_ns() >= c->due) {
			request(w, c);
			(*started)++;
		} else if (!next || c->due < next) {
			next = c->due;
		}
	}
	return next;
}

static int under_way(struct worker *w)
{
	int n = 0;

	for (int i = 0; i < w->nconn; i++)
		n += !w->conn[i].due && w->conn[i].have != UINT32_MAX;
	return n;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct epoll_event ev[64];
	size_t started = 0;

	prctl(PR_SET_TIMERSLACK, 1);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < w->nconn; i++)
		w->conn[i].due =
			now_ns() + (opt.think_us ? rng_next(&w->seed) % (opt.think_us * 1000) : 0);
	for (;;) {
		uint64_t next = send_due(w, &started), t = now_ns();
		struct timespec ts = to_timespec(next > t ? next - t : 0);
		int n;

		if (!next && !under_way(w))
			return NULL;
		if (!under_way(w)) {
			sleep_until(next);
			continue;
		}
		n = epoll_pwait2(w->epoll, ev, 64, next ? &ts : NULL, NULL);
		for (int i = 0; i < n; i++) {
			struct connection *c = ev[i].data.ptr;

			if (receive(c))
				finish(w, c);
		}
	}
}

static void warm_up(struct connection *c, char *buffer)
{
	struct worker w = { .seed = 12345, .request = buffer };

	for (int i = 0; i < 40; i++) { /* until every connection has its thread */
		request(&w, c);
		while (!receive(c))
			;
	}
}

static void prepare(struct worker *w, uint32_t nr)
{
	uint32_t first = (uint32_t)(opt.connections * nr / opt.threads);

	w->nconn = (int)(opt.connections * (nr + 1) / opt.threads) - (int)first;
	w->conn = calloc((size_t)w->nconn, sizeof(*w->conn));
	w->max = opt.total * (nr + 1) / opt.threads - opt.total * nr / opt.threads;
	w->record = calloc(w->max, sizeof(*w->record));
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->seed = opt.seed * 7919 + nr + 1;
	w->request = malloc(opt.bytes + 128 + opt.heavy * (HEAVY_SIZE + 8));
	if (!w->conn || !w->record || !w->request || w->epoll < 0)
		die("out of memory");
	memset(w->record, 0, w->max * sizeof(*w->record)); /* no page faults later */
	for (int i = 0; i < w->nconn; i++) {
		struct connection *c = &w->conn[i];
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

		c->fd = dial();
		c->nr = first + (uint32_t)i;
		warm_up(c, w->request);
		epoll_ctl(w->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	}
}

static void parse(int argc, char **argv)
{
	for (int i = 3; i < argc; i++) {
		unsigned long long v = 0;
		char key[32];

		if (sscanf(argv[i], "%31[^=]=%llu", key, &v) != 2)
			die("%s?", argv[i]);
#define OPT(name)                                                                                  \
	if (!strcmp(key, #name))                                                                   \
		opt.name = v;
		OPT(connections)
		OPT(threads) OPT(total) OPT(think_us) OPT(seconds) OPT(seed) OPT(bytes) OPT(heavy)
	}
}

int main(int argc, char **argv)
{
	struct worker *w;
	size_t n = 0;
	uint64_t t;
	FILE *f;

	if (argc < 3)
		die("usage: mcclient PORT OUT [connections= threads= total= think_us= seconds= seed= bytes= heavy=]");
	port = (uint16_t)atoi(argv[1]);
	parse(argc, argv);
	w = calloc(opt.threads, sizeof(*w));
	pthread_barrier_init(&barrier, NULL, (unsigned)opt.threads + 1);
	for (uint32_t i = 0; w && i < opt.threads; i++) {
		prepare(&w[i], i);
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	printf("ready\n");
	gate();
	t = now_ns();
	deadline = t + opt.seconds * NSEC;
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < opt.threads; i++)
		pthread_join(w[i].thread, NULL);
	t = now_ns() - t;
	f = fopen(argv[2], "we");
	for (uint32_t i = 0; f && i < opt.threads; i++) {
		fwrite(w[i].record, sizeof(struct record), w[i].nrecord, f);
		n += w[i].nrecord;
	}
	if (!f || fclose(f))
		die("%s: %s", argv[2], strerror(errno));
	printf("done %zu %.3f\n", n, (double)t / 1e9);
	return 0;
}
