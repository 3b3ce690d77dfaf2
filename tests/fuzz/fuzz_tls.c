/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stranger may send to a secure listener, and what an operator may type: the first byte chooses between
 * a TLS server (a ClientHello and on), a TLS client (a ServerHello and on), an offered identity, and the text
 * of a key.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "nvme/secret.h"
#include "nvme/tls_psk.h"
#include "nvmf/stream_tls.h"

#define KEY "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct reactor *reactor;

struct end {
	struct stream *s;
	bool tls;
};

static void received(struct stream *s, const uint8_t *data, ssize_t n)
{
	const struct end *e = s->owner;

	if (n <= 0)
		return;
	if (e->tls)
		abort(); /* plaintext out of a handshake nobody could have finished */
	stream_release(s);
	stream_recv(s, STREAM_ALL);
}

static void sent(struct stream *s, int err)
{
}

static void closed(struct stream *s)
{
	((struct end *)s->owner)->s = NULL;
}

static const struct stream_user user = {.received = received, .sent = sent, .closed = closed};

static int find(void *arg, const uint8_t *identity, size_t len, struct tls_psk *out)
{
	struct tls_psk_name name;

	if (tls_psk_split(identity, len, &name))
		return -1;
	return tls_psk_derive(KEY, name.hostnqn, name.subnqn, name.version, out);
}

static void own(struct end *e)
{
	e->s->user = &user;
	e->s->owner = e;
	stream_recv(e->s, STREAM_ALL);
}

static void settle(void)
{
	for (int i = 0; i < 12; i++) {
		reactor_advance(reactor, 100 * NS_PER_US);
		reactor_run_once(reactor, 0);
	}
}

static void talk(bool server, const uint8_t *data, size_t size)
{
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct end ours = {.tls = true}, theirs = {.tls = false};
	struct stream *inner;
	struct tls_psk psk;

	if (!size || stream_pipe(reactor, &inner, &theirs.s) ||
		tls_psk_derive(KEY, "nqn.2026-11.test:host", "nqn.2026-11.test:rig", 0, &psk) ||
		(server ? stream_tls_server(inner, find, NULL, &ours.s) : stream_tls_client(inner, &psk, &ours.s)))
		return;
	own(&ours);
	own(&theirs);
	settle();
	stream_send(theirs.s, &iov, 1);
	settle();
	stream_close(theirs.s);
	settle();
	stream_close(ours.s);
	settle();
	if (ours.s || theirs.s)
		abort();
}

static void key_text(const uint8_t *data, size_t size)
{
	struct secret key;
	char text[300];

	size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	tls_psk_check(text);
	secret_parse(text, "DHHC-1", &key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_psk psk;

	log_set_level(LOG_DISABLE);
	if (!reactor && reactor_create(&(struct reactor_options){.virtual_time = true, .cpu = -1, .buffers = {1, 1, 1, 1}},
				&reactor))
		abort();
	if (!size)
		return 0;
	switch (data[0] & 3) {
	case 0:
	case 1:
		talk(data[0] & 1, data + 1, size - 1);
		break;
	case 2:
		find(NULL, data + 1, size - 1, &psk);
		break;
	default:
		key_text(data + 1, size - 1);
	}
	return 0;
}
