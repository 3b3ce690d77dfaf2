/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands: which there are, and the small ones. */
#include "nvme/nvme_int.h"

static void keep_alive(struct nvme_request *req)
{
	/* request_init() noted the time, as for every command (traffic based keep alive) */
	nvme_request_complete(req, 0);
}

static uint16_t needs_ready(const struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;

	return (c->cc & NVME_CC_EN) && (c->csts & NVME_CSTS_RDY) ? 0 : NVME_SC_SEQUENCE | NVME_SC_DNR;
}

uint16_t nvme_admin_init(struct nvme_request *req)
{
	uint16_t status = needs_ready(req);

	if (status)
		return status;
	switch (req->cmd.opcode) {
	case NVME_ADMIN_IDENTIFY:
		return nvme_identify_init(req);
	case NVME_ADMIN_GET_LOG_PAGE:
		return nvme_log_init(req);
	case NVME_ADMIN_GET_FEATURES:
		return nvme_feature_get_init(req);
	case NVME_ADMIN_SET_FEATURES:
		return nvme_feature_set_init(req);
	case NVME_ADMIN_KEEP_ALIVE:
		req->execute = keep_alive;
		return 0;
	case NVME_ADMIN_ASYNC_EVENT:
		req->execute = nvme_event_aer;
		return 0;
	case NVME_ADMIN_ABORT:
		req->execute = nvme_abort;
		return 0;
	default:
		return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
	}
}

/* What a discovery controller knows (Fabrics 1.1, 5.2). */
uint16_t nvme_discovery_init(struct nvme_request *req)
{
	uint16_t status = needs_ready(req);

	if (status)
		return status;
	switch (req->cmd.opcode) {
	case NVME_ADMIN_IDENTIFY:
	case NVME_ADMIN_GET_LOG_PAGE:
	case NVME_ADMIN_GET_FEATURES:
	case NVME_ADMIN_SET_FEATURES:
	case NVME_ADMIN_KEEP_ALIVE:
	case NVME_ADMIN_ASYNC_EVENT:
		return nvme_admin_init(req);
	default:
		return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
	}
}
