/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach: what the far end of a port is. Data only; room port opens it (port/port.h tells what
 * each kind does). In a profile it is the one key of a port that names a kind:
 *
 *   tap:        {netns: client, ifname: eth0}          TAP made by us, moved into the namespace
 *   packet:     {netns: node1, ifname: eth0}           AF_PACKET on an interface that exists
 *   xdp:        {ifname: eth0}                         AF_XDP on it (DPDK's net_af_xdp)
 *   dpdk:       {devargs: "net_pcap0,iface=eth0"}      any DPDK device, PCI addresses too
 *   vhost_user: {path: /run/vm0.sock, server: true}    a VM (DPDK's net_vhost)
 *   memif:      {path: /run/memif.sock, server: true}  another process (DPDK's net_memif)
 *   pcap:       {path: in.pcap, peer: out.pcap}        read one, write the other; either may lack
 *   dgram:      {path: my.sock, peer: its.sock}        one frame per UNIX datagram; needs no root
 *   pair:       {peer: pf0vf1}                         in memory, to another port of the process
 *   mem:        {flows: 1000, size: 60}                endless source and sink, for benches
 *   generator:  {src: 10.0.0.1, dst: 10.0.0.2, ...}    frames at a rate
 *   null:       {}                                     nothing comes, everything is swallowed
 *
 * netns is a name under /run/netns, a path (has a '/'), or a pid ("pid:812"); absent means the
 * process' own. Strings are borrowed from the card, or literals in tests. Zero is a valid null.
 */
#ifndef CARD_ATTACH_H
#define CARD_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

enum card_attach_kind {
	CARD_ATTACH_NULL,
	CARD_ATTACH_TAP,
	CARD_ATTACH_PACKET,
	CARD_ATTACH_XDP,
	CARD_ATTACH_DPDK,
	CARD_ATTACH_VHOST_USER,
	CARD_ATTACH_MEMIF,
	CARD_ATTACH_PCAP,
	CARD_ATTACH_DGRAM,
	CARD_ATTACH_PAIR,
	CARD_ATTACH_MEM,
	CARD_ATTACH_GENERATOR,
	CARD_ATTACH_KINDS,
};

/* The frames of `mem` and `generator`: `flows` templates that differ in addresses and ports. */
struct card_frames {
	uint32_t flows; /* default 1; flow i adds i to the source port, then the source address */
	uint32_t size;  /* bytes without FCS, the tunnel not counted; default 60 */
	bool imix;      /* instead of one size: of twelve flows 7 of 60, 4 of 590 and 1 of 1514 bytes */
	bool scatter;   /* flow i: 16 bits of each address and both ports by a hash of i, not by counting */
	bool fan_out;   /* after 60,000 source ports the next destination address, not source */
	bool replies;   /* the answers to these flows: source and destination change places */
	uint32_t vni;   /* not 0: in VXLAN, between 192.168.1.102 and .101 */
	uint64_t rate;  /* generator: frames per second; 0 = as fast as it is asked */
	uint64_t count; /* generator: stop after so many; 0 = never */
	uint8_t family; /* 4 (default) or 6 */
	uint8_t proto;  /* 6 (TCP, default for mem), 17 (UDP); 0 = TCP and UDP by turns */
	uint16_t sport, dport;    /* host order; default 1024 and 80 */
	uint8_t src[16], dst[16]; /* default 10.0.0.1 and 10.255.0.1 */
	uint8_t src_mac[6], dst_mac[6];
};

struct card_attach {
	enum card_attach_kind kind;
	const char *netns;   /* tap, packet, xdp; NULL = own */
	const char *ifname;  /* tap, packet, xdp */
	const char *devargs; /* dpdk; appended to the made ones for xdp, vhost_user, memif, pcap */
	const char *path;    /* vhost_user, memif, dgram: socket; pcap: file read */
	const char *peer;    /* dgram: socket sent to; pcap: file written; pair: the other port */
	bool server;         /* vhost_user, memif: we listen */
	uint16_t queues;     /* vhost_user, packet, tap: queue pairs wanted; 0 = 1 */
	struct card_frames frames;
};

const char *card_attach_name(enum card_attach_kind kind);

#endif
