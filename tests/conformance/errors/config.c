/* SPDX-License-Identifier: BSD-3-Clause */
/* config: the configuration objects, the library, ports, definitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "said.h"

void library_cfg(void **state)
{
	struct doca_flow_cfg *cfg;
	char longer[200];
	uint8_t key[8] = {0};
	uint16_t queues[1] = {0};
	struct doca_flow_resource_rss_cfg rss = {.nr_queues = 1000, .queues_array = queues};

	memset(longer, 'v', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	said(doca_flow_cfg_create(NULL));
	OK(doca_flow_cfg_create(&cfg));
	said(doca_flow_cfg_set_pipe_queues(cfg, 0));
	said(doca_flow_cfg_set_queue_depth(cfg, 0));
	said(doca_flow_cfg_set_mode_args(cfg, longer));
	said(doca_flow_cfg_set_nr_shared_resource(cfg, 1, DOCA_FLOW_SHARED_RESOURCE_MAX));
	said(doca_flow_cfg_set_rss_key(cfg, key, sizeof(key)));
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	rss = (struct doca_flow_resource_rss_cfg){.nr_queues = 1};
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	rss.queues_array = queues;
	rss.rss_hash_func = (enum doca_flow_rss_hash_function)7;
	said(doca_flow_cfg_set_default_rss(cfg, &rss));
	OK(doca_flow_cfg_set_mode_args(cfg, "vnf,fast"));
	said(doca_flow_init(cfg));
	OK(doca_flow_cfg_set_mode_args(cfg, "hws"));
	said(doca_flow_init(cfg));
	OK(doca_flow_cfg_destroy(cfg));
}

void port_cfg(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;

	OK(doca_flow_port_cfg_create(&cfg));
	said(doca_flow_port_cfg_set_port_id(cfg, 999));
	said(doca_flow_port_cfg_set_nr_resources(cfg, DOCA_FLOW_RESOURCE_MAX, 1));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
}

void ports(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;
	struct doca_flow_cfg *again;

	rig_open("vnf,hws", 2);
	OK(doca_flow_cfg_create(&again));
	said(doca_flow_init(again));
	OK(doca_flow_cfg_destroy(again));
	OK(doca_flow_port_cfg_create(&cfg));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_set_port_id(cfg, 0));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_set_port_id(cfg, 5));
	OK(doca_flow_port_cfg_set_dev_rep(cfg, (struct doca_dev_rep *)(uintptr_t)64));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
	said(doca_flow_port_update_default_miss(rig_port[0], 0x80, true));
	said(doca_flow_port_crypto_ipsec_update_sn(rig_port[0], 0, 0));
	said(doca_flow_entries_process(rig_port[0], 77, 0, 0));
	rig_close();
}

void no_switch(void **state)
{
	struct doca_flow_port_cfg *cfg;
	struct doca_flow_port *port;
	struct doca_flow_cfg *lib;

	OK(doca_flow_cfg_create(&lib));
	OK(doca_flow_init(lib));
	OK(doca_flow_cfg_destroy(lib));
	OK(doca_flow_port_cfg_create(&cfg));
	OK(doca_flow_port_cfg_set_port_id(cfg, 0));
	said(doca_flow_port_start(cfg, &port));
	OK(doca_flow_port_cfg_destroy(cfg));
	doca_flow_destroy();
}

void definitions(void **state)
{
	struct doca_flow_definitions_cfg *cfg;
	struct doca_flow_definitions *defs;
	doca_error_t err = DOCA_SUCCESS;

	OK(doca_flow_definitions_cfg_create(&cfg));
	OK(doca_flow_definitions_create(cfg, &defs));
	OK(doca_flow_definitions_cfg_destroy(cfg));
	said(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.src_jp", 0, 4));
	said(doca_flow_definitions_add_field(defs, "match.packet.outer.ipv4.src_ip", 0, 8));
	rig_open_with("vnf,hws", 1, defs);
	said(doca_flow_definitions_destroy(defs));
	rig_close();
	for (unsigned i = 0; err == DOCA_SUCCESS && i < 300; i++)
		err = doca_flow_definitions_add_field(defs, "actions.packet.meta.mark", 0, 4);
	said(err);
	OK(doca_flow_definitions_destroy(defs));
}
