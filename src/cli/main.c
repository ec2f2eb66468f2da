/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/verbs.h"
#include "util/distance.h"
#include "util/message.h"

static const struct verb {
	const char *name;
	const char *help;
	int (*main)(int argc, char **argv);
} verbs[] = {
	{ "watch", "measure response times live and explain the slow ones", wl_watch_main },
	{ "record", "write everything that the kernel does to disk, as a CTF trace",
	  wl_record_main },
	{ "captures", "the captures kept: list them, remove them, take one now", wl_captures_main },
	{ "explain", "why a response was slow, down to the root cause, from its capture",
	  wl_explain_main },
	{ "track", "how long one thing takes: block I/O, wake-ups, system calls, your own",
	  wl_track_main },
	{ "doctor", "what this kernel and these privileges allow", wl_doctor_main },
	{ "demo", "make a small load late in known ways, and show the verdicts", wl_demo_main },
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static void print_help(FILE *out)
{
	fputs("usage: whylate VERB [OPTIONS]\n"
	      "\n"
	      "Measures the response time of real work on this machine, from the interrupt that\n"
	      "asked for it to the end of its processing in user space, and says why a slow one\n"
	      "was late.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < NVERBS; i++)
		fprintf(out, "  %-8s  %s\n", verbs[i].name, verbs[i].help);
	fputs("\n"
	      "  whylate VERB --help   what a verb can do\n"
	      "  whylate --version\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 this kernel or these privileges\n"
	      "don't allow it, 4 something was slow and --fail-on-slow was asked.\n",
	      out);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < NVERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int unknown_verb(const char *name)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (size_t i = 0; i < NVERBS; i++)
		wl_nearest_offer(&nearest, verbs[i].name);
	if (name[0] == '-')
		wl_error("'%s' is not an option here; the verb comes first: whylate watch -n NAME",
			 name);
	else if (nearest.best)
		wl_error("'%s' is not a verb (did you mean %s?)", name, nearest.best);
	else
		wl_error("'%s' is not a verb (see whylate --help)", name);
	return WL_EXIT_USAGE;
}

/* A full disk or a closed pipe is seen here at the latest. */
static int close_stdout(int status)
{
	errno = 0;
	/* a reader that has gone is no failure; what failed before this, the verb has said itself
	 */
	if (!fflush(stdout) || errno == EPIPE)
		return status;
	wl_error("standard output: %s", strerror(errno));
	return status ? status : WL_EXIT_FAILED;
}

static int print_help_for(int argc, char **argv)
{
	const struct verb *verb = argc > 0 ? find_verb(argv[0]) : NULL;
	char *help[] = { argc > 0 ? argv[0] : NULL, (char[]){ "--help" }, NULL };

	if (argc > 0)
		return verb ? verb->main(2, help) : unknown_verb(argv[0]);
	print_help(stdout);
	return WL_EXIT_OK;
}

static int run(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		print_help(stderr);
		return WL_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("whylate " WL_VERSION);
		return WL_EXIT_OK;
	}
	if (!strcmp(argv[1], "help"))
		return print_help_for(argc - 2, argv + 2);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return print_help_for(0, NULL);
	verb = find_verb(argv[1]);
	return verb ? verb->main(argc - 1, argv + 1) : unknown_verb(argv[1]);
}

int main(int argc, char **argv)
{
	return close_stdout(run(argc, argv));
}
