/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hairpin: queue pairs between two devices that no program polls. In a switch made of software
 * there is nothing to set up: what a rule sends to a hairpin queue leaves by the peer's port. So
 * the driver remembers who is paired with whom, and the switch's side asks net_softdpu_hairpin().
 */
#include "net_softdpu_int.h"

#define HAIRPIN_DESCRIPTORS 8192

int softdpu_hairpin_cap_get(struct rte_eth_dev *eth, struct rte_eth_hairpin_cap *cap)
{
	*cap = (struct rte_eth_hairpin_cap){
		.max_nb_queues = softdpu_within(net_softdpu_card()->limits.hairpin_queues, NET_SOFTDPU_QUEUES),
		.max_rx_2_tx = 1,
		.max_tx_2_rx = 1,
		.max_nb_desc = HAIRPIN_DESCRIPTORS};
	return 0;
}

static struct queue *make(
	struct rte_eth_dev *eth, uint16_t q, const struct rte_eth_hairpin_conf *conf)
{
	struct queue *queue =
		conf->peer_count == 1 ? softdpu_queue_create(softdpu_dev(eth), q, 0) : NULL;

	if (queue)
		queue->hairpin = (struct hairpin){true, conf->peers[0].port, conf->peers[0].queue};
	return queue;
}

int softdpu_rx_hairpin_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc,
	const struct rte_eth_hairpin_conf *conf)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	softdpu_rx_queue_release(eth, q);
	eth->data->rx_queues[q] = dev->rxq[q] = make(eth, q, conf);
	return dev->rxq[q] ? 0 : -EINVAL;
}

int softdpu_tx_hairpin_setup(struct rte_eth_dev *eth, uint16_t q, uint16_t n_desc,
	const struct rte_eth_hairpin_conf *conf)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);

	softdpu_tx_queue_release(eth, q);
	eth->data->tx_queues[q] = dev->txq[q] = make(eth, q, conf);
	return dev->txq[q] ? 0 : -EINVAL;
}

/* Manual binding asks for no more than that the peer exists and is one of ours. */
int softdpu_hairpin_bind(struct rte_eth_dev *eth, uint16_t rx_port)
{
	return rx_port == RTE_MAX_ETHPORTS || net_softdpu_by_ethdev(rx_port) ? 0 : -ENODEV;
}

int softdpu_hairpin_unbind(struct rte_eth_dev *eth, uint16_t rx_port)
{
	return softdpu_hairpin_bind(eth, rx_port);
}

static bool listed(const uint16_t *peers, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i] == port)
			return true;
	return false;
}

/* direction: 1 = we transmit, peers receive; 0 the other way. Each peer port once. */
int softdpu_hairpin_peers(struct rte_eth_dev *eth, uint16_t *peers, size_t len, uint32_t direction)
{
	struct net_softdpu_dev *dev = softdpu_dev(eth);
	struct queue **queues = direction ? dev->txq : dev->rxq;
	size_t n = 0;

	for (unsigned i = 0; i < NET_SOFTDPU_QUEUES; i++) {
		if (!queues[i] || !queues[i]->hairpin.on ||
			listed(peers, n, queues[i]->hairpin.peer_port))
			continue;
		if (n == len)
			return -ENOSPC;
		peers[n++] = queues[i]->hairpin.peer_port;
	}
	return (int)n;
}

bool net_softdpu_hairpin(const struct net_softdpu_dev *dev, unsigned queue, uint16_t *peer_ethdev)
{
	const struct queue *q = queue < NET_SOFTDPU_QUEUES ? dev->rxq[queue] : NULL;

	if (!q || !q->hairpin.on)
		return false;
	*peer_ethdev = q->hairpin.peer_port;
	return true;
}
