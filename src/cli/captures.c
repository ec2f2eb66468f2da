/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate captures: list and remove the captures kept, or ask a running watch for one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capture/control.h"
#include "capture/store.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "output/json.h"
#include "util/escape.h"
#include "util/format.h"
#include "util/message.h"
#include "util/parse.h"

#define DEFAULT_DIR "whylate-captures"
#define FORMAT_VERSION 1
#define NOW_TIMEOUT_MS 60000
#define WATCHES_MAX 64

struct captures {
	const char *what;           /* "list", "now", "rm" */
	const char *arguments[256]; /* that are no options */
	size_t n;
	bool json, all;
	pid_t pid; /* 0: none was named */
};

static void print_help(void)
{
	printf("usage: whylate captures list [DIR] [--json]\n"
	       "       whylate captures now [-p PID] [--json]\n"
	       "       whylate captures rm NAME...\n"
	       "       whylate captures rm --all [DIR]\n"
	       "\n"
	       "Lists the captures that watch has kept, the oldest first; takes one now and prints\n"
	       "where it is; removes captures. DIR is " DEFAULT_DIR " unless it is given. NAME is\n"
	       "as list prints it, or with the directory in front.\n"
	       "\n"
	       "  --json               one JSON object per line\n"
	       "  --all                all captures of the directory\n"
	       "  -p, --pid PID        the watch to ask, if several run\n"
	       "  -h, --help           this text\n"
	       "\n"
	       "A capture is a directory: kernel/ is a CTF trace (babeltrace2 reads it),\n"
	       "response.json is the slow response, stacks.json where the target was seen,\n"
	       "machine.json and tasks.json say what the trace alone does not. `now` needs\n"
	       "root, or the user that runs the watch.\n");
}

/* --- list --- */

static int open_store(struct wl_store *store, const char *dir)
{
	const char *why;
	int ret = wl_store_open(store, dir, false, &why);

	if (ret)
		wl_error("captures: '%s': %s", dir, why);
	return ret;
}

static int open_list(struct wl_store *store, const char *dir, struct wl_entries *entries)
{
	int ret = open_store(store, dir);

	if (ret)
		return ret;
	ret = wl_store_list(store, entries);
	if (!ret)
		return 0;
	wl_error("captures: '%s': %s", dir, strerror(-ret));
	wl_store_close(store);
	return ret;
}

static void put_entry(struct wl_json *j, const struct wl_store *store, const struct wl_entry *e)
{
	char path[PATH_MAX + WL_ENTRY_NAME];

	snprintf(path, sizeof(path), "%s/%s", store->path, e->name);
	wl_json_object(j, NULL);
	wl_json_string(j, "type", "capture");
	wl_json_u64(j, "v", FORMAT_VERSION);
	wl_json_string(j, "name", e->name);
	wl_json_string(j, "path", path);
	wl_json_string(j, "time", e->time);
	wl_json_string(j, "cause", e->cause);
	if (e->now) {
		wl_json_null(j, "response_ns");
		wl_json_null(j, "target");
	} else {
		wl_json_u64(j, "response_ns", e->response_ns);
		wl_json_object(j, "target");
		wl_json_u64(j, "pid", e->pid);
		wl_json_u64(j, "tid", e->tid);
		wl_json_string(j, "comm", e->comm);
		wl_json_string(j, "process", e->process);
		wl_json_object_end(j);
	}
	wl_json_u64(j, "size_bytes", e->size);
	wl_json_object_end(j);
	wl_json_line_end(j);
}

/* "8.2M" */
static const char *format_size(uint64_t bytes, char *text, size_t size)
{
	if (bytes < 1u << 20)
		snprintf(text, size, "%" PRIu64 "K", (bytes + 1023) >> 10);
	else
		snprintf(text, size, "%.1fM", (double)bytes / (1u << 20));
	return text;
}

static void print_entry(const struct wl_entry *e)
{
	char name[WL_ESCAPE_SIZE(WL_ENTRY_NAME)], cause[WL_ESCAPE_SIZE(sizeof(e->cause))];
	char target[WL_ESCAPE_SIZE(256)], size[32], duration[WL_FORMAT_SIZE], text[256] = "";

	if (!e->now)
		snprintf(text, sizeof(text), "%s/%s/%u", e->process, e->comm, e->tid);
	wl_escape_text(e->name, sizeof(e->name), name, sizeof(name));
	wl_escape_text(e->cause, sizeof(e->cause), cause, sizeof(cause));
	wl_escape_text(text, sizeof(text), target, sizeof(target));
	printf("%-46s %8s  %-13s %7s  %s\n", name,
	       e->now ? "-" : wl_format_duration(e->response_ns, duration, sizeof(duration)), cause,
	       format_size(e->size, size, sizeof(size)), target);
}

static int list(const struct captures *c)
{
	struct wl_entries entries;
	struct wl_store store;
	struct wl_json json;

	if (open_list(&store, c->n ? c->arguments[0] : DEFAULT_DIR, &entries))
		return WL_EXIT_FAILED;
	wl_json_init(&json, stdout);
	if (!c->json && entries.n)
		printf("%-46s %8s  %-13s %7s  %s\n", "CAPTURE", "RESPONSE", "CAUSE", "SIZE",
		       "TARGET");
	for (size_t i = 0; i < entries.n; i++) {
		if (c->json)
			put_entry(&json, &store, &entries.all[i]);
		else
			print_entry(&entries.all[i]);
	}
	if (!entries.n)
		wl_warn("captures: there are none in '%s'", store.path);
	wl_entries_free(&entries);
	wl_store_close(&store);
	return WL_EXIT_OK;
}

/* --- now --- */

/* The watch to ask, or an exit status in *status. */
static pid_t find_watch(const struct captures *c, int *status)
{
	pid_t pids[WATCHES_MAX];
	char all[512] = "";
	size_t len = 0;
	int n;

	if (c->pid)
		return c->pid;
	n = wl_control_find(WL_CONTROL_DIR, pids, WATCHES_MAX);
	if (n == 1)
		return pids[0];
	*status = WL_EXIT_FAILED;
	for (int i = 0; i < n && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%d", i ? ", " : "",
					(int)pids[i]);
	if (n > 1)
		wl_error("captures now: several watches run: %s (choose one with -p PID)", all);
	else if (n < 0)
		wl_error("captures now: %s: %s (run it as the user that runs the watch)",
			 WL_CONTROL_DIR, strerror(-n));
	else
		wl_error(
			"captures now: no watch runs that takes captures (start one: whylate watch)");
	return 0;
}

static int now_error(pid_t pid, int error, const char *said)
{
	if (error == -EREMOTEIO)
		wl_error("captures now: process %d says: %s", (int)pid, said);
	else if (error == -ENOENT || error == -ECONNREFUSED)
		wl_error("captures now: process %d is no watch that takes captures", (int)pid);
	else
		wl_error("captures now: process %d: %s", (int)pid, strerror(-error));
	return WL_EXIT_FAILED;
}

static int now(const struct captures *c)
{
	char text[PATH_MAX + WL_ENTRY_NAME], safe[WL_ESCAPE_SIZE(sizeof(text))];
	int status = WL_EXIT_OK, ret;
	pid_t pid = find_watch(c, &status);
	struct wl_json j;

	if (!pid)
		return status;
	ret = wl_control_now(WL_CONTROL_DIR, pid, NOW_TIMEOUT_MS, text, sizeof(text));
	if (ret)
		return now_error(pid, ret, text);
	if (!c->json) {
		wl_escape_text(text, sizeof(text), safe, sizeof(safe));
		puts(safe);
		return WL_EXIT_OK;
	}
	wl_json_init(&j, stdout);
	wl_json_object(&j, NULL);
	wl_json_string(&j, "type", "capture");
	wl_json_u64(&j, "v", FORMAT_VERSION);
	wl_json_string(&j, "path", text);
	wl_json_object_end(&j);
	wl_json_line_end(&j);
	return WL_EXIT_OK;
}

/* --- rm --- */

static const char *remove_error(int error)
{
	switch (-error) {
	case EINVAL:
		return "it is not a capture";
	case ENOENT:
		return "there is no such capture (whylate captures list)";
	default:
		return strerror(-error);
	}
}

static int remove_one(const struct wl_store *store, const char *name)
{
	int ret = wl_store_remove(store, name);

	if (ret)
		wl_error("captures rm: '%s': %s", name, remove_error(ret));
	return ret;
}

/* NAME, or DIR/NAME */
static int remove_named(const char *argument)
{
	const char *slash = strrchr(argument, '/');
	char dir[PATH_MAX] = DEFAULT_DIR;
	struct wl_store store;
	int ret;

	if (slash && (size_t)(slash - argument) >= sizeof(dir))
		return -ENAMETOOLONG;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", slash == argument ? 1 : (int)(slash - argument),
			 argument);
	ret = open_store(&store, dir);
	if (ret)
		return ret;
	ret = remove_one(&store, slash ? slash + 1 : argument);
	wl_store_close(&store);
	return ret;
}

static int remove_all(const struct captures *c)
{
	struct wl_entries entries;
	struct wl_store store;
	int ret = open_list(&store, c->n ? c->arguments[0] : DEFAULT_DIR, &entries);

	if (ret)
		return ret;
	for (size_t i = 0; i < entries.n; i++)
		if (remove_one(&store, entries.all[i].name))
			ret = -EIO;
	wl_entries_free(&entries);
	wl_store_close(&store);
	return ret;
}

static int rm(const struct captures *c)
{
	int ret = 0;

	if (c->all)
		return remove_all(c) ? WL_EXIT_FAILED : WL_EXIT_OK;
	for (size_t i = 0; i < c->n; i++)
		if (remove_named(c->arguments[i]))
			ret = -EIO;
	return ret ? WL_EXIT_FAILED : WL_EXIT_OK;
}

/* --- command line --- */

static int parse_pid(struct captures *c, const char *label, const char *value)
{
	uint32_t pid;

	if (!value) {
		wl_error("captures: %s: its value is missing (%s PID)", label, label);
		return -EINVAL;
	}
	if (wl_parse_uint32(value, &pid) || !pid || pid > INT32_MAX) {
		wl_error("captures: %s: '%s' is not an id (try 1234)", label, value);
		return -EINVAL;
	}
	c->pid = (pid_t)pid;
	return 0;
}

static int add_argument(struct captures *c, const char *arg)
{
	if (c->n == sizeof(c->arguments) / sizeof(c->arguments[0])) {
		wl_error("captures: '%s' is one too many", arg);
		return -E2BIG;
	}
	c->arguments[c->n++] = arg;
	return 0;
}

/* 0: go on; 1: help was printed; -errno: said. */
static int parse_words(struct captures *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		int ret = 0;

		if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
			print_help();
			return 1;
		}
		if (!strcmp(arg, "--json")) {
			c->json = true;
		} else if (!strcmp(arg, "--all")) {
			c->all = true;
		} else if (!strcmp(arg, "-p") || !strcmp(arg, "--pid")) {
			ret = parse_pid(c, arg, argv[++i]);
		} else if (arg[0] == '-') {
			wl_error("captures: '%s' is not an option (see whylate captures --help)",
				 arg);
			ret = -EINVAL;
		} else if (!c->what) {
			c->what = arg;
		} else {
			ret = add_argument(c, arg);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static int refuse(const char *text)
{
	wl_error("captures: %s (see whylate captures --help)", text);
	return -EINVAL;
}

/* What does not go together. */
static int check(const struct captures *c)
{
	bool is_rm = !strcmp(c->what, "rm"), is_now = !strcmp(c->what, "now");

	if (!is_rm && !is_now && strcmp(c->what, "list") != 0) {
		wl_error("captures: '%s' is not one of list, now, rm", c->what);
		return -EINVAL;
	}
	if (is_rm && !c->all && !c->n)
		return refuse("rm: which one? NAME or --all is missing");
	if (is_rm && c->all && c->n > 1)
		return refuse("rm: --all takes one directory, and no names");
	if (c->all && !is_rm)
		return refuse("--all belongs to rm");
	if (c->pid && !is_now)
		return refuse("-p belongs to now");
	if (c->json && is_rm)
		return refuse("rm has no --json");
	if (is_now && c->n)
		return refuse("now takes no directory: the watch has one");
	if (!is_rm && c->n > 1)
		return refuse("list takes one directory");
	return 0;
}

int wl_captures_main(int argc, char **argv)
{
	struct captures c = { .what = NULL };
	int ret = parse_words(&c, argc, argv);

	if (!ret && !c.what)
		ret = refuse("what? list, now or rm is missing");
	if (!ret)
		ret = check(&c);
	if (ret)
		return ret > 0 ? WL_EXIT_OK : WL_EXIT_USAGE;
	if (!strcmp(c.what, "list"))
		return list(&c);
	return !strcmp(c.what, "now") ? now(&c) : rm(&c);
}
