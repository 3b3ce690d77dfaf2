/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_telemetry_exporter: events, metrics and logs of a program, to files and local consumers.
 *
 * A schema names event types (packed structs described field by field) and outputs; a source reports events.
 * Output is text, one JSON object per line: files ROOT/SCHEMA/SOURCE_TAG-TIME.jsonl when file write is
 * enabled, and datagrams to SOCKETS_DIR/telemetry.sock when IPC is enabled and somebody has bound it.
 * (A card's library writes its own binary format for the DOCA Telemetry Service; this one does not.)
 *
 * Metrics appear as Prometheus text in ROOT/SCHEMA/SOURCE_TAG.prom at each flush, and on
 * http://HOST:PORT/metrics when the environment variable PROMETHEUS_ENDPOINT says so. OTLP logs are written
 * in OTLP's JSON encoding, one export request per line; they are not sent over the network.
 *
 * One thread per source. Errors: BAD_STATE for calls out of order, INVALID_VALUE, IO_FAILED.
 */
#ifndef DOCA_TELEMETRY_EXPORTER_H_
#define DOCA_TELEMETRY_EXPORTER_H_

#include "doca_error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_telemetry_exporter_field;
struct doca_telemetry_exporter_schema;
struct doca_telemetry_exporter_source;
struct doca_telemetry_exporter_type;

typedef uint64_t doca_telemetry_exporter_timestamp_t; /* microseconds since 1970 */
typedef uint8_t doca_telemetry_exporter_type_index_t;
typedef uint64_t doca_telemetry_exporter_label_set_id_t;
typedef uint64_t doca_telemetry_exporter_otlp_logs_resource_id_t;
typedef uint64_t doca_telemetry_exporter_otlp_logs_scope_id_t;

typedef enum {
	DOCA_TELEMETRY_EXPORTER_OTLP_ATTRIBUTE_TYPE_STRING = 0,
	DOCA_TELEMETRY_EXPORTER_OTLP_ATTRIBUTE_TYPE_INT = 1,
} doca_telemetry_exporter_otlp_attribute_type_t;

typedef union {
	const char *string_value;
	int64_t int_value;
} doca_telemetry_exporter_otlp_attribute_value_t;

/* Names of field types, for field_set_type_name(). */
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_BOOL "bool"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT "int"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT "uint"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_LONG "long"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_ULONG "ulong"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_SHORT "short"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_USHORT "ushort"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_CHAR "char"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UCHAR "uchar"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT8 "int8"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT16 "int16"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT32 "int32"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT64 "int64"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT8 "uint8"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT16 "uint16"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT32 "uint32"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT64 "uint64"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_FLOAT "float"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_DOUBLE "double"
#define DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_TIMESTAMP "timestamp"

/* ---- schema: what is exported, and where to ---- */

doca_error_t doca_telemetry_exporter_schema_init(
	const char *schema_name, struct doca_telemetry_exporter_schema **schema);
doca_error_t doca_telemetry_exporter_schema_destroy(struct doca_telemetry_exporter_schema *schema);
/* Types cannot be added, options not changed, after start. */
doca_error_t doca_telemetry_exporter_schema_start(struct doca_telemetry_exporter_schema *schema);
doca_error_t doca_telemetry_exporter_schema_add_type(struct doca_telemetry_exporter_schema *schema,
	const char *new_type_name, struct doca_telemetry_exporter_type *type,
	doca_telemetry_exporter_type_index_t *type_index);
/* Bytes an source collects before it writes by itself (default 60000). */
doca_error_t doca_telemetry_exporter_schema_set_buf_size(
	struct doca_telemetry_exporter_schema *schema, uint64_t size);
/* Directory of files (default /tmp/doca_telemetry). */
doca_error_t doca_telemetry_exporter_schema_set_buf_data_root(
	struct doca_telemetry_exporter_schema *schema, const char *path);
doca_error_t doca_telemetry_exporter_schema_set_file_write_enabled(
	struct doca_telemetry_exporter_schema *schema);
/* A file is closed and a new one begun at this size in bytes / age in microseconds. */
doca_error_t doca_telemetry_exporter_schema_set_file_write_max_size(
	struct doca_telemetry_exporter_schema *schema, size_t size);
doca_error_t doca_telemetry_exporter_schema_set_file_write_max_age(
	struct doca_telemetry_exporter_schema *schema, doca_telemetry_exporter_timestamp_t max_age);
doca_error_t doca_telemetry_exporter_schema_set_ipc_enabled(
	struct doca_telemetry_exporter_schema *schema);
doca_error_t doca_telemetry_exporter_schema_set_ipc_sockets_dir(
	struct doca_telemetry_exporter_schema *schema, const char *path);
doca_error_t doca_telemetry_exporter_schema_set_opaque_events_enabled(
	struct doca_telemetry_exporter_schema *schema);

doca_error_t doca_telemetry_exporter_type_create(struct doca_telemetry_exporter_type **type);
/* Not once it is in a schema. */
doca_error_t doca_telemetry_exporter_type_destroy(struct doca_telemetry_exporter_type *type);
/* The type owns the field afterwards. */
doca_error_t doca_telemetry_exporter_type_add_field(
	struct doca_telemetry_exporter_type *type, struct doca_telemetry_exporter_field *field);
doca_error_t doca_telemetry_exporter_field_create(struct doca_telemetry_exporter_field **field);
doca_error_t doca_telemetry_exporter_field_destroy(struct doca_telemetry_exporter_field *field);
void doca_telemetry_exporter_field_set_name(
	struct doca_telemetry_exporter_field *field, const char *name);
void doca_telemetry_exporter_field_set_description(
	struct doca_telemetry_exporter_field *field, const char *desc);
void doca_telemetry_exporter_field_set_type_name(
	struct doca_telemetry_exporter_field *field, const char *type);
void doca_telemetry_exporter_field_set_array_len(
	struct doca_telemetry_exporter_field *field, uint16_t len);

/* ---- sources: who reports ---- */

doca_error_t doca_telemetry_exporter_source_create(struct doca_telemetry_exporter_schema *schema,
	struct doca_telemetry_exporter_source **source);
doca_error_t doca_telemetry_exporter_source_destroy(struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_source_start(struct doca_telemetry_exporter_source *source);
void doca_telemetry_exporter_source_set_id(
	struct doca_telemetry_exporter_source *source, const char *source_id);
void doca_telemetry_exporter_source_set_tag(
	struct doca_telemetry_exporter_source *source, const char *source_tag);
/* `count` packed events of the type, one after the other. */
doca_error_t doca_telemetry_exporter_source_report(struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_type_index_t index, void *data, int count);
doca_error_t doca_telemetry_exporter_source_flush(struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_get_timestamp(doca_telemetry_exporter_timestamp_t *timestamp);

/* ---- metrics: counters and gauges with labels ---- */

doca_error_t doca_telemetry_exporter_metrics_create_context(
	struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_metrics_destroy_context(
	struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_metrics_set_flush_interval_ms(
	struct doca_telemetry_exporter_source *source, uint32_t interval_ms);
doca_error_t doca_telemetry_exporter_metrics_flush(struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_metrics_add_constant_label(
	struct doca_telemetry_exporter_source *source, const char *name, const char *value);
doca_error_t doca_telemetry_exporter_metrics_add_label_names(
	struct doca_telemetry_exporter_source *source, const char **label_names, size_t num_labels,
	doca_telemetry_exporter_label_set_id_t *label_set_id);
/* Label values in the order of the set's names; set 0 with NULL: no labels. */
doca_error_t doca_telemetry_exporter_metrics_add_counter(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, uint64_t value,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values);
doca_error_t doca_telemetry_exporter_metrics_add_counter_increment(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, uint64_t increment,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values);
doca_error_t doca_telemetry_exporter_metrics_add_gauge(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, double value,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values);

/* ---- OTLP logs ---- */

doca_error_t doca_telemetry_exporter_otlp_logs_create_context(
	struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_otlp_logs_destroy_context(
	struct doca_telemetry_exporter_source *source);
doca_error_t doca_telemetry_exporter_otlp_logs_add_resource(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t *resource_id);
doca_error_t doca_telemetry_exporter_otlp_logs_add_resource_attribute_string(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id, const char *key,
	const char *value);
doca_error_t doca_telemetry_exporter_otlp_logs_add_resource_attribute_int(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id, const char *key,
	int64_t value);
/* Events of the scope carry these attributes. */
doca_error_t doca_telemetry_exporter_otlp_logs_add_scope(
	struct doca_telemetry_exporter_source *source, const char *scope_name,
	const char *scope_version, const char *event_name, const char *severity,
	const char **attribute_keys, doca_telemetry_exporter_otlp_attribute_type_t *attribute_types,
	size_t num_attributes, doca_telemetry_exporter_otlp_logs_scope_id_t *scope_id);
doca_error_t doca_telemetry_exporter_otlp_logs_write_event(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id,
	doca_telemetry_exporter_otlp_logs_scope_id_t scope_id,
	doca_telemetry_exporter_otlp_attribute_value_t *values);
doca_error_t doca_telemetry_exporter_otlp_logs_write_event_with_severity(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id,
	doca_telemetry_exporter_otlp_logs_scope_id_t scope_id,
	doca_telemetry_exporter_otlp_attribute_value_t *values, const char *severity);
doca_error_t doca_telemetry_exporter_otlp_logs_flush(struct doca_telemetry_exporter_source *source);

#ifdef __cplusplus
}
#endif
#endif
