// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include "group.h"

#include <stdarg.h>
#include <sys/stat.h>

#define PAUSE MSEC           /* whoever should be busy and isn't for so long has no time left */
#define SHORTEST (12 * MSEC) /* a shorter pause is not worth a verdict */
#define LONGEST (NSEC / 2)   /* then there is no limit */

static char path[128];

void scn_group_make(const char *controller)
{
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/wl-scenario-%d", controller, getpid());
	if (mkdir(path, 0755))
		scn_skip("%s: %s", path, strerror(errno));
}

static int write_text(const char *file, const char *text)
{
	char full[256];
	FILE *f;
	int err;

	snprintf(full, sizeof(full), "%s/%s", path, file);
	f = fopen(full, "we");
	if (!f)
		return -errno;
	err = fputs(text, f) < 0 ? -errno : 0;
	return fclose(f) && !err ? -errno : err;
}

void scn_group_set(const char *file, const char *format, ...)
{
	char text[64];
	va_list args;
	int err;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err = write_text(file, text);
	if (err) {
		scn_group_remove();
		scn_skip("%s/%s = %s: %s", path, file, text, strerror(-err));
	}
}

void scn_group_join(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", my_tid());
	if (write_text("tasks", text))
		die("%s/tasks: %s", path, strerror(errno));
}

/* Who was in it may still be leaving. */
void scn_group_remove(void)
{
	for (int i = 0; i < 100 && rmdir(path) && errno == EBUSY; i++)
		sleep_ns(10 * MSEC);
}

/* Until the group has got time after a pause that the request fell in; `from` says when it had
 * some. */
static void use_up(struct scn_helper *helper, _Atomic uint64_t *asked)
{
	uint64_t now = now_ns(), end = now + LONGEST;

	helper->from = now;
	while (helper->from < end) {
		now = now_ns();
		helper->to = now;
		if (now > helper->from + PAUSE / 2 && (!asked || *asked > helper->from))
			return;
		helper->from = now;
	}
}

/* The first pause ends with a period: then the next one is as long as it can be. */
void scn_work_use_up(struct scn_helper *helper)
{
	if (scn->ns)
		use_up(helper, NULL);
	helper->begun++;
	if (scn->ns)
		use_up(helper, &scn->asked_at);
}

void scn_ask_used_up(struct scn_helper *helper)
{
	_Atomic uint64_t *seen = &helper->from;

	scn_order(helper);
	scn_wait_begun(helper);
	while (scn->ns && *seen + PAUSE > now_ns() && helper->done < helper->orders)
		sleep_ns(100000);
	scn_ask();
	scn_wait_done(helper);
	scn->span = (struct scn_span){ helper->from, helper->to };
}
