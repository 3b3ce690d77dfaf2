/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_comm_channel: messages between host and card as DOCA 1.x to 2.6 had them (F:3927-3963), beside today's
 * doca_comch.h. Plain calls, no progress engine: send and receive return AGAIN and are called again.
 *
 *     card                                          host
 *     doca_comm_channel_ep_create(&ep)              doca_comm_channel_ep_create(&ep)
 *     ..._ep_set_device(ep, dev)                    ..._ep_set_device(ep, dev)
 *     ..._ep_set_device_rep(ep, rep)                ..._ep_connect(ep, "name", &peer)
 *     ..._ep_listen(ep, "name")                     ..._peer_addr_update_info(peer) until SUCCESS
 *     ..._ep_recvfrom(ep, buf, &len, 0, &peer)      ..._ep_sendto(ep, msg, len, 0, peer)
 *
 * Without a device the default ones serve: host PF 0 and its representor. Sizes are set before listen or
 * connect. recvfrom's length is in and out: room, then bytes; a message longer than the room is
 * refused with TOO_BIG and stays. A peer that goes is told once by CONNECTION_RESET. One thread.
 */
#ifndef DOCA_COMM_CHANNEL_H_
#define DOCA_COMM_CHANNEL_H_

#include "doca_dev.h"
#include "doca_error.h"
#include "doca_types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct doca_comm_channel_ep_t;
struct doca_comm_channel_addr_t;

enum doca_comm_channel_msg_flags {
	DOCA_CC_MSG_FLAG_NONE = 0,
};

doca_error_t doca_comm_channel_ep_create(struct doca_comm_channel_ep_t **ep);
doca_error_t doca_comm_channel_ep_destroy(struct doca_comm_channel_ep_t *ep);

doca_error_t doca_comm_channel_ep_set_device(
	struct doca_comm_channel_ep_t *ep, struct doca_dev *device);
doca_error_t doca_comm_channel_ep_set_device_rep(
	struct doca_comm_channel_ep_t *ep, struct doca_dev_rep *device_rep);
doca_error_t doca_comm_channel_ep_get_device(
	struct doca_comm_channel_ep_t *ep, struct doca_dev **device);
doca_error_t doca_comm_channel_ep_get_device_rep(
	struct doca_comm_channel_ep_t *ep, struct doca_dev_rep **device_rep);
/* Up to 4080 bytes and 8192 messages. The send queue is the peer's receive queue: accepted, not used. */
doca_error_t doca_comm_channel_ep_set_max_msg_size(
	struct doca_comm_channel_ep_t *ep, uint16_t max_msg_size);
doca_error_t doca_comm_channel_ep_set_send_queue_size(
	struct doca_comm_channel_ep_t *ep, uint16_t size);
doca_error_t doca_comm_channel_ep_set_recv_queue_size(
	struct doca_comm_channel_ep_t *ep, uint16_t size);
doca_error_t doca_comm_channel_ep_get_max_msg_size(
	struct doca_comm_channel_ep_t *ep, uint16_t *max_msg_size);

doca_error_t doca_comm_channel_ep_listen(struct doca_comm_channel_ep_t *ep, const char *name);
/* Returns at once; the connection is up when peer_addr_update_info() says SUCCESS. */
doca_error_t doca_comm_channel_ep_connect(struct doca_comm_channel_ep_t *ep, const char *name,
	struct doca_comm_channel_addr_t **peer_addr);
/* SUCCESS; CONNECTION_INPROGRESS; CONNECTION_ABORTED. */
doca_error_t doca_comm_channel_peer_addr_update_info(struct doca_comm_channel_addr_t *peer_addr);
/* NULL: all peers. The address may not be used afterwards. */
doca_error_t doca_comm_channel_ep_disconnect(
	struct doca_comm_channel_ep_t *ep, struct doca_comm_channel_addr_t *peer_addr);

doca_error_t doca_comm_channel_ep_sendto(struct doca_comm_channel_ep_t *ep, const void *msg,
	size_t len, int flags, struct doca_comm_channel_addr_t *peer_addr);
doca_error_t doca_comm_channel_ep_recvfrom(struct doca_comm_channel_ep_t *ep, void *msg,
	size_t *len, int flags, struct doca_comm_channel_addr_t **peer_addr);

/* Descriptors that poll readable: when sending may work again, when there is something to receive. Arm
 * before each wait. */
doca_error_t doca_comm_channel_ep_get_event_channel(struct doca_comm_channel_ep_t *ep,
	doca_event_handle_t *send_event_channel, doca_event_handle_t *recv_event_channel);
doca_error_t doca_comm_channel_ep_event_handle_arm_send(struct doca_comm_channel_ep_t *ep);
doca_error_t doca_comm_channel_ep_event_handle_arm_recv(struct doca_comm_channel_ep_t *ep);

doca_error_t doca_comm_channel_peer_addr_user_data_set(
	struct doca_comm_channel_addr_t *peer_addr, uint64_t user_context);
doca_error_t doca_comm_channel_peer_addr_user_data_get(
	struct doca_comm_channel_addr_t *peer_addr, uint64_t *user_context);

#ifdef __cplusplus
}
#endif
#endif
