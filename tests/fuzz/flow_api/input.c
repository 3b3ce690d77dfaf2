/* SPDX-License-Identifier: BSD-3-Clause */
/* input: the bytes of one run as numbers, objects and names; when they are used up, zeros. */
#include <string.h>

#include "flow_api.h"

static struct {
	const uint8_t *at;
	size_t left;
} in;

void input_is(const uint8_t *data, size_t size)
{
	in.at = data;
	in.left = size;
}

bool input_left(void)
{
	return in.left > 0;
}

uint8_t byte(void)
{
	if (!in.left)
		return 0;
	in.left--;
	return *in.at++;
}

uint32_t word(void)
{
	uint32_t v = byte();

	if (v >= 0xf0) /* now and then something huge */
		v = v << 24 | (uint32_t)byte() << 16 | byte();
	return v;
}

bool coin(void)
{
	return byte() & 1;
}

uint32_t small(uint32_t below)
{
	uint8_t v = byte();

	return v == 0xff ? UINT32_MAX : v % below;
}

void scatter(void *object, size_t size)
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

const char *field(void)
{
	static const char *const names[] = {"meta.data", "meta.pkt_meta", "meta.mark", "outer.ipv4.src_ip", "outer.ipv4.ttl", "outer.ipv6.flow_label",
		"outer.ipv6.src_ip", "outer.tcp.flags", "outer.udp.dst_port", "outer.eth.dst_mac", "outer.eth_vlan0.tci", "tunnel.vxlan.vni",
		"parser_meta.random.value", "parser_meta.meter_color", "parser_meta.utc.time", "outer.ipv4.version_ihl", "actions.packet.outer.tcp.seq_num",
		"no.such.field", "", "tunnel.psp.dw8", "match.packet.custom.0.data",
		"actions.packet.custom.0.data", "match.packet.custom.0.valid"};
	unsigned n = byte() % (ARRAY_SIZE(names) + 1);

	return n < ARRAY_SIZE(names) ? names[n] : NULL;
}
