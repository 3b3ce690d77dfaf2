/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * setup: new connections per second, the whole way: a TCP SYN from a pod meets the guard pipe and the
 * connection table, misses, and the node decides: service, policy of both ends, NAT, both directions
 * installed; the packet leaves rewritten. Every packet is a new connection; time advances so that aging
 * keeps the table at --live connections. One core; one JSON line.
 *
 *   setup [--seconds S] [--live N]
 */
#include <getopt.h>
#include <jansson.h>
#include <rte_mempool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/refuse.h"
#include "eswitch/eswitch.h"
#include "node/node.h"
#include "port/eal.h"

#define CLIENT 2
#define SERVERS 3
#define PODS 8      /* servers are pods of this node, each behind its VF */
#define SERVICES 64 /* each with 8 backends */
#define SPORTS 60000u
#define TIMEOUT_S 2 /* of an unanswered SYN, so that a second of new connections fills the table */

struct rig {
	struct rte_mempool *pool;
	struct esw *esw;
	struct node *node;
	struct port *port[SERVERS + PODS];
	uint64_t now_ns, step_ns; /* virtual */
	uint32_t next;
};

static void must(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "setup: %s: %s (%s)\n", what, refusal(), strerror(-err));
	exit(1);
}

static void add_port(struct rig *rig, uint16_t id, uint8_t last)
{
	struct card_attach sink = {.kind = CARD_ATTACH_NULL};
	char name[16];
	struct port_cfg cfg = {.id = id,
		.name = name,
		.mtu = 1430,
		.pool = rig->pool,
		.mac = {2, 0, 0, 0, 0, last}};
	struct node_port np = {.id = id,
		.mtu = 1430,
		.name = name,
		.role = NODE_PORT_VF,
		.spoof_check = true,
		.mac = {2, 0, 0, 0, 0, last}};

	snprintf(name, sizeof(name), "pf0vf%u", id - CLIENT);
	must(port_open(&cfg, &sink, &rig->port[id]), name);
	must(esw_port_add(rig->esw, rig->port[id]), name);
	must(node_bind_port(rig->node, &np), name);
}

static void upsert(json_t *ops, const char *kind, const char *name, json_t *value)
{
	json_array_append_new(ops, json_pack("{s:s, s:s, s:s, s:o}", "op", "upsert", "kind", kind,
					   "name", name, "value", value));
}

static json_t *endpoints(unsigned port)
{
	json_t *list = json_array();
	char ip[32];

	for (unsigned i = 0; i < PODS; i++) {
		snprintf(ip, sizeof(ip), "10.244.1.%u", 20 + i);
		json_array_append_new(list, json_pack("{s:s, s:i}", "address", ip, "port", port));
	}
	return list;
}

/* Client, servers, services, and a policy on every server that the client passes by its second rule. */
static json_t *desired(void)
{
	json_t *ops = json_array(), *servers = json_array();
	char name[32], ip[32], vf[16];

	upsert(ops, "node", "node1",
		json_pack("{s:[s], s:[s]}", "vteps", "192.168.1.101", "cidrs", "10.244.1.0/24"));
	upsert(ops, "pod", "a/client",
		json_pack("{s:s, s:[s], s:s}", "node", "node1", "addresses", "10.244.1.10", "vf",
			"pf0vf0"));
	for (unsigned i = 0; i < PODS; i++) {
		snprintf(name, sizeof(name), "a/server-%u", i);
		snprintf(ip, sizeof(ip), "10.244.1.%u", 20 + i);
		snprintf(vf, sizeof(vf), "pf0vf%u", i + 1);
		upsert(ops, "pod", name,
			json_pack("{s:s, s:[s], s:s}", "node", "node1", "addresses", ip, "vf", vf));
		json_array_append_new(servers, json_string(name));
	}
	for (unsigned i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof(name), "a/service-%u", i);
		snprintf(ip, sizeof(ip), "10.96.0.%u", 1 + i);
		upsert(ops, "service", name,
			json_pack("{s:[s], s:[{s:s, s:i, s:o}]}", "addresses", ip, "ports",
				"protocol", "TCP", "port", 80, "endpoints", endpoints(8000 + i)));
	}
	upsert(ops, "policy", "a/servers",
		json_pack("{s:o, s:[{s:{s:[s]}}, {s:{s:[s]}, s:[{s:s, s:i, s:i}]}]}", "pods",
			servers, "ingress", "peers", "pods", "a/nobody", "peers", "pods",
			"a/client", "ports", "protocol", "TCP", "first", 8000, "last", 8999));
	return json_pack("{s:s, s:o}", "node", "node1", "ops", ops);
}

static void rig_up(struct rig *rig, uint32_t live)
{
	static struct card_node card = {
		.name = "node1", .vni = 100, .timeouts = {.tcp_syn_sent = TIMEOUT_S}};
	struct esw_cfg cfg = {.name = "bench", .nr_workers = 1, .pool = rig->pool};
	struct node_cfg nc = {.card = &card, .capacity = 4 * live, .nr_workers = 1};
	json_t *params = desired(), *result;

	must(esw_create(&cfg, &rig->esw), "switch");
	must(node_create(&nc, &rig->node), "node");
	must(node_attach(rig->node, rig->esw), "attach");
	for (unsigned i = 0; i <= PODS; i++)
		add_port(rig, (uint16_t)(CLIENT + i), (uint8_t)(1 + i));
	must(node_apply(rig->node, params, &result), "apply");
	json_decref(params);
	json_decref(result);
	rig->now_ns = NS_PER_SEC;
	rig->step_ns = TIMEOUT_S * NS_PER_SEC / live;
}

static const uint8_t frame[60] = {0x02, 0x5d, 0x70, 0, 0, 1, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 40,
	0, 0, 0x40, 0, 64, 6, 0, 0, 10, 244, 1, 10, 10, 96, 0, 1, 0, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0,
	0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0};

/* The next connection's SYN: another source port, and another service after 60,000 of them. The IPv4
 * checksum is right; TCP's is left to the device. */
static void write_syn(struct rig *rig, struct rte_mbuf *m)
{
	uint8_t *b = (uint8_t *)rte_pktmbuf_append(m, sizeof(frame));
	uint32_t n = rig->next++, sum = 0;
	uint16_t sport = (uint16_t)(1024 + n % SPORTS), w;

	memcpy(b, frame, sizeof(frame));
	b[33] = (uint8_t)(1 + n / SPORTS % SERVICES);
	b[34] = (uint8_t)(sport >> 8);
	b[35] = (uint8_t)sport;
	for (unsigned i = 14; i < 34; i += 2) {
		memcpy(&w, b + i, 2);
		sum += w;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	w = (uint16_t) ~(sum + (sum >> 16));
	memcpy(b + 24, &w, 2);
}

static void run(struct rig *rig, uint64_t packets)
{
	struct rte_mbuf *m[ESW_BURST];

	for (uint64_t done = 0; done < packets; done += ESW_BURST) {
		must(rte_pktmbuf_alloc_bulk(rig->pool, m, ESW_BURST), "mbufs");
		for (unsigned i = 0; i < ESW_BURST; i++)
			write_syn(rig, m[i]);
		rig->now_ns += ESW_BURST * rig->step_ns;
		esw_burst(rig->esw, 0, CLIENT, m, ESW_BURST, rig->now_ns);
		esw_flush(rig->esw, 0);
		if (done % 4096 == 0)
			esw_poll(rig->esw, 0, rig->now_ns); /* the tick: aging */
	}
}

static uint64_t thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void report(const struct rig *rig, uint64_t packets, uint64_t cpu_ns, uint64_t wall_ns)
{
	struct node_stats s;

	node_stats(rig->node, &s);
	printf("{\"bench\": \"setup\", \"case\": \"service-policy-nat\", \"connections_per_s\": "
	       "%.0f, \"ns_per_connection\": %.1f, "
	       "\"live\": %lu, \"installed\": %lu, \"refused_full\": %lu, \"cpu_share\": %.2f, "
	       "\"cpu\": \"%s\", \"hugepages\": %s}\n",
		(double)packets * 1e9 / (double)cpu_ns, (double)cpu_ns / (double)packets,
		s.connections, s.insertions, s.refused_full, (double)cpu_ns / (double)wall_ns,
		cpu_level_name(), port_eal_hugepages() ? "true" : "false");
}

static void measure(struct rig *rig, uint32_t live, double seconds)
{
	uint64_t start = clock_now_ns(), cpu = thread_ns(), packets = 0;

	run(rig, live + live / 8); /* to the steady state */
	flow_settle(esw_flow(rig->esw)); /* as a card's keeper does every second */
	node_settle(rig->node);
	start = clock_now_ns();
	cpu = thread_ns();
	while ((double)(clock_now_ns() - start) < seconds * 1e9) {
		run(rig, 65536);
		packets += 65536;
	}
	report(rig, packets, thread_ns() - cpu, clock_now_ns() - start);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"seconds", required_argument, NULL, 's'},
		{"live", required_argument, NULL, 'l'}, {NULL, 0, NULL, 0}};
	struct port_eal_cfg eal = {.prefix = "bench-setup", .memory_mb = 512};
	double seconds = 2.0;
	uint32_t live = 1000000;
	struct rig rig = {0};
	int c;

	while ((c = getopt_long(argc, argv, "s:l:", longs, NULL)) != -1) {
		if (c == 's')
			seconds = atof(optarg);
		else if (c == 'l')
			live = (uint32_t)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	must(port_eal_start(&eal), "EAL");
	must(port_eal_thread_enter(), "thread");
	rig.pool = port_pool_create("bench", 8192);
	must(rig.pool ? 0 : -ENOMEM, "pool");
	rig_up(&rig, live);
	measure(&rig, live, seconds);
	must(esw_stats_check(rig.esw), "accounting");
	node_destroy(rig.node);
	esw_destroy(rig.esw);
	for (unsigned i = CLIENT; i <= CLIENT + PODS; i++)
		port_close(rig.port[i]);
	port_pool_destroy(rig.pool);
	port_eal_thread_leave();
	port_eal_stop();
	return 0;
}
