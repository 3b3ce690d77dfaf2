/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * meter: one shared meter of each algorithm, in bytes and in packets, colour blind and aware; the colour chooses the way: green
 * across, yellow back, red dropped. Packets have 100 bytes. Rates are one unit a second, so bursts alone decide while a test runs;
 * figures leave room for a minute.
 */
#include "begin.h"

#define BURST 350 /* bytes: three packets, and not enough for a fourth within 50 s */

static const struct doca_flow_resource_meter_cfg meters[] = {
	/* RFC 2697: three green, three yellow of the excess burst, then red */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2697, .cir = 1, .cbs = BURST - 100, .rfc2697.ebs = BURST - 100},
	/* RFC 2698: red beyond the peak burst, yellow beyond the committed one */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2698, .cir = 1, .cbs = 150, .rfc2698 = {.pir = 1, .pbs = BURST}},
	/* RFC 4115: a yellow burst of its own */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115, .cir = 1, .cbs = 150, .rfc4115 = {.eir = 1, .ebs = BURST}},
	/* packets: what would be red in bytes is green */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2697, .limit_type = DOCA_FLOW_METER_LIMIT_TYPE_PACKETS, .cir = 1, .cbs = BURST, .rfc2697.ebs = 0},
	/* aware of what 4115 above said: green tokens do not make a yellow packet green again */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2697, .color_mode = DOCA_FLOW_METER_COLOR_MODE_AWARE, .cir = 1, .cbs = 10000, .rfc2697.ebs = 10000},
	/* blind: it does */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC2697, .color_mode = DOCA_FLOW_METER_COLOR_MODE_BLIND, .cir = 1, .cbs = 10000, .rfc2697.ebs = 10000},
	/* the same as the third, one for each of the two above */
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115, .cir = 1, .cbs = 150, .rfc4115 = {.eir = 1, .ebs = BURST}},
	{.alg = DOCA_FLOW_METER_ALGORITHM_TYPE_RFC4115, .cir = 1, .cbs = 150, .rfc4115 = {.eir = 1, .ebs = BURST}},
};

static struct doca_flow_pipe *make_colors(void)
{
	struct doca_flow_match color = {.parser_meta.meter_color = 0xff};
	struct doca_flow_match mask = color;
	struct doca_flow_fwd across = to_port(1), back = to_port(0), by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE};
	struct doca_flow_pipe *pipe = pipe_from(basic_cfg("COLORS", false, &color, &mask), &by_entry, &drop);

	color.parser_meta.meter_color = DOCA_FLOW_METER_COLOR_GREEN;
	add(pipe, &color, NULL, &across);
	color.parser_meta.meter_color = DOCA_FLOW_METER_COLOR_YELLOW;
	add(pipe, &color, NULL, &back);
	return pipe;
}

static struct doca_flow_pipe *make_metered(const char *name, bool root, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_match open = {.outer.l4_type_ext = DOCA_FLOW_L4_TYPE_EXT_UDP};
	struct doca_flow_monitor by_entry = {.meter_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_meter.shared_meter_id = UINT32_MAX};
	struct doca_flow_pipe_cfg *cfg;

	open.outer.udp.l4_port.dst_port = UINT16_MAX;
	cfg = basic_cfg(name, root, &open, NULL);
	must(doca_flow_pipe_cfg_set_monitor(cfg, &by_entry));
	return pipe_from(cfg, fwd, &drop);
}

static void entry(struct doca_flow_pipe *pipe, uint16_t dst_port, uint32_t meter, const struct doca_flow_fwd *fwd)
{
	struct doca_flow_monitor monitor = {.meter_type = DOCA_FLOW_RESOURCE_TYPE_SHARED, .shared_meter.shared_meter_id = meter};
	struct doca_flow_match match = {0};

	match.outer.udp.l4_port.dst_port = DOCA_HTOBE16(dst_port);
	must(doca_flow_pipe_basic_add_entry(0, pipe, &match, 0, NULL, &monitor, fwd, 0, NULL, NULL));
}

int main(void)
{
	struct doca_flow_fwd by_color, again, by_entry = {.type = DOCA_FLOW_FWD_CHANGEABLE};
	struct doca_flow_pipe *first, *second;

	setup.shared[DOCA_FLOW_SHARED_RESOURCE_METER] = RTE_DIM(meters);
	begin();
	for (uint32_t i = 0; i < RTE_DIM(meters); i++) {
		struct doca_flow_shared_resource_cfg cfg = {.meter_cfg = meters[i]};

		must(doca_flow_port_shared_resource_set_cfg(port[0], DOCA_FLOW_SHARED_RESOURCE_METER, i, &cfg));
	}
	by_color = to_pipe(make_colors());
	second = make_metered("SECOND", false, &by_color);
	again = to_pipe(second);
	first = make_metered("FIRST", true, &by_entry);
	for (uint16_t i = 0; i < 4; i++)
		entry(first, 1 + i, i, &by_color);
	entry(second, 5, 4, NULL);
	entry(second, 6, 5, NULL);
	entry(first, 5, 6, &again);
	entry(first, 6, 7, &again);
	wait_for_packets();
	return end();
}
