/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS 1.3 with a pre-shared key over any stream (TCP transport 1.0, 3.6.1): itself a stream, so PDUs do not
 * know. The handshake begins at once and is over when the first bytes arrive; what is sent before waits for
 * it. Only external PSKs with (EC)DHE: no certificates, no resumption, no 0-RTT.
 *
 * A failed handshake is -EKEYREJECTED from the next receive, a spoiled record -EBADMSG. The end of a stream is
 * the connection's: a missing close_notify is no error, because PDUs have lengths of their own.
 *
 * Costs about 100 KiB per connection, and two copies per byte beside the cipher.
 */
#ifndef NVMF_STREAM_TLS_H
#define NVMF_STREAM_TLS_H

#include "nvme/tls_psk.h"
#include "nvmf/stream.h"

/* Which key belongs to what a client offers; identity is untrusted. 0, or -errno: the handshake fails. On the
 * reactor's thread. */
typedef int (*stream_tls_find)(void *arg, const uint8_t *identity, size_t len, struct tls_psk *out);

/* Both take `inner` over, also on failure (-ENOMEM with a refusal). psk is copied. */
int stream_tls_client(struct stream *inner, const struct tls_psk *psk, struct stream **out);
int stream_tls_server(struct stream *inner, stream_tls_find find, void *arg, struct stream **out);

/* The identity the peers agreed on; NULL before the end of the handshake and for a stream without TLS. */
const char *stream_tls_identity(const struct stream *s);

#endif
