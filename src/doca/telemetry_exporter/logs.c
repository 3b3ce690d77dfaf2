/* SPDX-License-Identifier: BSD-3-Clause */
/* OTLP log records in OTLP's JSON encoding (opentelemetry-proto, ExportLogsServiceRequest), one per line. */
#include <stdlib.h>
#include <string.h>

#include "doca/telemetry_exporter/exporter_int.h"

#define RESOURCES_MAX 64
#define SCOPES_MAX 64
#define ATTRIBUTES_MAX 64

struct scope {
	struct str head; /* "name":..., "version":... */
	char *event, *severity;
	char *keys[ATTRIBUTES_MAX];
	doca_telemetry_exporter_otlp_attribute_type_t types[ATTRIBUTES_MAX];
	size_t n;
};

struct logs {
	struct str resources[RESOURCES_MAX]; /* their attributes */
	unsigned n_resources, n_scopes;
	struct scope scopes[SCOPES_MAX];
};

static doca_error_t context(const struct doca_telemetry_exporter_source *source)
{
	DCORE_NOT_NULL(source);
	return source->logs ? DOCA_SUCCESS
			    : dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: no OTLP logs context");
}

static void add_key(struct str *s, const char *key)
{
	str_addf(s, "%s{\"key\":", str_len(s) && str_text(s)[str_len(s) - 1] == '}' ? "," : "");
	json_text(s, key, strlen(key));
	str_add(s, ",\"value\":{");
}

static void add_string(struct str *s, const char *key, const char *value)
{
	add_key(s, key);
	str_add(s, "\"stringValue\":");
	json_text(s, value ? value : "", value ? strlen(value) : 0);
	str_add(s, "}}");
}

static void add_int(struct str *s, const char *key, int64_t value)
{
	add_key(s, key);
	str_addf(s, "\"intValue\":\"%lld\"}}",
		(long long)value); /* 64-bit numbers are text in proto3's JSON */
}

doca_error_t doca_telemetry_exporter_otlp_logs_create_context(
	struct doca_telemetry_exporter_source *source)
{
	DCORE_NOT_NULL(source);
	if (!source->started || source->logs)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: the source %s",
			source->started ? "has an OTLP logs context" : "is not started");
	source->logs = calloc(1, sizeof(*source->logs));
	return source->logs ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

void logs_free(struct logs *logs)
{
	if (!logs)
		return;
	for (unsigned i = 0; i < logs->n_resources; i++)
		str_free(&logs->resources[i]);
	for (unsigned i = 0; i < logs->n_scopes; i++) {
		struct scope *scope = &logs->scopes[i];

		str_free(&scope->head);
		free(scope->event);
		free(scope->severity);
		for (size_t k = 0; k < scope->n; k++)
			free(scope->keys[k]);
	}
	free(logs);
}

doca_error_t doca_telemetry_exporter_otlp_logs_destroy_context(
	struct doca_telemetry_exporter_source *source)
{
	doca_error_t result = context(source);

	if (result != DOCA_SUCCESS)
		return result;
	logs_free(source->logs);
	source->logs = NULL;
	return output_flush(source);
}

doca_error_t doca_telemetry_exporter_otlp_logs_add_resource(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t *resource_id)
{
	doca_error_t result = context(source);

	DCORE_NOT_NULL(resource_id);
	if (result != DOCA_SUCCESS)
		return result;
	if (source->logs->n_resources == RESOURCES_MAX)
		return dcore_fail(
			DOCA_ERROR_FULL, "telemetry: more than %d resources", RESOURCES_MAX);
	*resource_id = source->logs->n_resources++;
	return DOCA_SUCCESS;
}

static doca_error_t resource(
	const struct doca_telemetry_exporter_source *source, uint64_t id, const char *key)
{
	doca_error_t result = context(source);

	if (result == DOCA_SUCCESS && (id >= source->logs->n_resources || !key))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "telemetry: resource %llu",
			(unsigned long long)id);
	return result;
}

doca_error_t doca_telemetry_exporter_otlp_logs_add_resource_attribute_string(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id, const char *key,
	const char *value)
{
	doca_error_t result = resource(source, resource_id, key);

	if (result == DOCA_SUCCESS)
		add_string(&source->logs->resources[resource_id], key, value);
	return result;
}

doca_error_t doca_telemetry_exporter_otlp_logs_add_resource_attribute_int(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id, const char *key, int64_t value)
{
	doca_error_t result = resource(source, resource_id, key);

	if (result == DOCA_SUCCESS)
		add_int(&source->logs->resources[resource_id], key, value);
	return result;
}

doca_error_t doca_telemetry_exporter_otlp_logs_add_scope(
	struct doca_telemetry_exporter_source *source, const char *scope_name,
	const char *scope_version, const char *event_name, const char *severity,
	const char **attribute_keys, doca_telemetry_exporter_otlp_attribute_type_t *attribute_types,
	size_t num_attributes, doca_telemetry_exporter_otlp_logs_scope_id_t *scope_id)
{
	doca_error_t result = context(source);
	struct scope *scope;

	DCORE_NOT_NULL(scope_name);
	DCORE_NOT_NULL(scope_id);
	if (result != DOCA_SUCCESS)
		return result;
	if (source->logs->n_scopes == SCOPES_MAX || num_attributes > ATTRIBUTES_MAX ||
		(num_attributes && (!attribute_keys || !attribute_types)))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"telemetry: scope %s with %zu attributes", scope_name, num_attributes);
	*scope_id = source->logs->n_scopes;
	scope = &source->logs->scopes[source->logs->n_scopes++];
	str_add(&scope->head, "\"name\":");
	json_text(&scope->head, scope_name, strlen(scope_name));
	str_add(&scope->head, ",\"version\":");
	json_text(&scope->head, scope_version ? scope_version : "",
		scope_version ? strlen(scope_version) : 0);
	scope->event = strdup(event_name ? event_name : "");
	scope->severity = strdup(severity ? severity : "");
	for (scope->n = 0; scope->n < num_attributes; scope->n++) {
		scope->keys[scope->n] = strdup(attribute_keys[scope->n]);
		scope->types[scope->n] = attribute_types[scope->n];
	}
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_otlp_logs_write_event_with_severity(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id,
	doca_telemetry_exporter_otlp_logs_scope_id_t scope_id,
	doca_telemetry_exporter_otlp_attribute_value_t *values, const char *severity)
{
	doca_error_t result = resource(source, resource_id, "");
	doca_telemetry_exporter_timestamp_t now;
	struct str line = STR_INIT, attributes = STR_INIT;
	const struct scope *scope;

	if (result != DOCA_SUCCESS)
		return result;
	if (scope_id >= source->logs->n_scopes || (!values && source->logs->scopes[scope_id].n))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "telemetry: scope %llu",
			(unsigned long long)scope_id);
	scope = &source->logs->scopes[scope_id];
	doca_telemetry_exporter_get_timestamp(&now);
	for (size_t i = 0; i < scope->n; i++)
		if (scope->types[i] == DOCA_TELEMETRY_EXPORTER_OTLP_ATTRIBUTE_TYPE_INT)
			add_int(&attributes, scope->keys[i], values[i].int_value);
		else
			add_string(&attributes, scope->keys[i], values[i].string_value);
	str_addf(&line,
		"{\"resourceLogs\":[{\"resource\":{\"attributes\":[%s]},\"scopeLogs\":[{\"scope\":{"
		"%s},",
		str_text(&source->logs->resources[resource_id]), str_text(&scope->head));
	str_addf(&line, "\"logRecords\":[{\"timeUnixNano\":\"%llu000\",\"severityText\":",
		(unsigned long long)now);
	severity = severity ? severity : scope->severity;
	json_text(&line, severity, strlen(severity));
	str_add(&line, ",\"eventName\":");
	json_text(&line, scope->event, strlen(scope->event));
	str_addf(&line, ",\"attributes\":[%s]}]}]}]}", str_text(&attributes));
	result = str_failed(&line) || str_failed(&attributes)
			 ? DOCA_ERROR_NO_MEMORY
			 : output_line(source, str_text(&line));
	str_free(&line);
	str_free(&attributes);
	return result;
}

doca_error_t doca_telemetry_exporter_otlp_logs_write_event(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_otlp_logs_resource_id_t resource_id,
	doca_telemetry_exporter_otlp_logs_scope_id_t scope_id,
	doca_telemetry_exporter_otlp_attribute_value_t *values)
{
	return doca_telemetry_exporter_otlp_logs_write_event_with_severity(
		source, resource_id, scope_id, values, NULL);
}

doca_error_t doca_telemetry_exporter_otlp_logs_flush(struct doca_telemetry_exporter_source *source)
{
	doca_error_t result = context(source);

	return result == DOCA_SUCCESS ? output_flush(source) : result;
}
