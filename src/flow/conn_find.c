/* SPDX-License-Identifier: BSD-3-Clause */
/* conn_find: keys of packets, packed, and the lookups. The batched search itself is in conn_find_burst.h. */
#include "base/cpu.h"
#include "flow/conn_int.h"

#define FIND_MAX 64

static unsigned shape_l3(uint16_t shape)
{
	return (shape & FLOW_SHAPE_L3) >> FLOW_SHAPE_L3_SHIFT;
}

static unsigned shape_l4(uint16_t shape)
{
	return (shape & FLOW_SHAPE_L4) >> FLOW_SHAPE_L4_SHIFT;
}

/* TCP, UDP and SCTP by ports; ICMP and ICMPv6 echo by identifier, request and reply alike. */
static inline bool trackable(uint16_t shape, uint16_t icmp_type_code, bool *echo)
{
	unsigned l4 = shape_l4(shape);
	uint8_t type = *(const uint8_t *)&icmp_type_code; /* the first byte on the wire */

	*echo = false;
	if (shape & FLOW_SHAPE_LATER)
		return false;
	if (l4 == PKT_L4_TCP || l4 == PKT_L4_UDP || l4 == PKT_L4_SCTP)
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

/* Keys of one family collected from a burst, with the places they came from. */
struct batch {
	unsigned n;
	uint8_t place[FIND_MAX];
	uint64_t *words;
};

static void finish(
	const struct flow_conn_table *t, unsigned ip6, const struct batch *b, conn_ref *out)
{
	const struct conn_family *f = &t->family[ip6];
	uint32_t ids[FIND_MAX];

	if (!b->n)
		return;
	t->find[ip6](f, &t->h->seed, b->words, ids, b->n);
	for (unsigned i = 0; i < b->n; i++)
		if (ids[i])
			out[b->place[i]] =
				conn_ref_make(ip6, ids[i], conn_common_at(f, ids[i])->gen);
}

void conn_lookup(
	const struct flow_conn_table *table, const struct conn_key *keys, conn_ref *out, unsigned n)
{
	uint64_t words4[FIND_MAX * 2], words6[FIND_MAX * 5];

	for (unsigned done = 0; done < n; done += FIND_MAX) {
		struct batch b4 = {.words = words4}, b6 = {.words = words6};

		for (unsigned i = 0; i < FIND_MAX && done + i < n; i++) {
			const struct conn_key *k = &keys[done + i];
			struct batch *b = k->ip6 ? &b6 : &b4;

			out[done + i] = CONN_NONE;
			conn_pack(k, &b->words[b->n * (k->ip6 ? 5 : 2)]);
			b->place[b->n++] = i;
		}
		finish(table, 0, &b4, out + done);
		finish(table, 1, &b6, out + done);
	}
}

/* IPv4 straight from the line: addresses, then ports and protocol in one load. */
static inline void pack4(const struct flow_key_hot *k, bool echo, uint16_t zone, uint64_t *words)
{
	uint32_t src, dst;

	memcpy(&src, k->src, 4);
	memcpy(&dst, k->dst, 4);
	words[0] = src | (uint64_t)dst << 32;
	words[1] = conn_pack_word(echo ? k->dport : k->sport, k->dport, k->proto, zone);
}

static inline void pack6(const struct flow_key_hot *k, bool echo, uint16_t zone, uint64_t *words)
{
	memcpy(&words[0], k->src, 16);
	memcpy(&words[2], k->dst, 16);
	words[4] = conn_pack_word(echo ? k->dport : k->sport, k->dport, k->proto, zone);
}

void conn_lookup_keys(const struct flow_conn_table *table, const struct flow_key *keys,
	uint16_t zone, uint64_t mask, conn_ref *out, unsigned n)
{
	uint64_t words4[FIND_MAX * 2], words6[FIND_MAX * 5];
	struct batch b4 = {.words = words4}, b6 = {.words = words6};

	if (n < FIND_MAX)
		mask &= ((uint64_t)1 << n) - 1;
	for (; mask; mask &= mask - 1) {
		unsigned i = __builtin_ctzll(mask);
		const struct flow_key_hot *k = &keys[i].hot;
		unsigned l3 = shape_l3(k->shape);
		bool echo;

		out[i] = CONN_NONE;
		if (!trackable(k->shape, k->sport, &echo))
			continue;
		if (likely(l3 == PKT_L3_IP4)) {
			pack4(k, echo, zone, &words4[b4.n * 2]);
			b4.place[b4.n++] = i;
		} else if (l3 == PKT_L3_IP6) {
			pack6(k, echo, zone, &words6[b6.n * 5]);
			b6.place[b6.n++] = i;
		}
	}
	finish(table, 0, &b4, out);
	finish(table, 1, &b6, out);
}

void conn_choose_variant(struct flow_conn_table *t)
{
	t->find[0] = conn_find4_generic;
	t->find[1] = conn_find6_generic;
#ifdef __x86_64__
	if (cpu_has(CPU_AVX512 | CPU_BMI2)) {
		t->find[0] = conn_find4_avx512;
		t->find[1] = conn_find6_avx512;
	} else if (cpu_has(CPU_AVX2 | CPU_BMI2)) {
		t->find[0] = conn_find4_avx2;
		t->find[1] = conn_find6_avx2;
	}
#endif
}
