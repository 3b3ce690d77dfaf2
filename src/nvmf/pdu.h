/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NVMe/TCP PDUs (NVMe/TCP Transport Specification 1.0, section 3.6) as they lie on the wire, for both
 * ends. Little endian. A PDU is header, header digest, padding up to PDO, data, data digest.
 */
#ifndef NVMF_PDU_H
#define NVMF_PDU_H

#include "nvme/spec.h"

enum pdu_type {
	PDU_IC_REQ = 0x00,
	PDU_IC_RESP = 0x01,
	PDU_H2C_TERM = 0x02,
	PDU_C2H_TERM = 0x03,
	PDU_CMD = 0x04,
	PDU_RSP = 0x05,
	PDU_H2C_DATA = 0x06,
	PDU_C2H_DATA = 0x07,
	PDU_R2T = 0x09,
};

enum pdu_flag {
	PDU_HDGST = 1 << 0,
	PDU_DDGST = 1 << 1,
	PDU_DATA_LAST = 1 << 2,
	PDU_DATA_SUCCESS = 1 << 3,
};

enum { /* ICReq and ICResp DGST */
	PDU_USE_HDGST = 1 << 0,
	PDU_USE_DDGST = 1 << 1,
};

enum pdu_fes { /* fatal error status of a termination request (3.6.2.4) */
	PDU_FES_HEADER_FIELD = 1,
	PDU_FES_SEQUENCE = 2,
	PDU_FES_HEADER_DIGEST = 3,
	PDU_FES_OUT_OF_RANGE = 4,
	PDU_FES_R2T_LIMIT = 5,
	PDU_FES_UNSUPPORTED = 6,
};

#define PDU_DIGEST 4u
#define PDU_HEADER_MAX 128u	 /* ICReq, ICResp */
#define PDU_TERM_DATA_MAX 128u	 /* of the offending PDU's header, behind a termination request */
#define PDU_ALIGN_MAX 128u	 /* (HPDA + 1) * 4 with HPDA at most 31 */

struct pdu_common {
	uint8_t type, flags, hlen, pdo;
	uint32_t plen;
} NVME_PACKED;
NVME_SIZE(pdu_common, 8);

struct pdu_ic { /* request and response: maxr2t of the first, maxh2cdata of the second */
	struct pdu_common ch;
	uint16_t pfv;
	uint8_t pda, digest;
	uint32_t max;
	uint8_t rsvd[112];
} NVME_PACKED;
NVME_SIZE(pdu_ic, 128);

struct pdu_term {
	struct pdu_common ch;
	uint16_t fes;
	uint32_t fei;
	uint8_t rsvd[10];
} NVME_PACKED;
NVME_SIZE(pdu_term, 24);

struct pdu_cmd {
	struct pdu_common ch;
	struct nvme_cmd cmd;
} NVME_PACKED;
NVME_SIZE(pdu_cmd, 72);

struct pdu_rsp {
	struct pdu_common ch;
	struct nvme_cqe cqe;
} NVME_PACKED;
NVME_SIZE(pdu_rsp, 24);

struct pdu_data { /* both directions; ttag only from the host */
	struct pdu_common ch;
	uint16_t cccid, ttag;
	uint32_t datao, datal;
	uint32_t rsvd;
} NVME_PACKED;
NVME_SIZE(pdu_data, 24);

struct pdu_r2t {
	struct pdu_common ch;
	uint16_t cccid, ttag;
	uint32_t r2to, r2tl;
	uint32_t rsvd;
} NVME_PACKED;
NVME_SIZE(pdu_r2t, 24);

#endif
