/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stream: an ordered pipe of bytes below the PDUs. Three kinds behind one interface: a TCP socket on
 * the reactor's io_uring, TLS over one, and an in-memory pipe whose faults a test chooses.
 *
 * Use. The owner embeds nothing; it keeps the pointer, sets `user` and `owner`, and then drives:
 *   stream_recv(s, most)     one answer: user->received(s, data, n), n <= most; the bytes stay valid
 *                            until stream_release(s), which must come before the next stream_recv()
 *   stream_recv_into(s,p,n)  one answer: user->filled(s, n), all n bytes or an error
 *   stream_send(s,iov,cnt)   one answer: user->sent(s, 0 or -errno), all bytes; iov and data are
 *                            borrowed until then. One send at a time.
 *   stream_send_steady(...)  the same for data that may change meanwhile, of a stream that `is_steady`: each
 *                            STREAM_STEADY bytes of an element are read at one moment, on the reactor's thread
 *   stream_close(s)          outstanding calls are answered with an error or not at all; in the end
 *                            user->closed(s) once, and the stream has freed itself
 * One receive call at a time. Answers come from the reactor's iteration, never from inside the call
 * that asked - except that pipes and sockets may differ in when. Owner thread: the reactor's.
 */
#ifndef NVMF_STREAM_H
#define NVMF_STREAM_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "blk/reactor.h"

struct stream;

struct stream_user {
	void (*received)(struct stream *s, const uint8_t *data, ssize_t n); /* n 0 = peer closed, < 0 = -errno */
	void (*filled)(struct stream *s, ssize_t n);
	void (*sent)(struct stream *s, int err);
	void (*closed)(struct stream *s);
};

struct stream_ops {
	void (*recv)(struct stream *s, size_t most);
	void (*release)(struct stream *s);
	void (*recv_into)(struct stream *s, void *to, size_t len);
	void (*send)(struct stream *s, const struct iovec *iov, int cnt, bool steady);
	void (*close)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	const struct stream_user *user;
	void *owner;
	struct reactor *reactor;
	bool is_steady; /* see stream_send_steady() */
};

#define STREAM_STEADY 4096u /* the largest logical block */

/* After a large transfer more of them are likely: take the next header and little else, so that the data
 * behind it can be received where it belongs. Else as much as there is. */
#define STREAM_SMALL 4096u
#define STREAM_ALL SIZE_MAX
#define STREAM_LARGE 32768u /* what counts as a large transfer */

static inline void stream_recv(struct stream *s, size_t most)
{
	s->ops->recv(s, most);
}

static inline void stream_release(struct stream *s)
{
	s->ops->release(s);
}

static inline void stream_recv_into(struct stream *s, void *to, size_t len)
{
	s->ops->recv_into(s, to, len);
}

static inline void stream_send(struct stream *s, const struct iovec *iov, int cnt)
{
	s->ops->send(s, iov, cnt, false);
}

static inline void stream_send_steady(struct stream *s, const struct iovec *iov, int cnt)
{
	assert(s->is_steady);
	s->ops->send(s, iov, cnt, true);
}

static inline void stream_close(struct stream *s)
{
	if (s)
		s->ops->close(s);
}

/* For a stream nobody wants any more, before it has a user: closes it. */
void stream_abandon(struct stream *s);

#define STREAM_IOV_MAX 512 /* elements per send */

/* A connected socket; fd belongs to the stream from now on (also on failure). */
int stream_socket(struct reactor *r, int fd, struct stream **out);

/* Frees the receive buffers of a reactor once all its sockets have closed. */
void stream_pool_drop(struct reactor *r);

/* A pair of in-memory ends on one reactor, virtual or not, each with faults of its own on what it sends (tests, simulation). */
struct stream_faults {
	uint64_t seed;
	uint32_t chunk_max;   /* deliver at most so many bytes at a time, random; 0 = all */
	double corrupt;	      /* per delivered chunk: flip one bit of it */
	double cut;	      /* per delivered chunk: the connection dies */
	uint64_t delay_ns;    /* up to so much between chunks */
	uint32_t window;      /* bytes under way before send() has to wait; 0 = 256 KiB */
	uint64_t cut_after;   /* the connection dies when so many bytes have been delivered; 0 = never */
	bool stalled;	      /* nothing is delivered until cleared: a slow reader */
};
int stream_pipe(struct reactor *r, struct stream **end_a, struct stream **end_b);
void stream_pipe_faults(struct stream *end, const struct stream_faults *faults);

#endif
