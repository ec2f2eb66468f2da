/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One byte says go; after a failed exec the child sends errno, after a good one the socket closes.
 */
static void __attribute__((noreturn)) child(int fd, char **command)
{
	sigset_t none;
	char go;
	int err;

	sigemptyset(&none);
	if (read(fd, &go, 1) != 1)
		_exit(127);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(command[0], command);
	err = errno;
	if (write(fd, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

int wl_spawn_prepare(struct wl_spawn *spawn, char **command)
{
	int fds[2];

	memset(spawn, 0, sizeof(*spawn));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -errno;
	spawn->pid = fork();
	if (spawn->pid < 0) {
		int err = -errno;

		close(fds[0]);
		close(fds[1]);
		spawn->pid = 0;
		return err;
	}
	if (!spawn->pid) {
		close(fds[1]);
		child(fds[0], command);
	}
	close(fds[0]);
	spawn->go = fds[1];
	return 0;
}

int wl_spawn_run(struct wl_spawn *spawn)
{
	int err = 0;
	ssize_t n;

	if (write(spawn->go, "", 1) != 1)
		return -errno;
	n = read(spawn->go, &err, sizeof(err));
	return n == sizeof(err) ? -err : 0;
}

bool wl_spawn_poll(struct wl_spawn *spawn)
{
	if (spawn->pid && !spawn->ended)
		spawn->ended = waitpid(spawn->pid, &spawn->status, WNOHANG) == spawn->pid;
	return spawn->ended;
}

int wl_spawn_status(const struct wl_spawn *spawn)
{
	if (WIFSIGNALED(spawn->status))
		return 128 + WTERMSIG(spawn->status);
	return WEXITSTATUS(spawn->status);
}

void wl_spawn_close(struct wl_spawn *spawn)
{
	if (!spawn->pid)
		return;
	close(spawn->go);
	if (!wl_spawn_poll(spawn)) {
		kill(spawn->pid, SIGTERM);
		waitpid(spawn->pid, &spawn->status, 0);
	}
	spawn->pid = 0;
}
