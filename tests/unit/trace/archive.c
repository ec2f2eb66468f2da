/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "trace/archive.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/maker.h"

extern char **environ;

int program_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

FILE *program_start(const char *const argv[], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int pipes[2], ret;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	ret = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(pipes[1]);
	if (!ret)
		return fdopen(pipes[0], "re");
	close(pipes[0]);
	return NULL;
}

static bool run(const char *const argv[])
{
	pid_t pid;
	FILE *out = program_start(argv, &pid);

	if (!out)
		return false;
	while (fgetc(out) != EOF)
		;
	fclose(out);
	return program_wait(pid) == 0;
}

bool archive_path(char *path, size_t size, const char *name, const char *suffix)
{
	const char *traces = getenv("WL_TEST_TRACES");

	snprintf(path, size, "%s/%s.%s", traces ? traces : ".", name, suffix);
	if (!access(path, R_OK))
		return true;
	print_message("skipped: no %s\n", path);
	return false;
}

char *archive_unpack(const char *name)
{
	char archive[512], *dir;
	const char *argv[] = { "tar", "-xJf", archive, "-C", NULL, NULL };

	if (!archive_path(archive, sizeof(archive), name, "tar.xz"))
		return NULL;
	dir = maker_dir(false);
	argv[4] = dir;
	if (run(argv))
		return dir;
	print_message("skipped: tar can't unpack %s\n", archive);
	maker_remove(dir);
	return NULL;
}
