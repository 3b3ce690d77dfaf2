/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insides of doca/telemetry_exporter.
 *
 *   exporter.c  schemas, types, sources; events as JSON lines
 *   output.c    lines to files and to the local socket
 *   metrics.c   counters and gauges; Prometheus text, file and HTTP
 *   logs.c      OTLP log records
 *   netflow.c   stands alone
 */
#ifndef DOCA_TELEMETRY_EXPORTER_EXPORTER_INT_H
#define DOCA_TELEMETRY_EXPORTER_EXPORTER_INT_H

#include <doca_telemetry_exporter.h>

#include "base/str.h"
#include "doca/common/common.h"

#define TYPES_MAX 255
#define FIELDS_MAX 256

struct doca_telemetry_exporter_field {
	char *name, *description, *type;
	uint16_t array_len;
};

struct doca_telemetry_exporter_type {
	char *name;
	struct doca_telemetry_exporter_field *fields[FIELDS_MAX];
	unsigned n_fields;
	size_t event_len;
	bool in_schema;
};

struct doca_telemetry_exporter_schema {
	char *name, *root, *sockets_dir;
	bool started, file, ipc;
	uint64_t buf_size, max_age_us;
	size_t max_size;
	struct doca_telemetry_exporter_type *types[TYPES_MAX];
	unsigned n_types, sources;
};

struct metrics;
struct logs;

struct doca_telemetry_exporter_source {
	struct doca_telemetry_exporter_schema *schema;
	char *id, *tag;
	bool started;
	struct str pending; /* lines not yet written */
	int file_fd, ipc_fd;
	size_t file_len;
	uint64_t file_since_us;
	struct metrics *metrics;
	struct logs *logs;
};

/* A finished line (no newline) joins what is pending; written when that is long enough. */
doca_error_t output_line(struct doca_telemetry_exporter_source *source, const char *line);
doca_error_t output_flush(struct doca_telemetry_exporter_source *source);
void output_close(struct doca_telemetry_exporter_source *source);
/* ROOT/SCHEMA/ID_TAG + suffix; makes the directories. */
void output_path(const struct doca_telemetry_exporter_source *source, const char *suffix, char *buf,
	size_t size);

void json_text(struct str *s, const char *text, size_t len);

void metrics_free(struct metrics *metrics);
void logs_free(struct logs *logs);

#endif
