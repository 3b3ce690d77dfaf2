/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/qset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/refuse.h"
#include "flow/pipe_int.h"

/* Sets live as long as the ctx: packets under way may name them, and there are few. */
static const struct flow_qset everything = {
	.port = FLOW_PORT_NONE, .fields = FLOW_RSS_SRC | FLOW_RSS_DST | FLOW_RSS_SPORT | FLOW_RSS_DPORT};

/* The key DPDK's mlx5 driver has when nobody gives one. */
static const uint8_t default_key[FLOW_RSS_KEY_LEN] = {
	0x2c, 0xc6, 0x81, 0xd1, 0x5b, 0xdb, 0xf4, 0xf7, 0xfc, 0xa2, 0x83, 0x19, 0xdb, 0x1a, 0x3e, 0x94, 0x6b, 0x9e, 0x38, 0xd9,
	0x2c, 0x9c, 0x03, 0xd1, 0xad, 0x99, 0x44, 0xa7, 0xd9, 0x56, 0x3d, 0x59, 0x06, 0x3c, 0x25, 0xf3, 0xfc, 0x1f, 0xdc, 0x2a};

static bool same(const struct flow_qset *a, const struct flow_qset *b)
{
	return a->port == b->port && a->nr_queues == b->nr_queues && a->fields == b->fields &&
	       a->symmetric == b->symmetric && a->has_key == b->has_key && !memcmp(a->key, b->key, sizeof(a->key)) &&
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

/* What is hashed, in the order RSS has it: addresses, ports; for ESP its SPI. */
struct tuple {
	uint8_t bytes[40];
	unsigned n;
};

static void put(struct tuple *t, const uint8_t *at, unsigned len)
{
	memcpy(t->bytes + t->n, at, len);
	t->n += len;
}

/* Both, in the packet's order, or the smaller one first: then the way back hashes alike. */
static void put_pair(struct tuple *t, const uint8_t *a, const uint8_t *b, unsigned len, bool symmetric)
{
	bool swap = symmetric && memcmp(a, b, len) > 0;

	put(t, swap ? b : a, len);
	put(t, swap ? a : b, len);
}

static void put_fields(struct tuple *t, const uint8_t *src, const uint8_t *dst, unsigned len, unsigned want, bool symmetric)
{
	if (want == 3)
		put_pair(t, src, dst, len, symmetric);
	else if (want)
		put(t, want == 1 ? src : dst, len);
}

static void collect(const struct rte_mbuf *m, const struct pkt_headers *h, const struct flow_qset *set, struct tuple *t)
{
	const uint8_t *ip = pkt_at(m, h->l3), *l4 = pkt_at(m, h->l4);

	if (h->l3_type == PKT_L3_IP4)
		put_fields(t, ip + 12, ip + 16, 4, set->fields & 3, set->symmetric);
	else if (h->l3_type == PKT_L3_IP6)
		put_fields(t, ip + 8, ip + 24, 16, set->fields & 3, set->symmetric);
	if (h->l4_type == PKT_L4_TCP || h->l4_type == PKT_L4_UDP)
		put_fields(t, l4, l4 + 2, 2, set->fields >> 2 & 3, set->symmetric);
	else if (h->l4_type == PKT_L4_ESP && set->fields & FLOW_RSS_SPI)
		put(t, l4, 4);
}

static_assert(FLOW_RSS_SRC == 1 && FLOW_RSS_DST == 2 && FLOW_RSS_SPORT == 4 && FLOW_RSS_DPORT == 8, "pairs of bits");

/* Toeplitz: the key's 32 bits from each set bit of the input on, together. */
static uint32_t toeplitz(const uint8_t *key, const struct tuple *t)
{
	uint32_t hash = 0;

	for (unsigned i = 0; i < t->n; i++) {
		uint64_t window = 0;

		for (unsigned k = 0; k < 5; k++)
			window = window << 8 | key[(i + k) % FLOW_RSS_KEY_LEN];
		for (unsigned bits = t->bytes[i]; bits; bits &= bits - 1)
			hash ^= (uint32_t)(window >> (1 + __builtin_ctz(bits)));
	}
	return hash;
}

uint16_t flow_qset_pick(const struct flow_qset *set, struct rte_mbuf *m, uint16_t nr_port_queues)
{
	uint16_t n = set->nr_queues ? set->nr_queues : nr_port_queues;
	const struct pkt_headers *h;
	struct tuple t = {.n = 0};
	struct pkt_parse p;
	uint32_t at;

	if (!n || !set->fields || pkt_parse(m, &p) < 0)
		return set->nr_queues ? set->queue[0] : 0;
	h = set->fields & FLOW_RSS_INNER && p.inner.l3_type != PKT_L3_NONE ? &p.inner : &p.outer;
	collect(m, h, set, &t);
	m->hash.rss = toeplitz(set->has_key ? set->key : default_key, &t);
	m->ol_flags |= RTE_MBUF_F_RX_RSS_HASH;
	at = m->hash.rss % FLOW_RSS_TABLE % n;
	return set->nr_queues ? set->queue[at] : at;
}
