/* SPDX-License-Identifier: BSD-3-Clause */
/* world: a switch with in-memory ports, the packets that go through it, and what programs do with ports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "doca/flow/flow_door.h"
#include "eswitch/eswitch.h"
#include "flow_api.h"
#include "packet/fixture.h"
#include "port/port.h"

struct doca_flow_port *port[PORTS];

static struct esw *esw;
static struct port *near[PORTS], *far[PORTS];
static FILE *nowhere;

/* ---- the switch ---- */

static uint16_t same(uint16_t id)
{
	return id;
}

static unsigned on_queue(void *arg, unsigned worker, uint32_t index, uint16_t from, struct rte_mbuf **m, unsigned n)
{
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

void world_open(void)
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
	if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
		abort();
}

void world_close(void)
{
	memset(port, 0, sizeof(port));
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

/* ---- packets ---- */

void world_send(void)
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

/* ---- ports ---- */

static void start_port(unsigned i)
{
	struct doca_flow_resource_rss_cfg rss = {0};
	struct doca_flow_port_cfg *c;

	doca_flow_port_cfg_create(&c);
	doca_flow_port_cfg_set_port_id(c, i);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_COUNTER, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_METER, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_RSS, 4);
	doca_flow_port_cfg_set_nr_resources(c, DOCA_FLOW_RESOURCE_ENCAP, 4);
	doca_flow_port_cfg_set_priv_data_size(c, small(64));
	doca_flow_port_cfg_set_operation_state(c, (enum doca_flow_port_operation_state)(byte() % 8 ? 0 : small(5)));
	if (!(byte() % 8)) {
		draw_rss(&rss);
		doca_flow_port_cfg_set_rss_cfg(c, &rss);
	}
	if (doca_flow_port_start(c, &port[i]) != DOCA_SUCCESS)
		port[i] = NULL;
	doca_flow_port_cfg_destroy(c);
}

void world_start_ports(void)
{
	for (unsigned i = 0; i < PORTS; i++)
		start_port(i);
}

void world_use_port(void)
{
	unsigned i = byte() % PORTS;

	switch (byte() % 12) {
	case 0:
		if (!port[i]) {
			start_port(i);
			break;
		}
		pipes_forget_of(port[i]);
		pipes_forget_cfg(); /* it may name the port */
		doca_flow_port_stop(port[i]);
		port[i] = NULL;
		break;
	case 1:
		if (port[i])
			pipes_forget_of(port[i]);
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
	case 5:
		doca_flow_port_pipes_dump(port[i], nowhere);
		break;
	case 6:
		doca_flow_port_switch_get(port[i]);
		doca_flow_port_priv_data(port[i]);
		doca_flow_port_get_port_id(port[i]);
		break;
	default:
		doca_flow_aging_handle(port[i], small(3), 1, byte());
	}
}
