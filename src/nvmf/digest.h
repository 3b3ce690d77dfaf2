/* SPDX-License-Identifier: BSD-3-Clause */
/* Header and data digests: CRC32C (RFC 3720 appendix B.4) by ISA-L, which picks the CPU's variant. */
#ifndef NVMF_DIGEST_H
#define NVMF_DIGEST_H

#include <isa-l/crc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nvmf/pdu.h"

#define DIGEST_START 0xffffffffu

/* Running value: start with DIGEST_START, feed pieces, finish with digest_end(). */
static inline uint32_t digest_feed(uint32_t running, const void *p, size_t len)
{
	return len ? crc32_iscsi((unsigned char *)(uintptr_t)p, (int)len, running) : running;
}

static inline uint32_t digest_end(uint32_t running)
{
	return ~running;
}

static inline uint32_t digest(const void *p, size_t len)
{
	return digest_end(digest_feed(DIGEST_START, p, len));
}

/* Closes a header: the digest behind it if one was agreed on. Returns the bytes to send. */
static inline uint8_t digest_seal(void *pdu, uint8_t hlen, bool hdgst)
{
	struct pdu_common *ch = pdu;
	uint32_t d;

	if (!hdgst)
		return hlen;
	ch->flags |= PDU_HDGST;
	d = digest(pdu, hlen);
	memcpy((uint8_t *)pdu + hlen, &d, sizeof(d));
	return (uint8_t)(hlen + PDU_DIGEST);
}

#endif
