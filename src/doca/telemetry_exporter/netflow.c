/* SPDX-License-Identifier: BSD-3-Clause */
/* NetFlow version 9 (RFC 3954): header, template flow set, data flow set, one UDP datagram after the other. */
#include <doca_telemetry_exporter_netflow.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "doca/common/common.h"

#define FIELDS_MAX 128
#define TEMPLATE_ID_MIN 256 /* RFC 3954 5.2 */
#define PACKET_DEFAULT 1400
#define PACKET_MAX 65000

struct doca_telemetry_exporter_netflow_flowset_field {
	uint16_t type, len;
};

struct doca_telemetry_exporter_netflow_template {
	uint16_t id, n, record_len;
	struct doca_telemetry_exporter_netflow_flowset_field fields[FIELDS_MAX];
};

static struct {
	bool is_init, started, file;
	uint16_t source_id, port, packet_size;
	uint32_t sequence;
	uint64_t start_ns;
	char addr[256], root[256];
	int sock, file_fd;
} nf = {.port = 2055,
	.packet_size = PACKET_DEFAULT,
	.sock = -1,
	.file_fd = -1,
	.root = "/tmp/doca_telemetry"};
static uint16_t next_template_id = TEMPLATE_ID_MIN;

/* ---- configuration ---- */

doca_error_t doca_telemetry_exporter_netflow_init(uint16_t source_id)
{
	if (nf.is_init)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "NetFlow: it is initialised");
	nf.is_init = true;
	nf.source_id = source_id;
	return DOCA_SUCCESS;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

void doca_telemetry_exporter_netflow_set_collector_addr(const char *collector_addr)
{
	copy(nf.addr, sizeof(nf.addr), collector_addr);
}

void doca_telemetry_exporter_netflow_set_collector_port(uint16_t collector_port)
{
	nf.port = collector_port;
}

void doca_telemetry_exporter_netflow_set_max_packet_size(uint16_t max_packet_size)
{
	nf.packet_size = MIN_OF(max_packet_size, PACKET_MAX);
}

void doca_telemetry_exporter_netflow_set_file_write_enabled(void)
{
	nf.file = true;
}

void doca_telemetry_exporter_netflow_set_buf_data_root(const char *path)
{
	copy(nf.root, sizeof(nf.root), path);
}

/* Nothing is kept back and the file is one: these have nothing to do. */
void doca_telemetry_exporter_netflow_set_file_write_max_size(size_t size)
{
}

void doca_telemetry_exporter_netflow_set_file_write_max_age(uint64_t max_age)
{
}

/* A collector is reached over UDP, also on this machine. */
void doca_telemetry_exporter_netflow_set_ipc_enabled(void)
{
}

void doca_telemetry_exporter_netflow_set_ipc_sockets_dir(const char *path)
{
}

/* NetFlow names a source by its number only. */
void doca_telemetry_exporter_netflow_source_set_id(const char *source_id)
{
}

void doca_telemetry_exporter_netflow_source_set_tag(const char *source_tag)
{
}

static doca_error_t connect_collector(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *all;
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", nf.port);
	err = getaddrinfo(nf.addr, port, &hints, &all);
	if (err)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "NetFlow: collector %s: %s", nf.addr,
			gai_strerror(err));
	for (struct addrinfo *a = all; a && nf.sock < 0; a = a->ai_next) {
		nf.sock = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (nf.sock >= 0 && connect(nf.sock, a->ai_addr, a->ai_addrlen) < 0) {
			close(nf.sock);
			nf.sock = -1;
		}
	}
	freeaddrinfo(all);
	return nf.sock >= 0 ? DOCA_SUCCESS
			    : dcore_fail(DOCA_ERROR_IO_FAILED, "NetFlow: collector %s:%u: %m",
				      nf.addr, nf.port);
}

doca_error_t doca_telemetry_exporter_netflow_start(void)
{
	char path[320];
	doca_error_t result;

	if (!nf.is_init || nf.started)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "NetFlow: it is %s",
			nf.is_init ? "started" : "not initialised");
	if (!*nf.addr && !nf.file)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "NetFlow: neither a collector nor a file");
	if (*nf.addr && (result = connect_collector()) != DOCA_SUCCESS)
		return result;
	if (nf.file) {
		mkdir(nf.root, 0755);
		snprintf(path, sizeof(path), "%s/netflow.v9", nf.root);
		nf.file_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (nf.file_fd < 0)
			return dcore_fail(DOCA_ERROR_IO_FAILED, "NetFlow: %s: %m", path);
	}
	nf.start_ns = clock_now_ns();
	nf.started = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_netflow_flush(void)
{
	return nf.started ? DOCA_SUCCESS : DOCA_ERROR_BAD_STATE; /* nothing is kept back */
}

doca_error_t doca_telemetry_exporter_netflow_destroy(void)
{
	if (nf.sock >= 0)
		close(nf.sock);
	if (nf.file_fd >= 0)
		close(nf.file_fd);
	nf.sock = nf.file_fd = -1;
	nf.is_init = nf.started = nf.file = false;
	return DOCA_SUCCESS;
}

/* ---- templates ---- */

doca_error_t doca_telemetry_exporter_netflow_template_create(
	struct doca_telemetry_exporter_netflow_template **netflow_template)
{
	DCORE_NOT_NULL(netflow_template);
	*netflow_template = calloc(1, sizeof(**netflow_template));
	if (!*netflow_template)
		return DOCA_ERROR_NO_MEMORY;
	(*netflow_template)->id = next_template_id++;
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_netflow_template_destroy(
	struct doca_telemetry_exporter_netflow_template *netflow_template)
{
	free(netflow_template);
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_netflow_template_add_field(
	struct doca_telemetry_exporter_netflow_template *netflow_template,
	struct doca_telemetry_exporter_netflow_flowset_field *field)
{
	DCORE_NOT_NULL(netflow_template);
	DCORE_NOT_NULL(field);
	if (netflow_template->n == FIELDS_MAX || !field->len ||
		netflow_template->record_len + field->len > 1024)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"NetFlow: field %u of %u bytes; a template has at most %d fields and 1024 "
			"bytes",
			field->type, field->len, FIELDS_MAX);
	netflow_template->fields[netflow_template->n++] = *field;
	netflow_template->record_len = (uint16_t)(netflow_template->record_len + field->len);
	free(field);
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_netflow_field_create(
	struct doca_telemetry_exporter_netflow_flowset_field **field)
{
	DCORE_NOT_NULL(field);
	*field = calloc(1, sizeof(**field));
	return *field ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

doca_error_t doca_telemetry_exporter_netflow_field_destroy(
	struct doca_telemetry_exporter_netflow_flowset_field *field)
{
	free(field);
	return DOCA_SUCCESS;
}

void doca_telemetry_exporter_netflow_field_set_type(
	struct doca_telemetry_exporter_netflow_flowset_field *field, uint16_t type)
{
	field->type = type;
}

void doca_telemetry_exporter_netflow_field_set_len(
	struct doca_telemetry_exporter_netflow_flowset_field *field, uint16_t len)
{
	field->len = len;
}

/* ---- datagrams ---- */

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htons(v);
	memcpy(p, &v, 2);
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, 4);
	return p + 4;
}

/* RFC 3954 5.1 and 5.2. `count` is the number of records, the template included. */
static uint8_t *put_head(
	uint8_t *p, const struct doca_telemetry_exporter_netflow_template *t, size_t records)
{
	p = put16(p, 9);
	p = put16(p, (uint16_t)(records + 1));
	p = put32(p, (uint32_t)((clock_now_ns() - nf.start_ns) / NS_PER_MS));
	p = put32(p, (uint32_t)time(NULL));
	p = put32(p, nf.sequence++);
	p = put32(p, nf.source_id);
	p = put16(p, 0); /* flow set of templates */
	p = put16(p, (uint16_t)(8 + 4 * t->n));
	p = put16(p, t->id);
	p = put16(p, t->n);
	for (int i = 0; i < t->n; i++) {
		p = put16(p, t->fields[i].type);
		p = put16(p, t->fields[i].len);
	}
	return p;
}

static doca_error_t send_datagram(
	const struct doca_telemetry_exporter_netflow_template *t, const void **records, size_t n)
{
	static uint8_t packet[PACKET_MAX + 2048];
	uint8_t *p = put_head(packet, t, n);
	size_t data = 4 + n * t->record_len, pad = (4 - data % 4) % 4, len;

	p = put16(p, t->id);
	p = put16(p, (uint16_t)(data + pad));
	for (size_t i = 0; i < n; i++, p += t->record_len)
		memcpy(p, records[i], t->record_len);
	memset(p, 0, pad);
	len = (size_t)(p + pad - packet);
	if (nf.file_fd >= 0 && write(nf.file_fd, packet, len) != (ssize_t)len)
		return dcore_fail(DOCA_ERROR_IO_FAILED, "NetFlow: writing the file: %m");
	/* ECONNREFUSED: an earlier datagram found no collector; the next one may */
	if (nf.sock >= 0 && send(nf.sock, packet, len, 0) < 0 && errno == ECONNREFUSED)
		if (send(nf.sock, packet, len, 0) < 0 && errno != ECONNREFUSED)
			return dcore_fail(DOCA_ERROR_IO_FAILED, "NetFlow: %m");
	return DOCA_SUCCESS;
}

doca_error_t doca_telemetry_exporter_netflow_send(
	const struct doca_telemetry_exporter_netflow_template *netflow_template,
	const void **records, size_t nof_records, size_t *nof_records_sent)
{
	size_t head, per_packet;

	DCORE_NOT_NULL(netflow_template);
	DCORE_NOT_NULL(records);
	DCORE_NOT_NULL(nof_records_sent);
	*nof_records_sent = 0;
	if (!nf.started || !netflow_template->n)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "NetFlow: %s",
			nf.started ? "the template is empty" : "not started");
	head = 20 + 8 + 4u * netflow_template->n + 4;
	if (nf.packet_size < head + netflow_template->record_len)
		return dcore_fail(DOCA_ERROR_TOO_BIG,
			"NetFlow: template and one record need %zu bytes of %u",
			head + netflow_template->record_len, nf.packet_size);
	per_packet = (nf.packet_size - head) / netflow_template->record_len;
	while (*nof_records_sent < nof_records) {
		size_t n = MIN_OF(per_packet, nof_records - *nof_records_sent);
		doca_error_t result =
			send_datagram(netflow_template, records + *nof_records_sent, n);

		if (result != DOCA_SUCCESS)
			return result;
		*nof_records_sent += n;
	}
	return DOCA_SUCCESS;
}
