/* SPDX-License-Identifier: BSD-3-Clause */
/* The door to room nvmf, initiator side. */
#include "doca_nvmf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "doca/common/common.h"
#include "nvmf/client.h"

struct flight { /* one request on its way */
	struct nvmf_io io;
	struct doca_nvmf_initiator *initiator;
	struct doca_nvmf_io_request *req;
	struct flight *next;
};

struct doca_nvmf_initiator {
	struct doca_nvmf_initiator_cfg cfg;
	char *addr, *nqn, *host_nqn;
	char service[8];
	struct nvmf_client *client;
	struct flight *flights, *free;
	unsigned completed;
};

static doca_error_t need(const void *p, const char *call, const char *what)
{
	return p ? DOCA_SUCCESS : dcore_fail(DOCA_ERROR_INVALID_VALUE, "%s: %s is NULL", call, what);
}

static void set_free_list(struct doca_nvmf_initiator *i)
{
	for (unsigned n = i->cfg.queue_depth; n-- > 0;) {
		i->flights[n].initiator = i;
		i->flights[n].next = i->free;
		i->free = &i->flights[n];
	}
}

doca_error_t doca_nvmf_initiator_create(
	const struct doca_nvmf_initiator_cfg *cfg, struct doca_nvmf_initiator **initiator)
{
	struct doca_nvmf_initiator *i;

	if (need(cfg, __func__, "cfg") || need(initiator, __func__, "initiator") ||
		need(cfg->target_addr, __func__, "cfg->target_addr") || need(cfg->nqn, __func__, "cfg->nqn"))
		return DOCA_ERROR_INVALID_VALUE;
	if (nvme_nqn_check(cfg->nqn))
		return dcore_from_errno(-EINVAL, __func__);
	i = calloc(1, sizeof(*i));
	if (!i)
		return DOCA_ERROR_NO_MEMORY;
	i->cfg = *cfg;
	if (!i->cfg.queue_depth)
		i->cfg.queue_depth = 128;
	i->addr = strdup(cfg->target_addr);
	i->nqn = strdup(cfg->nqn);
	i->host_nqn = cfg->host_nqn ? strdup(cfg->host_nqn) : NULL;
	i->flights = calloc(i->cfg.queue_depth, sizeof(*i->flights));
	if (!i->addr || !i->nqn || (cfg->host_nqn && !i->host_nqn) || !i->flights) {
		doca_nvmf_initiator_destroy(i);
		return DOCA_ERROR_NO_MEMORY;
	}
	snprintf(i->service, sizeof(i->service), "%u", cfg->target_port ? cfg->target_port : 4420);
	set_free_list(i);
	*initiator = i;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_initiator_destroy(struct doca_nvmf_initiator *i)
{
	if (!i)
		return DOCA_SUCCESS;
	doca_nvmf_initiator_disconnect(i);
	free(i->addr);
	free(i->nqn);
	free(i->host_nqn);
	free(i->flights);
	free(i);
	return DOCA_SUCCESS;
}

static struct nvmf_host_options options_of(const struct doca_nvmf_initiator *i)
{
	return (struct nvmf_host_options){
		.trtype = i->cfg.transport == DOCA_NVMF_TRANSPORT_RDMA ? NVME_TRTYPE_RDMA : NVME_TRTYPE_TCP, .traddr = i->addr, .trsvcid = i->service, .subnqn = i->nqn,
		.hostnqn = i->host_nqn, .queue_size = (uint16_t)(i->cfg.queue_depth + 1 < 128 ? i->cfg.queue_depth + 1 : 128),
		.hdgst = i->cfg.header_digest, .ddgst = i->cfg.data_digest};
}

doca_error_t doca_nvmf_initiator_connect(struct doca_nvmf_initiator *i)
{
	struct nvmf_host_options o;
	int err;

	if (need(i, __func__, "initiator"))
		return DOCA_ERROR_INVALID_VALUE;
	if (i->client)
		return dcore_fail(DOCA_ERROR_BAD_STATE, "%s: it is connected already", __func__);
	o = options_of(i);
	err = nvmf_client_open(&o, i->cfg.connect_timeout_ms, &i->client);
	if (!err)
		return DOCA_SUCCESS;
	i->client = NULL;
	return dcore_fail(err == -ETIMEDOUT ? DOCA_ERROR_TIME_OUT : DOCA_ERROR_NOT_CONNECTED, "%s: %s", __func__,
		refusal());
}

doca_error_t doca_nvmf_initiator_add_path(struct doca_nvmf_initiator *i, const char *target_addr, uint16_t target_port)
{
	struct nvmf_host_options o;
	char service[8];
	int err;

	if (need(i, __func__, "initiator") || need(target_addr, __func__, "target_addr"))
		return DOCA_ERROR_INVALID_VALUE;
	if (!i->client)
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED, "%s: connect first", __func__);
	o = options_of(i);
	snprintf(service, sizeof(service), "%u", target_port ? target_port : 4420);
	o.traddr = target_addr;
	o.trsvcid = service;
	err = nvmf_client_add_path(i->client, &o);
	return err ? dcore_from_errno(err, __func__) : DOCA_SUCCESS;
}

doca_error_t doca_nvmf_initiator_disconnect(struct doca_nvmf_initiator *i)
{
	if (need(i, __func__, "initiator"))
		return DOCA_ERROR_INVALID_VALUE;
	nvmf_client_close(i->client); /* what is in flight completes, with an error */
	i->client = NULL;
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_initiator_get_namespace(const struct doca_nvmf_initiator *i, uint32_t nsid,
	uint64_t *num_blocks, uint32_t *block_size)
{
	const struct nvmf_ns *ns;

	if (need(i, __func__, "initiator"))
		return DOCA_ERROR_INVALID_VALUE;
	if (!i->client)
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED, "%s: connect first", __func__);
	ns = nvmf_host_ns(nvmf_client_host(i->client), nsid);
	if (!ns)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "%s: this host sees no namespace %u", __func__, nsid);
	if (num_blocks)
		*num_blocks = ns->blocks;
	if (block_size)
		*block_size = ns->block_size;
	return DOCA_SUCCESS;
}

/* --- I/O --- */

static void completed(struct nvmf_io *io)
{
	struct flight *f = container_of(io, struct flight, io);
	struct doca_nvmf_initiator *i = f->initiator;
	struct doca_nvmf_io_request *req = f->req;

	req->nvme_status = io->status & 0x7ff;
	req->result = io->status ? DOCA_ERROR_IO_FAILED : DOCA_SUCCESS;
	req->in_flight = NULL;
	f->next = i->free;
	i->free = f;
	i->completed++;
	if (req->callback)
		req->callback(req, req->result, req->user_data);
}

static doca_error_t check(const struct doca_nvmf_initiator *i, const struct doca_nvmf_io_request *req,
	const struct nvmf_ns *ns)
{
	bool has_data = req->opcode == DOCA_NVMF_CMD_READ || req->opcode == DOCA_NVMF_CMD_WRITE ||
			req->opcode == DOCA_NVMF_CMD_COMPARE;

	if (!has_data && req->opcode != DOCA_NVMF_CMD_FLUSH && req->opcode != DOCA_NVMF_CMD_WRITE_ZEROES)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_nvmf_io_submit: opcode %#x", (unsigned)req->opcode);
	if (!ns)
		return dcore_fail(DOCA_ERROR_NOT_FOUND, "doca_nvmf_io_submit: this host sees no namespace %u", req->nsid);
	if (req->opcode == DOCA_NVMF_CMD_FLUSH)
		return DOCA_SUCCESS;
	if (!req->num_blocks || req->num_blocks > 65536)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_nvmf_io_submit: num_blocks %u: expected 1 to 65536",
			req->num_blocks);
	if (!has_data)
		return DOCA_SUCCESS;
	if (!req->buffer)
		return dcore_fail(DOCA_ERROR_INVALID_VALUE, "doca_nvmf_io_submit: buffer is NULL");
	if ((uint64_t)req->num_blocks * ns->block_size > nvmf_host_max_data(nvmf_client_host(i->client)))
		return dcore_fail(DOCA_ERROR_TOO_BIG, "doca_nvmf_io_submit: %u blocks of %u bytes: the target takes %u "
						      "bytes per command",
			req->num_blocks, ns->block_size, nvmf_host_max_data(nvmf_client_host(i->client)));
	return DOCA_SUCCESS;
}

static void describe(struct flight *f, const struct nvmf_ns *ns)
{
	const struct doca_nvmf_io_request *req = f->req;

	f->io = (struct nvmf_io){.cmd.opcode = (uint8_t)req->opcode, .done = completed};
	f->io.cmd.nsid = req->nsid;
	if (req->opcode == DOCA_NVMF_CMD_FLUSH)
		return;
	f->io.cmd.rw.slba = req->lba;
	f->io.cmd.rw.nlb = (uint16_t)(req->num_blocks - 1);
	if (req->opcode == DOCA_NVMF_CMD_WRITE_ZEROES)
		return;
	f->io.buf = req->buffer;
	f->io.len = req->num_blocks * ns->block_size;
	f->io.dir = req->opcode == DOCA_NVMF_CMD_READ ? NVME_DIR_TO_HOST : NVME_DIR_FROM_HOST;
}

doca_error_t doca_nvmf_io_submit(struct doca_nvmf_initiator *i, struct doca_nvmf_io_request *req)
{
	const struct nvmf_ns *ns;
	struct flight *f;
	doca_error_t result;

	if (need(i, __func__, "initiator") || need(req, __func__, "req"))
		return DOCA_ERROR_INVALID_VALUE;
	if (!i->client)
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED, "%s: doca_nvmf_initiator_connect() first", __func__);
	ns = nvmf_host_ns(nvmf_client_host(i->client), req->nsid);
	result = check(i, req, ns);
	if (result)
		return result;
	f = i->free;
	if (!f)
		return DOCA_ERROR_AGAIN;
	i->free = f->next;
	f->req = req;
	req->in_flight = f;
	req->result = DOCA_ERROR_IN_PROGRESS;
	describe(f, ns);
	nvmf_multi_submit(nvmf_client_paths(i->client), &f->io);
	return DOCA_SUCCESS;
}

doca_error_t doca_nvmf_io_wait_completion(struct doca_nvmf_initiator *i, struct doca_nvmf_io_request *req)
{
	if (need(i, __func__, "initiator") || need(req, __func__, "req"))
		return DOCA_ERROR_INVALID_VALUE;
	while (req->in_flight)
		nvmf_client_progress(i->client, 100 * NS_PER_MS);
	if (req->result == DOCA_ERROR_IO_FAILED)
		return dcore_fail(DOCA_ERROR_IO_FAILED, "%s: opcode %#x at block %llu: %s", __func__,
			(unsigned)req->opcode, (unsigned long long)req->lba, nvmf_status_text(req->nvme_status));
	return req->result;
}

doca_error_t doca_nvmf_initiator_progress(struct doca_nvmf_initiator *i, uint32_t timeout_us)
{
	unsigned before;

	if (need(i, __func__, "initiator"))
		return DOCA_ERROR_INVALID_VALUE;
	if (!i->client)
		return dcore_fail(DOCA_ERROR_NOT_CONNECTED, "%s: connect first", __func__);
	before = i->completed;
	nvmf_client_progress(i->client, timeout_us * NS_PER_US);
	return i->completed != before ? DOCA_SUCCESS : DOCA_ERROR_AGAIN;
}
