/* SPDX-License-Identifier: BSD-3-Clause */
/* A steady send: memory changes while a slow reader takes it, and no 4 KiB of it arrive half old, half new. */
#include "rig.h"

#include <sys/socket.h>
#include <unistd.h>

#define PIECES 256u

static uint64_t data[PIECES * STREAM_STEADY / 8], got[PIECES * STREAM_STEADY / 8];

struct sender {
	struct stream *s;
	bool sent, closed;
	int err;
};

static void on_sent(struct stream *s, int err)
{
	struct sender *o = s->owner;

	o->sent = true;
	o->err = err;
}

static void on_closed(struct stream *s)
{
	((struct sender *)s->owner)->closed = true;
}

static const struct stream_user user = {.sent = on_sent, .closed = on_closed};

static void generation(uint64_t n)
{
	for (size_t i = 0; i < sizeof(data) / 8; i++)
		data[i] = n;
}

/* Returns how many pieces were sent later than the first: it was a slow reader indeed. */
static unsigned check_pieces(void)
{
	unsigned later = 0;

	for (size_t i = 0; i < sizeof(got) / 8; i++) {
		assert_int_equal(got[i], got[i & ~(STREAM_STEADY / 8 - 1)]);
		later += !(i % (STREAM_STEADY / 8)) && got[i] != got[0];
	}
	return later;
}

/* Elements of odd sizes before the data, so that the socket stops anywhere in them. */
static unsigned send_slowly(struct reactor *r, struct sender *o, int fd, struct rng *rng)
{
	static uint8_t head[8192];
	uint32_t odd = 1 + (uint32_t)rng_below(rng, sizeof(head));
	struct iovec iov[2] = {{head, odd}, {data, sizeof(data)}};
	size_t have = 0;

	o->sent = false;
	generation(1);
	stream_send_steady(o->s, iov, 2);
	for (uint64_t n = 2; have < odd + sizeof(data); n++) {
		bool in_head = have < odd;
		ssize_t more;

		generation(n);
		more = recv(fd, in_head ? head : (uint8_t *)got + have - odd,
			in_head ? odd - have : 1 + rng_below(rng, 20000), MSG_DONTWAIT);
		have += more > 0 ? (size_t)more : 0;
		reactor_run_once(r, 0);
		assert_int_equal(o->err, 0);
	}
	for (int i = 0; i < 1000 && !o->sent; i++)
		reactor_run_once(r, NS_PER_MS);
	assert_true(o->sent);
	return check_pieces();
}

static void test_socket(void **state)
{
	struct reactor_options ro = {.cpu = -1, .buffers = {1, 1, 1, 1}};
	struct sender o = {0};
	int fd[2], small = 8192;
	struct reactor *r;
	struct rng rng;

	rng_init(&rng, rng_test_seed("nvmf-stream socket"));
	if (reactor_create(&ro, &r)) {
		print_message("no io_uring here: %s\n", refusal());
		skip();
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(stream_socket(r, fd[0], &o.s), 0);
	o.s->user = &user;
	o.s->owner = &o;
	for (int i = 0; i < 20; i++)
		assert_true(send_slowly(r, &o, fd[1], &rng) > PIECES / 2);
	/* a send that is still waiting for room when the stream goes */
	stream_send_steady(o.s, &(struct iovec){data, sizeof(data)}, 1);
	reactor_run_once(r, 0);
	o.sent = false;
	stream_close(o.s);
	for (int i = 0; i < 1000 && !o.closed; i++)
		reactor_run_once(r, NS_PER_MS);
	assert_true(o.closed && !o.sent);
	close(fd[1]);
	stream_pool_drop(r);
	reactor_destroy(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_socket)};

	return cmocka_run_group_tests_name("nvmf-stream", tests, NULL, NULL);
}
