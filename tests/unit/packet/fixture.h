/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fixture: packets for tests of any room (meson: packet_fixture_dep).
 *
 *	test_eal_init();                              // once per process; no hugepages, no PCI, no
 *files m = test_packet(test_pool(), "eth vlan:5 ip4:10.0.0.1>10.0.0.2 tcp:1000>80,fl=S,mss=1460
 *data:20"); assert_null(test_bad_sum(m));                 // which checksum is wrong, by byte-wise
 *sums
 *
 * This file knows nothing of src/packet: it is the naive twin that the room is compared with.
 *
 * A spec is a list of headers, outermost first; each is NAME[:ARG,ARG...]. Lengths, next-protocol
 * fields and checksums are filled in at the end. Headers and their arguments (defaults in
 *brackets):
 *
 *   eth      s=N d=N           MAC 02:00:00:00:00:N [1, 2]; type=0xNNNN forces the ethertype
 *   vlan     TCI               tpid=0x88a8 [0x8100]
 *   arp      op=1, s=IP, t=IP, sm=N, tm=N
 *   ip4      SRC>DST           ttl= [64] tos= id= df mf off= (8-byte units) opt=BYTES proto= badsum
 *len= ip6      SRC>DST           hl= [64] tc= fl= len= hbh dopt BYTES             options, BYTES of
 *them besides the first 2 (rounded to 8n+6) rt       LEFT              routing header type 0 with
 *one address frag     off= mf id= ah                         authentication header with a 12-byte
 *ICV tcp      SPORT>DPORT       fl=SAFRPUEC [A] seq= ack= win= [1000] mss= opt=BYTES (NOPs) badsum
 *   udp      SPORT>DPORT       nosum badsum len=
 *   icmp     TYPE,CODE         id= seq= badsum      (icmp6 likewise)
 *   sctp     SPORT>DPORT
 *   gre      key=N seq=N csum
 *   vxlan    VNI               gpe VNI    geneve VNI,opt=BYTES,word=LAST    gtpu TEID,psc    mpls
 *LABEL,LABEL... psp SPI  esp SPI data     BYTES             pattern bytes 0, 1, 2 ... (fill=N: all
 *N) pad      BYTES             zeros outside the IP datagram
 */
#ifndef TESTS_UNIT_PACKET_FIXTURE_H
#define TESTS_UNIT_PACKET_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define TEST_PACKET_MAX 70000

/* Start EAL for a test: --no-huge --no-pci --no-shconf --no-telemetry. Aborts on failure; a second
 * call is a no-op. */
void test_eal_init(void);

/* A pool of 4,096 mbufs with the usual 128 bytes of headroom and 2,048 of room, made on first use.
 */
struct rte_mempool *test_pool(void);

/* mbufs of test_pool() in use: 0 at the end of a test that leaks nothing. */
unsigned test_pool_in_use(void);

/* Build by spec (printf format first). Aborts on a spec it does not understand. */
size_t test_bytes(uint8_t *buf, size_t size, const char *spec, ...)
	__attribute__((format(printf, 3, 4)));
struct rte_mbuf *test_packet(struct rte_mempool *pool, const char *spec, ...)
	__attribute__((format(printf, 2, 3)));

/* An mbuf (chain, where it must) of these bytes; and one cut into segments of at most seg bytes. */
struct rte_mbuf *test_mbuf(struct rte_mempool *pool, const void *bytes, size_t len);
struct rte_mbuf *test_mbuf_split(
	struct rte_mempool *pool, const void *bytes, size_t len, size_t seg);

/* All bytes of a chain in one buffer. Returns the length. */
size_t test_copy_out(const struct rte_mbuf *m, uint8_t *buf, size_t size);

/* NULL if every checksum in the packet is right (IPv4 headers, TCP, UDP, ICMP, ICMPv6 at each
 * level, through VLAN, extension headers, VXLAN, GRE, Geneve, IP-in-IP), else the name of the first
 * wrong one, like "inner udp". Byte-wise and slow. Packets with offload flags are judged as if they
 * had none. */
const char *test_bad_sum(const struct rte_mbuf *m);
const char *test_bad_sum_bytes(const uint8_t *b, size_t len);

/* RFC 1071 sum over bytes as big-endian words, folded, not inverted. */
uint16_t test_sum(const uint8_t *b, size_t len, uint32_t start);

#endif
