/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/user_event.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live/notes.h"
#include "util/distance.h"
#include "util/grow.h"
#include "util/message.h"
#include "util/parse.h"

#define FORMAT_MAX 65536
#define USDT_ARGS 12 /* BPF_USDT_MAX_ARG_CNT of libbpf */

static const struct {
	const char *name, *usage, *program;
	int parts;
} kinds[] = {
	[WL_EVENT_TRACEPOINT] = { "tp", "tp:SUBSYSTEM:EVENT", "tp", 2 },
	[WL_EVENT_UPROBE] = { "uprobe", "uprobe:PATH:SYMBOL", "probe", 2 },
	[WL_EVENT_URETPROBE] = { "uretprobe", "uretprobe:PATH:SYMBOL", "probe", 2 },
	[WL_EVENT_KPROBE] = { "kprobe", "kprobe:FUNCTION", "probe", 1 },
	[WL_EVENT_KRETPROBE] = { "kretprobe", "kretprobe:FUNCTION", "probe", 1 },
	[WL_EVENT_USDT] = { "usdt", "usdt:PATH:PROVIDER:NAME", "usdt", 3 },
	[WL_EVENT_FENTRY] = { "fentry", "fentry:FUNCTION", "fentry", 1 },
	[WL_EVENT_FEXIT] = { "fexit", "fexit:FUNCTION", "fexit", 1 },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *wl_user_event_program(const struct wl_user_event *e)
{
	return kinds[e->kind].program;
}

/* --- its text --- */

static int find_kind(struct wl_user_event *e, size_t len)
{
	for (size_t i = 0; i < NKINDS; i++) {
		if (strlen(kinds[i].name) != len || strncmp(kinds[i].name, e->text, len))
			continue;
		e->kind = (enum wl_user_event_kind)i;
		return 0;
	}
	wl_error("%s: '%s' does not begin with a kind of event (tp, uprobe, uretprobe, usdt, "
		 "kprobe, kretprobe, fentry, fexit; try tp:sched:sched_switch)",
		 e->label, e->text);
	return -EINVAL;
}

static int split(struct wl_user_event *e)
{
	size_t len = strcspn(e->text, ":");
	const char *rest = e->text + len;
	int n = 0;

	if (find_kind(e, len))
		return -EINVAL;
	while (*rest == ':' && n < kinds[e->kind].parts) {
		rest++;
		len = strcspn(rest, ":");
		if (!len || len >= sizeof(e->part[n]))
			break;
		memcpy(e->part[n], rest, len);
		e->part[n++][len] = '\0';
		rest += len;
	}
	if (n == kinds[e->kind].parts && !*rest)
		return 0;
	wl_error("%s: '%s' is not written %s", e->label, e->text, kinds[e->kind].usage);
	return -EINVAL;
}

/* --- fields --- */

static int add_field(struct wl_user_event *e, const char *name, enum wl_user_source source,
		     uint32_t at, uint32_t size, bool sign)
{
	struct wl_user_field *f;

	if (wl_grow(&e->fields, e->n, &e->room, sizeof(*f)))
		return -ENOMEM;
	f = &e->fields[e->n++];
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->expr = (struct wl_user_expr){
		.source = source,
		.at = at,
		.size = size,
		.sign = sign,
	};
	return 0;
}

/* A mount of our own, that nobody else sees: /sys/kernel/tracing is not everywhere. */
static int open_events(void)
{
	int fd = open("/sys/kernel/tracing/events", O_PATH | O_DIRECTORY | O_CLOEXEC), fs, mnt;

	if (fd >= 0)
		return fd;
	fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	mnt = fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ? -1
							       : fsmount(fs, FSMOUNT_CLOEXEC, 0);
	fd = mnt < 0 ? -errno : openat(mnt, "events", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mnt >= 0) {
		fd = fd < 0 ? -errno : fd;
		close(mnt);
	}
	close(fs);
	return fd;
}

/* Files of tracefs have no size. */
static int read_at(int dirfd, const char *path, char *text, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len + 1 < size && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(fd);
	return 0;
}

/* "did you mean": of the directory's names, the one that is most like name. */
static void find_nearest(int events, const char *dir, const char *name, char *best, size_t size)
{
	int fd = openat(events, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct wl_nearest nearest;
	struct dirent *entry;
	unsigned distance = ~0u;

	best[0] = '\0';
	while (d && (entry = readdir(d))) {
		wl_nearest_init(&nearest, name);
		wl_nearest_offer(&nearest, entry->d_name);
		if (!nearest.best || nearest.distance >= distance)
			continue;
		distance = nearest.distance;
		snprintf(best, size, "%s", entry->d_name);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

static int no_tracepoint(const struct wl_user_event *e, int events)
{
	char best[256];

	if (faccessat(events, e->part[0], F_OK, 0)) {
		find_nearest(events, ".", e->part[0], best, sizeof(best));
		wl_error("%s: '%s': this kernel has no subsystem '%s'%s%s%s", e->label, e->text,
			 e->part[0], *best ? " (did you mean " : "", best, *best ? "?)" : "");
		return -EINVAL;
	}
	find_nearest(events, e->part[0], e->part[1], best, sizeof(best));
	wl_error("%s: '%s': this kernel has no event '%s' in %s%s%s%s", e->label, e->text,
		 e->part[1], e->part[0], *best ? " (did you mean " : "", best, *best ? "?)" : "");
	return -EINVAL;
}

/* "field:char prev_comm[16];	offset:8;	size:16;	signed:0;" */
static int parse_field(struct wl_user_event *e, char *line)
{
	char *type = strncmp(line, "\tfield:", 7) ? NULL : line + 7;
	char *end = type ? strchr(type, ';') : NULL;
	unsigned int offset, size, sign = 0;
	char *name, *array;

	if (!end || sscanf(end + 1, " offset:%u; size:%u; signed:%u;", &offset, &size, &sign) < 2)
		return 0;
	*end = '\0';
	name = strrchr(type, ' ');
	array = name ? strchr(name, '[') : NULL; /* not the one of "__data_loc char[] name" */
	if (array)
		*array = '\0';
	if (!name || !strncmp(name + 1, "common_", 7))
		return 0;
	*name++ = '\0';
	name += strspn(name, "*");
	if (!strncmp(type, "__data_loc char", 15))
		return add_field(e, name, WL_USER_TEXT_LOC, offset, WL_USER_TEXT, false);
	if (array && strstr(type, "char"))
		return add_field(e, name, WL_USER_TEXT_FIELD, offset, WL_USER_TEXT, false);
	if (array || strstr(type, "_loc ") || (size != 1 && size != 2 && size != 4 && size != 8))
		return 0; /* nothing that could be compared */
	return add_field(e, name, WL_USER_FIELD, offset, size, sign);
}

int wl_user_event_add_format(struct wl_user_event *e, char *text)
{
	char *line, *save;
	int ret = 0;

	for (line = strtok_r(text, "\n", &save); line && !ret; line = strtok_r(NULL, "\n", &save))
		ret = parse_field(e, line);
	return ret;
}

static int read_format(struct wl_user_event *e, int events, char *text)
{
	char path[600];
	int ret;

	snprintf(path, sizeof(path), "%s/%s/id", e->part[0], e->part[1]);
	ret = read_at(events, path, text, FORMAT_MAX);
	if (ret == -ENOENT)
		return no_tracepoint(e, events);
	e->id = ret ? 0 : atoi(text);
	snprintf(path, sizeof(path), "%s/%s/format", e->part[0], e->part[1]);
	if (!ret)
		ret = read_at(events, path, text, FORMAT_MAX);
	if (!ret)
		return wl_user_event_add_format(e, text);
	wl_error("%s: cannot read the format of '%s': %s", e->label, e->text, strerror(-ret));
	return ret == -EACCES ? -EPERM : ret;
}

static int read_tracepoint(struct wl_user_event *e)
{
	int events = open_events(), ret;
	char *text;

	if (events < 0) {
		wl_error("%s: cannot read the kernel's events: %s (is tracefs in this kernel, and "
			 "are you root?)",
			 e->label, strerror(-events));
		return events == -EPERM || events == -EACCES ? -EPERM : -EOPNOTSUPP;
	}
	text = malloc(FORMAT_MAX);
	ret = text ? read_format(e, events, text) : -ENOMEM;
	free(text);
	close(events);
	return ret;
}

static int add_args(struct wl_user_event *e, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "arg%u", i);
		if (add_field(e, name, WL_USER_ARG, i, 8, true))
			return -ENOMEM;
	}
	return 0;
}

/* --- USDT probes --- */

struct usdt {
	const char *provider, *name;
	char wanted[WL_USER_PART * 2], best[WL_USER_PART * 2];
	unsigned int distance;
	unsigned int sites, nargs;
};

/* A program may have it in several places: what one of them has can be asked for. */
static void look_at_note(void *ctx, const struct wl_note *note)
{
	struct usdt *u = ctx;
	unsigned int n = wl_note_count_args(note);
	struct wl_nearest nearest;
	char text[sizeof(u->best)];

	if (!strcmp(note->provider, u->provider) && !strcmp(note->name, u->name)) {
		u->sites++;
		u->nargs = n > u->nargs ? n : u->nargs;
		return;
	}
	snprintf(text, sizeof(text), "%s:%s", note->provider, note->name);
	wl_nearest_init(&nearest, u->wanted);
	wl_nearest_offer(&nearest, text);
	if (!nearest.best || nearest.distance >= u->distance)
		return;
	u->distance = nearest.distance;
	snprintf(u->best, sizeof(u->best), "%s", text);
}

static int no_probe(const struct wl_user_event *e, const struct usdt *u, int ret)
{
	if (!ret)
		wl_error("%s: '%s': the file has no probe '%s'%s%s%s", e->label, e->text, u->wanted,
			 *u->best ? " (did you mean " : "", u->best, *u->best ? "?)" : "");
	else if (ret == -ENOEXEC)
		wl_error("%s: '%s': '%s' is not a program or library of this machine", e->label,
			 e->text, e->part[0]);
	else
		wl_error("%s: '%s': cannot read '%s': %s", e->label, e->text, e->part[0],
			 strerror(-ret));
	return ret == -EACCES ? -EPERM : -EINVAL;
}

#ifdef __x86_64__
#define MULTIARCH ":/usr/lib/x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH ":/usr/lib/aarch64-linux-gnu"
#else
#define MULTIARCH ""
#endif

static bool find_in(struct wl_user_event *e, const char *dirs, int mode)
{
	char path[sizeof(e->part[0])];

	for (; dirs && *dirs; dirs += strcspn(dirs, ":"), dirs += *dirs == ':') {
		int len = snprintf(path, sizeof(path), "%.*s/%s", (int)strcspn(dirs, ":"), dirs,
				   e->part[0]);

		if ((size_t)len >= sizeof(path) || access(path, mode))
			continue;
		memcpy(e->part[0], path, (size_t)len + 1);
		return true;
	}
	return false;
}

/* A name alone is that of a library or program: where libbpf would look for it. */
static void find_file(struct wl_user_event *e)
{
	const char *so = strstr(e->part[0], ".so");
	bool library = so && (!so[3] || so[3] == '.');

	if (strchr(e->part[0], '/'))
		return;
	if (library && !find_in(e, getenv("LD_LIBRARY_PATH"), R_OK))
		find_in(e, "/usr/lib64:/usr/lib" MULTIARCH, R_OK);
	if (!library && !find_in(e, getenv("PATH"), R_OK | X_OK))
		find_in(e, "/usr/bin:/usr/sbin", R_OK | X_OK);
}

static int read_usdt(struct wl_user_event *e)
{
	struct usdt u = { .provider = e->part[1], .name = e->part[2], .distance = ~0u };
	int ret;

	snprintf(u.wanted, sizeof(u.wanted), "%s:%s", u.provider, u.name);
	find_file(e);
	ret = wl_notes_each(e->part[0], look_at_note, &u);
	if (ret || !u.sites)
		return no_probe(e, &u, ret);
	return add_args(e, u.nargs < USDT_ARGS ? u.nargs : USDT_ARGS);
}

/* --- functions of the kernel --- */

/* Registers are 64 bits wide: of a narrower argument the rest may be anything. */
static void measure(const struct btf *btf, uint32_t type, uint32_t *size, bool *sign)
{
	int id = btf__resolve_type(btf, type);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	bool is_int = t && (btf_is_int(t) || btf_is_enum(t) || btf_is_enum64(t));

	*size = is_int && t->size < 8 ? t->size : 8;
	*sign = is_int && (btf_is_int(t) ? btf_int_encoding(t) & BTF_INT_SIGNED : btf_kflag(t));
}

/* By its name and as argN. A struct that is passed as it is may take two places. */
static int add_parameter(struct wl_user_event *e, const struct btf *btf, const struct btf_param *p,
			 int i, uint32_t *place)
{
	int64_t whole = btf__resolve_size(btf, p->type);
	const char *name = btf__name_by_offset(btf, p->name_off);
	char number[16];
	uint32_t size;
	bool sign;
	int ret = 0;

	measure(btf, p->type, &size, &sign);
	snprintf(number, sizeof(number), "arg%d", i);
	if (name && *name)
		ret = add_field(e, name, WL_USER_ARG, *place, size, sign);
	if (!ret)
		ret = add_field(e, number, WL_USER_ARG, *place, size, sign);
	*place += whole > 8 ? 2 : 1;
	return ret;
}

static int add_result(struct wl_user_event *e, const struct btf *btf, uint32_t type, uint32_t place)
{
	uint32_t size;
	bool sign;

	if (e->kind != WL_EVENT_FEXIT || !type)
		return 0;
	measure(btf, type, &size, &sign);
	return add_field(e, "ret", WL_USER_ARG, place, size, sign);
}

/* Arguments of a kernel function, as BTF has them. */
static int read_function(struct wl_user_event *e, const struct btf *btf)
{
	int id = btf__find_by_name_kind(btf, e->part[0], BTF_KIND_FUNC);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	uint32_t place = 0;
	int ret = 0;

	if (!t) {
		wl_error("%s: '%s': this kernel has no function '%s' that can be traced", e->label,
			 e->text, e->part[0]);
		return -EINVAL;
	}
	t = btf__type_by_id(btf, t->type);
	for (int i = 0; i < btf_vlen(t) && !ret; i++)
		ret = add_parameter(e, btf, &btf_params(t)[i], i, &place);
	return ret ? ret : add_result(e, btf, t->type, place);
}

static int read_fields(struct wl_user_event *e, const struct btf *btf)
{
	switch (e->kind) {
	case WL_EVENT_TRACEPOINT:
		return read_tracepoint(e);
	case WL_EVENT_UPROBE:
	case WL_EVENT_KPROBE:
		return add_args(e, WL_USER_ARGS);
	case WL_EVENT_URETPROBE:
	case WL_EVENT_KRETPROBE:
		return add_field(e, "ret", WL_USER_RESULT, 0, 8, true);
	case WL_EVENT_USDT:
		return read_usdt(e);
	default:
		return read_function(e, btf);
	}
}

int wl_user_event_open(struct wl_user_event *e, const char *label, const char *text,
		       const struct btf *btf)
{
	int ret;

	memset(e, 0, sizeof(*e));
	e->label = label;
	e->text = text;
	ret = split(e);
	if (!ret)
		ret = read_fields(e, btf);
	if (!ret)
		ret = add_field(e, "tid", WL_USER_TID, 0, 4, false);
	if (!ret)
		ret = add_field(e, "pid", WL_USER_PID, 0, 4, false);
	if (!ret)
		ret = add_field(e, "cpu", WL_USER_CPU, 0, 4, false);
	return ret ? ret : add_field(e, "comm", WL_USER_COMM, 0, WL_USER_TEXT, false);
}

void wl_user_event_free(struct wl_user_event *e)
{
	free(e->fields);
	memset(e, 0, sizeof(*e));
}

/* A field of the event goes before the general name: sched_switch has no tid, others have a pid. */
int wl_user_event_find(const struct wl_user_event *e, const char *label, const char *name,
		       struct wl_user_expr *expr)
{
	char all[900] = "";
	size_t len = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (!strcmp(e->fields[i].name, name)) {
			*expr = e->fields[i].expr;
			return 0;
		}
		if (len < sizeof(all))
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "",
						e->fields[i].name);
	}
	wl_error("%s: '%s' has no '%s' (it has %s)", label, e->text, name, all);
	return -EINVAL;
}

bool wl_user_expr_is_text(const struct wl_user_expr *expr)
{
	return expr->source == WL_USER_TEXT_FIELD || expr->source == WL_USER_TEXT_LOC ||
	       expr->source == WL_USER_COMM;
}

/* --- attach --- */

/* By the event's number: its name in /sys/kernel/tracing may be nowhere mounted. */
static struct bpf_link *attach_tracepoint(const struct wl_user_event *e,
					  const struct bpf_program *program)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = (uint64_t)e->id,
	};
	struct bpf_link *link;
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link) {
		int err = errno;

		close(fd);
		errno = err;
	}
	return link;
}

/* A symbol, or an offset in the file. */
static struct bpf_link *attach_uprobe(const struct wl_user_event *e,
				      const struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = e->kind == WL_EVENT_URETPROBE);
	uint64_t offset = 0;

	if (wl_parse_uint64(e->part[1], &offset))
		opts.func_name = e->part[1];
	return bpf_program__attach_uprobe_opts(program, -1, e->part[0], offset, &opts);
}

static struct bpf_link *attach(const struct wl_user_event *e, const struct bpf_program *program)
{
	switch (e->kind) {
	case WL_EVENT_TRACEPOINT:
		return attach_tracepoint(e, program);
	case WL_EVENT_UPROBE:
	case WL_EVENT_URETPROBE:
		return attach_uprobe(e, program);
	case WL_EVENT_KPROBE:
	case WL_EVENT_KRETPROBE:
		return bpf_program__attach_kprobe(program, e->kind == WL_EVENT_KRETPROBE,
						  e->part[0]);
	case WL_EVENT_USDT:
		return bpf_program__attach_usdt(program, -1, e->part[0], e->part[1], e->part[2],
						NULL);
	default:
		return bpf_program__attach(program);
	}
}

static const char *reason(const struct wl_user_event *e, int err)
{
	bool kernel = e->kind == WL_EVENT_KPROBE || e->kind == WL_EVENT_KRETPROBE;

	if (kernel && access("/sys/bus/event_source/devices/kprobe", F_OK))
		return "this kernel has no kprobes (try tp:…)";
	if (err == ENOENT && kernel)
		return "there is no such function, or it can't be probed";
	if (err >= __LIBBPF_ERRNO__START)
		return "it is not a file of this machine's code, or that name is in it more than "
		       "once (try uprobe:PATH:0xOFFSET)";
	if (err == ENOENT)
		return "there is no such file, or nothing of that name in it";
	return strerror(err);
}

int wl_user_event_attach(const struct wl_user_event *e, struct bpf_program *program,
			 struct bpf_link **link)
{
	int err;

	*link = attach(e, program);
	if (*link)
		return 0;
	err = errno;
	wl_error("%s: cannot attach to '%s': %s", e->label, e->text, reason(e, err));
	return err == ENOENT ? -EINVAL : -EOPNOTSUPP;
}
