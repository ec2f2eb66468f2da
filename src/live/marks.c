/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "live/marks.h"

#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "live/notes.h"
#include "util/grow.h"
#include "util/message.h"
#include "util/parse.h"

#define PLAIN (WL_NOTE_MARKS / 2)
#define PROCESSES 8192 /* remembered, by process id */
#define FILES 8192     /* remembered, by device and inode */
#define OFTEN 16       /* looks at a new process, one each scan: it is loading its libraries */
#define RARELY 64      /* scans between two looks at the same process, at most */

struct file {
	uint64_t dev, ino;
};

/* When a process is looked at again. */
struct process {
	uint32_t pid;
	uint32_t looks, wait, due; /* wait, due: scans */
};

struct wl_marks {
	struct bpf_program *usdt, *function;
	bool fast;
	struct bpf_link **links;
	size_t nlinks, room;
	struct file *files; /* that have marks, by stat() */
	size_t nfiles, files_room;
	struct file seen[FILES]; /* that were looked at, by mapping; a later one displaces */
	struct process processes[PROCESSES];
	uint32_t scans;
};

int wl_marks_new(struct wl_marks **marks, struct bpf_program *usdt, struct bpf_program *function,
		 bool fast)
{
	struct wl_marks *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->usdt = usdt;
	m->function = function;
	m->fast = fast;
	*marks = m;
	return 0;
}

void wl_marks_free(struct wl_marks *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->nlinks; i++)
		bpf_link__destroy(m->links[i]);
	free(m->links);
	free(m->files);
	free(m);
}

size_t wl_marks_probes(const struct wl_marks *m)
{
	return m->nlinks;
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

static int keep(struct wl_marks *m, struct bpf_link *link)
{
	int ret;

	if (!link)
		return -errno;
	ret = wl_grow(&m->links, m->nlinks, &m->room, sizeof(struct bpf_link *));
	if (ret) {
		bpf_link__destroy(link);
		return ret;
	}
	m->links[m->nlinks++] = link;
	return 0;
}

static int attach_usdt(struct wl_marks *m, const char *path, const char *provider, const char *name,
		       const struct wl_mark_site *site)
{
	LIBBPF_OPTS(bpf_usdt_opts, opts, .usdt_cookie = cookie_of(site));

	return keep(m, bpf_program__attach_usdt(m->usdt, -1, path, provider, name, &opts));
}

static int attach_function(struct wl_marks *m, const struct wl_mark_probe *probe)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie_of(&probe->site),
		    .retprobe = probe->means == WL_MARK_RETURN, .func_name = probe->name);

	return keep(m, bpf_program__attach_uprobe_opts(m->function, -1, probe->path, 0, &opts));
}

int wl_marks_attach(struct wl_marks *m, const struct wl_mark_probe *probe)
{
	bool usdt = probe->means == WL_MARK_USDT;
	const char *option = probe->site.op == WL_MARK_BEGIN ? "--begin" : "--end";
	int ret = usdt ? attach_usdt(m, probe->path, probe->provider, probe->name, &probe->site)
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
			 strerror(-ret));
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

static int attach_marks(struct wl_marks *m, const char *path, uint32_t found)
{
	int ret = 0;

	for (uint32_t i = 0; i < PLAIN && !ret; i++) {
		uint32_t fast = m->fast && found >> (i + PLAIN) & 1 ? PLAIN : 0;

		if (found >> (i + fast) & 1)
			ret = attach_usdt(m, path, "whylate", wl_note_names[i + fast], &sites[i]);
	}
	return ret;
}

static bool is_attached(const struct wl_marks *m, const struct file *f)
{
	for (size_t i = 0; i < m->nfiles; i++)
		if (m->files[i].dev == f->dev && m->files[i].ino == f->ino)
			return true;
	return false;
}

int wl_marks_file(struct wl_marks *m, const char *path)
{
	uint32_t found;
	struct stat st;
	struct file f;
	int ret;

	if (stat(path, &st))
		return -errno;
	f = (struct file){ st.st_dev, st.st_ino };
	if (is_attached(m, &f) || wl_notes_read(path, &found) || !found)
		return 0;
	ret = wl_grow(&m->files, m->nfiles, &m->files_room, sizeof(*m->files));
	if (ret)
		return ret;
	m->files[m->nfiles++] = f;
	ret = attach_marks(m, path, found);
	if (ret && ret != -ENOMEM)
		wl_warn("cannot attach to the marks in '%s': %s", path, strerror(-ret));
	return ret == -ENOMEM ? ret : 0;
}

/* --- processes --- */

static struct file *seen_place(struct wl_marks *m, const struct file *f)
{
	return &m->seen[(f->ino * 0x9e3779b97f4a7c15ull ^ f->dev) >> 13 & (FILES - 1)];
}

/* A line of /proc/PID/maps: code of a file that we don't know yet? */
static int look_at_line(struct wl_marks *m, uint32_t pid, const char *line)
{
	uint64_t major, minor, ino;
	char mode[5], path[4200];
	struct file *place, f;
	int at = 0, ret;

	if (sscanf(line, "%*x-%*x %4s %*x %" SCNx64 ":%" SCNx64 " %" SCNu64 " %n", mode, &major,
		   &minor, &ino, &at) < 4 ||
	    mode[2] != 'x' || !ino || line[at] != '/')
		return 0;
	/* not always what stat() says */
	f = (struct file){ major << 32 | minor, ino };
	place = seen_place(m, &f);
	if (place->ino == f.ino && place->dev == f.dev)
		return 0;
	*place = f;
	snprintf(path, sizeof(path), "/proc/%u/root%.*s", pid, (int)strcspn(line + at, "\n"),
		 line + at);
	ret = wl_marks_file(m, path);
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

	if (!dir)
		return -errno;
	while (!ret && (e = readdir(dir)))
		if (!wl_parse_uint32(e->d_name, &pid) && reach[pid & (size - 1)] && is_due(m, pid))
			ret = look_at_process(m, pid);
	closedir(dir);
	m->scans++;
	return ret;
}
