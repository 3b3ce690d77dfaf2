/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines to files that rotate by size and age, and to a datagram socket if somebody listens. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "doca/telemetry_exporter/exporter_int.h"

void json_text(struct str *s, const char *text, size_t len)
{
	str_add_char(s, '"');
	for (size_t i = 0; i < len && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			str_addf(s, "\\%c", c);
		else if (c < 0x20)
			str_addf(s, "\\u%04x", c);
		else
			str_add_char(s, (char)c);
	}
	str_add_char(s, '"');
}

void output_path(const struct doca_telemetry_exporter_source *source, const char *suffix, char *buf,
	size_t size)
{
	int n = snprintf(buf, size, "%s", source->schema->root);

	mkdir(buf, 0755);
	n += snprintf(buf + n, size - (size_t)n, "/%s", source->schema->name);
	mkdir(buf, 0755);
	snprintf(buf + n, size - (size_t)n, "/%s%s%s%s", source->id ? source->id : "source",
		source->tag && *source->tag ? "_" : "", source->tag ? source->tag : "", suffix);
}

static doca_error_t open_file(struct doca_telemetry_exporter_source *source, uint64_t now)
{
	char suffix[48], path[1024];

	snprintf(suffix, sizeof(suffix), "-%llu.jsonl", (unsigned long long)now);
	output_path(source, suffix, path, sizeof(path));
	source->file_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (source->file_fd < 0)
		return dcore_fail(DOCA_ERROR_IO_FAILED, "telemetry: %s: %m", path);
	source->file_len = 0;
	source->file_since_us = now;
	return DOCA_SUCCESS;
}

static doca_error_t to_file(struct doca_telemetry_exporter_source *source)
{
	const struct doca_telemetry_exporter_schema *schema = source->schema;
	doca_telemetry_exporter_timestamp_t now;
	doca_error_t result;

	doca_telemetry_exporter_get_timestamp(&now);
	if (source->file_fd >= 0 && (source->file_len >= schema->max_size ||
					    now - source->file_since_us >= schema->max_age_us)) {
		close(source->file_fd);
		source->file_fd = -1;
	}
	if (source->file_fd < 0 && (result = open_file(source, now)) != DOCA_SUCCESS)
		return result;
	if (write(source->file_fd, str_text(&source->pending), str_len(&source->pending)) !=
		(ssize_t)str_len(&source->pending))
		return dcore_fail(DOCA_ERROR_IO_FAILED, "telemetry: writing the file: %m");
	source->file_len += str_len(&source->pending);
	return DOCA_SUCCESS;
}

/* Nobody there is no error: the consumer may come and go. */
static void to_socket(struct doca_telemetry_exporter_source *source)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/telemetry.sock",
		source->schema->sockets_dir);
	if (source->ipc_fd < 0)
		source->ipc_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sendto(source->ipc_fd, str_text(&source->pending), str_len(&source->pending), 0,
		    (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return;
}

doca_error_t output_flush(struct doca_telemetry_exporter_source *source)
{
	doca_error_t result = DOCA_SUCCESS;

	if (str_failed(&source->pending))
		result = DOCA_ERROR_NO_MEMORY;
	if (str_len(&source->pending) && source->schema->file && result == DOCA_SUCCESS)
		result = to_file(source);
	if (str_len(&source->pending) && source->schema->ipc)
		to_socket(source);
	str_clear(&source->pending);
	return result;
}

doca_error_t output_line(struct doca_telemetry_exporter_source *source, const char *line)
{
	str_add(&source->pending, line);
	str_add_char(&source->pending, '\n');
	return str_len(&source->pending) >= source->schema->buf_size ? output_flush(source)
								     : DOCA_SUCCESS;
}

void output_close(struct doca_telemetry_exporter_source *source)
{
	if (source->file_fd >= 0)
		close(source->file_fd);
	if (source->ipc_fd >= 0)
		close(source->ipc_fd);
	str_free(&source->pending);
}
