/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room wire: how a host process and a card process talk on one machine (Comch, Comm Channel).
 *
 * Model. A server listens on a UNIX socket; a client connects and says how big its messages and its
 * receive queue are. The server makes one memory file with two rings, one per direction, and passes
 * it with two eventfds over the socket. From then on messages go through the rings without system
 * calls; the socket carries rare control messages (with descriptors) and tells when the peer is
 * gone.
 *
 *     server                                          client
 *     wire_listen(path, &opts, &l)                    wire_connect(path, &opts, &c)
 *     wire_accept(l, &c) -> 0                         wire_connected(c) -> 0
 *     while (wire_recv(c, &data, &len)) { ...; wire_recv_done(c); }
 *     wire_send(c, data, len) -> 0, -EAGAIN (ring full), -EMSGSIZE
 *     wire_control(c, buf, sizeof(buf), fds, &n) -> length, 0 (nothing), -ECONNRESET (peer gone)
 *
 * Sleeping. A reader that is about to sleep calls wire_arm(); if that says false, it may wait for
 * wire_event_fd() or wire_socket_fd() to become readable. A writer rings the eventfd only when the
 * reader is armed.
 *
 * Peers are not trusted: lengths are checked, the memory file is sealed against shrinking, ring
 * positions that make no sense end the connection. What is still in a ring when the peer dies can
 * be received.
 *
 * Threads: one sender and one receiver thread per connection; wire_control_send() from any thread.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/ring.h"

#define WIRE_MSG_MAX 4080u   /* bytes of one message */
#define WIRE_QUEUE_MAX 8192u /* messages of one ring */
#define WIRE_CONTROL_MAX 1024u
#define WIRE_FDS_MAX 4

struct wire_opts {
	uint32_t max_msg; /* bytes this side can take; 1 to WIRE_MSG_MAX */
	uint32_t queue;   /* messages its receive ring holds; rounded up to a power of two */
};

struct wire_listener;
struct wire_conn;

/* Replaces a socket file whose owner is dead; -EADDRINUSE when somebody listens there. */
int wire_listen(const char *path, const struct wire_opts *opts, struct wire_listener **listener);
int wire_listener_fd(const struct wire_listener *listener);
/* The next client whose handshake is complete; -EAGAIN when there is none now. */
int wire_accept(struct wire_listener *listener, struct wire_conn **conn);
void wire_listener_close(struct wire_listener *listener);

/* -ENOENT, -ECONNREFUSED: nobody listens there. */
int wire_connect(const char *path, const struct wire_opts *opts, struct wire_conn **conn);
/* 0: up; -EAGAIN: not yet; -ECONNRESET, -EPROTO: it never will. */
int wire_connected(struct wire_conn *conn);

/* The peer hears the end; the rings stay mapped until wire_close(). */
void wire_shutdown(struct wire_conn *conn);
void wire_close(struct wire_conn *conn);

uint32_t wire_max_msg(const struct wire_conn *conn); /* that the peer takes */
int wire_send(struct wire_conn *conn, const void *data, uint32_t len);
bool wire_recv(struct wire_conn *conn, uint8_t **data, uint32_t *len);
void wire_recv_done(struct wire_conn *conn);
/* The peer wrote nonsense into the ring. */
bool wire_is_broken(const struct wire_conn *conn);

bool wire_arm(struct wire_conn *conn); /* true: there is something now */
int wire_event_fd(const struct wire_conn *conn);
int wire_socket_fd(const struct wire_conn *conn);
void wire_event_clear(struct wire_conn *conn);

int wire_control_send(
	struct wire_conn *conn, const void *msg, size_t len, const int *fds, unsigned n_fds);
/* *n_fds in: room, out: received; the descriptors are the caller's. */
int wire_control(struct wire_conn *conn, void *buf, size_t size, int *fds, unsigned *n_fds);

#endif
