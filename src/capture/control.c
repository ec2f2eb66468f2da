/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "output/json.h"
#include "util/parse.h"

#define DEADLINE_NS 2000000000ull /* from connecting to the end of the request */
#define ANSWER_MAX 8192
#define OTHERS 077

struct connection {
	int fd; /* -1: free */
	uint64_t deadline;
	size_t len;
	char text[WL_CONTROL_REQUEST + 1];
};

struct wl_control {
	int listener;
	struct connection *asking; /* NULL: nobody waits for an answer */
	struct connection connections[WL_CONTROL_CONNECTIONS];
	struct sockaddr_un address;
};

/* --- open --- */

static int make_address(struct sockaddr_un *address, const char *dir, pid_t pid)
{
	int len;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s/watch-%d.sock", dir,
		       (int)pid);
	return len < 0 || (size_t)len >= sizeof(address->sun_path) ? -ENAMETOOLONG : 0;
}

static int check_directory(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		ret = -errno;
	else if (st.st_uid != geteuid() || st.st_mode & OTHERS)
		ret = -EPERM;
	close(fd);
	return ret;
}

/* The process id in a socket's name; 0: it is none of ours. */
static pid_t pid_of(const char *name)
{
	char digits[16];
	uint32_t pid;

	if (sscanf(name, "watch-%15[0-9].sock", digits) != 1 || wl_parse_uint32(digits, &pid) ||
	    pid > INT32_MAX || strcmp(name + strlen("watch-") + strlen(digits), ".sock") != 0)
		return 0;
	return (pid_t)pid;
}

static void remove_stale(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		pid_t pid = pid_of(e->d_name);

		/* one of ours that is still there is of a process that had our number */
		if (pid && (pid == getpid() || (kill(pid, 0) && errno == ESRCH)))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* The mask is the process's: call it while there is one thread. */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(0177);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(mask);
	return ret;
}

static int listen_at(struct wl_control *c, const char *dir)
{
	int ret = make_address(&c->address, dir, getpid());

	if (ret)
		return ret;
	c->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listener < 0)
		return -errno;
	ret = bind_private(c->listener, &c->address);
	if (ret)
		return ret;
	return listen(c->listener, WL_CONTROL_CONNECTIONS) ? -errno : 0;
}

int wl_control_open(struct wl_control **control, const char *dir)
{
	struct wl_control *c;
	int ret;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	ret = check_directory(dir);
	if (ret)
		return ret;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->listener = -1;
	for (int i = 0; i < WL_CONTROL_CONNECTIONS; i++)
		c->connections[i].fd = -1;
	remove_stale(dir);
	ret = listen_at(c, dir);
	if (ret)
		wl_control_close(c);
	else
		*control = c;
	return ret;
}

static void hang_up(struct connection *n)
{
	close(n->fd);
	n->fd = -1;
	n->len = 0;
}

void wl_control_close(struct wl_control *c)
{
	if (!c)
		return;
	for (int i = 0; i < WL_CONTROL_CONNECTIONS; i++)
		if (c->connections[i].fd >= 0)
			hang_up(&c->connections[i]);
	if (c->listener >= 0) {
		unlink(c->address.sun_path);
		close(c->listener);
	}
	free(c);
}

/* --- serve --- */

size_t wl_control_fds(const struct wl_control *c, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){ .fd = c->listener, .events = POLLIN };
	for (int i = 0; i < WL_CONTROL_CONNECTIONS; i++)
		if (c->connections[i].fd >= 0)
			fds[n++] = (struct pollfd){ .fd = c->connections[i].fd, .events = POLLIN };
	return n;
}

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static struct connection *free_connection(struct wl_control *c)
{
	for (int i = 0; i < WL_CONTROL_CONNECTIONS; i++)
		if (c->connections[i].fd < 0)
			return &c->connections[i];
	return NULL;
}

/* Where there is no room, they wait in the kernel's queue until somebody's time is over. */
static void accept_all(struct wl_control *c, uint64_t now)
{
	struct connection *n;

	while ((n = free_connection(c))) {
		int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (!may_ask(fd)) {
			close(fd);
			continue;
		}
		n->fd = fd;
		n->len = 0;
		n->deadline = now + DEADLINE_NS;
	}
}

/* {"ok":…} in one line that a socket's empty buffer always has room for. */
static void answer(struct connection *n, const char *capture, const char *error)
{
	char text[ANSWER_MAX];
	FILE *f = fmemopen(text, sizeof(text), "w");
	struct wl_json j;
	long len;

	if (f) {
		wl_json_init(&j, f);
		wl_json_object(&j, NULL);
		wl_json_bool(&j, "ok", !error);
		wl_json_string(&j, error ? "error" : "capture", error ? error : capture);
		wl_json_object_end(&j);
		len = wl_json_line_end(&j) ? 0 : ftell(f);
		if (len > 0)
			send(n->fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
		fclose(f);
	}
	hang_up(n);
}

/* Is it a request for a capture? Else it is answered. */
static bool understand(struct connection *n)
{
	json_t *root = json_loadb(n->text, n->len, 0, NULL);
	const char *cmd = json_string_value(json_object_get(root, "cmd"));
	bool now = cmd && !strcmp(cmd, "now");

	if (!now)
		answer(n, NULL,
		       cmd ? "there is no such command" : "not a request ({\"cmd\":\"now\"})");
	json_decref(root);
	return now;
}

/* Reads what has come. True: a request for a capture is whole. */
static bool hear(struct connection *n, uint64_t now)
{
	ssize_t len = recv(n->fd, n->text + n->len, WL_CONTROL_REQUEST - n->len, MSG_DONTWAIT);
	char *end;

	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		if (now >= n->deadline)
			answer(n, NULL, "the request did not come in time");
		return false;
	}
	if (len <= 0) {
		hang_up(n);
		return false;
	}
	n->len += (size_t)len;
	end = memchr(n->text, '\n', n->len);
	if (end) {
		n->len = (size_t)(end - n->text);
		return understand(n);
	}
	if (n->len == WL_CONTROL_REQUEST)
		answer(n, NULL, "the request is too long");
	return false;
}

bool wl_control_serve(struct wl_control *c, uint64_t now)
{
	accept_all(c, now);
	for (int i = 0; i < WL_CONTROL_CONNECTIONS && !c->asking; i++)
		if (c->connections[i].fd >= 0 && hear(&c->connections[i], now))
			c->asking = &c->connections[i];
	return c->asking != NULL;
}

void wl_control_answer(struct wl_control *c, const char *capture, const char *error)
{
	if (c->asking)
		answer(c->asking, capture, error);
	c->asking = NULL;
}

/* --- the other side --- */

static int connect_to(const char *dir, pid_t pid)
{
	struct sockaddr_un address;
	int ret = make_address(&address, dir, pid), fd;

	if (ret)
		return ret;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static bool listens(const char *dir, pid_t pid)
{
	int fd = connect_to(dir, pid);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || fd == -EAGAIN; /* its queue is full */
}

int wl_control_find(const char *dir, pid_t *pids, size_t n)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t found = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (found < n && (e = readdir(d))) {
		pid_t pid = pid_of(e->d_name);

		if (pid && listens(dir, pid))
			pids[found++] = pid;
	}
	closedir(d);
	return (int)found;
}

/* Reads until the other side closes. */
static int read_answer(int fd, int timeout_ms, char *text, size_t size, size_t *len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (*len = 0; *len < size;) {
		int ready = poll(&p, 1, timeout_ms);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ready ? -errno : -ETIMEDOUT;
		n = recv(fd, text + *len, size - *len, 0);
		if (n <= 0)
			return n ? -errno : 0;
		*len += (size_t)n;
	}
	return -EMSGSIZE;
}

static int parse_answer(const char *line, size_t len, char *text, size_t size)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	bool ok = json_is_true(json_object_get(root, "ok"));
	const char *said = json_string_value(json_object_get(root, ok ? "capture" : "error"));
	int ret = ok ? 0 : -EREMOTEIO;

	if (said)
		snprintf(text, size, "%s", said);
	else
		ret = -EPROTO;
	json_decref(root);
	return ret;
}

int wl_control_now(const char *dir, pid_t pid, int timeout_ms, char *text, size_t size)
{
	static const char request[] = "{\"cmd\":\"now\"}\n";
	char line[ANSWER_MAX];
	size_t len = 0;
	int fd = connect_to(dir, pid), ret;

	if (fd < 0)
		return fd;
	ret = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
	if (!ret)
		ret = read_answer(fd, timeout_ms, line, sizeof(line), &len);
	close(fd);
	return ret ? ret : parse_answer(line, len, text, size);
}
