/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_rewrite: what a direction does, compact in its line, expanded for the executor. The compact form never
 * changes while the connection lives. A later change goes to one of two replacement places of the pair, and
 * one store of rw_flags makes it the valid one; a reader that has loaded the old flags goes on reading the
 * old place, which is not written again before its grace period has passed.
 */
#include "base/refuse.h"
#include "flow/conn_int.h"

/* One's complement sum of ~old + new over 16-bit words in memory order (RFC 1624 eqn. 3). */
static uint32_t delta_of(uint32_t sum, const void *old, const void *new, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i += 2) {
		uint16_t o, n;

		memcpy(&o, (const uint8_t *)old + i, 2);
		memcpy(&n, (const uint8_t *)new + i, 2);
		sum += (uint16_t)~o + n;
	}
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The deltas of a rewrite applied to packets with this key. Only what the flags name changes. */
static void fill_deltas(const struct conn_key *key, struct flow_rewrite *rw)
{
	unsigned bytes = key->ip6 ? 16 : 4;
	bool icmp4 = key->proto == 1, icmp = icmp4 || key->proto == 58;
	uint32_t addr = 0, ports = 0;

	if (rw->flags & FLOW_RW_SRC_IP)
		addr = delta_of(addr, key->src, rw->src, bytes);
	if (rw->flags & FLOW_RW_DST_IP)
		addr = delta_of(addr, key->dst, rw->dst, bytes);
	if (rw->flags & FLOW_RW_SRC_PORT)
		ports = delta_of(ports, &key->sport, &rw->sport, 2);
	/* An echo has one identifier; it stands in both ports of the key. */
	if ((rw->flags & FLOW_RW_DST_PORT) && !(icmp && (rw->flags & FLOW_RW_SRC_PORT)))
		ports = delta_of(ports, &key->dport, &rw->dport, 2);
	rw->l3_delta = key->ip6 ? 0 : fold(addr);
	rw->l4_addr_delta = icmp4 ? 0 : fold(addr); /* ICMP for IPv4 has no pseudo header */
	rw->l4_delta = fold((uint32_t)rw->l4_addr_delta + fold(ports));
}

static void store4(struct conn_dir4 *d, const struct flow_rewrite *rw)
{
	memcpy(&d->src, rw->src, 4);
	memcpy(&d->dst, rw->dst, 4);
	d->l3_delta = rw->l3_delta;
	d->l4_delta = rw->l4_delta;
	d->sport = rw->sport;
	d->dport = rw->dport;
}

static void store6(struct conn_dir6 *d, const struct flow_rewrite *rw)
{
	memcpy(d->src, rw->src, 16);
	memcpy(d->dst, rw->dst, 16);
	d->l4_addr_delta = rw->l4_addr_delta;
	d->l4_delta = rw->l4_delta;
	d->sport = rw->sport;
	d->dport = rw->dport;
}

static void complete(const struct conn_family *f, uint32_t id, struct flow_rewrite *rw)
{
	struct conn_key key;

	conn_unpack(f, conn_dir_key(f, id), &key);
	rw->pad = 0;
	rw->flags = (rw->flags & ~(CONN_RW_REPLACED | FLOW_RW_IP6)) | (key.ip6 ? FLOW_RW_IP6 : 0);
	fill_deltas(&key, rw);
}

void conn_fill_rewrite(struct conn_family *f, uint32_t id, const struct flow_rewrite *given)
{
	struct conn_common *c = conn_common_at(f, id);
	struct flow_rewrite rw = *given;

	c->hop = rw.hop;
	c->rw_flags = 0;
	if (!(rw.flags & (FLOW_RW_SRC_IP | FLOW_RW_DST_IP | FLOW_RW_SRC_PORT | FLOW_RW_DST_PORT))) {
		/* Plain forwarding: a zeroed rewrite is right. */
		c->rw_flags = (rw.flags & FLOW_RW_MSS) | (f->words == 5 ? FLOW_RW_IP6 : 0);
		memset(conn_dir_key(f, id) + f->words, 0, f->words == 5 ? 56 : 16);
		return;
	}
	complete(f, id, &rw);
	c->rw_flags = rw.flags;
	if (f->words == 5)
		store6((struct conn_dir6 *)conn_dir_key(f, id), &rw);
	else
		store4((struct conn_dir4 *)conn_dir_key(f, id), &rw);
}

static inline void expand4(const struct conn_dir4 *d, struct flow_rewrite *rw)
{
	bool icmp4 = conn_word_proto(d->key[1]) == 1;

	memset(rw->src, 0, 32);
	memcpy(rw->src, &d->src, 4);
	memcpy(rw->dst, &d->dst, 4);
	rw->l3_delta = d->l3_delta;
	rw->l4_addr_delta = icmp4 ? 0 : d->l3_delta;
	rw->l4_delta = d->l4_delta;
	rw->sport = d->sport;
	rw->dport = d->dport;
}

static inline void expand6(const struct conn_dir6 *d, struct flow_rewrite *rw)
{
	memcpy(rw->src, d->src, 16);
	memcpy(rw->dst, d->dst, 16);
	rw->l3_delta = 0;
	rw->l4_addr_delta = d->l4_addr_delta;
	rw->l4_delta = d->l4_delta;
	rw->sport = d->sport;
	rw->dport = d->dport;
}

void conn_rewrite(const struct flow_conn_table *table, conn_ref ref, struct flow_rewrite *rw)
{
	const struct conn_family *f = conn_family_of(table, ref);
	uint32_t id = conn_ref_id(ref);
	const struct conn_common *c = conn_common_at(f, id);
	uint16_t flags = __atomic_load_n(&c->rw_flags, __ATOMIC_ACQUIRE);

	if (unlikely(flags & CONN_RW_REPLACED)) {
		*rw = f->replaced[id >> 1].rw[id & 1][(flags >> CONN_RW_SHIFT) - 1];
		return;
	}
	rw->flags = flags;
	rw->hop = __atomic_load_n(&c->hop, __ATOMIC_RELAXED);
	rw->pad = 0;
	if (f->words == 2)
		expand4((const struct conn_dir4 *)conn_dir_key(f, id), rw);
	else
		expand6((const struct conn_dir6 *)conn_dir_key(f, id), rw);
}

/* May the place that is not in use be written? Its readers came before the last replacement. */
static bool place_is_free(
	const struct flow_conn_table *table, const struct conn_replaced *r, unsigned dir)
{
	return r->epoch[dir] != table->epoch || flow_epoch_passed(table->ctx, r->token[dir]);
}

static int replace(struct flow_conn_table *table, struct conn_family *f, uint32_t id,
	const struct flow_rewrite *rw)
{
	struct conn_common *c = conn_common_at(f, id);
	struct conn_replaced *r = &f->replaced[id >> 1];
	uint16_t now = __atomic_load_n(&c->rw_flags, __ATOMIC_ACQUIRE),
		 which = now >> CONN_RW_SHIFT == 1 ? 2 : 1;

	if ((now & CONN_RW_REPLACED) && !place_is_free(table, r, id & 1))
		return -EBUSY;
	r->rw[id & 1][which - 1] = *rw;
	__atomic_store_n(&c->rw_flags, rw->flags | which << CONN_RW_SHIFT, __ATOMIC_RELEASE);
	r->token[id & 1] = flow_epoch_token(table->ctx);
	r->epoch[id & 1] = table->epoch;
	return 0;
}

/* The usual change, a neighbour or path that moved: one store where the hop stands, no second place needed. */
static bool only_hop_changes(
	struct flow_conn_table *table, conn_ref ref, const struct flow_rewrite *rw)
{
	struct conn_family *f = &table->family[conn_ref_ip6(ref)];
	uint32_t id = conn_ref_id(ref);
	struct conn_common *c = conn_common_at(f, id);
	unsigned which = __atomic_load_n(&c->rw_flags, __ATOMIC_ACQUIRE) >> CONN_RW_SHIFT;
	struct flow_rewrite now;

	conn_rewrite(table, ref, &now);
	now.hop = rw->hop;
	if (memcmp(&now, rw, sizeof(now)))
		return false;
	__atomic_store_n(which ? &f->replaced[id >> 1].rw[id & 1][which - 1].hop : &c->hop, rw->hop,
		__ATOMIC_RELEASE);
	return true;
}

int conn_set_rewrite(
	struct flow_conn_table *table, conn_ref ref, const struct flow_rewrite *rewrite)
{
	struct conn_family *f = &table->family[conn_ref_ip6(ref)];
	uint32_t id = conn_ref_id(ref);
	const struct conn_common *c = conn_common_at(f, id);
	struct flow_rewrite rw = *rewrite;
	int err;

	if (c->gen != conn_ref_gen(ref) ||
		!(__atomic_load_n(&conn_common_at(f, id & ~1u)->state, __ATOMIC_ACQUIRE) &
			CONN_ST_LIVE))
		return refuse(ENOENT, "connection: removed before its rewrite could change");
	complete(f, id, &rw);
	pthread_mutex_lock(&table->replace_lock);
	err = only_hop_changes(table, ref, &rw) ? 0 : replace(table, f, id, &rw);
	pthread_mutex_unlock(&table->replace_lock);
	return err ? refuse(-err, "connection: a reader may still use the rewrite before the "
				  "present one; try again after its burst")
		   : 0;
}
