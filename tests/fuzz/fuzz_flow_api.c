/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DOCA Flow's public calls in an order and with arguments that the input chooses, wrong ones too, over a switch with in-memory
 * ports; packets run through whatever came of it. Only what C forbids is left out: handles that are gone, bool members
 * that are neither 0 nor 1, arrays shorter than their count. Nothing may crash, leak or hang, and no packet may be lost
 * unaccounted.
 */
#include <string.h>

#include <doca_flow.h>

#include "base/clock.h"
#include "doca/flow/flow_door.h"
#include "eswitch/eswitch.h"
#include "packet/fixture.h"
#include "port/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORTS 3
#define PIPES 16
#define ENTRIES 64
#define STEPS_MAX 400

static struct {
	const uint8_t *at;
	size_t left;
} in;

static struct esw *esw;
static struct port *near[PORTS], *far[PORTS];
static struct doca_flow_port *port[PORTS];
static struct doca_flow_pipe *pipe_of[PIPES];
static struct { struct doca_flow_pipe_entry *entry; struct doca_flow_pipe *pipe; bool removed; } entries[ENTRIES];
static struct doca_flow_pipe_cfg *cfg;

/* ---- the input ---- */

static uint8_t byte(void)
{
	if (!in.left)
		return 0;
	in.left--;
	return *in.at++;
}

static uint32_t word(void)
{
	uint32_t v = byte();

	if (v >= 0xf0) /* now and then something huge */
		v = v << 24 | (uint32_t)byte() << 16 | byte();
	return v;
}

static bool coin(void)
{
	return byte() & 1;
}

/* Mostly a small number, sometimes all ones. */
static uint32_t small(uint32_t below)
{
	uint8_t v = byte();

	return v == 0xff ? UINT32_MAX : v % below;
}

/* Bytes of a structure: zero but for a few places, as programs have it. */
static void scatter(void *object, size_t size)
{
	uint8_t *bytes = object;

	memset(bytes, 0, size);
	for (unsigned n = byte() % 12; n; n--) {
		size_t where = (byte() << 8 | byte()) % size, len = 1 + byte() % 16;
		uint8_t value = coin() ? 0xff : byte();

		for (size_t i = 0; i < len && where + i < size; i++)
			bytes[where + i] = value;
	}
}

static const char *field(void)
{
	static const char *const names[] = {"meta.data", "meta.pkt_meta", "meta.mark", "outer.ipv4.src_ip", "outer.ipv4.ttl", "outer.ipv6.flow_label",
		"outer.ipv6.src_ip", "outer.tcp.flags", "outer.udp.dst_port", "outer.eth.dst_mac", "outer.eth_vlan0.tci", "tunnel.vxlan.vni",
		"parser_meta.random.value", "parser_meta.meter_color", "parser_meta.utc.time", "outer.ipv4.version_ihl", "actions.packet.outer.tcp.seq_num",
		"no.such.field", "", "tunnel.psp.dw8"};
	unsigned n = byte() % (ARRAY_SIZE(names) + 1);

	return n < ARRAY_SIZE(names) ? names[n] : NULL;
}

/* ---- structures ---- */

static void choose_unions(struct doca_flow_header_format *h)
{
	h->l3_type = (enum doca_flow_l3_type)small(4);
	h->l4_type_ext = (enum doca_flow_l4_type_ext)small(8);
	h->l2_valid_headers = byte() & 3;
}

static void draw_tun(struct doca_flow_tun *t)
{
	if (t->type == DOCA_FLOW_TUN_GRE)
		t->key_present = coin();
}

static struct doca_flow_match *draw_match(struct doca_flow_match *m)
{
	if (!(byte() % 8))
		return NULL;
	scatter(m, sizeof(*m));
	choose_unions(&m->outer);
	choose_unions(&m->inner);
	m->tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&m->tun);
	return m;
}

static void draw_encap(struct doca_flow_resource_encap_cfg *e)
{
	e->is_l2 = coin();
	choose_unions(&e->encap.outer);
	e->encap.tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&e->encap.tun);
}

static struct doca_flow_actions *draw_actions(struct doca_flow_actions *a)
{
	if (!(byte() % 4))
		return NULL;
	scatter(a, sizeof(*a));
	choose_unions(&a->outer);
	a->tun.type = (enum doca_flow_tun_type)small(10);
	draw_tun(&a->tun);
	a->decap_type = (enum doca_flow_resource_type)(byte() % 8 ? 0 : small(5));
	if (a->decap_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		a->decap_cfg.is_l2 = coin();
	a->encap_type = (enum doca_flow_resource_type)(byte() % 4 ? 0 : small(5));
	if (a->encap_type != DOCA_FLOW_RESOURCE_TYPE_SHARED)
		draw_encap(&a->encap_cfg);
	a->pop_vlan = !(byte() % 8);
	a->has_push = !(byte() % 8);
	a->has_crypto_encap = !(byte() % 32);
	a->crypto.ipsec_sa.sn_en = coin();
	if (byte() % 32)
		a->crypto.action_type = DOCA_FLOW_CRYPTO_ACTION_NONE;
	return a;
}

static struct doca_flow_action_descs *draw_descs(struct doca_flow_action_descs *d, struct doca_flow_action_desc *array, unsigned max)
{
	if (byte() % 4)
		return NULL;
	d->nb_action_desc = byte() % (max + 1);
	d->desc_array = array;
	for (unsigned i = 0; i < max; i++) {
		array[i].type = (enum doca_flow_action_type)small(4);
		array[i].field_op.src = (struct doca_flow_desc_field){field(), word()};
		array[i].field_op.dst = (struct doca_flow_desc_field){field(), word()};
		array[i].field_op.width = word();
	}
	return d;
}

static struct doca_flow_monitor *draw_monitor(struct doca_flow_monitor *m)
{
	if (coin())
		return NULL;
	memset(m, 0, sizeof(*m));
	m->counter_type = (enum doca_flow_resource_type)small(5);
	m->shared_counter.shared_counter_id = small(8);
	m->meter_type = (enum doca_flow_resource_type)(byte() % 4 ? 0 : small(5));
	if (m->meter_type == DOCA_FLOW_RESOURCE_TYPE_SHARED) {
		m->shared_meter.shared_meter_id = small(8);
	} else {
		m->non_shared_meter.limit_type = (enum doca_flow_meter_limit_type)small(3);
		m->non_shared_meter.cir = word();
		m->non_shared_meter.cbs = word();
	}
	m->aging_enabled = coin();
	m->aging_sec = small(100);
	return m;
}

static struct doca_flow_fwd *draw_fwd(struct doca_flow_fwd *f)
{
	static uint16_t queues[FLOW_QSET_QUEUES_MAX];

	if (!(byte() % 6))
		return NULL;
	memset(f, 0, sizeof(*f));
	f->type = (enum doca_flow_fwd_type)small(10);
	f->rss_type = (enum doca_flow_resource_type)small(4);
	switch (f->type) {
	case DOCA_FLOW_FWD_RSS:
		if (f->rss_type == DOCA_FLOW_RESOURCE_TYPE_SHARED) {
			f->shared_rss_id = small(8);
			break;
		}
		f->rss.outer_flags = byte();
		f->rss.inner_flags = byte();
		f->rss.nr_queues = (int)small(300);
		f->rss.queues_array = queues;
		f->rss.rss_hash_func = (enum doca_flow_rss_hash_function)small(3);
		for (unsigned i = 0; i < 4; i++)
			queues[i] = byte();
		break;
	case DOCA_FLOW_FWD_PORT:
		f->port_id = coin() ? byte() % PORTS : word();
		break;
	case DOCA_FLOW_FWD_ORDERED_LIST_PIPE:
		f->ordered_list_pipe.pipe = pipe_of[byte() % PIPES];
		f->ordered_list_pipe.idx = small(4);
		break;
	case DOCA_FLOW_FWD_HASH_PIPE:
		f->hash_pipe.pipe = pipe_of[byte() % PIPES];
		f->hash_pipe.algorithm = small(16);
		break;
	case DOCA_FLOW_FWD_TARGET:
		doca_flow_get_target((enum doca_flow_target_type)small(2), &f->target);
		break;
	default:
		f->next_pipe = pipe_of[byte() % PIPES];
	}
	return f;
}

/* ---- handles ---- */

static void forget_pipe(struct doca_flow_pipe *p)
{
	for (unsigned i = 0; i < PIPES; i++)
		if (pipe_of[i] == p)
			pipe_of[i] = NULL;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (entries[i].pipe == p)
			memset(&entries[i], 0, sizeof(entries[i]));
}

static void forget_pipes_of(const struct doca_flow_port *owner)
{
	for (unsigned i = 0; i < PIPES; i++)
		if (pipe_of[i] && pipe_of[i]->port == owner)
			forget_pipe(pipe_of[i]);
}

static void keep_entry(struct doca_flow_pipe_entry *entry, struct doca_flow_pipe *p)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (!entries[i].entry) {
			entries[i].entry = entry;
			entries[i].pipe = p;
			entries[i].removed = false;
			return;
		}
}

static void on_entry(struct doca_flow_pipe_entry *entry, uint16_t queue, enum doca_flow_entry_status status, enum doca_flow_entry_op op,
	void *ctx)
{
	for (unsigned i = 0; op == DOCA_FLOW_ENTRY_OP_DEL && i < ENTRIES; i++)
		if (entries[i].entry == entry)
			memset(&entries[i], 0, sizeof(entries[i]));
}

static struct doca_flow_pipe_entry *some_entry(struct doca_flow_pipe **p)
{
	unsigned i = byte() % ENTRIES;

	*p = entries[i].removed ? NULL : entries[i].pipe;
	return entries[i].removed ? NULL : entries[i].entry;
}

/* ---- calls ---- */

static void set_lists(void)
{
	static struct doca_flow_actions a, mask;
	static struct doca_flow_monitor monitor;
	struct doca_flow_nat64_action nat64 = {(enum doca_flow_l3_type)small(4)};
	struct doca_flow_action_desc array[2];
	struct doca_flow_action_descs descs = {0};
	struct doca_flow_ordered_list_element e[3] = {0};
	struct doca_flow_ordered_list list = {.idx = small(3), .size = byte() % 4, .elements = e}, *lists[] = {&list};

	for (unsigned i = 0; i < ARRAY_SIZE(e); i++) {
		e[i].type = (enum doca_flow_ordered_list_element_type)small(6);
		e[i].actions = draw_actions(&a);
		e[i].actions_mask = coin() ? draw_actions(&mask) : NULL;
		e[i].action_descs = draw_descs(&descs, array, ARRAY_SIZE(array));
		e[i].monitor = draw_monitor(&monitor);
		e[i].nat64 = coin() ? &nat64 : NULL;
	}
	doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1);
}

static void set_actions(void)
{
	static struct doca_flow_actions a, mask;
	struct doca_flow_action_desc array[4];
	struct doca_flow_action_descs descs = {0}, *descs_array[1];
	struct doca_flow_actions *actions[] = {draw_actions(&a)}, *masks[] = {coin() ? draw_actions(&mask) : NULL};

	descs_array[0] = draw_descs(&descs, array, ARRAY_SIZE(array));
	doca_flow_pipe_cfg_set_actions(cfg, coin() ? actions : NULL, coin() ? masks : NULL, coin() ? descs_array : NULL, byte() % 2);
}

static void configure(void)
{
	static struct doca_flow_match match, mask;
	static struct doca_flow_monitor monitor;

	if (!cfg)
		doca_flow_pipe_cfg_create(&cfg, port[byte() % PORTS]);
	switch (byte() % 12) {
	case 0:
		doca_flow_pipe_cfg_set_match(cfg, draw_match(&match), coin() ? draw_match(&mask) : NULL);
		break;
	case 1:
		set_actions();
		break;
	case 2:
		doca_flow_pipe_cfg_set_monitor(cfg, draw_monitor(&monitor));
		break;
	case 3:
		set_lists();
		break;
	case 4:
		doca_flow_pipe_cfg_set_type(cfg, (enum doca_flow_pipe_type)small(8));
		break;
	case 5:
		doca_flow_pipe_cfg_set_domain(cfg, (enum doca_flow_pipe_domain)small(5));
		break;
	case 6:
		doca_flow_pipe_cfg_set_is_root(cfg, coin());
		break;
	case 7:
		doca_flow_pipe_cfg_set_nr_entries(cfg, small(64));
		break;
	case 8:
		doca_flow_pipe_cfg_set_hash_map_algorithm(cfg, small(32));
		break;
	case 9:
		doca_flow_pipe_cfg_set_name(cfg, field());
		break;
	case 10:
		doca_flow_pipe_cfg_set_is_resizable(cfg, coin());
		doca_flow_pipe_cfg_set_congestion_level_threshold(cfg, byte());
		doca_flow_pipe_cfg_set_miss_counter(cfg, coin());
		doca_flow_pipe_cfg_set_excluded_queue(cfg, small(4));
		break;
	default:
		doca_flow_pipe_cfg_destroy(cfg);
		cfg = NULL;
	}
}

static void create_pipe(void)
{
	struct doca_flow_fwd fwd, miss;
	unsigned slot = byte() % PIPES;
	struct doca_flow_pipe *fresh = NULL;

	if (pipe_of[slot])
		return;
	if (doca_flow_pipe_create(cfg, draw_fwd(&fwd), draw_fwd(&miss), &fresh) == DOCA_SUCCESS)
		pipe_of[slot] = fresh;
	if (coin()) {
		doca_flow_pipe_cfg_destroy(cfg);
		cfg = NULL;
	}
}

static doca_error_t add_to(struct doca_flow_pipe *p, enum doca_flow_pipe_type type, struct doca_flow_pipe_entry **e)
{
	static struct doca_flow_match match, mask;
	static struct doca_flow_actions a, a_mask;
	static struct doca_flow_monitor m;
	struct doca_flow_fwd f;
	struct doca_flow_match_condition c = {.operation = (enum doca_flow_compare_op)small(8)};
	struct doca_flow_action_desc array[2];
	struct doca_flow_action_descs descs;
	uint16_t queue = small(3);
	uint8_t action = small(2);

	switch (type) {
	case DOCA_FLOW_PIPE_CONTROL:
		c.field_op.a = (struct doca_flow_desc_field){field(), word()};
		c.field_op.b = (struct doca_flow_desc_field){field(), word()};
		c.field_op.width = word();
		return doca_flow_pipe_control_add_entry(queue, p, draw_match(&match), coin() ? draw_match(&mask) : NULL, coin() ? NULL : &c,
			draw_actions(&a), coin() ? draw_actions(&a_mask) : NULL, draw_descs(&descs, array, 2), draw_monitor(&m), small(9),
			draw_fwd(&f), NULL, e);
	case DOCA_FLOW_PIPE_LPM:
		return doca_flow_pipe_lpm_add_entry(queue, p, draw_match(&match), draw_match(&mask), action, draw_actions(&a), draw_monitor(&m),
			draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_ACL:
		return doca_flow_pipe_acl_add_entry(queue, p, draw_match(&match), draw_match(&mask), action, draw_actions(&a), word(),
			draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_HASH:
		return doca_flow_pipe_hash_add_entry(queue, p, small(70), action, draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), NULL, e);
	case DOCA_FLOW_PIPE_ORDERED_LIST: {
		struct doca_flow_ordered_list_element el[1] = {{.type = (enum doca_flow_ordered_list_element_type)small(6)}};
		struct doca_flow_ordered_list list = {.idx = small(3), .size = 1, .elements = el};

		el[0].actions = draw_actions(&a);
		el[0].monitor = draw_monitor(&m);
		return doca_flow_pipe_ordered_list_add_entry(queue, p, small(4), coin() ? &list : NULL, draw_fwd(&f), byte(), NULL, e);
	}
	default:
		return doca_flow_pipe_basic_add_entry(queue, p, draw_match(&match), action, draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(),
			NULL, e);
	}
}

static void add_entry(void)
{
	struct doca_flow_pipe *p = pipe_of[byte() % PIPES];
	struct doca_flow_pipe_entry *e = NULL;
	enum doca_flow_pipe_type type = p && byte() % 8 ? p->type : (enum doca_flow_pipe_type)small(8);

	if (add_to(p, type, &e) == DOCA_SUCCESS && e)
		keep_entry(e, p);
}

static void change_entry(void)
{
	static struct doca_flow_actions a;
	static struct doca_flow_monitor m;
	struct doca_flow_resource_query query;
	struct doca_flow_fwd f;
	struct doca_flow_pipe *p;
	struct doca_flow_pipe_entry *e = some_entry(&p);

	switch (byte() % 6) {
	case 0:
		doca_flow_pipe_lpm_update_entry(small(3), p, small(2), draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), e);
		break;
	case 1:
		doca_flow_pipe_acl_update_entry(small(3), p, small(2), draw_actions(&a), draw_fwd(&f), byte(), e);
		break;
	case 2:
		doca_flow_pipe_basic_update_entry(small(3), p, small(2), draw_actions(&a), draw_monitor(&m), draw_fwd(&f), byte(), e);
		break;
	case 3:
		doca_flow_resource_query_entry(e, coin() ? &query : NULL);
		doca_flow_pipe_entry_get_status(e);
		break;
	default:
		if (doca_flow_pipe_remove_entry(small(3), byte(), e) == DOCA_SUCCESS)
			for (unsigned i = 0; i < ENTRIES; i++)
				if (entries[i].entry == e)
					entries[i].removed = true;
	}
}

static void use_pipe(void)
{
	static struct doca_flow_match match;
	struct doca_flow_resource_query query;
	struct doca_flow_pipe *p = pipe_of[byte() % PIPES];
	struct doca_flow_fwd miss;
	uint32_t hash;

	switch (byte() % 6) {
	case 0:
		doca_flow_pipe_update_miss(p, draw_fwd(&miss));
		break;
	case 1:
		doca_flow_pipe_resize(p, byte(), NULL, NULL);
		break;
	case 2:
		doca_flow_pipe_calc_hash(p, draw_match(&match), &hash);
		break;
	case 3:
		doca_flow_resource_query_pipe_miss(p, &query);
		break;
	default:
		if (p)
			forget_pipe(p);
		doca_flow_pipe_destroy(p);
	}
}

static void use_shared(void)
{
	static struct doca_flow_shared_resource_cfg shared;
	static uint16_t queues[4] = {0, 1, 2, 3};
	struct doca_flow_resource_query query[4];
	enum doca_flow_shared_resource_type type = (enum doca_flow_shared_resource_type)small(9);
	uint32_t ids[4] = {small(8), small(8), small(8), small(8)}, id;
	struct doca_flow_port *p = port[byte() % PORTS];

	memset(&shared, 0, sizeof(shared));
	if (type == DOCA_FLOW_SHARED_RESOURCE_RSS) {
		shared.rss_cfg.queues_array = queues;
		shared.rss_cfg.nr_queues = (int)small(5);
		shared.rss_cfg.outer_flags = byte();
	} else if (type == DOCA_FLOW_SHARED_RESOURCE_METER) {
		shared.meter_cfg.alg = (enum doca_flow_meter_algorithm_type)small(4);
		shared.meter_cfg.cir = word();
		shared.meter_cfg.cbs = word();
	} else if (type == DOCA_FLOW_SHARED_RESOURCE_ENCAP) {
		scatter(&shared.encap_cfg, sizeof(shared.encap_cfg));
		draw_encap(&shared.encap_cfg);
	}
	switch (byte() % 4) {
	case 0:
		doca_flow_port_shared_resource_get(p, type, &id);
		break;
	case 1:
		doca_flow_port_shared_resource_put(p, type, ids[0]);
		break;
	case 2:
		doca_flow_port_shared_resources_query(p, type, ids, query, byte() % 5);
		break;
	default:
		doca_flow_port_shared_resource_set_cfg(p, type, ids[0], byte() % 8 ? &shared : NULL);
	}
}

static void send_packet(void)
{
	static const char *const specs[] = {"eth ip4:1.2.3.4>8.8.8.8 tcp:1234>80 data:20", "eth ip4:1.2.3.4>8.8.8.8 udp:1>4789 vxlan:5 eth ip4:1.1.1.1>2.2.2.2 udp:3>4",
		"eth ip6:fd00::1>fd00::2 tcp:1>2,fl=S", "eth vlan:3 ip4:0.0.0.0>255.255.255.255 icmp:8,0", "eth arp",
		"eth ip4:1.2.3.4>8.8.8.8 gre:key=3 ip4:1.1.1.1>2.2.2.2 tcp:1>2", "eth ip4:1.2.3.4>8.8.8.8 esp:9 data:30"};
	struct rte_mbuf *m = test_packet(test_pool(), "%s", specs[byte() % ARRAY_SIZE(specs)]), *got[64];

	esw_burst(esw, 0, byte() % PORTS, &m, 1, clock_now_ns());
	esw_flush(esw, 0);
	for (unsigned i = 0; i < PORTS; i++)
		rte_pktmbuf_free_bulk(got, port_rx(far[i], 0, got, ARRAY_SIZE(got)));
}

static void start_port(unsigned i)
{
	struct doca_flow_port_cfg *c;

	doca_flow_port_cfg_create(&c);
	doca_flow_port_cfg_set_port_id(c, i);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_COUNTER, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_METER, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_RSS, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_ENCAP, 4);
	doca_flow_port_start(c, &port[i]);
	doca_flow_port_cfg_destroy(c);
}

static void use_port(void)
{
	unsigned i = byte() % PORTS;

	switch (byte() % 8) {
	case 0:
		if (!port[i]) {
			start_port(i);
			break;
		}
		forget_pipes_of(port[i]);
		doca_flow_pipe_cfg_destroy(cfg); /* it may name the port */
		cfg = NULL;
		doca_flow_port_stop(port[i]);
		port[i] = NULL;
		break;
	case 1:
		if (port[i])
			forget_pipes_of(port[i]);
		doca_flow_port_pipes_flush(port[i]);
		break;
	case 2:
		doca_flow_port_pair(port[i], port[byte() % PORTS]);
		break;
	case 3:
		doca_flow_port_update_default_miss(port[i], small(3), coin());
		break;
	case 4:
		doca_flow_port_operation_state_modify(port[i], (enum doca_flow_port_operation_state)small(5));
		break;
	default:
		doca_flow_aging_handle(port[i], small(3), 1, byte());
	}
}

static void step(void)
{
	switch (byte() % 10) {
	case 0:
	case 1:
	case 2:
		configure();
		break;
	case 3:
		create_pipe();
		break;
	case 4:
		add_entry();
		break;
	case 5:
		change_entry();
		break;
	case 6:
		coin() ? use_pipe() : use_shared();
		break;
	case 7:
		doca_flow_entries_process(port[byte() % PORTS], small(3), 0, byte() % 4);
		break;
	case 8:
		send_packet();
		break;
	default:
		use_port();
	}
}

/* ---- one input ---- */

static uint16_t same(uint16_t id)
{
	return id;
}

static unsigned on_queue(void *arg, unsigned worker, uint32_t index, uint16_t from, struct rte_mbuf **m, unsigned n)
{
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static void open_switch(void)
{
	struct esw_cfg c = {.name = "fuzz", .nr_workers = 1, .pool = test_pool(), .cache_entries = 1024};

	if (esw_create(&c, &esw))
		abort();
	esw_set_queue(esw, on_queue, NULL);
	for (unsigned i = 0; i < PORTS; i++) {
		struct port_cfg a = {.id = i, .name = "near", .pool = test_pool(), .mtu = 1500};
		struct port_cfg b = {.id = 100 + i, .name = "far", .pool = test_pool(), .mtu = 1500};

		if (port_pair_open(&a, &b, 0, &near[i], &far[i]) || esw_port_add(esw, near[i]))
			abort();
	}
	flow_door_use(esw_flow(esw), same, NULL);
}

static void close_switch(void)
{
	flow_door_use(NULL, NULL, NULL);
	if (esw_stats_check(esw))
		abort();
	for (unsigned i = 0; i < PORTS; i++) {
		esw_port_remove(esw, i);
		port_close(near[i]);
		port_close(far[i]);
	}
	esw_destroy(esw);
	esw = NULL;
	if (test_pool_in_use())
		abort();
}

static bool init(void)
{
	static const char *const modes[] = {"vnf,hws", "switch,hws", "vnf,hws,isolated", "switch,hws,expert", "vnf,nonsense"};
	struct doca_flow_cfg *c;
	doca_error_t err;

	doca_flow_cfg_create(&c);
	doca_flow_cfg_set_mode_args(c, modes[byte() % ARRAY_SIZE(modes)]);
	doca_flow_cfg_set_pipe_queues(c, 1 + byte() % 2);
	doca_flow_cfg_set_queue_depth(c, 1 + byte() % 32);
	doca_flow_cfg_set_cb_entry_process(c, on_entry);
	doca_flow_cfg_set_nr_shared_resource(c, small(8), (enum doca_flow_shared_resource_type)small(9));
	err = doca_flow_init(c);
	doca_flow_cfg_destroy(c);
	return err == DOCA_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool quiet;

	if (!quiet) {
		test_eal_init();
		log_set_level(LOG_CRIT);
		quiet = true;
	}
	in.at = data;
	in.left = size;
	open_switch();
	if (init()) {
		for (unsigned i = 0; i < PORTS; i++)
			start_port(i);
		for (unsigned i = 0; in.left && i < STEPS_MAX; i++)
			step();
		doca_flow_pipe_cfg_destroy(cfg);
		cfg = NULL;
		doca_flow_destroy();
	}
	memset(port, 0, sizeof(port));
	memset(pipe_of, 0, sizeof(pipe_of));
	memset(entries, 0, sizeof(entries));
	close_switch();
	return 0;
}
