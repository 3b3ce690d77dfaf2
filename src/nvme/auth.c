/* SPDX-License-Identifier: BSD-3-Clause */
/* In-band authentication (Base 8.13): a host with keys is refused until DH-HMAC-CHAP is here. */
#include "nvme/nvme_int.h"

#include "base/refuse.h"

int nvme_auth_key_check(const char *text)
{
	return text ? refuse(EOPNOTSUPP, "DH-HMAC-CHAP keys are not supported by this build") : 0;
}

bool nvme_auth_required(struct nvme_target *t, const char *hostnqn)
{
	return false;
}

uint16_t nvme_auth_init(struct nvme_request *req)
{
	return NVME_SC_INVALID_OPCODE | NVME_SC_DNR;
}

void nvme_auth_free(struct nvme_queue *q)
{
}
