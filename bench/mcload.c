/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One connection to memcached, closed loop without think time: get, answer, get, ... For each line
 * on stdin, a number of ms, runs for that long and prints "REQUESTS NS P50_NS P99_NS".
 *
 *   bench-mcload PORT CPU
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench.h"

#define VALUE 100
#define BUCKETS 4096 /* of 100 ns */
#define BUCKET_NS 100

static int dial(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die("port %d: %s", port, strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* Sends text and receives until an answer that ends with end. */
static void ask(int fd, const char *text, size_t len, const char *end)
{
	size_t have = 0, n = strlen(end);
	char answer[1024];
	ssize_t got;

	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send: %s", strerror(errno));
	do {
		got = recv(fd, answer + have, sizeof(answer) - have, 0);
		if (got <= 0)
			die("receive: %s", got ? strerror(errno) : "closed");
		have += (size_t)got;
	} while (have < n || memcmp(answer + have - n, end, n));
}

static void store(int fd)
{
	char value[VALUE + 1], text[VALUE + 64];
	int n;

	memset(value, 'v', VALUE);
	value[VALUE] = 0;
	n = snprintf(text, sizeof(text), "set key 0 0 %d\r\n%s\r\n", VALUE, value);
	ask(fd, text, (size_t)n, "STORED\r\n");
}

static unsigned long quantile(const unsigned *buckets, uint64_t count, double q)
{
	uint64_t sum = 0;
	unsigned i = 0;

	while (i < BUCKETS - 1 && (sum += buckets[i]) < (uint64_t)((double)count * q))
		i++;
	return i * (unsigned long)BUCKET_NS;
}

static void run(int fd, uint64_t ms)
{
	static unsigned buckets[BUCKETS];
	uint64_t start = now_ns(), last = start, n = 0, t;

	memset(buckets, 0, sizeof(buckets));
	while (last - start < ms * 1000000) {
		ask(fd, "get key\r\n", 9, "END\r\n");
		t = (now_ns() - last) / BUCKET_NS;
		last = now_ns();
		buckets[t < BUCKETS ? t : BUCKETS - 1]++;
		n++;
	}
	printf("%lu %lu %lu %lu\n", n, last - start, quantile(buckets, n, 0.5),
	       quantile(buckets, n, 0.99));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[64];
	int fd;

	if (argc != 3)
		die("usage: bench-mcload PORT CPU");
	pin_to(atoi(argv[2]));
	fd = dial(atoi(argv[1]));
	store(fd);
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		run(fd, strtoull(line, NULL, 10));
	return 0;
}
