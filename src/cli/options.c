/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Parser and help, from the table of option.c. Not getopt_long(), which has state of its own, takes
 * abbreviations, and can't tell `-n -- foo` from `-- foo`.
 */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "cli/option.h"
#include "cli/track_kinds.h"
#include "util/distance.h"
#include "util/message.h"

#define COLUMN 23 /* of the help's texts */

static void print_option(const struct wl_option *option)
{
	bool optional = option->flags & WL_OPTION_OPTIONAL;
	char left[64];
	int len = 0;

	if (option->letter)
		len = snprintf(left, sizeof(left), "-%c, ", option->letter);
	len += snprintf(left + len, sizeof(left) - (size_t)len, "--%s", option->name);
	if (option->value)
		len += snprintf(left + len, sizeof(left) - (size_t)len, optional ? "[=%s]" : " %s",
				option->value);
	printf("  %-*s", COLUMN - 2, left);
	if (len > COLUMN - 3)
		printf("\n%*s", COLUMN, "");
	for (const char *c = option->help; *c; c++) {
		putchar(*c);
		if (*c == '\n')
			printf("%*s", COLUMN, "");
	}
	putchar('\n');
}

static bool is_record(const char *verb)
{
	return !strcmp(verb, "record");
}

static bool is_track(const char *verb)
{
	return !strcmp(verb, "track");
}

static bool has_option(const char *verb, const struct wl_option *option)
{
	unsigned int others = WL_OPTION_RECORD_ONLY | WL_OPTION_TRACK_ONLY;

	if (is_record(verb))
		others = WL_OPTION_WATCH_ONLY | WL_OPTION_TRACK | WL_OPTION_TRACK_ONLY;
	if (is_track(verb))
		others = WL_OPTION_RECORD_ONLY | WL_OPTION_WATCH_ONLY | WL_OPTION_RECORDER;
	return !(option->flags & others);
}

static void print_intro(const char *verb)
{
	if (is_record(verb))
		printf("usage: whylate record -o DIR [OPTIONS] [-- COMMAND...]\n"
		       "\n"
		       "Writes what the kernel does on every CPU to DIR, a CTF trace, until Ctrl-C or\n"
		       "until the command has ended. The target says whose system calls, names of\n"
		       "files and stacks are recorded.\n");
	else if (is_track(verb))
		wl_track_print_intro();
	else
		printf("usage: whylate %s [OPTIONS] [-- COMMAND...]\n"
		       "\n"
		       "Measures response times live and explains each slow one. With a command: starts\n"
		       "it, watches it and what it starts, and passes its exit status on.\n",
		       verb);
}

static void print_examples(const char *verb)
{
	if (is_record(verb))
		printf("\nExamples:\n"
		       "  whylate record -o trace --duration 10s     everything for 10 s\n"
		       "  whylate record -o trace --syscalls -- ./server --port 80\n"
		       "  babeltrace2 trace/kernel                   reads it\n");
	else if (is_track(verb))
		printf("\nExamples:\n"
		       "  whylate track wakeup -n memcached --over 1ms\n"
		       "  whylate track block --over p99.9 --duration 10s --json\n"
		       "  whylate track my.bpf.o                     a tracker of your own\n"
		       "  whylate track --in tp:irq:softirq_raise --out tp:irq:softirq_entry \\\n"
		       "                --key cpu,vec\n");
	else
		printf("\nExamples:\n"
		       "  whylate %s -n memcached                    what is slow for it, and why\n"
		       "  whylate %s -n memcached --over 2ms --json  one JSON line per slow response\n"
		       "  whylate %s --rt --until run --timer        timer to first instruction\n"
		       "  whylate %s --duration 10s -- ./server      start it, watch it\n",
		       verb, verb, verb, verb);
}

static void print_help(const char *verb)
{
	print_intro(verb);
	for (size_t i = 0; i < wl_noptions; i++) {
		if (!has_option(verb, &wl_options_table[i]))
			continue;
		if (wl_options_table[i].group)
			printf("\n%s:\n", wl_options_table[i].group);
		else
			print_option(&wl_options_table[i]);
	}
	print_examples(verb);
}

/* What is left of the command line, and what was seen in it. */
struct args {
	const char *verb;
	char **next;
	const struct wl_option *recorder; /* an option that needs the flight recorder */
};

static int unknown_option(const char *name, const struct args *args)
{
	struct wl_nearest nearest;

	wl_nearest_init(&nearest, name);
	for (size_t i = 0; i < wl_noptions; i++)
		if (wl_options_table[i].name && has_option(args->verb, &wl_options_table[i]))
			wl_nearest_offer(&nearest, wl_options_table[i].name);
	if (nearest.best)
		wl_error("--%s is not an option (did you mean --%s?)", name, nearest.best);
	else
		wl_error("--%s is not an option (see --help)", name);
	return -EINVAL;
}

static int refuse_verb(const char *label, const struct args *args)
{
	if (is_track(args->verb))
		return wl_option_refuse(label, "it is not an option of track (see whylate track "
					       "--help)");
	if (is_record(args->verb))
		return wl_option_refuse(
			label, "it is an option of watch (record measures no responses, it "
			       "writes everything down)");
	return wl_option_refuse(label,
				"it is an option of record (%s writes captures, see --captures)",
				args->verb);
}

static int apply_option(struct wl_options *options, const struct wl_option *option,
			const char *label, const char *value, struct args *args)
{
	if (!has_option(args->verb, option))
		return refuse_verb(label, args);
	if (option->value && !value && !(option->flags & WL_OPTION_OPTIONAL)) {
		value = *args->next;
		if (!value || !strcmp(value, "--"))
			return wl_option_refuse(label, "its value is missing (%s %s)", label,
						option->value);
		args->next++;
	}
	if (option->flags & WL_OPTION_RECORDER)
		args->recorder = option;
	return option->apply(options, label, value);
}

/* --name, --name VALUE, --name=VALUE */
static int parse_long(struct wl_options *options, const char *arg, struct args *args)
{
	size_t len = strcspn(arg, "=");
	const char *value = arg[len] ? arg + len + 1 : NULL;
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 arg);
	for (size_t i = 0; i < wl_noptions; i++) {
		char label[sizeof(name) + 2];

		if (!wl_options_table[i].name || strlen(wl_options_table[i].name) != len ||
		    strcmp(wl_options_table[i].name, name))
			continue;
		snprintf(label, sizeof(label), "--%s", name);
		if (value && !wl_options_table[i].value)
			return wl_option_refuse(label, "it takes no value, but got '%s'", value);
		return apply_option(options, &wl_options_table[i], label, value, args);
	}
	return unknown_option(name, args);
}

static const struct wl_option *find_letter(char letter)
{
	for (size_t i = 0; i < wl_noptions; i++)
		if (wl_options_table[i].letter && wl_options_table[i].letter == letter)
			return &wl_options_table[i];
	return NULL;
}

/* -v, -vv, -p VALUE, -pVALUE */
static int parse_letters(struct wl_options *options, const char *letters, struct args *args)
{
	for (; *letters; letters++) {
		const struct wl_option *option = find_letter(*letters);
		const char label[] = { '-', *letters, '\0' };
		bool rest = option && option->value && letters[1];
		int ret;

		if (!option) {
			wl_error("%s is not an option (see --help)", label);
			return -EINVAL;
		}
		ret = apply_option(options, option, label, rest ? letters + 1 : NULL, args);
		if (ret || option->value)
			return ret;
	}
	return 0;
}

static int parse_command(struct wl_options *options, struct args *args)
{
	if (!*args->next)
		return wl_option_refuse("--", "the command is missing (-- ./server --port 80)");
	options->command = args->next;
	return 0;
}

static int parse_word(struct wl_options *options, const char *arg, struct args *args)
{
	if (!strncmp(arg, "--", 2))
		return parse_long(options, arg + 2, args);
	if (arg[0] == '-' && arg[1])
		return parse_letters(options, arg + 1, args);
	if (is_track(args->verb) && !options->kind) {
		options->kind = arg;
		return 0;
	}
	wl_error("'%s' is not an option (a name goes after -n, an id after -p, a command after --)",
		 arg);
	return -EINVAL;
}

static int check_recorder(const struct wl_options *options, const struct args *args)
{
	char label[64];

	if (is_record(args->verb) && !options->output)
		return wl_option_refuse("record", "-o DIR is missing: where to write (-o trace)");
	if (!args->recorder || options->config.record)
		return 0;
	snprintf(label, sizeof(label), "--%s", args->recorder->name);
	return wl_option_refuse(label,
				"it means nothing without captures (choose one: it, or --captures "
				"none)");
}

static int check_conflicts(const struct wl_options *options)
{
	const struct wl_target_config *target = &options->config.target;
	__u8 until = options->config.chain.until;

	if (options->quiet && options->verbose)
		return wl_option_refuse("--quiet", "it contradicts -v (choose one)");
	if (options->command && target->npids)
		return wl_option_refuse(
			"-p", "a process that runs already contradicts -- %s (choose one)",
			options->command[0]);
	if (options->command && target->ntids)
		return wl_option_refuse("-t",
					"a thread that runs already contradicts -- %s (choose one)",
					options->command[0]);
	if (options->nmarks && options->until_given && until != WL_UNTIL_MARK)
		return wl_option_refuse("--begin, --end",
					"they mean --until mark (choose one: them, or --until)");
	if (options->config.chain.nidle && (until == WL_UNTIL_RUN || until == WL_UNTIL_BLOCK))
		return wl_option_refuse(
			"--idle", "--until %s does not look at where a task waits (choose one)",
			until == WL_UNTIL_RUN ? "run" : "block");
	return 0;
}

static int parse_words(struct wl_options *options, struct args *args)
{
	int ret = 0;

	while (!ret && *args->next && !options->command) {
		const char *arg = *args->next++;

		if (!strcmp(arg, "--"))
			ret = parse_command(options, args);
		else
			ret = parse_word(options, arg, args);
	}
	return ret;
}

int wl_options_parse(struct wl_options *options, int argc, char **argv)
{
	const struct wl_stim_config *stim = &options->config.stim;
	struct args args = { .verb = argc > 0 ? argv[0] : "watch", .next = argv + (argc > 0) };
	int ret;

	wl_option_defaults(options, args.verb);
	ret = parse_words(options, &args);
	if (ret > 0)
		print_help(args.verb);
	if (ret)
		return ret;
	options->config.stim.any = !options->nirqs && !stim->softirqs && !stim->timer;
	options->config.record = options->captures || options->output;
	ret = check_recorder(options, &args);
	if (!ret)
		ret = check_conflicts(options);
	if (!ret && options->nmarks)
		options->config.chain.until = WL_UNTIL_MARK;
	return ret;
}
