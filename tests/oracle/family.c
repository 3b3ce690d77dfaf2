/* SPDX-License-Identifier: BSD-3-Clause */
/* family: an ordered list translates IPv4 into IPv6 (NAT64). */
#include "begin.h"

int main(void)
{
	struct doca_flow_nat64_action nat64 = {.original_l3_type = DOCA_FLOW_L3_TYPE_IP4};
	struct doca_flow_ordered_list_element translate = {.type = DOCA_FLOW_ORDERED_LIST_ELEMENT_NAT64, .nat64 = &nat64};
	struct doca_flow_ordered_list list = {.idx = 0, .size = 1, .elements = &translate}, *lists[] = {&list};
	struct doca_flow_match ip4 = {.parser_meta.outer_l3_type = DOCA_FLOW_L3_META_IPV4};
	struct doca_flow_fwd across, to_list = {.type = DOCA_FLOW_FWD_ORDERED_LIST_PIPE};
	struct doca_flow_pipe_cfg *cfg;
	struct doca_flow_pipe *pipe;

	begin();
	across = to_port(1);
	cfg = pipe_cfg("LIST", DOCA_FLOW_PIPE_ORDERED_LIST, false);
	must(doca_flow_pipe_cfg_set_nr_entries(cfg, 4));
	must(doca_flow_pipe_cfg_set_ordered_lists(cfg, lists, 1));
	pipe = pipe_from(cfg, &across, NULL);
	must(doca_flow_pipe_ordered_list_add_entry(0, pipe, 2, &list, NULL, 0, NULL, NULL));
	to_list.ordered_list_pipe.pipe = pipe;
	to_list.ordered_list_pipe.idx = 2;
	cfg = pipe_cfg("ROOT", DOCA_FLOW_PIPE_BASIC, true);
	must(doca_flow_pipe_cfg_set_match(cfg, &ip4, NULL));
	must(doca_flow_pipe_basic_add_entry(0, pipe_from(cfg, &to_list, &drop), &ip4, 0, NULL, NULL, NULL, 0, NULL, NULL));
	wait_for_packets();
	return end();
}
