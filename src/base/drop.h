/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drop: every packet that is not delivered has one of these reasons. The list is the only place
 * where a reason is born; name, sentence, metric label and counter index all come from it.
 * Add at the end of a group; the order is not an interface, the name is.
 */
#ifndef BASE_DROP_H
#define BASE_DROP_H

#include <stdint.h>

/* clang-format off */
#define DROP_REASONS(R)                                                                                       \
	R(NONE,                 "none",                  "not dropped")                                           \
	/* parse */                                                                                               \
	R(L2_SHORT,             "l2-short",              "the frame ends inside its Ethernet or VLAN header")     \
	R(IP4_SHORT,            "ip4-short",             "the packet ends inside its IPv4 header")                \
	R(IP4_BAD_VERSION,      "ip4-bad-version",       "the version field of an IPv4 packet is not 4")          \
	R(IP4_BAD_IHL,          "ip4-bad-ihl",           "the IPv4 header length is below 20 or beyond the packet") \
	R(IP4_BAD_LENGTH,       "ip4-bad-length",        "the IPv4 total length is below the header or beyond the frame") \
	R(IP4_BAD_CHECKSUM,     "ip4-bad-checksum",      "the IPv4 header checksum is wrong")                     \
	R(IP6_SHORT,            "ip6-short",             "the packet ends inside its IPv6 header")                \
	R(IP6_BAD_VERSION,      "ip6-bad-version",       "the version field of an IPv6 packet is not 6")          \
	R(IP6_BAD_LENGTH,       "ip6-bad-length",        "the IPv6 payload length is beyond the frame")           \
	R(IP6_EXT_SHORT,        "ip6-ext-short",         "an IPv6 extension header is cut off")                   \
	R(IP6_EXT_TOO_MANY,     "ip6-ext-too-many",      "more IPv6 extension headers than the limit")            \
	R(IP6_EXT_ORDER,        "ip6-ext-order",         "a hop-by-hop header that is not the first extension header") \
	R(L4_SHORT,             "l4-short",              "the packet ends inside its transport header")           \
	R(L4_BAD_LENGTH,        "l4-bad-length",         "the transport header's own length lies about the packet") \
	R(L4_BAD_CHECKSUM,      "l4-bad-checksum",       "the transport checksum is wrong")                       \
	R(TUNNEL_SHORT,         "tunnel-short",          "the packet ends inside its tunnel header")              \
	R(TUNNEL_BAD_FLAGS,     "tunnel-bad-flags",      "the tunnel header lacks a flag it must carry, or has a version nobody defined") \
	R(ARP_SHORT,            "arp-short",             "the frame ends inside its ARP packet")                  \
	R(HEADER_SPLIT,         "header-split",          "headers lie in several segments and cannot be joined")  \
	R(TUNNEL_ECN,           "tunnel-ecn",            "congestion was marked on the tunnel packet, the inner cannot carry it (RFC 6040)") \
	R(ND_BAD,               "nd-bad",                "a neighbour discovery message that RFC 4861 forbids")   \
	R(FRAGMENT_BAD,         "fragment-bad",          "an IP fragment overlaps, overflows or has an impossible offset") \
	/* flow table and pipes */                                                                                \
	R(NO_ROOT_PIPE,         "no-root-pipe",          "no root pipe and no default forward for this port and domain") \
	R(PIPE_MISS,            "pipe-miss",             "no entry of the pipe matched and its miss forward is drop") \
	R(PIPE_DROP,            "pipe-drop",             "an entry's forward is drop")                            \
	R(PIPE_LOOP,            "pipe-loop",             "the packet walked more pipes than the limit")           \
	R(PIPE_GONE,            "pipe-gone",             "the pipe or port a rule forwards to was removed")       \
	R(TTL_EXPIRED,          "ttl-expired",           "the IPv4 TTL or IPv6 hop limit reached zero")           \
	R(METER_RED,            "meter-red",             "the meter coloured the packet red")                     \
	R(EDIT_NO_ROOM,         "edit-no-room",          "no headroom for the header to be pushed")               \
	R(EDIT_NO_HEADER,       "edit-no-header",        "an action edits a header the packet does not have")     \
	R(CT_INVALID,           "ct-invalid",            "the packet does not fit its connection's state")        \
	R(CT_FULL,              "ct-full",               "the connection table is at its limit")                  \
	R(FLOW_FULL,            "flow-full",             "the flow table is at its limit")                        \
	R(NO_BUFFER,            "no-buffer",             "the packet buffer pool is empty")                       \
	R(CRYPTO_AUTH,          "crypto-auth",           "the packet failed authentication or replay protection") \
	R(CRYPTO_NO_SA,         "crypto-no-sa",          "no security association for the packet")                \
	/* ports */                                                                                               \
	R(PORT_DOWN,            "port-down",             "the egress port is down or detached")                   \
	R(PORT_TX_FULL,         "port-tx-full",          "the egress port's queue was full")                      \
	R(PORT_TX_ERROR,        "port-tx-error",         "the egress port refused the packet")                    \
	R(PORT_RX_ERROR,        "port-rx-error",         "the ingress port delivered a broken frame")             \
	R(PORT_SAME,            "port-same",             "the packet would leave by the port it came in by")      \
	R(MTU_EXCEEDED,         "mtu-exceeded",          "the packet is larger than the egress MTU and may not be fragmented or segmented") \
	R(QUEUE_FULL,           "queue-full",            "the receive queue of the application was full")         \
	R(MAC_SPOOFED,          "mac-spoofed",           "the source MAC is not the one of the virtual function") \
	R(IP_SPOOFED,           "ip-spoofed",            "the source address does not belong to the pod behind the virtual function") \
	/* node decisions */                                                                                      \
	R(POLICY_EGRESS,        "policy-egress",         "a NetworkPolicy of the source pod denies it")           \
	R(POLICY_INGRESS,       "policy-ingress",        "a NetworkPolicy of the destination pod denies it")      \
	R(NO_ROUTE,             "no-route",              "no route to the destination address")                   \
	R(NO_ENDPOINTS,         "no-endpoints",          "the service has no ready endpoints (answered with ICMP or RST)") \
	R(NO_SERVICE_PORT,      "no-service-port",       "the service address has no such port (answered with ICMP or RST)") \
	R(NO_NEIGHBOUR,         "no-neighbour",          "the next hop did not answer ARP or neighbour discovery") \
	R(NEIGHBOUR_QUEUE_FULL, "neighbour-queue-full",  "too many packets wait for the next hop's MAC address")  \
	R(UNKNOWN_VNI,          "unknown-vni",           "the VXLAN network identifier is not ours")              \
	R(UNKNOWN_VTEP,         "unknown-vtep",          "the tunnel packet is not from a known node")            \
	R(NOT_FOR_US,           "not-for-us",            "the destination MAC or address is not ours and nothing forwards it") \
	R(NO_POD,               "no-pod",                "no pod is bound to the virtual function yet")           \
	R(MULTICAST,            "multicast",             "multicast or broadcast that nobody on the node listens to") \
	R(UNSUPPORTED_L3,       "unsupported-l3",        "neither IPv4, IPv6 nor ARP")                            \
	R(UPCALL_FULL,          "upcall-full",           "too many packets wait for a flow-miss decision")
/* clang-format on */

enum drop_reason {
#define DROP_ENUM(id, name, sentence) DROP_##id,
	DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
		DROP_REASON_COUNT,
};

/* "policy-ingress"; "unknown" when out of range. Static storage. */
const char *drop_name(enum drop_reason reason);

/* The sentence, for people. Static storage. */
const char *drop_sentence(enum drop_reason reason);

#endif
