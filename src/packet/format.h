/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format: a packet as text, for drops, trace and capture. Works on any bytes: parses for itself,
 * prints what can be printed of a broken packet and says why it is broken. Never changes the
 * packet.
 *
 * Both write at most size bytes with the final NUL and return the length the whole text has (as
 * snprintf does). The line form has no newline; each line of the tree form ends with one.
 */
#ifndef PACKET_FORMAT_H
#define PACKET_FORMAT_H

#include "packet/packet.h"

/* "02:..:01 > 02:..:02 vlan 5 10.0.0.1:1234 > 10.0.0.2:80 tcp S seq 1 win 65535 len 0" */
size_t pkt_format_line(const struct rte_mbuf *m, char *buf, size_t size);

/* One line per header with its fields and offset, indented by depth. */
size_t pkt_format_tree(const struct rte_mbuf *m, char *buf, size_t size);

/* Hex dump of at most limit bytes, 16 per line, with offsets. */
size_t pkt_format_hex(const struct rte_mbuf *m, uint32_t limit, char *buf, size_t size);

#endif
