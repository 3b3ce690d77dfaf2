/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * model: look-ups in the compiled desired state. Flat open-addressing tables at most half full: one
 * cache line for most hits and misses, no pointers to chase. Relies on compile.c having filled them.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_hash_crc.h>

#include "node/node_int.h"

void wire_addr(const struct addr *a, uint8_t out[16])
{
	memcpy(out, a->bytes, 16);
}

struct addr addr_wire(const uint8_t addr[16], bool ip6)
{
	return ip6 ? addr_from_v6(addr) : addr_from_v4(addr);
}

static inline uint32_t addr_hash(const uint8_t addr[16], uint32_t seed)
{
	uint64_t w[2];

	memcpy(w, addr, 16);
	return rte_hash_crc_8byte(w[1], rte_hash_crc_8byte(w[0], seed));
}

const struct addr_slot *model_addr(const struct model *m, const uint8_t addr[16], bool ip6)
{
	for (uint32_t i = addr_hash(addr, ip6);; i++) {
		const struct addr_slot *s = &m->addr_slots[i & m->addr_mask];

		if (!s->kind)
			return NULL;
		if (s->ip6 == ip6 && !memcmp(s->addr, addr, 16))
			return s;
	}
}

static inline uint32_t front_hash(const uint8_t addr[16], bool ip6, uint8_t proto, uint16_t port)
{
	return addr_hash(addr, (uint32_t)ip6 << 24 | (uint32_t)proto << 16 | port);
}

const struct front *model_front(
	const struct model *m, const uint8_t addr[16], bool ip6, uint8_t proto, uint16_t port)
{
	for (uint32_t i = front_hash(addr, ip6, proto, port);; i++) {
		const struct front_slot *s = &m->front_slots[i & m->front_mask];

		if (!s->proto)
			return NULL;
		if (s->port == port && s->proto == proto && s->ip6 == ip6 &&
			!memcmp(s->addr, addr, 16))
			return &m->fronts[s->front];
	}
}

uint32_t model_peer_of(const struct model *m, const uint8_t addr[16], bool ip6)
{
	struct addr a = addr_wire(addr, ip6);

	for (uint32_t i = 0; i < m->nr_cidrs; i++)
		if (prefix_contains(&m->cidrs[i].prefix, &a))
			return m->cidrs[i].peer;
	return NONE;
}

/* --- filling, for compile.c --- */

void model_add_addr(struct model *m, const struct addr *a, enum addr_kind kind, uint32_t index)
{
	struct addr_slot *s;

	for (uint32_t i = addr_hash(a->bytes, addr_is_v6(a));; i++) {
		s = &m->addr_slots[i & m->addr_mask];
		if (!s->kind || (s->ip6 == addr_is_v6(a) && !memcmp(s->addr, a->bytes, 16)))
			break;
	}
	wire_addr(a, s->addr);
	s->ip6 = addr_is_v6(a);
	s->kind = (uint8_t)kind;
	s->index = index;
}

static void add_front(struct model *m, uint32_t index)
{
	const struct front *f = &m->fronts[index];
	uint32_t i = front_hash(f->addr, f->ip6, f->proto, f->port);
	struct front_slot *s;

	while (m->front_slots[i & m->front_mask].proto)
		i++;
	s = &m->front_slots[i & m->front_mask];
	memcpy(s->addr, f->addr, 16);
	s->port = f->port;
	s->proto = f->proto;
	s->ip6 = f->ip6;
	s->front = index;
}

/* All fronts at once, when their number is known. */
void model_index_fronts(struct model *m)
{
	uint32_t size = 8;

	while (size < m->nr_fronts * 2)
		size *= 2;
	m->front_mask = size - 1;
	m->front_slots = calloc(size, sizeof(*m->front_slots));
	if (!m->front_slots)
		abort();
	for (uint32_t i = 0; i < m->nr_fronts; i++)
		add_front(m, i);
}

void model_free(struct model *m)
{
	if (!m)
		return;
	free(m->peers);
	free(m->pods);
	free(m->cidrs);
	free(m->fronts);
	free(m->backends);
	free(m->addr_slots);
	free(m->front_slots);
	free(m->sides);
	free(m->rules);
	free(m->blocks);
	free(m->excepts);
	free(m->ranges);
	free(m->pod_sets);
	free(m->pod_by_port);
	json_decref(m->state);
	free(m);
}
