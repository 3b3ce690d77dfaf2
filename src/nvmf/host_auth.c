/* SPDX-License-Identifier: BSD-3-Clause */
/* In-band authentication, the host's side (Base 8.13): after the Connect of each queue that asks for it. */
#include <stdlib.h>

#include "base/refuse.h"
#include "nvme/dhchap.h"
#include "nvmf/host_int.h"

struct host_auth {
	struct nvmf_host *host;
	struct qp *q;
	void (*done)(struct nvmf_host *h);
	struct secret key, ctrl_key;
	uint16_t tid;
	uint8_t hash;
	uint32_t seq2;
	uint8_t challenge2[DHCHAP_HASH_MAX];
	bool asks_back;
};

static void finish(struct host_auth *a)
{
	struct nvmf_host *h = a->host;
	void (*done)(struct nvmf_host *) = a->done;

	h->auth = NULL;
	secret_wipe(a, sizeof(*a));
	free(a);
	if (done)
		done(h);
}

static void give_up(struct host_auth *a, const char *why)
{
	struct nvmf_host *h = a->host;

	a->done = NULL;
	finish(a);
	host_fail(h, false, "authentication: %s", why);
}

/* true: go on with the answer in the page */
static bool ok(struct host_auth *a)
{
	const struct nvmf_host *h = a->host;

	if (h->phase >= PHASE_CLOSING) {
		a->done = NULL;
		finish(a);
		return false;
	}
	if (!h->step.status)
		return true;
	give_up(a, nvmf_status_text(h->step.status));
	return false;
}

static void command(struct host_auth *a, uint8_t fctype, uint32_t len, void (*done)(struct nvmf_io *))
{
	struct nvmf_host *h = a->host;
	struct nvme_cmd *cmd = &h->step.cmd;

	memset(cmd, 0, sizeof(*cmd));
	cmd->auth.fctype = fctype;
	cmd->auth.spsp0 = cmd->auth.spsp1 = 1;
	cmd->auth.secp = DHCHAP_SECP;
	cmd->auth.length = len;
	if (fctype == NVME_FC_AUTH_RECEIVE)
		memset(h->page, 0, len);
	host_step_on(a->q, NVME_FABRICS, fctype == NVME_FC_AUTH_SEND ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST, len, done);
}

/* --- last step first --- */

static void success2_sent(struct nvmf_io *io)
{
	struct host_auth *a = ((struct nvmf_host *)io->arg)->auth;

	if (ok(a))
		finish(a);
}

static void success1_came(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	struct host_auth *a = h->auth;
	const struct auth_success1 *m = (const struct auth_success1 *)h->page;
	size_t hl = dhchap_hash_len(a->hash);
	uint8_t want[DHCHAP_HASH_MAX];
	struct auth_success2 *answer = (struct auth_success2 *)h->page;

	if (!ok(a))
		return;
	if (auth_kind(&m->h) != AUTH_SUCCESS1 || m->h.tid != a->tid) {
		give_up(a, "the controller rejects our key");
		return;
	}
	if (!a->asks_back) {
		finish(a);
		return;
	}
	if (!m->rvalid || m->hl != hl ||
		dhchap_response(&a->ctrl_key, h->subnqn, a->hash, a->challenge2, a->seq2, a->tid, "Controller", h->subnqn,
			h->hostnqn, want) ||
		!dhchap_same(want, m->value, hl)) {
		give_up(a, "the controller does not know its own key");
		return;
	}
	*answer = (struct auth_success2){.h = {.type = 1, .id = 4, .tid = a->tid}};
	command(a, NVME_FC_AUTH_SEND, sizeof(*answer), success2_sent);
}

static void reply_sent(struct nvmf_io *io)
{
	struct host_auth *a = ((struct nvmf_host *)io->arg)->auth;

	if (ok(a))
		command(a, NVME_FC_AUTH_RECEIVE, sizeof(struct auth_success1) + DHCHAP_HASH_MAX, success1_came);
}

struct session {
	struct dhchap_dh *dh;
	uint8_t secret[DHCHAP_DH_MAX];
	size_t len;
};

static int mix(uint8_t hash, const struct session *s, uint8_t *challenge)
{
	uint8_t mixed[DHCHAP_HASH_MAX];
	int err = s->dh ? dhchap_augment(hash, s->secret, s->len, challenge, mixed) : 0;

	if (s->dh && !err)
		memcpy(challenge, mixed, dhchap_hash_len(hash));
	return err;
}

/* The reply to the challenge in c, built in the page. Returns its length, 0 when something is wrong. */
static uint32_t build_reply(struct host_auth *a, const struct auth_challenge *c, struct session *s)
{
	struct nvmf_host *h = a->host;
	struct auth_reply *m = (struct auth_reply *)h->page;
	size_t hl = dhchap_hash_len(c->hash), dhlen = 0;
	uint8_t challenge[DHCHAP_HASH_MAX];

	memcpy(challenge, c->value, hl);
	if (c->group) {
		s->dh = dhchap_dh_new(c->group);
		if (!s->dh || dhchap_dh_secret(s->dh, c->value + hl, c->dhvlen, s->secret, &s->len))
			return 0;
	}
	memset(m, 0, sizeof(*m) + 2 * hl);
	*m = (struct auth_reply){.h = {.type = 1, .id = 2, .tid = a->tid}, .hl = (uint8_t)hl, .cvalid = a->asks_back};
	if (a->asks_back) {
		dhchap_random(a->challenge2, hl);
		dhchap_random((uint8_t *)&a->seq2, sizeof(a->seq2));
		a->seq2 |= !a->seq2;
		m->seq = a->seq2;
		memcpy(m->value + hl, a->challenge2, hl);
	}
	if (s->dh)
		dhlen = dhchap_dh_public(s->dh, m->value + 2 * hl);
	m->dhvlen = (uint16_t)dhlen;
	if (mix(c->hash, s, challenge) || mix(c->hash, s, a->challenge2) ||
		dhchap_response(&a->key, h->hostnqn, c->hash, challenge, c->seq, a->tid, "HostHost", h->hostnqn, h->subnqn,
			m->value))
		return 0;
	return (uint32_t)(sizeof(*m) + 2 * hl + dhlen);
}

static void challenge_came(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	struct host_auth *a = h->auth;
	uint8_t copy[DHCHAP_MESSAGE_MAX];
	const struct auth_challenge *c = (const struct auth_challenge *)copy;
	struct session s = {.dh = NULL};
	uint32_t len;

	if (!ok(a))
		return;
	memcpy(copy, h->page, sizeof(copy));
	if (auth_kind(&c->h) != AUTH_CHALLENGE || c->h.tid != a->tid || !dhchap_hash_len(c->hash) ||
		c->hl != dhchap_hash_len(c->hash) || c->dhvlen > DHCHAP_DH_MAX) {
		give_up(a, "the controller offers nothing we can do");
		return;
	}
	a->hash = c->hash;
	len = build_reply(a, c, &s);
	dhchap_dh_free(s.dh);
	secret_wipe(&s, sizeof(s));
	if (len)
		command(a, NVME_FC_AUTH_SEND, len, reply_sent);
	else
		give_up(a, "the challenge cannot be answered");
}

static void negotiate_sent(struct nvmf_io *io)
{
	struct host_auth *a = ((struct nvmf_host *)io->arg)->auth;

	if (ok(a))
		command(a, NVME_FC_AUTH_RECEIVE, DHCHAP_MESSAGE_MAX, challenge_came);
}

void host_auth(struct qp *q, void (*done)(struct nvmf_host *h))
{
	static const uint8_t hashes[] = {DHCHAP_SHA256, DHCHAP_SHA384, DHCHAP_SHA512}, groups[] = {0, 1, 2, 3, 4, 5};
	struct nvmf_host *h = q->host;
	struct auth_negotiate *m = (struct auth_negotiate *)h->page;
	struct host_auth *a = calloc(1, sizeof(*a));

	if (!a) {
		host_fail(h, true, "no memory for authentication");
		return;
	}
	*a = (struct host_auth){.host = h, .q = q, .done = done, .tid = (uint16_t)(++h->auth_count)};
	h->auth = a;
	dhchap_key_parse(h->dhchap_key, &a->key);
	a->asks_back = h->dhchap_ctrl_key && !dhchap_key_parse(h->dhchap_ctrl_key, &a->ctrl_key);
	memset(h->page, 0, sizeof(*m) + sizeof(m->protocol[0]));
	m->h.tid = a->tid;
	m->napd = 1;
	m->protocol[0].authid = 1;
	m->protocol[0].halen = sizeof(hashes);
	m->protocol[0].dhlen = sizeof(groups);
	memcpy(m->protocol[0].hashes, hashes, sizeof(hashes));
	memcpy(m->protocol[0].groups, groups, sizeof(groups));
	command(a, NVME_FC_AUTH_SEND, sizeof(*m) + sizeof(m->protocol[0]), negotiate_sent);
}
