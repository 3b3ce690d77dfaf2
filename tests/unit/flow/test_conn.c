/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection table against an array that is searched from the front: random adds (NAT, both families,
 * zones), removals, lookups of both directions, duplicates, growth; then relocation, adoption and threads.
 */
#include "flow_test.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "flow/conn.h"
#include "flow/conn_int.h"

#define CAPACITY 2500
#define HOSTS 12
#define PORTS 40

struct twin_conn {
	bool used;
	conn_ref ref;
	struct conn_spec spec;
};

struct twin {
	struct twin_conn conn[CAPACITY];
	unsigned live;
};

static uint64_t now = 1000 * (uint64_t)NS_PER_S;

static struct flow_conn_table *make_table(
	struct flow_ctx *ctx, uint32_t capacity, const char *shared)
{
	struct conn_table_cfg cfg = {.capacity = capacity,
		.shared_name = shared,
		.timeouts = conn_timeouts_default,
		.nr_workers = 2};
	struct flow_conn_table *table;

	assert_int_equal(conn_table_create(ctx, &cfg, &table), 0);
	return table;
}

static void random_address(struct rng *r, bool ip6, uint8_t *address)
{
	memset(address, 0, 16);
	address[0] = 10;
	address[ip6 ? 15 : 3] = rng_below(r, HOSTS);
}

/* Few hosts and ports: collisions of every kind happen. */
static struct conn_key random_key(struct rng *r)
{
	static const uint8_t protos[] = {6, 17, 132, 1};
	struct conn_key k = {.zone = rng_below(r, 3), .ip6 = rng_one_in(r, 3)};

	random_address(r, k.ip6, k.src);
	random_address(r, k.ip6, k.dst);
	k.proto = protos[rng_below(r, 4)];
	k.sport = rng_below(r, PORTS);
	k.dport = rng_below(r, PORTS);
	if (k.proto == 1) {
		k.proto = k.ip6 ? 58 : 1;
		k.dport = k.sport;
	}
	return k;
}

static struct conn_key mirror(const struct conn_key *k)
{
	struct conn_key m = *k;

	memcpy(m.src, k->dst, 16);
	memcpy(m.dst, k->src, 16);
	m.sport = k->dport;
	m.dport = k->sport;
	return m;
}

/* A third of the connections are translated: the reply key mirrors what leaves, not what came. */
static struct conn_spec random_spec(struct rng *r)
{
	struct conn_spec s = {.tcp_flags = 0x02, .owner = rng_u32(r), .user = rng_u64(r)};
	struct conn_key out;

	s.key[0] = random_key(r);
	out = s.key[0];
	s.rewrite[0].hop = rng_below(r, 65536);
	s.rewrite[1].hop = rng_below(r, 65536);
	if (rng_one_in(r, 3)) {
		random_address(r, out.ip6, out.dst);
		s.rewrite[0].flags = FLOW_RW_DST_IP;
		memcpy(s.rewrite[0].dst, out.dst, 16);
		s.rewrite[1].flags = FLOW_RW_SRC_IP;
		memcpy(s.rewrite[1].src, s.key[0].dst, 16);
		if (out.proto == 6 || out.proto == 17) {
			out.dport = rng_below(r, PORTS);
			s.rewrite[0].flags |= FLOW_RW_DST_PORT;
			s.rewrite[0].dport = out.dport;
			s.rewrite[1].flags |= FLOW_RW_SRC_PORT;
			s.rewrite[1].sport = s.key[0].dport;
		}
	}
	s.key[1] = mirror(&out);
	return s;
}

static bool same_key(const struct conn_key *a, const struct conn_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static conn_ref twin_find(const struct twin *t, const struct conn_key *k)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		for (unsigned d = 0; t->conn[i].used && d < 2; d++)
			if (same_key(&t->conn[i].spec.key[d], k))
				return t->conn[i].ref | d;
	return CONN_NONE;
}

static struct twin_conn *twin_free(struct twin *t)
{
	for (unsigned i = 0; i < CAPACITY; i++)
		if (!t->conn[i].used)
			return &t->conn[i];
	return NULL;
}

static void add_one(struct flow_conn_table *table, struct twin *t, struct rng *r)
{
	struct conn_spec spec = random_spec(r);
	bool present = twin_find(t, &spec.key[0]) || twin_find(t, &spec.key[1]);
	struct twin_conn *c;
	conn_ref ref;
	int err = conn_add(table, 0, &spec, now, &ref);

	if (t->live == CAPACITY) {
		assert_int_equal(err, -ENOSPC);
		return;
	}
	assert_int_equal(err, present ? -EEXIST : 0);
	if (err)
		return;
	c = twin_free(t);
	*c = (struct twin_conn){.used = true, .ref = ref, .spec = spec};
	t->live++;
}

static void remove_one(struct flow_conn_table *table, struct twin *t, struct rng *r)
{
	struct twin_conn *c = &t->conn[rng_below(r, CAPACITY)];

	if (!c->used)
		return;
	conn_remove(table, c->ref);
	conn_remove(table, c->ref); /* a stale reference does no harm */
	c->used = false;
	t->live--;
}

static void look_many(const struct flow_conn_table *table, const struct twin *t, struct rng *r)
{
	struct conn_key keys[50];
	conn_ref out[50];
	unsigned n = 1 + rng_below(r, 50);

	for (unsigned i = 0; i < n; i++) {
		const struct twin_conn *c = &t->conn[rng_below(r, CAPACITY)];

		keys[i] =
			c->used && rng_one_in(r, 2) ? c->spec.key[rng_below(r, 2)] : random_key(r);
	}
	conn_lookup(table, keys, out, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(out[i], twin_find(t, &keys[i]));
}

/* The checksum of the old tuple plus the delta must be the checksum of the new one. */
static uint32_t sum_words(const void *bytes, unsigned len)
{
	uint32_t sum = 0;
	uint16_t w;

	for (unsigned i = 0; i < len; i += 2) {
		memcpy(&w, (const uint8_t *)bytes + i, 2);
		sum += w;
	}
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff ? 0 : sum;
}

static void check_deltas(const struct conn_key *k, const struct flow_rewrite *rw)
{
	unsigned len = k->ip6 ? 16 : 4;
	uint32_t old_addr = sum_words(k->src, len) + sum_words(k->dst, len),
		 old_ports = k->sport + k->dport;
	uint32_t new_addr = sum_words(rw->flags & FLOW_RW_SRC_IP ? rw->src : k->src, len) +
			    sum_words(rw->flags & FLOW_RW_DST_IP ? rw->dst : k->dst, len);
	uint32_t new_ports = (rw->flags & FLOW_RW_SRC_PORT ? rw->sport : k->sport) +
			     (rw->flags & FLOW_RW_DST_PORT ? rw->dport : k->dport);

	if (!k->ip6)
		assert_int_equal(fold(old_addr + rw->l3_delta), fold(new_addr));
	if (k->proto == 1)
		old_addr = new_addr = 0;
	assert_int_equal(fold(old_addr + rw->l4_addr_delta), fold(new_addr));
	assert_int_equal(fold(old_addr + old_ports + rw->l4_delta), fold(new_addr + new_ports));
}

static void query_one(const struct flow_conn_table *table, const struct twin *t, struct rng *r)
{
	const struct twin_conn *c = &t->conn[rng_below(r, CAPACITY)];
	struct conn_info info;

	if (!c->used)
		return;
	assert_int_equal(conn_query(table, c->ref, &info), 0);
	for (unsigned d = 0; d < 2; d++) {
		const struct flow_rewrite *want = &c->spec.rewrite[d];

		assert_true(same_key(&info.key[d], &c->spec.key[d]));
		assert_int_equal(info.rewrite[d].hop, want->hop);
		assert_int_equal(info.rewrite[d].flags & 15, want->flags);
		assert_int_equal(!!(info.rewrite[d].flags & FLOW_RW_IP6), c->spec.key[0].ip6);
		if (want->flags & FLOW_RW_SRC_IP)
			assert_memory_equal(info.rewrite[d].src, want->src, 16);
		if (want->flags & FLOW_RW_DST_IP)
			assert_memory_equal(info.rewrite[d].dst, want->dst, 16);
		check_deltas(&info.key[d], &info.rewrite[d]);
	}
	assert_int_equal(info.owner, c->spec.owner);
	assert_int_equal(info.user, c->spec.user);
	assert_int_equal(info.created_ns, now);
}

static void count_walked(void *arg, const struct conn_info *info)
{
	const struct twin *t = ((void **)arg)[0];
	unsigned *n = ((void **)arg)[1];

	assert_int_equal(twin_find(t, &info->key[0]) & ~1ull, info->ref);
	++*n;
}

static void check_walk(const struct flow_conn_table *table, const struct twin *t)
{
	unsigned n = 0, got;
	void *arg[] = {(void *)t, &n};
	uint64_t cursor = 0;

	do
		got = conn_walk(table, &cursor, 100, count_walked, arg);
	while (got);
	assert_int_equal(n, t->live);
	assert_int_equal(cursor, 0);
}

static void same_as_the_twin(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);
	struct flow_conn_table *table = make_table(ctx, CAPACITY, NULL);
	struct twin *t = calloc(1, sizeof(*t));
	struct conn_stats stats;
	struct rng r;

	rng_init(&r, rng_test_seed("conn twin"));
	for (unsigned op = 0; op < 12000; op++) {
		unsigned what = rng_below(&r, 20);

		/* Grow, shrink, and grow to the limit. */
		if (what < (op / 4000 == 1 ? 6 : 14))
			add_one(table, t, &r);
		else if (what < 17)
			remove_one(table, t, &r);
		else if (op % 4 == 0)
			look_many(table, t, &r);
		else
			query_one(table, t, &r);
	}
	check_walk(table, t);
	conn_table_stats(table, &stats);
	assert_int_equal(stats.live, t->live);
	assert_int_equal(stats.added - stats.removed, t->live);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
	free(t);
}

static void fills_to_the_limit(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_conn_table *table = make_table(ctx, 1000, NULL);
	struct conn_spec s = {.key[0] = {.proto = 17}};
	conn_ref ref, first = 0;
	struct conn_stats stats;

	for (unsigned i = 0; i < 1001; i++) {
		int err;

		s.key[0].sport = i;
		s.key[0].dport = 1;
		s.key[1] = mirror(&s.key[0]);
		err = conn_add(table, 0, &s, now, &ref);
		assert_int_equal(err, i == 1000 ? -ENOSPC : i == 1 ? 0 : 0);
		if (!i)
			first = ref;
	}
	conn_remove(table, first);
	assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	conn_table_stats(table, &stats);
	assert_int_equal(stats.live, 1000);
	assert_int_equal(stats.full, 1);
	assert_true(stats.memory_bytes > 1000 * 128);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

/* sport 1 -> dport 1 between the same hosts' mirrored addresses is one key only when src == dst. */
static void a_packet_to_oneself_has_one_key(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_conn_table *table = make_table(ctx, 10, NULL);
	struct conn_spec s = {.key[0] = {.proto = 17, .sport = 7, .dport = 7}};
	conn_ref ref, out;

	s.key[1] = s.key[0];
	assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	conn_lookup(table, &s.key[0], &out, 1);
	assert_int_equal(out, ref);
	assert_int_equal(conn_add(table, 0, &s, now, &out), -EEXIST);
	conn_remove(table, ref);
	conn_lookup(table, &s.key[0], &out, 1);
	assert_int_equal(out, CONN_NONE);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

static void burst_add_and_lookup_from_flow_keys(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_conn_table *table = make_table(ctx, 100000, NULL);
	static struct flow_key keys[64];
	static struct conn_spec specs[64];
	conn_ref refs[64], out[64];
	int results[64];

	for (unsigned round = 0; round < 500; round++) {
		for (unsigned i = 0; i < 64; i++) {
			struct flow_key_hot *k = &keys[i].hot;
			unsigned n = round * 64 + i;
			bool ip6 = i % 5 == 0;

			memset(k, 0, sizeof(*k));
			k->shape = (ip6 ? PKT_L3_IP6 : PKT_L3_IP4) << FLOW_SHAPE_L3_SHIFT |
				   PKT_L4_TCP << FLOW_SHAPE_L4_SHIFT;
			k->proto = 6;
			memcpy(k->src, &n, 4);
			k->dst[0] = 9;
			k->sport = n * 7;
			k->dport = 80;
			memset(&specs[i], 0, sizeof(specs[i]));
			assert_true(conn_key_from(&keys[i], false, 5, &specs[i].key[0]));
			specs[i].key[1] = mirror(&specs[i].key[0]);
		}
		conn_lookup_keys(table, keys, 5, UINT64_MAX, out, 64);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(out[i], CONN_NONE);
		conn_add_burst(table, 0, specs, now, refs, results, 64);
		memset(out, 0xee, sizeof(out));
		conn_lookup_keys(table, keys, 5, 0x5555555555555555ull, out, 64);
		for (unsigned i = 0; i < 64; i++) {
			assert_int_equal(results[i], 0);
			assert_int_equal(out[i], i % 2 ? 0xeeeeeeeeeeeeeeeeull : refs[i]);
		}
		conn_lookup_keys(table, keys, 6, UINT64_MAX, out, 64);
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(out[i], CONN_NONE);
	}
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

static void what_is_not_tracked(void **state)
{
	struct flow_key k = {0};
	struct conn_key out;

	k.hot.shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT | PKT_L4_ICMP << FLOW_SHAPE_L4_SHIFT;
	memcpy(&k.hot.sport, "\x08\x00", 2);
	memcpy(&k.hot.dport, "\x12\x34", 2);
	assert_true(conn_key_from(&k, false, 0, &out));
	assert_memory_equal(&out.sport, "\x12\x34", 2);
	memcpy(&k.hot.sport, "\x03\x01", 2); /* unreachable: related, not a connection */
	assert_false(conn_key_from(&k, false, 0, &out));
	k.hot.shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT | PKT_L4_UDP << FLOW_SHAPE_L4_SHIFT |
		      FLOW_SHAPE_FRAG | FLOW_SHAPE_LATER;
	assert_false(conn_key_from(&k, false, 0, &out));
	k.hot.shape = PKT_L3_ARP << FLOW_SHAPE_L3_SHIFT;
	assert_false(conn_key_from(&k, false, 0, &out));
	k.hot.shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT | PKT_L4_OTHER << FLOW_SHAPE_L4_SHIFT;
	assert_false(conn_key_from(&k, false, 0, &out));
}

static void a_rewrite_can_be_replaced(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct flow_conn_table *table = make_table(ctx, 10, NULL);
	struct conn_spec s = {.key[0] = {.proto = 17, .sport = 7, .dport = 9}};
	struct flow_rewrite rw = {.flags = FLOW_RW_DST_IP | FLOW_RW_DST_PORT, .dst = {1, 2, 3, 4}},
			    got;
	conn_ref ref;

	s.key[1] = mirror(&s.key[0]);
	assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	for (unsigned i = 1; i < 10; i++) {
		rw.hop = i;
		rw.dst[3] = i;
		rw.dport = i;
		assert_int_equal(conn_set_rewrite(table, ref | 1, &rw), 0);
		conn_rewrite(table, ref | 1, &got);
		assert_int_equal(got.hop, i);
		assert_int_equal(got.flags, rw.flags);
		assert_memory_equal(got.dst, rw.dst, 16);
		check_deltas(&s.key[1], &got);
		conn_rewrite(table, ref, &got);
		assert_int_equal(got.flags, 0);
	}
	/* A worker that is inside its burst (this one) is never waited for; a hop needs no second place. */
	flow_reader_online(ctx, 0);
	rw.dport++;
	assert_int_equal(conn_set_rewrite(table, ref, &rw), 0);
	rw.dport++;
	assert_int_equal(conn_set_rewrite(table, ref, &rw), -EBUSY);
	rw.dport--;
	for (rw.hop = 100; rw.hop < 110; rw.hop++) {
		assert_int_equal(conn_set_rewrite(table, ref, &rw), 0);
		conn_rewrite(table, ref, &got);
		assert_int_equal(got.hop, rw.hop);
		assert_int_equal(got.dport, rw.dport);
	}
	flow_reader_offline(ctx, 0);
	rw.dport++;
	assert_int_equal(conn_set_rewrite(table, ref, &rw), 0);
	conn_rewrite(table, ref, &got);
	assert_int_equal(got.dport, rw.dport);
	conn_remove(table, ref);
	assert_int_equal(conn_set_rewrite(table, ref, &rw), -ENOENT);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

/* Another process maps the file wherever it likes; a new owner adopts it after a crash. */
static void the_table_is_relocatable(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);
	char name[] = "/tmp/flowt-conn-XXXXXX";
	struct flow_conn_table *table, *view, *heir;
	struct twin *t = calloc(1, sizeof(*t));
	struct rng r;

	close(mkstemp(name));
	rng_init(&r, rng_test_seed("conn relocation"));
	table = make_table(ctx, CAPACITY, name);
	for (unsigned i = 0; i < 1500; i++)
		add_one(table, t, &r);
	for (unsigned i = 0; i < 500; i++)
		remove_one(table, t, &r);
	assert_int_equal(conn_table_view(name, &view), 0);
	assert_ptr_not_equal(view->region.base, table->region.base);
	for (unsigned i = 0; i < 200; i++) {
		look_many(view, t, &r);
		query_one(view, t, &r);
	}
	check_walk(view, t);
	/* The owner dies inside an insert: a lock bit stays. */
	table->family[0].index.base[1u << table->family[0].index.state->level].head |= BKT_LOCK;
	heir = make_table(ctx, CAPACITY, name);
	for (unsigned i = 0; i < 200; i++)
		look_many(heir, t, &r);
	for (unsigned i = 0; i < 1500; i++) {
		add_one(heir, t, &r);
		remove_one(heir, t, &r);
	}
	check_walk(heir, t);
	conn_table_destroy(heir);
	conn_table_destroy(view);
	conn_table_destroy(table);
	unlink(name);
	free(t);
	flow_ctx_destroy(ctx);
}

static void files_of_others_are_refused(void **state)
{
	struct flow_ctx *ctx = make_ctx(1);
	struct conn_table_cfg cfg = {
		.capacity = 100, .timeouts = conn_timeouts_default, .nr_workers = 1};
	char name[] = "/tmp/flowt-conn-XXXXXX";
	struct flow_conn_table *table;
	int fd = mkstemp(name);

	assert_int_equal(write(fd, "not a table", 11), 11);
	close(fd);
	cfg.shared_name = name;
	assert_int_equal(conn_table_create(ctx, &cfg, &table), -EINVAL);
	assert_non_null(strstr(refusal(), "not a connection table"));
	unlink(name);
	assert_int_equal(conn_table_create(ctx, &cfg, &table), 0);
	conn_table_destroy(table);
	cfg.capacity = 200;
	assert_int_equal(conn_table_create(ctx, &cfg, &table), -EINVAL);
	assert_non_null(strstr(refusal(), "made for 100 connections"));
	cfg.capacity = 0;
	assert_int_equal(conn_table_create(ctx, &cfg, &table), -EINVAL);
	cfg.capacity = 100;
	cfg.strict = true;
	assert_int_equal(conn_table_create(ctx, &cfg, &table), -ENOTSUP);
	unlink(name);
	flow_ctx_destroy(ctx);
}

/* Readers hammer while a writer adds, removes and grows: what a reader finds must be whole and right. */
#define STABLE 2000
struct race {
	struct flow_ctx *ctx;
	struct flow_conn_table *table;
	unsigned worker;
	bool stop;
	uint64_t looked;
};

static struct conn_spec race_spec(unsigned n)
{
	struct conn_spec s = {.key[0] = {.proto = 17, .sport = n, .dport = n >> 16, .zone = 3}};

	memcpy(s.key[0].src, &n, 4);
	s.key[0].dst[0] = 1;
	s.key[1] = mirror(&s.key[0]);
	s.rewrite[0].flags = FLOW_RW_DST_IP | FLOW_RW_DST_PORT;
	memcpy(s.rewrite[0].dst, &n, 4);
	s.rewrite[0].dport = n;
	s.rewrite[0].hop = n;
	return s;
}

static void *hammer(void *arg)
{
	struct race *race = arg;
	struct rng r;

	rng_init(&r, 7 + race->worker);
	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
		struct conn_key keys[32];
		unsigned n[32];
		conn_ref out[32];

		for (unsigned i = 0; i < 32; i++) {
			n[i] = rng_below(&r, rng_one_in(&r, 2) ? STABLE : 40 * STABLE);
			keys[i] = race_spec(n[i]).key[0];
		}
		flow_reader_online(race->ctx, race->worker);
		conn_lookup(race->table, keys, out, 32);
		for (unsigned i = 0; i < 32; i++) {
			struct flow_rewrite rw;
			uint32_t dst;

			if (n[i] < STABLE && !out[i])
				fail_msg("connection %u was lost", n[i]);
			if (!out[i])
				continue;
			conn_rewrite(race->table, out[i], &rw);
			memcpy(&dst, rw.dst, 4);
			if (dst != n[i] || rw.hop != (uint16_t)n[i] || rw.dport != (uint16_t)n[i])
				fail_msg("connection %u reads as %u", n[i], dst);
			conn_update(race->table, out[i], race->worker, 0, 60, 1, now);
		}
		flow_reader_offline(race->ctx, race->worker);
		race->looked += 32;
	}
	return NULL;
}

static void churn(struct flow_conn_table *table, struct rng *r, unsigned rounds)
{
	static conn_ref refs[40 * STABLE];

	for (unsigned i = 0; i < rounds; i++) {
		unsigned n = STABLE + rng_below(r, 39 * STABLE);
		struct conn_spec s = race_spec(n);
		int err;

		if (refs[n]) {
			conn_remove(table, refs[n]);
			refs[n] = 0;
		} else {
			/* A reader that sleeps inside its burst holds up reuse; the pool may run dry. */
			while ((err = conn_add(table, 0, &s, now, &refs[n])) == -ENOSPC)
				sched_yield();
			assert_int_equal(err, 0);
		}
	}
}

static void readers_never_see_halves(void **state)
{
	struct flow_ctx *ctx = make_ctx(3);
	struct flow_conn_table *table;
	struct conn_table_cfg cfg = {
		.capacity = 100000, .timeouts = conn_timeouts_default, .nr_workers = 3};
	struct race race[2];
	pthread_t thread[2];
	struct rng r;

	rng_init(&r, rng_test_seed("conn readers"));
	assert_int_equal(conn_table_create(ctx, &cfg, &table), 0);
	for (unsigned n = 0; n < STABLE; n++) {
		struct conn_spec s = race_spec(n);
		conn_ref ref;

		assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		race[i] = (struct race){.ctx = ctx, .table = table, .worker = i + 1};
		pthread_create(&thread[i], NULL, hammer, &race[i]);
	}
	churn(table, &r, 120000);
	for (unsigned i = 0; i < 2; i++) {
		__atomic_store_n(&race[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(thread[i], NULL);
		assert_true(race[i].looked > 0);
	}
	assert_true(table->family[0].index.state->level > 10);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

/* Two writers add the same connections: each is in exactly once. */
static void *add_all(void *arg)
{
	struct race *race = arg;

	for (unsigned n = 0; n < 20000; n++) {
		struct conn_spec s = race_spec(n);
		conn_ref ref;

		if (conn_add(race->table, race->worker, &s, now, &ref) == 0)
			race->looked++;
	}
	return NULL;
}

static void two_writers_meet_at_a_bucket(void **state)
{
	struct flow_ctx *ctx = make_ctx(2);
	struct flow_conn_table *table = make_table(ctx, 40000, NULL);
	struct race race[2];
	struct conn_stats stats;
	pthread_t thread[2];

	for (unsigned i = 0; i < 2; i++) {
		race[i] = (struct race){.ctx = ctx, .table = table, .worker = i};
		pthread_create(&thread[i], NULL, add_all, &race[i]);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	conn_table_stats(table, &stats);
	assert_int_equal(race[0].looked + race[1].looked, 20000);
	assert_int_equal(stats.live, 20000);
	assert_int_equal(stats.duplicate, 20000);
	assert_int_equal(table->family[0].index.state->count, 40000);
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_as_the_twin),
		cmocka_unit_test(fills_to_the_limit),
		cmocka_unit_test(a_packet_to_oneself_has_one_key),
		cmocka_unit_test(burst_add_and_lookup_from_flow_keys),
		cmocka_unit_test(what_is_not_tracked),
		cmocka_unit_test(a_rewrite_can_be_replaced),
		cmocka_unit_test(the_table_is_relocatable),
		cmocka_unit_test(files_of_others_are_refused),
		cmocka_unit_test(readers_never_see_halves),
		cmocka_unit_test(two_writers_meet_at_a_bucket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
