/* SPDX-License-Identifier: BSD-3-Clause */
/* conns: connection tracking with NAT, and the same reached through a node's Service. */
#include "rig.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/refuse.h"
#include "node/node.h"

#define BACKENDS 3
#define BACKEND_PORT 8080
#define MIX_PORT 8200

/* ---- connections that stand already ---- */

static void add_conn(struct rig *rig, const struct flow_key *key, uint32_t i)
{
	struct conn_spec spec = {.in_port = {SRC, DST}, .tcp_flags = 0x02};
	conn_ref ref;

	if (!conn_key_from(key, false, 0, &spec.key[0]))
		must(refuse(EINVAL, "flow %u has no connection key", i), "connection");
	spec.key[1] = spec.key[0];
	memcpy(spec.key[1].dst, spec.key[0].src, 16);
	spec.key[1].dport = spec.key[0].sport;
	memcpy(spec.key[1].src, (uint8_t[16]){10, 244, 2, (uint8_t)(3 + i % BACKENDS)}, 16);
	spec.key[1].sport = rte_cpu_to_be_16(8080);
	spec.rewrite[0].flags = FLOW_RW_DST_IP | FLOW_RW_DST_PORT;
	spec.rewrite[0].hop = spec.rewrite[1].hop = rig->hop;
	memcpy(spec.rewrite[0].dst, spec.key[1].src, 16);
	spec.rewrite[0].dport = spec.key[1].sport;
	spec.rewrite[1].flags = FLOW_RW_SRC_IP | FLOW_RW_SRC_PORT;
	memcpy(spec.rewrite[1].src, spec.key[0].dst, 16);
	spec.rewrite[1].sport = spec.key[0].dport;
	must(conn_add(rig->conns, 0, &spec, clock_now_ns(), &ref), "connection");
}

void up_conns(struct rig *rig)
{
	struct conn_table_cfg cc = {
		.capacity = rig->flows + 1024, .timeouts = conn_timeouts_default, .nr_workers = 1};
	struct flow_pipe_cfg cfg = {.name = "ct",
		.kind = FLOW_PIPE_CT,
		.root = true,
		.port = SRC,
		.miss = {.kind = FLOW_FWD_DROP}};

	rig->hop = rig_hop(rig, false);
	must(conn_table_create(esw_flow(rig->esw), &cc, &rig->conns), "connection table");
	cfg.conns = rig->conns;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	rig_learn(rig, add_conn);
}

/* ---- a Service: client pod behind SRC, its backends pods of the same node ---- */

static void bind_port(struct rig *rig, uint16_t id, const char *name, uint8_t mac_last)
{
	struct node_port np = {.id = id,
		.mtu = 1500,
		.name = name,
		.role = NODE_PORT_VF,
		.spoof_check = true,
		.mac = {2, 0, 0, 0, 0, mac_last}};

	must(node_bind_port(rig->node, &np), name);
}

static json_t *pod(const char *name, const char *vf, const char *address)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:[s], s:s}}", "op", "upsert", "kind", "pod", "name", name, "value",
		"node", "node1", "addresses", address, "vf", vf);
}

static json_t *endpoints_at(unsigned port)
{
	json_t *list = json_array();
	char ip[32];

	for (unsigned i = 0; i < BACKENDS; i++) {
		snprintf(ip, sizeof(ip), "10.244.1.%u", 20 + i);
		json_array_append_new(list, json_pack("{s:s, s:i}", "address", ip, "port", port));
	}
	return list;
}

static void add_service(json_t *ops, const char *address, unsigned port, unsigned backend_port, unsigned affinity_s)
{
	char name[32];

	snprintf(name, sizeof(name), "a/at-%s", address);
	json_array_append_new(ops,
		json_pack("{s:s, s:s, s:s, s:{s:[s], s:i, s:[{s:s, s:i, s:o}]}}", "op", "upsert", "kind", "service", "name", name,
			"value", "addresses", address, "affinity_s", affinity_s, "ports", "protocol", "UDP", "port", port,
			"endpoints", endpoints_at(backend_port)));
}

/* The node with its client, and the backends as pods of the same node. */
static json_t *base_ops(void)
{
	json_t *ops = json_pack("[{s:s, s:s, s:s, s:{s:[s], s:[s]}}]", "op", "upsert", "kind", "node", "name",
		"node1", "value", "vteps", "192.168.1.101", "cidrs", "10.244.1.0/24");
	char name[32], vf[16], ip[32];

	json_array_append_new(ops, pod("a/client", "pf0vf0", "10.244.1.10"));
	for (unsigned i = 0; i < BACKENDS; i++) {
		snprintf(name, sizeof(name), "a/web-%u", i);
		snprintf(vf, sizeof(vf), "pf0vf%u", 1 + i);
		snprintf(ip, sizeof(ip), "10.244.1.%u", 20 + i);
		json_array_append_new(ops, pod(name, vf, ip));
	}
	return ops;
}

static void node_up(struct rig *rig, const struct card_node *card, uint32_t capacity, json_t *ops)
{
	struct node_cfg cfg = {.card = card, .capacity = capacity, .nr_workers = rig->workers};
	json_t *params = json_pack("{s:s, s:o}", "node", "node1", "ops", ops), *result = NULL;

	must(node_create(&cfg, &rig->node), "node");
	must(node_attach(rig->node, rig->esw), "attach");
	bind_port(rig, SRC, "pf0vf0", 1);
	for (unsigned i = 0; i < BACKENDS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "pf0vf%u", 1 + i);
		rig_add_sink(rig, (uint16_t)(DST + i), name, (uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(2 + i)});
		bind_port(rig, (uint16_t)(DST + i), name, (uint8_t)(2 + i));
	}
	must(node_apply(rig->node, params, &result), "apply");
	json_decref(params);
	json_decref(result);
}

/* Two Services: a client has 60,000 ports for 100,000 flows. They keep a client with its backend for an hour:
 * the affinity table is asked once per connection. Their backends listen on ports of their own, or one of them
 * would have to tell 100,000 connections of one client apart by 65,536 source ports. */
void up_service(struct rig *rig)
{
	static const struct card_node card = {.name = "node1", .vni = VNI};
	json_t *ops = base_ops();

	add_service(ops, "10.96.0.100", 80, BACKEND_PORT, 3600);
	add_service(ops, "10.96.0.101", 80, BACKEND_PORT + 1, 3600);
	node_up(rig, &card, rig->flows * 2, ops);
}

/* A packet to Service address 10.96.x.y arrives at a backend port of that Service alone. */
static unsigned backend_port(uint8_t x, uint8_t y)
{
	return x ? MIX_PORT + y : BACKEND_PORT + y - 100u;
}

void want_backend(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f)
{
	static const uint8_t gateway[6] = {2, 0x5d, 0x70, 0, 0, 1};
	const uint8_t *dst = f->bytes + 30;

	frame_nat(f, true, (const uint8_t[4]){10, 244, 1, (uint8_t)(20 + sink)}, (uint16_t)backend_port(dst[2], dst[3]));
	frame_route(f, (const uint8_t[6]){2, 0, 0, 0, 0, (uint8_t)(2 + sink)}, gateway);
}

/* ---- standing flows and new ones: every new one is decided by the node and installed ---- */

/* UDP to NVMe's port is long-lived: the node installs it with its first packet. A flow nobody continues is gone
 * after TIMEOUT_S of virtual time, which is when 100,000 others have come (see the case's step_ns). */
void up_mix(struct rig *rig)
{
	static const struct card_node card = {.name = "node1", .vni = VNI, .timeouts = {.udp_unreplied = MIX_TIMEOUT_S}};
	json_t *ops = base_ops();
	char address[32];

	add_service(ops, "10.96.0.100", MIX_SERVICE_PORT, BACKEND_PORT, 0);
	add_service(ops, "10.96.0.101", MIX_SERVICE_PORT, BACKEND_PORT + 1, 0);
	for (unsigned i = 0; i < SHAPE_FRESH_ADDRS; i++) {
		snprintf(address, sizeof(address), "10.96.1.%u", i);
		add_service(ops, address, MIX_SERVICE_PORT, MIX_PORT + i, 0);
	}
	node_up(rig, &card, rig->flows * 8, ops);
}
