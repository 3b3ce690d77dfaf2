/* SPDX-License-Identifier: BSD-3-Clause */
/* stats: per-slot tallies summed on read, less a baseline; workers never reset anything. */
#include <string.h>

#include "base/refuse.h"
#include "eswitch/eswitch_int.h"

#define TALLY_WORDS (sizeof(struct esw_tally) / sizeof(uint64_t))
static_assert(sizeof(struct esw_tally) % sizeof(uint64_t) == 0, "a tally is an array of counters");

static void add(struct esw_tally *sum, const struct esw_tally *t, uint64_t sign)
{
	uint64_t *a = (uint64_t *)sum;
	const uint64_t *b = (const uint64_t *)t;

	for (size_t i = 0; i < TALLY_WORDS; i++)
		a[i] += sign * __atomic_load_n(&b[i], __ATOMIC_RELAXED);
}

void esw_tally_port(struct esw *esw, uint16_t port, struct esw_tally *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned w = 0; w < esw->nr_workers; w++)
		if (esw->slot[w]->link[port])
			add(sum, &esw->slot[w]->link[port]->tally, 1);
}

void esw_tally_add(struct esw_tally *sum, const struct esw_tally *t)
{
	add(sum, t, 1);
}

static void since_reset(struct esw *esw, uint16_t port, struct esw_tally *sum)
{
	esw_tally_port(esw, port, sum);
	add(sum, &esw->baseline[port], -1ull);
}

static void whole(struct esw *esw, struct esw_tally *sum)
{
	struct esw_tally one;

	memset(sum, 0, sizeof(*sum));
	add(sum, &esw->gone, 1);
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		if (!esw->port[p])
			continue;
		since_reset(esw, p, &one);
		add(sum, &one, 1);
	}
}

void esw_stats(struct esw *esw, uint16_t port, struct esw_counts *counts)
{
	struct esw_tally sum;

	memset(counts, 0, sizeof(*counts));
	if (port == FLOW_PORT_NONE)
		whole(esw, &sum);
	else if (port < ESW_PORTS_MAX && esw->port[port])
		since_reset(esw, port, &sum);
	else
		return;
	*counts = sum.in;
	for (unsigned w = 0; port == FLOW_PORT_NONE && w < esw->nr_workers; w++)
		counts->sleeps += esw->slot[w]->sleeps;
}

void esw_stats_egress(struct esw *esw, uint16_t port, uint64_t *packets, uint64_t *bytes)
{
	struct esw_tally sum;

	memset(&sum, 0, sizeof(sum));
	if (port < ESW_PORTS_MAX && esw->port[port])
		since_reset(esw, port, &sum);
	*packets = sum.out_packets;
	*bytes = sum.out_bytes;
}

void esw_stats_reset(struct esw *esw)
{
	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		if (!esw->port[p])
			continue;
		esw_tally_port(esw, p, &esw->baseline[p]);
		/* what is queued now will still leave: it is not part of the past */
		esw->baseline[p].in.rx -= esw->baseline[p].in.queued;
		esw->baseline[p].in.queued = 0;
	}
	memset(&esw->gone, 0, sizeof(esw->gone));
}

static int check(const char *who, const struct esw_counts *c)
{
	uint64_t dropped = 0, in = c->rx + c->generated + c->copies, out;

	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		dropped += c->drops[i];
	out = c->tx + dropped + c->consumed + c->queued;
	if (in == out)
		return 0;
	return refuse(EPROTO,
		"%s: rx %lu + generated %lu + copies %lu = %lu, but tx %lu + drops %lu + consumed %lu + queued %lu = %lu",
		who, c->rx, c->generated, c->copies, in, c->tx, dropped, c->consumed, c->queued, out);
}

int esw_stats_check(struct esw *esw)
{
	struct esw_counts counts;

	for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
		int err;

		if (!esw->port[p])
			continue;
		esw_stats(esw, p, &counts);
		err = check(esw->port[p]->name, &counts);
		if (err)
			return err;
	}
	esw_stats(esw, FLOW_PORT_NONE, &counts);
	return check(esw->name, &counts);
}

void esw_latency(struct esw *esw, struct hist *first, struct hist *later)
{
	for (unsigned w = 0; w < esw->nr_workers; w++) {
		if (first)
			hist_merge(first, esw->slot[w]->first);
		if (later)
			hist_merge(later, esw->slot[w]->later);
	}
}
