/* SPDX-License-Identifier: BSD-3-Clause */
/* libdoca_comm_channel: the endpoint API of DOCA 1.x to 2.6 over room wire. */
#include <doca_comm_channel.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "doca/common/common.h"
#include "wire/wire.h"

#define NAME_MAX_LEN 119u
#define DEFAULT_QUEUE 64u
#define LOOKS 64u /* receives between looks at the listening socket and at peers' ends */

struct doca_comm_channel_addr_t {
	struct list link;
	struct doca_comm_channel_ep_t *ep;
	struct wire_conn *wire;
	bool up, gone;
	uint64_t user;
};

struct doca_comm_channel_ep_t {
	struct doca_dev *dev;
	struct doca_dev_rep *rep;
	struct wire_opts opts;
	struct wire_listener *listener;
	struct list peers;
	struct doca_comm_channel_addr_t *cursor;
	int recv_epoll, send_timer;
	unsigned looks;
	bool check_ends; /* this receive also looks at peers' ends */
	bool begun;
};

/* ---- life and configuration ---- */

static void watch(struct doca_comm_channel_ep_t *ep, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	epoll_ctl(ep->recv_epoll, EPOLL_CTL_ADD, fd, &event);
}

doca_error_t doca_comm_channel_ep_create(struct doca_comm_channel_ep_t **ep)
{
	DCORE_NOT_NULL(ep);
	*ep = calloc(1, sizeof(**ep));
	if (!*ep)
		return DOCA_ERROR_NO_MEMORY;
	list_init(&(*ep)->peers);
	(*ep)->opts = (struct wire_opts){.max_msg = WIRE_MSG_MAX, .queue = DEFAULT_QUEUE};
	(*ep)->recv_epoll = epoll_create1(EPOLL_CLOEXEC);
	(*ep)->send_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return DOCA_SUCCESS;
}

static void drop(struct doca_comm_channel_addr_t *peer)
{
	if (peer->ep->cursor == peer)
		peer->ep->cursor = NULL;
	list_remove(&peer->link);
	wire_shutdown(peer->wire);
	wire_close(peer->wire);
	free(peer);
}

doca_error_t doca_comm_channel_ep_disconnect(
	struct doca_comm_channel_ep_t *ep, struct doca_comm_channel_addr_t *peer_addr)
{
	struct list *link;

	DCORE_NOT_NULL(ep);
	if (peer_addr)
		drop(peer_addr);
	else
		while ((link = list_front(&ep->peers)))
			drop(list_entry(link, struct doca_comm_channel_addr_t, link));
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_destroy(struct doca_comm_channel_ep_t *ep)
{
	if (!ep)
		return DOCA_SUCCESS;
	doca_comm_channel_ep_disconnect(ep, NULL);
	wire_listener_close(ep->listener);
	dcore_dev_release(ep->dev);
	close(ep->recv_epoll);
	close(ep->send_timer);
	free(ep);
	return DOCA_SUCCESS;
}

static doca_error_t changeable(const struct doca_comm_channel_ep_t *ep)
{
	DCORE_NOT_NULL(ep);
	return ep->begun ? dcore_fail(DOCA_ERROR_BAD_STATE,
				   "comm channel: the endpoint listens or is connected")
			 : DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_set_device(
	struct doca_comm_channel_ep_t *ep, struct doca_dev *device)
{
	doca_error_t result = changeable(ep);

	DCORE_NOT_NULL(device);
	if (result != DOCA_SUCCESS)
		return result;
	dcore_dev_release(ep->dev);
	ep->dev = device;
	dcore_dev_hold(device);
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_set_device_rep(
	struct doca_comm_channel_ep_t *ep, struct doca_dev_rep *device_rep)
{
	doca_error_t result = changeable(ep);

	DCORE_NOT_NULL(device_rep);
	if (result == DOCA_SUCCESS)
		ep->rep = device_rep;
	return result;
}

doca_error_t doca_comm_channel_ep_get_device(
	struct doca_comm_channel_ep_t *ep, struct doca_dev **device)
{
	DCORE_NOT_NULL(ep);
	DCORE_NOT_NULL(device);
	*device = ep->dev;
	return ep->dev ? DOCA_SUCCESS : DOCA_ERROR_NOT_FOUND;
}

doca_error_t doca_comm_channel_ep_get_device_rep(
	struct doca_comm_channel_ep_t *ep, struct doca_dev_rep **device_rep)
{
	DCORE_NOT_NULL(ep);
	DCORE_NOT_NULL(device_rep);
	*device_rep = ep->rep;
	return ep->rep ? DOCA_SUCCESS : DOCA_ERROR_NOT_FOUND;
}

static doca_error_t set(struct doca_comm_channel_ep_t *ep, uint32_t *option, uint32_t value,
	uint32_t max, const char *what)
{
	doca_error_t result = changeable(ep);

	if (result != DOCA_SUCCESS)
		return result;
	if (!value || value > max)
		return dcore_fail(
			DOCA_ERROR_INVALID_VALUE, "comm channel: %s %u; 1 to %u", what, value, max);
	*option = value;
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_set_max_msg_size(
	struct doca_comm_channel_ep_t *ep, uint16_t max_msg_size)
{
	DCORE_NOT_NULL(ep);
	return set(ep, &ep->opts.max_msg, max_msg_size, WIRE_MSG_MAX, "message size");
}

doca_error_t doca_comm_channel_ep_get_max_msg_size(
	struct doca_comm_channel_ep_t *ep, uint16_t *max_msg_size)
{
	DCORE_NOT_NULL(ep);
	DCORE_NOT_NULL(max_msg_size);
	*max_msg_size = (uint16_t)ep->opts.max_msg;
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_set_recv_queue_size(
	struct doca_comm_channel_ep_t *ep, uint16_t size)
{
	DCORE_NOT_NULL(ep);
	return set(ep, &ep->opts.queue, size, WIRE_QUEUE_MAX, "receive queue size");
}

doca_error_t doca_comm_channel_ep_set_send_queue_size(
	struct doca_comm_channel_ep_t *ep, uint16_t size)
{
	uint32_t unused;

	DCORE_NOT_NULL(ep);
	return set(ep, &unused, size, WIRE_QUEUE_MAX, "send queue size");
}

/* ---- meeting ---- */

static doca_error_t make_path(
	const struct doca_comm_channel_ep_t *ep, const char *name, char *path, size_t size)
{
	const struct card_port *port = ep->rep   ? dcore_rep_port(ep->rep)
				       : ep->dev ? dcore_dev_port(ep->dev)
						 : NULL;
	char file[512];
	size_t n;
	int err;

	if (!*name || strlen(name) > NAME_MAX_LEN)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE,
			"comm channel: a service name of %zu bytes; 1 to %u", strlen(name),
			NAME_MAX_LEN);
	if (port && port->role != CARD_UPLINK)
		n = (size_t)snprintf(file, sizeof(file), "cc.%s.", port->name);
	else
		n = (size_t)snprintf(file, sizeof(file), "cc.pf%uhpf.", port ? port->pf : 0);
	for (; *name; name++)
		n += (size_t)snprintf(file + n, sizeof(file) - n,
			isalnum((unsigned char)*name) ? "%c" : "%%%02x", (unsigned char)*name);
	err = dcore_rendezvous(path, size, file);
	return err ? dcore_from_errno(err, "comm channel") : DOCA_SUCCESS;
}

static struct doca_comm_channel_addr_t *add_peer(
	struct doca_comm_channel_ep_t *ep, struct wire_conn *wire, bool up)
{
	struct doca_comm_channel_addr_t *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		wire_close(wire);
		return NULL;
	}
	peer->ep = ep;
	peer->wire = wire;
	peer->up = up;
	list_push_back(&ep->peers, &peer->link);
	watch(ep, wire_socket_fd(wire));
	if (up)
		watch(ep, wire_event_fd(wire));
	return peer;
}

doca_error_t doca_comm_channel_ep_listen(struct doca_comm_channel_ep_t *ep, const char *name)
{
	doca_error_t result = changeable(ep);
	char path[256];
	int err;

	DCORE_NOT_NULL(name);
	if (result == DOCA_SUCCESS && ep->dev && dcore_dev_side(ep->dev) != DCORE_DPU)
		result = dcore_fail(
			DOCA_ERROR_NOT_SUPPORTED, "comm channel: only the card's side listens");
	if (result == DOCA_SUCCESS)
		result = make_path(ep, name, path, sizeof(path));
	if (result != DOCA_SUCCESS)
		return result;
	err = wire_listen(path, &ep->opts, &ep->listener);
	if (err)
		return dcore_from_errno(err, "comm channel");
	watch(ep, wire_listener_fd(ep->listener));
	ep->begun = true;
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_connect(struct doca_comm_channel_ep_t *ep, const char *name,
	struct doca_comm_channel_addr_t **peer_addr)
{
	doca_error_t result = changeable(ep);
	struct wire_conn *wire;
	char path[256];

	DCORE_NOT_NULL(name);
	DCORE_NOT_NULL(peer_addr);
	if (result == DOCA_SUCCESS)
		result = make_path(ep, name, path, sizeof(path));
	if (result != DOCA_SUCCESS)
		return result;
	if (wire_connect(path, &ep->opts, &wire) < 0)
		return dcore_fail(DOCA_ERROR_CONNECTION_ABORTED, "comm channel: %s", refusal());
	*peer_addr = add_peer(ep, wire, false);
	ep->begun = *peer_addr;
	return *peer_addr ? DOCA_SUCCESS : DOCA_ERROR_NO_MEMORY;
}

doca_error_t doca_comm_channel_peer_addr_update_info(struct doca_comm_channel_addr_t *peer_addr)
{
	int err;

	DCORE_NOT_NULL(peer_addr);
	if (peer_addr->up)
		return peer_addr->gone ? DOCA_ERROR_CONNECTION_RESET : DOCA_SUCCESS;
	err = wire_connected(peer_addr->wire);
	if (err == -EAGAIN)
		return DOCA_ERROR_CONNECTION_INPROGRESS;
	if (err)
		return DOCA_ERROR_CONNECTION_ABORTED;
	peer_addr->up = true;
	watch(peer_addr->ep, wire_event_fd(peer_addr->wire));
	return DOCA_SUCCESS;
}

/* ---- messages ---- */

/* The end of a peer, seen on its socket. */
static bool has_ended(struct doca_comm_channel_addr_t *peer)
{
	unsigned none = 0;
	char byte;

	return wire_is_broken(peer->wire) || wire_control(peer->wire, &byte, 1, NULL, &none) < 0;
}

doca_error_t doca_comm_channel_ep_sendto(struct doca_comm_channel_ep_t *ep, const void *msg,
	size_t len, int flags, struct doca_comm_channel_addr_t *peer_addr)
{
	DCORE_NOT_NULL(ep);
	DCORE_NOT_NULL(msg);
	DCORE_NOT_NULL(peer_addr);
	if (!peer_addr->up && doca_comm_channel_peer_addr_update_info(peer_addr) != DOCA_SUCCESS)
		return DOCA_ERROR_NOT_CONNECTED;
	if (!len || len > wire_max_msg(peer_addr->wire))
		return dcore_fail(len ? DOCA_ERROR_TOO_BIG : DOCA_ERROR_INVALID_VALUE,
			"comm channel: a message of %zu bytes; 1 to %u", len,
			wire_max_msg(peer_addr->wire));
	if (wire_send(peer_addr->wire, msg, (uint32_t)len) == 0)
		return DOCA_SUCCESS;
	return has_ended(peer_addr) ? DOCA_ERROR_CONNECTION_RESET : DOCA_ERROR_AGAIN;
}

static doca_error_t take(struct doca_comm_channel_addr_t *peer, void *msg, size_t *len)
{
	uint32_t have;
	uint8_t *data;

	if (!peer->up && doca_comm_channel_peer_addr_update_info(peer) != DOCA_SUCCESS)
		return DOCA_ERROR_AGAIN;
	if (!wire_recv(peer->wire, &data, &have)) {
		if (peer->gone || !peer->ep->check_ends || !has_ended(peer))
			return DOCA_ERROR_AGAIN;
		peer->gone = true; /* told once */
		return DOCA_ERROR_CONNECTION_RESET;
	}
	if (have > *len)
		return dcore_fail(DOCA_ERROR_TOO_BIG,
			"comm channel: a message of %u bytes, room for %zu", have, *len);
	memcpy(msg, data, have);
	*len = have;
	wire_recv_done(peer->wire);
	return DOCA_SUCCESS;
}

static void accept_peers(struct doca_comm_channel_ep_t *ep)
{
	struct wire_conn *wire;

	while (ep->listener && wire_accept(ep->listener, &wire) == 0)
		add_peer(ep, wire, true);
}

/* Peers by turns, from the one behind the last. */
doca_error_t doca_comm_channel_ep_recvfrom(struct doca_comm_channel_ep_t *ep, void *msg,
	size_t *len, int flags, struct doca_comm_channel_addr_t **peer_addr)
{
	struct list *head, *at;

	DCORE_NOT_NULL(ep);
	DCORE_NOT_NULL(msg);
	DCORE_NOT_NULL(len);
	DCORE_NOT_NULL(peer_addr);
	ep->check_ends = ep->looks++ % LOOKS == 0;
	if (ep->check_ends)
		accept_peers(ep);
	head = &ep->peers;
	at = ep->cursor ? &ep->cursor->link : head;
	for (size_t left = list_size(head); left > 0; left--) {
		struct doca_comm_channel_addr_t *peer;
		doca_error_t result;

		at = at->next == head ? head->next : at->next;
		peer = list_entry(at, struct doca_comm_channel_addr_t, link);
		result = take(peer, msg, len);
		if (result == DOCA_ERROR_AGAIN)
			continue;
		ep->cursor = peer;
		*peer_addr = peer;
		return result;
	}
	return DOCA_ERROR_AGAIN;
}

/* ---- sleeping ---- */

doca_error_t doca_comm_channel_ep_get_event_channel(struct doca_comm_channel_ep_t *ep,
	doca_event_handle_t *send_event_channel, doca_event_handle_t *recv_event_channel)
{
	DCORE_NOT_NULL(ep);
	if (send_event_channel)
		*send_event_channel = ep->send_timer;
	if (recv_event_channel)
		*recv_event_channel = ep->recv_epoll;
	return DOCA_SUCCESS;
}

/* The peer rings no bell when it made room: look again in a moment. */
doca_error_t doca_comm_channel_ep_event_handle_arm_send(struct doca_comm_channel_ep_t *ep)
{
	struct itimerspec soon = {.it_value.tv_nsec = 50000};

	DCORE_NOT_NULL(ep);
	timerfd_settime(ep->send_timer, 0, &soon, NULL);
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_ep_event_handle_arm_recv(struct doca_comm_channel_ep_t *ep)
{
	struct doca_comm_channel_addr_t *peer;
	bool have = false;

	DCORE_NOT_NULL(ep);
	list_for_each(peer, &ep->peers, link) {
		wire_event_clear(peer->wire);
		have |= wire_arm(peer->wire);
	}
	ep->looks = 0;
	epoll_ctl(ep->recv_epoll, EPOLL_CTL_DEL, ep->send_timer, NULL);
	if (!have)
		return DOCA_SUCCESS;
	watch(ep,
		ep->send_timer); /* something came since the last receive: the timer wakes the sleeper */
	return doca_comm_channel_ep_event_handle_arm_send(ep);
}

doca_error_t doca_comm_channel_peer_addr_user_data_set(
	struct doca_comm_channel_addr_t *peer_addr, uint64_t user_context)
{
	DCORE_NOT_NULL(peer_addr);
	peer_addr->user = user_context;
	return DOCA_SUCCESS;
}

doca_error_t doca_comm_channel_peer_addr_user_data_get(
	struct doca_comm_channel_addr_t *peer_addr, uint64_t *user_context)
{
	DCORE_NOT_NULL(peer_addr);
	DCORE_NOT_NULL(user_context);
	*user_context = peer_addr->user;
	return DOCA_SUCCESS;
}
