// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/*
 * Programs with work marks, that note their own times.
 *
 *   marker server threads=N record=FILE busy_us=U  a thread that reads requests (epoll) and answers
 *                                                  the even ones; N threads answer the odd ones
 *   marker client port=P total=N connections=C burst=N record=FILE
 *   marker relay count=N file=FILE   items that pass through three threads and a file sync
 *   marker cases                     what can be wrong with marks, each of it once or a few times
 *
 * Prints "ready PORT|TID" and waits for a line on stdin. Records are {cookie, begin, end}, u64
 * each.
 */
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "../../include/whylate/mark.h"

#define MAX_CONNECTIONS 256

static struct {
	uint64_t threads, busy_us, port, total, connections, count, burst;
	const char *record, *file;
} opt = { .threads = 2, .busy_us = 20, .total = 1000, .connections = 8, .count = 10 };

struct entry {
	uint64_t cookie, begin, end;
};

static FILE *record;
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;

static void note(uint64_t cookie, uint64_t begin, uint64_t end)
{
	const struct entry e = { cookie, begin, end };

	pthread_mutex_lock(&record_lock);
	if (record && fwrite(&e, sizeof(e), 1, record) != 1)
		die("record: %s", strerror(errno));
	pthread_mutex_unlock(&record_lock);
}

static void parse(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		unsigned long long v = 0;
		char key[32];

		if (!strncmp(argv[i], "record=", 7)) {
			record = fopen(argv[i] + 7, "wbe");
			continue;
		}
		if (!strncmp(argv[i], "file=", 5)) {
			opt.file = argv[i] + 5;
			continue;
		}
		if (sscanf(argv[i], "%31[^=]=%llu", key, &v) != 2)
			die("%s?", argv[i]);
#define OPT(f)                                                                                     \
	if (!strcmp(key, #f))                                                                      \
		opt.f = v;
		OPT(threads)
		OPT(busy_us) OPT(port) OPT(total) OPT(connections) OPT(count) OPT(burst)
	}
}

/* --- server --- */

struct item {
	struct item *next;
	uint64_t cookie;
	int fd;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct item *first, **last;
} queue = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, &queue.first };

static void push(struct item *it)
{
	it->next = NULL;
	pthread_mutex_lock(&queue.lock);
	*queue.last = it;
	queue.last = &it->next;
	pthread_cond_signal(&queue.more);
	pthread_mutex_unlock(&queue.lock);
}

static struct item *pop(void)
{
	struct item *it;

	pthread_mutex_lock(&queue.lock);
	while (!queue.first)
		pthread_cond_wait(&queue.more, &queue.lock);
	it = queue.first;
	queue.first = it->next;
	if (!queue.first)
		queue.last = &queue.first;
	pthread_mutex_unlock(&queue.lock);
	return it;
}

/* The marks lie outside of our own measurement, and inside of the client's. */
static void answer(uint64_t cookie, int fd, uint64_t begin)
{
	uint64_t end;

	busy_until(now_ns() + opt.busy_us * 1000);
	end = now_ns();
	whylate_work_end(cookie);
	note(cookie, begin, end);
	if (send(fd, &cookie, sizeof(cookie), MSG_NOSIGNAL) != sizeof(cookie))
		die("send: %s", strerror(errno));
}

static struct entry begun[1 << 20]; /* by cookie: of items in the queue */

static void *work(void *arg)
{
	(void)arg;
	prctl(PR_SET_NAME, "mark-worker");
	for (;;) {
		struct item *it = pop();

		whylate_work_step(it->cookie, "worker");
		answer(it->cookie, it->fd, begun[it->cookie & 0xfffff].begin);
		free(it);
	}
	return NULL;
}

static void request(int fd, int epoll)
{
	uint64_t cookie, begin;
	ssize_t n = recv(fd, &cookie, sizeof(cookie), 0);

	if (n == 0) {
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
		close(fd);
		return;
	}
	if (n != sizeof(cookie))
		die("recv: %zd %s", n, strerror(errno));
	whylate_work_begin(cookie);
	begin = now_ns();
	if (cookie & 1) {
		struct item *it = malloc(sizeof(*it));

		begun[cookie & 0xfffff].begin = begin;
		it->cookie = cookie;
		it->fd = fd;
		push(it);
		return;
	}
	answer(cookie, fd, begin);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (void *)&a, len) || listen(fd, MAX_CONNECTIONS) ||
	    getsockname(fd, (void *)&a, &len))
		die("listen: %s", strerror(errno));
	*port = ntohs(a.sin_port);
	return fd;
}

static void watch_fd(int epoll, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		die("epoll_ctl: %s", strerror(errno));
}

static void accept_one(int epoll, int listening)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC), on = 1;

	if (fd < 0)
		die("accept: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch_fd(epoll, fd);
}

/* Ends with its stdin: then the record is complete. */
static void server(void)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), listening;
	struct epoll_event events[16];
	pthread_t t;
	uint16_t port;

	listening = listener(&port);
	for (uint64_t i = 0; i < opt.threads; i++)
		pthread_create(&t, NULL, work, NULL);
	watch_fd(epoll, listening);
	printf("ready %u\n", port);
	fflush(stdout);
	watch_fd(epoll, 0);
	for (;;) {
		int n = epoll_wait(epoll, events, 16, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.fd)
				return;
			if (events[i].data.fd == listening)
				accept_one(epoll, listening);
			else
				request(events[i].data.fd, epoll);
		}
	}
}

/* --- client --- */

static int connect_one(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (void *)&a, sizeof(a)))
		die("connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Closed loop: one request under way per connection. */
struct connection {
	uint64_t cookie, sent_at;
};

/*
 * Connections take turns in parity, and stay at it: the server's own thread answers even ones, so
 * it always has some to do, however far behind its others are.
 */
static void ask(struct connection *c, int fd, unsigned number)
{
	static uint64_t next[2] = { 2, 1 };

	c->cookie = next[number & 1];
	next[number & 1] += 2;
	c->sent_at = now_ns();
	if (send(fd, &c->cookie, 8, 0) != 8)
		die("send: %s", strerror(errno));
}

/* All answers of a burst; each is the next question, while there are any. */
static void burst(struct connection *connections, struct pollfd *fds, unsigned n, uint64_t size)
{
	uint64_t asked = 0, done = 0, got;

	for (; asked < n && asked < size; asked++)
		ask(&connections[asked], fds[asked].fd, (unsigned)asked);
	while (done < size) {
		poll(fds, n, -1);
		for (unsigned i = 0; i < n; i++) {
			if (!fds[i].revents)
				continue;
			if (recv(fds[i].fd, &got, 8, 0) != 8 || got != connections[i].cookie)
				die("recv: %s", strerror(errno));
			note(got, connections[i].sent_at, now_ns());
			done++;
			if (asked < size) {
				ask(&connections[i], fds[i].fd, i);
				asked++;
			}
		}
	}
}

/* In bursts: whoever reads what is said about each request has time to do so in between. */
static void client(void)
{
	static struct connection connections[MAX_CONNECTIONS];
	struct pollfd fds[MAX_CONNECTIONS];
	unsigned n = opt.connections < MAX_CONNECTIONS ? opt.connections : MAX_CONNECTIONS;
	uint64_t size = opt.burst ? opt.burst : opt.total;

	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = connect_one(), .events = POLLIN };
	printf("ready %d\n", my_tid());
	gate();
	for (uint64_t left = opt.total; left; left -= size) {
		size = size < left ? size : left;
		burst(connections, fds, n, size);
		usleep(opt.burst ? 100000 : 0);
	}
}

/* --- relay --- */

static int to_sync[2], to_answer[2], to_begin[2];

static void pass(int fd, uint64_t cookie)
{
	if (write(fd, &cookie, sizeof(cookie)) != sizeof(cookie))
		die("write: %s", strerror(errno));
}

static uint64_t take(int fd)
{
	uint64_t cookie;

	if (read(fd, &cookie, sizeof(cookie)) != sizeof(cookie))
		die("read: %s", strerror(errno));
	return cookie;
}

static void text_of(uint64_t cookie, char text[64])
{
	snprintf(text, 64, "item \"%llu\"\n\xff", (unsigned long long)cookie);
}

static void *sync_thread(void *arg)
{
	int fd = open(opt.file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	static char block[65536];
	char text[64];

	(void)arg;
	prctl(PR_SET_NAME, "mark-sync");
	for (uint64_t i = 0; i < opt.count; i++) {
		uint64_t cookie = take(to_sync[0]);

		text_of(cookie, text);
		whylate_work_step(text, "sync");
		memset(block, (int)i, sizeof(block));
		if (fd < 0 || pwrite(fd, block, sizeof(block), 0) < 0 || fsync(fd))
			die("%s: %s", opt.file, strerror(errno));
		pass(to_answer[1], cookie);
	}
	return NULL;
}

static void *answer_thread(void *arg)
{
	char text[64];

	(void)arg;
	prctl(PR_SET_NAME, "mark-answer");
	for (uint64_t i = 0; i < opt.count; i++) {
		uint64_t cookie = take(to_answer[0]);

		text_of(cookie, text);
		busy_until(now_ns() + 200000);
		pass(to_begin[1], now_ns());
		whylate_work_end(text);
	}
	return NULL;
}

static void relay(void)
{
	pthread_t a, b;
	char text[64];

	if (pipe(to_sync) || pipe(to_answer) || pipe(to_begin))
		die("pipe: %s", strerror(errno));
	pthread_create(&a, NULL, sync_thread, NULL);
	pthread_create(&b, NULL, answer_thread, NULL);
	printf("ready %d\n", my_tid());
	gate();
	for (uint64_t i = 0; i < opt.count; i++) {
		uint64_t begin;

		sleep_ns(5000000);
		text_of(i, text);
		whylate_work_begin((const char *)text);
		begin = now_ns();
		busy_until(begin + 300000);
		pass(to_sync[1], i);
		note(i, begin, take(to_begin[0]));
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
}

/* --- cases --- */

#define MANY 500

/* One thread, many at once, ended in another order than begun. */
static void many(void)
{
	uint64_t begin[MANY];

	for (uint64_t i = 0; i < MANY; i++) {
		whylate_work_begin(1000 + i);
		begin[i] = now_ns();
	}
	for (uint64_t i = 0; i < MANY; i++) {
		uint64_t k = i * 7 % MANY, end = now_ns();

		whylate_work_end(1000 + k);
		note(1000 + k, begin[k], end);
	}
}

static void on_signal(int nr)
{
	(void)nr;
	whylate_work_begin(5000u);
	whylate_work_end(5000u);
}

/* The same cookies in two processes, and marks of a signal handler between ours. */
static void forked(void)
{
	pid_t pid = fork();

	for (int i = 0; i < 20; i++) {
		whylate_work_begin(3000);
		sleep_ns(1000000);
		whylate_work_end(3000);
	}
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	signal(SIGUSR1, on_signal);
	whylate_work_begin(4000);
	for (int i = 0; i < 10; i++)
		raise(SIGUSR1);
	whylate_work_end(4000);
}

static void cases(void)
{
	printf("ready %d\n", my_tid());
	gate();
	many();
	forked();
	whylate_work_begin(6000); /* twice */
	whylate_work_begin(6000);
	whylate_work_end(6000);
	whylate_work_end(6000); /* of nothing */
	whylate_work_step(6001, "nowhere");
	whylate_work_end(-1ll); /* 64 bits, of nothing: the end of what was woken here */
	whylate_work_begin(~0ull);
	whylate_work_end(~0ull);
	whylate_work_begin(7000); /* never ends */
	gate();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	parse(argc, argv);
	if (!strcmp(what, "server"))
		server();
	else if (!strcmp(what, "client"))
		client();
	else if (!strcmp(what, "relay"))
		relay();
	else if (!strcmp(what, "cases"))
		cases();
	else
		die("marker server|client|relay|cases …");
	if (record && fclose(record))
		die("record: %s", strerror(errno));
	return 0;
}
