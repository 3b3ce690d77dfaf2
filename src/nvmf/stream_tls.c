/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OpenSSL between two memory BIOs: what the inner stream receives goes into one, what OpenSSL writes comes out
 * of the other and is copied once more, because a BIO moves its memory while the kernel still reads it.
 * pump() does whatever can be done: handshake, encrypt, decrypt, send, ask for more.
 */
#include "nvmf/stream_tls.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/log.h"
#include "base/refuse.h"
#include "nvme/secret.h"

LOG_MODULE("nvmf.tls");

#define RECORD 16384u /* the largest TLS record's plaintext */
#define WIRE 65536u   /* ciphertext per send */

enum want { WANT_NOTHING, WANT_BYTES, WANT_INTO };

struct tls {
	struct stream s;
	struct stream *inner;
	SSL *ssl;
	BIO *net_in, *net_out; /* ssl's */
	bool server, up, closing, inner_gone;
	int failed; /* -errno, told by the next receive */
	stream_tls_find find;
	void *find_arg;
	struct tls_psk psk; /* the client's own; the server's from find() to the end of the handshake */
	struct reactor_task pump_task;
	/* receive */
	enum want want;
	size_t most;
	uint8_t *into;
	size_t into_len, into_done;
	bool reading, starved, ended; /* inner receive under way; OpenSSL wants bytes; the peer has closed */
	/* send */
	const struct iovec *iov;
	int iov_cnt;
	size_t skip;
	bool sending, writing; /* the user's send; ours on the inner stream */
	struct iovec wire_iov;
	uint8_t plain[RECORD], gather[RECORD], wire[WIRE];
};

static SSL_CTX *client_ctx, *server_ctx;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct tls *tls_of(struct stream *s)
{
	return container_of(s, struct tls, s);
}

/* --- keys for OpenSSL --- */

static SSL_SESSION *session_of(SSL *ssl, const struct tls_psk *psk)
{
	static const uint8_t suites[][2] = {[TLS_PSK_SHA256] = {0x13, 0x01}, [TLS_PSK_SHA384] = {0x13, 0x02}};
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suites[psk->hash]);
	SSL_SESSION *session = cipher ? SSL_SESSION_new() : NULL;

	if (session && SSL_SESSION_set1_master_key(session, psk->bytes, psk->len) &&
		SSL_SESSION_set_cipher(session, cipher) && SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

/* 1 without a session goes on without a PSK, and then fails for want of a certificate: what we want. */
static int find_session(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **out)
{
	struct tls *t = SSL_get_app_data(ssl);

	*out = NULL;
	if (!t->find(t->find_arg, identity, len, &t->psk))
		*out = session_of(ssl, &t->psk);
	return 1;
}

static int use_session(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *len, SSL_SESSION **out)
{
	struct tls *t = SSL_get_app_data(ssl);

	*out = NULL;
	/* asked again after a HelloRetryRequest, with the hash that was chosen */
	if (md && EVP_MD_get_size(md) != (int)t->psk.len)
		return 1;
	*identity = (const unsigned char *)t->psk.identity;
	*len = strlen(t->psk.identity);
	*out = session_of(ssl, &t->psk);
	return *out != NULL;
}

static void set_suite(SSL *ssl, uint8_t hash)
{
	SSL_set_ciphersuites(ssl, hash == TLS_PSK_SHA384 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256");
}

/* OpenSSL chooses the suite before it looks at PSKs, and then drops those of another hash: look ahead, at the
 * first identity of the pre_shared_key extension (RFC 8446, 4.2.11). */
static int look_ahead(SSL *ssl, int *alert, void *arg)
{
	const unsigned char *ext;
	struct tls_psk_name name;
	size_t len, id_len;

	if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &ext, &len) || len < 4)
		return SSL_CLIENT_HELLO_SUCCESS;
	id_len = (size_t)(ext[2] << 8 | ext[3]);
	if (id_len <= len - 4 && !tls_psk_split(ext + 4, id_len, &name))
		set_suite(ssl, name.hash);
	return SSL_CLIENT_HELLO_SUCCESS;
}

static SSL_CTX *make_ctx(const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);

	if (!c)
		return NULL;
	SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(c, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
	return c;
}

static void make_ctxs(void)
{
	client_ctx = make_ctx(TLS_client_method());
	server_ctx = make_ctx(TLS_server_method());
	if (client_ctx) {
		SSL_CTX_set_psk_use_session_callback(client_ctx, use_session);
		SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL); /* no certificate is good enough */
	}
	if (server_ctx) {
		SSL_CTX_set_psk_find_session_callback(server_ctx, find_session);
		SSL_CTX_set_client_hello_cb(server_ctx, look_ahead, NULL);
	}
}

/* --- the inner stream --- */

static void flush(struct tls *t)
{
	int n;

	if (t->writing || t->closing)
		return;
	n = BIO_read(t->net_out, t->wire, WIRE);
	if (n <= 0)
		return;
	t->wire_iov = (struct iovec){t->wire, (size_t)n};
	t->writing = true;
	stream_send(t->inner, &t->wire_iov, 1);
}

static void ask_for_more(struct tls *t)
{
	if (t->reading || t->ended || t->closing || t->failed || (t->up && !t->starved))
		return;
	t->reading = true;
	stream_recv(t->inner, STREAM_ALL);
}

/* --- doing --- */

static void fail(struct tls *t, int err)
{
	if (!t->failed)
		t->failed = err;
	ERR_clear_error();
}

static void handshake(struct tls *t)
{
	int n, err;

	ERR_clear_error();
	n = SSL_do_handshake(t->ssl);
	if (n != 1) {
		err = SSL_get_error(t->ssl, n);
		if (err == SSL_ERROR_WANT_READ && !t->ended)
			return;
		log_debug("handshake: %s", t->ended ? "the peer has closed" : ERR_reason_error_string(ERR_peek_error()));
		fail(t, -EKEYREJECTED);
		return;
	}
	secret_wipe(t->psk.bytes, sizeof(t->psk.bytes));
	if (!SSL_session_reused(t->ssl)) { /* a handshake that did not prove the key */
		fail(t, -EKEYREJECTED);
		return;
	}
	t->up = true;
}

/* One record's worth from the vector; header and data of a PDU share a record. */
static size_t gather(struct tls *t)
{
	size_t have = 0;

	while (t->iov_cnt && have < RECORD) {
		size_t left = t->iov->iov_len - t->skip, n = MIN_OF(left, (size_t)RECORD - have);

		memcpy(t->gather + have, (const uint8_t *)t->iov->iov_base + t->skip, n);
		have += n;
		t->skip += n;
		if (t->skip == t->iov->iov_len) {
			t->skip = 0;
			t->iov++;
			t->iov_cnt--;
		}
	}
	return have;
}

static void encrypt(struct tls *t)
{
	while (t->sending && t->iov_cnt && BIO_ctrl_pending(t->net_out) + RECORD < WIRE) {
		size_t n = gather(t);

		if (n && SSL_write(t->ssl, t->gather, (int)n) != (int)n) {
			fail(t, -EBADMSG);
			return;
		}
	}
}

static void answer_sent(struct tls *t)
{
	if (!t->sending || t->writing || (!t->failed && (t->iov_cnt || BIO_ctrl_pending(t->net_out))))
		return;
	t->sending = false;
	t->s.user->sent(&t->s, t->failed);
}

/* > 0 bytes, 0 = not now, < 0 = over; the reason is in failed, or the peer has closed. */
static int decrypt(struct tls *t, void *to, size_t len)
{
	int n, err;

	ERR_clear_error();
	n = SSL_read(t->ssl, to, (int)MIN_OF(len, (size_t)RECORD));
	if (n > 0)
		return n;
	err = SSL_get_error(t->ssl, n);
	if (err == SSL_ERROR_ZERO_RETURN)
		t->ended = true;
	else if (err != SSL_ERROR_WANT_READ)
		fail(t, -EBADMSG);
	t->starved = true;
	return t->ended || t->failed ? -1 : 0;
}

static void answer_end(struct tls *t)
{
	enum want want = t->want;

	t->want = WANT_NOTHING;
	if (want == WANT_BYTES)
		t->s.user->received(&t->s, NULL, t->failed);
	else if (want == WANT_INTO)
		t->s.user->filled(&t->s, t->failed ? t->failed : -ECONNRESET);
}

static void receive_bytes(struct tls *t)
{
	int n = decrypt(t, t->plain, MIN_OF(t->most, (size_t)RECORD));

	if (n < 0)
		answer_end(t);
	if (n <= 0)
		return;
	t->want = WANT_NOTHING;
	t->s.user->received(&t->s, t->plain, n);
}

static void receive_into(struct tls *t)
{
	int n = 1;

	while (t->into_done < t->into_len && n > 0) {
		n = decrypt(t, t->into + t->into_done, t->into_len - t->into_done);
		if (n > 0)
			t->into_done += (size_t)n;
	}
	if (n < 0)
		answer_end(t);
	if (t->into_done < t->into_len || n < 0)
		return;
	t->want = WANT_NOTHING;
	t->s.user->filled(&t->s, (ssize_t)t->into_len);
}

static void receive(struct tls *t)
{
	t->starved = false;
	if (t->want == WANT_BYTES)
		receive_bytes(t);
	else if (t->want == WANT_INTO)
		receive_into(t);
}

static void pump(struct tls *t)
{
	if (!t->up && !t->failed)
		handshake(t);
	if (t->up && !t->failed)
		encrypt(t);
	flush(t); /* an alert as well */
	if (t->failed && !t->writing)
		answer_end(t); /* first: it says why */
	if (!t->closing)
		answer_sent(t);
	if (!t->closing && t->up && !t->failed)
		receive(t);
	if (!t->closing) {
		flush(t); /* what reading made OpenSSL say: a key update */
		ask_for_more(t);
	}
}

static void pump_run(struct reactor_task *task)
{
	struct tls *t = container_of(task, struct tls, pump_task);

	if (t->inner_gone)
		free(t);
	else if (!t->closing)
		pump(t);
}

/* --- answers of the inner stream --- */

static void inner_received(struct stream *inner, const uint8_t *data, ssize_t n)
{
	struct tls *t = inner->owner;

	t->reading = false;
	if (n > 0) {
		if (BIO_write(t->net_in, data, (int)n) != (int)n)
			fail(t, -ENOMEM);
		stream_release(inner);
	} else {
		t->ended = true;
		if (n < 0)
			fail(t, (int)n);
	}
	if (!t->closing)
		pump(t);
}

static void inner_sent(struct stream *inner, int err)
{
	struct tls *t = inner->owner;

	t->writing = false;
	if (err)
		fail(t, err);
	if (!t->closing)
		pump(t);
}

static void inner_closed(struct stream *inner)
{
	struct tls *t = inner->owner;

	SSL_free(t->ssl);
	secret_wipe(&t->psk, sizeof(t->psk));
	t->inner_gone = true;
	t->s.user->closed(&t->s);
	if (!t->pump_task.queued)
		free(t);
}

static const struct stream_user inner_user = {
	.received = inner_received,
	.sent = inner_sent,
	.closed = inner_closed,
};

/* --- calls --- */

static void wake(struct tls *t)
{
	reactor_task_queue(t->s.reactor, &t->pump_task);
}

static void tls_recv(struct stream *s, size_t most)
{
	struct tls *t = tls_of(s);

	assert(t->want == WANT_NOTHING);
	t->want = WANT_BYTES;
	t->most = most;
	wake(t);
}

static void tls_release(struct stream *s)
{
}

static void tls_recv_into(struct stream *s, void *to, size_t len)
{
	struct tls *t = tls_of(s);

	assert(t->want == WANT_NOTHING);
	t->want = WANT_INTO;
	t->into = to;
	t->into_len = len;
	t->into_done = 0;
	wake(t);
}

static void tls_send(struct stream *s, const struct iovec *iov, int cnt, bool steady)
{
	struct tls *t = tls_of(s);

	assert(!t->sending && cnt > 0);
	t->sending = true;
	t->iov = iov;
	t->iov_cnt = cnt;
	t->skip = 0;
	wake(t);
}

static void tls_close(struct stream *s)
{
	struct tls *t = tls_of(s);

	if (t->closing)
		return;
	t->closing = true;
	stream_close(t->inner);
}

static const struct stream_ops tls_ops = {
	.recv = tls_recv,
	.release = tls_release,
	.recv_into = tls_recv_into,
	.send = tls_send,
	.close = tls_close,
};

static int open_tls(struct stream *inner, bool server, struct tls **out)
{
	struct tls *t = calloc(1, sizeof(*t));
	SSL_CTX *ctx;

	pthread_once(&once, make_ctxs);
	ctx = server ? server_ctx : client_ctx;
	if (t && ctx)
		t->ssl = SSL_new(ctx);
	if (t && t->ssl) {
		t->net_in = BIO_new(BIO_s_mem());
		t->net_out = BIO_new(BIO_s_mem());
		SSL_set_bio(t->ssl, t->net_in, t->net_out);
	}
	if (!t || !t->ssl || !t->net_in || !t->net_out) {
		if (t)
			SSL_free(t->ssl);
		free(t);
		stream_abandon(inner);
		return refuse(ENOMEM, "no TLS for a new connection: OpenSSL has no memory");
	}
	SSL_set_app_data(t->ssl, t);
	t->s = (struct stream){.ops = &tls_ops, .reactor = inner->reactor};
	t->inner = inner;
	t->server = server;
	t->pump_task.run = pump_run;
	inner->user = &inner_user;
	inner->owner = t;
	*out = t;
	return 0;
}

int stream_tls_client(struct stream *inner, const struct tls_psk *psk, struct stream **out)
{
	struct tls *t;
	int err = open_tls(inner, false, &t);

	if (err)
		return err;
	t->psk = *psk;
	set_suite(t->ssl, psk->hash);
	SSL_set_connect_state(t->ssl);
	wake(t);
	*out = &t->s;
	return 0;
}

int stream_tls_server(struct stream *inner, stream_tls_find find, void *arg, struct stream **out)
{
	struct tls *t;
	int err = open_tls(inner, true, &t);

	if (err)
		return err;
	t->find = find;
	t->find_arg = arg;
	SSL_set_accept_state(t->ssl);
	wake(t);
	*out = &t->s;
	return 0;
}

const char *stream_tls_identity(const struct stream *s)
{
	const struct tls *t = container_of((struct stream *)(uintptr_t)s, struct tls, s);

	return s->ops == &tls_ops && t->up ? t->psk.identity : NULL;
}
