/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Loads that make many events of many kinds. They wait for a line, and go on until another one
 * comes in or stdin is closed.
 *
 *   storm ping               two processes and two pipes, for ever back and forth
 *   storm calls [N]          all kinds of system calls, most of them with arguments that fail; with
 *                            N: at once, so many rounds. Says "calls TID COUNT ENOSYS"
 *   storm ticks US           a real-time thread on every CPU that sleeps so long, again and again
 *
 * It prints "ready TID", and what it has counted in the end.
 */
#include "common.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

static volatile sig_atomic_t stop;

static void on_alarm(int signal)
{
	(void)signal;
	stop = 1;
}

/* Ends the program when there is something to read. */
static void *wait_for_word(void *arg)
{
	char c;

	(void)!read(0, &c, 1);
	stop = 1;
	kill(getpid(), SIGUSR1); /* out of a system call */
	return arg;
}

static void listen_for_end(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	pthread_t thread;

	sigaction(SIGUSR1, &action, NULL);
	if (pthread_create(&thread, NULL, wait_for_word, NULL))
		die("no thread");
}

/* --- ping --- */

static void pong(int in, int out)
{
	char c;

	while (read(in, &c, 1) == 1 && write(out, &c, 1) == 1)
		;
	_exit(0);
}

static void ping(void)
{
	uint64_t n = 0;
	int to[2], from[2];
	pid_t parent = getpid();
	char c = 0;

	if (pipe(to) || pipe(from))
		die("pipe: %s", strerror(errno));
	if (!fork()) {
		die_with_parent(parent);
		close(to[1]);
		pong(to[0], from[1]);
	}
	listen_for_end();
	while (!stop && write(to[1], &c, 1) == 1 && read(from[0], &c, 1) == 1)
		n++;
	printf("ping %llu\n", (unsigned long long)n);
}

/* --- calls --- */

/* Not with any arguments: they end us, wait for ever, or change more than us. */
static bool forbidden(long nr)
{
	static const int list[] = {
		SYS_exit,
		SYS_exit_group,
		SYS_fork,
		SYS_vfork,
		SYS_clone,
		SYS_clone3,
		SYS_pause,
		SYS_rt_sigreturn,
		SYS_kill,
		SYS_tkill,
		SYS_tgkill,
		SYS_reboot,
		SYS_vhangup,
		SYS_sync,
		SYS_sethostname,
		SYS_setdomainname,
		SYS_setsid,
		SYS_setpgid,
		SYS_set_tid_address,
		SYS_restart_syscall,
		SYS_rt_sigsuspend,
		SYS_acct,
		SYS_wait4,
		SYS_waitid,
		SYS_alarm,
		SYS_seccomp,
		SYS_unshare,
		SYS_setns,
		SYS_umask,
		SYS_brk,
		SYS_setuid,
		SYS_setgid,
		SYS_setreuid,
		SYS_setregid,
		SYS_setresuid,
		SYS_setresgid,
		SYS_setfsuid,
		SYS_setfsgid,
		SYS_munlockall,
		SYS_rt_sigprocmask,
		SYS_iopl,
		SYS_rt_sigaction,
		SYS_syslog,
		SYS_munmap,
		SYS_sigaltstack,
		SYS_rseq,
		SYS_close,
		SYS_arch_prctl,
		SYS_modify_ldt,
		SYS_ioperm,
		SYS_mlockall,
		SYS_set_robust_list,
		SYS_execve,
		SYS_execveat,
		SYS_read,
		SYS_close_range,
		SYS_personality,
		335,
		336, /* uretprobe, uprobe: SIGILL */
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == nr)
			return true;
	return false;
}

/* What a program does: these work. Returns how many calls there were. */
static uint64_t useful_calls(const char *dir)
{
	char path[64], other[80], buffer[64] = "x";
	struct pollfd poll_fd = { .events = POLLIN };
	int fd, pair[2];
	struct stat st;

	snprintf(path, sizeof(path), "%s/storm-%d", dir, my_tid()); /* gettid */
	snprintf(other, sizeof(other), "%s.2", path);
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	syscall(SYS_pwrite64, fd, buffer, sizeof(buffer), 0);
	syscall(SYS_pread64, fd, buffer, sizeof(buffer), 0);
	syscall(SYS_lseek, fd, 0, SEEK_SET);
	syscall(SYS_fstat, fd, &st);
	syscall(SYS_ftruncate, fd, 4096);
	syscall(SYS_close, fd);
	syscall(SYS_rename, path, other);
	syscall(SYS_unlink, other);
	syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
	syscall(SYS_sendto, pair[0], buffer, 1, 0, NULL, 0);
	poll_fd.fd = pair[1];
	syscall(SYS_poll, &poll_fd, 1, 0);
	syscall(SYS_recvfrom, pair[1], buffer, 1, 0, NULL, NULL);
	syscall(SYS_close, pair[0]);
	syscall(SYS_close, pair[1]);
	syscall(SYS_sched_yield);
	return 17;
}

static void calls(uint64_t rounds)
{
	char dir[] = "/dev/shm/storm-XXXXXX";
	uint64_t count = 0, enosys = 0;

	if (!mkdtemp(dir))
		die("mkdtemp: %s", strerror(errno));
	if (!rounds)
		listen_for_end();
	for (uint64_t i = 0; !stop && (!rounds || i < rounds); i++) {
		count += useful_calls(dir);
		for (long nr = 0; nr < 470; nr++) {
			if (forbidden(nr))
				continue;
			enosys += syscall(nr, -1L, -1L, -1L, -1L, -1L, -1L) < 0 && errno == ENOSYS;
			count++;
		}
	}
	rmdir(dir);
	printf("calls %d %llu %llu\n", my_tid(), (unsigned long long)count,
	       (unsigned long long)enosys);
}

/* --- ticks --- */

struct ticks {
	int cpu;
	uint64_t sleep, n;
	pthread_t thread;
};

static void *tick(void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	struct ticks *t = arg;

	pin_to(t->cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler: %s", strerror(errno));
	for (uint64_t next = now_ns(); !stop; t->n++) {
		uint64_t now = now_ns();

		next += t->sleep;
		if (next < now)
			next = now + t->sleep;
		sleep_until(next);
	}
	return NULL;
}

static void ticks(uint64_t us)
{
	struct ticks t[64] = { 0 };
	uint64_t n = 0;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);

	listen_for_end();
	for (int i = 0; i < cpus && i < 64; i++) {
		t[i] = (struct ticks){ .cpu = i, .sleep = us * 1000 };
		if (pthread_create(&t[i].thread, NULL, tick, &t[i]))
			die("no thread");
	}
	for (int i = 0; i < cpus && i < 64; i++) {
		pthread_join(t[i].thread, NULL);
		n += t[i].n;
	}
	printf("ticks %llu\n", (unsigned long long)n);
}

int main(int argc, char **argv)
{
	uint64_t number = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
	const char *what = argc > 1 ? argv[1] : "";

	printf("ready %d\n", my_tid());
	if (!number || strcmp(what, "calls"))
		gate();
	if (!strcmp(what, "ping"))
		ping();
	else if (!strcmp(what, "calls"))
		calls(number);
	else if (!strcmp(what, "ticks") && number)
		ticks(number);
	else
		die("storm ping, calls, or ticks US");
	return 0;
}
