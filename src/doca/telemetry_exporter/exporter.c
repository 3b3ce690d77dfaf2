/* SPDX-License-Identifier: BSD-3-Clause */
/* Schemas, types and sources; events become JSON lines. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "doca/telemetry_exporter/exporter_int.h"

#define DEFAULT_ROOT "/tmp/doca_telemetry"
#define DEFAULT_SOCKETS "/run/softdpu/telemetry"

enum form { SIGNED, UNSIGNED, REAL, TEXT, BOOLEAN };

static const struct {
	const char *name;
	uint8_t size;
	enum form form;
} known[] = {{"bool", 1, BOOLEAN}, {"int", 4, SIGNED}, {"uint", 4, UNSIGNED}, {"long", 8, SIGNED},
	{"ulong", 8, UNSIGNED}, {"short", 2, SIGNED}, {"ushort", 2, UNSIGNED}, {"char", 1, TEXT},
	{"uchar", 1, UNSIGNED}, {"int8", 1, SIGNED}, {"int16", 2, SIGNED}, {"int32", 4, SIGNED},
	{"int64", 8, SIGNED}, {"uint8", 1, UNSIGNED}, {"uint16", 2, UNSIGNED},
	{"uint32", 4, UNSIGNED}, {"uint64", 8, UNSIGNED}, {"float", 4, REAL}, {"double", 8, REAL},
	{"timestamp", 8, UNSIGNED}};

static int find_type(const char *name)
{
	for (unsigned i = 0; name && i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i].name, name))
			return (int)i;
	return -1;
}

static void copy(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

/* ---- fields and types ---- */

doca_error_t doca_telemetry_exporter_field_create(struct doca_telemetry_exporter_field **field)
{
	DCORE_NOT_NULL(field);
	*field = calloc(1, sizeof(**field));
	if (!*field)
		return DOCA_ERROR_NO_MEMORY;
	(*field)->array_len = 1;
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_field_destroy(struct doca_telemetry_exporter_field *field)
{
	if (!field)
		return DOCA_SUCCESS;
	free(field->name);
	free(field->description);
	free(field->type);
	free(field);
	return DOCA_SUCCESS;
}

void doca_telemetry_exporter_field_set_name(
	struct doca_telemetry_exporter_field *field, const char *name)
{
	copy(&field->name, name);
}

void doca_telemetry_exporter_field_set_description(
	struct doca_telemetry_exporter_field *field, const char *desc)
{
	copy(&field->description, desc);
}

void doca_telemetry_exporter_field_set_type_name(
	struct doca_telemetry_exporter_field *field, const char *type)
{
	copy(&field->type, type);
}

void doca_telemetry_exporter_field_set_array_len(
	struct doca_telemetry_exporter_field *field, uint16_t len)
{
	field->array_len = len;
}

doca_error_t doca_telemetry_exporter_type_create(struct doca_telemetry_exporter_type **type)
{
	DCORE_NOT_NULL(type);
	*type = calloc(1, sizeof(**type));
	return *type ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

static void type_free(struct doca_telemetry_exporter_type *type)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		doca_telemetry_exporter_field_destroy(type->fields[i]);
	free(type->name);
	free(type);
}

doca_error_t doca_telemetry_exporter_type_destroy(struct doca_telemetry_exporter_type *type)
{
	if (type && type->in_schema)
		return dcore_fail(
			DOCA_ERROR_IN_USE, "telemetry: type %s belongs to a schema", type->name);
	if (type)
		type_free(type);
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_type_add_field(
	struct doca_telemetry_exporter_type *type, struct doca_telemetry_exporter_field *field)
{
	int kind;

	DCORE_NOT_NULL(type);
	DCORE_NOT_NULL(field);
	kind = find_type(field->type);
	if (!field->name || kind < 0 || !field->array_len)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"telemetry: field '%s' of type '%s', %u elements",
			field->name ? field->name : "(no name)",
			field->type ? field->type : "(none)", field->array_len);
	if (type->n_fields == FIELDS_MAX || type->in_schema)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: the type %s",
			type->in_schema ? "belongs to a schema" : "has all its fields");
	type->fields[type->n_fields++] = field;
	type->event_len += (size_t)known[kind].size * field->array_len;
	return DOCA_SUCCESS;
}

/* ---- schemas ---- */

doca_error_t doca_telemetry_exporter_schema_init(
	const char *schema_name, struct doca_telemetry_exporter_schema **schema)
{
	struct doca_telemetry_exporter_schema *s;

	DCORE_NOT_NULL(schema_name);
	DCORE_NOT_NULL(schema);
	if (!*schema_name || strchr(schema_name, '/'))
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "telemetry: schema name '%s'", schema_name);
	s = calloc(1, sizeof(*s));
	if (!s)
		return DOCA_ERROR_NO_MEMORY;
	s->name = strdup(schema_name);
	s->root = strdup(DEFAULT_ROOT);
	s->sockets_dir = strdup(DEFAULT_SOCKETS);
	s->buf_size = 60000;
	s->max_size = 1 << 20;
	s->max_age_us = 3600ull * 1000000;
	*schema = s;
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_schema_destroy(struct doca_telemetry_exporter_schema *schema)
{
	if (!schema)
		return DOCA_SUCCESS;
	if (schema->sources)
		return dcore_fail(DOCA_ERROR_IN_USE, "telemetry: %u sources of the schema exist",
			schema->sources);
	for (unsigned i = 0; i < schema->n_types; i++)
		type_free(schema->types[i]);
	free(schema->name);
	free(schema->root);
	free(schema->sockets_dir);
	free(schema);
	return DOCA_SUCCESS;
}

static doca_error_t changeable(const struct doca_telemetry_exporter_schema *schema)
{
	DCORE_NOT_NULL(schema);
	return schema->started
		       ? dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: the schema is started")
		       : DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_schema_start(struct doca_telemetry_exporter_schema *schema)
{
	doca_error_t result = changeable(schema);

	if (result == DOCA_SUCCESS)
		schema->started = true;
	return result;
}

doca_error_t doca_telemetry_exporter_schema_add_type(struct doca_telemetry_exporter_schema *schema,
	const char *new_type_name, struct doca_telemetry_exporter_type *type,
	doca_telemetry_exporter_type_index_t *type_index)
{
	doca_error_t result = changeable(schema);

	DCORE_NOT_NULL(new_type_name);
	DCORE_NOT_NULL(type);
	DCORE_NOT_NULL(type_index);
	if (result != DOCA_SUCCESS)
		return result;
	if (schema->n_types == TYPES_MAX || type->in_schema || !type->n_fields)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"telemetry: type '%s' is empty, in a schema already, or one too many",
			new_type_name);
	copy(&type->name, new_type_name);
	type->in_schema = true;
	*type_index = (doca_telemetry_exporter_type_index_t)schema->n_types;
	schema->types[schema->n_types++] = type;
	return DOCA_SUCCESS;
}

#define OPTION(name, argument, assignment)                          \
	doca_error_t doca_telemetry_exporter_schema_##name argument \
	{                                                           \
		doca_error_t result = changeable(schema);           \
                                                                    \
		if (result == DOCA_SUCCESS)                         \
			assignment;                                 \
		return result;                                      \
	}

OPTION(set_buf_size, (struct doca_telemetry_exporter_schema * schema, uint64_t size),
	schema->buf_size = size)
OPTION(set_buf_data_root, (struct doca_telemetry_exporter_schema * schema, const char *path),
	copy(&schema->root, path))
OPTION(set_file_write_enabled, (struct doca_telemetry_exporter_schema * schema),
	schema->file = true)
OPTION(set_file_write_max_size, (struct doca_telemetry_exporter_schema * schema, size_t size),
	schema->max_size = size)
OPTION(set_file_write_max_age,
	(struct doca_telemetry_exporter_schema * schema,
		doca_telemetry_exporter_timestamp_t max_age),
	schema->max_age_us = max_age)
OPTION(set_ipc_enabled, (struct doca_telemetry_exporter_schema * schema), schema->ipc = true)
OPTION(set_ipc_sockets_dir, (struct doca_telemetry_exporter_schema * schema, const char *path),
	copy(&schema->sockets_dir, path))
/* Events without a type go the same way as others: nothing to switch on. */
OPTION(set_opaque_events_enabled, (struct doca_telemetry_exporter_schema * schema), (void)0)

/* ---- sources ---- */

doca_error_t doca_telemetry_exporter_source_create(struct doca_telemetry_exporter_schema *schema,
	struct doca_telemetry_exporter_source **source)
{
	DCORE_NOT_NULL(schema);
	DCORE_NOT_NULL(source);
	if (!schema->started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: start the schema first");
	*source = calloc(1, sizeof(**source));
	if (!*source)
		return DOCA_ERROR_NO_MEMORY;
	(*source)->schema = schema;
	(*source)->file_fd = (*source)->ipc_fd = -1;
	schema->sources++;
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_source_destroy(struct doca_telemetry_exporter_source *source)
{
	doca_error_t result;

	if (!source)
		return DOCA_SUCCESS;
	if (source->metrics)
		doca_telemetry_exporter_metrics_destroy_context(source);
	logs_free(source->logs);
	result = output_flush(source);
	output_close(source);
	source->schema->sources--;
	free(source->id);
	free(source->tag);
	free(source);
	return result;
}

doca_error_t doca_telemetry_exporter_source_start(struct doca_telemetry_exporter_source *source)
{
	DCORE_NOT_NULL(source);
	if (source->started || !source->id)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: the source %s",
			source->started ? "is started" : "has no id");
	source->started = true;
	return DOCA_SUCCESS;
}

void doca_telemetry_exporter_source_set_id(
	struct doca_telemetry_exporter_source *source, const char *source_id)
{
	copy(&source->id, source_id);
}

void doca_telemetry_exporter_source_set_tag(
	struct doca_telemetry_exporter_source *source, const char *source_tag)
{
	copy(&source->tag, source_tag);
}

doca_error_t doca_telemetry_exporter_get_timestamp(doca_telemetry_exporter_timestamp_t *timestamp)
{
	struct timespec ts;

	DCORE_NOT_NULL(timestamp);
	clock_gettime(CLOCK_REALTIME, &ts);
	*timestamp = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	return DOCA_SUCCESS;
}

/* ---- events ---- */

static void add_value(struct str *s, int kind, const uint8_t *data)
{
	uint64_t raw = 0;
	float f;
	double d;

	memcpy(&raw, data, known[kind].size); /* little endian, as the machine */
	switch (known[kind].form) {
	case SIGNED:
		raw = (uint64_t)((int64_t)(raw << (64 - 8 * known[kind].size)) >>
				 (64 - 8 * known[kind].size));
		str_addf(s, "%lld", (long long)raw);
		break;
	case REAL:
		memcpy(&f, data, sizeof(f));
		if (known[kind].size == sizeof(d))
			memcpy(&d, data, sizeof(d));
		str_addf(s, "%.17g", known[kind].size == sizeof(d) ? d : (double)f);
		break;
	case BOOLEAN:
		str_add(s, raw ? "true" : "false");
		break;
	default:
		str_addf(s, "%llu", (unsigned long long)raw);
	}
}

static const uint8_t *add_field(
	struct str *s, const struct doca_telemetry_exporter_field *field, const uint8_t *data)
{
	int kind = find_type(field->type);

	str_add_char(s, ',');
	json_text(s, field->name, strlen(field->name));
	str_add_char(s, ':');
	if (known[kind].form == TEXT) {
		json_text(s, (const char *)data, field->array_len);
		return data + field->array_len;
	}
	if (field->array_len > 1)
		str_add_char(s, '[');
	for (unsigned i = 0; i < field->array_len; i++, data += known[kind].size) {
		if (i)
			str_add_char(s, ',');
		add_value(s, kind, data);
	}
	if (field->array_len > 1)
		str_add_char(s, ']');
	return data;
}

doca_error_t doca_telemetry_exporter_source_report(struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_type_index_t index, void *data, int count)
{
	const struct doca_telemetry_exporter_type *type;
	doca_error_t result = DOCA_SUCCESS;
	const uint8_t *at = data;
	struct str s = STR_INIT;

	DCORE_NOT_NULL(source);
	DCORE_NOT_NULL(data);
	if (!source->started || index >= source->schema->n_types || count < 0)
		return dcore_fail(source->started ? DOCA_ERROR_INVALID_VALUE : DOCA_ERROR_BAD_STATE,
			"telemetry: %d events of type %u; the source is %sstarted", count, index,
			source->started ? "" : "not ");
	type = source->schema->types[index];
	for (int i = 0; i < count && result == DOCA_SUCCESS; i++) {
		str_clear(&s);
		str_add(&s, "{\"type\":");
		json_text(&s, type->name, strlen(type->name));
		for (unsigned k = 0; k < type->n_fields; k++)
			at = add_field(&s, type->fields[k], at);
		str_add_char(&s, '}');
		result = str_failed(&s) ? DOCA_ERROR_NO_MEMORY : output_line(source, str_text(&s));
	}
	str_free(&s);
	return result;
}

doca_error_t doca_telemetry_exporter_source_flush(struct doca_telemetry_exporter_source *source)
{
	DCORE_NOT_NULL(source);
	return output_flush(source);
}
