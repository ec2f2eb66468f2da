/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Does known things, one after the other, and writes down what it knows about each: the test looks
 * for them in the trace.
 *
 *   actor DIR FACTS    works in DIR (on a disk); FACTS: a file, one line of words a fact
 *
 * Thread names are the names of the acts.
 */
#include "common.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static FILE *facts;
static const char *dir;

#define fact(...)                                                                                  \
	do {                                                                                       \
		fprintf(facts, __VA_ARGS__);                                                       \
		fputc('\n', facts);                                                                \
		fflush(facts);                                                                     \
	} while (0)

/* Field 18 of /proc/thread-self/stat: what the kernel itself says the priority is. */
static int stat_priority(void)
{
	char line[1024], *p;
	FILE *f = fopen("/proc/thread-self/stat", "re");
	int value = 0;

	if (!f || !fgets(line, sizeof(line), f) || !(p = strrchr(line, ')')))
		die("/proc/thread-self/stat");
	fclose(f);
	if (sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d",
		   &value) != 1)
		die("/proc/thread-self/stat: %s", line);
	return value;
}

static int current_cpu(void)
{
	return sched_getcpu();
}

/* --- priorities: a thread each, that sleeps in S on a CPU of its own choice --- */

struct role {
	const char *name;
	int policy, prio, nice, cpu;
};

static void become(const struct role *role)
{
	struct sched_param param = { .sched_priority = role->prio };

	pin_to(role->cpu);
	if (sched_setscheduler(0, role->policy, &param))
		die("%s: %s", role->name, strerror(errno));
	if (role->policy == SCHED_OTHER || role->policy == SCHED_BATCH)
		setpriority(PRIO_PROCESS, (id_t)my_tid(), role->nice);
	prctl(PR_SET_NAME, role->name);
}

static void *sleep_often(void *arg)
{
	const struct role *role = arg;

	become(role);
	for (int i = 0; i < 50; i++)
		sleep_ns(1000000);
	fact("prio %s %d %d %d", role->name, my_tid(), stat_priority(), role->cpu);
	return NULL;
}

static void act_priorities(int last)
{
	struct role roles[] = {
		{ "a-nice-20", SCHED_OTHER, 0, -20, 0 }, { "a-nice0", SCHED_OTHER, 0, 0, last },
		{ "a-nice7", SCHED_OTHER, 0, 7, 0 },     { "a-nice19", SCHED_OTHER, 0, 19, last },
		{ "a-fifo1", SCHED_FIFO, 1, 0, 0 },      { "a-fifo50", SCHED_FIFO, 50, 0, last },
		{ "a-rr98", SCHED_RR, 98, 0, 0 },        { "a-batch3", SCHED_BATCH, 0, 3, last },
		{ "a-idle", SCHED_IDLE, 0, 0, 0 },
	};
	pthread_t threads[sizeof(roles) / sizeof(roles[0])];
	size_t n = sizeof(roles) / sizeof(roles[0]);

	for (size_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, sleep_often, &roles[i]))
			die("no thread");
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* --- preempted: two threads that never sleep share a CPU --- */

static void *spin(void *arg)
{
	struct role role = { arg, SCHED_OTHER, 0, 0, 0 };
	uint64_t start, end;

	become(&role);
	start = now_ns();
	end = start + 200000000;
	busy_until(end);
	fact("spin %s %d %llu %llu", role.name, my_tid(), (unsigned long long)start,
	     (unsigned long long)end);
	return NULL;
}

static void act_spin(void)
{
	static char names[2][16] = { "a-spin1", "a-spin2" };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, spin, names[i]))
			die("no thread");
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

/* --- disk: reads of known sectors, in D --- */

#define BLOCK 65536

static uint64_t physical(int fd, uint64_t *length)
{
	union {
		struct fiemap map;
		char room[sizeof(struct fiemap) + 4 * sizeof(struct fiemap_extent)];
	} u = { .map = { .fm_length = FIEMAP_MAX_OFFSET,
			 .fm_flags = FIEMAP_FLAG_SYNC,
			 .fm_extent_count = 4 } };

	if (ioctl(fd, FS_IOC_FIEMAP, &u.map) || !u.map.fm_mapped_extents)
		return 0;
	*length = u.map.fm_extents[0].fe_length;
	return u.map.fm_extents[0].fe_physical;
}

static void *read_disk(void *arg)
{
	struct role role = { "a-disk", SCHED_OTHER, 0, 0, 0 };
	char *buffer = aligned_alloc(4096, BLOCK), path[512];
	uint64_t at, length = 0;
	struct stat st;
	int fd;

	become(&role);
	snprintf(path, sizeof(path), "%s/disk", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	memset(buffer, 'x', BLOCK);
	if (fd < 0 || write(fd, buffer, BLOCK) != BLOCK || fsync(fd) || fstat(fd, &st))
		die("%s: %s", path, strerror(errno));
	at = physical(fd, &length);
	close(fd);
	fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	if (fd >= 0 && at && length >= BLOCK) {
		uint64_t start = now_ns();

		for (int i = 0; i < 8; i++)
			if (pread(fd, buffer, BLOCK, 0) != BLOCK)
				die("%s: %s", path, strerror(errno));
		fact("disk a-disk %d %u %llu %d %llu", my_tid(),
		     major(st.st_dev) << 20 | minor(st.st_dev), (unsigned long long)at / 512, BLOCK,
		     (unsigned long long)start);
	}
	close(fd);
	unlink(path);
	free(buffer);
	return arg;
}

static void run_thread(void *(*fn)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, NULL))
		die("no thread");
	pthread_join(thread, NULL);
}

/* --- processes --- */

static void act_processes(void)
{
	uint64_t start = now_ns();
	pid_t pid = fork();
	int status;

	if (!pid) {
		prctl(PR_SET_NAME, "a-child");
		sleep_ns(1000000);
		execl("/bin/true", "true", "a-b", NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	fact("child /bin/true %d %d %llu", getpid(), pid, (unsigned long long)start);
}

/* The parent of a vfork sleeps in D (killable). */
static void *wait_vfork(void *arg)
{
	struct role role = { "a-vfork", SCHED_OTHER, 0, 0, 0 };
	pid_t pid;

	become(&role);
	pid = vfork();
	if (!pid) {
		struct timespec ts = { .tv_nsec = 3000000 };

		syscall(SYS_nanosleep, &ts, NULL);
		_exit(0);
	}
	fact("vfork a-vfork %d %d", my_tid(), pid);
	waitpid(pid, NULL, 0);
	return arg;
}

static void act_stop(void)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		die_with_parent(parent);
		prctl(PR_SET_NAME, "a-stop");
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, WUNTRACED);
	sleep_ns(2000000);
	kill(pid, SIGCONT);
	waitpid(pid, NULL, 0);
	fact("stop a-stop %d", pid);
}

/* --- migration --- */

static void *migrate(void *arg)
{
	struct role role = { "a-migrate", SCHED_OTHER, 0, 0, 0 };
	int last = *(int *)arg;

	become(&role);
	for (int i = 0; i < 4; i++) {
		pin_to(i % 2 ? 0 : last);
		sleep_ns(100000);
	}
	fact("migrate a-migrate %d %d %d", my_tid(), last, current_cpu());
	return NULL;
}

static void act_migrate(int last)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, migrate, &last))
		die("no thread");
	pthread_join(thread, NULL);
}

/* --- network --- */

static void *send_packets(void *arg)
{
	struct role role = { "a-net", SCHED_OTHER, 0, 0, 0 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t len = sizeof(to);
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char data[777] = { 0 };

	become(&role);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(in, (struct sockaddr *)&to, sizeof(to)) ||
	    getsockname(in, (struct sockaddr *)&to, &len))
		die("bind: %s", strerror(errno));
	for (int i = 0; i < 10; i++) {
		if (sendto(out, data, sizeof(data), 0, (struct sockaddr *)&to, len) < 0 ||
		    recv(in, data, sizeof(data), 0) < 0)
			die("sendto: %s", strerror(errno));
	}
	fact("net lo %d %zu", my_tid(), sizeof(data));
	close(in);
	close(out);
	return arg;
}

/* --- a page fault at a known address --- */

static void *touch(void *arg)
{
	struct role role = { "a-fault", SCHED_OTHER, 0, 0, 0 };
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	become(&role);
	if (page == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	fact("fault a-fault %d %llu", my_tid(), (unsigned long long)(uintptr_t)page + 123);
	((volatile char *)page)[123] = 1;
	munmap(page, 4096);
	return arg;
}

/* --- system calls with known arguments --- */

static void *make_calls(void *arg)
{
	struct role role = { "a-calls", SCHED_OTHER, 0, 0, 0 };
	char path[512], other[600], buffer[32];
	uint32_t word = 7;
	int fd;

	become(&role);
	snprintf(path, sizeof(path), "%s/calls", dir);
	snprintf(other, sizeof(other), "%s.other", path);
	fact("calls a-calls %d", my_tid());
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_RDWR | O_CLOEXEC, 0640);
	fact("call openat %d dfd=-100 filename=%s flags=%d mode=416", fd, path,
	     O_CREAT | O_RDWR | O_CLOEXEC);
	fact("call lseek %ld fd=%d offset=-1 whence=77",
	     syscall(SYS_lseek, fd, -1L, 77) < 0 ? -(long)errno : 0, fd);
	fact("call write %ld fd=%d count=5", syscall(SYS_write, fd, "hello", 5L), fd);
	fact("call pread64 %ld fd=%d count=32 pos=2 buf=%llu",
	     syscall(SYS_pread64, fd, buffer, sizeof(buffer), 2L), fd,
	     (unsigned long long)(uintptr_t)buffer);
	syscall(SYS_rename, path, other);
	fact("call rename 0 oldname=%s newname=%s", path, other);
	fact("call futex %ld uaddr=%llu op=129 val=3 val3=4",
	     syscall(SYS_futex, &word, 129, 3, NULL, NULL, 4),
	     (unsigned long long)(uintptr_t)&word);
	fact("call unlink %ld pathname=%s", syscall(SYS_unlink, other), other);
	fact("call dup2 %ld oldfd=%d newfd=300", syscall(SYS_dup2, fd, 300), fd);
	fact("call close %ld fd=300", syscall(SYS_close, 300));
	close(fd);
	return arg;
}

#ifdef __x86_64__
/* System calls of the 32-bit table from a 64-bit program: no library needed. */
static long compat_call(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static void *make_compat_calls(void *arg)
{
	struct role role = { "a-compat", SCHED_OTHER, 0, 0, 0 };

	become(&role);
	fact("compat a-compat %d", my_tid());
	fact("ccall dup2 %ld oldfd=1234 newfd=77", (long)(int)compat_call(63, 1234, 77, 0));
	fact("ccall lseek %ld fd=1235 offset=99 origin=1", (long)(int)compat_call(19, 1235, 99, 1));
	return arg;
}
#endif

int main(int argc, char **argv)
{
	int last = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;

	if (argc < 3)
		die("actor DIR FACTS");
	dir = argv[1];
	facts = fopen(argv[2], "we");
	if (!facts)
		die("%s: %s", argv[2], strerror(errno));
	fact("actor %d %d", getpid(), last + 1);
	act_priorities(last);
	act_spin();
	run_thread(read_disk);
	act_processes();
	run_thread(wait_vfork);
	act_stop();
	act_migrate(last);
	run_thread(send_packets);
	run_thread(touch);
	run_thread(make_calls);
#ifdef __x86_64__
	if (argc > 3)
		run_thread(make_compat_calls);
#endif
	fact("end 0");
	return 7;
}
