/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/qset.h"

#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

/* Sets live as long as the ctx: packets under way may name them, and there are few. */
static const struct flow_qset everything = {
	.port = FLOW_PORT_NONE, .fields = FLOW_RSS_SRC | FLOW_RSS_DST | FLOW_RSS_SPORT | FLOW_RSS_DPORT};

static bool same(const struct flow_qset *a, const struct flow_qset *b)
{
	return a->port == b->port && a->nr_queues == b->nr_queues && a->fields == b->fields &&
	       !memcmp(a->queue, b->queue, a->nr_queues * sizeof(a->queue[0]));
}

int flow_qset_add(struct flow_ctx *ctx, const struct flow_qset *set)
{
	struct flow_pipes *ps = ctx->pipes;
	struct flow_qset *copy;
	int index = 0;

	pthread_mutex_lock(&ps->lock);
	for (unsigned i = 1; i < ps->nr_qsets && !index; i++)
		if (same(ps->qset[i], set))
			index = i;
	if (!index && ps->nr_qsets == FLOW_QSETS_MAX) {
		index = refuse(ENOSPC, "receive queue sets: all %u are in use", FLOW_QSETS_MAX);
	} else if (!index) {
		copy = malloc(sizeof(*copy));
		if (copy) {
			*copy = *set;
			index = ps->nr_qsets;
			ps->qset[index] = copy;
			__atomic_store_n(&ps->nr_qsets, index + 1, __ATOMIC_RELEASE);
		} else {
			index = refuse(ENOMEM, "receive queue sets: no memory");
		}
	}
	pthread_mutex_unlock(&ps->lock);
	return index;
}

const struct flow_qset *flow_qset_get(const struct flow_ctx *ctx, uint32_t index)
{
	const struct flow_pipes *ps = ctx->pipes;

	if (!index)
		return &everything;
	return index < __atomic_load_n(&ps->nr_qsets, __ATOMIC_ACQUIRE) ? ps->qset[index] : NULL;
}

static uint64_t mix_bytes(uint64_t h, const uint8_t *at, unsigned len)
{
	for (unsigned i = 0; i < len; i += 4) {
		uint32_t word;

		memcpy(&word, at + i, 4);
		h = pipe_mix(h, word);
	}
	return h;
}

static uint64_t hash_l3(const struct rte_mbuf *m, const struct pkt_headers *h, uint32_t fields)
{
	const uint8_t *ip = pkt_at(m, h->l3);
	uint64_t hash = 0;

	if (h->l3_type == PKT_L3_IP4) {
		hash = fields & FLOW_RSS_SRC ? mix_bytes(hash, ip + 12, 4) : hash;
		hash = fields & FLOW_RSS_DST ? mix_bytes(hash, ip + 16, 4) : hash;
	} else if (h->l3_type == PKT_L3_IP6) {
		hash = fields & FLOW_RSS_SRC ? mix_bytes(hash, ip + 8, 16) : hash;
		hash = fields & FLOW_RSS_DST ? mix_bytes(hash, ip + 24, 16) : hash;
	}
	return hash;
}

static uint64_t hash_l4(const struct rte_mbuf *m, const struct pkt_headers *h, uint32_t fields, uint64_t hash)
{
	const uint8_t *l4 = pkt_at(m, h->l4);

	if (h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP) {
		if (fields & FLOW_RSS_SPORT)
			hash = pipe_mix(hash, l4[0] << 8 | l4[1]);
		if (fields & FLOW_RSS_DPORT)
			hash = pipe_mix(hash, 0x10000 | l4[2] << 8 | l4[3]);
	} else if (h->l4_type == PKT_L4_ESP && fields & FLOW_RSS_SPI) {
		hash = mix_bytes(hash, l4, 4);
	}
	return hash;
}

uint16_t flow_qset_pick(const struct flow_qset *set, struct rte_mbuf *m, uint16_t nr_port_queues)
{
	uint16_t n = set->nr_queues ? set->nr_queues : nr_port_queues;
	const struct pkt_headers *h;
	struct pkt_parse p;
	uint64_t hash;
	uint32_t at;

	if (!n || !set->fields || pkt_parse(m, &p) < 0)
		return set->nr_queues ? set->queue[0] : 0;
	h = set->fields & FLOW_RSS_INNER && p.inner.l3_type != PKT_L3_NONE ? &p.inner : &p.outer;
	hash = hash_l4(m, h, set->fields, hash_l3(m, h, set->fields));
	m->hash.rss = hash ^ hash >> 32;
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	at = (uint64_t)m->hash.rss * n >> 32;
	return set->nr_queues ? set->queue[at] : at;
}
