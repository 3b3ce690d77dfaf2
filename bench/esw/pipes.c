/* SPDX-License-Identifier: BSD-3-Clause */
/* pipes: one entry per flow in an exact 5-tuple table. */
#include "rig.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/refuse.h"

#define BACKENDS 3
#define BACKEND_PORT 8080

/* The data of a NAT pipe's template: per op a value, which entries supply, and a mask. */
struct nat_data {
	uint8_t ip[4], ip_mask[4], port[2], port_mask[2];
};

void up_wire(struct rig *rig)
{
	rig->wire = true;
}

static void five_tuple(struct flow_key *mask)
{
	memset(mask->hot.src, 0xff, 16);
	memset(mask->hot.dst, 0xff, 16);
	mask->hot.sport = mask->hot.dport = 0xffff;
	mask->hot.proto = 0xff;
	mask->hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_L4;
}

static struct flow_pipe_cfg exact(const char *name, uint32_t flows)
{
	struct flow_pipe_cfg cfg = {.name = name,
		.kind = FLOW_PIPE_EXACT,
		.port = SRC,
		.nr_entries = flows,
		.miss = {.kind = FLOW_FWD_DROP},
		.entry_counters = true};

	five_tuple(&cfg.match.mask);
	cfg.entry_mask = cfg.match.mask;
	return cfg;
}

/* ---- forward ---- */

static void add_forward(struct rig *rig, const struct flow_key *key, uint32_t i)
{
	struct flow_entry_spec spec = {
		.match.value = *key, .count = true, .fwd = {.kind = FLOW_FWD_PORT, .port = DST}};
	struct flow_entry *entry;

	must(flow_entry_add(rig->pipe[0], &spec, &entry), "entry");
}

void up_forward(struct rig *rig)
{
	struct flow_pipe_cfg cfg = exact("forward", rig->flows);

	cfg.root = true;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	rig_learn(rig, add_forward);
}

/* ---- a chain: pipe 0 has the flows, each one before it lets UDP pass ---- */

static void pass_on(struct rig *rig, unsigned i, bool root)
{
	struct flow_pipe_cfg cfg = {.name = "pass",
		.kind = FLOW_PIPE_EXACT,
		.root = root,
		.port = SRC,
		.nr_entries = 1,
		.miss = {.kind = FLOW_FWD_DROP},
		.entry_counters = true};
	struct flow_entry_spec spec = {.count = true, .fwd = {.kind = FLOW_FWD_PIPE, .pipe = rig->pipe[i - 1]}};
	struct flow_entry *entry;

	cfg.match.mask.hot.proto = 0xff;
	cfg.entry_mask = cfg.match.mask;
	spec.match.value.hot.proto = 17;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[i]), "pipe");
	must(flow_entry_add(rig->pipe[i], &spec, &entry), "entry");
}

void up_chain(struct rig *rig)
{
	struct flow_pipe_cfg cfg = exact("forward", rig->flows);

	if (rig->steps > PIPES_MAX)
		must(refuse(EINVAL, "a chain of %u pipes: at most %d", rig->steps, PIPES_MAX), "--steps");
	cfg.root = rig->steps == 1;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	rig_learn(rig, add_forward);
	for (unsigned i = 1; i < rig->steps; i++)
		pass_on(rig, i, i + 1 == rig->steps);
}

/* ---- NAT ---- */

static void add_nat(struct rig *rig, const struct flow_key *key, uint32_t i)
{
	struct nat_data data = {.ip = {10, 244, 2, (uint8_t)(3 + i % BACKENDS)},
		.port = {BACKEND_PORT >> 8, BACKEND_PORT & 255}};
	struct flow_entry_spec spec = {.match.value = *key,
		.count = true,
		.fwd = {.kind = FLOW_FWD_HOP, .port = rig->hop},
		.data = (const uint8_t *)&data};
	struct flow_entry *entry;

	must(flow_entry_add(rig->pipe[0], &spec, &entry), "entry");
}

/* A table whose entries set an address and a port: of the destination, or (un-NAT) of the source. */
static void nat_pipe(struct rig *rig, bool root, const char *ip, const char *port)
{
	static const struct nat_data data = {.ip_mask = {0xff, 0xff, 0xff, 0xff}, .port_mask = {0xff, 0xff}};
	static const struct nat_data hole = {.ip = {0xff, 0xff, 0xff, 0xff}, .port = {0xff, 0xff}};
	int set_ip = flow_field_find(ip), set_port = flow_field_find(port);
	struct flow_op ops[2] = {
		{.code = FLOW_OP_SET, .width = 32, .field = (uint16_t)set_ip, .data = 0},
		{.code = FLOW_OP_SET, .width = 16, .field = (uint16_t)set_port, .data = offsetof(struct nat_data, port)}};
	struct flow_action_template t = {
		.nr_ops = 2,
		.ops = ops,
		.data_len = sizeof(data),
		.data = (const uint8_t *)&data,
		.hole = (const uint8_t *)&hole};
	struct flow_pipe_cfg cfg = exact("nat", rig->flows);

	must(set_ip, ip);
	must(set_port, port);
	cfg.root = root;
	cfg.nr_templates = 1;
	cfg.templates = &t;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[0]), "pipe");
	rig_learn(rig, add_nat);
}

void up_dnat(struct rig *rig)
{
	rig->hop = rig_hop(rig, false);
	nat_pipe(rig, true, "outer.ipv4.dst_ip", "outer.udp.dst_port");
}

void want_dnat(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f)
{
	frame_nat(f, true, (const uint8_t[4]){10, 244, 2, (uint8_t)(3 + flow % BACKENDS)}, BACKEND_PORT);
	frame_route(f, rig_mac_dst, rig_mac_router);
}

void want_dnat_vxlan(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f)
{
	want_dnat(rig, flow, sink, f);
	frame_encap(f);
}

void want_unnat(struct rig *rig, uint32_t flow, unsigned sink, struct frame *f)
{
	frame_decap(f);
	frame_nat(f, false, (const uint8_t[4]){10, 244, 2, (uint8_t)(3 + flow % BACKENDS)}, BACKEND_PORT);
	frame_route(f, rig_mac_dst, rig_mac_router);
}

void up_dnat_vxlan(struct rig *rig)
{
	rig->hop = rig_hop(rig, true);
	nat_pipe(rig, true, "outer.ipv4.dst_ip", "outer.udp.dst_port");
}

/* ---- decapsulation, as node.uplink: known tunnel end points, then the inner packet is looked up ---- */

static void tunnel_key(struct flow_key_hot *key)
{
	key->shape = PKT_L3_IP4 << FLOW_SHAPE_L3_SHIFT | PKT_TUN_VXLAN << FLOW_SHAPE_TUN_SHIFT;
	memcpy(key->src, (uint8_t[4]){192, 168, 1, 102}, 4);
	memcpy(key->dst, (uint8_t[4]){192, 168, 1, 101}, 4);
	key->vni = rte_cpu_to_be_32(VNI);
}

void up_decap(struct rig *rig)
{
	static const struct flow_op decap = {.code = FLOW_OP_DECAP};
	struct flow_action_template t = {.nr_ops = 1, .ops = &decap};
	struct flow_pipe_cfg cfg = {.name = "tunnel",
		.kind = FLOW_PIPE_EXACT,
		.root = true,
		.port = SRC,
		.nr_entries = 4,
		.nr_templates = 1,
		.templates = &t,
		.miss = {.kind = FLOW_FWD_DROP},
		.entry_counters = true};
	struct flow_entry_spec spec = {.count = true};
	struct flow_entry *entry;

	rig->hop = rig_hop(rig, false);
	nat_pipe(rig, false, "outer.ipv4.src_ip", "outer.udp.src_port");
	cfg.match.mask.hot.shape = FLOW_SHAPE_L3 | FLOW_SHAPE_TUN;
	memset(cfg.match.mask.hot.src, 0xff, 16);
	memset(cfg.match.mask.hot.dst, 0xff, 16);
	cfg.match.mask.hot.vni = UINT32_MAX;
	cfg.entry_mask = cfg.match.mask;
	must(flow_pipe_create(esw_flow(rig->esw), &cfg, &rig->pipe[1]), "tunnel pipe");
	tunnel_key(&spec.match.value.hot);
	spec.fwd = (struct flow_fwd){.kind = FLOW_FWD_PIPE, .pipe = rig->pipe[0]};
	must(flow_entry_add(rig->pipe[1], &spec, &entry), "tunnel entry");
}
