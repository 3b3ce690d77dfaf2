/* SPDX-License-Identifier: BSD-3-Clause */
/* Telemetry: files read back, NetFlow datagrams parsed by RFC 3954, metrics fetched over HTTP. */
#include "fixture.h"

#include <arpa/inet.h>
#include <glob.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doca_telemetry_exporter.h>
#include <doca_telemetry_exporter_netflow.h>

static char root[] = "/tmp/core-telemetry-XXXXXX";

struct event {
	uint64_t when;
	int32_t number;
	double ratio;
	uint8_t bytes[3];
	char text[16];
} __attribute__((packed));

static void add_field(
	struct doca_telemetry_exporter_type *type, const char *name, const char *kind, uint16_t len)
{
	struct doca_telemetry_exporter_field *field;

	OK(doca_telemetry_exporter_field_create(&field));
	doca_telemetry_exporter_field_set_name(field, name);
	doca_telemetry_exporter_field_set_type_name(field, kind);
	doca_telemetry_exporter_field_set_array_len(field, len);
	OK(doca_telemetry_exporter_type_add_field(type, field));
}

static struct doca_telemetry_exporter_schema *make_schema(const char *name)
{
	struct doca_telemetry_exporter_schema *schema;

	OK(doca_telemetry_exporter_schema_init(name, &schema));
	OK(doca_telemetry_exporter_schema_set_buf_data_root(schema, root));
	OK(doca_telemetry_exporter_schema_set_file_write_enabled(schema));
	return schema;
}

static struct doca_telemetry_exporter_source *make_source(
	struct doca_telemetry_exporter_schema *schema)
{
	struct doca_telemetry_exporter_source *source;

	OK(doca_telemetry_exporter_schema_start(schema));
	OK(doca_telemetry_exporter_source_create(schema, &source));
	FAILS(DOCA_ERROR_BAD_STATE, doca_telemetry_exporter_source_start(source));
	doca_telemetry_exporter_source_set_id(source, "src");
	doca_telemetry_exporter_source_set_tag(source, "tag");
	OK(doca_telemetry_exporter_source_start(source));
	return source;
}

static char *read_back(const char *pattern)
{
	static char text[8192];
	char path[256];
	glob_t g;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", root, pattern);
	assert_int_equal(glob(path, 0, NULL, &g), 0);
	assert_int_equal(g.gl_pathc, 1);
	f = fopen(g.gl_pathv[0], "r");
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	globfree(&g);
	return text;
}

static void events_become_json_lines(void **state)
{
	struct doca_telemetry_exporter_schema *schema = make_schema("events");
	struct doca_telemetry_exporter_source *source;
	struct doca_telemetry_exporter_type *type;
	struct event e[2] = {{17, -5, 0.5, {1, 2, 255}, "say \"hi\"\n"},
		{18, 6, -2, {0, 0, 0}, "exactly16bytes.."}};
	doca_telemetry_exporter_type_index_t index;

	OK(doca_telemetry_exporter_type_create(&type));
	add_field(type, "when", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_TIMESTAMP, 1);
	add_field(type, "number", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_INT32, 1);
	add_field(type, "ratio", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_DOUBLE, 1);
	add_field(type, "bytes", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_UINT8, 3);
	add_field(type, "text", DOCA_TELEMETRY_EXPORTER_FIELD_TYPE_CHAR, 16);
	OK(doca_telemetry_exporter_schema_add_type(schema, "event", type, &index));
	FAILS(DOCA_ERROR_IN_USE, doca_telemetry_exporter_type_destroy(type));
	source = make_source(schema);
	FAILS(DOCA_ERROR_BAD_STATE, doca_telemetry_exporter_schema_set_ipc_enabled(schema));
	OK(doca_telemetry_exporter_source_report(source, index, e, 2));
	FAILS(DOCA_ERROR_INVALID_VALUE, doca_telemetry_exporter_source_report(source, 9, e, 1));
	FAILS(DOCA_ERROR_IN_USE, doca_telemetry_exporter_schema_destroy(schema));
	OK(doca_telemetry_exporter_source_flush(source));
	assert_string_equal(read_back("events/src_tag-*.jsonl"),
		"{\"type\":\"event\",\"when\":17,\"number\":-5,\"ratio\":0.5,\"bytes\":[1,2,255],"
		"\"text\":\"say \\\"hi\\\"\\u000a\"}\n"
		"{\"type\":\"event\",\"when\":18,\"number\":6,\"ratio\":-2,\"bytes\":[0,0,0],"
		"\"text\":\"exactly16bytes..\"}\n");
	OK(doca_telemetry_exporter_source_destroy(source));
	OK(doca_telemetry_exporter_schema_destroy(schema));
}

static void metrics_are_served(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(19483)};
	const char *names[] = {"port", "dir"}, *values[] = {"p0", "rx"};
	struct doca_telemetry_exporter_schema *schema;
	struct doca_telemetry_exporter_source *source;
	doca_telemetry_exporter_label_set_id_t set;
	char text[4096];
	int sock, n, len = 0;

	setenv("PROMETHEUS_ENDPOINT", "127.0.0.1:19483", 1);
	schema = make_schema("metrics");
	source = make_source(schema);
	OK(doca_telemetry_exporter_metrics_create_context(source));
	OK(doca_telemetry_exporter_metrics_add_constant_label(source, "host", "a\"b"));
	OK(doca_telemetry_exporter_metrics_add_label_names(source, names, 2, &set));
	OK(doca_telemetry_exporter_metrics_add_counter(source, 5000, "pkts", 40, set, values));
	OK(doca_telemetry_exporter_metrics_add_gauge(source, 6000, "load", 0.25, 0, NULL));
	OK(doca_telemetry_exporter_metrics_add_counter_increment(
		source, 7000, "pkts", 2, set, values));
	FAILS(DOCA_ERROR_INVALID_VALUE,
		doca_telemetry_exporter_metrics_add_gauge(source, 1, "x", 1, 99, NULL));
	sock = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	assert_int_equal(connect(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_true(write(sock, "GET /metrics HTTP/1.1\r\n\r\n", 25) == 25);
	while ((n = (int)read(sock, text + len, sizeof(text) - 1 - (size_t)len)) > 0)
		len += n;
	text[len] = '\0';
	close(sock);
	assert_non_null(strstr(text, "200 OK"));
	assert_non_null(strstr(
		text, "# TYPE pkts counter\npkts{host=\"a\\\"b\",port=\"p0\",dir=\"rx\"} 42 7\n"));
	assert_non_null(strstr(text, "# TYPE load gauge\nload{host=\"a\\\"b\"} 0.25 6\n"));
	OK(doca_telemetry_exporter_metrics_destroy_context(source));
	assert_non_null(strstr(read_back("metrics/src_tag.prom"), "} 42 7\n"));
	OK(doca_telemetry_exporter_source_destroy(source));
	OK(doca_telemetry_exporter_schema_destroy(schema));
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void netflow_datagrams_parse(void **state)
{
	static const uint16_t types[][2] = {{DOCA_TELEMETRY_EXPORTER_NETFLOW_IPV4_SRC_ADDR, 4},
		{DOCA_TELEMETRY_EXPORTER_NETFLOW_L4_SRC_PORT, 2},
		{DOCA_TELEMETRY_EXPORTER_NETFLOW_PROTOCOL, 1}};
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t alen = sizeof(a);
	struct doca_telemetry_exporter_netflow_template *t;
	uint8_t record[500][7], packet[2000];
	const void *records[500];
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	size_t sent, seen = 0;

	inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
	assert_int_equal(bind(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(sock, (struct sockaddr *)&a, &alen);
	OK(doca_telemetry_exporter_netflow_template_create(&t));
	for (int i = 0; i < 3; i++) {
		struct doca_telemetry_exporter_netflow_flowset_field *field;

		OK(doca_telemetry_exporter_netflow_field_create(&field));
		doca_telemetry_exporter_netflow_field_set_type(field, types[i][0]);
		doca_telemetry_exporter_netflow_field_set_len(field, types[i][1]);
		OK(doca_telemetry_exporter_netflow_template_add_field(t, field));
	}
	for (int i = 0; i < 500; i++) {
		for (int k = 0; k < 7; k++)
			record[i][k] = (uint8_t)(i * 7 + k);
		records[i] = record[i];
	}
	FAILS(DOCA_ERROR_BAD_STATE, doca_telemetry_exporter_netflow_send(t, records, 1, &sent));
	OK(doca_telemetry_exporter_netflow_init(111));
	doca_telemetry_exporter_netflow_set_collector_addr("127.0.0.1");
	doca_telemetry_exporter_netflow_set_collector_port(ntohs(a.sin_port));
	OK(doca_telemetry_exporter_netflow_start());
	OK(doca_telemetry_exporter_netflow_send(t, records, 500, &sent));
	assert_int_equal(sent, 500);
	for (unsigned sequence = 0; seen < 500; sequence++) {
		ssize_t len = recv(sock, packet, sizeof(packet), 0);
		size_t count, set_len;
		const uint8_t *data;

		assert_true(len > 40 && len <= 1400);
		assert_int_equal(get16(packet), 9);
		count = (size_t)get16(packet + 2) - 1;
		assert_int_equal(get16(packet + 14), sequence);
		assert_int_equal(get16(packet + 18), 111);
		assert_int_equal(get16(packet + 20), 0);      /* template flow set */
		assert_int_equal(get16(packet + 22), 8 + 12); /* its length */
		assert_int_equal(get16(packet + 26), 3);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(get16(packet + 28 + 4 * i), types[i][0]);
			assert_int_equal(get16(packet + 30 + 4 * i), types[i][1]);
		}
		data = packet + 40;
		set_len = get16(data + 2);
		assert_int_equal(get16(data), get16(packet + 24)); /* the template's id */
		assert_int_equal(set_len % 4, 0);
		assert_int_equal(40 + set_len, len);
		for (size_t i = 0; i < count; i++)
			assert_memory_equal(data + 4 + 7 * i, record[seen + i], 7);
		seen += count;
	}
	OK(doca_telemetry_exporter_netflow_template_destroy(t));
	OK(doca_telemetry_exporter_netflow_destroy());
	close(sock);
}

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_become_json_lines),
		cmocka_unit_test(metrics_are_served),
		cmocka_unit_test(netflow_datagrams_parse),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
