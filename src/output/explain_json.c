/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/explain_json.h"

#include "explain/names.h"
#include "output/json_parts.h"
#include "util/syscalls.h"

/* One below the other; deeper ones would not fit in WL_JSON_DEPTH. */
#define LEVELS_MAX 27

static void put_root(struct wl_json *j, const struct wl_explained *x)
{
	if (x->root_cause == WL_NODE_NONE && !x->root.ctx) {
		wl_json_null(j, "root");
		return;
	}
	wl_json_object(j, "root");
	wl_json_u64(j, "ns", x->root_ns);
	wl_json_who_members(j, &x->root, &x->report, &x->names);
	wl_json_object_end(j);
}

static void put_caveats(struct wl_json *j, const struct wl_explained *x)
{
	static const char *const names[] = {
		[WL_SURE] = "sure",
		[WL_LIKELY] = "likely",
		[WL_GUESS] = "guess",
	};

	wl_json_string(j, "confidence", names[x->confidence <= WL_GUESS ? x->confidence : 2]);
	wl_json_array(j, "caveats");
	for (unsigned i = 0; i < x->ncaveats; i++)
		wl_json_string(j, NULL, x->caveats[i]);
	wl_json_array_end(j);
	wl_json_string_or_null(j, "advice", x->advice);
}

static void put_window(struct wl_json *j, const struct wl_timeline *tl)
{
	wl_json_object(j, "window");
	wl_json_decimal(j, "begin", tl->begin);
	wl_json_decimal(j, "end", tl->end);
	wl_json_u64(j, "lost", tl->lost);
	wl_json_object_end(j);
}

/* --- path --- */

static void put_request(struct wl_json *j, const struct wl_explained *x, const struct wl_node *n)
{
	const struct wl_tl_request *r = &x->timeline->requests[n->index];
	const char *name = x->names.device ? x->names.device(x->names.ctx, r->dev) : NULL;
	char number[32];

	snprintf(number, sizeof(number), "%u:%u", r->dev >> 20, r->dev & 0xfffff);
	wl_json_string(j, "device", name ? name : number);
	wl_json_u64(j, "sector", r->sector);
	wl_json_u64(j, "sectors", r->nsectors);
	wl_json_bool(j, "write", r->write);
	if (n->flags & WL_NODE_F_OTHERS)
		wl_json_u64(j, "others_before", n->count);
}

static void put_call(struct wl_json *j, const struct wl_node *n)
{
	const char *name = n->call >= 0 ? wl_syscall_name(n->call, false) : NULL;

	if (n->call == -1)
		wl_json_string(j, "call", "page fault");
	else if (name)
		wl_json_string(j, "call", name);
}

/* Functions were seen at single moments. */
static void put_function(struct wl_json *j, const struct wl_node *n)
{
	wl_json_string(j, "function", n->text);
	wl_json_bool(j, "user", n->flags & WL_NODE_F_USER);
	wl_json_u64(j, "samples", n->count);
}

static void put_stretch(struct wl_json *j, const struct wl_explained *x, const struct wl_node *n)
{
	int64_t at = (int64_t)(n->from - x->report.slow.path.h.start);

	wl_json_i64(j, "at_ns", at);
	wl_json_u64(j, "ns", n->ns);
	if (n->role != WL_NODE_REQUEST)
		wl_json_u64(j, "cpu", n->cpu);
	if (n->flags & WL_NODE_F_FOLDED)
		wl_json_u64(j, "count", n->count);
	put_call(j, n);
	if (n->who.ctx)
		wl_json_who(j, "who", &n->who, &x->report, &x->names);
	if (n->role == WL_NODE_REQUEST && n->index < x->timeline->nrequests)
		put_request(j, x, n);
}

static void put_flags(struct wl_json *j, const struct wl_node *n)
{
	if (n->flags & WL_NODE_F_CUT)
		wl_json_bool(j, "cut", true);
	if (n->flags & WL_NODE_F_CAUSE)
		wl_json_bool(j, "cause", true);
	if (n->flags & WL_NODE_F_ROOT)
		wl_json_bool(j, "root", true);
}

static void begin_node(struct wl_json *j, const struct wl_explained *x, const struct wl_node *n)
{
	wl_json_object(j, NULL);
	wl_json_string(j, "role", wl_node_role_name(n->role));
	wl_json_string(j, "kind", n->kind ? wl_seg_name(n->kind) : "unknown");
	if (n->role == WL_NODE_FUNCTION)
		put_function(j, n);
	else
		put_stretch(j, x, n);
	put_flags(j, n);
}

/* The nodes that have children and are open, the innermost last. */
struct open_nodes {
	uint32_t at[LEVELS_MAX];
	unsigned n;
};

/* Ends the node, and those above it that have no more children: the next node or WL_NODE_NONE. */
static uint32_t end_nodes(struct wl_json *j, const struct wl_explained *x, struct open_nodes *open,
			  uint32_t i)
{
	wl_json_object_end(j);
	while (x->nodes[i].next == WL_NODE_NONE && open->n) {
		i = open->at[--open->n];
		wl_json_array_end(j);
		wl_json_object_end(j);
	}
	return x->nodes[i].next;
}

static void put_path(struct wl_json *j, const struct wl_explained *x)
{
	struct open_nodes open = { .n = 0 };
	uint32_t i = x->nnodes ? x->nodes[0].first : WL_NODE_NONE;

	wl_json_array(j, "path");
	while (i != WL_NODE_NONE) {
		const struct wl_node *n = &x->nodes[i];

		begin_node(j, x, n);
		if (n->first != WL_NODE_NONE && open.n < LEVELS_MAX) {
			wl_json_array(j, "children");
			open.at[open.n++] = i;
			i = n->first;
		} else {
			i = end_nodes(j, x, &open, i);
		}
	}
	wl_json_array_end(j);
}

void wl_json_explained(struct wl_json *j, const struct wl_explained *x)
{
	wl_json_string(j, "why", wl_why_name(x->why));
	wl_json_who(j, "via", &x->via, &x->report, &x->names);
	put_root(j, x);
	put_caveats(j, x);
	put_window(j, x->timeline);
}

int wl_explain_json(FILE *out, const struct wl_explained *x)
{
	struct wl_json j;

	wl_json_init(&j, out);
	wl_json_begin_line(&j, "slow");
	wl_json_report(&j, &x->report, &x->names);
	wl_json_explained(&j, x);
	put_path(&j, x);
	return wl_json_end_line(&j);
}
