/* SPDX-License-Identifier: BSD-3-Clause */
/* Fabrics commands (Fabrics 1.1 section 3): Connect, properties, Disconnect. */
#include "nvme/nvme_int.h"

#include <stdio.h>

#include "base/log.h"

LOG_MODULE("nvme.fabrics");

/* --- Connect --- */

enum { /* where Connect Invalid Parameters points: attribute 1 = in the data, and the byte offset */
	IN_DATA = 1 << 16,
	DATA_HOSTID = 0,
	DATA_CNTLID = 16,
	DATA_SUBNQN = 256,
	DATA_HOSTNQN = 512,
	CMD_QID = 42,
	CMD_SQSIZE = 44,
};

static uint16_t bad(struct nvme_request *req, uint32_t where)
{
	log_warn("Connect refused: byte %u of its %s (queue %u, size %u)", where & 0xffff,
		where & IN_DATA ? "data" : "command", req->cmd.connect.qid, req->cmd.connect.sqsize + 1u);
	req->cqe.result = where;
	return NVME_SC_CONNECT_INVALID_PARAM | NVME_SC_DNR;
}

static struct nvme_subsystem *find_subsystem(struct nvme_target *t, const char *nqn)
{
	struct nvme_subsystem *s;

	if (!strcmp(nqn, NVME_DISCOVERY_NQN))
		return t->discovery;
	list_for_each (s, &t->subsystems, node)
		if (!strcmp(s->nqn, nqn))
			return s;
	return NULL;
}

static uint16_t check_host(struct nvme_request *req, const struct nvme_connect_data *d,
	struct nvme_subsystem **out)
{
	struct nvme_queue *q = req->queue;
	struct nvme_subsystem *s;

	if (!memchr(d->subnqn, 0, sizeof(d->subnqn)))
		return bad(req, IN_DATA | DATA_SUBNQN);
	if (!memchr(d->hostnqn, 0, sizeof(d->hostnqn)) || !d->hostnqn[0])
		return bad(req, IN_DATA | DATA_HOSTNQN);
	s = find_subsystem(q->target, d->subnqn);
	if (!s || !nvme_subsystem_on_port(s, q->port)) {
		log_warn("host %.80s asked for %.80s, which is not here", d->hostnqn, d->subnqn);
		return bad(req, IN_DATA | DATA_SUBNQN);
	}
	if (q->secure && strcmp(d->hostnqn, q->psk_hostnqn))
		return bad(req, IN_DATA | DATA_HOSTNQN);
	if (q->secure && strcmp(d->subnqn, q->psk_subnqn))
		return bad(req, IN_DATA | DATA_SUBNQN);
	if (!q->secure && !s->discovery && nvme_psk_required(q->target, d->hostnqn)) {
		log_warn("host %.80s has a PSK and came to %s without TLS", d->hostnqn, s->nqn);
		return NVME_SC_CONNECT_INVALID_HOST | NVME_SC_DNR;
	}
	if (!nvme_subsystem_host_allowed(s, d->hostnqn)) {
		log_warn("host %.80s is not allowed to use %s", d->hostnqn, s->nqn);
		return NVME_SC_CONNECT_INVALID_HOST | NVME_SC_DNR;
	}
	*out = s;
	return 0;
}

static uint16_t check_size(struct nvme_request *req, bool admin)
{
	uint32_t size = (uint32_t)req->cmd.connect.sqsize + 1;

	if (size < 2 || size > (admin ? 4096u : req->queue->target->queue_size))
		return bad(req, CMD_SQSIZE);
	return 0;
}

static void install(struct nvme_request *req, struct nvme_ctrl *c)
{
	struct nvme_queue *q = req->queue;

	q->qid = req->cmd.connect.qid;
	q->size = (uint16_t)(req->cmd.connect.sqsize + 1);
	q->no_sqfc = req->cmd.connect.cattr & NVME_CATTR_NO_SQFC;
	q->ctrl = c;
	if (q->no_sqfc)
		req->cqe.sqhd = 0xffff;
	q->authenticated = !nvme_auth_required(q->target, c->hostnqn) || c->subsys->discovery;
	req->cqe.result = c->cntlid;
	if (!q->authenticated)
		req->cqe.result |= NVME_CONNECT_AUTHREQ_ATR;
}

static uint16_t connect_admin(struct nvme_request *req, const struct nvme_connect_data *d)
{
	struct nvme_queue *q = req->queue;
	struct nvme_subsystem *s;
	struct nvme_ctrl *c;
	uint16_t status = check_host(req, d, &s);

	if (!status && d->cntlid != NVME_CNTLID_DYNAMIC)
		status = bad(req, IN_DATA | DATA_CNTLID);
	if (!status)
		status = check_size(req, true);
	if (status)
		return status;
	if (nvme_ctrl_create(s, q, d, req->cmd.connect.kato, &c, &status))
		return status;
	install(req, c);
	c->authenticated = q->authenticated;
	if (!s->discovery)
		log_info("host %s connected to %s as controller %u", c->hostnqn, s->nqn, c->cntlid);
	return 0;
}

static uint16_t attach_io(struct nvme_request *req, struct nvme_ctrl *c)
{
	uint16_t qid = req->cmd.connect.qid;

	if (!qid || qid > c->target->io_queues)
		return bad(req, CMD_QID);
	if (!(c->csts & NVME_CSTS_RDY) || c->dying)
		return NVME_SC_CONNECT_BUSY;
	if (c->io[qid]) {
		log_warn("host %s: queue %u of controller %u is connected already", c->hostnqn, qid, c->cntlid);
		return bad(req, CMD_QID);
	}
	c->io[qid] = req->queue;
	c->io_count++;
	return 0;
}

static uint16_t connect_io(struct nvme_request *req, const struct nvme_connect_data *d)
{
	struct nvme_queue *q = req->queue;
	struct nvme_subsystem *s;
	struct nvme_ctrl *c;
	uint16_t status = check_host(req, d, &s);

	if (!status)
		status = check_size(req, false);
	if (status)
		return status;
	c = nvme_ctrl_find(s, d->cntlid);
	if (!c || s->discovery)
		return bad(req, IN_DATA | DATA_CNTLID);
	if (strcmp(c->hostnqn, d->hostnqn))
		return bad(req, IN_DATA | DATA_HOSTNQN);
	if (memcmp(c->hostid, d->hostid, sizeof(c->hostid)))
		return bad(req, IN_DATA | DATA_HOSTID);
	if (c->port != q->port) /* the queues of a controller come in by one port */
		return bad(req, IN_DATA | DATA_CNTLID);
	nvme_ctrl_get(c);
	pthread_mutex_lock(&c->lock);
	status = attach_io(req, c);
	if (!status)
		install(req, c);
	pthread_mutex_unlock(&c->lock);
	if (status) /* not the last one: the list's walkers hold the lock, as we do */
		__atomic_sub_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return status;
}

static void connect_execute(struct nvme_request *req)
{
	struct nvme_target *t = req->queue->target;
	struct nvme_connect_data d;
	uint16_t status;

	memcpy(&d, req->data, sizeof(d));
	if (req->queue->ctrl) { /* two Connects came in one segment, and the first succeeded */
		nvme_request_complete(req, NVME_SC_SEQUENCE | NVME_SC_DNR);
		return;
	}
	pthread_mutex_lock(&t->lock);
	status = req->cmd.connect.qid ? connect_io(req, &d) : connect_admin(req, &d);
	pthread_mutex_unlock(&t->lock);
	nvme_request_complete(req, status);
}

uint16_t nvme_connect_init(struct nvme_request *req)
{
	if (req->cmd.opcode != NVME_FABRICS || req->cmd.connect.fctype != NVME_FC_CONNECT)
		return NVME_SC_SEQUENCE | NVME_SC_DNR;
	if (req->cmd.connect.recfmt)
		return NVME_SC_CONNECT_INCOMPATIBLE | NVME_SC_DNR;
	req->execute = connect_execute;
	req->dir = NVME_DIR_FROM_HOST;
	req->data_len = sizeof(struct nvme_connect_data);
	return 0;
}

/* --- properties --- */

uint64_t nvme_ctrl_cap(const struct nvme_ctrl *c)
{
	uint64_t cap = (uint64_t)(c->target->queue_size - 1); /* MQES, zero based */

	cap |= 1ull << 16;  /* CQR: queues are contiguous */
	cap |= 30ull << 24; /* TO: 15 s in 500 ms units */
	cap |= 1ull << 37;  /* CSS: NVM command set */
	return cap;
}

static void property_get(struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;
	bool eight = req->cmd.property.attrib & 1;
	uint16_t status = 0;

	switch (req->cmd.property.offset) {
	case NVME_REG_CAP:
		req->cqe.result64 = nvme_ctrl_cap(c);
		status = eight ? 0 : NVME_SC_INVALID_FIELD | NVME_SC_DNR;
		break;
	case NVME_REG_VS:
		req->cqe.result64 = NVME_VERSION_1_4;
		break;
	case NVME_REG_CC:
		req->cqe.result64 = c->cc;
		break;
	case NVME_REG_CSTS:
		req->cqe.result64 = c->csts;
		break;
	default:
		status = NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	}
	if (req->cmd.property.offset != NVME_REG_CAP && eight)
		status = NVME_SC_INVALID_FIELD | NVME_SC_DNR;
	nvme_request_complete(req, status);
}

static bool cc_is_legal(const struct nvme_ctrl *c, uint32_t cc)
{
	uint32_t iosqes = cc >> 16 & 0xf, iocqes = cc >> 20 & 0xf;

	if (!c->subsys->discovery && (iosqes != 6 || iocqes != 4))
		return false;
	return !(cc >> 4 & 0x7) && !(cc >> 7 & 0xf) && !(cc >> 11 & 0x7); /* CSS, MPS, AMS */
}

static void enable(struct nvme_ctrl *c, uint32_t cc)
{
	if (!cc_is_legal(c, cc)) {
		log_warn("host %s, controller %u: CC %#x asks for what we do not have", c->hostnqn, c->cntlid,
			cc);
		c->csts |= NVME_CSTS_CFS;
		return;
	}
	c->csts = NVME_CSTS_RDY;
	if (c->subsys->discovery && !c->kato_ms)
		nvme_ctrl_set_kato(c, NVME_KATO_DEFAULT_MS * 8); /* a forgotten discovery session ends */
}

static void set_cc(struct nvme_ctrl *c, uint32_t cc)
{
	uint32_t old = c->cc;

	c->cc = cc;
	if ((cc & NVME_CC_EN) && !(old & NVME_CC_EN))
		enable(c, cc);
	if (!(cc & NVME_CC_EN) && (old & NVME_CC_EN))
		c->csts &= ~(uint32_t)(NVME_CSTS_RDY | NVME_CSTS_CFS);
	if ((cc & NVME_CC_SHN_MASK) && !(old & NVME_CC_SHN_MASK))
		c->csts |= NVME_CSTS_SHST_DONE;
	if (!(cc & NVME_CC_SHN_MASK) && (old & NVME_CC_SHN_MASK))
		c->csts &= ~(uint32_t)NVME_CSTS_SHST_DONE;
}

static void property_set(struct nvme_request *req)
{
	if ((req->cmd.property.attrib & 1) || req->cmd.property.offset != NVME_REG_CC) {
		nvme_request_complete(req, NVME_SC_INVALID_FIELD | NVME_SC_DNR);
		return;
	}
	set_cc(req->queue->ctrl, (uint32_t)req->cmd.property.value);
	nvme_request_complete(req, 0);
}

/* Disconnect of an I/O queue (Fabrics 1.1, 3.4): answer, then close this connection alone. */
static void disconnect(struct nvme_request *req)
{
	struct nvme_queue *q = req->queue;

	nvme_request_complete(req, 0);
	q->ops->disconnect(q);
}

uint16_t nvme_fabrics_init(struct nvme_request *req)
{
	const struct nvme_queue *q = req->queue;

	switch (req->cmd.connect.fctype) {
	case NVME_FC_AUTH_SEND:
	case NVME_FC_AUTH_RECEIVE:
		return nvme_auth_init(req);
	case NVME_FC_CONNECT:
		return NVME_SC_SEQUENCE | NVME_SC_DNR;
	default:
		break;
	}
	if (!q->authenticated)
		return NVME_SC_AUTH_REQUIRED | NVME_SC_DNR;
	if (!q->qid && req->cmd.property.fctype == NVME_FC_PROPERTY_GET)
		req->execute = property_get;
	else if (!q->qid && req->cmd.property.fctype == NVME_FC_PROPERTY_SET)
		req->execute = property_set;
	else if (q->qid && req->cmd.connect.fctype == NVME_FC_DISCONNECT)
		req->execute = disconnect;
	else
		return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
	return 0;
}
