/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bringing a controller up (Fabrics 1.1, 2.2 and 4): dial, Connect, enable, identify, I/O queues, namespaces.
 * Each step is one command whose done() starts the next.
 */
#include <stdio.h>
#include <stdlib.h>

#include "nvmf/host_int.h"

/* --- one command of the bring-up --- */

static void step_on(struct qp *q, void (*done)(struct nvmf_io *io))
{
	struct nvmf_host *h = q->host;

	h->step.done = done;
	h->step.arg = h;
	h->step.multi = NULL;
	h->step.path_done = NULL;
	h->step.deadline = host_now(h) + HOST_BRING_UP_NS;
	qp_submit(q, &h->step);
}

static void step_init(struct nvmf_host *h, uint8_t opcode, enum nvme_dir dir, uint32_t len)
{
	memset(&h->step.cmd, 0, sizeof(h->step.cmd));
	h->step.cmd.opcode = opcode;
	h->step.dir = dir;
	h->step.len = len;
	h->step.buf = h->page;
	if (dir == NVME_DIR_TO_HOST)
		memset(h->page, 0, len);
}

void host_step_on(struct qp *q, uint8_t opcode, enum nvme_dir dir, uint32_t len,
	void (*done)(struct nvmf_io *io))
{
	struct nvmf_host *h = q->host;

	h->step.dir = dir;
	h->step.len = len;
	h->step.buf = h->page;
	h->step.cmd.opcode = opcode;
	step_on(q, done);
}

void host_step(struct nvmf_host *h, uint8_t opcode, enum nvme_dir dir, uint32_t len,
	void (*done)(struct nvmf_io *io))
{
	host_step_on(h->admin, opcode, dir, len, done);
}

/* true: the bring-up goes on */
static bool step_ok(struct nvmf_host *h, const char *what)
{
	uint16_t status = h->step.status;

	if (h->phase >= PHASE_CLOSING)
		return false;
	if (!status)
		return true;
	host_fail(h, !(status & NVME_SC_DNR), "%s: %s", what, nvmf_status_text(status));
	return false;
}

static void send_connect(struct qp *q, void (*done)(struct nvmf_io *io))
{
	struct nvmf_host *h = q->host;
	struct nvme_connect_data *d = (struct nvme_connect_data *)h->page;
	struct nvme_cmd *cmd = &h->step.cmd;

	step_init(h, NVME_FABRICS, NVME_DIR_FROM_HOST, sizeof(*d));
	memset(d, 0, sizeof(*d));
	memcpy(d->hostid, h->hostid, sizeof(d->hostid));
	d->cntlid = q->qid ? h->cntlid : NVME_CNTLID_DYNAMIC;
	snprintf(d->subnqn, sizeof(d->subnqn), "%s", h->subnqn);
	snprintf(d->hostnqn, sizeof(d->hostnqn), "%s", h->hostnqn);
	cmd->connect.fctype = NVME_FC_CONNECT;
	cmd->connect.qid = q->qid;
	cmd->connect.sqsize = (uint16_t)(q->size - 1);
	cmd->connect.cattr = NVME_CATTR_NO_SQFC;
	cmd->connect.kato = q->qid || h->o.kato_ms == UINT32_MAX ? 0 : h->o.kato_ms;
	step_on(q, done);
}

static void send_property(struct nvmf_host *h, bool set, uint32_t offset, uint64_t value,
	void (*done)(struct nvmf_io *io))
{
	step_init(h, NVME_FABRICS, NVME_DIR_NONE, 0);
	h->step.cmd.property.fctype = set ? NVME_FC_PROPERTY_SET : NVME_FC_PROPERTY_GET;
	h->step.cmd.property.attrib = offset == NVME_REG_CAP;
	h->step.cmd.property.offset = offset;
	h->step.cmd.property.value = value;
	step_on(h->admin, done);
}

/* --- bring-up, last step first --- */

static void next_io_queue(struct nvmf_host *h);

static bool is_discovery(const struct nvmf_host *h)
{
	return !strcmp(h->subnqn, NVME_DISCOVERY_NQN);
}

static void live(struct nvmf_host *h)
{
	h->trouble[0] = '\0';
	h->pause_ms = h->o.reconnect_ms;
	h->lost_at = host_now(h);
	host_set_phase(h, PHASE_LIVE);
	host_arm_aers(h);
	host_set_state(h, NVMF_HOST_LIVE, 0);
}

void host_scanned(struct nvmf_host *h)
{
	bool first = h->phase == PHASE_SCAN;

	free(h->ns);
	h->ns = h->ns_new;
	h->ns_count = h->ns_new_count;
	h->ns_new = NULL;
	if (first)
		live(h);
	else if (h->o.on_event)
		h->o.on_event(h->o.arg, h, NVMF_EVENT_NAMESPACES);
	if (h->rescan && h->phase == PHASE_LIVE) {
		h->rescan = false;
		host_scan(h);
	}
}

/* Authenticates q if its Connect asked for that, then goes on. */
static void authenticate(struct qp *q, uint32_t connect_result, void (*done)(struct nvmf_host *h))
{
	struct nvmf_host *h = q->host;

	if (connect_result & NVME_CONNECT_AUTHREQ_ASCR)
		host_fail(h, false, "the controller wants a secure channel, which this host has not");
	else if (!(connect_result & NVME_CONNECT_AUTHREQ_ATR))
		done(h);
	else if (!h->dhchap_key)
		host_fail(h, false, "the controller wants authentication, and this host has no key for it");
	else
		host_auth(q, done);
}

static void io_authenticated(struct nvmf_host *h)
{
	h->io[h->io_up]->capsule = h->identity.ioccsz * 16 > 64 ? h->identity.ioccsz * 16 - 64 : 0;
	h->io_up++;
	next_io_queue(h);
}

static void io_connected(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (step_ok(h, "Connect of an I/O queue"))
		authenticate(h->io[h->io_up], io->cqe.result, io_authenticated);
}

static void next_io_queue(struct nvmf_host *h)
{
	if (h->io_up == h->io_count) {
		host_set_phase(h, PHASE_SCAN);
		host_scan(h);
		return;
	}
	host_set_phase(h, PHASE_IO_DIAL);
	host_dial(h, h->io[h->io_up]);
}

static bool make_io_queues(struct nvmf_host *h, unsigned count)
{
	uint16_t most = (uint16_t)((h->cap & 0xffff) + 1);

	for (unsigned i = 0; i < count; i++) {
		h->io[i] = qp_create(h, (uint16_t)(i + 1), MIN_OF(h->o.queue_size, most));
		if (!h->io[i])
			return false;
		h->io_count = i + 1;
	}
	return true;
}

static void queues_set(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	unsigned granted = (io->cqe.result & 0xffff) + 1;

	if (!step_ok(h, "Set Features, number of queues"))
		return;
	if (!make_io_queues(h, MIN_OF(granted, (unsigned)h->o.io_queues)))
		host_fail(h, true, "no memory for queues");
	else
		next_io_queue(h);
}

static void events_set(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;
	uint32_t n = h->o.io_queues - 1u;

	/* a controller without a kind of event answers with an error: then there are none */
	if (h->phase >= PHASE_CLOSING)
		return;
	if (is_discovery(h)) {
		live(h);
		return;
	}
	host_set_phase(h, PHASE_QUEUES);
	step_init(h, NVME_ADMIN_SET_FEATURES, NVME_DIR_NONE, 0);
	h->step.cmd.cdw10 = NVME_FEAT_NUM_QUEUES;
	h->step.cmd.cdw11 = n | n << 16;
	step_on(h->admin, queues_set);
}

static void identified(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!step_ok(h, "Identify controller"))
		return;
	memcpy(&h->identity, h->page, sizeof(h->identity));
	step_init(h, NVME_ADMIN_SET_FEATURES, NVME_DIR_NONE, 0);
	h->step.cmd.cdw10 = NVME_FEAT_ASYNC_EVENT;
	h->step.cmd.cdw11 = h->identity.oaes;
	step_on(h->admin, events_set);
}

static void ready_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!step_ok(h, "Property Get CSTS"))
		return;
	if (io->cqe.result & NVME_CSTS_CFS) {
		host_fail(h, true, "the controller reports a fatal status");
	} else if (!(io->cqe.result & NVME_CSTS_RDY)) {
		send_property(h, false, NVME_REG_CSTS, 0, ready_read); /* tick() ends this after 10 s */
	} else {
		host_set_phase(h, PHASE_IDENTIFY);
		step_init(h, NVME_ADMIN_IDENTIFY, NVME_DIR_TO_HOST, 4096);
		h->step.cmd.cdw10 = NVME_CNS_CTRL;
		step_on(h->admin, identified);
	}
}

static void enabled(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (step_ok(h, "Property Set CC")) {
		host_set_phase(h, PHASE_WAIT_READY);
		send_property(h, false, NVME_REG_CSTS, 0, ready_read);
	}
}

static void cap_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!step_ok(h, "Property Get CAP"))
		return;
	h->cap = io->cqe.result64;
	host_set_phase(h, PHASE_ENABLE);
	send_property(h, true, NVME_REG_CC, NVME_CC_EN | 6 << 16 | 4 << 20, enabled);
}

static void admin_authenticated(struct nvmf_host *h)
{
	host_set_phase(h, PHASE_READ_CAP);
	send_property(h, false, NVME_REG_CAP, 0, cap_read);
}

static void admin_connected(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!step_ok(h, "Connect"))
		return;
	h->cntlid = (uint16_t)io->cqe.result;
	authenticate(h->admin, io->cqe.result, admin_authenticated);
}

void host_qp_up(struct qp *q)
{
	struct nvmf_host *h = q->host;

	host_set_phase(h, q->qid ? PHASE_IO_CONNECT : PHASE_ADMIN_CONNECT);
	send_connect(q, q->qid ? io_connected : admin_connected);
}

void host_begin(struct nvmf_host *h)
{
	host_free_queues(h);
	h->rescan = h->rescan_ana = false;
	host_set_phase(h, PHASE_ADMIN_DIAL);
	reactor_timer_arm(h->o.reactor, &h->tick, host_now(h) + HOST_TICK_NS);
	h->admin = qp_create(h, 0, 32);
	if (!h->admin)
		host_fail(h, true, "no memory for the admin queue");
	else
		host_dial(h, h->admin);
}

