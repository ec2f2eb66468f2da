/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Reader of any CTF 1.8 trace through libbabeltrace2: a graph of source.ctf.fs and a sink of our
 * own, with one input port per stream. There is no muxer between: we merge, and can look at single
 * streams.
 *
 * The library calls us only from bt_graph_run_once(): step() says which stream has no messages left
 * and runs the graph once; the sink's consume method gets that stream's next few.
 */
#include <babeltrace2/babeltrace.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/gap.h"
#include "trace/source.h"
#include "trace/through_class.h"

#define NSEC 1000000000ll
#define DISORDER_TOLD 3 /* events; all are counted */

struct stream {
	bt_message_iterator *iterator;
	bt_message_array_const messages; /* the iterator's; from `at` on we own what is in it */
	uint64_t at, n;
	bool ended;
	struct wl_gap gap;
	bool lossy;     /* losses lie in or right behind the packet that is being read */
	uint64_t given; /* time stamp of the last event */
	uint32_t cpu;
	uint64_t payload[WL_RECORD_MAX / sizeof(uint64_t)];
};

struct through {
	struct wl_trace *trace;
	bt_graph *graph;
	bt_component_class_sink *sink_class;
	const bt_plugin *plugin;
	const bt_value *params;
	unsigned n;
	struct stream *streams;
	unsigned wanted; /* stream that the sink shall get messages of */
	bool has_trace;  /* trace and clock were looked at */
	bool is_ns;      /* the clock counts ns */
	int64_t offset;  /* of the clock, ns */
	bool has_window; /* begin and end are set: ns since the clock's origin */
	int64_t begin, end;
	bool ours;
	struct wl_through_classes classes;
};

/* --- errors --- */

/* What the library says went wrong: its innermost two causes, which name the file. */
static void take_error(char *text, size_t size)
{
	const bt_error *error = bt_current_thread_take_error();
	size_t len;

	snprintf(text, size, "libbabeltrace2 gives no reason");
	if (!error)
		return;
	for (uint64_t i = 0; i < bt_error_get_cause_count(error) && i < 2; i++) {
		const char *cause =
			bt_error_cause_get_message(bt_error_borrow_cause_by_index(error, i));

		len = i ? strlen(text) : 0;
		snprintf(text + len, size - len, "%s%s", i ? "; " : "", cause);
	}
	bt_error_release(error);
}

/* --- the sink --- */

static bt_component_class_initialize_method_status
sink_init(bt_self_component_sink *self, bt_self_component_sink_configuration *configuration,
	  const bt_value *params, void *data)
{
	struct through *through = data;
	char name[16];

	bt_self_component_set_data(bt_self_component_sink_as_self_component(self), through);
	for (unsigned i = 0; i < through->n; i++) {
		snprintf(name, sizeof(name), "in%u", i);
		if (bt_self_component_sink_add_input_port(self, name, &through->streams[i], NULL))
			return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_ERROR;
	}
	return BT_COMPONENT_CLASS_INITIALIZE_METHOD_STATUS_OK;
}

static struct through *sink_data(bt_self_component_sink *self)
{
	return bt_self_component_get_data(bt_self_component_sink_as_self_component(self));
}

static bt_component_class_sink_graph_is_configured_method_status
sink_configured(bt_self_component_sink *self)
{
	struct through *through = sink_data(self);

	for (unsigned i = 0; i < through->n; i++) {
		bt_self_component_port_input *port =
			bt_self_component_sink_borrow_input_port_by_index(self, i);

		if (bt_message_iterator_create_from_sink_component(self, port,
								   &through->streams[i].iterator))
			return BT_COMPONENT_CLASS_SINK_GRAPH_IS_CONFIGURED_METHOD_STATUS_ERROR;
	}
	return BT_COMPONENT_CLASS_SINK_GRAPH_IS_CONFIGURED_METHOD_STATUS_OK;
}

/* Never says that it has ended: other streams may go on. */
static bt_component_class_sink_consume_method_status sink_consume(bt_self_component_sink *self)
{
	struct through *through = sink_data(self);
	struct stream *stream = &through->streams[through->wanted];

	stream->at = 0;
	stream->n = 0;
	switch (bt_message_iterator_next(stream->iterator, &stream->messages, &stream->n)) {
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_OK:
		return BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_OK;
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_END:
		stream->n = 0;
		stream->ended = true;
		return BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_OK;
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_AGAIN:
		stream->n = 0;
		return BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_AGAIN;
	case BT_MESSAGE_ITERATOR_NEXT_STATUS_MEMORY_ERROR:
		stream->n = 0;
		return BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_MEMORY_ERROR;
	default:
		stream->n = 0;
		return BT_COMPONENT_CLASS_SINK_CONSUME_METHOD_STATUS_ERROR;
	}
}

/* --- what the trace says of itself --- */

static const char *env_text(const bt_trace *trace, const char *name)
{
	const bt_value *value = bt_trace_borrow_environment_entry_value_by_name_const(trace, name);

	return value && bt_value_is_string(value) ? bt_value_string_get(value) : "";
}

static int64_t env_number(const bt_trace *trace, const char *name)
{
	const bt_value *value = bt_trace_borrow_environment_entry_value_by_name_const(trace, name);

	return value && bt_value_is_signed_integer(value) ? bt_value_integer_signed_get(value) : 0;
}

static void set_tracer(struct wl_trace_info *info, const bt_trace *trace, const char *version)
{
	if (version[0])
		snprintf(info->tracer, sizeof(info->tracer), "whylate %s", version);
	else
		snprintf(info->tracer, sizeof(info->tracer), "%s %" PRId64 ".%" PRId64 ".%" PRId64,
			 env_text(trace, "tracer_name"), env_number(trace, "tracer_major"),
			 env_number(trace, "tracer_minor"), env_number(trace, "tracer_patchlevel"));
}

static void set_info(struct through *through, const bt_trace *trace)
{
	struct wl_trace_info *info = &through->trace->info;
	const char *version = env_text(trace, "whylate_version");
	const uint8_t *uuid = bt_trace_get_uuid(trace);
	const char *kernel;

	through->ours = version[0];
	info->foreign = !through->ours;
	kernel = env_text(trace, "kernel_version");
	info->rt = info->foreign && (strstr(kernel, "PREEMPT_RT") || strstr(kernel, "PREEMPT RT"));
	set_tracer(info, trace, version);
	snprintf(info->hostname, sizeof(info->hostname), "%s", env_text(trace, "hostname"));
	snprintf(info->kernel, sizeof(info->kernel), "%s", env_text(trace, "kernel_release"));
	if (uuid)
		memcpy(info->uuid, uuid, sizeof(info->uuid));
}

static void format_uuid(char *text, const uint8_t *uuid)
{
	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", uuid[i]);
	}
}

static void set_clock(struct through *through, const bt_clock_class *clock)
{
	struct wl_trace_info *info = &through->trace->info;
	uint64_t frequency = bt_clock_class_get_frequency(clock), cycles;
	const uint8_t *uuid = bt_clock_class_get_uuid(clock);
	int64_t seconds;

	bt_clock_class_get_offset(clock, &seconds, &cycles);
	through->is_ns = frequency == NSEC;
	/* Below one second's worth of cycles, or as it was written: whole numbers either way. */
	through->offset =
		(int64_t)((uint64_t)seconds * NSEC + cycles / frequency * NSEC +
			  (uint64_t)((__uint128_t)(cycles % frequency) * NSEC / frequency));
	info->clock_offset = through->offset;
	if (through->has_window) {
		info->first = (uint64_t)(through->begin - through->offset);
		info->last = (uint64_t)(through->end - through->offset);
	}
	if (uuid)
		format_uuid(info->clock_uuid, uuid);
}

/* A stream's first message. */
static int begin_stream(struct through *through, const bt_message *message)
{
	const bt_stream *stream = bt_message_stream_beginning_borrow_stream_const(message);
	const bt_stream_class *class = bt_stream_borrow_class_const(stream);
	const bt_clock_class *clock = bt_stream_class_borrow_default_clock_class_const(class);

	if (!clock) {
		wl_problem_add(&through->trace->problems,
			       "its events have no time stamps: it can't be read");
		return -EINVAL;
	}
	if (!through->has_trace) {
		set_info(through, bt_stream_borrow_trace_const(stream));
		set_clock(through, clock);
		through->has_trace = true;
	}
	return wl_through_classes_learn(&through->classes, class, through->trace->described);
}

/* --- messages --- */

static uint64_t time_of(const struct through *through, const bt_clock_snapshot *snapshot)
{
	int64_t ns;

	if (through->is_ns)
		return bt_clock_snapshot_get_value(snapshot);
	if (bt_clock_snapshot_get_ns_from_origin(snapshot, &ns))
		return 0;
	return (uint64_t)(ns - through->offset);
}

/* Losses of the packet that ends may lie behind its last event. */
static void end_packet(struct stream *stream)
{
	if (stream->lossy)
		wl_gap_add(&stream->gap, stream->given);
	stream->lossy = false;
}

static void begin_packet(struct stream *stream, const bt_message *message)
{
	const bt_packet *packet = bt_message_packet_beginning_borrow_packet_const(message);
	const bt_field *context = bt_packet_borrow_context_field_const(packet);
	const bt_field *cpu;

	if (!context)
		return;
	cpu = bt_field_structure_borrow_member_field_by_name_const(context, "cpu_id");
	if (cpu && bt_field_class_type_is(bt_field_get_class_type(cpu),
					  BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER))
		stream->cpu = (uint32_t)bt_field_integer_unsigned_get_value(cpu);
}

/* Comes before the packet whose counter has grown. */
static void lose_events(struct through *through, struct stream *stream, const bt_message *message)
{
	uint64_t count = 0;

	if (bt_message_discarded_events_get_count(message, &count) ==
	    BT_PROPERTY_AVAILABILITY_AVAILABLE) {
		stream->gap.lost += count;
		through->trace->info.lost += count;
	}
	stream->lossy = true;
	wl_gap_add(&stream->gap, stream->given);
}

static void lose_packets(struct through *through, struct stream *stream, const bt_message *message)
{
	struct wl_trace *trace = through->trace;
	uint64_t count = 1;

	if (bt_message_discarded_packets_get_count(message, &count) !=
	    BT_PROPERTY_AVAILABILITY_AVAILABLE)
		count = 1;
	trace->stats.packets_missing += count;
	wl_problem_add(&trace->problems,
		       "CPU %" PRIu32 ": %" PRIu64 " packets are missing after time stamp %" PRIu64,
		       stream->cpu, count, stream->given);
	wl_gap_add(&stream->gap, stream->given);
}

static unsigned flags_of(const struct through *through, unsigned id)
{
	if (!through->ours)
		return WL_EVENT_FOREIGN;
	return id >= WL_EVID_STATEDUMP_START && id <= WL_EVID_STATEDUMP_END ? WL_EVENT_SYNTHETIC
									    : 0;
}

/* The library's source does not mind time stamps that go back within a stream. */
static void leave_out(struct through *through, struct stream *stream, uint64_t ts)
{
	struct wl_trace *trace = through->trace;

	if (trace->stats.disordered++ < DISORDER_TOLD)
		wl_problem_add(&trace->problems,
			       "CPU %" PRIu32 ": an event with time stamp %" PRIu64
			       " behind one with %" PRIu64 ": left out",
			       stream->cpu, ts, stream->given);
	wl_gap_add(&stream->gap, stream->given);
}

/* false: not an event for our readers. */
static bool take_event(struct through *through, struct stream *stream, const bt_message *message,
		       struct wl_event *event)
{
	struct wl_through_event decoded;
	uint64_t ts;

	wl_through_decode(&through->classes, bt_message_event_borrow_event_const(message),
			  stream->payload, &decoded);
	if (decoded.id == WL_EV_NONE) {
		through->trace->stats.skipped++;
		return false;
	}
	if (decoded.id == WL_EVID_FILLER) {
		through->trace->stats.fillers++;
		wl_gap_add(&stream->gap, stream->given);
		return false;
	}
	ts = time_of(through, bt_message_event_borrow_default_clock_snapshot_const(message));
	if (ts < stream->given) {
		leave_out(through, stream, ts);
		return false;
	}
	*event = (struct wl_event){
		.ts = ts,
		.payload = stream->payload,
		.cpu = stream->cpu,
		.flags = flags_of(through, decoded.id),
		.tid = decoded.tid,
		.pid = decoded.pid,
		.id = decoded.id,
		.size = decoded.size,
	};
	if (stream->lossy)
		wl_gap_add(&stream->gap, stream->given);
	if (stream->gap.open)
		wl_gap_close(&stream->gap, event);
	stream->given = event->ts;
	return true;
}

/* 1: it was an event, and *event is filled; 0: something else; -errno. */
static int take_message(struct through *through, struct stream *stream, const bt_message *message,
			struct wl_event *event)
{
	switch (bt_message_get_type(message)) {
	case BT_MESSAGE_TYPE_EVENT:
		return take_event(through, stream, message, event);
	case BT_MESSAGE_TYPE_STREAM_BEGINNING:
		return begin_stream(through, message);
	case BT_MESSAGE_TYPE_PACKET_BEGINNING:
		begin_packet(stream, message);
		return 0;
	case BT_MESSAGE_TYPE_PACKET_END:
		end_packet(stream);
		return 0;
	case BT_MESSAGE_TYPE_DISCARDED_EVENTS:
		lose_events(through, stream, message);
		return 0;
	case BT_MESSAGE_TYPE_DISCARDED_PACKETS:
		lose_packets(through, stream, message);
		return 0;
	default:
		return 0;
	}
}

/* More messages of the stream: 0, also at its end, or -errno. */
static int refill(struct through *through, struct stream *stream)
{
	char text[WL_PROBLEM_SIZE - 32];
	bt_graph_run_once_status status;

	through->wanted = (unsigned)(stream - through->streams);
	status = bt_graph_run_once(through->graph);
	if (status == BT_GRAPH_RUN_ONCE_STATUS_OK || status == BT_GRAPH_RUN_ONCE_STATUS_AGAIN)
		return 0;
	take_error(text, sizeof(text));
	wl_problem_add(&through->trace->problems, "it can't be read on: %s", text);
	return status == BT_GRAPH_RUN_ONCE_STATUS_MEMORY_ERROR ? -ENOMEM : -EIO;
}

/* What was lost behind the last event is only in the sums. */
static void end_stream(struct through *through, struct stream *stream)
{
	through->trace->stats.lost += stream->gap.lost;
	stream->gap.lost = 0;
}

static int through_step(void *ctx, unsigned i, struct wl_event *event)
{
	struct through *through = ctx;
	struct stream *stream = &through->streams[i];

	for (;;) {
		const bt_message *message;
		int ret;

		if (stream->at == stream->n && !stream->ended) {
			ret = refill(through, stream);
			if (ret)
				return ret;
		}
		if (stream->ended) {
			event->cpu = stream->cpu;
			end_stream(through, stream);
			return 0;
		}
		if (stream->at == stream->n)
			continue;
		message = stream->messages[stream->at++];
		ret = take_message(through, stream, message, event);
		bt_message_put_ref(message);
		if (ret)
			return ret;
	}
}

/* --- open --- */

static void through_close(void *ctx)
{
	struct through *through = ctx;

	for (unsigned i = 0; through->streams && i < through->n; i++) {
		struct stream *stream = &through->streams[i];

		while (stream->at < stream->n)
			bt_message_put_ref(stream->messages[stream->at++]);
		bt_message_iterator_put_ref(stream->iterator);
	}
	bt_graph_put_ref(through->graph);
	bt_component_class_sink_put_ref(through->sink_class);
	bt_plugin_put_ref(through->plugin);
	bt_value_put_ref(through->params);
	wl_through_classes_free(&through->classes);
	free(through->streams);
	free(through);
}

/* {"inputs": [dir]} */
static int make_params(struct through *through)
{
	bt_value *params = bt_value_map_create(), *inputs = NULL;

	through->params = params;
	if (!params || bt_value_map_insert_empty_array_entry(params, "inputs", &inputs) ||
	    bt_value_array_append_string_element(inputs, through->trace->dir))
		return -ENOMEM;
	return 0;
}

static const bt_component_class_source *source_class(const struct through *through)
{
	return bt_plugin_borrow_source_component_class_by_name_const(through->plugin, "fs");
}

/* Not in the user's own directory: who may be root here need not trust what lies there. */
static int find_plugin(struct through *through, char *why, size_t size)
{
	if (bt_plugin_find("ctf", BT_TRUE, BT_FALSE, BT_TRUE, BT_TRUE, BT_FALSE,
			   &through->plugin) ||
	    !source_class(through)) {
		snprintf(why, size,
			 "libbabeltrace2 has no plugin 'ctf': reinstall it, or see "
			 "BABELTRACE_PLUGIN_PATH");
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * The library refuses a whole trace for one stream that is cut off, and names the file: what can be
 * done is to take that one away.
 */
static void explain_refusal(const struct through *through, char *why, size_t size)
{
	char text[WL_PROBLEM_SIZE];

	take_error(text, sizeof(text));
	snprintf(why, size,
		 "'%s' can't be read: %s. If it is a truncated stream file, move that file out of "
		 "the directory: the other CPUs' streams can then be read",
		 through->trace->dir, text);
}

static int add_source(struct through *through, const bt_component_source **source, char *why,
		      size_t size)
{
	if (bt_graph_add_source_component(through->graph, source_class(through), "trace",
					  through->params, BT_LOGGING_LEVEL_NONE, source)) {
		explain_refusal(through, why, size);
		return -EIO;
	}
	through->n = (unsigned)bt_component_source_get_output_port_count(*source);
	if (!through->n) {
		snprintf(why, size, "'%s': there are no streams, or empty ones only",
			 through->trace->dir);
		return -ENOENT;
	}
	through->streams = calloc(through->n, sizeof(*through->streams));
	return through->streams ? 0 : -ENOMEM;
}

static int add_sink(struct through *through, const bt_component_sink **sink)
{
	through->sink_class = bt_component_class_sink_create("whylate", sink_consume);
	if (!through->sink_class ||
	    bt_component_class_sink_set_initialize_method(through->sink_class, sink_init) ||
	    bt_component_class_sink_set_graph_is_configured_method(through->sink_class,
								   sink_configured) ||
	    bt_graph_add_sink_component_with_initialize_method_data(
		    through->graph, through->sink_class, "events", NULL, through,
		    BT_LOGGING_LEVEL_NONE, sink))
		return -ENOMEM;
	return 0;
}

static int connect_ports(struct through *through, const bt_component_source *source,
			 const bt_component_sink *sink)
{
	for (unsigned i = 0; i < through->n; i++)
		if (bt_graph_connect_ports(
			    through->graph,
			    bt_component_source_borrow_output_port_by_index_const(source, i),
			    bt_component_sink_borrow_input_port_by_index_const(sink, i), NULL))
			return -ENOMEM;
	return 0;
}

static int make_graph(struct through *through, char *why, size_t size)
{
	const bt_component_source *source;
	const bt_component_sink *sink;
	int ret = find_plugin(through, why, size);

	if (ret)
		return ret;
	through->graph = bt_graph_create(0);
	ret = through->graph ? make_params(through) : -ENOMEM;
	if (!ret)
		ret = add_source(through, &source, why, size);
	if (!ret)
		ret = add_sink(through, &sink);
	if (!ret)
		ret = connect_ports(through, source, sink);
	/* Errors that nobody takes would stick to the thread. */
	bt_current_thread_clear_error();
	return ret;
}

/* --- window: the source knows it from its index --- */

static bool map_time(const bt_value *range, const char *key, int64_t *ns)
{
	const bt_value *value = bt_value_map_borrow_entry_value_const(range, key);

	if (!value || !bt_value_is_signed_integer(value))
		return false;
	*ns = bt_value_integer_signed_get(value);
	return true;
}

static void add_range(struct through *through, const bt_value *stream)
{
	const bt_value *range = bt_value_map_borrow_entry_value_const(stream, "range-ns");
	int64_t begin, end;

	if (!range || !map_time(range, "begin", &begin) || !map_time(range, "end", &end))
		return;
	if (!through->has_window || begin < through->begin)
		through->begin = begin;
	if (!through->has_window || end > through->end)
		through->end = end;
	through->has_window = true;
}

static void add_ranges(struct through *through, const bt_value *traces)
{
	for (uint64_t i = 0; i < bt_value_array_get_length(traces); i++) {
		const bt_value *streams = bt_value_map_borrow_entry_value_const(
			bt_value_array_borrow_element_by_index_const(traces, i), "stream-infos");

		for (uint64_t k = 0; streams && k < bt_value_array_get_length(streams); k++)
			add_range(through,
				  bt_value_array_borrow_element_by_index_const(streams, k));
	}
}

/* A trace whose window can't be told is read all the same. */
static void find_window(struct through *through)
{
	bt_query_executor *query = bt_query_executor_create(
		bt_component_class_source_as_component_class_const(source_class(through)),
		"babeltrace.trace-infos", through->params);
	const bt_value *result = NULL;

	if (query && !bt_query_executor_query(query, &result))
		add_ranges(through, result);
	bt_value_put_ref(result);
	bt_query_executor_put_ref(query);
	bt_current_thread_clear_error();
}

int wl_through_open(struct wl_trace *trace, char *why, size_t size)
{
	struct through *through = calloc(1, sizeof(*through));
	int ret;

	if (!through)
		return -ENOMEM;
	through->trace = trace;
	wl_through_classes_init(&through->classes);
	ret = make_graph(through, why, size);
	if (ret) {
		through_close(through);
		return ret;
	}
	find_window(through);
	trace->info.kind = WL_TRACE_THROUGH;
	trace->info.metadata = true;
	trace->source = (struct wl_source){ through, through->n, through_step, through_close };
	return 0;
}
