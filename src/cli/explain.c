/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* whylate explain: why a response was slow, from its capture or from any kernel trace. */
#include "explain/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/store.h"
#include "cli/at_time.h"
#include "cli/input.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "output/explain_json.h"
#include "output/explain_text.h"
#include "output/html.h"
#include "trace/trace.h"
#include "util/message.h"
#include "util/parse.h"

#define DEFAULT_DIR "whylate-captures"
#define WHY_MAX 512

/* The command line. */
struct explain {
	const char *argument; /* NULL: the newest capture */
	const char *html;     /* file to write, or NULL */
	uint32_t tid;         /* 0: none was named */
	struct wl_at_time at;
	const char *at_text;
	bool json, verbose;
	enum wl_color color;
};

static void print_help(void)
{
	printf("usage: whylate explain [CAPTURE] [OPTIONS]\n"
	       "       whylate explain TRACE --tid N [--at TIME] [OPTIONS]\n"
	       "\n"
	       "Says why a response was slow: what was usual and what was not, what it went\n"
	       "through and whom it waited for, down to the root cause.\n"
	       "\n"
	       "CAPTURE is a directory that watch has written, or its name in\n"
	       "./" DEFAULT_DIR "; without one it is the newest there. TRACE is any kernel\n"
	       "trace, of whylate record or of LTTng: of the task that is named, the slowest\n"
	       "response in it is explained.\n"
	       "\n"
	       "  -t, --tid N          a response of this task\n"
	       "      --at TIME        the one that went on then, or the next one that ended:\n"
	       "                       81106449693881 (ns) or 81106.449693881 (s) of the trace's\n"
	       "                       clock, or 19:41:07.123, as babeltrace2 prints it\n"
	       "      --json           one JSON object\n"
	       "      --html FILE      also write a page with the whole path and everybody's\n"
	       "                       time lines\n"
	       "      --color WHEN     auto, always or never\n"
	       "  -v, --verbose        all of the path: nothing is shortened\n"
	       "  -h, --help           this text\n"
	       "\n"
	       "Examples:\n"
	       "  whylate explain                               the newest capture\n"
	       "  whylate explain 2026-11-21T194107.123-memcached-io --html x.html\n"
	       "  whylate explain trace --tid 1240 --at 19:41:07.123\n");
}

/* --- which one --- */

static bool is_there(const char *path)
{
	struct stat st;

	return !stat(path, &st) || errno != ENOENT;
}

/* The newest of the captures; said, for nobody has named it. */
static int find_newest(char path[PATH_MAX])
{
	struct wl_entries entries = { .n = 0 };
	struct wl_store store;
	const char *why;
	int ret = wl_store_open(&store, DEFAULT_DIR, false, &why);

	if (ret) {
		wl_error("explain: no capture was named, and '%s': %s", DEFAULT_DIR, why);
		return ret;
	}
	ret = wl_store_list(&store, &entries);
	if (!ret && !entries.n)
		ret = -ENOENT;
	if (ret) {
		wl_error("explain: no capture was named, and '%s' holds none (whylate watch takes "
			 "them)",
			 store.path);
	} else {
		const char *name = entries.all[entries.n - 1].name;

		snprintf(path, PATH_MAX, "%s/%s", DEFAULT_DIR, name);
		wl_say("explaining %s, the newest capture", path);
	}
	wl_entries_free(&entries);
	wl_store_close(&store);
	return ret;
}

/* 0 or an exit status. */
static int find_path(const struct explain *e, char path[PATH_MAX])
{
	if (!e->argument)
		return find_newest(path) ? WL_EXIT_USAGE : 0;
	if ((size_t)snprintf(path, PATH_MAX, "%s", e->argument) >= PATH_MAX) {
		wl_error("explain: '%s': %s", e->argument, strerror(ENAMETOOLONG));
		return WL_EXIT_FAILED;
	}
	if (is_there(path))
		return 0;
	if (!strchr(path, '/')) {
		if ((size_t)snprintf(path, PATH_MAX, DEFAULT_DIR "/%s", e->argument) < PATH_MAX &&
		    is_there(path))
			return 0;
	}
	wl_error("explain: '%s': there is no such capture or trace (whylate captures list)",
		 e->argument);
	return WL_EXIT_FAILED;
}

/* --- --at --- */

static const char *format_wall(uint64_t ts, int64_t offset, char *text, size_t size)
{
	int64_t real = (int64_t)ts + offset;
	time_t sec = (time_t)(real / 1000000000);
	struct tm tm = { 0 };

	localtime_r(&sec, &tm);
	snprintf(text, size, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
		 (int)(real / 1000000 % 1000));
	return text;
}

static int refuse_at(const struct explain *e, const struct wl_trace_info *info, int error)
{
	char first[64], last[64];

	if (error == -ENODATA)
		wl_error("explain: --at: '%s': the trace does not know the wall clock (give ns of "
			 "its own clock)",
			 e->at_text);
	else
		wl_error("explain: --at: '%s' is not in the trace: it goes from %s to %s",
			 e->at_text,
			 format_wall(info->first, info->clock_offset, first, sizeof(first)),
			 format_wall(info->last, info->clock_offset, last, sizeof(last)));
	return error;
}

/* Onto the trace's clock; only the wall clock's needs the trace for that. */
static int resolve_at(const struct explain *e, const char *path, uint64_t *ns)
{
	struct wl_trace *trace = NULL;
	const struct wl_trace_info *info;
	char why[WHY_MAX];
	int ret;

	*ns = e->at.ns;
	if (!e->at.wall)
		return 0;
	ret = wl_trace_open(path, 0, &trace, why, sizeof(why));
	if (ret) {
		wl_error("explain: %s", why);
		return ret;
	}
	info = wl_trace_info(trace);
	ret = wl_at_time_resolve(&e->at, info->first, info->last, info->clock_offset, ns);
	if (ret)
		refuse_at(e, info, ret);
	wl_trace_close(trace);
	return ret;
}

/* --- output --- */

/* Drawn in another alphabet, lines and bars would be garbage. */
static bool locale_is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8;

	if (!locale)
		return false;
	utf8 = !strcmp(nl_langinfo_l(CODESET, locale), "UTF-8");
	freelocale(locale);
	return utf8;
}

static int print(const struct explain *e, const struct wl_explained *x)
{
	struct wl_text_options options = { .color = e->color, .verbose = e->verbose };
	struct wl_style style;

	if (e->json)
		return wl_explain_json(stdout, x);
	wl_style_init(&style, stdout, &options);
	return wl_explain_text(stdout, &style, locale_is_utf8(), x);
}

static int write_page(int fd, const struct wl_explained *x)
{
	FILE *f = fdopen(fd, "w");
	int ret;

	if (!f) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = wl_html_write(f, x);
	if (!ret && (fflush(f) || fsync(fd)))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

/* Beside it, then renamed: nobody sees half a page. What is no file (/dev/null) is not replaced. */
static int write_html(const char *path, const struct wl_explained *x)
{
	char partial[PATH_MAX];
	struct stat st;
	int fd, ret;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return -EEXIST;
	if ((size_t)snprintf(partial, sizeof(partial), "%s.XXXXXX", path) >= sizeof(partial))
		return -ENAMETOOLONG;
	fd = mkostemp(partial, O_CLOEXEC); /* 0600 */
	if (fd < 0)
		return -errno;
	ret = write_page(fd, x);
	if (!ret && rename(partial, path))
		ret = -errno;
	if (ret)
		unlink(partial);
	return ret;
}

static int put_html(const struct explain *e, const struct wl_explained *x)
{
	int ret = write_html(e->html, x);

	if (ret == -EEXIST)
		wl_error("explain: --html: '%s' is there already, and not a file", e->html);
	else if (ret)
		wl_error("explain: --html: '%s': %s", e->html, strerror(-ret));
	else
		wl_say("wrote %s", e->html);
	return ret;
}

/* --- the verb --- */

/* CLOCK_REALTIME less the trace's clock, ns; 0: not known. */
static int64_t real_offset(const struct wl_input *in)
{
	struct wl_trace *trace = NULL;
	char why[WHY_MAX];
	int64_t offset = in->machine ? wl_machine_file_real_offset(in->machine) : 0;

	if (!offset && !wl_trace_open(in->path, 0, &trace, why, sizeof(why)))
		offset = wl_trace_info(trace)->clock_offset;
	wl_trace_close(trace);
	return offset;
}

/* One that was found in a trace has no time of its own. */
static void set_wall(struct wl_report *report, const struct wl_input *in)
{
	int64_t offset = report->time.sec ? 0 : real_offset(in);
	int64_t real = (int64_t)report->slow.end + offset;

	if (!offset || real <= 0)
		return;
	report->time.sec = real / 1000000000;
	report->time.nsec = (uint32_t)(real % 1000000000);
}

static int exit_status(int error)
{
	if (!error || error == -EPIPE)
		return WL_EXIT_OK;
	return error == -EACCES || error == -EPERM ? WL_EXIT_UNSUPPORTED : WL_EXIT_FAILED;
}

static int explain_input(const struct explain *e, const struct wl_input *in)
{
	struct wl_explain_options options;
	struct wl_explained *x = NULL;
	char why[WHY_MAX];
	int ret;

	wl_input_options(in, &options);
	if (e->tid || e->at.given)
		options.report = NULL;
	options.tid = e->tid;
	ret = resolve_at(e, in->path, &options.at);
	if (ret)
		return exit_status(ret);
	ret = wl_explain(&x, &options, why, sizeof(why));
	if (ret) {
		wl_error("explain: %s", why);
		return exit_status(ret);
	}
	set_wall(&x->report, in);
	ret = print(e, x);
	if (ret && ret != -EPIPE)
		wl_error("explain: standard output: %s", strerror(-ret));
	if (e->html && (!ret || ret == -EPIPE))
		ret = put_html(e, x);
	wl_explained_free(x);
	return exit_status(ret);
}

/* Not a capture: a trace, of which a task must be named, or nothing of ours. */
static int refuse_trace(const char *path)
{
	struct wl_trace *trace = NULL;
	char why[WHY_MAX];
	int ret = wl_trace_open(path, 0, &trace, why, sizeof(why));

	wl_trace_close(trace);
	if (ret) {
		wl_error("explain: %s", why);
		return exit_status(ret);
	}
	wl_error("explain: '%s' is not a capture of a slow response: of which task? --tid N is "
		 "missing",
		 path);
	return WL_EXIT_USAGE;
}

static int explain(const struct explain *e)
{
	struct wl_input *in = calloc(1, sizeof(*in));
	int status;

	if (!in) {
		wl_error("explain: out of memory");
		return WL_EXIT_FAILED;
	}
	status = find_path(e, in->path);
	if (!status)
		status = exit_status(wl_input_read(in));
	if (!status && !in->has_report && !in->machine && !e->tid)
		status = refuse_trace(in->path);
	if (!status)
		status = explain_input(e, in);
	wl_input_free(in);
	free(in);
	return status;
}

/* --- command line --- */

static int refuse(const char *label, const char *value, const char *what)
{
	if (value)
		wl_error("explain: %s: '%s' is not %s", label, value, what);
	else
		wl_error("explain: %s: its value is missing: %s", label, what);
	return -EINVAL;
}

static int set_tid(struct explain *e, const char *label, const char *value)
{
	bool good = value && !wl_parse_uint32(value, &e->tid) && e->tid && e->tid <= INT32_MAX;

	return good ? 0 : refuse(label, value, "the id of a task (try 1234)");
}

static int set_at(struct explain *e, const char *label, const char *value)
{
	e->at_text = value;
	if (value && !wl_at_time_parse(value, &e->at))
		return 0;
	return refuse(label, value, "a time (try 81106449693881, 81106.449693881 or 19:41:07.123)");
}

static int set_color(struct explain *e, const char *label, const char *value)
{
	static const char *const names[] = {
		[WL_COLOR_AUTO] = "auto",
		[WL_COLOR_ALWAYS] = "always",
		[WL_COLOR_NEVER] = "never",
	};

	for (unsigned i = 0; value && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(value, names[i])) {
			e->color = (enum wl_color)i;
			return 0;
		}
	}
	return refuse(label, value, "one of auto, always, never");
}

static int set_html(struct explain *e, const char *label, const char *value)
{
	e->html = value;
	return value && value[0] ? 0 : refuse(label, value, "a file to write");
}

static const struct option {
	const char *name, *letter; /* letter may be NULL */
	int (*set)(struct explain *e, const char *label, const char *value);
} options[] = {
	{ "--tid", "-t", set_tid },
	{ "--at", NULL, set_at },
	{ "--color", NULL, set_color },
	{ "--html", NULL, set_html },
};

/* --name VALUE or --name=VALUE. 1: it was not one of these. */
static int parse_option(struct explain *e, char **argv, int *i)
{
	const char *arg = argv[*i];

	for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++) {
		const struct option *o = &options[k];
		size_t len = strlen(o->name);

		if (!strcmp(arg, o->name) || (o->letter && !strcmp(arg, o->letter))) {
			const char *value = argv[*i + 1];

			*i += value != NULL;
			return o->set(e, arg, value);
		}
		if (!strncmp(arg, o->name, len) && arg[len] == '=')
			return o->set(e, o->name, arg + len + 1);
	}
	return 1;
}

static int parse_argument(struct explain *e, const char *arg)
{
	if (arg[0] == '-' && arg[1]) {
		wl_error("explain: '%s' is not an option (see whylate explain --help)", arg);
		return -EINVAL;
	}
	if (!arg[0]) {
		wl_error("explain: '' is not the name of a capture");
		return -EINVAL;
	}
	if (e->argument) {
		wl_error("explain: '%s' is one too many: one capture at a time", arg);
		return -EINVAL;
	}
	e->argument = arg;
	return 0;
}

static int parse_word(struct explain *e, char **argv, int *i)
{
	const char *arg = argv[*i];
	int ret;

	if (!strcmp(arg, "--json")) {
		e->json = true;
		return 0;
	}
	if (!strcmp(arg, "-v") || !strcmp(arg, "--verbose")) {
		e->verbose = true;
		return 0;
	}
	ret = parse_option(e, argv, i);
	return ret > 0 ? parse_argument(e, arg) : ret;
}

int wl_explain_main(int argc, char **argv)
{
	struct explain e = { .color = WL_COLOR_AUTO };

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			print_help();
			return WL_EXIT_OK;
		}
		if (parse_word(&e, argv, &i))
			return WL_EXIT_USAGE;
	}
	signal(SIGPIPE, SIG_IGN); /* a reader that goes does not keep a page from being written */
	return explain(&e);
}
