/* SPDX-License-Identifier: BSD-3-Clause */
/* What packets do to connections: TCP, UDP and ICMP states, timeouts under warped time, counters, ICMP errors. */
#include "flow_test.h"

#include "flow/conn.h"
#include "packet/packet.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define NS ((uint64_t)1000000000)

static struct flow_ctx *ctx;
static struct flow_conn_table *table;
static uint64_t now;

static int setup(void **state)
{
	struct conn_table_cfg cfg = {
		.capacity = 1000, .timeouts = conn_timeouts_default, .nr_workers = 3};

	ctx = make_ctx(3);
	now = 5000 * NS;
	assert_int_equal(conn_table_create(ctx, &cfg, &table), 0);
	return 0;
}

static int teardown(void **state)
{
	conn_table_destroy(table);
	flow_ctx_destroy(ctx);
	return 0;
}

static conn_ref add(uint8_t proto, uint16_t sport, uint8_t tcp_flags)
{
	struct conn_spec s = {.key = {{.src = {10, 0, 0, 1},
				      .dst = {10, 0, 0, 2},
				      .sport = sport,
				      .dport = 80,
				      .proto = proto}},
		.tcp_flags = tcp_flags};
	conn_ref ref;

	s.key[1] = (struct conn_key){.src = {10, 0, 0, 2},
		.dst = {10, 0, 0, 1},
		.sport = 80,
		.dport = sport,
		.proto = proto};
	assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	return ref;
}

static enum conn_state state_of(conn_ref ref)
{
	struct conn_info info;

	assert_int_equal(conn_query(table, ref, &info), 0);
	return info.state;
}

static unsigned packet(conn_ref ref, unsigned dir, uint8_t flags)
{
	return conn_update(table, (ref & ~1ull) | dir, 0, flags, 100, 1, now);
}

/* Steps: direction, flags, verdict, state afterwards. */
struct step {
	unsigned dir;
	uint8_t flags;
	unsigned verdict;
	enum conn_state state;
};

static void play(conn_ref ref, const struct step *steps, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(packet(ref, steps[i].dir, steps[i].flags), steps[i].verdict);
		assert_int_equal(state_of(ref), steps[i].state);
	}
}

static void a_whole_tcp_life(void **state)
{
	static const struct step steps[] = {
		{0, SYN, 0, CONN_SYN_SENT}, /* retransmitted */
		{0, ACK, DROP_CT_INVALID, CONN_SYN_SENT},
		{1, SYN | ACK, 0, CONN_SYN_RECV},
		{1, SYN | ACK, 0, CONN_SYN_RECV},
		{0, ACK, 0, CONN_ESTABLISHED},
		{0, ACK | PSH, 0, CONN_ESTABLISHED},
		{1, ACK, 0, CONN_ESTABLISHED},
		{0, SYN, 0, CONN_ESTABLISHED}, /* answered by a challenge ACK */
		{0, FIN | ACK, 0, CONN_FIN_WAIT},
		{0, FIN | ACK, 0, CONN_FIN_WAIT},
		{1, ACK, 0, CONN_FIN_WAIT},
		{1, ACK | PSH, 0, CONN_FIN_WAIT}, /* half closed: data still flows */
		{1, FIN | ACK, 0, CONN_CLOSING},
		{1, FIN | ACK, 0, CONN_CLOSING},
		{0, ACK, 0, CONN_CLOSED},
		{0, ACK, 0, CONN_CLOSED},
		{1, FIN | ACK, 0, CONN_CLOSED},
		{1, SYN | ACK, DROP_CT_INVALID, CONN_CLOSED},
		{0, SYN, CONN_REOPEN, CONN_CLOSED},
	};
	conn_ref ref = add(6, 1000, SYN);

	assert_int_equal(state_of(ref), CONN_SYN_SENT);
	play(ref, steps, ARRAY_SIZE(steps));
}

static void both_close_at_once(void **state)
{
	static const struct step steps[] = {
		{1, SYN | ACK, 0, CONN_SYN_RECV},
		{0, ACK, 0, CONN_ESTABLISHED},
		{0, FIN | ACK, 0, CONN_FIN_WAIT},
		{1, FIN | ACK, 0, CONN_CLOSING},
		{1, ACK, 0, CONN_CLOSING},
		{0, ACK, 0, CONN_CLOSED},
	};

	play(add(6, 1001, SYN), steps, ARRAY_SIZE(steps));
}

static void a_reset_ends_it(void **state)
{
	static const struct step refused[] = {{1, RST | ACK, 0, CONN_CLOSED},
		{1, RST, 0, CONN_CLOSED}, {0, FIN | ACK, 0, CONN_CLOSED},
		{0, SYN, CONN_REOPEN, CONN_CLOSED}};
	static const struct step torn[] = {{1, SYN | ACK, 0, CONN_SYN_RECV},
		{0, ACK, 0, CONN_ESTABLISHED}, {0, RST, 0, CONN_CLOSED}};

	play(add(6, 1002, SYN), refused, ARRAY_SIZE(refused));
	play(add(6, 1003, SYN), torn, ARRAY_SIZE(torn));
}

static void picked_up_on_the_way(void **state)
{
	static const struct step steps[] = {{0, ACK, 0, CONN_NEW}, {0, ACK | PSH, 0, CONN_NEW},
		{1, ACK, 0, CONN_ESTABLISHED}, {1, 0, 0, CONN_ESTABLISHED}};
	static const struct step null_scan[] = {
		{0, 0, DROP_CT_INVALID, CONN_NEW}, {0, PSH, DROP_CT_INVALID, CONN_NEW}};

	play(add(6, 1004, ACK), steps, ARRAY_SIZE(steps));
	play(add(6, 1006, ACK), null_scan, ARRAY_SIZE(null_scan));
}

static void simultaneous_open(void **state)
{
	static const struct step steps[] = {{1, SYN, 0, CONN_SYN_RECV},
		{1, SYN | ACK, 0, CONN_SYN_RECV}, {0, SYN | ACK, 0, CONN_SYN_RECV},
		{0, ACK, 0, CONN_ESTABLISHED}};

	play(add(6, 1005, SYN), steps, ARRAY_SIZE(steps));
}

static void udp_and_icmp_know_replied(void **state)
{
	static const struct step steps[] = {{0, 0, 0, CONN_NEW}, {0, 0, 0, CONN_NEW},
		{1, 0, 0, CONN_ESTABLISHED}, {0, 0, 0, CONN_ESTABLISHED}};

	play(add(17, 1007, 0), steps, ARRAY_SIZE(steps));
	play(add(1, 80, 0), steps, ARRAY_SIZE(steps));
}

struct aged {
	unsigned n;
	conn_ref last;
	struct conn_info info;
};

static void collect(void *arg, const struct conn_info *info)
{
	struct aged *a = arg;

	a->n++;
	a->last = info->ref;
	a->info = *info;
}

/* Age everything once, however many calls it takes. */
static struct aged age_at(uint64_t at)
{
	struct aged a = {0};

	for (unsigned i = 0; i < 40; i++)
		conn_age(table, at, 100, collect, &a);
	return a;
}

static void each_state_has_its_time(void **state)
{
	static const struct {
		uint8_t proto, first;
		unsigned n;
		struct step steps[5];
		uint32_t seconds;
	} cases[] = {
		{6, SYN, 0, {{0}}, 30},
		{6, ACK, 0, {{0}}, 60},
		{6, SYN, 1, {{1, SYN | ACK, 0, CONN_SYN_RECV}}, 60},
		{6, SYN, 2, {{1, SYN | ACK, 0, CONN_SYN_RECV}, {0, ACK, 0, CONN_ESTABLISHED}}, 300},
		{6, SYN, 3,
			{{1, SYN | ACK, 0, CONN_SYN_RECV}, {0, ACK, 0, CONN_ESTABLISHED},
				{1, FIN | ACK, 0, CONN_FIN_WAIT}},
			120},
		{6, SYN, 1, {{1, RST | ACK, 0, CONN_CLOSED}}, 10},
		{17, 0, 0, {{0}}, 60},
		{17, 0, 1, {{1, 0, 0, CONN_ESTABLISHED}}, 60},
		{1, 0, 0, {{0}}, 30},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		conn_ref ref = add(cases[i].proto, 2000 + i, cases[i].first);
		struct conn_info info;
		struct aged a;

		now += NS;
		play(ref, cases[i].steps, cases[i].n);
		assert_int_equal(conn_query(table, ref, &info), 0);
		assert_true(info.seen_ns <= now && info.seen_ns + 2 * NS > now);
		assert_int_equal(info.expires_ns - info.seen_ns, cases[i].seconds * NS);
		assert_int_equal(age_at(now + (cases[i].seconds - 2) * NS).n, 0);
		a = age_at(now + (cases[i].seconds + 1) * NS);
		assert_int_equal(a.n, 1);
		assert_int_equal(a.last, ref);
		assert_int_equal(a.info.key[0].sport, 2000 + i);
		assert_int_equal(conn_query(table, ref, &info), -ENOENT);
	}
}

static void traffic_keeps_it_alive_and_overrides_count(void **state)
{
	conn_ref ref = add(17, 3000, 0), own;
	struct conn_spec s = {.key = {{.proto = 17, .sport = 1, .dport = 2},
				      {.proto = 17, .sport = 2, .dport = 1}},
		.timeout_s = 5};

	for (unsigned i = 0; i < 10; i++) {
		now += 50 * NS;
		assert_int_equal(age_at(now).n, 0);
		packet(ref, i & 1, 0); /* either direction counts */
	}
	assert_int_equal(conn_add(table, 0, &s, now, &own), 0);
	assert_int_equal(age_at(now + 4 * NS).n, 0);
	assert_int_equal(age_at(now + 7 * NS).last, own);
	assert_int_equal(age_at(now + 61 * NS).last, ref);
}

static void every_worker_counts(void **state)
{
	conn_ref ref = add(17, 4000, 0), other;
	struct conn_info info;

	for (unsigned w = 0; w < 3; w++)
		for (unsigned i = 0; i <= w; i++)
			conn_update(table, ref | 1, w, 0, 60, 1, now);
	conn_update(table, ref, 2, 0, 1000, 20, now);
	assert_int_equal(conn_query(table, ref, &info), 0);
	assert_int_equal(info.count[1].packets, 6);
	assert_int_equal(info.count[1].bytes, 360);
	assert_int_equal(info.count[0].packets, 20);
	assert_int_equal(info.count[0].bytes, 1000);
	/* The next user of the record starts at zero on every worker. */
	conn_remove(table, ref);
	for (unsigned i = 0; i < 500; i++) {
		other = add(17, 5000 + i, 0);
		assert_int_equal(conn_query(table, other, &info), 0);
		assert_int_equal(info.count[1].packets + info.count[0].packets, 0);
		conn_update(table, other | 1, 2, 0, 60, 1, now);
		assert_int_equal(conn_query(table, other, &info), 0);
		assert_int_equal(info.count[1].packets, 1);
		conn_remove(table, other);
	}
}

static void states_have_names_and_counts(void **state)
{
	struct conn_stats stats;

	add(6, 1, SYN);
	packet(add(17, 2, 0), 1, 0);
	add(17, 3, 0);
	conn_table_stats(table, &stats);
	assert_int_equal(stats.by_state[CONN_SYN_SENT], 1);
	assert_int_equal(stats.by_state[CONN_ESTABLISHED], 1);
	assert_int_equal(stats.by_state[CONN_NEW], 1);
	assert_string_equal(conn_state_name(CONN_FIN_WAIT), "fin-wait");
	assert_string_equal(conn_state_name(CONN_STATES), "unknown");
}

/* client 10.0.0.1:1234 -> service 10.96.0.1:80, translated to backend 10.0.0.2:8080; a router on the way to the
 * backend says "unreachable" and quotes what left us. */
static void an_error_finds_its_connection(void **state)
{
	static const uint8_t frame[] = {
		2,
		0,
		0,
		0,
		0,
		1,
		2,
		0,
		0,
		0,
		0,
		2,
		8,
		0,
		/* outer IPv4: router 10.0.9.9 -> client */
		0x45,
		0,
		0,
		56,
		0,
		0,
		0,
		0,
		64,
		1,
		0,
		0,
		10,
		0,
		9,
		9,
		10,
		0,
		0,
		1,
		/* ICMP destination unreachable */
		3,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		/* quoted: client -> backend, TCP */
		0x45,
		0,
		0,
		60,
		0,
		0,
		0,
		0,
		63,
		6,
		0,
		0,
		10,
		0,
		0,
		1,
		10,
		0,
		0,
		2,
		0x04,
		0xd2,
		0x1f,
		0x90,
		0,
		0,
		0,
		1,
	};
	struct conn_spec s = {
		.key[0] = {.src = {10, 0, 0, 1},
			.dst = {10, 96, 0, 1},
			.sport = rte_cpu_to_be_16(1234),
			.dport = rte_cpu_to_be_16(80),
			.proto = 6,
			.zone = 9},
		.key[1] = {.src = {10, 0, 0, 2},
			.dst = {10, 0, 0, 1},
			.sport = rte_cpu_to_be_16(8080),
			.dport = rte_cpu_to_be_16(1234),
			.proto = 6,
			.zone = 9},
		.tcp_flags = SYN,
	};
	uint8_t buf[256];
	struct rte_mbuf m = {.buf_addr = buf,
		.buf_len = sizeof(buf),
		.data_len = sizeof(frame),
		.pkt_len = sizeof(frame),
		.nb_segs = 1};
	struct pkt_parse p;
	conn_ref ref;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(buf, frame, sizeof(frame));
	(void)pkt_parse(&m, &p);
	assert_int_equal(p.drop, 0);
	assert_int_equal(conn_lookup_related(table, &m, &p, 9), CONN_NONE);
	assert_int_equal(conn_add(table, 0, &s, now, &ref), 0);
	assert_int_equal(conn_lookup_related(table, &m, &p, 9),
		ref); /* the quoted packet went in direction 0 */
	assert_int_equal(conn_lookup_related(table, &m, &p, 8), CONN_NONE);
	buf[34] = 8; /* an echo request is no error */
	(void)pkt_parse(&m, &p);
	assert_int_equal(conn_lookup_related(table, &m, &p, 9), CONN_NONE);
}

/* Random flags never wedge the machine: fast and slow path agree with a model that knows only the rules. */
static void random_flags_keep_invariants(void **state)
{
	static const uint8_t flags[] = {
		SYN, SYN | ACK, ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, 0, FIN};
	struct rng r;

	rng_init(&r, rng_test_seed("tcp flags"));
	for (unsigned n = 0; n < 300; n++) {
		conn_ref ref = add(6, 6000 + n, SYN);
		enum conn_state before = CONN_SYN_SENT, after;

		for (unsigned i = 0; i < 50; i++) {
			uint8_t f = flags[rng_below(&r, ARRAY_SIZE(flags))];
			unsigned verdict = packet(ref, rng_below(&r, 2), f);

			after = state_of(ref);
			assert_true(
				after >= before || (f & RST)); /* a connection only gets older */
			if (f & RST)
				assert_int_equal(after, CONN_CLOSED);
			if (verdict)
				assert_int_equal(after, before);
			if (verdict == CONN_REOPEN)
				assert_true(f == SYN && before >= CONN_CLOSING);
			before = after;
		}
		conn_remove(table, ref);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_whole_tcp_life, setup, teardown),
		cmocka_unit_test_setup_teardown(both_close_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_ends_it, setup, teardown),
		cmocka_unit_test_setup_teardown(picked_up_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(simultaneous_open, setup, teardown),
		cmocka_unit_test_setup_teardown(udp_and_icmp_know_replied, setup, teardown),
		cmocka_unit_test_setup_teardown(each_state_has_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(
			traffic_keeps_it_alive_and_overrides_count, setup, teardown),
		cmocka_unit_test_setup_teardown(every_worker_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(states_have_names_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(an_error_finds_its_connection, setup, teardown),
		cmocka_unit_test_setup_teardown(random_flags_keep_invariants, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
