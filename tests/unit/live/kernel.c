/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <bpf/btf.h>

#include "directory.h"
#include "live/kernel.h"

static void write_module(const struct directory *d, const char *name, const struct btf *base,
			 const char *tracepoint)
{
	struct btf *btf = btf__new_empty_split((struct btf *)base);
	char path[PATH_MAX];
	const void *data;
	uint32_t size;
	FILE *file;

	btf__add_typedef(btf, tracepoint, 1);
	data = btf__raw_data(btf, &size);
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	fclose(file);
	btf__free(btf);
}

static void test_modules(void **state)
{
	struct directory d;
	struct btf *base = btf__new_empty();

	btf__add_int(base, "int", 4, BTF_INT_SIGNED);
	directory_make(&d);
	write_module(&d, "vmlinux", base, "btf_trace_main");
	write_module(&d, "one", base, "btf_trace_one_begin");
	write_module(&d, "two", base, "btf_trace_two_begin");
	assert_true(wl_kernel_modules_have_tracepoint(d.path, "one_begin"));
	assert_true(wl_kernel_modules_have_tracepoint(d.path, "two_begin"));
	/* parts of names, and what the kernel itself has */
	assert_false(wl_kernel_modules_have_tracepoint(d.path, "two"));
	assert_false(wl_kernel_modules_have_tracepoint(d.path, "begin"));
	assert_false(wl_kernel_modules_have_tracepoint(d.path, "two_begin_now"));
	assert_false(wl_kernel_modules_have_tracepoint(d.path, "main"));
	assert_false(wl_kernel_modules_have_tracepoint("/no/such/directory", "main"));
	directory_remove(&d);
	btf__free(base);
}

static void test_long_name(void **state)
{
	static char name[4096];
	struct directory d;

	memset(name, 'x', sizeof(name) - 1);
	directory_make(&d);
	assert_false(wl_kernel_modules_have_tracepoint(d.path, name));
	directory_remove(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_long_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
