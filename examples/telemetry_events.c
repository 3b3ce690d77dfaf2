/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * telemetry_events: a type of event described field by field, two of them reported into a file of JSON lines.
 *
 * pkg-config: doca-common doca-telemetry-exporter
 * shell: d=$(mktemp -d) && "$E/telemetry_events" "$d" && find "$d" -name "*.jsonl" -exec cat {} +; rm -rf "$d"
 * expect: "speed":120
 * expect: "speed":130
 */
#include <stdio.h>
#include <stdlib.h>

#include <doca_error.h>
#include <doca_telemetry_exporter.h>

#define CHECK(call)                                                           \
	do {                                                                  \
		doca_error_t check_ = (call);                                 \
		if (check_ != DOCA_SUCCESS) {                                 \
			printf(#call ": %s\n", doca_error_get_descr(check_)); \
			exit(1);                                              \
		}                                                             \
	} while (0)

struct event {
	uint64_t when;
	int32_t speed;
} __attribute__((packed));

static void add_field(struct doca_telemetry_exporter_type *type, const char *name, const char *kind)
{
	struct doca_telemetry_exporter_field *field;

	CHECK(doca_telemetry_exporter_field_create(&field));
	doca_telemetry_exporter_field_set_name(field, name);
	doca_telemetry_exporter_field_set_type_name(field, kind);
	doca_telemetry_exporter_field_set_array_len(field, 1);
	CHECK(doca_telemetry_exporter_type_add_field(type, field));
}

int main(int argc, char **argv)
{
	struct doca_telemetry_exporter_schema *schema;
	struct doca_telemetry_exporter_source *source;
	struct doca_telemetry_exporter_type *type;
	doca_telemetry_exporter_type_index_t index;
	doca_telemetry_exporter_timestamp_t now;
	struct event events[2] = {{.speed = 120}, {.speed = 130}};

	if (argc != 2)
		return 1;
	CHECK(doca_telemetry_exporter_schema_init("example", &schema));
	CHECK(doca_telemetry_exporter_schema_set_buf_data_root(schema, argv[1]));
	CHECK(doca_telemetry_exporter_schema_set_file_write_enabled(schema));
	CHECK(doca_telemetry_exporter_type_create(&type));
	add_field(type, "when", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_TIMESTAMP);
	add_field(type, "speed", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT32);
	CHECK(doca_telemetry_exporter_schema_add_type(schema, "fan", type, &index));
	CHECK(doca_telemetry_exporter_schema_start(schema));
	CHECK(doca_telemetry_exporter_source_create(schema, &source));
	doca_telemetry_exporter_source_set_id(source, "machine1");
	doca_telemetry_exporter_source_set_tag(source, "fans");
	CHECK(doca_telemetry_exporter_source_start(source));
	CHECK(doca_telemetry_exporter_get_timestamp(&now));
	events[0].when = events[1].when = now;
	CHECK(doca_telemetry_exporter_source_report(source, index, events, 2));
	CHECK(doca_telemetry_exporter_source_flush(source));
	CHECK(doca_telemetry_exporter_source_destroy(source));
	CHECK(doca_telemetry_exporter_schema_destroy(schema));
	return 0;
}
