/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In-band authentication, the controller's side (Base 8.13): one exchange per queue, before which only
 * AUTH_Send, AUTH_Receive and the Connect of the queue are served.
 *
 *     host: Negotiate -> we: Challenge -> host: Reply -> we: Success1 (-> host: Success2, if it asked back)
 */
#include "nvme/nvme_int.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvme/dhchap.h"

LOG_MODULE("nvme.auth");

enum auth_step {
	STEP_NEGOTIATE, /* what we wait for, or are asked for next */
	STEP_CHALLENGE,
	STEP_REPLY,
	STEP_SUCCESS1,
	STEP_SUCCESS2,
	STEP_FAILURE,
	STEP_DONE,
};

struct nvme_auth {
	enum auth_step step;
	struct secret host_key, ctrl_key;
	bool has_ctrl_key;
	uint8_t hash, group, explanation;
	uint16_t tid;
	uint32_t seq, seq2;
	uint8_t challenge[DHCHAP_HASH_MAX], challenge2[DHCHAP_HASH_MAX];
	bool answers; /* the host asked us to prove ourselves */
	struct dhchap_dh *dh;
};

int nvme_auth_key_check(const char *text)
{
	struct secret key;

	return text ? dhchap_key_parse(text, &key) : 0;
}

bool nvme_auth_required(struct nvme_target *t, const char *hostnqn)
{
	const struct nvme_host *h = nvme_host_find(t, hostnqn);

	return h && h->dhchap_key;
}

void nvme_auth_free(struct nvme_queue *q)
{
	if (!q->auth)
		return;
	dhchap_dh_free(q->auth->dh);
	secret_wipe(q->auth, sizeof(*q->auth));
	free(q->auth);
	q->auth = NULL;
}

/* Keys as they are now: a changed key counts from the next exchange. */
static struct nvme_auth *begin(struct nvme_queue *q)
{
	struct nvme_target *t = q->target;
	struct nvme_auth *a = q->auth ? q->auth : calloc(1, sizeof(*a));
	const struct nvme_host *h;

	if (!a)
		return NULL;
	q->auth = a;
	dhchap_dh_free(a->dh);
	memset(a, 0, sizeof(*a));
	pthread_mutex_lock(&t->lock);
	h = nvme_host_find(t, q->ctrl->hostnqn);
	if (h && h->dhchap_key) {
		dhchap_key_parse(h->dhchap_key, &a->host_key);
		a->has_ctrl_key = h->dhchap_ctrl_key && !dhchap_key_parse(h->dhchap_ctrl_key, &a->ctrl_key);
		a->hash = h->hash ? h->hash : DHCHAP_SHA256;
		a->group = h->dhgroup;
	}
	pthread_mutex_unlock(&t->lock);
	return a;
}

static void fail(struct nvme_queue *q, uint8_t explanation)
{
	static const char *const sentences[] = {
		[AUTH_FAILED] = "its response is not made with its key",
		[AUTH_NO_PROTOCOL] = "it does not offer DH-HMAC-CHAP",
		[AUTH_NO_SECURE_CHANNEL] = "it asks for secure channel concatenation (a TLS key made of this exchange), "
					   "which is not here: give host and target a PSK (nvmf.host_set psk)",
		[AUTH_NO_HASH] = "it does not offer the hash its key is set up for",
		[AUTH_NO_GROUP] = "it does not offer the Diffie-Hellman group its key is set up for",
		[AUTH_BAD_PAYLOAD] = "a message does not hold what it says",
		[AUTH_BAD_MESSAGE] = "a message that is not next",
	};

	q->auth->explanation = explanation;
	q->auth->step = STEP_FAILURE;
	log_warn("host %s, queue %u: authentication failed: %s", q->ctrl->hostnqn, q->qid, sentences[explanation]);
}

static void succeed(struct nvme_queue *q)
{
	q->auth->step = STEP_DONE;
	q->authenticated = true;
	if (!q->qid)
		q->ctrl->authenticated = true;
}

/* --- from the host --- */

static bool offers(const uint8_t *ids, unsigned n, uint8_t id)
{
	return n <= 30 && memchr(ids, id, n);
}

static void negotiate(struct nvme_queue *q, const uint8_t *data, uint32_t len)
{
	const struct auth_negotiate *m = (const struct auth_negotiate *)data;
	struct nvme_auth *a = q->auth;

	a->tid = m->h.tid;
	if (len < sizeof(*m) || len < sizeof(*m) + m->napd * sizeof(m->protocol[0])) {
		fail(q, AUTH_BAD_PAYLOAD);
		return;
	}
	if (m->sc_c) {
		fail(q, AUTH_NO_SECURE_CHANNEL);
		return;
	}
	for (unsigned i = 0; i < m->napd; i++) {
		if (m->protocol[i].authid != 1)
			continue;
		if (!offers(m->protocol[i].hashes, m->protocol[i].halen, a->hash))
			fail(q, AUTH_NO_HASH);
		else if (!offers(m->protocol[i].groups, m->protocol[i].dhlen, a->group))
			fail(q, AUTH_NO_GROUP);
		else
			a->step = STEP_CHALLENGE;
		return;
	}
	fail(q, AUTH_NO_PROTOCOL);
}

/* Both challenges get the session key mixed in when there is a group. */
static int mix(struct nvme_auth *a, const uint8_t *peer, size_t len)
{
	uint8_t secret[DHCHAP_DH_MAX], mixed[DHCHAP_HASH_MAX];
	size_t n, hl = dhchap_hash_len(a->hash);
	int err;

	if (!a->group)
		return 0;
	err = dhchap_dh_secret(a->dh, peer, len, secret, &n);
	if (!err)
		err = dhchap_augment(a->hash, secret, n, a->challenge, mixed);
	if (!err)
		memcpy(a->challenge, mixed, hl);
	if (!err)
		err = dhchap_augment(a->hash, secret, n, a->challenge2, mixed);
	if (!err)
		memcpy(a->challenge2, mixed, hl);
	secret_wipe(secret, sizeof(secret));
	return err;
}

static void reply(struct nvme_queue *q, const uint8_t *data, uint32_t len)
{
	const struct auth_reply *m = (const struct auth_reply *)data;
	struct nvme_auth *a = q->auth;
	struct nvme_ctrl *c = q->ctrl;
	size_t hl = dhchap_hash_len(a->hash);
	uint8_t want[DHCHAP_HASH_MAX];

	if (len < sizeof(*m) || m->hl != hl || len < sizeof(*m) + 2 * hl + m->dhvlen || !m->dhvlen != !a->group ||
		m->h.tid != a->tid) {
		fail(q, AUTH_BAD_PAYLOAD);
		return;
	}
	a->answers = m->cvalid;
	a->seq2 = m->seq;
	memcpy(a->challenge2, m->value + hl, hl);
	if ((a->answers && !a->has_ctrl_key) || mix(a, m->value + 2 * hl, m->dhvlen) ||
		dhchap_response(&a->host_key, c->hostnqn, a->hash, a->challenge, a->seq, a->tid, "HostHost", c->hostnqn,
			c->subsys->nqn, want) ||
		!dhchap_same(want, m->value, hl)) {
		fail(q, AUTH_FAILED);
		return;
	}
	a->step = STEP_SUCCESS1;
}

static uint16_t take(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;
	const struct auth_head *h = (const struct auth_head *)req->data;
	uint16_t kind;

	if (req->data_len < sizeof(*h))
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	kind = auth_kind(h);
	if (kind == AUTH_NEGOTIATE) {
		if (!begin(q))
			return NVME_SC_INTERNAL;
		negotiate(q, req->data, req->data_len);
	} else if (!q->auth) {
		return NVME_SC_SEQUENCE | NVME_SC_DNR;
	} else if (kind == AUTH_REPLY && q->auth->step == STEP_REPLY) {
		reply(q, req->data, req->data_len);
	} else if (kind == AUTH_SUCCESS2 && q->auth->step == STEP_SUCCESS2) {
		succeed(q);
	} else if (kind == AUTH_FAILURE2) {
		log_warn("host %s rejected our own response", q->ctrl->hostnqn);
		return NVME_SC_AUTH_REQUIRED | NVME_SC_DNR;
	} else {
		fail(q, AUTH_BAD_MESSAGE);
	}
	return 0;
}

static void send_execute(struct nvme_request *req)
{
	nvme_request_complete(req, take(req));
}

/* --- to the host --- */

static size_t put_challenge(struct nvme_queue *q, uint8_t *out)
{
	struct auth_challenge *m = (struct auth_challenge *)out;
	struct nvme_auth *a = q->auth;
	size_t hl = dhchap_hash_len(a->hash), dhlen = 0;

	dhchap_random(a->challenge, hl);
	dhchap_random((uint8_t *)&a->seq, sizeof(a->seq));
	a->seq |= !a->seq; /* zero is reserved */
	*m = (struct auth_challenge){.h = {.type = 1, .id = 1, .tid = a->tid}, .hl = (uint8_t)hl, .hash = a->hash,
		.group = a->group, .seq = a->seq};
	memcpy(m->value, a->challenge, hl);
	if (a->group) {
		a->dh = dhchap_dh_new(a->group);
		dhlen = a->dh ? dhchap_dh_public(a->dh, m->value + hl) : 0;
		m->dhvlen = (uint16_t)dhlen;
	}
	a->step = STEP_REPLY;
	return sizeof(*m) + hl + dhlen;
}

static size_t put_success(struct nvme_queue *q, uint8_t *out)
{
	struct auth_success1 *m = (struct auth_success1 *)out;
	struct nvme_auth *a = q->auth;
	struct nvme_ctrl *c = q->ctrl;
	size_t hl = dhchap_hash_len(a->hash);

	*m = (struct auth_success1){.h = {.type = 1, .id = 3, .tid = a->tid}, .hl = (uint8_t)hl, .rvalid = a->answers};
	if (a->answers) {
		dhchap_response(&a->ctrl_key, c->subsys->nqn, a->hash, a->challenge2, a->seq2, a->tid, "Controller",
			c->subsys->nqn, c->hostnqn, m->value);
		a->step = STEP_SUCCESS2;
	} else {
		memset(m->value, 0, hl);
		succeed(q);
	}
	return sizeof(*m) + hl;
}

static size_t put_failure(struct nvme_queue *q, uint8_t *out)
{
	struct auth_failure *m = (struct auth_failure *)out;

	*m = (struct auth_failure){.h = {.type = 0, .id = 0xf0, .tid = q->auth->tid}, .reason = 1,
		.explanation = q->auth->explanation};
	return sizeof(*m);
}

static void receive_execute(struct nvme_request *req)
{
	uint8_t message[DHCHAP_MESSAGE_MAX];
	struct nvme_queue *q = req->queue;
	size_t n = 0;

	memset(req->data, 0, req->data_len);
	if (q->auth && q->auth->step == STEP_CHALLENGE)
		n = put_challenge(q, message);
	else if (q->auth && q->auth->step == STEP_SUCCESS1)
		n = put_success(q, message);
	else if (q->auth && q->auth->step == STEP_FAILURE)
		n = put_failure(q, message);
	if (!n) {
		nvme_request_complete(req, NVME_SC_SEQUENCE | NVME_SC_DNR);
		return;
	}
	memcpy(req->data, message, MIN_OF(n, (size_t)req->data_len));
	nvme_request_complete(req, 0);
	if (q->auth && q->auth->step == STEP_FAILURE)
		q->ops->disconnect(q); /* after this answer: one guess per connection */
}

uint16_t nvme_auth_init(struct nvme_request *req)
{
	const struct nvme_cmd *cmd = &req->cmd;
	bool send = cmd->auth.fctype == NVME_FC_AUTH_SEND;

	if (cmd->auth.secp != DHCHAP_SECP || cmd->auth.spsp0 != 1 || cmd->auth.spsp1 != 1)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	if (!cmd->auth.length || cmd->auth.length > 4096)
		return NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	req->data_len = cmd->auth.length;
	req->dir = send ? NVME_DIR_FROM_HOST : NVME_DIR_TO_HOST;
	req->execute = send ? send_execute : receive_execute;
	return 0;
}
