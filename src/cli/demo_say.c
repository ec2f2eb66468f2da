/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cli/demo_say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "explain/names.h"
#include "explain/phrase.h"
#include "output/json.h"

#define MIB (1u << 20)
#define FORMAT_VERSION 1

/* Flushed, so that it is seen before what it announces. */
static int flush(const struct wl_demo_say *say)
{
	errno = 0;
	if (fflush(say->out) || ferror(say->out))
		return errno ? -errno : -EIO;
	return 0;
}

static bool is_silent(const struct wl_demo_say *say)
{
	return say->json || say->quiet;
}

/* ---- before ---- */

int wl_demo_say_intro(const struct wl_demo_say *say, const struct wl_demo_load *load)
{
	if (is_silent(say))
		return 0;
	fprintf(say->out,
		"A small server, " WL_DEMO_SERVER
		"/%d with %d threads on cpu%u, answers a client about\n"
		"every %d ms. The demo makes it late in ways that it knows. whylate sees only what\n"
		"the kernel does, and says of each answer over %s why it was late, as it does in\n"
		"`whylate watch`. The lines `right` compare this with what the demo did, by the\n"
		"clocks of its own server and client.\n",
		wl_demo_load_server(load), WL_DEMO_WORKERS, wl_demo_load_cpu(load),
		(int)(WL_DEMO_PERIOD_NS / 1000000), say->over);
	return flush(say);
}

int wl_demo_say_usual(const struct wl_demo_say *say, const struct wl_demo_usual *usual)
{
	struct wl_phrase p;
	char text[200];

	if (is_silent(say))
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	wl_phrase_add(&p, "undisturbed: %" PRIu64 " answers, the client waited ", usual->count);
	wl_phrase_add_duration(&p, usual->median);
	wl_phrase_add(&p, " for half of them, ");
	wl_phrase_add_duration(&p, usual->longest);
	wl_phrase_add(&p, " at most");
	fprintf(say->out, "%s\n", text);
	return flush(say);
}

static const char *const titles[WL_DEMO_ACTS] = {
	[WL_DEMO_ACT_HOG] = "Somebody else has the CPU",
	[WL_DEMO_ACT_LOCK] = "A lock is taken",
	[WL_DEMO_ACT_DISK] = "The disk takes its time",
	[WL_DEMO_ACT_BACKEND] = "Another process takes its time",
};

/* After the name of the culprit, if there is one. */
static const char *const plans[WL_DEMO_ACTS] = {
	[WL_DEMO_ACT_HOG] = ", a real-time process, runs on the server's CPU:\n"
			    "the server's threads wait until it sleeps.",
	[WL_DEMO_ACT_LOCK] = ", a thread of the server, takes the mutex that every\n"
			     "answer needs, and sleeps.",
	[WL_DEMO_ACT_DISK] = "The server has written to a file, and gives its next answer when\n"
			     "the disk has all of it (fdatasync).",
	[WL_DEMO_ACT_BACKEND] = ", another process, is asked by the server through a pipe\n"
				"before it answers.",
};

int wl_demo_say_kind(const struct wl_demo_say *say, const struct wl_demo_load *load,
		     enum wl_demo_kind kind, unsigned int number)
{
	const char *lacks = wl_demo_load_lacks(load, kind);
	const char *name;
	uint32_t tid;

	if (is_silent(say))
		return 0;
	fprintf(say->out, "\n%u. %s\n", number, titles[kind]);
	name = wl_demo_load_culprit(load, kind, &tid);
	if (name)
		fprintf(say->out, "%s/%u", name, tid);
	fprintf(say->out, "%s\n", plans[kind]);
	if (lacks)
		fprintf(say->out, "Left out: %s.\n", lacks);
	return flush(say);
}

static void add_size(struct wl_phrase *p, uint64_t bytes)
{
	wl_phrase_add(p, "%" PRIu64 " MiB", bytes / MIB);
}

static void add_announcement(struct wl_phrase *p, const struct wl_demo_act *act)
{
	switch (act->kind) {
	case WL_DEMO_ACT_HOG:
		wl_phrase_add(p, WL_DEMO_HOG " runs for ");
		break;
	case WL_DEMO_ACT_LOCK:
		wl_phrase_add(p, WL_DEMO_HOLDER " keeps the mutex for ");
		break;
	case WL_DEMO_ACT_DISK:
		add_size(p, act->bytes);
		wl_phrase_add(p, " must get to the disk");
		return;
	default:
		wl_phrase_add(p, WL_DEMO_BACKEND " answers after ");
	}
	wl_phrase_add_duration(p, act->ns);
}

int wl_demo_say_act(const struct wl_demo_say *say, const struct wl_demo_act *act)
{
	struct wl_phrase p;
	char text[200];

	if (is_silent(say))
		return 0;
	wl_phrase_init(&p, text, sizeof(text));
	add_announcement(&p, act);
	fprintf(say->out, "* %s\n", text);
	return flush(say);
}

/* ---- after ---- */

/* By whose clock the delay was measured: the client's, where the request waits for the server. */
static uint64_t measured(const struct wl_demo_truth *truth)
{
	const struct wl_demo_request *r = &truth->request;

	return truth->act.kind == WL_DEMO_ACT_HOG ? r->received - r->sent
						  : r->waited[truth->act.kind];
}

static void add_asked(struct wl_phrase *p, const struct wl_demo_truth *truth)
{
	wl_phrase_add(p, "asked ");
	if (truth->act.kind == WL_DEMO_ACT_DISK)
		add_size(p, truth->act.bytes);
	else
		wl_phrase_add_duration(p, truth->act.ns);
	wl_phrase_add(p, ", %s saw ", truth->act.kind == WL_DEMO_ACT_HOG ? "client" : "server");
	wl_phrase_add_duration(p, measured(truth));
}

/* The kind is said unless it was as expected and somebody is named, as the cause has just said. */
static void add_verdict(struct wl_phrase *p, const struct wl_demo_verdict *v, bool right)
{
	wl_phrase_add(p, ", whylate ");
	wl_phrase_add_duration(p, v->cause.ns);
	if (!right || v->cause.who.ctx == WL_WHO_NONE)
		wl_phrase_add(p, " of %s", wl_seg_name(v->cause.kind));
	if (v->cause.who.ctx == WL_WHO_NONE)
		return;
	wl_phrase_add(p, " by ");
	if (v->cause.who.ctx == WL_WHO_TASK)
		wl_phrase_add_task(p, &v->cause.who);
	else
		wl_phrase_add_who(p, &v->cause.who, NULL);
}

static const char *result_label(enum wl_demo_result result)
{
	switch (result) {
	case WL_DEMO_RIGHT:
		return "right";
	case WL_DEMO_NO_EFFECT:
	case WL_DEMO_FAILED:
		return "nothing";
	case WL_DEMO_DISTURBED:
		return "unclear";
	default:
		return "differs";
	}
}

static const char *result_reason(const struct wl_demo_truth *truth, enum wl_demo_result result)
{
	switch (result) {
	case WL_DEMO_FAILED:
		return strerror(-truth->act.error);
	case WL_DEMO_NO_EFFECT:
		return truth->act.kind == WL_DEMO_ACT_DISK ? "the disk was too fast to be late"
							   : "no answer was late by it";
	case WL_DEMO_DISTURBED:
		return "other work on this machine made it late as well";
	case WL_DEMO_NO_VERDICT:
		return "whylate said nothing";
	case WL_DEMO_WRONG_KIND:
		return "another cause";
	case WL_DEMO_WRONG_CULPRIT:
		return "somebody else";
	case WL_DEMO_WRONG_TIME:
		return "another time";
	default:
		return "";
	}
}

static const char *again_text(const struct wl_demo_truth *truth, enum wl_demo_result result)
{
	if (result == WL_DEMO_NO_EFFECT && truth->act.kind == WL_DEMO_ACT_DISK)
		return "once more, with more of it";
	if (result == WL_DEMO_NO_EFFECT || result == WL_DEMO_DISTURBED)
		return "once more";
	return "once more, in case this machine itself was late";
}

static int say_result_text(const struct wl_demo_say *say, const struct wl_demo_truth *truth,
			   const struct wl_demo_verdict *verdict, enum wl_demo_result result,
			   bool again)
{
	struct wl_phrase p;
	char text[400];

	wl_phrase_init(&p, text, sizeof(text));
	if (result == WL_DEMO_RIGHT)
		wl_phrase_add(&p, "    right   ");
	else
		wl_phrase_add(&p, "    %s (%s): ", result_label(result),
			      result_reason(truth, result));
	add_asked(&p, truth);
	if (verdict)
		add_verdict(&p, verdict, result == WL_DEMO_RIGHT);
	if (again)
		wl_phrase_add(&p, "; %s", again_text(truth, result));
	fprintf(say->out, "%s\n", text);
	return flush(say);
}

static const char *kind_name(enum wl_demo_kind kind)
{
	static const char *const names[] = {
		[WL_DEMO_ACT_HOG] = "hog",
		[WL_DEMO_ACT_LOCK] = "lock",
		[WL_DEMO_ACT_DISK] = "disk",
		[WL_DEMO_ACT_BACKEND] = "backend",
	};

	return names[kind];
}

static const char *result_name(enum wl_demo_result result)
{
	static const char *const names[] = {
		[WL_DEMO_RIGHT] = "right",           [WL_DEMO_NO_EFFECT] = "no_effect",
		[WL_DEMO_FAILED] = "failed",         [WL_DEMO_NO_VERDICT] = "no_verdict",
		[WL_DEMO_WRONG_KIND] = "wrong_kind", [WL_DEMO_WRONG_CULPRIT] = "wrong_culprit",
		[WL_DEMO_WRONG_TIME] = "wrong_time",
	};

	return names[result];
}

static int say_result_json(const struct wl_demo_say *say, const struct wl_demo_truth *truth,
			   const struct wl_demo_verdict *verdict, enum wl_demo_result result,
			   bool again)
{
	struct wl_json j;

	wl_json_init(&j, say->out);
	wl_json_object(&j, NULL);
	wl_json_string(&j, "type", "demo");
	wl_json_u64(&j, "v", FORMAT_VERSION);
	wl_json_string(&j, "act", kind_name(truth->act.kind));
	if (truth->act.kind == WL_DEMO_ACT_DISK)
		wl_json_u64(&j, "asked_bytes", truth->act.bytes);
	else
		wl_json_u64(&j, "asked_ns", truth->act.ns);
	wl_json_u64(&j, "measured_ns", measured(truth));
	wl_json_string(&j, "culprit", truth->culprit);
	if (verdict)
		wl_json_u64(&j, "slow_id", verdict->id);
	else
		wl_json_null(&j, "slow_id");
	wl_json_string(&j, "result", result_name(result));
	wl_json_bool(&j, "again", again);
	wl_json_object_end(&j);
	return wl_json_line_end(&j);
}

int wl_demo_say_result(const struct wl_demo_say *say, const struct wl_demo_truth *truth,
		       const struct wl_demo_verdict *verdict, enum wl_demo_result result,
		       bool again)
{
	if (say->json)
		return say_result_json(say, truth, verdict, result, again);
	return say_result_text(say, truth, verdict, result, again);
}

static void put_score(FILE *out, const struct wl_demo_score *score)
{
	fprintf(out, "\n");
	if (score->early)
		fprintf(out, "Ended early. ");
	if (!score->acted)
		fprintf(out, "Nothing was made late.\n");
	else if (score->right == score->acted)
		fprintf(out, "%u of %u verdicts named what the demo had done.\n", score->right,
			score->acted);
	else
		fprintf(out,
			"%u of %u verdicts named what the demo had done, %u did not (`differs`).\n",
			score->right, score->acted, score->acted - score->right);
	if (score->others)
		fprintf(out,
			"%" PRIu64
			" more %s not the demo's doing: this machine has other work too.\n",
			score->others, score->others == 1 ? "was" : "were");
}

int wl_demo_say_score(const struct wl_demo_say *say, const struct wl_demo_score *score)
{
	if (say->json)
		return 0;
	put_score(say->out, score);
	return flush(say);
}

int wl_demo_say_hint(const struct wl_demo_say *say)
{
	if (is_silent(say))
		return 0;
	fprintf(say->out,
		"\nThe same for a program of yours:  whylate watch -n NAME --over %s\n"
		"More:  whylate watch --help, whylate doctor\n",
		say->over);
	return flush(say);
}
