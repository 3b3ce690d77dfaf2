/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * connections: a TCP connection is translated to another server (and back), a UDP one over IPv6 is tracked as it is, and the same
 * addresses in another zone are none. The zone is the VLAN. Then the server changes; then the connection is idle, is told as aged,
 * and is gone.
 */
#include "begin.h"

#define QUEUE 1 /* CT queues are numbered behind those of DOCA Flow */
#define BOTH (DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_DIR_REPLY | \
	      DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_COUNTER_REPLY)
#define IP6 (DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_ORIGIN | DOCA_FLOW_CT_ENTRY_FLAGS_IPV6_REPLY)

static unsigned aged;

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status, enum doca_flow_entry_op op, void *ctx)
{
	aged += op == DOCA_FLOW_ENTRY_OP_AGED;
}

static void start_ct(void)
{
	struct doca_flow_meta zone = {.u32[1] = DOCA_HTOBE32(0xfff)};
	struct doca_flow_ct_meta nothing = {0};
	struct doca_flow_ct_cfg *cfg;

	must(doca_flow_ct_cfg_create(&cfg));
	must(doca_flow_ct_cfg_set_connections(cfg, 64, 64, 0));
	must(doca_flow_ct_cfg_set_user_actions(cfg, 4));
	must(doca_flow_ct_cfg_set_direction(cfg, false, false, &zone, &nothing));
	must(doca_flow_ct_cfg_set_direction(cfg, true, false, &zone, &nothing));
	must(doca_flow_ct_init(cfg));
	must(doca_flow_ct_cfg_destroy(cfg));
}

/* Template 1 sets all addresses and ports. */
static struct doca_flow_pipe *make_ct(void)
{
	struct doca_flow_actions none = {0}, nat = {.outer = {.l3_type = DOCA_FLOW_L3_TYPE_IP4, .l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_TRANSPORT}};
	struct doca_flow_actions *templates[] = {&none, &nat};
	struct doca_flow_pipe_cfg *cfg = pipe_cfg("CT", DOCA_FLOW_PIPE_CT, false);
	struct doca_flow_fwd across = to_port(1);

	nat.outer.ip4.src_ip = nat.outer.ip4.dst_ip = UINT32_MAX;
	nat.outer.transport.src_port = nat.outer.transport.dst_port = UINT16_MAX;
	must(doca_flow_pipe_cfg_set_actions(cfg, templates, NULL, NULL, 2));
	return pipe_from(cfg, &across, &drop);
}

/* The VLAN's number is the zone. */
static void make_root(struct doca_flow_pipe *ct)
{
	struct doca_flow_match any = {.outer.l2_valid_headers = DOCA_FLOW_L2_VALID_HEADER_VLAN_0};
	struct doca_flow_action_desc copy = {.type = DOCA_FLOW_ACTION_COPY, .field_op = {.src = {"outer.eth_vlan0.tci", 0}, .width = 12,
		.dst = {"meta.data", 8 * offsetof(struct doca_flow_meta, u32[1])}}};
	struct doca_flow_action_descs descs = {1, &copy};
	struct doca_flow_actions none = {0};
	struct doca_flow_fwd next = to_pipe(ct);
	struct doca_flow_pipe_cfg *cfg = basic_cfg("ROOT", true, &any, NULL);

	set_actions(cfg, &none, &descs);
	add(pipe_from(cfg, &next, &drop), &any, NULL, NULL);
}

static struct doca_flow_ct_match tuple4(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct doca_flow_ct_match m = {.ipv4 = {.src_ip = DOCA_HTOBE32(src), .dst_ip = DOCA_HTOBE32(dst), .next_proto = DOCA_FLOW_PROTO_TCP}};

	m.ipv4.l4_port.src_port = DOCA_HTOBE16(sport);
	m.ipv4.l4_port.dst_port = DOCA_HTOBE16(dport);
	m.ipv4.metadata = DOCA_HTOBE32(7);
	return m;
}

static struct doca_flow_ct_match tuple6(uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport)
{
	struct doca_flow_ct_match m = {.ipv6 = {.next_proto = DOCA_FLOW_PROTO_UDP}};

	m.ipv6.src_ip[0] = m.ipv6.dst_ip[0] = DOCA_HTOBE32(0xfd000000);
	m.ipv6.src_ip[3] = DOCA_HTOBE32(src);
	m.ipv6.dst_ip[3] = DOCA_HTOBE32(dst);
	m.ipv6.l4_port.src_port = DOCA_HTOBE16(sport);
	m.ipv6.l4_port.dst_port = DOCA_HTOBE16(dport);
	m.ipv6.metadata = DOCA_HTOBE32(7);
	return m;
}

static struct doca_flow_ct_actions translate(uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport)
{
	struct doca_flow_ct_actions a = {.resource_type = DOCA_FLOW_RESOURCE_TYPE_NON_SHARED, .data.action_idx = 1};

	a.data.ip4.src_ip = DOCA_HTOBE32(src);
	a.data.ip4.dst_ip = DOCA_HTOBE32(dst);
	a.data.l4_port.src_port = DOCA_HTOBE16(sport);
	a.data.l4_port.dst_port = DOCA_HTOBE16(dport);
	return a;
}

static struct doca_flow_pipe_entry *track(struct doca_flow_pipe *ct, uint32_t flags, const struct doca_flow_ct_match *origin,
	const struct doca_flow_ct_match *reply, const struct doca_flow_ct_actions *there, const struct doca_flow_ct_actions *back)
{
	struct doca_flow_pipe_entry *entry;
	bool found;

	must(doca_flow_ct_entry_prepare(QUEUE, ct, DOCA_FLOW_CT_ENTRY_FLAGS_ALLOC_ON_MISS | (flags & IP6), origin, 0, reply, 0, &entry, &found));
	must(doca_flow_ct_add_entry(QUEUE, ct, BOTH | flags, origin, reply, there, back, 0, 0, 0, NULL, entry));
	must(doca_flow_ct_entries_process(port[0], QUEUE, 0, 0, NULL));
	return entry;
}

static void wait_until_aged(struct doca_flow_pipe *ct, struct doca_flow_pipe_entry *entry)
{
	must(doca_flow_ct_update_entry(QUEUE, ct, DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT, entry, NULL, NULL, 0, 0, 1));
	for (; !aged; usleep(50000))
		doca_flow_aging_handle(port[0], QUEUE, 0, 0);
	must(doca_flow_ct_rm_entry(QUEUE, ct, DOCA_FLOW_CT_ENTRY_FLAGS_NO_WAIT, entry));
	must(doca_flow_ct_entries_process(port[0], QUEUE, 0, 0, NULL));
	printf("%u aged\n", aged);
}

int main(void)
{
	struct doca_flow_ct_match origin = tuple4(0x0a000001, 1000, 0x0a000002, 80), reply = tuple4(0xc0a80009, 8080, 0x0a000001, 1000);
	struct doca_flow_ct_match origin6 = tuple6(1, 2, 5, 6), reply6 = tuple6(2, 1, 6, 5);
	struct doca_flow_ct_actions there = translate(0x0a000001, 1000, 0xc0a80009, 8080), back = translate(0x0a000002, 80, 0x0a000001, 1000);
	struct doca_flow_resource_query out, in;
	struct doca_flow_pipe_entry *tcp;
	struct doca_flow_pipe *ct;

	setup.after_init = start_ct;
	setup.on_entry = on_entry;
	begin();
	ct = make_ct();
	make_root(ct);
	tcp = track(ct, 0, &origin, &reply, &there, &back);
	track(ct, IP6, &origin6, &reply6, NULL, NULL);
	wait_for_packets();
	must(doca_flow_ct_query_entry(QUEUE, ct, 0, tcp, &out, &in, NULL));
	printf("TCP: %lu there, %lu back\n", out.counter.total_pkts, in.counter.total_pkts);
	there = translate(0x0a000001, 1000, 0xc0a8000a, 8081);
	must(doca_flow_ct_update_entry(QUEUE, ct, DOCA_FLOW_CT_ENTRY_FLAGS_DIR_ORIGIN, tcp, &there, NULL, 0, 0, 0));
	wait_for_packets();
	wait_until_aged(ct, tcp);
	wait_for_packets();
	doca_flow_pipe_destroy(ct);
	doca_flow_ct_destroy();
	return end();
}
