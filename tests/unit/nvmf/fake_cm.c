/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection manager: ids, events, who connects to whom. */
#include "fake_rdma_int.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/base.h"

struct rdma_event_channel *rdma_create_event_channel(void)
{
	struct channel *c;

	if (fake_call_fails())
		return NULL;
	c = fake_make(sizeof(*c));
	c->c.fd = eventfd(0, EFD_NONBLOCK);
	list_init(&c->events);
	return &c->c;
}

void rdma_destroy_event_channel(struct rdma_event_channel *channel)
{
	struct channel *c = container_of(channel, struct channel, c);

	assert(list_is_empty(&c->events));
	close(c->c.fd);
	fake_unmake(c);
}

static struct event *tell(struct id *id, enum rdma_cm_event_type type)
{
	struct channel *c = container_of(id->id.channel, struct channel, c);
	struct event *e = calloc(1, sizeof(*e));

	assert(e);
	e->e.id = &id->id;
	e->e.event = type;
	list_push_back(&c->events, &e->node);
	fake_bell(c->c.fd);
	return e;
}

int rdma_create_id(struct rdma_event_channel *channel, struct rdma_cm_id **id, void *context, enum rdma_port_space ps)
{
	struct id *i;

	if (fake_call_fails())
		return -1;
	i = fake_make(sizeof(*i));
	i->id.channel = channel;
	i->id.context = context;
	*id = &i->id;
	return 0;
}

/* The connection is over: who has not heard of it does. */
static void hang_up(struct id *id)
{
	if (id && id->connected && !id->told) {
		id->told = true;
		tell(id, RDMA_CM_EVENT_DISCONNECTED);
	}
}

static void leave(struct id *id)
{
	struct id *peer = id->peer;

	id->peer = NULL;
	if (!peer)
		return;
	peer->peer = NULL;
	if (!peer->connected && !peer->told) { /* it was still asking */
		peer->told = true;
		tell(peer, RDMA_CM_EVENT_UNREACHABLE);
	}
	hang_up(peer);
}

int rdma_destroy_id(struct rdma_cm_id *id)
{
	struct id *i = container_of(id, struct id, id);
	struct channel *c = container_of(id->channel, struct channel, c);
	struct event *e, *next;

	assert(!id->qp && !i->unacked); /* the real one waits for ever */
	leave(i);
	for (unsigned l = 0; l < LISTENERS_MAX; l++)
		if (fake_net.listeners[l] == i)
			fake_net.listeners[l] = NULL;
	list_for_each_safe (e, next, &c->events, node) {
		if (e->e.id != id && e->e.listen_id != id)
			continue;
		list_remove(&e->node);
		if (e->e.listen_id == id)
			rdma_destroy_id(e->e.id);
		free(e);
	}
	fake_unmake(i);
	return 0;
}

int rdma_bind_addr(struct rdma_cm_id *id, struct sockaddr *addr)
{
	memcpy(&id->route.addr.src_storage, addr, sizeof(struct sockaddr_in));
	return fake_call_fails() ? -1 : 0;
}

int rdma_listen(struct rdma_cm_id *id, int backlog)
{
	unsigned l = 0;

	while (l < LISTENERS_MAX && fake_net.listeners[l])
		l++;
	assert(l < LISTENERS_MAX);
	fake_net.listeners[l] = container_of(id, struct id, id);
	return 0;
}

static int next_step(struct rdma_cm_id *id, enum rdma_cm_event_type good, enum rdma_cm_event_type bad)
{
	if (fake_call_fails())
		return -1;
	tell(container_of(id, struct id, id), fake_move_fails(fake_net.faults.refuse) ? bad : good);
	return 0;
}

int rdma_resolve_addr(struct rdma_cm_id *id, struct sockaddr *src, struct sockaddr *dst, int timeout_ms)
{
	memcpy(&id->route.addr.dst_storage, dst, sizeof(struct sockaddr_in));
	id->verbs = &fake_verbs;
	return next_step(id, RDMA_CM_EVENT_ADDR_RESOLVED, RDMA_CM_EVENT_ADDR_ERROR);
}

int rdma_resolve_route(struct rdma_cm_id *id, int timeout_ms)
{
	return next_step(id, RDMA_CM_EVENT_ROUTE_RESOLVED, RDMA_CM_EVENT_ROUTE_ERROR);
}

static struct id *listener_at(const struct sockaddr_in *where)
{
	for (unsigned l = 0; l < LISTENERS_MAX; l++)
		if (fake_net.listeners[l] && fake_net.listeners[l]->id.route.addr.src_sin.sin_port == where->sin_port)
			return fake_net.listeners[l];
	return NULL;
}

int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct id *mine = container_of(id, struct id, id), *child, *listener = listener_at(&id->route.addr.dst_sin);
	struct event *e;

	if (fake_call_fails())
		return -1;
	if (!listener || fake_move_fails(fake_net.faults.refuse)) {
		tell(mine, RDMA_CM_EVENT_REJECTED);
		return 0;
	}
	child = fake_make(sizeof(*child));
	child->id.channel = listener->id.channel;
	child->id.context = listener->id.context;
	child->id.verbs = &fake_verbs;
	child->id.route.addr.src_sin = listener->id.route.addr.src_sin;
	child->peer = mine;
	mine->peer = child;
	e = tell(child, RDMA_CM_EVENT_CONNECT_REQUEST);
	e->e.listen_id = &listener->id;
	e->e.param.conn = *param;
	assert(param->private_data_len <= sizeof(e->private_data));
	memcpy(e->private_data, param->private_data, param->private_data_len);
	e->e.param.conn.private_data = e->private_data;
	return 0;
}

int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	struct id *mine = container_of(id, struct id, id), *peer = mine->peer;

	if (fake_call_fails())
		return -1;
	mine->connected = true;
	if (!peer) { /* who asked has gone */
		hang_up(mine);
		return 0;
	}
	peer->connected = true;
	if (fake_move_fails(fake_net.faults.refuse)) {
		leave(mine);
		hang_up(mine);
		return 0;
	}
	tell(mine, RDMA_CM_EVENT_ESTABLISHED);
	tell(peer, RDMA_CM_EVENT_ESTABLISHED);
	return 0;
}

int rdma_reject(struct rdma_cm_id *id, const void *private_data, uint8_t len)
{
	struct id *mine = container_of(id, struct id, id), *peer = mine->peer;

	mine->peer = NULL;
	if (!peer)
		return 0;
	peer->peer = NULL;
	peer->told = true;
	tell(peer, RDMA_CM_EVENT_REJECTED);
	return 0;
}

int rdma_disconnect(struct rdma_cm_id *id)
{
	struct id *mine = container_of(id, struct id, id);

	if (!mine->connected) {
		errno = EINVAL;
		return -1;
	}
	if (id->qp)
		fake_break(fake_pair_of(mine));
	hang_up(mine->peer);
	hang_up(mine);
	return 0;
}

int rdma_get_cm_event(struct rdma_event_channel *channel, struct rdma_cm_event **event)
{
	struct channel *c = container_of(channel, struct channel, c);
	struct event *e;
	uint64_t count;

	if (list_is_empty(&c->events)) {
		if (read(c->c.fd, &count, sizeof(count)) < 0)
			assert(errno == EAGAIN);
		errno = EAGAIN;
		return -1;
	}
	e = list_entry(c->events.next, struct event, node);
	list_remove(&e->node);
	container_of(e->e.id, struct id, id)->unacked++;
	*event = &e->e;
	return 0;
}

int rdma_ack_cm_event(struct rdma_cm_event *event)
{
	container_of(event->id, struct id, id)->unacked--;
	free(container_of(event, struct event, e));
	return 0;
}
