/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doca_flow_net of the module `doca`: IPv6 addresses are 16 bytes (F:3725), where DOCA has four big-endian words. The place in
 * memory is the same. -DDOCA_COMPAT_IP6_WORDS gives the words back, for programs of DOCA 2.x that write dst_ip[0] = htobe32(...).
 */
#ifndef DOCA_COMPAT_FLOW_NET_H_
#define DOCA_COMPAT_FLOW_NET_H_

#ifdef DOCA_COMPAT_IP6_WORDS
#include_next <doca_flow_net.h>
#else
#define doca_flow_header_ip6 doca_flow_header_ip6_today
#include_next <doca_flow_net.h>
#undef doca_flow_header_ip6

struct doca_flow_header_ip6 {
	uint8_t src_ip[16];
	uint8_t dst_ip[16];
	uint8_t traffic_class;
	doca_be32_t flow_label; /* low 20 bits */
	doca_be16_t payload_len;
	uint8_t next_proto;
	uint8_t hop_limit;
};
#endif

#endif
