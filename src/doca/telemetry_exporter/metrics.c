/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics. A series is a name with its label text; values are kept, and rendered as Prometheus text at
 * flush and for HTTP requests, which a thread answers.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doca/telemetry_exporter/exporter_int.h"

#define LABELS_MAX 32
#define SETS_MAX 256
#define SERIES_MAX 65536

struct series {
	char *name, *labels;
	bool counter;
	double value;
	uint64_t timestamp_us;
};

struct metrics {
	pthread_mutex_t lock; /* guards series: the HTTP thread reads them */
	struct series *series;
	size_t n, room;
	struct str constant;
	char **names[SETS_MAX];
	size_t n_names[SETS_MAX];
	unsigned n_sets;
	uint64_t interval_us, last_flush_us;
	int http;
	pthread_t thread;
};

static doca_error_t context(const struct doca_telemetry_exporter_source *source)
{
	DCORE_NOT_NULL(source);
	return source->metrics ? DOCA_SUCCESS
			       : dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: no metrics context");
}

static void render(struct metrics *m, struct str *s)
{
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->n; i++) {
		const struct series *x = &m->series[i];

		if (!i || strcmp(x->name, m->series[i - 1].name))
			str_addf(s, "# TYPE %s %s\n", x->name, x->counter ? "counter" : "gauge");
		str_addf(s, "%s%s %.17g %llu\n", x->name, x->labels, x->value,
			(unsigned long long)(x->timestamp_us / 1000));
	}
	pthread_mutex_unlock(&m->lock);
}

/* ---- HTTP ---- */

static void answer(struct metrics *m, int sock)
{
	char request[1024];
	struct str body = STR_INIT, head = STR_INIT;
	ssize_t n = recv(sock, request, sizeof(request) - 1, 0);
	bool ok = n > 12 && !memcmp(request, "GET /metrics", 12);

	if (ok)
		render(m, &body);
	str_addf(&head,
		"HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: "
		"%zu\r\nConnection: close\r\n\r\n",
		ok ? "200 OK" : "404 Not Found", str_len(&body));
	if (send(sock, str_text(&head), str_len(&head), MSG_NOSIGNAL) > 0 && str_len(&body))
		n = send(sock, str_text(&body), str_len(&body), MSG_NOSIGNAL);
	str_free(&head);
	str_free(&body);
	close(sock);
}

static void *serve(void *arg)
{
	struct timeval patience = {.tv_sec = 2};
	struct metrics *m = arg;
	int sock;

	while ((sock = accept4(m->http, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		answer(m, sock);
	}
	return NULL;
}

/* "localhost:9090" or "http://0.0.0.0:9090". */
static doca_error_t start_http(struct metrics *m, const char *endpoint)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *a;
	char host[256];
	const char *colon;
	int one = 1;

	if (!strncmp(endpoint, "http://", 7))
		endpoint += 7;
	colon = strrchr(endpoint, ':');
	if (!colon || (size_t)(colon - endpoint) >= sizeof(host))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"PROMETHEUS_ENDPOINT '%s': HOST:PORT is needed", endpoint);
	snprintf(host, sizeof(host), "%.*s", (int)(colon - endpoint), endpoint);
	if (getaddrinfo(host, colon + 1, &hints, &a))
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "PROMETHEUS_ENDPOINT '%s': no such address",
			endpoint);
	m->http = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(m->http, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (m->http < 0 || bind(m->http, a->ai_addr, a->ai_addrlen) < 0 ||
		listen(m->http, 16) < 0 || pthread_create(&m->thread, NULL, serve, m)) {
		doca_error_t result =
			dcore_fail(DOCA_ERROR_IO_FAILED, "PROMETHEUS_ENDPOINT '%s': %m", endpoint);

		if (m->http >= 0)
			close(m->http);
		m->http = -1;
		freeaddrinfo(a);
		return result;
	}
	freeaddrinfo(a);
	return DOCA_SUCCESS;
}

/* ---- life ---- */

doca_error_t doca_telemetry_exporter_metrics_create_context(
	struct doca_telemetry_exporter_source *source)
{
	const char *endpoint = getenv("PROMETHEUS_ENDPOINT");
	doca_error_t result = DOCA_SUCCESS;
	struct metrics *m;

	DCORE_NOT_NULL(source);
	if (!source->started || source->metrics)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "telemetry: the source %s",
			source->started ? "has a metrics context" : "is not started");
	m = calloc(1, sizeof(*m));
	if (!m)
		return DOCA_ERROR_NO_MEMORY;
	pthread_mutex_init(&m->lock, NULL);
	m->http = -1;
	m->n_sets = 1; /* set 0: no labels */
	m->interval_us = 1000000;
	if (endpoint && *endpoint)
		result = start_http(m, endpoint);
	if (result != DOCA_SUCCESS)
		metrics_free(m);
	else
		source->metrics = m;
	return result;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	if (metrics->http >= 0) {
		shutdown(metrics->http, SHUT_RDWR);
		pthread_join(metrics->thread, NULL);
		close(metrics->http);
	}
	for (size_t i = 0; i < metrics->n; i++) {
		free(metrics->series[i].name);
		free(metrics->series[i].labels);
	}
	for (unsigned i = 0; i < metrics->n_sets; i++) {
		for (size_t k = 0; k < metrics->n_names[i]; k++)
			free(metrics->names[i][k]);
		free(metrics->names[i]);
	}
	free(metrics->series);
	str_free(&metrics->constant);
	pthread_mutex_destroy(&metrics->lock);
	free(metrics);
}

doca_error_t doca_telemetry_exporter_metrics_destroy_context(
	struct doca_telemetry_exporter_source *source)
{
	doca_error_t result = context(source);

	if (result != DOCA_SUCCESS)
		return result;
	result = doca_telemetry_exporter_metrics_flush(source);
	metrics_free(source->metrics);
	source->metrics = NULL;
	return result;
}

doca_error_t doca_telemetry_exporter_metrics_set_flush_interval_ms(
	struct doca_telemetry_exporter_source *source, uint32_t interval_ms)
{
	doca_error_t result = context(source);

	if (result == DOCA_SUCCESS)
		source->metrics->interval_us = (uint64_t)interval_ms * 1000;
	return result;
}

doca_error_t doca_telemetry_exporter_metrics_flush(struct doca_telemetry_exporter_source *source)
{
	doca_error_t result = context(source);
	struct str s = STR_INIT;
	char path[1024];
	FILE *f;

	if (result != DOCA_SUCCESS || !source->schema->file)
		return result;
	render(source->metrics, &s);
	output_path(source, ".prom", path, sizeof(path));
	f = fopen(path, "we");
	if (!f || fwrite(str_text(&s), 1, str_len(&s), f) != str_len(&s))
		result = dcore_fail(DOCA_ERROR_IO_FAILED, "telemetry: %s: %m", path);
	if (f)
		fclose(f);
	str_free(&s);
	return result;
}

/* ---- labels ---- */

static void add_label(struct str *s, const char *name, const char *value)
{
	str_addf(s, "%s%s=", str_len(s) ? "," : "", name);
	json_text(s, value, strlen(value));
}

doca_error_t doca_telemetry_exporter_metrics_add_constant_label(
	struct doca_telemetry_exporter_source *source, const char *name, const char *value)
{
	doca_error_t result = context(source);

	DCORE_NOT_NULL(name);
	DCORE_NOT_NULL(value);
	if (result == DOCA_SUCCESS)
		add_label(&source->metrics->constant, name, value);
	return result;
}

doca_error_t doca_telemetry_exporter_metrics_add_label_names(
	struct doca_telemetry_exporter_source *source, const char **label_names, size_t num_labels,
	doca_telemetry_exporter_label_set_id_t *label_set_id)
{
	doca_error_t result = context(source);
	struct metrics *m;

	DCORE_NOT_NULL(label_names);
	DCORE_NOT_NULL(label_set_id);
	if (result != DOCA_SUCCESS)
		return result;
	m = source->metrics;
	if (!num_labels || num_labels > LABELS_MAX || m->n_sets == SETS_MAX)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"telemetry: %zu labels, set %u; at most %d and %d", num_labels, m->n_sets,
			LABELS_MAX, SETS_MAX);
	m->names[m->n_sets] = calloc(num_labels, sizeof(char *));
	if (!m->names[m->n_sets])
		return DOCA_ERROR_NO_MEMORY;
	for (size_t i = 0; i < num_labels; i++)
		m->names[m->n_sets][i] = strdup(label_names[i]);
	m->n_names[m->n_sets] = num_labels;
	*label_set_id = m->n_sets++;
	return DOCA_SUCCESS;
}

/* ---- values ---- */

static struct series *find(struct metrics *m, const char *name, const char *labels)
{
	struct series *more;
	size_t at = m->n;

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->series[i].name, name))
			continue;
		if (!strcmp(m->series[i].labels, labels))
			return &m->series[i];
		at = i + 1; /* series of one name stay together */
	}
	if (m->n == SERIES_MAX)
		return NULL;
	if (m->n == m->room) {
		more = realloc(m->series, (m->room * 2 + 16) * sizeof(*more));
		if (!more)
			return NULL;
		m->series = more;
		m->room = m->room * 2 + 16;
	}
	memmove(&m->series[at + 1], &m->series[at], (m->n - at) * sizeof(*m->series));
	m->series[at] = (struct series){.name = strdup(name), .labels = strdup(labels)};
	m->n++;
	return &m->series[at];
}

static doca_error_t set(struct doca_telemetry_exporter_source *source, uint64_t timestamp,
	const char *name, double value, bool counter, bool add, uint64_t set_id,
	const char **values)
{
	doca_error_t result = context(source);
	struct str labels = STR_INIT, text = STR_INIT;
	struct metrics *m;
	struct series *x;

	DCORE_NOT_NULL(name);
	if (result != DOCA_SUCCESS)
		return result;
	m = source->metrics;
	if (set_id >= m->n_sets || (m->n_names[set_id] && !values))
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "telemetry: metric %s: label set %llu",
			name, (unsigned long long)set_id);
	str_add(&labels, str_text(&m->constant));
	for (size_t i = 0; i < m->n_names[set_id]; i++)
		add_label(&labels, m->names[set_id][i], values[i]);
	if (str_len(&labels))
		str_addf(&text, "{%s}", str_text(&labels));
	pthread_mutex_lock(&m->lock);
	x = find(m, name, str_text(&text));
	if (x) {
		x->counter = counter;
		x->value = add ? x->value + value : value;
		x->timestamp_us = timestamp;
	}
	pthread_mutex_unlock(&m->lock);
	str_free(&labels);
	str_free(&text);
	if (!x)
		return dcore_fail(DOCA_ERROR_FULL, "telemetry: more than %d series", SERIES_MAX);
	if (timestamp - m->last_flush_us < m->interval_us)
		return DOCA_SUCCESS;
	m->last_flush_us = timestamp;
	return doca_telemetry_exporter_metrics_flush(source);
}

doca_error_t doca_telemetry_exporter_metrics_add_counter(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, uint64_t value,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values)
{
	return set(source, timestamp, name, (double)value, true, false, label_set_id, label_values);
}

doca_error_t doca_telemetry_exporter_metrics_add_counter_increment(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, uint64_t increment,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values)
{
	return set(
		source, timestamp, name, (double)increment, true, true, label_set_id, label_values);
}

doca_error_t doca_telemetry_exporter_metrics_add_gauge(
	struct doca_telemetry_exporter_source *source,
	doca_telemetry_exporter_timestamp_t timestamp, const char *name, double value,
	doca_telemetry_exporter_label_set_id_t label_set_id, const char **label_values)
{
	return set(source, timestamp, name, value, false, false, label_set_id, label_values);
}
