/* SPDX-License-Identifier: BSD-3-Clause */
#include "shape.h"

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <string.h>
#include <time.h>

#define ETH 14
#define LOOK_AGAIN_US 1000 /* at the thread's processor time */
#define GAP_US 20          /* between two looks at the clock: was the thread running? */

/* ---- time in which this thread ran ---- */

static _Thread_local struct {
	uint64_t last;           /* look at the clock */
	uint64_t tsc, cpu;       /* both clocks, when the second was last looked at; in TSC cycles */
	uint64_t away;           /* cycles it did not run */
	uint64_t gap, look_again; /* the limits above, in cycles; 0 before the first look */
} running;

static uint64_t thread_cycles(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)(((double)ts.tv_sec + (double)ts.tv_nsec * 1e-9) * (double)rte_get_tsc_hz());
}

/* Between the last look and now it may have been away. Not for longer than that: over all the time since the clocks were
 * compared they drift apart by themselves. */
static void look_at_thread(uint64_t now)
{
	uint64_t cpu = thread_cycles(), passed = now - running.tsc, ran = cpu - running.cpu;

	if (running.tsc && passed > ran)
		running.away += MIN_OF(passed - ran, now - running.last);
	running.tsc = now;
	running.cpu = cpu;
	running.gap = GAP_US * (rte_get_tsc_hz() / 1000000);
	running.look_again = LOOK_AGAIN_US * (rte_get_tsc_hz() / 1000000);
}

/* Never goes back. */
static uint64_t running_tsc(void)
{
	uint64_t now = rte_rdtsc();

	if (unlikely(now - running.last > running.gap || now - running.tsc > running.look_again))
		look_at_thread(now);
	running.last = now;
	return now - running.away;
}

/* ---- arrivals ---- */

/* When packet number n arrives. */
static uint64_t arrival(const struct shape *s, uint64_t n)
{
	return s->start_tsc + (uint64_t)((double)n * s->cycles_each);
}

/* How many wait by now, at most n. */
static uint16_t waiting(struct shape *s, uint16_t n)
{
	uint64_t now = running_tsc(), all;

	if (!s->start_tsc) {
		s->start_tsc = now;
		s->cycles_each = (double)rte_get_tsc_hz() / s->rate;
		s->per_cycle = 1 / s->cycles_each;
	}
	all = (uint64_t)((double)(now - s->start_tsc) * s->per_cycle);
	if (all <= s->arrived)
		return 0;
	if (all > s->arrived + SHAPE_RING) {
		s->lost += all - SHAPE_RING - s->arrived;
		s->arrived = all - SHAPE_RING;
	}
	return (uint16_t)MIN_OF(all - s->arrived, (uint64_t)n);
}

static uint8_t *stamp_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len - sizeof(uint64_t));
}

static void stamp(struct shape *s, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		uint64_t at = arrival(s, s->arrived++);

		memcpy(stamp_of(pkts[i]), &at, sizeof(at));
	}
}

static void make_fresh(struct shape *s, struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, ETH);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);
	uint8_t *dst = (uint8_t *)&ip->dst_addr;
	uint32_t n = s->next_fresh++;

	dst[2] += 1;
	dst[3] = (uint8_t)(n / SHAPE_FRESH_PORTS % SHAPE_FRESH_ADDRS);
	udp->src_port = rte_cpu_to_be_16((uint16_t)(1024 + n % SHAPE_FRESH_PORTS));
	udp->dgram_cksum = 0;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
}

static void freshen(struct shape *s, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		s->tick += s->fresh;
		if (s->tick < 100)
			continue;
		s->tick -= 100;
		make_fresh(s, pkts[i]);
	}
}

uint16_t shape_rx(struct shape *s, struct port *port, unsigned queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (s->rate > 0)
		n = waiting(s, n);
	n = port_rx(port, queue, pkts, n);
	if (s->rate > 0)
		stamp(s, pkts, n);
	if (s->fresh)
		freshen(s, pkts, n);
	return n;
}

void shape_latency(struct hist *hist, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t now = running_tsc(), at;
	double ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();

	for (uint16_t i = 0; i < n; i++) {
		memcpy(&at, stamp_of(pkts[i]), sizeof(at));
		hist_record(hist, (uint64_t)((double)(now - at) * ns_per_cycle));
	}
}
