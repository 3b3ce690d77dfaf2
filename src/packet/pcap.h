/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcap: packets into a classic capture file (nanosecond variant, link type Ethernet), readable by
 * tcpdump and wireshark. Single writer. A write is a system call: never in the burst path (room
 * eswitch copies what it captures and a slower thread writes).
 */
#ifndef PACKET_PCAP_H
#define PACKET_PCAP_H

#include "packet/packet.h"

struct pkt_pcap;

/* Create (truncate) path; "-" is standard output. snaplen 0 = whole packets. 0/-errno with
 * refuse(). The caller closes. */
int pkt_pcap_open(struct pkt_pcap **out, const char *path, uint32_t snaplen);

/* Append one packet; time in nanoseconds since 1970 (CLOCK_REALTIME). A packet whose L4 checksum is
 * still to be done is written as it is. 0/-errno. */
int pkt_pcap_write(struct pkt_pcap *pc, const struct rte_mbuf *m, uint64_t time_ns);

/* Push buffered records to the file. */
int pkt_pcap_flush(struct pkt_pcap *pc);

/* Flush and close. Returns the first write error, if any. */
int pkt_pcap_close(struct pkt_pcap *pc);

#endif
