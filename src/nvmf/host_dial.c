/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream for a queue: a socket that connects on the reactor's ring, or a test's pipe; TLS over it with a PSK. */
#include <errno.h>
#include <liburing.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/refuse.h"
#include "nvme/secret.h"
#include "nvme/tls_psk.h"
#include "nvmf/host_int.h"
#include "nvmf/stream_tls.h"

static int wrap(struct nvmf_host *h, struct stream **stream)
{
	struct tls_psk psk;
	int err = tls_psk_derive(h->psk, h->hostnqn, h->subnqn, -1, &psk);

	if (err)
		stream_abandon(*stream);
	else
		err = stream_tls_client(*stream, &psk, stream);
	secret_wipe(&psk, sizeof(psk));
	return err;
}

static void dialed(struct nvmf_host *h, struct qp *q, struct stream *stream)
{
	if (h->psk && wrap(h, &stream)) {
		host_fail(h, false, "%s", refusal());
		return;
	}
	h->open_streams++;
	qp_open(q, stream);
}

static void dial_done(struct reactor_op *op, int res, uint32_t flags)
{
	struct nvmf_host *h = container_of(op, struct nvmf_host, dial_op);
	struct stream *stream;

	h->dialing = false;
	if (h->phase >= PHASE_CLOSING) {
		close(h->dial_fd);
		if (!h->open_streams)
			host_all_closed(h);
	} else if (res < 0) {
		close(h->dial_fd);
		host_fail(h, true, "%s: %s", h->address, strerror(-res));
	} else if (stream_socket(h->o.reactor, h->dial_fd, &stream)) {
		host_fail(h, true, "%s", refusal());
	} else {
		dialed(h, h->dial_qp, stream);
	}
}

static int resolve(struct nvmf_host *h, socklen_t *len, int *family)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *ai;

	if (getaddrinfo(h->traddr, h->trsvcid, &hints, &ai))
		return refuse(EINVAL, "'%s' port '%s': a numeric address and port are needed", h->traddr,
			h->trsvcid);
	memcpy(h->dial_addr, ai->ai_addr, ai->ai_addrlen);
	*len = ai->ai_addrlen;
	*family = ai->ai_family;
	freeaddrinfo(ai);
	return 0;
}

static void dial_socket(struct nvmf_host *h, struct qp *q)
{
	socklen_t len = 0;
	int family = 0;

	if (resolve(h, &len, &family)) {
		host_fail(h, false, "%s", refusal());
		return;
	}
	h->dial_fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (h->dial_fd < 0) {
		host_fail(h, true, "no socket: %s", strerror(errno));
		return;
	}
	h->dial_qp = q;
	h->dialing = true;
	h->dial_cancelled = false;
	h->dial_op.done = dial_done;
	io_uring_prep_connect(reactor_sqe(h->o.reactor, &h->dial_op), h->dial_fd,
		(struct sockaddr *)h->dial_addr, len);
}

void host_dial(struct nvmf_host *h, struct qp *q)
{
	struct stream *stream;
	int err;

	if (h->o.trtype == NVME_TRTYPE_RDMA) {
		host_rdma_dial(h, q);
		return;
	}
	if (!h->o.dial) {
		dial_socket(h, q);
		return;
	}
	err = h->o.dial(h->o.dial_arg, q->qid, &stream);
	if (err)
		host_fail(h, true, "%s: %s", h->address, strerror(-err));
	else
		dialed(h, q, stream);
}

