/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn_find: keys of packets, packed, and the lookups. A key goes through three steps: hash and ask for the bucket; match
 * tags and ask for the record; compare. CONN_STEP keys take a step together, and between two steps of a key lie the steps
 * of others, and what the caller does with those that are found already (conn_run.c). The first step is here, the
 * others, by variant, in conn_find_burst.h.
 */
#include <rte_prefetch.h>

#include "base/cpu.h"
#include "flow/conn_int.h"

static unsigned shape_l3(uint16_t shape)
{
	return (shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT;
}

static unsigned shape_l4(uint16_t shape)
{
	return (shape & FLOW_SHAPE_L4) >> FLOW_SHAPE_L4_SHIFT;
}

/* Bit: this enum pkt_l4 has ports. */
#define WITH_PORTS (1u << PKT_L4_TCP | 1u << PKT_L4_UDP | 1u << PKT_L4_SCTP)

/* TCP, UDP and SCTP by ports; ICMP and ICMPv6 echo by identifier, request and reply alike. */
static inline bool trackable(uint16_t shape, uint16_t icmp_type_code, bool *echo)
{
	unsigned l4 = shape_l4(shape);
	uint8_t type = *(const uint8_t *)&icmp_type_code; /* the first byte on the wire */

	*echo = false;
	if (unlikely(shape & FLOW_SHAPE_LATER))
		return false;
	if (likely(WITH_PORTS >> l4 & 1))
		return true;
	*echo = (l4 == PKT_L4_ICMP && (type == 8 || type == 0)) ||
		(l4 == PKT_L4_ICMP6 && (type == 128 || type == 129));
	return *echo;
}

bool conn_key_from(const struct flow_key *key, bool inner, uint16_t zone, struct conn_key *out)
{
	uint16_t shape = inner ? key->inner.shape : key->hot.shape;
	uint16_t sport = inner ? key->inner.sport : key->hot.sport;
	unsigned l3 = shape_l3(shape);
	bool echo;

	if ((l3 != PKT_L3_IP4 && l3 != PKT_L3_IP6) || !trackable(shape, sport, &echo))
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->src, inner ? key->inner.src : key->hot.src, 16);
	memcpy(out->dst, inner ? key->inner.dst : key->hot.dst, 16);
	out->dport = inner ? key->inner.dport : key->hot.dport;
	out->sport = echo ? out->dport : sport;
	out->proto = inner ? key->inner.proto : key->hot.proto;
	out->ip6 = l3 == PKT_L3_IP6;
	out->zone = zone;
	return true;
}

void conn_pack(const struct conn_key *key, uint64_t *words)
{
	uint64_t last = conn_pack_word(key->sport, key->dport, key->proto, key->zone);

	if (key->ip6) {
		memcpy(&words[0], key->src, 16);
		memcpy(&words[2], key->dst, 16);
		words[4] = last;
		return;
	}
	memcpy(&words[0], key->src, 4);
	memcpy((uint8_t *)&words[0] + 4, key->dst, 4);
	words[1] = last;
}

void conn_unpack(const struct conn_family *f, const uint64_t *words, struct conn_key *key)
{
	uint64_t last = words[f->words - 1];

	memset(key, 0, sizeof(*key));
	key->ip6 = f->words == 5;
	memcpy(key->src, &words[0], key->ip6 ? 16 : 4);
	memcpy(key->dst, key->ip6 ? (const uint8_t *)&words[2] : (const uint8_t *)&words[0] + 4,
		key->ip6 ? 16 : 4);
	key->sport = last;
	key->dport = last >> 16;
	key->proto = conn_word_proto(last);
	key->zone = last >> 48;
}

static void begin(struct conn_batch *b, const struct conn_family *f)
{
	b->f = f;
	b->n = 0;
	b->level = bkt_level(&f->index);
	b->homes = bkt_at(&f->index, b->level, 0);
	b->home_mask = ((uint64_t)1 << b->level) - 1;
}

static void ask(const struct flow_conn_table *t, struct conn_batch *b, unsigned from, unsigned to)
{
	const struct flow_seed seed = t->h->seed;
	const struct bkt *homes = b->homes;
	uint64_t home_mask = b->home_mask;
	unsigned words = b->f->words;

	for (unsigned i = from; i < to; i++) {
		uint64_t hash = likely(words == 2) ? conn_hash4(&seed, &b->words[i * 2]) : conn_hash6(&seed, &b->words[i * 5]);

		b->hash[i] = hash;
		rte_prefetch0(&homes[hash & home_mask]);
	}
}

void conn_batch_step(const struct flow_conn_table *t, struct conn_batch *b, unsigned at)
{
	ask(t, b, MIN_OF(at, b->n), MIN_OF(at + CONN_STEP, b->n));
	if (at >= CONN_STEP)
		t->steps[b->f->words == 5].match(b, MIN_OF(at - CONN_STEP, b->n), MIN_OF(at, b->n));
}

/* All steps, and the references. */
static void finish(const struct flow_conn_table *t, struct conn_batch *b, conn_ref *out)
{
	unsigned ip6 = b->f->words == 5;

	if (!b->n)
		return;
	for (unsigned at = 0; at < b->n + 2 * CONN_STEP; at += CONN_STEP) {
		conn_batch_step(t, b, at);
		for (unsigned i = at - 2 * CONN_STEP; at >= 2 * CONN_STEP && i < MIN_OF(at - CONN_STEP, b->n); i++) {
			uint32_t id = ip6 ? conn_judge(t, b, i, 5) : conn_judge(t, b, i, 2);

			if (id)
				out[b->place[i]] = conn_ref_make(ip6, id, conn_common_at(b->f, id)->gen);
		}
	}
}

void conn_lookup(
	const struct flow_conn_table *table, const struct conn_key *keys, conn_ref *out, unsigned n)
{
	struct conn_batch batch[2];

	for (unsigned done = 0; done < n; done += CONN_BATCH) {
		begin(&batch[0], &table->family[0]);
		begin(&batch[1], &table->family[1]);
		for (unsigned i = 0; i < CONN_BATCH && done + i < n; i++) {
			struct conn_batch *b = &batch[keys[done + i].ip6];

			out[done + i] = CONN_NONE;
			conn_pack(&keys[done + i], &b->words[b->n * b->f->words]);
			b->place[b->n++] = i;
		}
		finish(table, &batch[0], out + done);
		finish(table, &batch[1], out + done);
	}
}

/* The last word of a key: ports and protocol stand one behind the other in the line, too. */
static inline uint64_t last_word(const struct flow_key_hot *k, bool echo, uint16_t zone)
{
	uint64_t word;

	if (unlikely(echo))
		return conn_pack_word(k->dport, k->dport, k->proto, zone);
	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return conn_pack_word(k->sport, k->dport, k->proto, zone);
	memcpy(&word, &k->sport, sizeof(word));
	return (word & 0xffffffffffull) | (uint64_t)zone << 48;
}
static_assert(offsetof(struct flow_key_hot, dport) == offsetof(struct flow_key_hot, sport) + 2 &&
		      offsetof(struct flow_key_hot, proto) == offsetof(struct flow_key_hot, sport) + 4, "as conn_pack_word");

static inline void pack4(const struct flow_key_hot *k, bool echo, uint16_t zone, uint64_t *words)
{
	uint32_t src, dst;

	memcpy(&src, k->src, 4);
	memcpy(&dst, k->dst, 4);
	words[0] = src | (uint64_t)dst << 32;
	words[1] = last_word(k, echo, zone);
}

static inline void pack6(const struct flow_key_hot *k, bool echo, uint16_t zone, uint64_t *words)
{
	memcpy(&words[0], k->src, 16);
	memcpy(&words[2], k->dst, 16);
	words[4] = last_word(k, echo, zone);
}

void conn_batches(const struct flow_conn_table *t, const struct flow_key *keys, uint16_t zone, uint64_t mask,
	struct conn_batch b[2])
{
	unsigned n4 = 0, n6 = 0;

	begin(&b[0], &t->family[0]);
	begin(&b[1], &t->family[1]);
	for (; mask; mask &= mask - 1) {
		unsigned i = __builtin_ctzll(mask);
		const struct flow_key_hot *k = &keys[i].hot;
		unsigned l3 = shape_l3(k->shape);
		bool echo;

		if (unlikely(!trackable(k->shape, k->sport, &echo)))
			continue;
		if (likely(l3 == PKT_L3_IP4)) {
			pack4(k, echo, zone, &b[0].words[n4 * 2]);
			b[0].place[n4++] = i;
		} else if (l3 == PKT_L3_IP6) {
			pack6(k, echo, zone, &b[1].words[n6 * 5]);
			b[1].place[n6++] = i;
		}
	}
	b[0].n = n4;
	b[1].n = n6;
}

void conn_lookup_keys(const struct flow_conn_table *table, const struct flow_key *keys,
	uint16_t zone, uint64_t mask, conn_ref *out, unsigned n)
{
	struct conn_batch batch[2];

	if (n < CONN_BATCH)
		mask &= ((uint64_t)1 << n) - 1;
	for (uint64_t left = mask; left; left &= left - 1)
		out[__builtin_ctzll(left)] = CONN_NONE;
	conn_batches(table, keys, zone, mask, batch);
	finish(table, &batch[0], out);
	finish(table, &batch[1], out);
}

void conn_choose_variant(struct flow_conn_table *t)
{
	t->steps = conn_steps_generic;
#ifdef __x86_64__
	if (cpu_has(CPU_AVX512 | CPU_BMI2))
		t->steps = conn_steps_avx512;
	else if (cpu_has(CPU_AVX2 | CPU_BMI2))
		t->steps = conn_steps_avx2;
#endif
}
