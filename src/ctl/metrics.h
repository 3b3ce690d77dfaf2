/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics: Prometheus text over HTTP. GET /metrics and nothing else, loopback unless told otherwise.
 *
 *     metrics_create("127.0.0.1:9464", &m);                   port 0 = any, see metrics_port()
 *     metrics_register(m, port_metrics, sw);
 *     epoll_ctl(ep, EPOLL_CTL_ADD, metrics_fd(m), ...);       like ctl_server_fd()
 *     loop: metrics_process(m, clock_now_ns());
 *
 *     static void port_metrics(struct metrics_out *out, void *arg)
 *     {
 *             metrics_family(out, "softdpu_port_rx_packets_total", METRICS_COUNTER, "Packets received");
 *             metrics_value(out, n, "port", "p0", NULL);      labels as name, value, ..., NULL
 *     }
 *
 * A callback writes a family and then its values. Label values are escaped. Names are checked by an
 * assertion: [a-zA-Z_:][a-zA-Z0-9_:]*, counters end in _total.
 *
 * The descriptor becomes readable when a connection has outstayed its time as well, so the owner needs
 * no timer for it.
 *
 * Bounds: METRICS_CONNECTIONS_MAX connections, METRICS_REQUEST_MAX bytes of request, and
 * METRICS_TIMEOUT_NS from connect to close, so a peer that sends or reads slowly is cut off. One answer
 * per connection ("Connection: close"). Same thread rule as ctl.
 */
#ifndef CTL_METRICS_H
#define CTL_METRICS_H

#include "base/base.h"
#include "base/hist.h"

#define METRICS_CONNECTIONS_MAX 16
#define METRICS_REQUEST_MAX 8192
#define METRICS_CALLBACKS_MAX 32
#define METRICS_TIMEOUT_NS (5 * 1000000000ull)

enum metrics_type {
	METRICS_COUNTER,
	METRICS_GAUGE,
	METRICS_HISTOGRAM,
};

struct metrics;
struct metrics_out;

typedef void (*metrics_fn)(struct metrics_out *out, void *arg);

/* "address:port". -EINVAL, -EADDRINUSE and so on with a refusal. */
int metrics_create(const char *listen, struct metrics **m);
void metrics_destroy(struct metrics *m);

int metrics_fd(const struct metrics *m);
uint16_t metrics_port(const struct metrics *m);
void metrics_process(struct metrics *m, uint64_t now_ns);

/* Called in the order of registration at each scrape. -ENOSPC. */
int metrics_register(struct metrics *m, metrics_fn fn, void *arg);

void metrics_family(
	struct metrics_out *out, const char *name, enum metrics_type type, const char *help);
void metrics_value(struct metrics_out *out, double value, ...) __attribute__((sentinel));
void metrics_count(struct metrics_out *out, uint64_t value, ...) __attribute__((sentinel));

/* A histogram of nanoseconds as a Prometheus histogram of seconds, with buckets from 1 us to 10 s.
 * Labels as above. */
void metrics_histogram(struct metrics_out *out, const struct hist *h, ...)
	__attribute__((sentinel));

/* The whole page, as a scrape would see it: for tests and `softdpu`. malloc'ed. */
char *metrics_page(struct metrics *m);

#endif
