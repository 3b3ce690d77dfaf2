/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * chain: the kernel writes a frame straight into mbufs. Most frames use one segment of the chain, a
 * 64 KiB super-packet all; only what was used is replaced, so a small frame costs one mbuf.
 */
#include "port/port_int.h"

#include <assert.h>

unsigned port_chain_need(struct rte_mempool *pool)
{
	unsigned room = rte_pktmbuf_data_room_size(pool);
	unsigned need = 1 + (PORT_FRAME_MAX - (room - PORT_HEADROOM) + room - 1) / room;

	return need <= PORT_CHAIN_MAX ? need : 0;
}

void port_chain_init(struct port_chain *chain, unsigned need, bool vnet)
{
	assert(need > 0 && need <= PORT_CHAIN_MAX);
	chain->need = chain->missing = need;
	chain->iov[0].iov_base = &chain->hdr;
	chain->iov[0].iov_len = vnet ? sizeof(chain->hdr) : 0;
}

int port_chain_fill(struct port_chain *chain, struct rte_mempool *pool)
{
	if (chain->missing == 0)
		return 0;
	if (rte_mempool_get_bulk(pool, (void **)chain->seg, chain->missing) < 0)
		return -ENOBUFS;
	for (unsigned i = 0; i < chain->missing; i++) {
		uint16_t skip = i ? 0 : PORT_HEADROOM;

		chain->iov[i + 1].iov_base = (char *)chain->seg[i]->buf_addr + skip;
		chain->iov[i + 1].iov_len = chain->seg[i]->buf_len - skip;
	}
	chain->missing = 0;
	return 0;
}

struct rte_mbuf *port_chain_take(struct port_chain *chain, uint32_t len)
{
	struct rte_mbuf *head = chain->seg[0], *last = NULL;
	uint32_t left = len;
	unsigned i;

	assert(len > 0 && chain->missing == 0);
	for (i = 0; left > 0; i++) {
		struct rte_mbuf *m = chain->seg[i];
		uint32_t here = MIN_OF(left, (uint32_t)chain->iov[i + 1].iov_len);

		rte_pktmbuf_reset(m);
		m->data_off = i ? 0 : PORT_HEADROOM;
		m->data_len = here;
		left -= here;
		if (last)
			last->next = m;
		last = m;
	}
	head->pkt_len = len;
	head->nb_segs = i;
	chain->missing = i;
	return head;
}

void port_chain_drop(struct port_chain *chain, struct rte_mempool *pool)
{
	if (chain->missing < chain->need)
		rte_mempool_put_bulk(
			pool, (void **)chain->seg + chain->missing, chain->need - chain->missing);
	chain->missing = chain->need;
}
