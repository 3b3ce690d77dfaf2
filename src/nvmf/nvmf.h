/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room nvmf: transports between hosts and room nvme. This header is the target's side; host.h is the
 * initiator's.
 *
 * Model. A server belongs to one nvme_target and spreads connections over the target's reactors. A
 * listener is a bound address that is also a port of the target. A connection is one NVMe queue:
 * bytes (stream.h) -> PDUs (pdu.h) -> nvme_request -> PDUs -> bytes, all on one reactor.
 *
 * Life of a server:
 *     nvmf_server_create(&options, &server);
 *     nvmf_listen(server, &port_config, &listener);        any number; hosts connect from now on
 *     nvmf_listener_close(listener);                       its connections go with the port
 *     nvmf_server_destroy(server);                         closes what is left, waits for it
 *
 * Threads. Calls come from one control thread, or from the caller's loop when the reactors have no
 * threads (they are then driven from inside the waits).
 *
 * Memory is bounded: a connection costs NVMF_CONNECTION_BYTES, plus NVMF_ENTRY_BYTES for each command
 * it ever had in flight at once (up to its queue size); data lives in the reactor's buffers only, of
 * which one connection holds at most options.held_bytes; receive buffers are the reactor's too. Under
 * pressure a connection allocates one more buffer of 64 KiB, for a capsule's data, and keeps it; so does
 * one whose host took its answers slowly, 4 KiB.
 * When buffers run out commands wait their turn: reads before they execute, writes before they are
 * asked for data (R2T), in-capsule writes by not reading the socket.
 *
 * Reads of a namespace in memory take no buffer: they are sent from where the data lie, but over TLS and
 * with data digests, which need bytes that stand still. Each 4 KiB is read at one moment, so that of a write
 * at the same time a block shows all or nothing (stream_send_steady); the device lives until the last is sent.
 *
 * Hostile hosts: a connection that has not finished Connect within hello_ms, or makes no progress
 * in the middle of a transfer for stall_ms, is closed; so is one that breaks the protocol, after a
 * termination request that names the byte. Connections beyond max_connections are closed at once.
 */
#ifndef NVMF_NVMF_H
#define NVMF_NVMF_H

#include "nvme/nvme.h"

struct nvmf_server;
struct nvmf_listener;
struct stream;

struct nvmf_server_options {
	struct nvme_target *target;
	uint32_t in_capsule_bytes; /* data an I/O capsule may carry: 0 = 16 KiB, at most 64 KiB */
	uint32_t max_connections;  /* 0 = 4096 */
	uint32_t held_bytes;	   /* data buffers of one connection: 0 = 16 MiB; at least 1 MiB */
	uint32_t hello_ms, stall_ms; /* 0 = 10 s, 30 s */
};

struct nvmf_server_stats {
	uint64_t accepted, refused, closed, protocol_errors, digest_errors, timeouts;
	uint64_t waits; /* commands that had to wait for a buffer */
	uint32_t connections;
};

int nvmf_server_create(const struct nvmf_server_options *options, struct nvmf_server **out);
void nvmf_server_destroy(struct nvmf_server *s);
void nvmf_server_stats(const struct nvmf_server *s, struct nvmf_server_stats *out);

/* Bind, add the port to the target, accept. config->traddr "0.0.0.0" and "::" are all addresses;
 * trsvcid "0" picks a free port (nvme_port_config() tells which). -EADDRINUSE, ... with a refusal. */
int nvmf_listen(struct nvmf_server *s, const struct nvme_port_config *config, struct nvmf_listener **out);
void nvmf_listener_close(struct nvmf_listener *l);
struct nvme_port *nvmf_listener_port(const struct nvmf_listener *l);

/* A connection over any stream (the listeners' sockets, a test's pipe); on r's thread, r one of the
 * target's reactors. local: the address the host used, for the discovery log and messages. The stream
 * belongs to the connection, also on failure. */
int nvmf_attach(struct nvmf_server *s, struct reactor *r, struct nvme_port *port, struct stream *stream,
	const char *local);

#define NVMF_CONNECTION_BYTES 8192u /* upper bound of sizeof(struct tcp_conn), asserted */
#define NVMF_ENTRY_BYTES 1024u	    /* of a command slot */

#endif
