/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/tree.h"

/* Keeps the list as it is if it can't be read. */
static void read_list(struct wl_keeper *k)
{
	struct wl_entries kept;
	struct stat st;

	/* before the list: what changes meanwhile is seen the next time */
	if (fstat(k->store.fd, &st) || wl_store_list(&k->store, &kept))
		return;
	wl_entries_free(&k->kept);
	k->kept = kept;
	k->changed = st.st_mtim;
}

static void notice_changes(struct wl_keeper *k)
{
	struct stat st;

	if (fstat(k->store.fd, &st))
		return;
	if (st.st_mtim.tv_sec != k->changed.tv_sec || st.st_mtim.tv_nsec != k->changed.tv_nsec)
		read_list(k);
}

int wl_keeper_open(struct wl_keeper *k, const char *path, const struct wl_retention *retention,
		   const char **why)
{
	int ret;

	memset(k, 0, sizeof(*k));
	k->retention = *retention;
	ret = wl_store_open(&k->store, path, true, why);
	if (ret)
		return ret;
	wl_store_clean(&k->store);
	read_list(k);
	return 0;
}

void wl_keeper_close(struct wl_keeper *k)
{
	wl_entries_free(&k->kept);
	wl_store_close(&k->store);
}

/* The directory may have been removed, or replaced by another of its name. */
static int open_again(struct wl_keeper *k)
{
	struct wl_store again;
	const char *why;
	int ret = wl_store_open(&again, k->store.path, true, &why);

	if (ret)
		return ret;
	wl_store_close(&k->store);
	k->store = again;
	read_list(k);
	return 0;
}

static void fail(struct wl_keeper *k, int error, uint64_t now)
{
	if (!k->retry)
		k->error = error;
	k->recovered = false;
	k->retry = now + WL_KEEPER_RETRY_NS;
}

bool wl_keeper_ready(struct wl_keeper *k, uint64_t now)
{
	if (now < k->retry || (k->last && now - k->last < WL_RETENTION_PERIOD_NS))
		return false;
	if (k->retry) {
		int ret = open_again(k);

		if (ret)
			fail(k, ret, now);
		return !ret;
	}
	notice_changes(k);
	return true;
}

enum wl_ruling wl_keeper_judge(struct wl_keeper *k, const struct wl_entry *new, uint64_t now)
{
	uint64_t since = k->last ? now - k->last : UINT64_MAX;

	if (now < k->retry)
		return WL_RULING_DISK;
	return wl_retention_decide(&k->retention, &k->kept, new, since, k->remove);
}

int wl_keeper_begin(struct wl_keeper *k, const struct wl_entry *new, uint64_t now,
		    struct wl_draft *draft)
{
	int ret = wl_store_begin(&k->store, new->name, draft);

	if (!new->now)
		k->last = now;
	if (ret)
		fail(k, ret, now);
	return ret;
}

static void remove_marked(struct wl_keeper *k)
{
	for (size_t i = 0; i < k->kept.n; i++)
		if (k->remove[i])
			wl_store_remove(&k->store, k->kept.all[i].name);
}

static int commit(struct wl_keeper *k, struct wl_draft *draft)
{
	int ret = wl_store_commit(&k->store, draft);

	if (ret)
		return ret;
	remove_marked(k);
	if (k->retry)
		k->recovered = true;
	k->retry = 0;
	read_list(k);
	return 0;
}

enum wl_ruling wl_keeper_end(struct wl_keeper *k, struct wl_draft *draft, struct wl_entry *new,
			     int error, uint64_t now)
{
	enum wl_ruling ruling = WL_RULING_KEEP;

	if (!error)
		error = wl_tree_size(k->store.fd, draft->partial, &new->size);
	if (!error) {
		notice_changes(k);
		ruling = wl_retention_decide(&k->retention, &k->kept, new, UINT64_MAX, k->remove);
	}
	if (error || ruling)
		wl_store_abort(&k->store, draft);
	else
		error = commit(k, draft);
	if (!error)
		return ruling;
	fail(k, error, now);
	return WL_RULING_DISK;
}

bool wl_keeper_message(struct wl_keeper *k, char *text, size_t size)
{
	if (k->error)
		snprintf(
			text, size,
			"no captures can be written to '%s': %s (measuring goes on; tried again every 10 s)",
			k->store.path,
			k->error == -ENOENT ? "it was removed" : strerror(-k->error));
	else if (k->recovered)
		snprintf(text, size, "captures can be written to '%s' again", k->store.path);
	else
		return false;
	k->error = 0;
	k->recovered = false;
	return true;
}
