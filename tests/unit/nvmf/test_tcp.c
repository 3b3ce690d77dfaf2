/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The target against bytes no decent host sends: each is answered as the spec says, or with a termination
 * request that names the field, and the connection ends; nothing hangs, nothing is left.
 */
#include "nvmf/pdu.h"
#include "rig.h"

struct raw { /* our end of a connection to the target */
	struct rig *r;
	struct stream *s;
	uint8_t in[65536];
	size_t in_len;
	bool ended, closed;
	struct iovec iov;
};

static void raw_received(struct stream *s, const uint8_t *data, ssize_t n)
{
	struct raw *w = s->owner;

	if (n <= 0) {
		w->ended = true;
		stream_close(s);
		return;
	}
	if (w->in_len + (size_t)n <= sizeof(w->in)) {
		memcpy(w->in + w->in_len, data, (size_t)n);
		w->in_len += (size_t)n;
	}
	stream_release(s);
	stream_recv(s, STREAM_ALL);
}

static void raw_sent(struct stream *s, int err)
{
}

static void raw_closed(struct stream *s)
{
	((struct raw *)s->owner)->closed = true;
}

static const struct stream_user raw_user = {.received = raw_received, .sent = raw_sent, .closed = raw_closed};

static void raw_open(struct raw *w, struct rig *r)
{
	memset(w, 0, sizeof(*w));
	w->r = r;
	assert_int_equal(rig_dial(r, 0, &w->s), 0);
	w->s->user = &raw_user;
	w->s->owner = w;
	stream_recv(w->s, STREAM_ALL);
}

static void raw_send(struct raw *w, const void *bytes, size_t n)
{
	w->iov = (struct iovec){(void *)(uintptr_t)bytes, n};
	stream_send(w->s, &w->iov, 1);
	rig_settle(w->r, NS_PER_MS);
}

static void raw_close(struct raw *w)
{
	if (!w->ended)
		stream_close(w->s);
	rig_settle(w->r, 20 * NS_PER_MS);
	assert_true(w->closed);
}

static struct pdu_ic ic_req(void)
{
	return (struct pdu_ic){.ch = {.type = PDU_IC_REQ, .hlen = 128, .plen = 128}};
}

static void say_hello(struct raw *w)
{
	struct pdu_ic ic = ic_req();

	raw_send(w, &ic, sizeof(ic));
	assert_int_equal(w->in_len, 128);
	assert_int_equal(w->in[0], PDU_IC_RESP);
	w->in_len = 0;
}

/* The target must answer with a termination request for this reason at this byte, and close. */
static void expect_term(struct raw *w, uint16_t fes, uint32_t where)
{
	struct pdu_term *t = (struct pdu_term *)w->in;

	assert_true(w->in_len >= sizeof(*t));
	assert_int_equal(t->ch.type, PDU_C2H_TERM);
	assert_int_equal(t->fes, fes);
	assert_int_equal(t->fei, where);
	assert_true(w->ended);
	raw_close(w);
}

static void test_hello(void **state)
{
	struct rig r;
	struct raw w;
	struct pdu_ic ic = ic_req();
	struct pdu_cmd cmd = {.ch = {.type = PDU_CMD, .hlen = 72, .plen = 72}};

	rig_open(&r, "mem:1M", 0, NULL);
	raw_open(&w, &r);
	raw_send(&w, &cmd, sizeof(cmd)); /* no ICReq first */
	expect_term(&w, PDU_FES_SEQUENCE, 0);
	raw_open(&w, &r);
	ic.pfv = 7;
	raw_send(&w, &ic, sizeof(ic));
	expect_term(&w, PDU_FES_UNSUPPORTED, 8);
	raw_open(&w, &r);
	ic = ic_req();
	ic.pda = 32;
	raw_send(&w, &ic, sizeof(ic));
	expect_term(&w, PDU_FES_UNSUPPORTED, 10);
	raw_open(&w, &r);
	say_hello(&w);
	ic = ic_req();
	raw_send(&w, &ic, sizeof(ic)); /* twice */
	expect_term(&w, PDU_FES_SEQUENCE, 0);
	rig_close(&r);
}

static void test_bad_headers(void **state)
{
	static const struct {
		struct pdu_common ch;
		uint16_t fes;
		uint32_t where;
	} cases[] = {
		{{.type = 0x55, .hlen = 72, .plen = 72}, PDU_FES_HEADER_FIELD, 0},
		{{.type = PDU_C2H_DATA, .hlen = 24, .plen = 24}, PDU_FES_HEADER_FIELD, 0},
		{{.type = PDU_CMD, .hlen = 71, .plen = 72}, PDU_FES_HEADER_FIELD, 2},
		{{.type = PDU_CMD, .hlen = 72, .plen = 20}, PDU_FES_HEADER_FIELD, 4},
		{{.type = PDU_CMD, .hlen = 72, .plen = 0xffffffff}, PDU_FES_HEADER_FIELD, 4},
		{{.type = PDU_CMD, .hlen = 72, .plen = 100, .pdo = 8}, PDU_FES_HEADER_FIELD, 3},
		{{.type = PDU_CMD, .hlen = 72, .plen = 100, .pdo = 101}, PDU_FES_HEADER_FIELD, 3},
		{{.type = PDU_CMD, .flags = PDU_DDGST, .hlen = 72, .plen = 100, .pdo = 72}, PDU_FES_HEADER_FIELD, 4},
		{{.type = PDU_H2C_DATA, .hlen = 24, .plen = 24 + 2 * 1048576, .pdo = 24}, PDU_FES_HEADER_FIELD, 4},
	};
	struct rig r;

	rig_open(&r, "mem:1M", 0, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw w;

		raw_open(&w, &r);
		say_hello(&w);
		raw_send(&w, &cases[i].ch, sizeof(cases[i].ch));
		expect_term(&w, cases[i].fes, cases[i].where);
	}
	rig_close(&r);
}

static void test_data_nobody_asked_for(void **state)
{
	struct pdu_data d = {.ch = {.type = PDU_H2C_DATA, .hlen = 24, .pdo = 24, .plen = 24 + 512}, .cccid = 3,
		.ttag = 9, .datal = 512};
	struct rig r;
	struct raw w;

	rig_open(&r, "mem:1M", 0, NULL);
	raw_open(&w, &r);
	say_hello(&w);
	raw_send(&w, &d, sizeof(d));
	expect_term(&w, PDU_FES_HEADER_FIELD, 10);
	rig_close(&r);
}

static uint16_t connect_status(struct raw *w, struct pdu_cmd *p, struct nvme_connect_data *d, uint32_t *result)
{
	static uint8_t capsule[72 + 1024];
	struct pdu_rsp *rsp = (struct pdu_rsp *)w->in;

	p->ch = (struct pdu_common){.type = PDU_CMD, .hlen = 72, .pdo = 72, .plen = sizeof(capsule)};
	p->cmd.flags = NVME_PSDT_SGL;
	p->cmd.opcode = NVME_FABRICS;
	p->cmd.connect.fctype = NVME_FC_CONNECT;
	p->cmd.connect.sgl = (struct nvme_sgl){.length = 1024, .type = NVME_SGL_DATA_BLOCK << 4 | NVME_SGL_OFFSET};
	memcpy(capsule, p, sizeof(*p));
	memcpy(capsule + 72, d, sizeof(*d));
	w->in_len = 0;
	raw_send(w, capsule, sizeof(capsule));
	assert_int_equal(w->in_len, sizeof(*rsp));
	assert_int_equal(rsp->ch.type, PDU_RSP);
	*result = rsp->cqe.result;
	return (rsp->cqe.status >> 1) & 0x7ff;
}

static struct nvme_connect_data connect_data(void)
{
	struct nvme_connect_data d = {.cntlid = 0xffff, .subnqn = RIG_NQN, .hostnqn = RIG_HOST};

	d.hostid[0] = 1;
	return d;
}

static void test_connect_rejections(void **state)
{
	struct nvme_connect_data d;
	struct pdu_cmd p = {.cmd.connect.sqsize = 31};
	uint32_t where;
	struct rig r;
	struct raw w;

	rig_open(&r, "mem:1M", 0, NULL);
	raw_open(&w, &r);
	say_hello(&w);
	d = connect_data();
	strcpy(d.subnqn, "nqn.2026-11.test:nobody");
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INVALID_PARAM);
	assert_int_equal(where, 1 << 16 | 256);
	d = connect_data();
	memset(d.hostnqn, 'x', sizeof(d.hostnqn)); /* no end */
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INVALID_PARAM);
	assert_int_equal(where, 1 << 16 | 512);
	d = connect_data();
	d.cntlid = 5; /* static controllers are not what we have */
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INVALID_PARAM);
	assert_int_equal(where, 1 << 16 | 16);
	d = connect_data();
	p.cmd.connect.recfmt = 1;
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INCOMPATIBLE);
	p.cmd.connect.recfmt = 0;
	p.cmd.connect.qid = 1; /* an I/O queue of a controller that is not there */
	d.cntlid = 77;
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INVALID_PARAM);
	p.cmd.connect.qid = 0;
	p.cmd.connect.sqsize = 0;
	d = connect_data();
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_CONNECT_INVALID_PARAM);
	assert_int_equal(where, 44);
	p.cmd.connect.sqsize = 31;
	assert_int_equal(connect_status(&w, &p, &d, &where), 0);
	assert_int_equal(connect_status(&w, &p, &d, &where), NVME_SC_SEQUENCE);
	raw_close(&w);
	rig_close(&r);
}

/* Half-open and silent connections go by themselves; so does one that stops in the middle. */
static void test_silence(void **state)
{
	struct rig r;
	struct raw w, half;
	uint8_t byte = 0;

	rig_open(&r, "mem:1M", 0, NULL);
	raw_open(&w, &r);
	raw_open(&half, &r);
	raw_send(&half, &byte, 1);
	rig_settle(&r, 9 * NS_PER_SEC);
	assert_false(w.ended || half.ended);
	rig_settle(&r, 3 * NS_PER_SEC);
	assert_true(w.ended && half.ended);
	raw_close(&w);
	raw_close(&half);
	rig_close(&r);
}

/* Random bytes and mutated PDUs: whatever the target does, it does not fall over, and it cleans up. */
static void test_noise(void **state)
{
	struct rng rng;
	struct rig r;

	rng_init(&rng, rng_test_seed("nvmf-tcp noise"));
	rig_open(&r, "mem:1M", 0, NULL);
	for (int round = 0; round < 300; round++) {
		struct nvme_connect_data d = connect_data();
		struct pdu_cmd p = {.cmd.connect.sqsize = 31};
		static uint8_t noise[4096];
		uint32_t where;
		struct raw w;

		raw_open(&w, &r);
		say_hello(&w);
		assert_int_equal(connect_status(&w, &p, &d, &where), 0);
		rng_bytes(&rng, noise, sizeof(noise));
		if (rng_one_in(&rng, 2)) { /* a plausible header in front, then noise */
			struct pdu_common ch = {.type = rng_one_in(&rng, 3) ? PDU_H2C_DATA : PDU_CMD, .hlen = 72, .plen = 72};

			if (ch.type == PDU_H2C_DATA)
				ch.hlen = 24, ch.plen = 24;
			for (int at = 0; at + 72 < 4096; at += (int)ch.plen) {
				memcpy(noise + at, &ch, sizeof(ch));
				noise[at + 9] = NVME_PSDT_SGL;
			}
		}
		raw_send(&w, noise, 1 + rng_below(&rng, sizeof(noise)));
		raw_close(&w);
	}
	rig_settle(&r, 100 * NS_PER_MS);
	rig_close(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_bad_headers),
		cmocka_unit_test(test_data_nobody_asked_for),
		cmocka_unit_test(test_connect_rejections),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_noise),
	};

	log_set_level(LOG_CRIT);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests_name("nvmf-tcp", tests, NULL, NULL);
}
