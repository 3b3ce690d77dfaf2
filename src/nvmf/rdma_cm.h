/* SPDX-License-Identifier: BSD-3-Clause */
/* Private data of the connection manager's messages (NVMe/RDMA Transport 1.0, 3.2). */
#ifndef NVMF_RDMA_CM_H
#define NVMF_RDMA_CM_H

#include <stdint.h>

struct rdma_cm_request {
	uint16_t recfmt, qid;
	uint16_t hrqsize; /* receives of the host */
	uint16_t hsqsize; /* entries of the queue, zero based */
	uint16_t cntlid;
	uint8_t rsvd[22];
} __attribute__((packed));
struct rdma_cm_reply {
	uint16_t recfmt, crqsize;
	uint8_t rsvd[28];
} __attribute__((packed));
struct rdma_cm_reject {
	uint16_t recfmt, status;
} __attribute__((packed));
_Static_assert(sizeof(struct rdma_cm_request) == 32 && sizeof(struct rdma_cm_reply) == 32, "private data on the wire");

#endif
