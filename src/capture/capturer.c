/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A job is one response that may get a capture: it is in hand, or it is done and stands in the
 * history with its result. The measuring thread looks for its response there. The order of things
 * makes that safe: a response takes the pin before it is sent, and is in hand or in the history
 * before the pin is let go. So who has read the pin first, and does not find his response
 * afterwards, has none, unless the pin was his.
 */
#include "capture/capturer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "capture/control.h"
#include "capture/json_file.h"
#include "capture/keeper.h"
#include "capture/shot.h"
#include "capture/snapshot.h"
#include "capture/stacks.h"
#include "capture/stacks_file.h"
#include "explain/cause.h"
#include "explain/names.h"
#include "explain/quantile.h"
#include "live/machine.h"
#include "live/reports.h"
#include "output/sink.h"
#include "util/file.h"
#include "util/message.h"
#include "util/thread.h"

#define POLL_MS 5
#define LOOK_NS 5000000ull     /* how often who waits for the thread to see the pin looks again */
#define BEFORE_NS 100000000ull /* least time in front of a response */
#define POST_MAX_NS 1000000000ull
#define HISTORY 64
#define PRIORITY 50

/* Which response: a timeout and its end are two. */
struct key {
	uint64_t chain; /* 0: none */
	uint32_t tid;
	bool timeout;
};

struct job {
	struct key key;
	enum wl_ruling ruling;
	char name[WL_ENTRY_NAME]; /* of its capture */
};

struct wl_capturer {
	const struct wl_session *session;
	const struct wl_rings *rings;
	uint64_t post_ns;
	/* the thread's own */
	struct wl_shot *shot;
	struct wl_keeper keeper;
	struct wl_control *control; /* NULL: none */
	struct wl_reports *reports;
	struct wl_kallsyms *kernel; /* NULL: its functions can't be named */
	bool armed;
	/* both threads */
	pthread_t thread;
	bool running;
	int wake; /* eventfd: something below was set */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool stop;
	bool failing;         /* the disk: nothing is taken */
	struct key in_hand;   /* what the thread works on */
	struct key submitted; /* an unfinished response that waits for the thread */
	struct wl_report unfinished;
	struct job history[HISTORY];
	size_t njobs;          /* ever */
	struct wl_report last; /* report of the last capture, until its response is attached */
	struct key last_key;
	char message[512];
	struct wl_capturer_counts counts;
	/* the measuring thread's own */
	char shown[PATH_MAX + WL_ENTRY_NAME];
};

static struct key key_of(const struct wl_slow *slow)
{
	return (struct key){ slow->path.h.id, slow->tid, slow->reason == WL_REASON_TIMEOUT };
}

static bool same_key(const struct key *a, const struct key *b)
{
	return a->chain == b->chain && a->tid == b->tid && a->timeout == b->timeout;
}

/* --- jobs: the thread's side --- */

static void take_in_hand(struct wl_capturer *c, const struct key *key)
{
	pthread_mutex_lock(&c->mutex);
	c->in_hand = *key;
	if (same_key(&c->submitted, key))
		memset(&c->submitted, 0, sizeof(c->submitted));
	pthread_mutex_unlock(&c->mutex);
}

/* report: of a capture that is kept; its contents are taken over. */
static void finish_job(struct wl_capturer *c, enum wl_ruling ruling, const char *name,
		       struct wl_report *report)
{
	struct job *job;

	pthread_mutex_lock(&c->mutex);
	job = &c->history[c->njobs++ % HISTORY];
	job->key = c->in_hand;
	job->ruling = ruling;
	snprintf(job->name, sizeof(job->name), "%s", ruling ? "" : name);
	if (report && !ruling) {
		wl_report_release(&c->last);
		c->last = *report;
		c->last_key = job->key;
		memset(report, 0, sizeof(*report));
		c->counts.taken++;
	}
	memset(&c->in_hand, 0, sizeof(c->in_hand));
	c->failing = ruling == WL_RULING_DISK;
	if (!c->message[0])
		wl_keeper_message(&c->keeper, c->message, sizeof(c->message));
	pthread_cond_broadcast(&c->changed);
	pthread_mutex_unlock(&c->mutex);
}

/* --- taking --- */

static void wait_until(uint64_t time)
{
	struct timespec ts = { .tv_sec = (time_t)(time / 1000000000),
			       .tv_nsec = (long)(time % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static void set_cause(struct wl_entry *entry, const struct wl_report *report)
{
	snprintf(entry->cause, sizeof(entry->cause), "%s", wl_seg_name(report->cause.kind));
	entry->response_ns = wl_slow_response_ns(&report->slow);
}

/* Cause and size of a response from memory alone: names come later. */
static enum wl_ruling judge(struct wl_capturer *c, const struct wl_slow *slow, uint64_t now)
{
	struct wl_report report = { .slow = *slow };
	struct wl_entry entry = { .name = "" };
	struct wl_agg total;

	wl_maps_total(wl_session_maps(c->session), slow->agg < WL_AGGS ? slow->agg : 0, &total);
	wl_agg_typical(&total, &report.typical);
	wl_cause_find(&report);
	set_cause(&entry, &report);
	return wl_keeper_judge(&c->keeper, &entry, now);
}

static uint64_t window_begin(const struct wl_slow *slow)
{
	uint64_t before = wl_slow_response_ns(slow);

	if (before < BEFORE_NS)
		before = BEFORE_NS;
	return slow->path.h.start > before ? slow->path.h.start - before : 1;
}

static void take(struct wl_capturer *c, const struct wl_slow *slow)
{
	uint64_t now = wl_machine_now(), until = slow->end + c->post_ns;

	if (until > now && until - now <= POST_MAX_NS)
		wait_until(until);
	wl_shot_take(c->shot, window_begin(slow));
	c->armed = false;
}

/* --- writing --- */

static int write_response(int dirfd, const struct wl_report *report)
{
	struct wl_sink *sink = NULL;
	FILE *f;
	int ret = wl_file_create_at(dirfd, WL_ENTRY_RESPONSE, &f);

	if (ret)
		return ret;
	ret = wl_json_sink_open(&sink, f);
	if (!ret)
		ret = sink->ops->slow(sink, report);
	if (sink)
		sink->ops->close(sink);
	if (fclose(f) && !ret)
		ret = -errno;
	return ret;
}

static int write_now(int dirfd, int64_t real_ns)
{
	struct wl_json j;
	int ret = wl_json_file_begin(&j, dirfd, WL_ENTRY_RESPONSE, "now");

	if (ret)
		return ret;
	wl_json_time(&j, "time", real_ns / 1000000000, (uint32_t)(real_ns % 1000000000));
	return wl_json_file_end(&j);
}

static void path_of(const struct wl_capturer *c, const char *name, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", c->keeper.store.path, name);
}

/*
 * Names take their time, and the disk should have the rest by then. Without them, which is so if
 * the capture was removed meanwhile, it is whole all the same.
 */
static void add_stacks(struct wl_capturer *c, const struct wl_slow *slow, const char *name)
{
	const struct wl_store *store = &c->keeper.store;
	struct wl_draft draft;

	if (!wl_session_stacks(c->session) || wl_store_begin(store, "stacks", &draft))
		return;
	if (wl_stacks_write(wl_session_stacks(c->session), c->kernel, slow, draft.fd))
		wl_store_abort(store, &draft);
	else
		wl_store_add(store, &draft, name, WL_STACKS_FILE);
}

/* Writes what was taken for a report. name: of the capture. */
static enum wl_ruling write_capture(struct wl_capturer *c, struct wl_report *report, uint64_t began,
				    char name[WL_ENTRY_NAME])
{
	int64_t real_ns = report->time.sec * 1000000000 + report->time.nsec;
	char path[sizeof(c->shown)], process[WL_COMM_LEN + 1] = "";
	struct wl_entry entry = { .name = "" };
	struct wl_draft draft;
	enum wl_ruling ruling;
	int ret;

	set_cause(&entry, report);
	memcpy(process, report->slow.process, WL_COMM_LEN);
	wl_store_name(entry.name, real_ns, process, entry.cause);
	if (wl_keeper_begin(&c->keeper, &entry, began, &draft))
		return WL_RULING_DISK;
	snprintf(name, WL_ENTRY_NAME, "%s", draft.name);
	path_of(c, draft.name, path, sizeof(path));
	report->capture = path;
	ret = wl_shot_write(c->shot, draft.fd, report->slow.tgid);
	if (!ret)
		ret = write_response(draft.fd, report);
	report->capture = NULL;
	ruling = wl_keeper_end(&c->keeper, &draft, &entry, ret, wl_machine_now());
	if (ruling == WL_RULING_KEEP)
		add_stacks(c, &report->slow, name);
	return ruling;
}

/* A response that ended and has the pin. */
static void handle_slow(struct wl_capturer *c, const struct wl_slow *slow)
{
	uint64_t now = wl_machine_now();
	struct key key = key_of(slow);
	char name[WL_ENTRY_NAME] = "";
	struct wl_report report = { .id = 0 };
	enum wl_ruling ruling;

	take_in_hand(c, &key);
	ruling = judge(c, slow, now);
	if (!ruling) {
		take(c, slow);
		wl_reports_make(c->reports, slow, &report);
		ruling = write_capture(c, &report, now, name);
	}
	finish_job(c, ruling, name, &report);
	wl_report_release(&report);
	if (c->armed) /* the pin was not taken over */
		wl_pin_arm(c->rings);
}

/* One that has not ended, with the measuring thread's report. */
static void handle_unfinished(struct wl_capturer *c, struct wl_report *report)
{
	uint64_t now = wl_machine_now();
	struct key key = key_of(&report->slow);
	char name[WL_ENTRY_NAME] = "";
	struct wl_entry entry = { .name = "" };
	enum wl_ruling ruling;

	take_in_hand(c, &key);
	set_cause(&entry, report);
	ruling = wl_keeper_judge(&c->keeper, &entry, now);
	if (!ruling) {
		take(c, &report->slow);
		ruling = write_capture(c, report, now, name);
	}
	finish_job(c, ruling, name, report);
	wl_report_release(report);
}

/* Somebody asks. */
static void handle_now(struct wl_capturer *c)
{
	int64_t real_ns = wl_machine_real_offset() + (int64_t)wl_machine_now();
	struct wl_entry entry = { .cause = "now", .now = true };
	char path[sizeof(c->shown)];
	struct wl_draft draft;
	enum wl_ruling ruling;
	int ret;

	wl_shot_take(c->shot, 0);
	c->armed = false;
	wl_store_name(entry.name, real_ns, "", entry.cause);
	ret = wl_keeper_begin(&c->keeper, &entry, wl_machine_now(), &draft);
	if (ret) {
		wl_control_answer(c->control, NULL, strerror(-ret));
		return;
	}
	path_of(c, draft.name, path, sizeof(path));
	ret = wl_shot_write(c->shot, draft.fd, 0);
	if (!ret)
		ret = write_now(draft.fd, real_ns);
	ruling = wl_keeper_end(&c->keeper, &draft, &entry, ret, wl_machine_now());
	if (ruling) {
		wl_control_answer(c->control, NULL, ret ? strerror(-ret) : wl_ruling_text(ruling));
		return;
	}
	wl_control_answer(c->control, path, NULL);
	pthread_mutex_lock(&c->mutex);
	c->counts.on_demand++;
	pthread_mutex_unlock(&c->mutex);
}

/* --- the thread --- */

/* Is there an unfinished response? Then its report is the caller's. */
static bool take_submitted(struct wl_capturer *c, struct wl_report *report)
{
	bool there;

	pthread_mutex_lock(&c->mutex);
	there = c->submitted.chain != 0;
	if (there) {
		*report = c->unfinished;
		memset(&c->unfinished, 0, sizeof(c->unfinished));
	}
	pthread_mutex_unlock(&c->mutex);
	return there;
}

static bool is_stopped(struct wl_capturer *c)
{
	bool stop;

	pthread_mutex_lock(&c->mutex);
	stop = c->stop;
	pthread_mutex_unlock(&c->mutex);
	return stop;
}

static void wait_for_work(struct wl_capturer *c)
{
	struct pollfd fds[WL_CONTROL_FDS + 1] = { { .fd = c->wake, .events = POLLIN } };
	size_t n = 1;
	uint64_t count;

	if (c->control)
		n += wl_control_fds(c->control, fds + 1);
	if (poll(fds, n, POLL_MS) > 0 && fds[0].revents && read(c->wake, &count, sizeof(count)) < 0)
		return;
}

static void set_failing(struct wl_capturer *c, bool failing)
{
	pthread_mutex_lock(&c->mutex);
	c->failing = failing;
	pthread_mutex_unlock(&c->mutex);
}

static void arm_if_due(struct wl_capturer *c)
{
	bool ready;

	if (c->armed)
		return;
	ready = wl_keeper_ready(&c->keeper, wl_machine_now());
	pthread_mutex_lock(&c->mutex);
	if (!c->message[0])
		wl_keeper_message(&c->keeper, c->message, sizeof(c->message));
	pthread_mutex_unlock(&c->mutex);
	if (!ready)
		return;
	set_failing(c, false);
	c->armed = true;
	wl_pin_arm(c->rings);
}

static void work(struct wl_capturer *c)
{
	struct wl_report unfinished;
	struct wl_slow slow;

	if (c->armed && wl_session_trigger(c->session, &slow))
		handle_slow(c, &slow);
	else if (take_submitted(c, &unfinished))
		handle_unfinished(c, &unfinished);
	else if (c->control && wl_control_serve(c->control, wl_machine_now()))
		handle_now(c);
	arm_if_due(c);
}

static void *run(void *ctx)
{
	struct wl_capturer *c = ctx;

	while (!is_stopped(c)) {
		work(c);
		wait_for_work(c);
	}
	return NULL;
}

int wl_capturer_start(struct wl_capturer *c)
{
	int ret = wl_thread_start_urgent(&c->thread, PRIORITY, run, c);

	if (ret)
		wl_error("cannot start a thread: %s", strerror(-ret));
	c->running = !ret;
	return ret;
}

static void wake(struct wl_capturer *c)
{
	uint64_t one = 1;
	ssize_t n = write(c->wake, &one, sizeof(one));

	(void)n; /* it can't fail, and would only be late */
}

void wl_capturer_stop(struct wl_capturer *c)
{
	if (!c->running)
		return;
	pthread_mutex_lock(&c->mutex);
	c->stop = true;
	pthread_mutex_unlock(&c->mutex);
	wake(c);
	pthread_join(c->thread, NULL);
	c->running = false;
}

/* --- open --- */

static int init_locks(struct wl_capturer *c)
{
	pthread_mutexattr_t mutex;
	pthread_condattr_t cond;
	int ret = pthread_mutexattr_init(&mutex);

	if (ret)
		return -ret;
	/* whoever has it must not keep a real-time thread waiting */
	pthread_mutexattr_setprotocol(&mutex, PTHREAD_PRIO_INHERIT);
	ret = pthread_mutex_init(&c->mutex, &mutex);
	pthread_mutexattr_destroy(&mutex);
	if (!ret)
		ret = pthread_condattr_init(&cond);
	if (ret)
		return -ret;
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	ret = pthread_cond_init(&c->changed, &cond);
	pthread_condattr_destroy(&cond);
	return -ret;
}

static int open_store(struct wl_capturer *c, const struct wl_capturer_options *o)
{
	const char *why;
	int ret = wl_keeper_open(&c->keeper, o->path, &o->retention, &why);

	if (ret)
		wl_error("--captures: '%s': %s", o->path, why);
	return ret;
}

static int open_shot(struct wl_capturer *c, const struct wl_capturer_options *o)
{
	const struct wl_shot_options shot = {
		.session = o->session,
		.command_line = o->command_line,
		.target = o->target,
		.post_ns = o->post_ns,
	};
	int ret = wl_shot_open(&c->shot, &shot);

	if (!ret)
		ret = wl_reports_new_beside(&c->reports, wl_session_reports(o->session));
	if (ret)
		wl_error("cannot prepare captures: %s (try a smaller --ring)", strerror(-ret));
	return ret;
}

/* It goes on without. */
static void open_kernel_names(struct wl_capturer *c)
{
	int ret = wl_session_stacks(c->session) ? wl_kallsyms_open(&c->kernel, NULL) : 0;

	if (ret)
		wl_warn("/proc/kallsyms: %s: stacks will not name the kernel's functions",
			strerror(-ret));
}

/* It goes on without. */
static void open_control(struct wl_capturer *c, const char *dir)
{
	int ret = wl_control_open(&c->control, dir);

	if (ret)
		wl_warn("%s: %s: `whylate captures now` will not find this one", dir,
			ret == -EPERM ? "others have access to it" : strerror(-ret));
}

static int open_all(struct wl_capturer *c, const struct wl_capturer_options *o)
{
	int ret;

	c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->wake < 0)
		return -errno;
	ret = open_store(c, o);
	if (!ret)
		ret = open_shot(c, o);
	if (ret)
		return ret;
	open_kernel_names(c);
	open_control(c, o->control);
	return 0;
}

int wl_capturer_open(struct wl_capturer **capturer, const struct wl_capturer_options *o)
{
	struct wl_capturer *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->session = o->session;
	c->rings = wl_session_rings(o->session);
	c->post_ns = o->post_ns;
	c->wake = c->keeper.store.fd = -1;
	ret = init_locks(c);
	if (ret) {
		free(c);
		return ret;
	}
	ret = open_all(c, o);
	if (ret)
		wl_capturer_close(c);
	else
		*capturer = c;
	return ret;
}

void wl_capturer_close(struct wl_capturer *c)
{
	if (!c)
		return;
	wl_capturer_stop(c);
	wl_control_close(c->control);
	wl_keeper_close(&c->keeper);
	wl_shot_close(c->shot);
	wl_report_release(&c->last);
	wl_report_release(&c->unfinished);
	wl_reports_free(c->reports);
	wl_kallsyms_close(c->kernel);
	if (c->wake >= 0)
		close(c->wake);
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

const char *wl_capturer_path(const struct wl_capturer *c)
{
	return c->keeper.store.path;
}

uint64_t wl_capturer_memory(const struct wl_capturer *c)
{
	return wl_shot_memory(c->shot);
}

/* --- the measuring thread's side --- */

static bool has_pin(const struct wl_capturer *c, const struct key *key)
{
	const struct wl_pin *pin = c->rings->pin;

	return !key->timeout && __atomic_load_n(&pin->until, __ATOMIC_ACQUIRE) &&
	       __atomic_load_n(&pin->id, __ATOMIC_RELAXED) == key->chain;
}

static const struct job *find_job(const struct wl_capturer *c, const struct key *key)
{
	for (size_t i = 0; i < c->njobs && i < HISTORY; i++)
		if (same_key(&c->history[i].key, key))
			return &c->history[i];
	return NULL;
}

/* Waits for a change; mutex is held. */
static void wait_for_change(struct wl_capturer *c, uint64_t until)
{
	uint64_t look = wl_machine_now() + LOOK_NS;
	struct timespec ts;

	if (look < until)
		until = look;
	ts.tv_sec = (time_t)(until / 1000000000);
	ts.tv_nsec = (long)(until % 1000000000);
	pthread_cond_timedwait(&c->changed, &c->mutex, &ts);
}

/* What has become of this response; NULL: it is not captured, or (late) not yet. mutex is held. */
static const struct job *wait_for_job(struct wl_capturer *c, const struct key *key, bool *late)
{
	uint64_t until = wl_machine_now() + WL_CAPTURER_WAIT_NS;

	for (;;) {
		bool pin = has_pin(c, key);
		const struct job *job = find_job(c, key);

		if (job || !c->running)
			return job;
		if (!pin && !same_key(&c->in_hand, key) && !same_key(&c->submitted, key))
			return NULL;
		*late = wl_machine_now() >= until;
		if (*late)
			return NULL;
		wait_for_change(c, until);
	}
}

/* A copy that is the thread's. false: no memory. */
static bool copy_report(struct wl_report *to, const struct wl_report *from)
{
	size_t stack = from->stack ? from->slow.nstack * sizeof(*from->stack) : 0;

	*to = *from;
	to->capture = NULL;
	to->names.cgroup = from->names.cgroup ? strdup(from->names.cgroup) : NULL;
	to->stack = stack ? malloc(stack) : NULL;
	if (to->stack)
		memcpy(to->stack, from->stack, stack);
	if (!to->names.cgroup == !from->names.cgroup && !to->stack == !stack)
		return true;
	wl_report_release(to);
	return false;
}

/* Hands an unfinished response to the thread, unless it has something to do. mutex is held. */
static void submit(struct wl_capturer *c, const struct key *key, const struct wl_report *report)
{
	if (c->submitted.chain || c->in_hand.chain || c->stop || !c->running ||
	    !copy_report(&c->unfinished, report))
		return;
	c->submitted = *key;
	wake(c);
}

/* The report of a capture is that of its response.json. mutex is held. */
static void adopt(struct wl_capturer *c, const struct job *job, struct wl_report *report)
{
	if (same_key(&c->last_key, &job->key)) {
		wl_report_release(report);
		*report = c->last;
		memset(&c->last, 0, sizeof(c->last));
		memset(&c->last_key, 0, sizeof(c->last_key));
	}
	path_of(c, job->name, c->shown, sizeof(c->shown));
	report->capture = c->shown;
}

void wl_capturer_attach(struct wl_capturer *c, struct wl_report *report)
{
	struct key key = key_of(&report->slow);
	const struct job *job;
	bool late = false;

	pthread_mutex_lock(&c->mutex);
	if (key.timeout)
		submit(c, &key, report);
	job = wait_for_job(c, &key, &late);
	if (job && !job->ruling)
		adopt(c, job, report);
	else if (job)
		c->counts.suppressed[job->ruling]++;
	else if (late)
		c->counts.late++;
	else
		c->counts.suppressed[c->failing ? WL_RULING_DISK : WL_RULING_SOON]++;
	pthread_mutex_unlock(&c->mutex);
}

bool wl_capturer_message(struct wl_capturer *c, char *text, size_t size)
{
	bool there;

	pthread_mutex_lock(&c->mutex);
	there = c->message[0] != '\0';
	if (there)
		snprintf(text, size, "%s", c->message);
	c->message[0] = '\0';
	pthread_mutex_unlock(&c->mutex);
	return there;
}

void wl_capturer_count(struct wl_capturer *c, struct wl_capturer_counts *counts)
{
	pthread_mutex_lock(&c->mutex);
	*counts = c->counts;
	pthread_mutex_unlock(&c->mutex);
}
