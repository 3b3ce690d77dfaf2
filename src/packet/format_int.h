/* SPDX-License-Identifier: BSD-3-Clause */
/* Insides of room packet: text that counts what did not fit, and a packet flattened for reading. */
#ifndef PACKET_FORMAT_INT_H
#define PACKET_FORMAT_INT_H

#include "packet/packet_int.h"

struct text {
	char *buf;
	size_t size, len; /* len may pass size */
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_mac(struct text *t, const uint8_t *mac);
void text_ip(struct text *t, const uint8_t *ip, bool six);

/* The packet's first bytes in one buffer, and its parse. The packet itself is not touched. */
#define FLAT_MAX 2048u
struct flat {
	struct rte_mbuf m;
	struct pkt_parse p;
	uint8_t b[FLAT_MAX];
};
void flat_init(struct flat *f, const struct rte_mbuf *m);

#endif
