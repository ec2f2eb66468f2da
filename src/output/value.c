/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "output/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "explain/names.h"
#include "util/kallsyms.h"
#include "util/syscalls.h"

#define NO_IRQ (~0u)
#define DEV_MINOR_BITS 20 /* lt_dev, as the kernel's own dev_t */

void wl_value_names_free(struct wl_value_names *names)
{
	if (names->symbols)
		wl_kallsyms_close(names->symbols);
	names->symbols = NULL;
}

bool wl_value_is_set(const struct wl_field *field, const void *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes + field->offset;

	for (uint32_t i = 0; i < field->size; i++)
		if (b[i])
			return true;
	return false;
}

static uint64_t number(const struct wl_field *f, const void *bytes)
{
	uint64_t value = 0;

	/* little endian or not: BPF objects are of this machine's order, and so are we */
	switch (f->size) {
	case 1:
		return *((const uint8_t *)bytes + f->offset);
	case 2: {
		uint16_t v;

		memcpy(&v, (const char *)bytes + f->offset, sizeof(v));
		return v;
	}
	case 4: {
		uint32_t v;

		memcpy(&v, (const char *)bytes + f->offset, sizeof(v));
		return v;
	}
	case 8:
		memcpy(&value, (const char *)bytes + f->offset, sizeof(value));
		return value;
	default:
		return 0;
	}
}

static int64_t signed_number(const struct wl_field *f, const void *bytes)
{
	uint64_t v = number(f, bytes);

	return f->size == 1   ? (int8_t)v
	       : f->size == 2 ? (int16_t)v
	       : f->size == 4 ? (int32_t)v
			      : (int64_t)v;
}

static const char *symbol(struct wl_value_names *names, uint64_t address)
{
	const char *module;

	if (!names->tried) {
		names->tried = true;
		if (wl_kallsyms_open(&names->symbols, NULL))
			names->symbols = NULL;
	}
	return names->symbols ? wl_kallsyms_find(names->symbols, address, &module) : NULL;
}

/* "vda": what /sys calls a device. */
static const char *device(uint32_t dev, char *text, size_t size)
{
	char path[64], link[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", dev >> DEV_MINOR_BITS,
		 dev & ((1u << DEV_MINOR_BITS) - 1));
	len = readlink(path, link, sizeof(link) - 1);
	if (len <= 0)
		return NULL;
	link[len] = '\0';
	snprintf(text, size, "%s", strrchr(link, '/') ? strrchr(link, '/') + 1 : link);
	return text;
}

static const char *enumerator(const struct wl_field *f, int64_t value)
{
	for (size_t i = 0; i < f->nenums; i++)
		if (f->enums[i].value == value)
			return f->enums[i].name;
	return NULL;
}

/* The name that a number stands for, NULL: it has none. */
static const char *name_of(const struct wl_field *f, const void *bytes,
			   struct wl_value_names *names, char *text, size_t size)
{
	switch (f->kind) {
	case WL_VALUE_ENUM:
		return enumerator(f, signed_number(f, bytes));
	case WL_VALUE_KSYM:
		return symbol(names, number(f, bytes));
	case WL_VALUE_SYSCALL:
		return wl_syscall_name((int)signed_number(f, bytes), false);
	case WL_VALUE_SOFTIRQ:
		return wl_softirq_name((unsigned int)number(f, bytes));
	case WL_VALUE_DEV:
		return device((uint32_t)number(f, bytes), text, size);
	default:
		return NULL;
	}
}

static void add_addr(struct wl_phrase *p, const struct wl_field *f, const void *bytes)
{
	char text[INET6_ADDRSTRLEN];
	lt_addr a;

	memcpy(&a, (const char *)bytes + f->offset, sizeof(a));
	if ((a.family != AF_INET && a.family != AF_INET6) ||
	    !inet_ntop(a.family, a.ip, text, sizeof(text))) {
		wl_phrase_add(p, "-");
		return;
	}
	wl_phrase_add(p, a.family == AF_INET6 ? "[%s]:%u" : "%s:%u", text, a.port);
}

static void add_stack(struct wl_phrase *p, const struct wl_field *f, const void *bytes,
		      struct wl_value_names *names)
{
	lt_stack stack;

	memcpy(&stack, (const char *)bytes + f->offset, sizeof(stack));
	for (int i = 0; i < LATENCY_TRACKER_STACK && stack.ip[i]; i++) {
		const char *name = symbol(names, stack.ip[i]);

		wl_phrase_add(p, i ? " < " : "");
		if (name)
			wl_phrase_add_name(p, name, strlen(name));
		else
			wl_phrase_add(p, "%#" PRIx64, (uint64_t)stack.ip[i]);
	}
}

static void add_bytes(struct wl_phrase *p, const struct wl_field *f, const void *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes + f->offset;

	for (uint32_t i = 0; i < f->size; i++)
		wl_phrase_add(p, "%02x", b[i]);
}

static void add_byte_count(struct wl_phrase *p, uint64_t n)
{
	if (n >= 1 << 20 && !(n % (1 << 20)))
		wl_phrase_add(p, "%" PRIu64 "M", n >> 20);
	else if (n >= 1 << 10 && !(n % (1 << 10)))
		wl_phrase_add(p, "%" PRIu64 "K", n >> 10);
	else
		wl_phrase_add(p, "%" PRIu64, n);
}

static void add_number(struct wl_phrase *p, const struct wl_field *f, const void *bytes)
{
	uint64_t n = number(f, bytes);

	if (f->kind == WL_VALUE_NS)
		wl_phrase_add_duration(p, n);
	else if (f->kind == WL_VALUE_BYTE_COUNT)
		add_byte_count(p, n);
	else if (f->kind == WL_VALUE_HEX || f->kind == WL_VALUE_KSYM)
		wl_phrase_add(p, "%#" PRIx64, n);
	else if (f->kind == WL_VALUE_IRQ && n == NO_IRQ)
		wl_phrase_add(p, "-");
	else if (f->kind == WL_VALUE_DEV)
		wl_phrase_add(p, "%u:%u", (unsigned int)(n >> DEV_MINOR_BITS),
			      (unsigned int)(n & ((1u << DEV_MINOR_BITS) - 1)));
	else if (f->kind == WL_VALUE_UINT || f->kind == WL_VALUE_IRQ ||
		 f->kind == WL_VALUE_SOFTIRQ || f->kind == WL_VALUE_CPU)
		wl_phrase_add(p, "%" PRIu64, n);
	else
		wl_phrase_add(p, "%" PRId64, signed_number(f, bytes));
}

void wl_value_text(struct wl_phrase *p, const struct wl_field *f, const void *bytes,
		   struct wl_value_names *names)
{
	char text[64];
	const char *name = name_of(f, bytes, names, text, sizeof(text));

	if (name)
		wl_phrase_add_name(p, name, strlen(name));
	else if (f->kind == WL_VALUE_TEXT)
		wl_phrase_add_name(p, (const char *)bytes + f->offset, f->size);
	else if (f->kind == WL_VALUE_ADDR)
		add_addr(p, f, bytes);
	else if (f->kind == WL_VALUE_STACK)
		add_stack(p, f, bytes, names);
	else if (f->kind == WL_VALUE_BYTES)
		add_bytes(p, f, bytes);
	else
		add_number(p, f, bytes);
}

static void json_text(struct wl_json *json, const struct wl_field *f, const void *bytes,
		      struct wl_value_names *names)
{
	char text[256];
	struct wl_phrase p;

	wl_phrase_init(&p, text, sizeof(text));
	wl_value_text(&p, f, bytes, names);
	wl_json_string(json, f->name, text);
}

static void json_stack(struct wl_json *json, const struct wl_field *f, const void *bytes,
		       struct wl_value_names *names)
{
	lt_stack stack;

	memcpy(&stack, (const char *)bytes + f->offset, sizeof(stack));
	wl_json_array(json, f->name);
	for (int i = 0; i < LATENCY_TRACKER_STACK && stack.ip[i]; i++) {
		const char *name = symbol(names, stack.ip[i]);
		char text[32];

		snprintf(text, sizeof(text), "0x%" PRIx64, (uint64_t)stack.ip[i]);
		wl_json_string(json, NULL, name ? name : text);
	}
	wl_json_array_end(json);
}

/* Addresses do not fit in what most readers of JSON take for a number. */
static void json_number(struct wl_json *json, const struct wl_field *f, const void *bytes)
{
	uint64_t n = number(f, bytes);
	char text[32];

	if (f->kind == WL_VALUE_IRQ && n == NO_IRQ) {
		wl_json_null(json, f->name);
	} else if (f->kind == WL_VALUE_HEX || f->kind == WL_VALUE_KSYM) {
		snprintf(text, sizeof(text), "0x%" PRIx64, n);
		wl_json_string(json, f->name, text);
	} else if (f->kind == WL_VALUE_INT || f->kind == WL_VALUE_SYSCALL ||
		   f->kind == WL_VALUE_ENUM) {
		wl_json_i64(json, f->name, signed_number(f, bytes));
	} else {
		wl_json_u64(json, f->name, n);
	}
}

void wl_value_json(struct wl_json *json, const struct wl_field *f, const void *bytes,
		   struct wl_value_names *names)
{
	char text[64];
	const char *name = name_of(f, bytes, names, text, sizeof(text));

	if (name)
		wl_json_string(json, f->name, name);
	else if (f->kind == WL_VALUE_TEXT)
		wl_json_name(json, f->name, (const char *)bytes + f->offset, f->size);
	else if (f->kind == WL_VALUE_STACK)
		json_stack(json, f, bytes, names);
	else if (f->kind == WL_VALUE_BYTES)
		wl_json_hex(json, f->name, (const char *)bytes + f->offset, f->size);
	else if (f->kind == WL_VALUE_ADDR || f->kind == WL_VALUE_DEV)
		json_text(json, f, bytes, names);
	else
		json_number(json, f, bytes);
}
