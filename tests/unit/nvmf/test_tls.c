/* SPDX-License-Identifier: BSD-3-Clause */
/* NVMe/TCP over TLS 1.3 with PSKs: who gets in, who does not and why, and bytes in pieces of any size. */
#include <errno.h>

#include "nvme/tls_psk.h"
#include "nvmf/stream_tls.h"
#include "rig.h"

#define KEY_A "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:"
#define KEY_B "NVMeTLSkey-1:02:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwP/w0S89ELi3W2LxIcLXVsDn8kXZQ==:"

static const uint32_t plenty[4] = {64, 16, 8, 4};

static void test_reads_and_writes(void **state)
{
	static const uint32_t chunks[] = {1, 5, 100, 1500, 0};
	static uint8_t out[256 * 512], in[256 * 512];
	struct nvmf_host_options o;
	struct nvmf_host *h;
	struct rig r;

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		rig_open(&r, "mem:1M", 0, plenty);
		rig_secure(&r, i % 2 ? KEY_A : KEY_B);
		r.to_host.chunk_max = r.to_target.chunk_max = chunks[i];
		o = rig_host_options(&r);
		o.ddgst = o.hdgst = i == 2;
		h = rig_connect(&r, &o);
		assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
		for (uint32_t blocks = 1; blocks <= (chunks[i] == 1 ? 16u : 256u); blocks *= 4) {
			memset(out, (int)(blocks + i), sizeof(out));
			out[blocks * 512 - 1] = 0x5a;
			assert_int_equal(rig_rw(&r, h, NVME_IO_WRITE, 3, blocks, out), 0);
			memset(in, 0, sizeof(in));
			assert_int_equal(rig_rw(&r, h, NVME_IO_READ, 3, blocks, in), 0);
			assert_memory_equal(in, out, blocks * 512);
		}
		rig_leave(&r, h);
		rig_close(&r);
	}
}

/* How a try to connect ends: live, or why not. */
static const char *try_connect(struct rig *r, const char *psk, const char *hostnqn)
{
	struct nvmf_host_options o = rig_host_options(r);
	static char why[256];
	struct nvmf_host *h;

	o.psk = psk;
	o.hostnqn = hostnqn;
	o.ctrl_loss_ms = 50;
	o.reconnect_ms = 10;
	h = rig_connect(r, &o);
	snprintf(why, sizeof(why), "%s", nvmf_host_state(h) == NVMF_HOST_LIVE ? "live" : nvmf_host_trouble(h));
	rig_leave(r, h);
	return why;
}

static void test_who_gets_in(void **state)
{
	struct nvme_port *secure;
	struct rig r;

	rig_open(&r, "mem:1M", 0, plenty);
	rig_secure(&r, KEY_A);
	assert_string_equal(try_connect(&r, KEY_A, RIG_HOST), "live");
	assert_non_null(strstr(try_connect(&r, KEY_B, RIG_HOST), "TLS handshake failed"));
	assert_non_null(strstr(try_connect(&r, KEY_A, "nqn.2026-11.test:stranger"), "TLS handshake failed"));
	assert_string_not_equal(try_connect(&r, NULL, RIG_HOST), "live");
	/* the other port is plain: a host with a PSK may not go round the back, one without may */
	secure = r.secure_port;
	r.secure_port = NULL;
	assert_non_null(strstr(try_connect(&r, NULL, RIG_HOST), "onnect"));
	assert_string_equal(try_connect(&r, NULL, "nqn.2026-11.test:stranger"), "live");
	/* TLS to a target that speaks none */
	assert_string_not_equal(try_connect(&r, KEY_A, RIG_HOST), "live");
	r.secure_port = secure;
	/* a changed key counts from the next handshake */
	assert_int_equal(nvme_host_set(r.target, &(struct nvme_host_config){.nqn = RIG_HOST, .psk = KEY_B}), 0);
	assert_string_equal(try_connect(&r, KEY_B, RIG_HOST), "live");
	assert_non_null(strstr(try_connect(&r, KEY_A, RIG_HOST), "TLS handshake failed"));
	assert_int_equal(nvme_host_set(r.target, &(struct nvme_host_config){.nqn = RIG_HOST, .psk = "NVMeTLSkey-1:"}),
		-EINVAL);
	rig_close(&r);
}

static uint16_t seen_status;

static void note(void *arg, const struct nvme_ctrl_info *info)
{
	assert_true(info->secure);
	seen_status++;
}

static void test_controller_says_secure(void **state)
{
	struct nvmf_host_options o;
	struct nvmf_host *h;
	struct rig r;

	rig_open(&r, "mem:1M", 0, plenty);
	rig_secure(&r, KEY_B);
	o = rig_host_options(&r);
	h = rig_connect(&r, &o);
	assert_int_equal(nvmf_host_state(h), NVMF_HOST_LIVE);
	seen_status = 0;
	nvme_each_ctrl(r.target, note, NULL);
	assert_int_equal(seen_status, 1);
	rig_leave(&r, h);
	rig_close(&r);
}

/* --- the stream alone --- */

struct party {
	struct stream *s;
	uint8_t in[200000];
	size_t have;
	bool sent, closed;
	ssize_t end;
};

static void party_received(struct stream *s, const uint8_t *data, ssize_t n)
{
	struct party *p = s->owner;

	if (n <= 0) {
		p->end = n ? n : 1;
		return;
	}
	assert_true(p->have + (size_t)n <= sizeof(p->in));
	memcpy(p->in + p->have, data, (size_t)n);
	p->have += (size_t)n;
	stream_release(s);
	stream_recv(s, STREAM_ALL);
}

static void party_sent(struct stream *s, int err)
{
	assert_int_equal(err, 0);
	((struct party *)s->owner)->sent = true;
}

static void party_closed(struct stream *s)
{
	((struct party *)s->owner)->closed = true;
}

static const struct stream_user party_user = {.received = party_received, .sent = party_sent, .closed = party_closed};

static int find(void *arg, const uint8_t *identity, size_t len, struct tls_psk *out)
{
	*out = *(const struct tls_psk *)arg;
	return len == strlen(out->identity) && !memcmp(identity, out->identity, len) ? 0 : -ENOENT;
}

static void own(struct party *p)
{
	p->s->user = &party_user;
	p->s->owner = p;
	stream_recv(p->s, STREAM_ALL);
}

static void test_stream(void **state)
{
	static struct party a, b;
	static uint8_t text[150000];
	struct reactor_options ro = {.virtual_time = true, .cpu = -1, .buffers = {1, 1, 1, 1}};
	struct iovec iov[4] = {{text, 1}, {text + 1, 7}, {text + 8, 100000}, {text + 100008, sizeof(text) - 100008}};
	struct stream *one, *other;
	struct tls_psk psk;
	struct reactor *r;
	struct rng rng;

	rng_init(&rng, rng_test_seed("nvmf-tls stream"));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)rng_below(&rng, 256);
	assert_int_equal(reactor_create(&ro, &r), 0);
	assert_int_equal(tls_psk_derive(KEY_A, RIG_HOST, RIG_NQN, 1, &psk), 0);
	assert_int_equal(stream_pipe(r, &one, &other), 0);
	assert_int_equal(stream_tls_client(one, &psk, &a.s), 0);
	assert_int_equal(stream_tls_server(other, find, &psk, &b.s), 0);
	assert_null(stream_tls_identity(b.s));
	own(&a);
	own(&b);
	stream_send(a.s, iov, 4);
	for (int i = 0; i < 1000; i++)
		reactor_run_once(r, 0);
	assert_true(a.sent);
	assert_int_equal(b.have, sizeof(text));
	assert_memory_equal(b.in, text, sizeof(text));
	assert_string_equal(stream_tls_identity(b.s), psk.identity);
	stream_close(a.s);
	for (int i = 0; i < 100; i++)
		reactor_run_once(r, 0);
	assert_int_equal(b.end, 1);
	stream_close(b.s);
	for (int i = 0; i < 100; i++)
		reactor_run_once(r, 0);
	assert_true(a.closed && b.closed);
	reactor_destroy(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_reads_and_writes),
		cmocka_unit_test(test_who_gets_in),
		cmocka_unit_test(test_controller_says_secure),
	};

	log_set_level(getenv("SIM_VERBOSE") ? LOG_DEBUG : LOG_DISABLE);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-tls", tests, NULL, NULL);
}
