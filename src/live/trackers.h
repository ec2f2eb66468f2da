/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The trackers of a BPF object that was written with latency_tracker.bpf.h: found by the names of
 * their maps, loaded, attached, read. One thread. Errors are said on stderr; functions return 0 or
 * -errno, and -EPERM: not allowed, -EOPNOTSUPP: this kernel can't.
 */
#ifndef WL_LIVE_TRACKERS_H
#define WL_LIVE_TRACKERS_H

#include "abi/config.h"
#include "explain/tracked.h"
#include "live/kernel.h"

#define WL_TRACKERS_LINKS 2

struct wl_trackers;
struct bpf_link;
struct bpf_object;

struct wl_trackers_options {
	const char *name;   /* for people: "wakeup", "FILE.bpf.o" */
	const void *object; /* of an ELF file, or NULL: name is a file */
	size_t size;
	const struct wl_kernel *kernel;
	const struct wl_target_config *target; /* whom it is about */
	bool targeted;                         /* target says anything: the object must know it */
	uint64_t over_ns;                      /* first threshold; ~0: none */
	bool worst;                            /* it rises to each new worst */
	uint64_t timeout_ns;                   /* 0: none */
	bool verbose;                          /* libbpf's warnings go to stderr */
	/*
	 * May be NULL: before loading; instead of attaching what says itself where (at most
	 * WL_TRACKERS_LINKS); how it is shown, if its types don't say it. 0 or -errno, said.
	 */
	int (*prepare)(void *ctx, struct bpf_object *object);
	int (*attach)(void *ctx, struct bpf_object *object, struct bpf_link **links);
	int (*describe)(void *ctx, struct wl_tracked *tracked);
	void *ctx;
};

/* Loads and attaches; nothing is measured yet. */
int wl_trackers_open(struct wl_trackers **trackers, const struct wl_trackers_options *options);
void wl_trackers_close(struct wl_trackers *trackers);

/* Starts and stops measuring; what was measured can still be read. */
void wl_trackers_start(struct wl_trackers *trackers);
void wl_trackers_stop(struct wl_trackers *trackers);

size_t wl_trackers_n(const struct wl_trackers *trackers);

/* A result other than 0 ends the call that it came from. */
typedef int (*wl_tracked_fn)(void *ctx, const struct wl_tracked_event *event);

/* Hands over what was slow: call it about every 10 ms. 1: there is more. */
int wl_trackers_poll(struct wl_trackers *trackers, wl_tracked_fn fn, void *ctx);
/* Finds what is open past the timeout: call it a few times a second. */
void wl_trackers_walk(struct wl_trackers *trackers);

/* Fills stats of tracker i; free it with wl_tracked_stats_free(). */
int wl_trackers_stats(struct wl_trackers *trackers, size_t i, struct wl_tracked_stats *stats);
void wl_tracked_stats_free(struct wl_tracked_stats *stats);

/* Sets the threshold of tracker i. */
void wl_trackers_set_over(struct wl_trackers *trackers, size_t i, uint64_t over_ns);

/* Bytes of all maps. */
uint64_t wl_trackers_memory(const struct wl_trackers *trackers);

/* Where a variable of the object's .rodata is before it is loaded; NULL: it has none of that name
 * and size. */
void *wl_trackers_rodata(struct bpf_object *object, const char *name, size_t size);

#endif
