/* SPDX-License-Identifier: BSD-3-Clause */
/* Servers, listeners, and which reactor a new connection goes to. */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvmf/rdma.h"
#include "nvmf/tcp.h"

LOG_MODULE("nvmf.server");

struct nvmf_listener {
	struct list node;
	struct nvmf_server *server;
	struct rdma_listener *rdma; /* an RDMA listener is this and nothing of the rest but port */
	struct nvme_port *port;
	struct reactor *reactor;
	int fd;
	struct reactor_op accept_op;
	bool armed, closing, gone;
	struct reactor_timer retry; /* out of file descriptors: try again, do not spin */
};

struct newcomer {
	struct reactor_msg msg;
	struct nvmf_server *server;
	struct tcp_group *group;
	struct nvme_port *port;
	int fd;
	char local[64];
};

/* --- server --- */

static void set_defaults(struct nvmf_server_options *o)
{
	o->in_capsule_bytes = o->in_capsule_bytes ? MIN_OF(o->in_capsule_bytes, TCP_IN_CAPSULE_MAX) : 16384;
	o->in_capsule_bytes = o->in_capsule_bytes / 16 * 16;
	o->max_connections = o->max_connections ? o->max_connections : 4096;
	o->held_bytes = o->held_bytes ? MAX_OF(o->held_bytes, REACTOR_BUF_MAX) : 16u << 20;
	o->hello_ms = o->hello_ms ? o->hello_ms : 10000;
	o->stall_ms = o->stall_ms ? o->stall_ms : 30000;
}

int nvmf_server_create(const struct nvmf_server_options *options, struct nvmf_server **out)
{
	struct nvmf_server *s = calloc(1, sizeof(*s));
	struct reactor *const *reactors;

	if (!s)
		return -ENOMEM;
	s->options = *options;
	set_defaults(&s->options);
	s->ops = (struct nvme_transport_ops){.trtype = NVME_TRTYPE_TCP,
		.in_capsule_bytes = s->options.in_capsule_bytes, .complete = tcp_complete,
		.disconnect = tcp_disconnect, .find = tcp_find};
	list_init(&s->listeners);
	s->group_count = nvme_target_reactors(options->target, &reactors);
	s->groups = calloc(s->group_count, sizeof(*s->groups));
	if (!s->groups) {
		free(s);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < s->group_count; i++) {
		s->groups[i].server = s;
		s->groups[i].reactor = reactors[i];
		s->groups[i].timer.fire = tcp_group_tick;
		list_init(&s->groups[i].conns);
	}
	*out = s;
	return 0;
}

static uint32_t connections(const struct nvmf_server *s)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < s->group_count; i++)
		n += __atomic_load_n(&s->groups[i].connections, __ATOMIC_ACQUIRE);
	return n;
}

static void close_group(void *arg)
{
	struct tcp_group *g = arg;
	struct tcp_conn *c, *next;

	list_for_each_safe (c, next, &g->conns, node)
		tcp_conn_close(c);
}

void nvmf_server_destroy(struct nvmf_server *s)
{
	if (!s)
		return;
	while (!list_is_empty(&s->listeners))
		nvmf_listener_close(list_entry(s->listeners.next, struct nvmf_listener, node));
	while (connections(s)) {
		for (unsigned i = 0; i < s->group_count; i++)
			reactor_call(s->groups[i].reactor, close_group, &s->groups[i]);
		for (unsigned i = 0; i < s->group_count; i++)
			reactor_help(s->groups[i].reactor);
	}
	free(s->groups);
	free(s);
}

void nvmf_server_stats(const struct nvmf_server *s, struct nvmf_server_stats *out)
{
	*out = (struct nvmf_server_stats){.connections = connections(s),
		.refused = __atomic_load_n(&s->refused, __ATOMIC_RELAXED)};
	for (unsigned i = 0; i < s->group_count; i++) {
		const struct nvmf_server_stats *g = &s->groups[i].stats;

		out->accepted += g->accepted;
		out->closed += g->closed;
		out->protocol_errors += g->protocol_errors;
		out->digest_errors += g->digest_errors;
		out->timeouts += g->timeouts;
		out->waits += g->waits;
	}
}

/* --- new connections --- */

static struct tcp_group *least_busy(struct nvmf_server *s)
{
	struct tcp_group *best = &s->groups[s->next_group++ % s->group_count];

	for (unsigned i = 0; i < s->group_count; i++)
		if (s->groups[i].connections < best->connections)
			best = &s->groups[i];
	return best;
}

static void greet(struct reactor_msg *msg)
{
	struct newcomer *n = container_of(msg, struct newcomer, msg);
	struct stream *stream;

	if (stream_socket(n->group->reactor, n->fd, &stream))
		log_err("a new connection cannot be served: %s", refusal());
	else
		nvmf_attach(n->server, n->group->reactor, n->port, stream, n->local);
	nvme_port_put(n->port);
	free(n);
}

/* The address the host reached us by: what a wildcard port is told as in the discovery log. */
static void local_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) ||
		getnameinfo((struct sockaddr *)&ss, len, out, (socklen_t)size, NULL, 0, NI_NUMERICHOST))
		out[0] = '\0';
}

static void accepted(struct nvmf_listener *l, int fd)
{
	struct nvmf_server *s = l->server;
	struct newcomer *n;

	if (connections(s) >= s->options.max_connections || !(n = calloc(1, sizeof(*n)))) {
		__atomic_add_fetch(&s->refused, 1, __ATOMIC_RELAXED);
		close(fd);
		return;
	}
	*n = (struct newcomer){.msg.run = greet, .server = s, .group = least_busy(s), .port = l->port, .fd = fd};
	local_address(fd, n->local, sizeof(n->local));
	nvme_port_get(n->port);
	reactor_send(n->group->reactor, &n->msg);
}

static void arm(struct nvmf_listener *l)
{
	io_uring_prep_multishot_accept(reactor_sqe(l->reactor, &l->accept_op), l->fd, NULL, NULL, SOCK_CLOEXEC);
	l->armed = true;
}

static void retry(struct reactor_timer *timer)
{
	struct nvmf_listener *l = container_of(timer, struct nvmf_listener, retry);

	if (!l->closing)
		arm(l);
}

static void accept_done(struct reactor_op *op, int res, uint32_t flags)
{
	struct nvmf_listener *l = container_of(op, struct nvmf_listener, accept_op);

	if (res >= 0)
		accepted(l, res);
	if (flags & IORING_CQE_F_MORE)
		return;
	l->armed = false;
	if (l->closing)
		l->gone = true;
	else if (res == -EMFILE || res == -ENFILE || res == -ENOMEM || res == -ENOBUFS)
		reactor_timer_arm(l->reactor, &l->retry, reactor_now(l->reactor) + 100 * NS_PER_MS);
	else
		arm(l);
}

/* --- listeners --- */

static int bind_to(const struct nvme_port_config *config, int *fd)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM}, *ai;
	int one = 1, err = getaddrinfo(config->traddr[0] ? config->traddr : NULL, config->trsvcid, &hints, &ai);

	if (err)
		return refuse(EINVAL, "listen on %s:%s: %s (a numeric address and port are needed)",
			config->traddr, config->trsvcid, gai_strerror(err));
	*fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	err = *fd < 0 || bind(*fd, ai->ai_addr, ai->ai_addrlen) || listen(*fd, 512) ? errno : 0;
	freeaddrinfo(ai);
	if (!err)
		return 0;
	if (*fd >= 0)
		close(*fd);
	return refuse(err, "listen on %s:%s: %s", config->traddr, config->trsvcid, strerror(err));
}

static void real_service(int fd, char out[8])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!getsockname(fd, (struct sockaddr *)&ss, &len))
		getnameinfo((struct sockaddr *)&ss, len, NULL, 0, out, 8, NI_NUMERICSERV);
}

static void start(void *arg)
{
	arm(arg);
}

static int listen_rdma(struct nvmf_server *s, const struct nvme_port_config *config, struct nvmf_listener **out)
{
	struct nvmf_listener *l = calloc(1, sizeof(*l));
	struct reactor *r = s->groups[s->next_group++ % s->group_count].reactor;
	int err = l ? rdma_listener_open(s, s->options.target, r, config, &l->rdma) : -ENOMEM;

	if (err) {
		free(l);
		return err;
	}
	l->server = s;
	l->port = l->rdma->port;
	list_push_back(&s->listeners, &l->node);
	*out = l;
	return 0;
}

int nvmf_listen(struct nvmf_server *s, const struct nvme_port_config *config, struct nvmf_listener **out)
{
	struct nvme_port_config real = *config;
	struct nvmf_listener *l;
	char service[8] = "";
	int err;

	if (config->trtype == NVME_TRTYPE_RDMA)
		return listen_rdma(s, config, out);
	l = calloc(1, sizeof(*l));
	err = l ? 0 : -ENOMEM;
	if (!err && config->trtype != NVME_TRTYPE_TCP)
		err = refuse(EOPNOTSUPP, "listen on %s: transport type %u is not available here", config->traddr,
			config->trtype);
	if (!err)
		err = bind_to(config, &l->fd);
	if (err) {
		free(l);
		return err;
	}
	real_service(l->fd, service);
	real.trsvcid = service;
	real.adrfam = strchr(config->traddr, ':') ? NVME_ADRFAM_IPV6 : NVME_ADRFAM_IPV4;
	err = nvme_port_add(s->options.target, &real, &l->port);
	if (err) {
		close(l->fd);
		free(l);
		return err;
	}
	l->server = s;
	l->reactor = s->groups[0].reactor;
	l->accept_op.done = accept_done;
	l->retry.fire = retry;
	list_push_back(&s->listeners, &l->node);
	reactor_call(l->reactor, start, l);
	*out = l;
	return 0;
}

struct nvme_port *nvmf_listener_port(const struct nvmf_listener *l)
{
	return l->port;
}

static void stop(void *arg)
{
	struct nvmf_listener *l = arg;

	l->closing = true;
	reactor_timer_cancel(l->reactor, &l->retry);
	if (l->armed)
		io_uring_prep_cancel(reactor_sqe(l->reactor, NULL), &l->accept_op, 0);
	else
		l->gone = true;
}

void nvmf_listener_close(struct nvmf_listener *l)
{
	if (!l)
		return;
	if (l->rdma) {
		rdma_listener_close(l->rdma);
		list_remove(&l->node);
		free(l);
		return;
	}
	reactor_call(l->reactor, stop, l);
	while (!__atomic_load_n(&l->gone, __ATOMIC_ACQUIRE))
		reactor_help(l->reactor);
	close(l->fd);
	list_remove(&l->node);
	nvme_port_remove(l->port);
	free(l);
}
