/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shape: how the packets of a bench's source arrive, and what its sink learns from them. Used by bench-esw and by
 * the peers' device (peers/source.c), so that both sides of a row meet the same traffic.
 *
 *   rate    packets arrive by the clock, whoever is slow: what is not fetched waits in a ring of SHAPE_RING, what
 *           finds it full is lost. Each carries the time of its arrival in its last 8 bytes (UDP, 60 bytes and more:
 *           payload), which the sink takes the latency from. An open loop: a stall of the switch delays all that arrive in
 *           it. The clock is that of the thread which polls source and sink and stands still while it does not run,
 *           or the latencies of a machine that others use too would be those of its scheduler.
 *   fresh   so many of 100 packets, evenly spread, are the first of a flow of their own: another destination and
 *           source port than any standing flow. UDP over IPv4 without checksum.
 *
 * One thread per struct; source and sink of one switch on one thread.
 */
#ifndef BENCH_SHAPE_H
#define BENCH_SHAPE_H

#include "base/hist.h"
#include "port/port.h"

#define SHAPE_RING 4096
#define SHAPE_FRESH_ADDRS 64u    /* destinations: the source's first address + 256 and following */
#define SHAPE_FRESH_PORTS 60000u /* source ports, from 1024 */

struct shape {
	double rate;    /* packets per second; 0 = as many as are asked for */
	uint32_t fresh; /* percent */
	/* ---- its own ---- */
	uint64_t start_tsc, arrived, lost;
	double cycles_each, per_cycle; /* from the rate */
	uint32_t tick, next_fresh;
};

/* A burst of port_rx, shaped. */
uint16_t shape_rx(struct shape *shape, struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n);
/* At the sink of a source with a rate: nanoseconds since each packet's arrival. */
void shape_latency(struct hist *hist, struct rte_mbuf **pkts, uint16_t n);

#endif
