/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture: workers copy packets into buffers taken from a ring of free ones and put them on a ring of
 * full ones; the reader returns each when it asks for the next. Nothing is allocated after start; when no
 * buffer is free the packet is counted lost, the traffic does not wait.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/refuse.h"
#include "eswitch/eswitch_int.h"

#define SLOTS_MAX 65536
#define SNAPLEN_MAX 65600

struct esw_capture {
	struct esw *esw;
	unsigned which;
	uint16_t port;
	unsigned where;
	uint32_t snaplen;
	struct rte_ring *spare, *full;
	struct esw_captured *out; /* lent to the reader */
	uint8_t *memory;
	atomic_ulong lost;
	bool on;
};

void esw_capture_put(struct esw_slot *s, unsigned which, struct rte_mbuf *m, uint16_t port, unsigned where,
	enum drop_reason reason)
{
	struct esw_capture *cap = s->esw->capture[which];
	struct esw_captured *c;
	struct timespec ts;
	const void *bytes;
	uint8_t *to;

	if (rte_ring_mc_dequeue(cap->spare, (void **)&c)) {
		atomic_fetch_add_explicit(&cap->lost, 1, memory_order_relaxed);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	c->wall_ns = (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
	c->port = port;
	c->where = where;
	c->reason = reason;
	c->length = m->pkt_len;
	c->captured = MIN_OF(m->pkt_len, cap->snaplen);
	to = c->bytes;
	bytes = rte_pktmbuf_read(m, 0, c->captured, to);
	if (bytes && bytes != to)
		memcpy(to, bytes, c->captured);
	rte_ring_mp_enqueue(cap->full, c);
}

static void mark(struct esw *esw, const struct esw_capture *cap, bool on)
{
	uint8_t bit = 1u << cap->which;

	for (unsigned w = 0; w < esw->nr_workers; w++) {
		struct esw_slot *s = esw->slot[w];

		for (unsigned p = 0; p < ESW_PORTS_MAX; p++) {
			struct esw_link *l = s->link[p];

			if (!l || (cap->port != FLOW_PORT_NONE && cap->port != p))
				continue;
			l->capture_rx = (l->capture_rx & ~bit) | (on && cap->where & ESW_CAPTURE_RX ? bit : 0);
			l->capture_tx = (l->capture_tx & ~bit) | (on && cap->where & ESW_CAPTURE_TX ? bit : 0);
		}
		s->capture_drop = (s->capture_drop & ~bit) | (on && cap->where & ESW_CAPTURE_DROP ? bit : 0);
	}
}

static void switch_on(void *arg)
{
	struct esw_capture *cap = arg;

	for (cap->which = 0; cap->which < ESW_CAPTURES_MAX && cap->esw->capture[cap->which];)
		cap->which++;
	if (cap->which == ESW_CAPTURES_MAX)
		return;
	cap->esw->capture[cap->which] = cap;
	cap->on = true;
	mark(cap->esw, cap, true);
}

static void switch_off(void *arg)
{
	struct esw_capture *cap = arg;

	mark(cap->esw, cap, false);
	cap->esw->capture[cap->which] = NULL;
	cap->on = false;
}

static struct rte_ring *ring_create(unsigned slots)
{
	ssize_t size = rte_ring_get_memsize(slots);
	struct rte_ring *ring = size > 0 ? aligned_alloc(64, ((size_t)size + 63) & ~(size_t)63) : NULL;

	if (ring && rte_ring_init(ring, "capture", slots, 0)) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

static void capture_free(struct esw_capture *cap)
{
	free(cap->spare);
	free(cap->full);
	free(cap->memory);
	free(cap);
}

static unsigned round_up(unsigned slots)
{
	unsigned n = 2;

	while (n < slots)
		n *= 2;
	return n;
}

int esw_capture_start(struct esw *esw, uint16_t port, unsigned where, unsigned snaplen, unsigned slots,
	struct esw_capture **out)
{
	struct esw_capture *cap;
	size_t each;

	if (port != FLOW_PORT_NONE && !esw_port(esw, port))
		return refuse(ENOENT, "capture: no port %u", port);
	if (!slots || slots > SLOTS_MAX || !snaplen || snaplen > SNAPLEN_MAX)
		return refuse(EINVAL, "capture: %u slots of %u bytes, limits are 1 to %u and 1 to %u", slots, snaplen,
			SLOTS_MAX, SNAPLEN_MAX);
	cap = calloc(1, sizeof(*cap));
	if (!cap)
		return refuse(ENOMEM, "capture: no memory");
	*cap = (struct esw_capture){.esw = esw, .port = port, .where = where, .snaplen = snaplen};
	each = (sizeof(struct esw_captured) + snaplen + 63) & ~(size_t)63;
	/* a ring holds one less than its size */
	cap->spare = ring_create(round_up(slots + 1));
	cap->full = ring_create(round_up(slots + 1));
	cap->memory = malloc(each * slots);
	if (!cap->spare || !cap->full || !cap->memory) {
		capture_free(cap);
		return refuse(ENOMEM, "capture: no memory for %u packets of %u bytes", slots, snaplen);
	}
	for (unsigned i = 0; i < slots; i++)
		rte_ring_sp_enqueue(cap->spare, cap->memory + i * each);
	esw_paused(esw, switch_on, cap);
	if (!cap->on) {
		capture_free(cap);
		return refuse(EBUSY, "capture: %u captures run already, that is the limit", ESW_CAPTURES_MAX);
	}
	*out = cap;
	return 0;
}

const struct esw_captured *esw_capture_next(struct esw_capture *cap)
{
	if (cap->out)
		rte_ring_mp_enqueue(cap->spare, cap->out);
	cap->out = NULL;
	if (rte_ring_sc_dequeue(cap->full, (void **)&cap->out))
		return NULL;
	return cap->out;
}

uint64_t esw_capture_lost(const struct esw_capture *cap)
{
	return atomic_load(&cap->lost);
}

void esw_capture_stop(struct esw_capture *cap)
{
	if (!cap)
		return;
	if (cap->on)
		esw_paused(cap->esw, switch_off, cap);
	capture_free(cap);
}

void esw_capture_detach_all(struct esw *esw)
{
	for (unsigned i = 0; i < ESW_CAPTURES_MAX; i++)
		if (esw->capture[i])
			switch_off(esw->capture[i]);
}
