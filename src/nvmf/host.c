/* SPDX-License-Identifier: BSD-3-Clause */
/* A host's birth, its end, the end of a connection in between, and what its user calls. */
#include <errno.h>
#include <liburing.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/refuse.h"
#include "nvme/dhchap.h"
#include "nvme/tls_psk.h"
#include "nvmf/host_int.h"

LOG_MODULE("nvmf.host");

#define PAUSE_MAX_MS 10000u

void host_set_state(struct nvmf_host *h, enum nvmf_host_state state, int err)
{
	h->state = state;
	if (h->o.on_state)
		h->o.on_state(h->o.arg, h, state, err);
}

void host_set_phase(struct nvmf_host *h, enum host_phase phase)
{
	h->phase = phase;
	h->phase_since = host_now(h);
}

/* --- the end of a connection --- */

void host_free_queues(struct nvmf_host *h)
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

	host_free_queues(h);
	host_set_state(h, NVMF_HOST_GONE, 0);
	free(h->ns);
	free(h->ns_new);
	free(h->page);
	free(h->traddr);
	free(h->trsvcid);
	free(h->subnqn);
	free(h->hostnqn);
	free(h->dhchap_key);
	free(h->dhchap_ctrl_key);
	free(h->psk);
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
	return h->o.ctrl_loss_ms == UINT32_MAX || host_now(h) - h->lost_at < h->o.ctrl_loss_ms * NS_PER_MS;
}

/* All streams are closed: tell the commands, then decide what comes next. */
void host_all_closed(struct nvmf_host *h)
{
	bool retry = h->phase == PHASE_CLOSING;

	reactor_timer_cancel(h->o.reactor, &h->tick);
	reactor_timer_cancel(h->o.reactor, &h->keep);
	host_set_phase(h, PHASE_PAUSE);
	abort_all(h);
	if (h->destroying) {
		reactor_timer_cancel(h->o.reactor, &h->pause);
		reactor_task_queue(h->o.reactor, &h->gone_task);
	} else if (retry && may_retry(h)) {
		reactor_timer_arm(h->o.reactor, &h->pause, host_now(h) + h->pause_ms * NS_PER_MS);
		h->pause_ms = MIN_OF(h->pause_ms * 2, PAUSE_MAX_MS);
	} else {
		host_set_phase(h, PHASE_FAILED);
		host_set_state(h, NVMF_HOST_FAILED, -ECONNREFUSED);
	}
}

static void close_queue(struct qp *q)
{
	if (!q)
		return;
	q->failed = true;
	if ((q->stream || q->rdma) && !q->closing)
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
		host_all_closed(h);
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
		h->lost_at = host_now(h);
		h->pause_ms = h->o.reconnect_ms;
	}
	host_set_phase(h, retry ? PHASE_CLOSING : PHASE_FAILED);
	if (h->state == NVMF_HOST_LIVE)
		host_set_state(h, NVMF_HOST_CONNECTING, -ECONNRESET);
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
		host_all_closed(h);
}

/* --- commands of the user --- */

void nvmf_host_admin(struct nvmf_host *h, struct nvmf_io *io)
{
	io->path_done = NULL;
	io->deadline = host_now(h) + h->o.io_timeout_ms * NS_PER_MS;
	if (h->phase != PHASE_LIVE)
		nvmf_io_finish(io, NVME_SC_HOST_PATH_ERROR);
	else
		qp_submit(h->admin, io);
}

void nvmf_host_submit(struct nvmf_host *h, struct nvmf_io *io)
{
	struct qp *q = h->io[0];

	io->deadline = host_now(h) + h->o.io_timeout_ms * NS_PER_MS;
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
	o->trtype = o->trtype ? o->trtype : NVME_TRTYPE_TCP;
	o->io_queues = o->io_queues ? MIN_OF(o->io_queues, HOST_QUEUES_MAX) : 1;
	o->queue_size = o->queue_size ? o->queue_size : 128;
	o->kato_ms = o->kato_ms ? o->kato_ms : 5000;
	o->io_timeout_ms = o->io_timeout_ms ? o->io_timeout_ms : 30000;
	o->reconnect_ms = o->reconnect_ms ? o->reconnect_ms : 100;
	o->ctrl_loss_ms = o->ctrl_loss_ms ? o->ctrl_loss_ms : 600000;
}

static int check_keys(const struct nvmf_host_options *o)
{
	struct secret key;
	int err = o->dhchap_key ? dhchap_key_parse(o->dhchap_key, &key) : 0;

	if (!err && o->dhchap_ctrl_key)
		err = dhchap_key_parse(o->dhchap_ctrl_key, &key);
	if (!err && o->dhchap_ctrl_key && !o->dhchap_key)
		err = refuse(EINVAL, "a controller key needs a host key");
	if (!err && o->psk && o->trtype == NVME_TRTYPE_RDMA)
		err = refuse(EINVAL, "a PSK is for TLS, and that for TCP; RDMA hosts authenticate with a DH-HMAC-CHAP key");
	if (!err && o->psk)
		err = tls_psk_check(o->psk);
	secret_wipe(&key, sizeof(key));
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
	h->psk = options->psk ? strdup(options->psk) : NULL;
	h->page = aligned_alloc(4096, 4096);
	if (!h->traddr || !h->trsvcid || !h->subnqn || !h->hostnqn || !h->page)
		abort(); /* a few hundred bytes */
	snprintf(h->address, sizeof(h->address), "%.60s:%.15s", h->traddr, h->trsvcid);
	if (options->hostid)
		memcpy(h->hostid, options->hostid, sizeof(h->hostid));
	else
		derive_hostid(h);
	h->tick.fire = host_tick_fire;
	h->pause.fire = host_pause_fire;
	h->keep.fire = host_keep_fire;
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
	h->lost_at = host_now(h);
	host_begin(h);
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
