/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scrape server and the text it serves (Prometheus exposition format, version 0.0.4). Relies on
 * http.c to say what a request deserves.
 */
#include "ctl/metrics.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/refuse.h"
#include "base/str.h"
#include "ctl/ctl_int.h"

struct metrics_out {
	struct str text;
	char family[128];
	enum metrics_type type;
};

struct scrape {
	struct list link;
	int fd;
	uint64_t end_ns;
	size_t have;
	struct str answer; /* empty: still reading */
	size_t sent;
	char request[METRICS_REQUEST_MAX];
};

struct metrics {
	int epoll_fd, listen_fd, timer_fd;
	uint16_t port;
	struct list scrapes;
	unsigned n_scrapes, n_callbacks;
	struct {
		metrics_fn fn;
		void *arg;
	} callbacks[METRICS_CALLBACKS_MAX];
};

/* --- the text --- */

static bool is_name(const char *name)
{
	if (!*name || isdigit((unsigned char)*name))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && *name != '_' && *name != ':')
			return false;
	return true;
}

void metrics_family(
	struct metrics_out *out, const char *name, enum metrics_type type, const char *help)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};

	assert(is_name(name) && strlen(name) < sizeof(out->family));
	assert(type != METRICS_COUNTER ||
		(strlen(name) > 6 && !strcmp(name + strlen(name) - 6, "_total")));
	assert(!strpbrk(help, "\n\\"));
	strcpy(out->family, name);
	out->type = type;
	str_addf(&out->text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

static void add_label(struct str *s, const char *name, const char *value)
{
	assert(is_name(name));
	str_addf(s, "%s%s=\"", str_len(s) ? "," : "", name);
	for (; *value; value++) {
		if (*value == '\n')
			str_add(s, "\\n");
		else if (*value == '"' || *value == '\\')
			str_addf(s, "\\%c", *value);
		else
			str_add_char(s, *value);
	}
	str_add_char(s, '"');
}

static void add_labels(struct str *s, va_list ap)
{
	const char *name;

	while ((name = va_arg(ap, const char *)))
		add_label(s, name, va_arg(ap, const char *));
}

/* family[suffix]{labels} -- the value follows. */
static void begin_line(struct metrics_out *out, const char *suffix, const struct str *labels)
{
	assert(*out->family);
	str_addf(&out->text, "%s%s", out->family, suffix);
	if (str_len(labels))
		str_addf(&out->text, "{%s}", str_text(labels));
	str_add_char(&out->text, ' ');
}

static void add_double(struct str *s, double value)
{
	if (isnan(value))
		str_add(s, "NaN\n");
	else if (isinf(value))
		str_add(s, value > 0 ? "+Inf\n" : "-Inf\n");
	else
		str_addf(s, "%.17g\n", value);
}

static void begin_value(struct metrics_out *out, va_list ap)
{
	struct str labels = STR_INIT;

	add_labels(&labels, ap);
	begin_line(out, "", &labels);
	str_free(&labels);
}

void metrics_value(struct metrics_out *out, double value, ...)
{
	va_list ap;

	va_start(ap, value);
	begin_value(out, ap);
	va_end(ap);
	add_double(&out->text, value);
}

void metrics_count(struct metrics_out *out, uint64_t value, ...)
{
	va_list ap;

	va_start(ap, value);
	begin_value(out, ap);
	va_end(ap);
	str_addf(&out->text, "%llu\n", (unsigned long long)value);
}

/* One cumulative bucket: records of at most `bound` nanoseconds. */
static void add_bucket(
	struct metrics_out *out, const struct str *labels, const char *le, uint64_t count)
{
	struct str all = STR_INIT;

	str_add(&all, str_text(labels));
	add_label(&all, "le", le);
	begin_line(out, "_bucket", &all);
	str_addf(&out->text, "%llu\n", (unsigned long long)count);
	str_free(&all);
}

void metrics_histogram(struct metrics_out *out, const struct hist *h, ...)
{
	static const unsigned steps[] = {10, 25, 50};
	struct str labels = STR_INIT;
	uint64_t total;
	va_list ap;

	assert(out->type == METRICS_HISTOGRAM);
	va_start(ap, h);
	add_labels(&labels, ap);
	va_end(ap);
	for (uint64_t decade = 100; decade <= NS_PER_SEC / 10; decade *= 10)
		for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
			uint64_t bound = decade * steps[i];
			char le[32];

			snprintf(le, sizeof(le), "%.9g", (double)bound / 1e9);
			add_bucket(out, &labels, le, hist_count_up_to(h, bound));
		}
	total = hist_count_up_to(h, UINT64_MAX);
	add_bucket(out, &labels, "10", hist_count_up_to(h, 10 * NS_PER_SEC));
	add_bucket(out, &labels, "+Inf", total);
	begin_line(out, "_sum", &labels);
	add_double(&out->text, hist_mean(h) * (double)hist_count(h) / 1e9);
	begin_line(out, "_count", &labels);
	str_addf(&out->text, "%llu\n", (unsigned long long)total);
	str_free(&labels);
}

static struct str page_of(struct metrics *m)
{
	struct metrics_out out = {.text = STR_INIT};

	for (unsigned i = 0; i < m->n_callbacks; i++)
		m->callbacks[i].fn(&out, m->callbacks[i].arg);
	return out.text;
}

char *metrics_page(struct metrics *m)
{
	struct str page = page_of(m);

	return str_steal(&page);
}

int metrics_register(struct metrics *m, metrics_fn fn, void *arg)
{
	if (m->n_callbacks == METRICS_CALLBACKS_MAX)
		return refuse(ENOSPC, "metrics: more than %d callbacks", METRICS_CALLBACKS_MAX);
	m->callbacks[m->n_callbacks].fn = fn;
	m->callbacks[m->n_callbacks].arg = arg;
	m->n_callbacks++;
	return 0;
}

/* --- connections --- */

/* Ticks while there are connections, so that a silent one is thrown out in time. */
static void set_timer(struct metrics *m)
{
	struct itimerspec tick = {0};

	if (m->n_scrapes)
		tick.it_interval.tv_sec = tick.it_value.tv_sec = 1;
	timerfd_settime(m->timer_fd, 0, &tick, NULL);
}

static void scrape_free(struct metrics *m, struct scrape *s)
{
	list_remove(&s->link);
	if (--m->n_scrapes == 0)
		set_timer(m);
	close(s->fd);
	str_free(&s->answer);
	free(s);
}

static void accept_one(struct metrics *m, uint64_t now_ns)
{
	int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct epoll_event e = {.events = EPOLLIN};
	struct scrape *s;

	if (fd < 0)
		return;
	s = m->n_scrapes < METRICS_CONNECTIONS_MAX ? calloc(1, sizeof(*s)) : NULL;
	e.data.ptr = s;
	if (!s || epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &e)) {
		close(fd);
		free(s);
		return;
	}
	s->fd = fd;
	s->end_ns = now_ns + METRICS_TIMEOUT_NS;
	list_push_back(&m->scrapes, &s->link);
	if (++m->n_scrapes == 1)
		set_timer(m);
}

static void prepare_answer(struct metrics *m, struct scrape *s, int status, bool head)
{
	struct str page = STR_INIT;

	if (status == 200)
		page = page_of(m);
	else
		str_addf(&page, "%d %s: the page here is GET /metrics\n", status,
			http_status_text(status));
	if (str_failed(&page)) {
		status = 503;
		str_clear(&page);
	}
	str_addf(&s->answer,
		"HTTP/1.1 %d %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n%s\r\n",
		status, http_status_text(status), str_len(&page),
		status == 405 ? "Allow: GET, HEAD\r\n" : "");
	if (!head)
		str_add_bytes(&s->answer, str_text(&page), str_len(&page));
	str_free(&page);
}

/* False: the connection is over. */
static bool read_request(struct metrics *m, struct scrape *s)
{
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = s};
	ssize_t n = recv(s->fd, s->request + s->have, sizeof(s->request) - s->have, MSG_DONTWAIT);
	bool head;
	int status;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		return false;
	s->have += (size_t)n;
	status = http_judge(s->request, s->have, &head);
	if (!status)
		return true;
	prepare_answer(m, s, status, head);
	return !str_failed(&s->answer) && !epoll_ctl(m->epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
}

static bool write_answer(struct scrape *s)
{
	while (s->sent < str_len(&s->answer)) {
		ssize_t n = send(s->fd, str_text(&s->answer) + s->sent,
			str_len(&s->answer) - s->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		s->sent += (size_t)n;
	}
	shutdown(s->fd, SHUT_WR);
	return false;
}

static void on_scrape(struct metrics *m, struct scrape *s, uint32_t events)
{
	bool alive = !(events & EPOLLERR);

	if (alive && !str_len(&s->answer))
		alive = read_request(m, s);
	if (alive && str_len(&s->answer))
		alive = write_answer(s);
	if (!alive)
		scrape_free(m, s);
}

static void expire(struct metrics *m, uint64_t now_ns)
{
	struct scrape *s, *tmp;

	list_for_each_safe(s, tmp, &m->scrapes, link)
		if (now_ns >= s->end_ns)
			scrape_free(m, s);
}

void metrics_process(struct metrics *m, uint64_t now_ns)
{
	struct epoll_event events[METRICS_CONNECTIONS_MAX + 2];
	int n = epoll_wait(m->epoll_fd, events, ARRAY_SIZE(events), 0);
	uint64_t ticks;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &m->listen_fd)
			accept_one(m, now_ns);
		else if (events[i].data.ptr == &m->timer_fd)
			(void)!read(m->timer_fd, &ticks, sizeof(ticks));
		else
			on_scrape(m, events[i].data.ptr, events[i].events);
	}
	expire(m, now_ns);
}

/* --- life --- */

static int listen_on(struct metrics *m, const char *listen_text)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr addr;
	int yes = 1, err = addr_port_parse(listen_text, &addr, &m->port);

	if (err)
		return refuse_more(err, "metrics");
	len = addr_to_sockaddr(&addr, m->port, &ss);
	m->listen_fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listen_fd < 0 ||
		setsockopt(m->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
		bind(m->listen_fd, (struct sockaddr *)&ss, len) || listen(m->listen_fd, 16))
		return refuse(
			errno, "metrics: cannot listen on %s: %s", listen_text, strerror(errno));
	len = sizeof(ss);
	if (!getsockname(m->listen_fd, (struct sockaddr *)&ss, &len))
		addr_from_sockaddr((struct sockaddr *)&ss, &addr, &m->port);
	return 0;
}

static int watch_fds(struct metrics *m)
{
	struct epoll_event listen_event = {.events = EPOLLIN, .data.ptr = &m->listen_fd};
	struct epoll_event timer_event = {.events = EPOLLIN, .data.ptr = &m->timer_fd};

	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->epoll_fd < 0 || m->timer_fd < 0 ||
		epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->listen_fd, &listen_event) ||
		epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->timer_fd, &timer_event))
		return refuse(errno, "metrics: epoll or timer: %s", strerror(errno));
	return 0;
}

int metrics_create(const char *listen_text, struct metrics **out)
{
	struct metrics *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return refuse(ENOMEM, "metrics: no memory");
	m->epoll_fd = m->listen_fd = m->timer_fd = -1;
	list_init(&m->scrapes);
	err = listen_on(m, listen_text);
	if (!err)
		err = watch_fds(m);
	if (err) {
		metrics_destroy(m);
		return err;
	}
	*out = m;
	return 0;
}

void metrics_destroy(struct metrics *m)
{
	struct scrape *s, *tmp;

	if (!m)
		return;
	list_for_each_safe(s, tmp, &m->scrapes, link)
		scrape_free(m, s);
	if (m->listen_fd >= 0)
		close(m->listen_fd);
	if (m->timer_fd >= 0)
		close(m->timer_fd);
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	free(m);
}

int metrics_fd(const struct metrics *m)
{
	return m->epoll_fd;
}

uint16_t metrics_port(const struct metrics *m)
{
	return m->port;
}
