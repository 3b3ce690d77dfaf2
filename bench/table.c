/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table: the tables of room flow alone, on one core. One JSON line per case.
 *
 *   exact-hit, exact-miss     batched lookups of a 5-tuple among N entries and a touch of the entry, beside
 *                             DPDK's rte_hash (bulk lookup, then a touch of the entry array), taking turns.
 *                             Making the keys is not in the time of either
 *   exact-insert, -delete     in bursts, growing from empty, beside rte_hash; the slowest single burst
 *   conn-hit, conn-miss       connection lookups straight from flow keys; conn-packet adds the state update
 *                             and the rewrite, which is what a packet costs
 *   conn-add, conn-remove     set-up in bursts of 32
 *
 * usage: bench-table [--exact] [--pairs N] [entries...]   (default 100000 1000000; 16000000 needs about 6 GiB)
 *
 * --exact: exact tables only. --pairs: the lines of look-ups also have the medians of so many parts of the run, as
 * [ours, peer]. Both sides' memory is huge pages where there are any.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include "base/cpu.h"
#include "base/refuse.h"
#include "base/rng.h"
#include "flow/conn.h"
#include "flow/exact.h"
#include "port/eal.h"

#define BURST 32 /* of insertions */
#define LOOKUPS 64 /* keys looked up at once: the switch's burst, and the most rte_hash takes */
#define BATCH (2 * LOOKUPS) /* lookups under one look at the clock */
#define CHUNK (1u << 13) /* that count in one turn: shorter than a time slice */
#define WARM_MOST 500000u /* that come before them */
#define ROUNDS 101

struct entry {
	uint64_t packets, bytes;
};

/* The same 5-tuple in the peer's packed form. */
struct tuple {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t proto;
};

static struct flow_ctx *ctx;
static volatile uint64_t sink;
static unsigned pairs;

static void die(const char *what)
{
	fprintf(stderr, "table: %s: %s\n", what, refusal());
	exit(1);
}

static struct tuple tuple_of(uint32_t n)
{
	return (struct tuple){.src = n * 2654435761u,
		.dst = 0x0a000001,
		.sport = n,
		.dport = 80 + (n >> 16),
		.proto = 6};
}

static void key_of(uint32_t n, struct flow_key *k)
{
	struct tuple t = tuple_of(n);

	k->words[0] = 0;
	k->hot.shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT | PKT_L4_TCP << FLOW_SHAPE_L4_SHIFT;
	k->words[2] = t.src;
	k->words[4] = t.dst;
	k->words[6] = t.sport | (uint64_t)t.dport << 16 | (uint64_t)t.proto << 32;
}

static const struct flow_key mask = {.hot = {.shape = 0xffff,
					     .src = {255, 255, 255, 255},
					     .dst = {255, 255, 255, 255},
					     .sport = 0xffff,
					     .dport = 0xffff,
					     .proto = 0xff}};

/* ---- measuring ---- */

struct series {
	double cycles[ROUNDS];
	unsigned n;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void note(struct series *s, uint64_t cycles, uint64_t operations)
{
	s->cycles[s->n++ % ROUNDS] = (double)cycles / operations;
}

static double median(struct series *s)
{
	unsigned n = s->n < ROUNDS ? s->n : ROUNDS;

	qsort(s->cycles, n, sizeof(double), by_value);
	return s->cycles[n / 2];
}

/* The median of one of so many equal parts of the series, in its order. */
static double part_median(const struct series *s, unsigned part, unsigned parts)
{
	unsigned from = s->n * part / parts, to = s->n * (part + 1) / parts;
	struct series p = {.n = to - from};

	memcpy(p.cycles, s->cycles + from, p.n * sizeof(double));
	return median(&p);
}

static double mops(double cycles)
{
	return rte_get_tsc_hz() / cycles / 1e6;
}

static void report_pairs(const struct series *ours, const struct series *peer)
{
	printf(",\"pairs\":[");
	for (unsigned i = 0; i < pairs; i++)
		printf("%s[%.2f,%.2f]", i ? "," : "", mops(part_median(ours, i, pairs)), mops(part_median(peer, i, pairs)));
	printf("]");
}

static void report(const char *name, uint32_t entries, struct series *ours, struct series *peer)
{
	struct series in_order = *ours, peer_in_order = peer ? *peer : *ours;
	double c = median(ours), p = peer ? median(peer) : 0;

	printf("{\"bench\":\"table\",\"case\":\"%s\",\"entries\":%u,\"cpu\":\"%s\",\"mops\":%.1f,"
	       "\"cycles\":%.1f,\"best_cycles\":%.1f",
		name, entries, cpu_level_name(), mops(c), c,
		ours->cycles[ours->n < 20 ? 0 : ROUNDS / 20]);
	if (peer)
		printf(",\"peer\":\"rte_hash\",\"peer_mops\":%.1f,\"peer_cycles\":%.1f,\"peer_best_"
		       "cycles\":%.1f,\"ratio\":%.2f",
			mops(p), p, peer->cycles[peer->n < 20 ? 0 : ROUNDS / 20], p / c);
	if (peer && peer->n == ROUNDS)
		report_pairs(&in_order, &peer_in_order);
	printf("}\n");
	fflush(stdout);
}

/* ---- exact tables ---- */

static struct flow_exact *make_exact(uint32_t entries)
{
	struct flow_exact_cfg cfg = {.name = "bench",
		.mask = &mask,
		.data_len = sizeof(struct entry),
		.capacity = entries};
	struct flow_exact *t;

	if (flow_exact_create(ctx, &cfg, &t))
		die("exact table");
	return t;
}

static struct rte_hash *make_peer(uint32_t entries)
{
	struct rte_hash_parameters p = {.name = "peer",
		.entries = entries + entries / 4,
		.key_len = sizeof(struct tuple),
		.hash_func = rte_hash_crc,
		.socket_id = 0};

	return rte_hash_create(&p);
}

/* Keys are made before the clock runs: what is timed is what begins with keys in the first cache and ends with the
 * entries touched. */
static uint64_t look_exact(
	const struct flow_exact *t, struct rng *r, uint32_t first, uint32_t entries)
{
	static struct flow_key keys[BATCH];
	uint64_t start, sum = 0;
	uint32_t index[64];

	for (unsigned i = 0; i < BATCH; i++)
		key_of(first + rng_below(r, entries), &keys[i]);
	start = rte_rdtsc_precise();
	flow_reader_online(ctx, 0);
	for (unsigned at = 0; at < BATCH; at += LOOKUPS)
		for (uint64_t hits = flow_exact_lookup(t, keys + at, UINT64_MAX, index); hits;
			hits &= hits - 1) {
			struct entry *e = flow_exact_data(t, index[__builtin_ctzll(hits)]);

			e->packets++;
			sum++;
		}
	flow_reader_offline(ctx, 0);
	sink += sum;
	return rte_rdtsc_precise() - start;
}

static uint64_t look_peer(const struct rte_hash *h, struct entry *entries_of, struct rng *r,
	uint32_t first, uint32_t entries)
{
	static struct tuple keys[BATCH];
	const void *ptr[BATCH];
	uint64_t start, sum = 0;
	int32_t at[LOOKUPS];

	for (unsigned i = 0; i < BATCH; i++) {
		keys[i] = tuple_of(first + rng_below(r, entries));
		ptr[i] = &keys[i];
	}
	start = rte_rdtsc_precise();
	for (unsigned done = 0; done < BATCH; done += LOOKUPS) {
		rte_hash_lookup_bulk(h, ptr + done, LOOKUPS, at);
		for (unsigned i = 0; i < LOOKUPS; i++)
			if (at[i] >= 0)
				rte_prefetch0(&entries_of[(size_t)at[i] * 4]);
		for (unsigned i = 0; i < LOOKUPS; i++)
			if (at[i] >= 0) {
				entries_of[(size_t)at[i] * 4].packets++;
				sum++;
			}
	}
	sink += sum;
	return rte_rdtsc_precise() - start;
}

struct sides {
	const struct flow_exact *ours;
	const struct rte_hash *peer; /* NULL: it cannot be that large */
	struct entry *peer_entries;
	uint32_t entries;
};

static uint64_t look_many(const struct sides *s, bool ours, struct rng *r, uint32_t first, uint32_t n)
{
	uint64_t cycles = 0;

	for (uint32_t done = 0; done < n; done += BATCH)
		cycles += ours ? look_exact(s->ours, r, first, s->entries)
			       : look_peer(s->peer, s->peer_entries, r, first, s->entries);
	return cycles;
}

/* Both sides in turn; `first` moves the keys out of the table for misses. A turn begins with look-ups that do not
 * count: each side finds in the caches what it has brought there itself, as far as they hold it. */
static void exact_lookups(const char *name, const struct sides *s, uint32_t first)
{
	struct series of[2] = {0};
	struct rng r;

	rng_init(&r, 1);
	for (unsigned i = 0; i < ROUNDS; i++)
		for (unsigned peer = 0; peer < (s->peer ? 2u : 1u); peer++) {
			look_many(s, !peer, &r, first, MIN_OF(s->entries, WARM_MOST));
			note(&of[peer], look_many(s, !peer, &r, first, CHUNK), CHUNK);
		}
	report(name, s->entries, &of[0], s->peer ? &of[1] : NULL);
}

/* Fill in bursts. Returns the slowest burst in cycles. */
static uint64_t fill_exact(
	struct flow_exact *t, uint32_t entries, struct series *s, uint32_t *index)
{
	static struct flow_key keys[BURST];
	int results[BURST];
	uint64_t slowest = 0;

	for (uint32_t n = 0; n < entries; n += BURST) {
		uint64_t start, took;

		for (unsigned i = 0; i < BURST; i++)
			key_of(n + i, &keys[i]);
		start = rte_rdtsc();
		flow_exact_insert_burst(t, keys, NULL, index + n, results, BURST);
		took = rte_rdtsc() - start;
		slowest = took > slowest ? took : slowest;
		for (unsigned i = 0; i < BURST; i++)
			if (results[i])
				die("insert");
		s->cycles[0] += took;
	}
	s->cycles[0] /= entries;
	s->n = 1;
	return slowest;
}

static void exact_deletes(struct flow_exact *t, uint32_t entries, const uint32_t *index)
{
	struct series s = {.n = 1};
	uint64_t start = rte_rdtsc();

	for (uint32_t n = 0; n < entries; n++)
		flow_exact_remove(t, index[n]);
	s.cycles[0] = (double)(rte_rdtsc() - start) / entries;
	report("exact-delete", entries, &s, NULL);
}

static struct rte_hash *fill_peer(uint32_t entries, struct series *s)
{
	struct rte_hash *h = make_peer(entries);
	uint64_t start = rte_rdtsc();

	for (uint32_t n = 0; h && n < entries; n++) {
		struct tuple t = tuple_of(n);

		if (rte_hash_add_key(h, &t) < 0)
			die("rte_hash_add_key");
	}
	s->cycles[0] = (double)(rte_rdtsc() - start) / entries;
	s->n = 1;
	return h;
}

/* Our table's records are on huge pages: so is what belongs to the peer's. */
static void *huge_alloc(size_t size)
{
	void *p = aligned_alloc(2 << 20, RTE_ALIGN_CEIL(size, (size_t)2 << 20));

	if (!p)
		die("memory");
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static void bench_exact(uint32_t entries)
{
	struct flow_exact *t = make_exact(entries);
	uint32_t *index = malloc(((size_t)entries + BURST) * sizeof(*index));
	struct series ours = {0}, peer = {0};
	struct sides sides;
	uint64_t slowest;
	struct rte_hash *h;
	struct entry *e;

	entries -= entries % BURST;
	slowest = fill_exact(t, entries, &ours, index);
	h = fill_peer(entries, &peer);
	e = huge_alloc((size_t)entries * 2 * 64);
	report("exact-insert", entries, &ours, h ? &peer : NULL);
	printf("{\"bench\":\"table\",\"case\":\"exact-insert-slowest-burst\",\"entries\":%u,\"us\":"
	       "%.1f}\n",
		entries, slowest * 1e6 / rte_get_tsc_hz());
	flow_exact_settle(t);
	sides = (struct sides){.ours = t, .peer = h, .peer_entries = e, .entries = entries};
	exact_lookups("exact-hit", &sides, 0);
	exact_lookups("exact-miss", &sides, UINT32_MAX / 2);
	exact_deletes(t, entries, index);
	rte_hash_free(h);
	flow_exact_destroy(t);
	free(index);
	free(e);
}

/* ---- connections ---- */

static void spec_of(uint32_t n, struct conn_spec *s)
{
	static struct flow_key k[2];
	uint32_t swap;

	key_of(n, &k[0]);
	memset(s, 0, sizeof(*s));
	conn_key_from(&k[0], false, 0, &s->key[0]);
	s->key[1] = s->key[0];
	memcpy(&swap, s->key[0].src, 4);
	memcpy(s->key[1].src, s->key[0].dst, 4);
	memcpy(s->key[1].dst, &swap, 4);
	s->key[1].sport = 8080;
	s->key[1].dport = s->key[0].sport;
	memset(s->key[1].src, 9, 4);
	memcpy(s->key[1].src + 2, &n, 2);
	s->rewrite[0] = (struct flow_rewrite){
		.flags = FLOW_RW_DST_IP | FLOW_RW_DST_PORT, .dst = {9, 9}, .dport = 8080, .hop = 1};
	s->rewrite[1] = (struct flow_rewrite){.flags = FLOW_RW_SRC_IP | FLOW_RW_SRC_PORT,
		.src = {10, 0, 0, 1},
		.sport = 80,
		.hop = 2};
	memcpy(s->rewrite[0].dst, s->key[1].src, 4);
	s->tcp_flags = 2;
}

static uint64_t fill_conns(
	struct flow_conn_table *t, uint32_t entries, conn_ref *refs, struct series *s)
{
	static struct conn_spec specs[BURST];
	int results[BURST];
	uint64_t slowest = 0, sum = 0;

	for (uint32_t n = 0; n < entries; n += BURST) {
		uint64_t start, took;

		for (unsigned i = 0; i < BURST; i++)
			spec_of(n + i, &specs[i]);
		start = rte_rdtsc();
		conn_add_burst(t, 0, specs, 1000000000, refs + n, results, BURST);
		took = rte_rdtsc() - start;
		sum += took;
		slowest = took > slowest ? took : slowest;
		for (unsigned i = 0; i < BURST; i++)
			if (results[i])
				die("conn_add");
	}
	s->cycles[0] = (double)sum / entries;
	s->n = 1;
	return slowest;
}

enum conn_work { LOOK, PACKET };

static uint64_t look_conns(struct flow_conn_table *t, struct rng *r, uint32_t first,
	uint32_t entries, enum conn_work work)
{
	static struct flow_key keys[BURST];
	uint64_t start = rte_rdtsc(), sum = 0;
	conn_ref out[64];

	flow_reader_online(ctx, 0);
	for (unsigned done = 0; done < CHUNK; done += BURST) {
		for (unsigned i = 0; i < BURST; i++)
			key_of(first + rng_below(r, entries), &keys[i]);
		conn_lookup_keys(t, keys, 0, UINT32_MAX, out, BURST);
		for (unsigned i = 0; i < BURST; i++) {
			struct flow_rewrite rw;

			sum += out[i] != CONN_NONE;
			if (work == LOOK || out[i] == CONN_NONE)
				continue;
			conn_update(t, out[i], 0, 0x10, 60, 1, 1000000000);
			conn_rewrite(t, out[i], &rw);
			sum += rw.dport;
		}
	}
	flow_reader_offline(ctx, 0);
	sink += sum;
	return rte_rdtsc() - start;
}

static void conn_lookups(const char *name, struct flow_conn_table *t, uint32_t entries,
	uint32_t first, enum conn_work work)
{
	struct series s = {0};
	struct rng r;

	rng_init(&r, 2);
	for (unsigned i = 0; i < ROUNDS; i++)
		note(&s, look_conns(t, &r, first, entries, work), CHUNK);
	report(name, entries, &s, NULL);
}

/* All connections through the handshake, as a long-lived table would be. */
static void establish(struct flow_conn_table *t, const conn_ref *refs, uint32_t entries)
{
	for (uint32_t n = 0; n < entries; n++) {
		conn_update(t, refs[n] | 1, 0, 0x12, 60, 1, 1000000000);
		conn_update(t, refs[n], 0, 0x10, 60, 1, 1000000000);
	}
}

static void bench_conns(uint32_t entries)
{
	struct conn_table_cfg cfg = {
		.capacity = entries, .timeouts = conn_timeouts_default, .nr_workers = 1};
	conn_ref *refs = malloc(((size_t)entries + BURST) * sizeof(*refs));
	struct series s = {0};
	struct flow_conn_table *t;
	uint64_t slowest, start;

	entries -= entries % BURST;
	if (conn_table_create(ctx, &cfg, &t))
		die("connection table");
	slowest = fill_conns(t, entries, refs, &s);
	report("conn-add", entries, &s, NULL);
	printf("{\"bench\":\"table\",\"case\":\"conn-add-slowest-burst\",\"entries\":%u,\"us\":%."
	       "1f}\n",
		entries, slowest * 1e6 / rte_get_tsc_hz());
	establish(t, refs, entries);
	conn_table_settle(t);
	conn_lookups("conn-hit", t, entries, 0, LOOK);
	conn_lookups("conn-miss", t, entries, UINT32_MAX / 2, LOOK);
	conn_lookups("conn-packet", t, entries, 0, PACKET);
	start = rte_rdtsc();
	for (uint32_t n = 0; n < entries; n++)
		conn_remove(t, refs[n]);
	s = (struct series){.n = 1, .cycles[0] = (double)(rte_rdtsc() - start) / entries};
	report("conn-remove", entries, &s, NULL);
	conn_table_destroy(t);
	free(refs);
}

/* What the loops cost without any table. */
static void bench_keys(void)
{
	static struct flow_key keys[BURST];
	struct series s = {0};
	struct rng r;

	rng_init(&r, 3);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t start = rte_rdtsc();

		for (unsigned done = 0; done < CHUNK; done += BURST) {
			for (unsigned i = 0; i < BURST; i++)
				key_of(rng_below(&r, 1000), &keys[i]);
			sink += keys[done % BURST].words[2];
		}
		note(&s, rte_rdtsc() - start, CHUNK);
	}
	report("keys-alone", 0, &s, NULL);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"exact", no_argument, NULL, 'e'}, {"pairs", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	struct port_eal_cfg eal = {.prefix = "bench-table", .memory_mb = 1200};
	struct flow_ctx_cfg cfg = {.nr_workers = 1, .socket_id = -1};
	char *defaults[] = {"100000", "1000000"};
	bool exact_only = false;
	int c;

	while ((c = getopt_long(argc, argv, "ep:", longs, NULL)) != -1) {
		if (c == 'e')
			exact_only = true;
		else if (c == 'p')
			pairs = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	pairs = MIN_OF(pairs, ROUNDS);
	if (port_eal_start(&eal) || flow_ctx_create(&cfg, &ctx))
		die("start");
	argv = optind < argc ? argv + optind : defaults;
	argc = optind < argc ? argc - optind : (int)ARRAY_SIZE(defaults);
	bench_keys();
	for (int i = 0; i < argc; i++) {
		bench_exact(strtoul(argv[i], NULL, 0));
		if (!exact_only)
			bench_conns(strtoul(argv[i], NULL, 0));
	}
	flow_ctx_destroy(ctx);
	port_eal_stop();
	return 0;
}
