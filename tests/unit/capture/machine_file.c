/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "capture/config_file.h"
#include "capture/machine_file.h"
#include "directory.h"

static void test_names(void **state)
{
	struct directory *d = *state;
	struct wl_machine_names names;
	struct wl_machine_file *file;
	char why[256] = "";

	file_write(d->fd, WL_MACHINE_FILE,
		   "{\"type\":\"machine\",\"clock\":{\"to_realtime_ns\":\"1795290067000000001\"},"
		   "\"irqs\":[{\"irq\":36,\"name\":\"virtio1\"},{\"irq\":\"37\",\"name\":\"x\"}],"
		   "\"devices\":[{\"major\":254,\"minor\":1,\"name\":\"vda1\"}],"
		   "\"cgroups\":[{\"pid\":7,\"hierarchy\":\"cpu\",\"path\":\"/a\"},"
		   "{\"pid\":7,\"hierarchy\":\"\",\"path\":\"/b\"},{\"pid\":8,\"path\":\"/\"}]}");
	if (wl_machine_file_load(d->fd, &file, why, sizeof(why)))
		fail_msg("%s", why);
	wl_machine_file_names(file, &names);
	assert_string_equal(names.irq(names.ctx, 36), "virtio1");
	assert_null(names.irq(names.ctx, 37));
	assert_string_equal(names.device(names.ctx, 254u << 20 | 1), "vda1");
	assert_null(names.device(names.ctx, 254u << 20));
	assert_string_equal(names.cgroup(names.ctx, 7), "/b");
	assert_string_equal(names.cgroup(names.ctx, 8), "/");
	assert_null(names.cgroup(names.ctx, 9));
	assert_true(wl_machine_file_real_offset(file) == 1795290067000000001);
	wl_machine_file_free(file);
}

/* Members may be missing; what is there must be what it says. */
static void test_damaged(void **state)
{
	static const struct {
		const char *text, *why;
		int error;
	} rows[] = {
		{ "{\"irqs\":5}", "machine.json: irqs: not an array", -EINVAL },
		{ "{\"cgroups\":{}}", "machine.json: cgroups: not an array", -EINVAL },
		{ "{\"clock\":1}", "machine.json: clock: not an object", -EINVAL },
		{ "{\"clock\":{\"to_realtime_ns\":1}}",
		  "machine.json: clock.to_realtime_ns: not a decimal string of 64 bits", -EINVAL },
		{ "{", "machine.json: byte 1: string or '}' expected near end of file", -EINVAL },
		{ "{}", "", 0 },
		{ "{\"irqs\":[1,{},{\"irq\":1}],\"devices\":[[]],\"cgroups\":[{\"pid\":1}]}", "",
		  0 },
	};
	struct directory *d = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wl_machine_names names;
		struct wl_machine_file *file;
		char why[256] = "";

		file_write(d->fd, WL_MACHINE_FILE, rows[i].text);
		assert_int_equal(wl_machine_file_load(d->fd, &file, why, sizeof(why)),
				 rows[i].error);
		assert_string_equal(why, rows[i].why);
		if (!file)
			continue;
		wl_machine_file_names(file, &names);
		assert_null(names.irq(names.ctx, 1));
		assert_null(names.cgroup(names.ctx, 1));
		assert_null(names.device(names.ctx, 0xffffffff));
		wl_machine_file_free(file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_IN_DIRECTORY(test_names),
		TEST_IN_DIRECTORY(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
