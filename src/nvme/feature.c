/* SPDX-License-Identifier: BSD-3-Clause */
/* Get and Set Features (Base 5.15, 5.27). */
#include "nvme/nvme_int.h"


#define BAD_FIELD (NVME_SC_INVALID_FIELD | NVME_SC_DNR)

static uint32_t queue_count(const struct nvme_ctrl *c)
{
	uint32_t n = c->target->io_queues - 1;

	return n | n << 16;
}

static struct nvme_namespace *ns_of(const struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;
	uint32_t nsid = req->cmd.nsid;

	return nsid && nsid <= c->subsys->max_namespaces && nvme_ctrl_sees(c, nsid)
		? nvme_ns_slot(c->subsys, nsid)
		: NULL;
}

/* --- get --- */

static uint16_t get_of_namespace(struct nvme_request *req, uint8_t fid)
{
	struct nvme_target *t = req->queue->target;
	struct nvme_namespace *ns;
	uint16_t status = NVME_SC_INVALID_NS | NVME_SC_DNR;

	pthread_mutex_lock(&t->lock);
	ns = ns_of(req);
	if (ns) {
		req->cqe.result = fid == NVME_FEAT_WRITE_PROTECT ? ns->readonly : ns->resv.ptpl;
		status = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return status;
}

static uint16_t get_value(struct nvme_request *req, uint8_t fid)
{
	const struct nvme_ctrl *c = req->queue->ctrl;

	switch (fid) {
	case NVME_FEAT_ARBITRATION:
		req->cqe.result = c->feat_arbitration;
		return 0;
	case NVME_FEAT_POWER:
		req->cqe.result = c->feat_power;
		return 0;
	case NVME_FEAT_TEMP_THRESHOLD:
		req->cqe.result = c->feat_temp;
		return 0;
	case NVME_FEAT_ERROR_RECOVERY:
		req->cqe.result = c->feat_error_recovery;
		return 0;
	case NVME_FEAT_VOLATILE_WC:
		req->cqe.result = 1;
		return 0;
	case NVME_FEAT_NUM_QUEUES:
		req->cqe.result = queue_count(c);
		return 0;
	case NVME_FEAT_WRITE_ATOMICITY:
		req->cqe.result = c->feat_write_atomicity;
		return 0;
	case NVME_FEAT_ASYNC_EVENT:
		req->cqe.result = c->feat_async;
		return 0;
	case NVME_FEAT_KATO:
		req->cqe.result = c->kato_ms;
		return 0;
	case NVME_FEAT_RESV_MASK:
		req->cqe.result = c->resv_mask;
		return 0;
	case NVME_FEAT_RESV_PERSIST:
	case NVME_FEAT_WRITE_PROTECT:
		return get_of_namespace(req, fid);
	default:
		return BAD_FIELD;
	}
}

static void get_execute(struct nvme_request *req)
{
	const struct nvme_ctrl *c = req->queue->ctrl;
	uint8_t fid = (uint8_t)req->cmd.cdw10;

	if (fid == NVME_FEAT_HOST_ID) {
		memcpy(req->data, c->hostid, sizeof(c->hostid));
		nvme_request_complete(req, 0);
	} else if (fid == NVME_FEAT_HOST_BEHAVIOR) {
		memcpy(req->data, c->host_behavior, sizeof(c->host_behavior));
		nvme_request_complete(req, 0);
	} else {
		nvme_request_complete(req, get_value(req, fid));
	}
}

uint16_t nvme_feature_get_init(struct nvme_request *req)
{
	uint8_t fid = (uint8_t)req->cmd.cdw10, select = req->cmd.cdw10 >> 8 & 7;

	if (select) /* saved and default values are not kept (ONCS says so) */
		return BAD_FIELD;
	req->execute = get_execute;
	if (fid == NVME_FEAT_HOST_ID) {
		if (!(req->cmd.cdw11 & 1)) /* EXHID: fabrics use 128-bit host identifiers */
			return BAD_FIELD;
		req->dir = NVME_DIR_TO_HOST;
		req->data_len = 16;
	} else if (fid == NVME_FEAT_HOST_BEHAVIOR) {
		req->dir = NVME_DIR_TO_HOST;
		req->data_len = 512;
	}
	return 0;
}

/* --- set --- */

static uint16_t set_queues(struct nvme_request *req)
{
	uint32_t asked = req->cmd.cdw11;

	if ((asked & 0xffff) == 0xffff || asked >> 16 == 0xffff)
		return BAD_FIELD;
	req->cqe.result = queue_count(req->queue->ctrl);
	return 0;
}

static uint16_t set_kato(struct nvme_request *req)
{
	nvme_ctrl_set_kato(req->queue->ctrl, req->cmd.cdw11);
	req->cqe.result = req->queue->ctrl->kato_ms;
	return 0;
}

static uint16_t set_async(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;

	pthread_mutex_lock(&c->lock);
	c->feat_async = req->cmd.cdw11;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static uint16_t set_of_namespace(struct nvme_request *req, uint8_t fid)
{
	struct nvme_target *t = req->queue->target;
	struct nvme_namespace *ns;
	uint16_t status = NVME_SC_INVALID_NS | NVME_SC_DNR;

	if (fid == NVME_FEAT_WRITE_PROTECT) /* the operator decides that, not a host (NWPC = 0) */
		return NVME_SC_FEATURE_NOT_CHANGEABLE | NVME_SC_DNR;
	pthread_mutex_lock(&t->lock);
	ns = ns_of(req);
	if (ns)
		status = nvme_resv_set_persist(ns, req->cmd.cdw11 & 1);
	pthread_mutex_unlock(&t->lock);
	return status;
}

static uint16_t set_value(struct nvme_request *req, uint8_t fid)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	uint32_t value = req->cmd.cdw11;

	switch (fid) {
	case NVME_FEAT_ARBITRATION:
		c->feat_arbitration = value;
		return 0;
	case NVME_FEAT_POWER:
		return value & 0x1f ? BAD_FIELD : 0; /* one power state */
	case NVME_FEAT_TEMP_THRESHOLD:
		c->feat_temp = value;
		return 0;
	case NVME_FEAT_ERROR_RECOVERY:
		c->feat_error_recovery = value;
		return 0;
	case NVME_FEAT_VOLATILE_WC:
		return value & 1 ? 0 : NVME_SC_FEATURE_NOT_CHANGEABLE | NVME_SC_DNR;
	case NVME_FEAT_NUM_QUEUES:
		return set_queues(req);
	case NVME_FEAT_WRITE_ATOMICITY:
		c->feat_write_atomicity = value & 1;
		return 0;
	case NVME_FEAT_ASYNC_EVENT:
		return set_async(req);
	case NVME_FEAT_KATO:
		return set_kato(req);
	case NVME_FEAT_RESV_MASK:
		c->resv_mask = value & 0xe;
		return 0;
	case NVME_FEAT_RESV_PERSIST:
	case NVME_FEAT_WRITE_PROTECT:
		return set_of_namespace(req, fid);
	case NVME_FEAT_HOST_ID:
		return NVME_SC_SEQUENCE | NVME_SC_DNR; /* Connect has set it */
	default:
		return BAD_FIELD;
	}
}

static void set_execute(struct nvme_request *req)
{
	struct nvme_ctrl *c = req->queue->ctrl;
	uint8_t fid = (uint8_t)req->cmd.cdw10;

	if (fid == NVME_FEAT_HOST_BEHAVIOR) {
		memcpy(c->host_behavior, req->data, sizeof(c->host_behavior));
		nvme_request_complete(req, 0);
	} else {
		nvme_request_complete(req, set_value(req, fid));
	}
}

uint16_t nvme_feature_set_init(struct nvme_request *req)
{
	uint8_t fid = (uint8_t)req->cmd.cdw10;

	if (req->cmd.cdw10 >> 31)
		return NVME_SC_FEATURE_NOT_SAVEABLE | NVME_SC_DNR;
	req->execute = set_execute;
	if (fid == NVME_FEAT_HOST_BEHAVIOR) {
		req->dir = NVME_DIR_FROM_HOST;
		req->data_len = 512;
	}
	return 0;
}
