/* SPDX-License-Identifier: BSD-3-Clause */
/* ct_dup: connections a queue has seen lately, by their key; and how many connections a zone has. */
#include <stdlib.h>
#include <string.h>

#include "doca/flow/ct_door.h"

/* What two matches must agree in: members, not padding. */
struct dup_key {
	uint32_t src[4], dst[4], zone;
	uint16_t sport, dport;
	uint8_t proto, family, pad[2];
};

static struct dup_key key_of(unsigned dir, unsigned family, const struct doca_flow_ct_match *m)
{
	struct dup_key key = {.family = family};

	if (family == CT_IP4) {
		key.src[0] = m->ipv4.src_ip;
		key.dst[0] = m->ipv4.dst_ip;
		key.sport = m->ipv4.l4_port.src_port;
		key.dport = m->ipv4.l4_port.dst_port;
		key.proto = m->ipv4.next_proto;
		key.zone = m->ipv4.metadata & ct.cfg.dir[dir].zone_mask;
		return key;
	}
	memcpy(key.src, m->ipv6.src_ip, sizeof(key.src));
	memcpy(key.dst, m->ipv6.dst_ip, sizeof(key.dst));
	key.sport = m->ipv6.l4_port.src_port;
	key.dport = m->ipv6.l4_port.dst_port;
	key.proto = m->ipv6.next_proto;
	key.zone = m->ipv6.metadata & ct.cfg.dir[dir].zone_mask;
	return key;
}

static struct ct_entry *entry_of(struct hmap_node *node, unsigned dir)
{
	return (struct ct_entry *)((char *)node - offsetof(struct ct_entry, dup) - dir * sizeof(struct hmap_node));
}

doca_error_t ct_dups_make(struct ct_lane *lane)
{
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		hmap_init(&lane->dups[dir].map);
		if (!ct.cfg.dup_size)
			continue;
		lane->dups[dir].ring = calloc((size_t)ct.cfg.dup_size + 1, sizeof(*lane->dups[dir].ring));
		if (!lane->dups[dir].ring)
			return dcore_fail(DOCA_ERROR_NO_MEMORY, "CT: no memory for a duplicate filter of %u connections", ct.cfg.dup_size);
	}
	return DOCA_SUCCESS;
}

void ct_dups_free(struct ct_lane *lane)
{
	for (unsigned dir = 0; dir < CT_DIRS; dir++) {
		hmap_destroy(&lane->dups[dir].map);
		free(lane->dups[dir].ring);
	}
}

struct ct_entry *ct_dup_find(const struct ct_lane *lane, unsigned dir, unsigned family, const struct doca_flow_ct_match *match)
{
	struct dup_key key = key_of(dir, family, match), other;
	struct hmap_node *n = hmap_first_hash(&lane->dups[dir].map, hmap_hash_bytes(&key, sizeof(key)));

	for (; n; n = hmap_next_hash(n)) {
		struct ct_entry *e = entry_of(n, dir);

		other = key_of(dir, ct_family(e->flags, dir), &e->match[dir]);
		if (!memcmp(&key, &other, sizeof(key)))
			return e;
	}
	return NULL;
}

static void forget(struct ct_dups *dups, struct ct_entry *entry, unsigned dir)
{
	hmap_remove(&dups->map, &entry->dup[dir]);
	dups->ring[entry->dup_slot[dir]] = NULL;
	entry->dup_slot[dir] = 0;
}

void ct_dup_put(struct ct_lane *lane, struct ct_entry *entry, unsigned dir)
{
	struct ct_dups *dups = &lane->dups[dir];
	struct dup_key key;

	if (!dups->ring || entry->dup_slot[dir])
		return;
	key = key_of(dir, ct_family(entry->flags, dir), &entry->match[dir]);
	dups->at = dups->at % ct.cfg.dup_size + 1;
	if (dups->ring[dups->at])
		forget(dups, dups->ring[dups->at], dir);
	dups->ring[dups->at] = entry;
	entry->dup_slot[dir] = dups->at;
	hmap_insert(&dups->map, &entry->dup[dir], hmap_hash_bytes(&key, sizeof(key)));
}

void ct_dup_drop(struct ct_lane *lane, struct ct_entry *entry)
{
	for (unsigned dir = 0; dir < CT_DIRS; dir++)
		if (entry->dup_slot[dir])
			forget(&lane->dups[dir], entry, dir);
}

/* ---- zones ---- */

struct zone {
	struct hmap_node node;
	uint32_t id, live;
};

/* A pipe that cannot hold more than one zone may have needs no count. */
static bool zones_matter(const struct ct_pipe *pipe)
{
	return ct.cfg.zone_max && ct.cfg.zone_max < pipe->pool[CT_IP4] + pipe->pool[CT_IP6];
}

static struct zone *find_zone(const struct ct_pipe *pipe, uint32_t id)
{
	struct hmap_node *n = hmap_first_hash(&pipe->zones, hmap_hash_u64(id));

	while (n && ((struct zone *)n)->id != id)
		n = hmap_next_hash(n);
	return (struct zone *)n;
}

static struct zone *make_zone(struct ct_pipe *pipe, uint32_t id)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (zone) {
		zone->id = id;
		hmap_insert(&pipe->zones, &zone->node, hmap_hash_u64(id));
	}
	return zone;
}

doca_error_t ct_zone_enter(struct ct_pipe *pipe, struct ct_entry *entry)
{
	struct zone *zone;
	bool room;

	if (!zones_matter(pipe))
		return DOCA_SUCCESS;
	pthread_spin_lock(&pipe->lock);
	zone = find_zone(pipe, entry->zone);
	if (!zone)
		zone = make_zone(pipe, entry->zone);
	room = zone && zone->live < ct.cfg.zone_max;
	if (room)
		zone->live++;
	pthread_spin_unlock(&pipe->lock);
	entry->in_zone = room;
	return room ? DOCA_SUCCESS
		    : dcore_fail(DOCA_ERROR_FULL, "pipe '%s': zone %#x has its %u connections", pipe->door->name, entry->zone, ct.cfg.zone_max);
}

void ct_zone_leave(struct ct_pipe *pipe, struct ct_entry *entry)
{
	struct zone *zone;

	if (!entry->in_zone)
		return;
	entry->in_zone = false;
	pthread_spin_lock(&pipe->lock);
	zone = find_zone(pipe, entry->zone);
	if (!--zone->live) {
		hmap_remove(&pipe->zones, &zone->node);
		free(zone);
	}
	pthread_spin_unlock(&pipe->lock);
}

void ct_zones_free(struct ct_pipe *pipe)
{
	struct hmap_node *n;

	while ((n = hmap_first(&pipe->zones))) {
		hmap_remove(&pipe->zones, n);
		free(n);
	}
	hmap_destroy(&pipe->zones);
}
