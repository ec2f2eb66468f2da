/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The options in words; declared in options.h. */
#include "cli/options.h"
#include "explain/phrase.h"

#define LISTED 4 /* of a list; the rest is a number */

static void add_rest(struct wl_phrase *phrase, uint32_t count)
{
	if (count > LISTED)
		wl_phrase_add(phrase, " and %u more", count - LISTED);
}

static void add_ids(struct wl_phrase *phrase, const char *one, const char *many, const __u32 *ids,
		    uint32_t count)
{
	if (phrase->len)
		wl_phrase_add(phrase, ", ");
	wl_phrase_add(phrase, "%s", count > 1 ? many : one);
	for (uint32_t i = 0; i < count && i < LISTED; i++)
		wl_phrase_add(phrase, "%s%u", i ? ", " : " ", ids[i]);
	add_rest(phrase, count);
}

/* i of a list of quoted texts: 'a' or 'b' */
static void add_quoted(struct wl_phrase *phrase, uint32_t i, const char *text)
{
	if (i >= LISTED)
		return;
	wl_phrase_add(phrase, "%s'", i ? " or " : " ");
	wl_phrase_add_name(phrase, text, 64);
	wl_phrase_add(phrase, "'");
}

static void add_names(struct wl_phrase *phrase, const struct wl_target_config *target)
{
	wl_phrase_add(phrase, phrase->len ? ", named" : "process or thread named");
	for (uint32_t i = 0; i < target->nnames; i++)
		add_quoted(phrase, i, target->names[i]);
	add_rest(phrase, target->nnames);
}

static void add_texts(struct wl_phrase *phrase, const char *what, const char *const *texts,
		      uint32_t count)
{
	wl_phrase_add(phrase, "%s", what);
	for (uint32_t i = 0; i < count; i++)
		add_quoted(phrase, i, texts[i]);
	add_rest(phrase, count);
}

/* Who by name or number; the other options narrow it down. */
static void add_subject(struct wl_phrase *phrase, const struct wl_options *options)
{
	const struct wl_target_config *target = &options->config.target;

	if (options->command) {
		wl_phrase_add(phrase, "command");
		add_quoted(phrase, 0, options->command[0]);
		wl_phrase_add(phrase, " and what it starts");
	}
	if (target->npids)
		add_ids(phrase, "process", "processes", target->pids, target->npids);
	if (target->ntids)
		add_ids(phrase, "thread", "threads", target->tids, target->ntids);
	if (target->nnames)
		add_names(phrase, target);
}

bool wl_options_have_target(const struct wl_options *o)
{
	const struct wl_target_config *t = &o->config.target;

	return o->command || t->npids || t->ntids || t->nnames || t->rt_only || o->ncgroups ||
	       o->nusers;
}

void wl_options_describe_target(const struct wl_options *options, char *text, size_t size)
{
	const struct wl_target_config *target = &options->config.target;
	struct wl_phrase phrase;
	bool named;

	if (!size)
		return;
	wl_phrase_init(&phrase, text, size);
	add_subject(&phrase, options);
	named = phrase.len > 0;
	if (!named)
		wl_phrase_add(&phrase, target->rt_only ? "every real-time task" : "every task");
	if (options->ncgroups)
		add_texts(&phrase, " in cgroup", options->cgroups, options->ncgroups);
	if (options->nusers)
		add_texts(&phrase, " of user", options->users, options->nusers);
	if (named && target->rt_only)
		wl_phrase_add(&phrase, ", real-time only");
}
