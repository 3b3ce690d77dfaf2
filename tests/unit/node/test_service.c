/* SPDX-License-Identifier: BSD-3-Clause */
/* Which backend a new connection gets, against the plainest statement of each rule. */
#include "node_test.h"

#define S 1000000000ull

struct fixture {
	struct balancer *balancer;
	struct selector selector;
	struct model *model;
	uint64_t dead; /* backends that are, one bit each */
};

static bool alive(void *arg, const struct backend *b)
{
	const struct fixture *f = arg;
	ptrdiff_t i = b - f->model->backends;

	return i >= 64 || !(f->dead >> i & 1);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->balancer = balancer_create();
	f->selector = (struct selector){.balancer = f->balancer, .affinity = affinity_create(1024)};
	f->selector.alive = alive;
	f->selector.arg = f;
	rng_init(&f->selector.rng, rng_test_seed("node-service"));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	model_free(f->model);
	affinity_destroy(f->selector.affinity);
	balancer_destroy(f->balancer);
	free(f);
	return 0;
}

/* A service with n backends 10.2.0.1..n, less those in `without`. */
static void build(
	struct fixture *f, const char *algorithm, unsigned affinity_s, unsigned n, uint64_t without)
{
	json_t *endpoints = json_array(), *s;
	char text[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "10.2.%u.%u", i / 250, i % 250 + 1);
		if (!(i < 64 && without >> i & 1))
			json_array_append_new(
				endpoints, json_pack("{s:s, s:i}", "address", text, "port", 80));
	}
	s = json_pack("{s:{}, s:{s:[s], s:s, s:i, s:[{s:s, s:i, s:o}]}}", "node/n1", "service/a/s",
		"addresses", "10.9.0.1", "algorithm", algorithm, "affinity_s", affinity_s, "ports",
		"protocol", "TCP", "port", 80, "endpoints", endpoints);
	model_free(f->model);
	f->model = test_compile(s, "n1", f->balancer);
}

static unsigned pick(struct fixture *f, uint32_t client, uint64_t now_ns)
{
	uint8_t src[16] = {10, 1, (uint8_t)(client >> 8), (uint8_t)client};
	const struct backend *b =
		select_backend(&f->selector, f->model, &f->model->fronts[0], src, now_ns);

	assert_non_null(b);
	return (unsigned)(b->addr[2] * 250 + b->addr[3] - 1);
}

static void test_nobody(void **state)
{
	struct fixture *f = *state;
	uint8_t src[16] = {0};
	static const char *const all[] = {
		"round-robin", "least-connections", "random", "source-hash"};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		build(f, all[i], i % 2 ? 60 : 0, 0, 0);
		assert_null(select_backend(&f->selector, f->model, &f->model->fronts[0], src, 0));
	}
}

static void test_round_robin(void **state)
{
	struct fixture *f = *state;
	unsigned seen[5] = {0};

	build(f, "round-robin", 0, 5, 0);
	for (unsigned i = 0; i < 5000; i++)
		seen[pick(f, i, 0)]++;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(seen[i], 1000);
}

static void test_round_robin_goes_on_in_the_next_model(void **state)
{
	struct fixture *f = *state;
	unsigned first;

	build(f, "round-robin", 0, 3, 0);
	first = pick(f, 0, 0);
	build(f, "round-robin", 0, 3, 0);
	assert_int_equal(pick(f, 0, 0), (first + 1) % 3);
}

/* The twin: always one of the minimum, counting ourselves. */
static void test_least_connections(void **state)
{
	struct fixture *f = *state;
	unsigned have[7] = {0}, open[512], nr_open = 0;
	struct rng *rng = &f->selector.rng;

	build(f, "least-connections", 0, 7, 0);
	for (unsigned step = 0; step < 20000; step++) {
		if (nr_open < ARRAY_SIZE(open) && (nr_open == 0 || rng_below(rng, 5) < 3)) {
			unsigned b = pick(f, step, 0);

			for (unsigned i = 0; i < 7; i++)
				assert_true(have[b] <= have[i]);
			have[b]++;
			open[nr_open++] = b;
			balancer_count(f->balancer, f->model->backends[b].slot)->active++;
		} else {
			unsigned at = (unsigned)rng_below(rng, nr_open), b = open[at];

			open[at] = open[--nr_open];
			have[b]--;
			balancer_count(f->balancer, f->model->backends[b].slot)->active--;
		}
	}
}

/* With very many backends it is the best of a sample: nobody gets far above the average. */
static void test_least_connections_of_many(void **state)
{
	struct fixture *f = *state;
	unsigned most = 0;

	build(f, "least-connections", 0, 1000, 0);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned b = pick(f, i, 0);

		balancer_count(f->balancer, f->model->backends[b].slot)->active++;
	}
	for (unsigned i = 0; i < 1000; i++)
		most = MAX_OF(
			most, balancer_count(f->balancer, f->model->backends[i].slot)->active);
	assert_in_range(most, 20, 26);
}

static void test_random(void **state)
{
	struct fixture *f = *state;
	unsigned seen[8] = {0};

	build(f, "random", 0, 8, 0);
	for (unsigned i = 0; i < 80000; i++)
		seen[pick(f, 0, 0)]++;
	for (unsigned i = 0; i < 8; i++)
		assert_in_range(seen[i], 9400, 10600);
}

/* A client keeps its backend; when one goes, only its clients move; when it is back, they are too. */
static void test_source_hash(void **state)
{
	struct fixture *f = *state;
	unsigned before[4000], seen[10] = {0};

	build(f, "source-hash", 0, 10, 0);
	for (unsigned c = 0; c < 4000; c++) {
		before[c] = pick(f, c, 0);
		seen[before[c]]++;
	}
	for (unsigned i = 0; i < 10; i++)
		assert_in_range(seen[i], 300, 500);
	build(f, "source-hash", 0, 10, 1u << 4);
	for (unsigned c = 0; c < 4000; c++) {
		if (before[c] == 4)
			assert_int_not_equal(pick(f, c, 0), 4);
		else
			assert_int_equal(pick(f, c, 0), before[c]);
	}
	build(f, "source-hash", 0, 10, 0);
	for (unsigned c = 0; c < 4000; c++)
		assert_int_equal(pick(f, c, 0), before[c]);
}

/* The timeout counts from the last new connection, as Kubernetes has it. */
static void test_affinity(void **state)
{
	struct fixture *f = *state;
	unsigned b;

	build(f, "round-robin", 60, 5, 0);
	b = pick(f, 1, 0);
	for (uint64_t t = 0; t < 600; t += 50)
		assert_int_equal(pick(f, 1, t * S), b);
	/* backends come: the client stays; its backend goes: it moves; back again: it stays where it moved */
	build(f, "round-robin", 60, 9, 0);
	assert_int_equal(pick(f, 1, 600 * S), b);
	build(f, "round-robin", 60, 9, 1ull << b);
	assert_int_not_equal(pick(f, 1, 610 * S), b);
	b = pick(f, 1, 620 * S);
	build(f, "round-robin", 60, 9, 0);
	assert_int_equal(pick(f, 1, 630 * S), b);
}

static void test_affinity_spreads_clients(void **state)
{
	struct fixture *f = *state;
	unsigned seen[4] = {0};

	build(f, "round-robin", 60, 4, 0);
	for (unsigned c = 0; c < 4000; c++)
		seen[pick(f, c, S)]++;
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(seen[i], 850, 1150);
}

static void test_dead_nodes_are_passed_over(void **state)
{
	static const char *const all[] = {
		"round-robin", "least-connections", "random", "source-hash"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		f->dead = 0x6;
		build(f, all[i], 0, 4, 0);
		for (unsigned c = 0; c < 500; c++) {
			unsigned b = pick(f, c, 0);

			assert_true(b == 0 || b == 3);
		}
		f->dead = 0xf; /* all: then anybody, and the client is told by ICMP */
		pick(f, 0, 0);
	}
	f->dead = 0;
	build(f, "round-robin", 60, 4, 0);
	f->dead = 1ull << pick(f, 7, 0);
	assert_true(alive(f, &f->model->backends[pick(f, 7, 1)]));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_nobody),
		T(test_round_robin),
		T(test_round_robin_goes_on_in_the_next_model),
		T(test_least_connections),
		T(test_least_connections_of_many),
		T(test_random),
		T(test_source_hash),
		T(test_affinity),
		T(test_affinity_spreads_clients),
		T(test_dead_nodes_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
