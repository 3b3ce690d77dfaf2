/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * entries: how fast a program fills and empties a table through the DOCA Flow API: one queue, one thread, every
 * callback delivered. A BASIC pipe matches the five-tuple; each entry has a destination address and port of its
 * own (DNAT), a counter and a forward. Entries go in and come out in the queue's depth of requests, then
 * doca_flow_entries_process; the table grows from empty to --entries and shrinks to empty again, --rounds times.
 * Two JSON lines: the medians of the rounds, of the thread's CPU time.
 *
 *   bench-entries [--entries N] [--rounds N]
 */
#include <doca_flow.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/refuse.h"
#include "doca/flow/flow_door.h"
#include "eswitch/eswitch.h"
#include "port/eal.h"

#define PORTS 2
#define DEPTH 128
#define ROUNDS_MAX 99

static struct esw *esw;
static struct port *port[PORTS];
static struct doca_flow_port *flow_port[PORTS];
static struct doca_flow_pipe_entry **entry;
static uint64_t called[3]; /* by operation */

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "entries: %s: %s\n", what, why);
	exit(1);
}

static void must(int err, const char *what)
{
	if (err < 0)
		fail(what, refusal());
}

static void ok(doca_error_t err, const char *what)
{
	if (err != DOCA_SUCCESS)
		fail(what, *refusal() ? refusal() : doca_error_get_name(err));
}

/* ---- a switch under the library ---- */

static uint16_t same(uint16_t id)
{
	return id;
}

static void open_switch(struct rte_mempool *pool)
{
	struct esw_cfg cfg = {.name = "bench", .nr_workers = 1, .pool = pool};
	struct card_attach none = {.kind = CARD_ATTACH_NULL};

	must(esw_create(&cfg, &esw), "switch");
	for (uint16_t i = 0; i < PORTS; i++) {
		struct port_cfg pc = {.id = i, .name = "port", .pool = pool, .mtu = 1500};

		must(port_open(&pc, &none, &port[i]), "port");
		must(esw_port_add(esw, port[i]), "port");
	}
	flow_door_use(esw_flow(esw), same, NULL);
}

static void close_switch(void)
{
	flow_door_use(NULL, NULL, NULL);
	esw_destroy(esw);
	for (unsigned i = 0; i < PORTS; i++)
		port_close(port[i]);
}

/* ---- the library ---- */

static void on_entry(struct doca_flow_pipe_entry *e, uint16_t queue, enum doca_flow_entry_status status,
	enum doca_flow_entry_op op, void *ctx)
{
	if (status != DOCA_FLOW_ENTRY_STATUS_SUCCESS)
		fail("callback", "not a success");
	called[op]++;
}

static void start_port(uint16_t i, uint32_t entries)
{
	struct doca_flow_port_cfg *cfg;

	ok(doca_flow_port_cfg_create(&cfg), "port");
	ok(doca_flow_port_cfg_set_port_id(cfg, i), "port id");
	ok(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_COUNTER, entries), "counters");
	ok(doca_flow_port_start(cfg, &flow_port[i]), "port start");
	ok(doca_flow_port_cfg_destroy(cfg), "port");
}

static void start_library(uint32_t entries)
{
	struct doca_flow_cfg *cfg;

	ok(doca_flow_cfg_create(&cfg), "configuration");
	ok(doca_flow_cfg_set_mode_args(cfg, "vnf,hws"), "mode");
	ok(doca_flow_cfg_set_pipe_queues(cfg, 1), "queues");
	ok(doca_flow_cfg_set_queue_depth(cfg, DEPTH), "depth");
	ok(doca_flow_cfg_set_cb_entry_process(cfg, on_entry), "callback");
	ok(doca_flow_init(cfg), "doca_flow_init");
	ok(doca_flow_cfg_destroy(cfg), "configuration");
	for (uint16_t i = 0; i < PORTS; i++)
		start_port(i, entries);
}

static void stop_library(void)
{
	for (unsigned i = 0; i < PORTS; i++)
		ok(doca_flow_port_stop(flow_port[i]), "port stop");
	doca_flow_destroy();
}

/* ---- the table ---- */

static struct doca_flow_match five_tuple(uint32_t n)
{
	return (struct doca_flow_match){
		.parser_meta = {.outer_l3_type = DOCA_FLOW_L3_META_IPV4, .outer_l4_type = DOCA_FLOW_L4_META_UDP},
		.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP,
			.ip4 = {.src_ip = DOCA_HTOBE32(0x0a000001 + n / 60000), .dst_ip = DOCA_HTOBE32(0x0aff0001)},
			.udp.l4_port = {.src_port = DOCA_HTOBE16((uint16_t)(1024 + n % 60000)), .dst_port = DOCA_HTOBE16(80)}}};
}

static struct doca_flow_match open_tuple(void)
{
	struct doca_flow_match m = five_tuple(0);

	m.outer.ip4.src_ip = m.outer.ip4.dst_ip = UINT32_MAX;
	m.outer.udp.l4_port.src_port = m.outer.udp.l4_port.dst_port = UINT16_MAX;
	return m;
}

static struct doca_flow_actions dnat(uint32_t ip, uint16_t to)
{
	return (struct doca_flow_actions){.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP,
		.ip4.dst_ip = ip, .udp.l4_port.dst_port = to}};
}

static struct doca_flow_pipe *create_pipe(uint32_t entries)
{
	struct doca_flow_match match = open_tuple();
	struct doca_flow_actions open = dnat(UINT32_MAX, UINT16_MAX), *actions[] = {&open};
	struct doca_flow_monitor count = {.counter_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED};
	struct doca_flow_fwd each = {.type = DOCA_FLOW_FWD_PORT, .port_id = UINT16_MAX}, drop = {.type = DOCA_FLOW_FWD_DROP};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	ok(doca_flow_pipe_cfg_create(&cfg, flow_port[0]), "pipe");
	ok(doca_flow_pipe_cfg_set_name(cfg, "ENTRIES"), "name");
	ok(doca_flow_pipe_cfg_set_type(cfg, DOCA_FLOW_PIPE_BASIC), "type");
	ok(doca_flow_pipe_cfg_set_is_root(cfg, true), "root");
	ok(doca_flow_pipe_cfg_set_match(cfg, &match, NULL), "match");
	ok(doca_flow_pipe_cfg_set_actions(cfg, actions, NULL, NULL, 1), "actions");
	ok(doca_flow_pipe_cfg_set_monitor(cfg, &count), "monitor");
	ok(doca_flow_pipe_cfg_set_nr_entries(cfg, entries), "entries");
	ok(doca_flow_pipe_create(cfg, &each, &drop, &pipe), "pipe");
	ok(doca_flow_pipe_cfg_destroy(cfg), "pipe");
	return pipe;
}

static void process(void)
{
	ok(doca_flow_entries_process(flow_port[0], 0, 0, 0), "doca_flow_entries_process");
}

static void fill(struct doca_flow_pipe *pipe, uint32_t n)
{
	struct doca_flow_fwd fwd = {.type = DOCA_FLOW_FWD_PORT, .port_id = 1};

	for (uint32_t i = 0; i < n; i++) {
		struct doca_flow_match m = five_tuple(i);
		struct doca_flow_actions a = dnat(DOCA_HTOBE32(0x0af40203 + i % 3), DOCA_HTOBE16(8080));

		ok(doca_flow_pipe_basic_add_entry(0, pipe, &m, 0, &a, NULL, &fwd, 0, NULL, &entry[i]), "add");
		if (i % DEPTH == DEPTH - 1)
			process();
	}
	process();
}

static void empty(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		ok(doca_flow_pipe_remove_entry(0, 0, entry[i]), "remove");
		if (i % DEPTH == DEPTH - 1)
			process();
	}
	process();
}

/* ---- measuring ---- */

static double thread_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *name, uint32_t entries, double *rate, unsigned rounds)
{
	qsort(rate, rounds, sizeof(*rate), by_value);
	printf("{\"bench\": \"entries\", \"case\": \"%s\", \"entries\": %u, \"rounds\": %u, \"per_s\": %.0f, \"slowest\": %.0f, "
	       "\"fastest\": %.0f, \"cpu\": \"%s\", \"hugepages\": %s}\n",
		name, entries, rounds, rate[rounds / 2], rate[0], rate[rounds - 1], cpu_level_name(),
		port_eal_hugepages() ? "true" : "false");
}

static void measure(uint32_t entries, unsigned rounds)
{
	struct doca_flow_pipe *pipe = create_pipe(entries);
	double in[ROUNDS_MAX], out[ROUNDS_MAX], start;

	for (unsigned i = 0; i < rounds; i++) {
		start = thread_s();
		fill(pipe, entries);
		in[i] = entries / (thread_s() - start);
		flow_settle(esw_flow(esw)); /* as a card's keeper does every second */
		start = thread_s();
		empty(entries);
		out[i] = entries / (thread_s() - start);
	}
	if (called[DOCA_FLOW_ENTRY_OP_ADD] != (uint64_t)entries * rounds || called[DOCA_FLOW_ENTRY_OP_DEL] != (uint64_t)entries * rounds)
		fail("callbacks", "not one for each request");
	report("insert", entries, in, rounds);
	report("delete", entries, out, rounds);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"entries", required_argument, NULL, 'e'}, {"rounds", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	struct port_eal_cfg eal = {.prefix = "bench-entries", .memory_mb = 256};
	uint32_t entries = 1000000;
	unsigned rounds = 3;
	struct rte_mempool *pool;
	int c;

	while ((c = getopt_long(argc, argv, "e:r:", longs, NULL)) != -1) {
		if (c == 'e')
			entries = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (!rounds || rounds > ROUNDS_MAX)
		fail("--rounds", "1 to 99");
	entry = calloc(entries, sizeof(*entry));
	must(port_eal_start(&eal), "EAL");
	pool = port_pool_create("bench", 4096);
	must(pool && entry ? 0 : -ENOMEM, "memory");
	open_switch(pool);
	start_library(entries);
	measure(entries, rounds);
	stop_library();
	close_switch();
	port_pool_destroy(pool);
	port_eal_stop();
	free(entry);
	return 0;
}
