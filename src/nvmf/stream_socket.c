/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets on the ring. Receives take a buffer from a ring of provided ones only when bytes are there, so
 * an idle connection holds no memory. When the buffers run out (every connection of the reactor has bytes
 * unread) receives wait in line for one to come back.
 *
 * A send goes with the ring's next submission, together with those of other connections. A steady one
 * (stream.h) is a system call of its own: what the socket takes is copied before the call returns. A full
 * socket is waited for on the ring.
 */
#include "nvmf/stream.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "base/refuse.h"

#define BUFFER_BYTES 131072u /* thirty 4 KiB writes in one */
#define BUFFERS 128u	     /* power of two; 16 MiB of address space per reactor, touched as needed */
#define HOT_MIN 8u
#define GROUP 1
#define REST_IOVS 64 /* of a send that goes on */

struct sock;

/* The kernel takes buffers from the ring in turn, so whatever lies there is gone through again and again: few
 * stay in the cache, all of them do not. The ring holds `hot`, the rest waits on a stack, used last first;
 * hot doubles whenever more sockets had bytes at once. */
struct pool {
	struct io_uring_buf_ring *ring;
	uint8_t *bytes;
	unsigned refs;
	unsigned hot, in_ring, spares;
	uint16_t spare[BUFFERS];
	struct sock *hungry, **hungry_tail;
};

struct sock {
	struct stream s;
	int fd;
	struct pool *pool;
	struct reactor_op rx, tx;
	bool rx_busy, tx_busy, closing, more, waiting;
	uint32_t want; /* most bytes of the present receive */
	int held; /* buffer id the owner reads now, -1 = none */
	struct sock *hungry_next;
	/* recv_into */
	uint8_t *into;
	size_t into_len, into_done;
	/* send */
	struct msghdr msg;
	const struct iovec *iov;
	int iov_cnt;
	size_t skip; /* bytes of *iov that are sent or in torn */
	uint8_t *torn; /* STREAM_STEADY bytes, from the first short send on */
	size_t torn_at, torn_end;
	int send_err;
	struct reactor_task sent_task, closed_task;
};

static struct pool pools[REACTORS_MAX]; /* element i: reactor i only */

static const struct stream_ops sock_ops;

/* --- provided buffers --- */

static void refill(struct pool *p)
{
	int n = 0;

	while (p->in_ring < p->hot && p->spares) {
		unsigned id = p->spare[--p->spares];

		io_uring_buf_ring_add(p->ring, p->bytes + (size_t)id * BUFFER_BYTES, BUFFER_BYTES,
			(unsigned short)id, io_uring_buf_ring_mask(BUFFERS), n++);
		p->in_ring++;
	}
	if (n)
		io_uring_buf_ring_advance(p->ring, n);
}

static void give_back(struct pool *p, int id)
{
	p->spare[p->spares++] = (uint16_t)id;
	refill(p);
}

/* The ring ran dry. true: there are buffers in it again. */
static bool heat(struct pool *p)
{
	if (!p->spares)
		return false;
	p->hot = MIN_OF(p->hot * 2, BUFFERS);
	refill(p);
	return true;
}

static int pool_open(struct pool *p, struct reactor *r)
{
	size_t ring_bytes = BUFFERS * sizeof(struct io_uring_buf);
	struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = GROUP};
	int err;

	p->ring = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	p->bytes = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE,
		MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (p->ring == MAP_FAILED || p->bytes == MAP_FAILED)
		return refuse(ENOMEM, "no memory for receive buffers");
	io_uring_buf_ring_init(p->ring);
	reg.ring_addr = (uint64_t)(uintptr_t)p->ring;
	err = io_uring_register_buf_ring(reactor_ring(r), &reg, 0);
	if (err)
		return refuse(-err, "the kernel refuses provided buffers (Linux 5.19 or newer is needed)");
	madvise(p->bytes, (size_t)BUFFERS * BUFFER_BYTES, MADV_HUGEPAGE);
	p->hot = HOT_MIN;
	for (unsigned i = BUFFERS; i-- > 0;)
		p->spare[p->spares++] = (uint16_t)i;
	refill(p);
	p->hungry_tail = &p->hungry;
	return 0;
}

static void forget(struct stream *s)
{
}

void stream_abandon(struct stream *s)
{
	static const struct stream_user nobody = {.closed = forget};

	s->user = &nobody;
	stream_close(s);
}

void stream_pool_drop(struct reactor *r)
{
	struct pool *p = &pools[reactor_index(r)];

	if (!p->ring)
		return;
	assert(!p->refs);
	io_uring_unregister_buf_ring(reactor_ring(r), GROUP);
	munmap(p->ring, BUFFERS * sizeof(struct io_uring_buf));
	munmap(p->bytes, (size_t)BUFFERS * BUFFER_BYTES);
	*p = (struct pool){0};
}

/* --- receive --- */

static void submit_recv(struct sock *k)
{
	struct io_uring_sqe *sqe = reactor_sqe(k->s.reactor, &k->rx);

	io_uring_prep_recv(sqe, k->fd, NULL, k->want, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = GROUP;
	if (!k->more) /* nothing was left the last time: do not try before the socket says so */
		sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
	k->rx_busy = true;
}

static void feed_hungry(struct pool *p)
{
	struct sock *k = p->hungry;

	if (!k)
		return;
	p->hungry = k->hungry_next;
	if (!p->hungry)
		p->hungry_tail = &p->hungry;
	k->waiting = false;
	submit_recv(k);
}

static void try_closed(struct sock *k);

static void recv_done(struct reactor_op *op, int res, uint32_t flags)
{
	struct sock *k = container_of(op, struct sock, rx);
	bool has_buffer = flags & IORING_CQE_F_BUFFER;
	int id = has_buffer ? (int)(flags >> IORING_CQE_BUFFER_SHIFT) : -1;

	k->rx_busy = false;
	k->more = flags & IORING_CQE_F_SOCK_NONEMPTY;
	k->pool->in_ring -= has_buffer;
	if (k->closing || (has_buffer && res <= 0)) {
		if (has_buffer)
			give_back(k->pool, id);
		if (k->closing) {
			try_closed(k);
			return;
		}
	}
	if (res == -ENOBUFS && heat(k->pool))
		res = -EAGAIN;
	if (res == -ENOBUFS) {
		k->waiting = true;
		k->hungry_next = NULL;
		*k->pool->hungry_tail = k;
		k->pool->hungry_tail = &k->hungry_next;
		return;
	}
	if (res == -EINTR || res == -EAGAIN) {
		submit_recv(k);
		return;
	}
	k->held = res > 0 ? id : -1;
	k->s.user->received(&k->s, res > 0 ? k->pool->bytes + (size_t)id * BUFFER_BYTES : NULL, res);
}

static void into_submit(struct sock *k);

static void into_done(struct reactor_op *op, int res, uint32_t flags)
{
	struct sock *k = container_of(op, struct sock, rx);

	k->rx_busy = false;
	k->more = flags & IORING_CQE_F_SOCK_NONEMPTY;
	if (k->closing) {
		try_closed(k);
		return;
	}
	if (res == -EINTR || res == -EAGAIN)
		res = 0;
	else if (res <= 0) {
		k->s.user->filled(&k->s, res ? res : -ECONNRESET);
		return;
	}
	k->into_done += (size_t)res;
	if (k->into_done < k->into_len)
		into_submit(k);
	else
		k->s.user->filled(&k->s, (ssize_t)k->into_len);
}

static void into_submit(struct sock *k)
{
	k->rx.done = into_done;
	io_uring_prep_recv(reactor_sqe(k->s.reactor, &k->rx), k->fd, k->into + k->into_done,
		k->into_len - k->into_done, MSG_WAITALL);
	k->rx_busy = true;
}

static void sock_recv(struct stream *s, size_t most)
{
	struct sock *k = container_of(s, struct sock, s);

	k->want = (uint32_t)MIN_OF(most, (size_t)BUFFER_BYTES);
	assert(!k->rx_busy && k->held < 0 && !k->waiting);
	if (k->closing)
		return;
	k->rx.done = recv_done;
	submit_recv(k);
}

static void sock_recv_into(struct stream *s, void *to, size_t len)
{
	struct sock *k = container_of(s, struct sock, s);

	assert(!k->rx_busy && k->held < 0);
	if (k->closing)
		return;
	k->into = to;
	k->into_len = len;
	k->into_done = 0;
	into_submit(k);
}

static void sock_release(struct stream *s)
{
	struct sock *k = container_of(s, struct sock, s);

	if (k->held < 0)
		return;
	give_back(k->pool, k->held);
	k->held = -1;
	feed_hungry(k->pool);
}

/* --- send --- */

static void send_ended(struct sock *k, int err)
{
	k->tx_busy = false;
	if (k->closing)
		try_closed(k);
	else
		k->s.user->sent(&k->s, err);
}

static void sent_run(struct reactor_task *task)
{
	struct sock *k = container_of(task, struct sock, sent_task);

	send_ended(k, k->send_err);
}

/* From inside sock_send(), perhaps: the answer comes later. */
static void send_end(struct sock *k, int err)
{
	k->send_err = err;
	reactor_task_queue(k->s.reactor, &k->sent_task);
}

/* The rest of a send that was cut short: of the piece it stopped in, of that element, and what follows. */
static int rest_of(const struct sock *k, struct iovec *rest)
{
	int n = 0, i = 0;

	if (k->torn_at < k->torn_end)
		rest[n++] = (struct iovec){k->torn + k->torn_at, k->torn_end - k->torn_at};
	if (k->skip < k->iov->iov_len)
		rest[n++] = (struct iovec){(uint8_t *)k->iov->iov_base + k->skip, k->iov->iov_len - k->skip};
	while (n < REST_IOVS && ++i < k->iov_cnt)
		rest[n++] = k->iov[i];
	return n;
}

/* The socket took `n` bytes. */
static void advance(struct sock *k, size_t n)
{
	size_t torn = MIN_OF(n, k->torn_end - k->torn_at);

	k->torn_at += torn;
	if (k->torn_at < k->torn_end)
		return;
	n += k->skip - torn;
	while (k->iov_cnt && n >= k->iov->iov_len) {
		n -= k->iov->iov_len;
		k->iov++;
		k->iov_cnt--;
	}
	k->skip = n;
}

/* A send stopped inside a piece whose first bytes are gone: what belongs to them is taken now. */
static int keep_torn(struct sock *k)
{
	size_t into = k->skip % STREAM_STEADY;

	if (!into || k->torn_at < k->torn_end)
		return 0;
	if (!k->torn)
		k->torn = malloc(STREAM_STEADY);
	if (!k->torn)
		return -ENOMEM;
	k->torn_at = 0;
	k->torn_end = MIN_OF(STREAM_STEADY - into, k->iov->iov_len - k->skip);
	memcpy(k->torn, (uint8_t *)k->iov->iov_base + k->skip, k->torn_end);
	k->skip += k->torn_end;
	return 0;
}

static void send_now(struct sock *k);

static void room_came(struct reactor_op *op, int res, uint32_t flags)
{
	struct sock *k = container_of(op, struct sock, tx);

	if (k->closing)
		send_end(k, -ECANCELED);
	else
		send_now(k);
}

static void wait_for_room(struct sock *k)
{
	k->tx.done = room_came;
	io_uring_prep_poll_add(reactor_sqe(k->s.reactor, &k->tx), k->fd, POLLOUT);
}

static ssize_t send_some(const struct sock *k)
{
	struct iovec rest[REST_IOVS];
	struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)k->iov, .msg_iovlen = (size_t)k->iov_cnt};

	if (k->skip) {
		msg.msg_iov = rest;
		msg.msg_iovlen = (size_t)rest_of(k, rest);
	}
	return sendmsg(k->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void send_now(struct sock *k)
{
	int err = 0;

	while (k->iov_cnt && !err) {
		ssize_t n = send_some(k);

		if (n < 0 && errno == EAGAIN) {
			wait_for_room(k);
			return;
		}
		if (n >= 0) {
			advance(k, (size_t)n);
			err = k->iov_cnt ? keep_torn(k) : 0;
		} else if (errno != EINTR) {
			err = -errno;
		}
	}
	send_end(k, err);
}

/* What the ring has sent may be all. */
static void ring_sent(struct reactor_op *op, int res, uint32_t flags)
{
	struct sock *k = container_of(op, struct sock, tx);

	if (res == -EINTR || res == -EAGAIN)
		res = 0;
	if (res >= 0)
		advance(k, (size_t)res);
	if (res < 0 || k->closing || !k->iov_cnt)
		send_ended(k, MIN_OF(res, 0));
	else
		send_now(k);
}

static void send_by_ring(struct sock *k)
{
	k->msg.msg_iov = (struct iovec *)(uintptr_t)k->iov;
	k->msg.msg_iovlen = (size_t)k->iov_cnt;
	k->tx.done = ring_sent;
	io_uring_prep_sendmsg(reactor_sqe(k->s.reactor, &k->tx), k->fd, &k->msg, MSG_NOSIGNAL);
}

static void sock_send(struct stream *s, const struct iovec *iov, int cnt, bool steady)
{
	struct sock *k = container_of(s, struct sock, s);

	assert(!k->tx_busy && cnt > 0 && cnt <= STREAM_IOV_MAX);
	if (k->closing)
		return;
	k->tx_busy = true;
	k->iov = iov;
	k->iov_cnt = cnt;
	k->skip = 0;
	if (steady)
		send_now(k);
	else
		send_by_ring(k);
}

/* --- end --- */

static void closed_run(struct reactor_task *task)
{
	struct sock *k = container_of(task, struct sock, closed_task);

	close(k->fd);
	k->pool->refs--;
	k->s.user->closed(&k->s);
	free(k->torn);
	free(k);
}

static void try_closed(struct sock *k)
{
	if (!k->rx_busy && !k->tx_busy)
		reactor_task_queue(k->s.reactor, &k->closed_task);
}

static void unqueue(struct sock *k)
{
	struct sock **at = &k->pool->hungry;

	while (*at && *at != k)
		at = &(*at)->hungry_next;
	if (*at)
		*at = k->hungry_next;
	k->pool->hungry_tail = &k->pool->hungry;
	while (*k->pool->hungry_tail)
		k->pool->hungry_tail = &(*k->pool->hungry_tail)->hungry_next;
	k->waiting = false;
}

static void sock_close(struct stream *s)
{
	struct sock *k = container_of(s, struct sock, s);

	if (k->closing)
		return;
	k->closing = true;
	sock_release(s);
	if (k->waiting)
		unqueue(k);
	shutdown(k->fd, SHUT_RDWR); /* ends what is in the ring */
	try_closed(k);
}

static const struct stream_ops sock_ops = {
	.recv = sock_recv,
	.release = sock_release,
	.recv_into = sock_recv_into,
	.send = sock_send,
	.close = sock_close,
};

int stream_socket(struct reactor *r, int fd, struct stream **out)
{
	struct pool *p = &pools[reactor_index(r)];
	struct sock *k = calloc(1, sizeof(*k));
	int one = 1, err = k ? 0 : -ENOMEM;

	if (!err && !p->ring)
		err = pool_open(p, r);
	if (err) {
		free(k);
		close(fd);
		return err;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->refs++;
	k->s = (struct stream){.ops = &sock_ops, .reactor = r, .is_steady = true};
	k->fd = fd;
	k->pool = p;
	k->held = -1;
	k->sent_task.run = sent_run;
	k->closed_task.run = closed_run;
	*out = &k->s;
	return 0;
}
