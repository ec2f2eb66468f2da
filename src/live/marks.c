/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/marks.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "live/notes.h"
#include "util/grow.h"
#include "util/message.h"
#include "util/parse.h"

#define PLAIN (WL_NOTE_MARKS / 2)
#define PROCESSES 8192 /* remembered, by process id */
#define FILES 8192     /* remembered */
#define OFTEN 16       /* looks at a new process, one each scan: it is loading its libraries */
#define RARELY 64      /* scans between two looks at the same process, at most */

/* version: another one when its content is changed, or another file gets the inode's number. */
struct file {
	uint64_t dev, ino, version;
};

struct links {
	struct bpf_link **link;
	size_t n, room;
};

/* A file that has marks. */
struct marked {
	struct file file;
	struct links links;
};

/* When a process is looked at again. */
struct process {
	uint32_t pid;
	uint32_t looks, wait, due; /* wait, due: scans */
};

struct wl_marks {
	struct bpf_program *usdt, *function;
	bool fast;
	struct links named; /* by the user */
	struct marked *files;
	size_t nfiles, files_room;
	struct file failed;      /* the last one that could not be attached to: said once */
	struct file seen[FILES]; /* that were looked at; a later one displaces */
	struct process processes[PROCESSES];
	uint32_t scans;
};

/* Two descriptors for each mark's place. A command that we start has been forked before. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int wl_marks_new(struct wl_marks **marks, struct bpf_program *usdt, struct bpf_program *function,
		 bool fast)
{
	struct wl_marks *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	allow_many_files();
	m->usdt = usdt;
	m->function = function;
	m->fast = fast;
	*marks = m;
	return 0;
}

static void detach(struct links *links)
{
	for (size_t i = 0; i < links->n; i++)
		bpf_link__destroy(links->link[i]);
	free(links->link);
	*links = (struct links){ 0 };
}

void wl_marks_free(struct wl_marks *m)
{
	if (!m)
		return;
	detach(&m->named);
	for (size_t i = 0; i < m->nfiles; i++)
		detach(&m->files[i].links);
	free(m->files);
	free(m);
}

size_t wl_marks_probes(const struct wl_marks *m)
{
	size_t n = m->named.n;

	for (size_t i = 0; i < m->nfiles; i++)
		n += m->files[i].links.n;
	return n;
}

size_t wl_marks_files(const struct wl_marks *m)
{
	return m->nfiles;
}

/* --- attach --- */

static uint64_t cookie_of(const struct wl_mark_site *site)
{
	uint64_t cookie;

	memcpy(&cookie, site, sizeof(cookie));
	return cookie;
}

static int keep(struct links *links, struct bpf_link *link)
{
	int ret;

	if (!link)
		return -errno;
	ret = wl_grow(&links->link, links->n, &links->room, sizeof(struct bpf_link *));
	if (ret) {
		bpf_link__destroy(link);
		return ret;
	}
	links->link[links->n++] = link;
	return 0;
}

static int attach_usdt(const struct wl_marks *m, struct links *links, const char *path,
		       const char *provider, const char *name, const struct wl_mark_site *site)
{
	LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = cookie_of(site));

	return keep(links, bpf_program__attach_usdt(m->usdt, -1, path, provider, name, &opts));
}

static int attach_function(struct wl_marks *m, const struct wl_mark_probe *probe)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie_of(&probe->site),
		    .retprobe = probe->means == WL_MARK_RETURN, .func_name = probe->name);

	return keep(&m->named,
		    bpf_program__attach_uprobe_opts(m->function, -1, probe->path, 0, &opts));
}

/* libbpf has numbers of its own, for files that are no ELF. */
static const char *reason(int error, char *text, size_t size)
{
	libbpf_strerror(error, text, size);
	return text;
}

int wl_marks_attach(struct wl_marks *m, const struct wl_mark_probe *probe)
{
	char text[128];
	bool usdt = probe->means == WL_MARK_USDT;
	const char *option = probe->site.op == WL_MARK_BEGIN ? "--begin" : "--end";
	int ret = usdt ? attach_usdt(m, &m->named, probe->path, probe->provider, probe->name,
				     &probe->site)
		       : attach_function(m, probe);

	if (ret == -ENOENT && usdt)
		wl_error("%s: '%s' has no USDT probe %s:%s (see readelf -n, or bpftrace -l "
			 "'usdt:%s:*')",
			 option, probe->path, probe->provider, probe->name, probe->path);
	else if (ret == -ENOENT || ret == -ESRCH)
		wl_error("%s: '%s' has no function '%s' (see nm, or nm -D)", option, probe->path,
			 probe->name);
	else if (ret)
		wl_error("%s: cannot attach to %s of '%s': %s", option, probe->name, probe->path,
			 reason(ret, text, sizeof(text)));
	return ret;
}

/* --- files --- */

/* The kinds of marks, as in wl_note_names[]. */
static const struct wl_mark_site sites[PLAIN] = {
	{ WL_MARK_BEGIN, WL_COOKIE_NUMBER, 0, WL_MARK_NO_NAME, 0 },
	{ WL_MARK_END, WL_COOKIE_NUMBER, 0, WL_MARK_NO_NAME, 0 },
	{ WL_MARK_STEP, WL_COOKIE_NUMBER, 0, 1, 0 },
	{ WL_MARK_BEGIN, WL_COOKIE_TEXT, 0, WL_MARK_NO_NAME, 0 },
	{ WL_MARK_END, WL_COOKIE_TEXT, 0, WL_MARK_NO_NAME, 0 },
	{ WL_MARK_STEP, WL_COOKIE_TEXT, 0, 1, 0 },
};

static int attach_marks_of(const struct wl_marks *m, struct links *links, const char *path,
			   uint32_t found, uint8_t op)
{
	int ret = 0;

	for (uint32_t i = 0; i < PLAIN && !ret; i++) {
		uint32_t fast = m->fast && found >> (i + PLAIN) & 1 ? PLAIN : 0;

		if (sites[i].op == op && found >> (i + fast) & 1)
			ret = attach_usdt(m, links, path, "whylate", wl_note_names[i + fast],
					  &sites[i]);
	}
	return ret;
}

/* Ends first: an item whose begin is seen must not miss its end. */
static int attach_marks(const struct wl_marks *m, struct links *links, const char *path,
			uint32_t found)
{
	int ret = attach_marks_of(m, links, path, found, WL_MARK_END);

	if (!ret)
		ret = attach_marks_of(m, links, path, found, WL_MARK_STEP);
	return ret ? ret : attach_marks_of(m, links, path, found, WL_MARK_BEGIN);
}

static bool same_inode(const struct file *a, const struct file *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static bool same_file(const struct file *a, const struct file *b)
{
	return same_inode(a, b) && a->version == b->version;
}

/* NULL: it is none of those with marks, or none was at its inode. */
static struct marked *find_marked(struct wl_marks *m, const struct file *f)
{
	for (size_t i = 0; i < m->nfiles; i++)
		if (same_inode(&m->files[i].file, f))
			return &m->files[i];
	return NULL;
}

static uint64_t version_of(const struct stat *st, const struct timespec *changed)
{
	return (uint64_t)st->st_size << 40 ^ (uint64_t)changed->tv_sec << 30 ^
	       (uint64_t)changed->tv_nsec;
}

/*
 * Which file the kernel would attach to. Containers of one image see one file through several
 * overlays, each a device of its own; as long as nobody has changed it, it has one number, size and
 * time of change in all of them.
 */
static int identify(const char *path, struct file *f)
{
	struct statfs fs;
	struct stat st;

	if (stat(path, &st) || statfs(path, &fs))
		return -errno;
	*f = (struct file){ st.st_dev, st.st_ino, version_of(&st, &st.st_mtim) };
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC)
		f->dev = ~version_of(&st, &st.st_ctim);
	return 0;
}

/* All of a file's marks or none: it is tried again as long as there are none. */
static int attach_file(struct wl_marks *m, const char *path, const struct file *f, uint32_t found)
{
	struct marked marked = { .file = *f };
	int ret = wl_grow(&m->files, m->nfiles, &m->files_room, sizeof(*m->files));

	if (!ret)
		ret = attach_marks(m, &marked.links, path, found);
	if (!ret) {
		m->files[m->nfiles++] = marked;
		return 0;
	}
	detach(&marked.links);
	if (ret != -ENOMEM && !same_file(&m->failed, f))
		wl_warn("cannot attach to the marks in '%s': %s", path, strerror(-ret));
	m->failed = *f;
	return ret;
}

/* What was attached to an earlier content goes: it would be somewhere in the new one's code. */
static int look_at_file(struct wl_marks *m, const char *path, const struct file *f)
{
	struct marked *before = find_marked(m, f);
	uint32_t found;
	int ret;

	if (before && same_file(&before->file, f))
		return 0;
	if (before) {
		detach(&before->links);
		*before = m->files[--m->nfiles];
	}
	ret = wl_notes_read(path, &found);
	if (ret == -ENOEXEC || (!ret && !found))
		return 0;
	return ret ? ret : attach_file(m, path, f, found);
}

int wl_marks_file(struct wl_marks *m, const char *path)
{
	struct file f;
	int ret = identify(path, &f);

	return ret ? ret : look_at_file(m, path, &f);
}

/* --- processes --- */

static struct file *seen_place(struct wl_marks *m, const struct file *f)
{
	return &m->seen[(f->ino * 0x9e3779b97f4a7c15ull ^ f->dev) >> 13 & (FILES - 1)];
}

/* A mapping, of /proc/PID/maps. */
struct mapping {
	uint64_t from, to;
	const char *path;
};

/* Code of a file? */
static bool parse_mapping(const char *line, struct mapping *map)
{
	char mode[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %*u %n", &map->from, &map->to,
		   mode, &at) < 3 ||
	    !at)
		return false;
	map->path = line + at;
	return mode[2] == 'x' && line[at] == '/';
}

/* A file that was deleted, or replaced by a new one, is reached by its mapping. */
static int find_mapped(uint32_t pid, const struct mapping *map, char *path, size_t size,
		       struct file *f)
{
	int ret;

	snprintf(path, size, "/proc/%u/root%.*s", pid, (int)strcspn(map->path, "\n"), map->path);
	ret = identify(path, f);
	if (ret != -ENOENT)
		return ret;
	snprintf(path, size, "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, map->from, map->to);
	return identify(path, f);
}

/* A line of /proc/PID/maps. What could not be looked at is looked at again. */
static int look_at_line(struct wl_marks *m, uint32_t pid, const char *line)
{
	struct file f = { 0 }, *place;
	struct mapping map;
	char path[4200];
	int ret;

	if (!parse_mapping(line, &map) || find_mapped(pid, &map, path, sizeof(path), &f))
		return 0;
	place = seen_place(m, &f);
	if (same_file(place, &f))
		return 0;
	ret = look_at_file(m, path, &f);
	if (!ret)
		*place = f;
	return ret == -ENOMEM ? ret : 0;
}

static int look_at_process(struct wl_marks *m, uint32_t pid)
{
	char path[32], *line = NULL;
	size_t room = 0;
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "re");
	while (f && !ret && getline(&line, &room, f) > 0)
		ret = look_at_line(m, pid, line);
	free(line);
	if (f)
		fclose(f);
	return ret;
}

static bool is_due(struct wl_marks *m, uint32_t pid)
{
	struct process *p = &m->processes[pid & (PROCESSES - 1)];

	if (p->pid == pid && p->due > m->scans)
		return false;
	p->looks = p->pid == pid ? p->looks + 1 : 0;
	p->wait = p->looks < OFTEN ? 1 : p->wait < RARELY ? 2 * p->wait : RARELY;
	p->pid = pid;
	p->due = m->scans + p->wait;
	return true;
}

int wl_marks_scan(struct wl_marks *m, const uint8_t *reach, size_t size)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	uint32_t pid;
	int ret = 0;

	if (!dir) /* next time */
		return 0;
	while (!ret && (e = readdir(dir)))
		if (!wl_parse_uint32(e->d_name, &pid) && reach[pid & (size - 1)] && is_due(m, pid))
			ret = look_at_process(m, pid);
	closedir(dir);
	m->scans++;
	return ret;
}
