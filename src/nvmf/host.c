/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bringing a controller up and keeping it (Fabrics 1.1, 2.2 and 4): dial, Connect, enable, identify, I/O
 * queues, namespaces; then keep alive, events, and all of it again when the connection is lost. Each
 * step is one command whose done() starts the next.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <liburing.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvme/dhchap.h"
#include "nvmf/host_int.h"

LOG_MODULE("nvmf.host");

#define TICK_NS (250 * NS_PER_MS)
#define BRING_UP_NS (10 * NS_PER_SEC)
#define PAUSE_MAX_MS 10000u

static void dial(struct nvmf_host *h, struct qp *q);
static void next_io_queue(struct nvmf_host *h);
static void arm_aers(struct nvmf_host *h);

static uint64_t now(const struct nvmf_host *h)
{
	return reactor_now(h->o.reactor);
}

static void set_state(struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	h->state = state;
	if (h->o.on_state)
		h->o.on_state(h->o.arg, h, state, err);
}

static void set_phase(struct nvmf_host *h, enum host_phase phase)
{
	h->phase = phase;
	h->phase_since = now(h);
}

static bool is_discovery(const struct nvmf_host *h)
{
	return !strcmp(h->subnqn, NVME_DISCOVERY_NQN);
}

/* --- the end of a connection --- */

static void free_queues(struct nvmf_host *h)
{
	qp_destroy(h->admin);
	h->admin = NULL;
	for (unsigned i = 0; i < HOST_QUEUES_MAX; i++) {
		qp_destroy(h->io[i]);
		h->io[i] = NULL;
	}
	h->io_count = h->io_up = 0;
}

static void gone_run(struct reactor_task *task)
{
	struct nvmf_host *h = container_of(task, struct nvmf_host, gone_task);

	free_queues(h);
	set_state(h, NVMF_HOST_GONE, 0);
	free(h->ns);
	free(h->ns_new);
	free(h->page);
	free(h->traddr);
	free(h->trsvcid);
	free(h->subnqn);
	free(h->hostnqn);
	free(h->dhchap_key);
	free(h->dhchap_ctrl_key);
	free(h);
}

static void abort_all(struct nvmf_host *h)
{
	if (h->admin)
		qp_abort(h->admin, NVME_SC_HOST_PATH_ERROR);
	for (unsigned i = 0; i < h->io_count; i++)
		qp_abort(h->io[i], NVME_SC_HOST_PATH_ERROR);
}

static bool may_retry(const struct nvmf_host *h)
{
	return h->o.ctrl_loss_ms == UINT32_MAX || now(h) - h->lost_at < h->o.ctrl_loss_ms * NS_PER_MS;
}

/* All streams are closed: tell the commands, then decide what comes next. */
static void all_closed(struct nvmf_host *h)
{
	bool retry = h->phase == PHASE_CLOSING;

	reactor_timer_cancel(h->o.reactor, &h->tick);
	reactor_timer_cancel(h->o.reactor, &h->keep);
	set_phase(h, PHASE_PAUSE);
	abort_all(h);
	if (h->destroying) {
		reactor_timer_cancel(h->o.reactor, &h->pause);
		reactor_task_queue(h->o.reactor, &h->gone_task);
	} else if (retry && may_retry(h)) {
		reactor_timer_arm(h->o.reactor, &h->pause, now(h) + h->pause_ms * NS_PER_MS);
		h->pause_ms = MIN_OF(h->pause_ms * 2, PAUSE_MAX_MS);
	} else {
		set_phase(h, PHASE_FAILED);
		set_state(h, NVMF_HOST_FAILED, -ECONNREFUSED);
	}
}

static void close_queue(struct qp *q)
{
	if (!q)
		return;
	q->failed = true;
	if (q->stream && !q->closing)
		qp_close(q);
}

static void close_all(struct nvmf_host *h)
{
	close_queue(h->admin);
	for (unsigned i = 0; i < h->io_count; i++)
		close_queue(h->io[i]);
	if (h->dialing && !h->dial_cancelled) {
		h->dial_cancelled = true;
		io_uring_prep_cancel(reactor_sqe(h->o.reactor, NULL), &h->dial_op, 0);
	}
	if (!h->open_streams && !h->dialing)
		all_closed(h);
}

void host_fail(struct nvmf_host *h, bool retry, const char *fmt, ...)
{
	bool was_live = h->phase == PHASE_LIVE || h->phase == PHASE_SCAN;
	va_list ap;

	if (h->phase >= PHASE_CLOSING)
		return;
	va_start(ap, fmt);
	vsnprintf(h->trouble, sizeof(h->trouble), fmt, ap);
	va_end(ap);
	log_debug("%s %s: %s", h->address, h->subnqn, h->trouble);
	if (was_live) {
		h->lost_at = now(h);
		h->pause_ms = h->o.reconnect_ms;
	}
	set_phase(h, retry ? PHASE_CLOSING : PHASE_FAILED);
	if (h->state == NVMF_HOST_LIVE)
		set_state(h, NVMF_HOST_CONNECTING, -ECONNRESET);
	close_all(h);
}

void host_qp_failed(struct qp *q, const char *why)
{
	host_fail(q->host, true, "queue %u: %s", q->qid, why);
}

void host_qp_closed(struct qp *q)
{
	struct nvmf_host *h = q->host;

	if (!--h->open_streams && !h->dialing)
		all_closed(h);
}

/* --- dialing --- */

static void dialed(struct nvmf_host *h, struct qp *q, struct stream *stream)
{
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
			all_closed(h);
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

static void dial(struct nvmf_host *h, struct qp *q)
{
	struct stream *stream;
	int err;

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

/* --- one command of the bring-up --- */

static void step_on(struct qp *q, void (*done)(struct nvmf_io *io))
{
	struct nvmf_host *h = q->host;

	h->step.done = done;
	h->step.arg = h;
	h->step.multi = NULL;
	h->step.path_done = NULL;
	h->step.deadline = now(h) + BRING_UP_NS;
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

static void live(struct nvmf_host *h)
{
	h->trouble[0] = '\0';
	h->pause_ms = h->o.reconnect_ms;
	h->lost_at = now(h);
	set_phase(h, PHASE_LIVE);
	arm_aers(h);
	set_state(h, NVMF_HOST_LIVE, 0);
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
		set_phase(h, PHASE_SCAN);
		host_scan(h);
		return;
	}
	set_phase(h, PHASE_IO_DIAL);
	dial(h, h->io[h->io_up]);
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
	set_phase(h, PHASE_QUEUES);
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
		set_phase(h, PHASE_IDENTIFY);
		step_init(h, NVME_ADMIN_IDENTIFY, NVME_DIR_TO_HOST, 4096);
		h->step.cmd.cdw10 = NVME_CNS_CTRL;
		step_on(h->admin, identified);
	}
}

static void enabled(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (step_ok(h, "Property Set CC")) {
		set_phase(h, PHASE_WAIT_READY);
		send_property(h, false, NVME_REG_CSTS, 0, ready_read);
	}
}

static void cap_read(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	if (!step_ok(h, "Property Get CAP"))
		return;
	h->cap = io->cqe.result64;
	set_phase(h, PHASE_ENABLE);
	send_property(h, true, NVME_REG_CC, NVME_CC_EN | 6 << 16 | 4 << 20, enabled);
}

static void admin_authenticated(struct nvmf_host *h)
{
	set_phase(h, PHASE_READ_CAP);
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

	set_phase(h, q->qid ? PHASE_IO_CONNECT : PHASE_ADMIN_CONNECT);
	send_connect(q, q->qid ? io_connected : admin_connected);
}

static void begin(struct nvmf_host *h)
{
	free_queues(h);
	h->rescan = h->rescan_ana = false;
	set_phase(h, PHASE_ADMIN_DIAL);
	reactor_timer_arm(h->o.reactor, &h->tick, now(h) + TICK_NS);
	h->admin = qp_create(h, 0, 32);
	if (!h->admin)
		host_fail(h, true, "no memory for the admin queue");
	else
		dial(h, h->admin);
}

/* --- staying up --- */

static void event_read(struct nvmf_host *h, uint32_t result)
{
	uint8_t type = result & 7, info = (uint8_t)(result >> 8);

	if (type != NVME_AER_NOTICE)
		return;
	if (info == NVME_NOTICE_DISCOVERY) {
		if (h->o.on_event)
			h->o.on_event(h->o.arg, h, NVMF_EVENT_DISCOVERY);
	} else if (info == NVME_NOTICE_NS_CHANGED || info == NVME_NOTICE_ANA) {
		if (h->scan_len || h->step_busy)
			h->rescan = true;
		else
			host_scan(h);
	}
}

static void aer_done(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	h->aer_busy[io - h->aer] = false;
	if (h->phase != PHASE_LIVE || io->status)
		return;
	event_read(h, io->cqe.result);
	arm_aers(h);
}

static void arm_aers(struct nvmf_host *h)
{
	for (unsigned i = 0; i < HOST_AERS; i++) {
		if (h->aer_busy[i])
			continue;
		h->aer_busy[i] = true;
		h->aer[i] = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_ASYNC_EVENT, .done = aer_done, .arg = h,
			.deadline = UINT64_MAX};
		qp_submit(h->admin, &h->aer[i]);
	}
}

static void kept_alive(struct nvmf_io *io)
{
	struct nvmf_host *h = io->arg;

	h->keep_alive_busy = false;
	if (h->phase == PHASE_LIVE && io->status)
		host_fail(h, true, "keep alive: %s", nvmf_status_text(io->status));
}

static void keep_fire(struct reactor_timer *timer)
{
	struct nvmf_host *h = container_of(timer, struct nvmf_host, keep);

	if (h->phase != PHASE_LIVE)
		return;
	reactor_timer_arm(h->o.reactor, timer, now(h) + h->o.kato_ms / 2 * NS_PER_MS);
	if (h->keep_alive_busy)
		return;
	h->keep_alive_busy = true;
	h->keep_alive = (struct nvmf_io){.cmd.opcode = NVME_ADMIN_KEEP_ALIVE, .done = kept_alive, .arg = h,
		.deadline = now(h) + h->o.kato_ms * NS_PER_MS};
	qp_submit(h->admin, &h->keep_alive);
}

static bool overdue(const struct nvmf_host *h)
{
	if (h->admin && qp_overdue(h->admin, now(h)))
		return true;
	for (unsigned i = 0; i < h->io_up; i++)
		if (qp_overdue(h->io[i], now(h)))
			return true;
	return false;
}

static void tick_fire(struct reactor_timer *timer)
{
	struct nvmf_host *h = container_of(timer, struct nvmf_host, tick);

	if (h->phase >= PHASE_CLOSING)
		return;
	if (h->phase == PHASE_LIVE && !h->keep.slot && h->o.kato_ms != UINT32_MAX)
		reactor_timer_arm(h->o.reactor, &h->keep, now(h) + h->o.kato_ms / 2 * NS_PER_MS);
	reactor_timer_arm(h->o.reactor, timer, now(h) + TICK_NS);
	if (h->phase < PHASE_SCAN && now(h) - h->phase_since > BRING_UP_NS)
		host_fail(h, true, "the controller did not come up within 10 s");
	else if (overdue(h))
		host_fail(h, true, "a command was not answered in time");
}

static void pause_fire(struct reactor_timer *timer)
{
	begin(container_of(timer, struct nvmf_host, pause));
}

/* --- commands of the user --- */

void nvmf_host_admin(struct nvmf_host *h, struct nvmf_io *io)
{
	io->path_done = NULL;
	io->deadline = now(h) + h->o.io_timeout_ms * NS_PER_MS;
	if (h->phase != PHASE_LIVE)
		nvmf_io_finish(io, NVME_SC_HOST_PATH_ERROR);
	else
		qp_submit(h->admin, io);
}

void nvmf_host_submit(struct nvmf_host *h, struct nvmf_io *io)
{
	struct qp *q = h->io[0];

	io->deadline = now(h) + h->o.io_timeout_ms * NS_PER_MS;
	if (unlikely(h->phase != PHASE_LIVE || !h->io_up)) {
		nvmf_io_finish(io, NVME_SC_HOST_PATH_ERROR);
		return;
	}
	for (unsigned i = 1; i < h->io_up; i++)
		if (h->io[i]->busy < q->busy)
			q = h->io[i];
	qp_submit(q, io);
}

/* --- life --- */

static char *default_hostnqn(void)
{
	char line[NVME_NQN_SIZE] = "";
	FILE *f = fopen("/etc/nvme/hostnqn", "re");

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\r\n")] = '\0';
	if (f)
		fclose(f);
	if (!line[0]) {
		char id[33] = "00000000000000000000000000000000";

		f = fopen("/etc/machine-id", "re");
		if (f && !fgets(id, sizeof(id), f))
			id[0] = '\0';
		if (f)
			fclose(f);
		snprintf(line, sizeof(line), "nqn.2014-08.org.nvmexpress:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", id,
			id + 8, id + 12, id + 16, id + 20);
	}
	return strdup(line);
}

static void derive_hostid(struct nvmf_host *h)
{
	uint64_t a = 0xcbf29ce484222325ull, b = 0x84222325cbf29ce4ull;

	for (const char *p = h->hostnqn; *p; p++) {
		a = (a ^ (uint8_t)*p) * 0x100000001b3ull;
		b = (b ^ (uint8_t)*p) * 0x100000001b3ull + 1;
	}
	memcpy(h->hostid, &a, 8);
	memcpy(h->hostid + 8, &b, 8);
}

static void set_defaults(struct nvmf_host_options *o)
{
	o->io_queues = o->io_queues ? MIN_OF(o->io_queues, HOST_QUEUES_MAX) : 1;
	o->queue_size = o->queue_size ? o->queue_size : 128;
	o->kato_ms = o->kato_ms ? o->kato_ms : 5000;
	o->io_timeout_ms = o->io_timeout_ms ? o->io_timeout_ms : 30000;
	o->reconnect_ms = o->reconnect_ms ? o->reconnect_ms : 100;
	o->ctrl_loss_ms = o->ctrl_loss_ms ? o->ctrl_loss_ms : 600000;
}

static int check_keys(const struct nvmf_host_options *o)
{
	struct dhchap_key key;
	int err = o->dhchap_key ? dhchap_key_parse(o->dhchap_key, &key) : 0;

	if (!err && o->dhchap_ctrl_key)
		err = dhchap_key_parse(o->dhchap_ctrl_key, &key);
	if (!err && o->dhchap_ctrl_key && !o->dhchap_key)
		err = refuse(EINVAL, "a controller key needs a host key");
	if (!err && o->psk)
		err = refuse(EOPNOTSUPP, "TLS of the initiator is not supported by this build");
	dhchap_wipe(&key, sizeof(key));
	return err;
}

int nvmf_host_create(const struct nvmf_host_options *options, struct nvmf_host **out)
{
	struct nvmf_host *h;
	int err = check_keys(options);

	if (err)
		return err;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->o = *options;
	set_defaults(&h->o);
	h->traddr = strdup(options->traddr ? options->traddr : "");
	h->trsvcid = strdup(options->trsvcid ? options->trsvcid : "4420");
	h->subnqn = strdup(options->subnqn ? options->subnqn : NVME_DISCOVERY_NQN);
	h->hostnqn = options->hostnqn ? strdup(options->hostnqn) : default_hostnqn();
	h->dhchap_key = options->dhchap_key ? strdup(options->dhchap_key) : NULL;
	h->dhchap_ctrl_key = options->dhchap_ctrl_key ? strdup(options->dhchap_ctrl_key) : NULL;
	h->page = aligned_alloc(4096, 4096);
	if (!h->traddr || !h->trsvcid || !h->subnqn || !h->hostnqn || !h->page)
		abort(); /* a few hundred bytes */
	snprintf(h->address, sizeof(h->address), "%.60s:%.15s", h->traddr, h->trsvcid);
	if (options->hostid)
		memcpy(h->hostid, options->hostid, sizeof(h->hostid));
	else
		derive_hostid(h);
	h->tick.fire = tick_fire;
	h->pause.fire = pause_fire;
	h->keep.fire = keep_fire;
	h->gone_task.run = gone_run;
	h->pause_ms = h->o.reconnect_ms;
	*out = h;
	return 0;
}

void nvmf_host_start(struct nvmf_host *h)
{
	if (h->started)
		return;
	h->started = true;
	h->lost_at = now(h);
	begin(h);
}

void nvmf_host_destroy(struct nvmf_host *h)
{
	if (!h || h->destroying)
		return;
	h->destroying = true;
	reactor_timer_cancel(h->o.reactor, &h->pause);
	if (h->phase < PHASE_CLOSING && h->phase != PHASE_IDLE)
		host_fail(h, false, "closed by its owner");
	else if (!h->open_streams && !h->dialing)
		reactor_task_queue(h->o.reactor, &h->gone_task);
}

enum nvmf_host_state nvmf_host_state(const struct nvmf_host *h)
{
	return h->state;
}

const char *nvmf_host_trouble(const struct nvmf_host *h)
{
	return h->trouble;
}

const struct nvme_id_ctrl *nvmf_host_identity(const struct nvmf_host *h)
{
	return &h->identity;
}

const struct nvmf_ns *nvmf_host_namespaces(const struct nvmf_host *h, unsigned *count)
{
	*count = h->ns_count;
	return h->ns;
}

const struct nvmf_ns *nvmf_host_ns(const struct nvmf_host *h, uint32_t nsid)
{
	for (unsigned i = 0; i < h->ns_count; i++)
		if (h->ns[i].nsid == nsid)
			return &h->ns[i];
	return NULL;
}

uint32_t nvmf_host_max_data(const struct nvmf_host *h)
{
	return h->identity.mdts && h->identity.mdts < 16 ? NVME_PAGE << h->identity.mdts : 1u << 20;
}

unsigned nvmf_host_inflight(const struct nvmf_host *h)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->io_up; i++)
		n += h->io[i]->busy;
	return n;
}

const char *nvmf_host_address(const struct nvmf_host *h)
{
	return h->address;
}
